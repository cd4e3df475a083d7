"""The compact model: a small Llama decoder over slot tokens, with a head that only sees a slot's own tokens.

The architecture and the checkpoint format are those of transformers (`LlamaForCausalLM`, tied embeddings). What is
ours is the output: the logits of a slot are computed over its token range alone, so no probability is spent on, and
no value can be sampled from, tokens that another column owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from ss_ray.codec.columns import BOS, PAD, Slot
from ss_ray.training.shape import CompactShape


@dataclass(frozen=True, kw_only=True)
class SlotGroup:
    """Neighbouring slots first..stop-1 that share the token range [low, high)."""

    first: int
    stop: int
    low: int
    high: int


def build_compact(shape: CompactShape, *, vocabulary_size: int, num_slots: int, seed: int) -> LlamaForCausalLM:
    """A randomly initialised model; the same seed gives the same weights."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=1,  # shared by all heads: as good on tables, and a fifth faster to decode
        max_position_embeddings=num_slots + 1,
        tie_word_embeddings=True,
        bos_token_id=BOS,
        pad_token_id=PAD,
        eos_token_id=None,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


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


def row_losses(model: LlamaForCausalLM, tokens: Tensor, groups: Sequence[SlotGroup]) -> Tensor:
    """Negative log-likelihood of each row in nats: the sum over its slots in use. A row's loss is its own alone.

    Args:
        model: Compact model.
        tokens: (rows, slots) int64; PAD where a slot is not in use.
        groups: Of the codec's slots.

    Returns:
        (rows,) float32.
    """
    if not groups or not len(tokens):  # a table of constants and identifiers; a worker without validation rows
        return torch.zeros(len(tokens), device=tokens.device)
    begin = torch.full_like(tokens[:, :1], BOS)
    hidden = model.model(input_ids=torch.cat([begin, tokens[:, :-1]], dim=1), use_cache=False).last_hidden_state
    embedding = model.get_input_embeddings().weight
    losses = tokens.new_zeros(len(tokens), dtype=torch.float32)
    for group in groups:
        target = tokens[:, group.first : group.stop]
        logits = hidden[:, group.first : group.stop] @ embedding[group.low : group.high].T  # (rows, group, range)
        target = torch.where(target == PAD, -100, target - group.low)
        loss = F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=-100, reduction="none")
        losses = losses + loss.view_as(target).sum(dim=1)
    return losses
