"""The batched torch decoder: all rows of a batch advance together, slot by slot, on one KV cache.

Every token is drawn from the slot's own range, so each row satisfies the schema by construction. A batch is a
function of the weights and its seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, DynamicLayer

from ss_ray.codec.columns import BOS, PAD, Slot, Tokens
from ss_ray.generation.sampling import Sampling
from ss_ray.training.models import CompactModel

MIN_TEMPERATURE = 1e-6
"""Already the most likely token alone; nearer to 0, float32 runs out of numbers."""


class _SlotCacheLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, slot after slot in memory reserved for all, so that a new slot is one plain copy.

    The very first entry is that of BOS, which is the same for every row: it is computed once and copied to the rows.
    """

    def __init__(self, num_rows: int, num_slots: int) -> None:
        super().__init__()
        self.num_rows, self.num_slots, self.length = num_rows, num_slots, 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append (rows or 1, heads, 1, head_dim); all so far as (rows, heads, length, head_dim)."""
        if not self.is_initialized:
            _, heads, _, width = key_states.shape
            self.key_buffer = key_states.new_empty(self.num_slots, self.num_rows, heads, width)
            self.value_buffer = torch.empty_like(self.key_buffer)
            self.lazy_initialization(key_states, value_states)
        self.key_buffer[self.length] = key_states[:, :, 0]
        self.value_buffer[self.length] = value_states[:, :, 0]
        self.length += 1
        rows = len(key_states)
        self.keys = self.key_buffer[: self.length, :rows].permute(1, 2, 0, 3)
        self.values = self.value_buffer[: self.length, :rows].permute(1, 2, 0, 3)
        return self.keys, self.values


def _attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: None, scaling: float, **kwargs: Any
) -> tuple[Tensor, None]:
    """Attention of one query per row over keys and values that all heads share, as two batched products.

    On a CPU, for the few dozen slots of a row, several times as fast as `scaled_dot_product_attention`.

    Args:
        module: Not used.
        query: (rows, heads, 1, head_dim).
        key: (rows, 1, length, head_dim).
        value: Likewise.
        mask: Not used: every slot so far is seen.
        scaling: Of the scores.
        kwargs: Not used.

    Returns:
        (rows, 1, heads, head_dim), and no weights.
    """
    scores = torch.bmm(query[:, :, 0], key[:, 0].transpose(1, 2)) * scaling  # (rows, heads, length)
    return torch.bmm(torch.softmax(scores, dim=-1), value[:, 0]).unsqueeze(1), None


AttentionInterface.register("slot_attention", _attend)


@torch.inference_mode()
def decode_rows(
    model: CompactModel, slots: tuple[Slot, ...], num_rows: int, sampling: Sampling, generator: torch.Generator
) -> Tokens:
    """Sample `num_rows` rows.

    Returns:
        (num_rows, slots) int32: in each slot a token of its range, or PAD where the slot is not in use.
    """
    with _attention(model, "slot_attention" if model.device.type == "cpu" else "sdpa"):
        return _decode(model, slots, num_rows, sampling, generator).to(torch.int32).cpu().numpy()


@contextmanager
def _attention(model: CompactModel, implementation: str) -> Iterator[None]:
    """The model with another attention, which is put back: that of the decoder is wrong for whole sequences."""
    before = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _decode(
    model: CompactModel, slots: tuple[Slot, ...], num_rows: int, sampling: Sampling, generator: torch.Generator
) -> Tensor:
    """(num_rows, slots) int64 tokens."""
    device = model.device
    tokens = torch.full((num_rows, len(slots)), PAD, dtype=torch.long, device=device)
    layers = [_SlotCacheLayer(num_rows, len(slots)) for _ in range(model.config.num_hidden_layers)]
    cache = Cache(layers=layers)
    last = torch.full((1, 1), BOS, dtype=torch.long, device=device)
    for index, slot in enumerate(slots):
        hidden = model.model(input_ids=last, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        logits = model.lm_head.logits(hidden, slot.start, slot.stop).float().expand(num_rows, -1)
        drawn = slot.start + _draw(logits, sampling, generator)
        tokens[:, index] = drawn if slot.after is None else torch.where(_in_use(tokens, slot), drawn, PAD)
        last = tokens[:, index : index + 1]
    return tokens


def _in_use(tokens: Tensor, slot: Slot) -> Tensor:
    """(rows,) whether the slot that this one depends on opens it."""
    opener = tokens[:, slot.after]
    return (opener >= slot.opens[0]) & (opener < slot.opens[1])


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """(rows,) index drawn from each row of logits (rows, choices), by inverting the cumulative distribution.

    One random number a row; `torch.multinomial` and exponential races need one for each choice.
    """
    logits = logits - logits.amax(dim=-1, keepdim=True)  # so that no temperature makes two of them infinite
    probabilities = torch.softmax(logits / max(sampling.temperature, MIN_TEMPERATURE), dim=-1)
    if sampling.top_p < 1:
        probabilities = _nucleus(probabilities, sampling.top_p)
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1:]
    point = torch.rand((len(logits), 1), generator=generator, device=logits.device) * total
    point = torch.minimum(point, torch.nextafter(total, torch.zeros_like(total)))  # rounding may bring it to the end
    return torch.searchsorted(cumulative, point, right=True).squeeze(-1)  # right: never a choice of probability 0


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero all but the smallest set of most likely tokens that holds at least top_p (Holtzman et al. 2020)."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(dim=-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(outside, 0.0))
