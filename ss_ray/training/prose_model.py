"""The language model that writes texts: a pretrained model of which the last blocks are trained.

The first blocks stay as they are and cost no gradients. Only pieces that texts of the table have can be written, so the
output layer has no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ss_ray.errors import ConfigError
from ss_ray.plans.prose import PRIVATE_ADAPTER, ProsePlan
from ss_ray.training.output_layer import prune_head
from ss_ray.training.precision import usual_dtype
from ss_ray.training.pretrained import add_adapter, load_plain, save_plain
from ss_ray.training.text_examples import check_independence


class ProseModel(nn.Module):
    """A pretrained model with an output layer for some tokens; it is frozen until a function below unfreezes a part.

    Args:
        base: Causal language model of transformers.
        vocabulary: (pieces,) int64 tokens that may be written.
    """

    def __init__(self, base: Any, vocabulary: Tensor) -> None:
        super().__init__()
        self.base = base
        self._dtype = base.dtype
        self._head = base.get_output_embeddings()
        base.requires_grad_(False)
        base.set_output_embeddings(prune_head(self._head, vocabulary))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.base.device
        return device

    def forward(self, tokens: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Logits at the wanted places.

        Args:
            tokens: (rows, length) int64.
            wanted: (rows, length) bool.

        Returns:
            (places, pieces) float32 logits over the vocabulary, and (places,) int64 numbers of the places in the
            flattened rows.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            hidden = self.base.get_decoder()(input_ids=tokens, use_cache=False).last_hidden_state
            places = wanted.flatten().nonzero().squeeze(1)
            logits = self.base.get_output_embeddings()(hidden.flatten(0, 1)[places])

        return logits.float(), places

    def restore_head(self) -> None:
        """Give the model its own output layer back, with every token."""
        self.base.set_output_embeddings(self._head)

    def save(self, tokenizer: Any, folder: Path) -> None:
        """Write the model as an ordinary one, which transformers and vLLM load; it is of no use afterwards."""
        self.restore_head()
        save_plain(self.base.to(self._dtype), tokenizer, folder)


def load_prose_model(name: str, vocabulary: Tensor, *, trained_blocks: int, device: torch.device) -> ProseModel:
    """A pretrained model that is ready to learn texts.

    Args:
        name: Name of a packaged model, path or hub id.
        vocabulary: (pieces,) int64 tokens that may be written.
        trained_blocks: Number of its last blocks that are trained.
        device: Place of its weights.

    Raises:
        ConfigError: The model has no blocks that could be trained.
        ResourceError: There is no such model.
    """
    model = ProseModel(load_plain(name, usual_dtype(device)).to(device), vocabulary)
    for block in find_blocks(model.base)[-trained_blocks:]:
        # Small updates of a weight in bfloat16 would be lost in rounding.
        block.float().requires_grad_(True)

    return model.train()


@dataclass(frozen=True)
class AdaptedModel:
    """A model whose last blocks have an adapter, which alone is trained.

    Attributes:
        prose: Model that is trained.
        adapter: PEFT model of the same weights.
    """

    prose: ProseModel
    adapter: Any

    def merge(self, weights: dict[str, Tensor]) -> ProseModel:
        """The model with trained weights of its adapter added to its own; the adapter is gone afterwards."""
        self.prose.load_state_dict(weights, strict=False)
        # PEFT would write that a model with another output layer is not tied to its embeddings.
        self.prose.restore_head()
        # In bfloat16 a small update would be lost in rounding twice.
        self.prose.base.float()
        self.adapter.merge_and_unload()
        return self.prose


def load_adapted_model(plan: ProsePlan, vocabulary: Tensor, *, device: torch.device) -> AdaptedModel:
    """A pretrained model that learns texts with differential privacy: few weights, so that little noise is added.

    Args:
        plan: Base model, and number of its last blocks that get an adapter.
        vocabulary: (pieces,) int64 tokens that may be written.
        device: Place of its weights.

    Raises:
        ConfigError: The model has no blocks that could be trained.
        PrivacyError: It reads a text otherwise beside a longer one, so that nobody's influence can be bounded.
        ResourceError: There is no such model.
    """
    base = load_plain(plan.base_model, usual_dtype(device)).to(device)
    # Of a made-up text it needs every token, and not only those that may be written.
    check_independence(base, length=plan.max_tokens)
    prose = ProseModel(base, vocabulary)
    number = len(find_blocks(prose.base))
    last = list(range(max(0, number - plan.trained_blocks), number))
    adapter = add_adapter(prose.base, PRIVATE_ADAPTER, plan.seed, layers_to_transform=last)
    return AdaptedModel(prose.train(), adapter)


def find_blocks(model: nn.Module) -> nn.ModuleList:
    """The decoder's blocks.

    Raises:
        ConfigError: The model has none.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise ConfigError("training.prose_model: the model has no list of blocks that could be trained")
    return max(lists, key=lambda blocks: sum(weight.numel() for weight in blocks.parameters()))
