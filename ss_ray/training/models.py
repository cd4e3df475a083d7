"""The compact model: a small Llama decoder over slot tokens, with a head that only sees a slot's own tokens.

What is ours is the head: the logits of a slot are computed over its token range alone, so no probability is spent on,
and no value can be sampled from, tokens that another column owns. They start from a fixed bias, 0 or the logarithm of
what is known of each column by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ss_ray.codec.columns import BOS, PAD, Slot
from ss_ray.codec.words import TextColumn
from ss_ray.plans.shape import CompactShape
from ss_ray.training.forest import Forest, load_forest
from ss_ray.training.network import Network, NetworkConfig, initialise, load_network_config
from ss_ray.training.precision import usual_dtype

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
UNSEEN_COUNT = 0.5
"""Occurrences that a token without any is taken to have, so that it may still be learned."""


@dataclass(frozen=True, kw_only=True)
class SlotGroup:
    """Neighbouring slots first..stop-1 that share the token range [low, high)."""

    first: int
    stop: int
    low: int
    high: int


class SlotHead(nn.Module):
    """The output layer: one matrix for all tokens, of which each slot uses the rows of its own range.

    Attributes:
        weight: (vocabulary, hidden_size) output embeddings of all tokens.
        bias: (vocabulary,), a buffer: added to the logits, never trained.
    """

    def __init__(self, hidden_size: int, vocabulary_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocabulary_size, hidden_size))
        self.register_buffer("bias", torch.zeros(vocabulary_size))
        self.bias: Tensor

    def forward(self, hidden: Tensor, groups: Sequence[SlotGroup] | None = None) -> Tensor | list[Tensor]:
        """Logits of each group, (rows, slots of the group, tokens of its range), from (rows, slots, hidden_size).

        Without groups the logits of all tokens, (rows, slots, vocabulary).
        """
        if groups is None:
            return self.logits(hidden, 0, len(self.weight))
        return [self.logits(hidden[:, group.first : group.stop], group.low, group.high) for group in groups]

    def logits(self, hidden: Tensor, low: int, high: int) -> Tensor:
        """Logits of the tokens low..high-1, (..., high - low), from (..., hidden_size)."""
        return F.linear(hidden, self.weight[low:high], self.bias[low:high])


class CompactModel(nn.Module):
    """A network with a `SlotHead`.

    Attributes:
        config: Size of the network.
        forest: Trees that correct what the network says of a slot; None without any.
        texts: Columns of free text by name, which the decoder keeps to known words.
        decoding_type: Type in which the decoder multiplies vectors by the weights of the blocks.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Network(config)
        self.lm_head = SlotHead(config.hidden_size, config.vocab_size)
        self.forest: Forest | None = None
        self.texts: Mapping[str, TextColumn] = {}
        self.decoding_type = torch.float32

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.lm_head.weight.device

    def forward(self, tokens: Tensor) -> Tensor:
        """(rows, length, vocabulary) logits of all tokens after each of (rows, length) ids."""
        logits: Tensor = self.lm_head(self.model(tokens))
        return logits

    def save(self, folder: Path) -> None:
        """Write weights and configuration, and the forest where there is one, into a folder that exists."""
        self.config.save(folder / CONFIG_FILE)
        save_file({name: tensor.contiguous() for name, tensor in self.state_dict().items()}, folder / WEIGHTS_FILE)
        if self.forest is not None:
            self.forest.save(folder)


def load_compact(folder: Path) -> CompactModel:
    """The model that was written into a folder, ready to generate, in the type that the processor multiplies fastest.

    The output weights of an earlier version are those of its input embedding, and stand there alone, without a bias.

    Raises:
        DataError: The folder holds another kind of model.
    """
    model = CompactModel(load_network_config(folder / CONFIG_FILE))
    tensors = load_file(folder / WEIGHTS_FILE)
    tensors.setdefault("lm_head.weight", tensors["model.embed_tokens.weight"])
    tensors.setdefault("lm_head.bias", model.lm_head.bias)
    model.load_state_dict(tensors)
    model.forest = load_forest(folder)
    model.decoding_type = usual_dtype(model.device)
    return model.eval()


def build_compact(
    shape: CompactShape,
    *,
    vocabulary_size: int,
    num_slots: int,
    seed: int,
    skips_unused: bool = False,
) -> CompactModel:
    """A randomly initialised model, whose first guess is the bias of its head; the same seed gives the same weights.

    Args:
        shape: Width, depth and heads of the model.
        vocabulary_size: Number of token ids.
        num_slots: Tokens of a row.
        seed: Seed of the weights.
        skips_unused: Whether slots that are not in use are left out of what the model sees, which is faster where
            they are many; otherwise it sees PAD there.
    """
    config = NetworkConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        max_position_embeddings=num_slots + 1,
        pad_token_id=PAD,
        skips_unused=skips_unused,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CompactModel(config)
        initialise(model.model)

    return model


def start_from_frequencies(model: CompactModel, arrays: Sequence[NDArray[np.int32]]) -> None:
    """Set the head's bias to the frequencies of the tokens, so that training starts from the distribution of each slot.

    A small table has too few steps to learn from nothing that a code is rare. The ranges of slots do not overlap, or
    share their tokens, so the logarithms of the counts of all tokens are right within each range.

    Args:
        model: A model that is not trained yet; changed in place.
        arrays: Token ids of all training rows, of any shapes.
    """
    counts = np.zeros(len(model.lm_head.bias))
    for array in arrays:
        counts += np.bincount(array.reshape(-1), minlength=len(counts))

    # PAD is never an answer.
    counts[PAD] = 0
    logits = np.log(counts + UNSEEN_COUNT)
    model.lm_head.bias.copy_(torch.from_numpy(logits - logits.max()))


def group_slots(slots: Sequence[Slot]) -> tuple[SlotGroup, ...]:
    """Slots joined where neighbours share a token range, so that each group needs one matrix product."""
    groups: list[SlotGroup] = []
    for index, slot in enumerate(slots):
        last = groups[-1] if groups else None
        if last and (last.low, last.high) == (slot.start, slot.stop):
            groups[-1] = SlotGroup(first=last.first, stop=index + 1, low=last.low, high=last.high)
        else:
            groups.append(SlotGroup(first=index, stop=index + 1, low=slot.start, high=slot.stop))

    return tuple(groups)


def row_losses(model: CompactModel, tokens: Tensor, groups: Sequence[SlotGroup]) -> Tensor:
    """Negative log-likelihood of each row in nats: the sum over its slots in use. A row's loss is its own alone.

    Args:
        model: Compact model that is trained.
        tokens: (rows, slots) int64; PAD where a slot is not in use.
        groups: Groups of the codec's slots that share a token range.

    Returns:
        (rows,) float32.
    """
    # A table of constants and identifiers; a worker without validation rows.
    if not groups or not len(tokens):
        return torch.zeros(len(tokens), device=tokens.device)

    hidden = _row_states(model, tokens)
    losses = tokens.new_zeros(len(tokens), dtype=torch.float32)

    for group, logits in zip(groups, model.lm_head(hidden, groups), strict=True):
        target = tokens[:, group.first : group.stop]
        target = torch.where(target == PAD, -100, target - group.low)
        loss = F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=-100, reduction="none")
        losses = losses + loss.view_as(target).sum(dim=1)

    return losses


def slot_states(model: CompactModel, tokens: Tensor) -> Tensor:
    """(rows, slots, hidden_size) what the model says of each slot from the tokens before it; 0 where it is not in use.

    Args:
        model: Compact model that is trained.
        tokens: (rows, slots) int64; PAD where a slot is not in use.
    """
    if not model.config.skips_unused:
        return _row_states(model, tokens)

    hidden, places = _used_states(model, tokens)
    states = hidden.new_zeros(*tokens.shape, hidden.shape[-1])
    return states.scatter(1, places[:, :, None].expand_as(hidden), hidden)


def _row_states(model: CompactModel, tokens: Tensor) -> Tensor:
    """(rows, slots, hidden_size) of a model that sees PAD where a slot is not in use."""
    begin = torch.full_like(tokens[:, :1], BOS)
    states: Tensor = model.model(torch.cat([begin, tokens[:, :-1]], dim=1))
    return states


def _used_states(model: CompactModel, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """States of the slots in use, (rows, longest, hidden_size), and which slot each is of, (rows, longest)."""
    used = tokens != PAD
    longest = int(used.sum(dim=1).max())
    # Slots in use, in order, then others.
    places = torch.argsort((~used).byte(), dim=1, stable=True)[:, :longest]
    begin = torch.full_like(tokens[:, :1], BOS)
    hidden: Tensor = model.model(torch.cat([begin, tokens.gather(1, places[:, :-1])], dim=1), places)
    return hidden, places


@dataclass(frozen=True, kw_only=True)
class TokenRanges:
    """The distinct token ranges of slots.

    Attributes:
        bounds: (low, high) of each range: low..high-1 may be written.
        of_slot: (slots,) int64 which range each slot has.
    """

    bounds: tuple[tuple[int, int], ...]
    of_slot: Tensor


def token_ranges(slots: Sequence[Slot]) -> TokenRanges:
    """The token ranges of slots in order."""
    numbers: dict[tuple[int, int], int] = {}
    of_slot = [numbers.setdefault((slot.start, slot.stop), len(numbers)) for slot in slots]
    return TokenRanges(bounds=tuple(numbers), of_slot=torch.tensor(of_slot, dtype=torch.long))


def ragged_losses(model: CompactModel, tokens: Tensor, targets: Tensor, ranges: TokenRanges) -> Tensor:
    """Negative log-likelihood of each example in nats, over slots in use only; the others are left out altogether.

    What stands at slot i is predicted at position i, from the tokens in use before it.

    Args:
        model: Compact model that skips unused slots.
        tokens: (examples, slots) int64; PAD where a slot is not in use.
        targets: (examples, slots) int64; the tokens that count, PAD for those that are only looked at.
        ranges: Token ranges of the slots.

    Returns:
        (examples,) float32.
    """
    losses = torch.zeros(len(tokens), device=tokens.device)
    if not (tokens != PAD).any():
        return losses

    hidden, places = _used_states(model, tokens)
    wanted = targets.gather(1, places).flatten()
    kinds = ranges.of_slot.to(tokens.device)[places].flatten()
    counted = (wanted != PAD).nonzero().squeeze(1)
    # Positions of one range side by side.
    order = counted[torch.argsort(kinds[counted], stable=True)]
    sizes = torch.bincount(kinds[order], minlength=len(ranges.bounds)).tolist()
    parts = torch.split(hidden.flatten(0, 1)[order], sizes)
    answers = torch.split(wanted[order], sizes)
    nats = [
        F.cross_entropy(model.lm_head.logits(part, low, high).float(), answer - low, reduction="none")
        for (low, high), part, answer in zip(ranges.bounds, parts, answers, strict=True)
        if len(part)
    ]
    if nats:
        return losses.index_add(0, order // places.shape[1], torch.cat(nats))

    return losses
