"""The batched torch decoder: all rows of a batch advance together, slot by slot, on one KV cache.

Every token is drawn from the slot's own range, so each row satisfies the schema by construction. A batch is a
function of the weights and its seed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.cache_utils import Cache, DynamicLayer

from ss_ray.codec.columns import BOS, PAD, Slot, Tokens
from ss_ray.generation.sampling import Sampling


class _RowCacheLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer in memory reserved for all slots; growing them by `torch.cat` is slower."""

    def __init__(self, num_slots: int) -> None:
        super().__init__()
        self.num_slots = num_slots
        self.length = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append (rows, heads, 1, head_dim) and return all so far, (rows, heads, length, head_dim)."""
        if not self.is_initialized:
            rows, heads, _, width = key_states.shape
            self.key_buffer = key_states.new_empty(rows, heads, self.num_slots, width)
            self.value_buffer = torch.empty_like(self.key_buffer)
            self.lazy_initialization(key_states, value_states)
        self.key_buffer[:, :, self.length] = key_states[:, :, 0]
        self.value_buffer[:, :, self.length] = value_states[:, :, 0]
        self.length += 1
        self.keys = self.key_buffer[:, :, : self.length]
        self.values = self.value_buffer[:, :, : self.length]
        return self.keys, self.values


@torch.inference_mode()
def decode_rows(
    model: LlamaForCausalLM, slots: tuple[Slot, ...], num_rows: int, sampling: Sampling, generator: torch.Generator
) -> Tokens:
    """Sample `num_rows` rows.

    Returns:
        (num_rows, slots) int32: in each slot a token of its range, or PAD where the slot is not in use.
    """
    device = model.device
    embedding = model.get_input_embeddings().weight
    tokens = torch.full((num_rows, len(slots)), PAD, dtype=torch.long, device=device)
    layers = [_RowCacheLayer(len(slots)) for _ in range(model.config.num_hidden_layers)]
    cache = Cache(layers=layers)
    last = torch.full((num_rows, 1), BOS, dtype=torch.long, device=device)
    for index, slot in enumerate(slots):
        hidden = model.model(input_ids=last, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        logits = (hidden @ embedding[slot.start : slot.stop].T).float()
        drawn = slot.start + _draw(logits, sampling, generator)
        tokens[:, index] = drawn if slot.after is None else torch.where(_in_use(tokens, slot), drawn, PAD)
        last = tokens[:, index : index + 1]
    return tokens.to(torch.int32).cpu().numpy()


def _in_use(tokens: Tensor, slot: Slot) -> Tensor:
    """(rows,) whether the slot that this one depends on opens it."""
    opener = tokens[:, slot.after]
    return (opener >= slot.opens[0]) & (opener < slot.opens[1])


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """(rows,) index drawn from each row of logits (rows, choices).

    Exponential races instead of `torch.multinomial`, which is the slower of the two on a CPU.
    """
    probabilities = torch.softmax(logits / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        probabilities = _nucleus(probabilities, sampling.top_p)
    races = torch.empty_like(probabilities).exponential_(generator=generator)
    return (probabilities / races).argmax(dim=-1)


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero all but the smallest set of most likely tokens that holds at least top_p (Holtzman et al. 2020)."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(dim=-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(outside, 0.0))
