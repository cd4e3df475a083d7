"""The batched torch decoder: all rows of a batch advance together, slot by slot, on one KV cache.

Every token is drawn from the slot's own range, so each row satisfies the schema by construction. A batch is a
function of the weights and its seed. A slot that no row of the batch uses costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, DynamicLayer

from ss_ray.codec.columns import BOS, FREE, PAD, Slot, Tokens
from ss_ray.generation.guides import TextGuides
from ss_ray.plans.sampling import Sampling
from ss_ray.training.models import CompactModel

CANDIDATES = 32
TEXT_TOP_P = 0.95
"""Probability of the pieces of text that are drawn from; the least likely pieces spoil a text."""
MIN_TEMPERATURE = 1e-6
"""Already the most likely token alone; nearer to 0, float32 runs out of numbers."""


class _SlotCacheLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, slot after slot in memory reserved for all, so that a new slot is one plain copy.

    The very first entry is that of BOS, which is the same for every row: it is computed once and copied to the rows.
    """

    def __init__(self, num_rows: int, num_slots: int) -> None:
        super().__init__()
        self.num_rows = num_rows
        self.num_slots = num_slots
        self.length = 0

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


def _attend_rows(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: None,
    scaling: float,
    seen: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention of one query per row over keys and values that all heads share, as two batched products.

    On a CPU, for the few dozen slots of a row, several times as fast as `scaled_dot_product_attention`.

    Args:
        module: Attention layer; transformers passes it, and it is not used.
        query: (rows, heads, 1, head_dim).
        key: (rows, 1, length, head_dim).
        value: (rows, heads, positions, width) values that all heads share.
        mask: Mask of transformers, which makes none for this kind of attention; not used.
        scaling: Factor of the scores.
        seen: (rows, length) which entries each row sees; None: all.
        kwargs: Further arguments of transformers; not used.

    Returns:
        (rows, 1, heads, head_dim), and no weights.
    """
    # (rows, heads, length)
    scores = torch.bmm(query[:, :, 0], key[:, 0].transpose(1, 2)) * scaling
    if seen is not None:
        scores = scores.masked_fill(~seen[:, None], -torch.inf)
    return torch.bmm(torch.softmax(scores, dim=-1), value[:, 0]).unsqueeze(1), None


AttentionInterface.register("slot_attention", _attend_rows)


@torch.inference_mode()
def decode_rows(
    model: CompactModel,
    slots: tuple[Slot, ...],
    num_rows: int,
    sampling: Sampling,
    generator: torch.Generator,
    given: Tokens | None = None,
) -> Tokens:
    """Sample `num_rows` rows.

    Args:
        model: Compact model of these slots.
        slots: Slots of a row, in order.
        num_rows: At least 1.
        sampling: How tokens are drawn.
        generator: Generator of the draws, on the model's device.
        given: (num_rows, slots) tokens that are not drawn, PAD included; FREE where they are.

    Returns:
        (num_rows, slots) int32: in each slot a token of its range, or PAD where the slot is not in use.
    """
    tokens, _ = _decode_slots(model, slots, num_rows, sampling, generator, given, weighs=False)
    return tokens.to(torch.int32).cpu().numpy()


@torch.inference_mode()
def decode_candidates(
    model: CompactModel,
    slots: tuple[Slot, ...],
    given: Tokens,
    sampling: Sampling,
    generator: torch.Generator,
    candidates: int = CANDIDATES,
) -> tuple[Tokens, npt.NDArray[np.float32]]:
    """Sample what is free in each row several times, and say how well each candidate fits what is given.

    Slots are written from left to right, so given tokens that follow cannot be looked at. Their likelihood is the
    candidate's weight: one drawn by these weights is conditioned on all that is given, in the limit of many candidates
    (sampling importance resampling, Rubin 1987).

    Args:
        model: Compact model of these slots.
        slots: Slots of a row, in order.
        given: (rows, slots) tokens, PAD included; FREE where they are drawn.
        sampling: How tokens are drawn.
        generator: Generator of the draws, on the model's device.
        candidates: Times that each row is written.

    Returns:
        (rows * candidates, slots) int32 tokens as of `decode_rows`, those of a row side by side, and (rows, candidates)
        log-likelihoods.
    """
    many = np.repeat(given, candidates, axis=0)
    tokens, weights = _decode_slots(model, slots, len(many), sampling, generator, many, weighs=True)
    return tokens.to(torch.int32).cpu().numpy(), weights.view(len(given), candidates).cpu().numpy()


def drawn_by(weights: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """(rows,) index drawn from each row of log-weights (rows, choices)."""
    # The Gumbel-max trick.
    return np.argmax(weights + rng.gumbel(size=weights.shape), axis=1)


@contextmanager
def _slot_attention(model: CompactModel) -> Iterator[None]:
    """The model with the decoder's attention, which is put back: it is wrong for whole sequences."""
    before = model.config._attn_implementation
    model.set_attn_implementation("slot_attention")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _decode_slots(
    model: CompactModel,
    slots: tuple[Slot, ...],
    num_rows: int,
    sampling: Sampling,
    generator: torch.Generator,
    given: Tokens | None,
    *,
    weighs: bool,
) -> tuple[Tensor, Tensor]:
    """(num_rows, slots) int64 tokens, and (num_rows,) log-likelihoods of the given ones where they are asked for."""
    state = _DecoderState(model, num_rows, len(slots))
    guides = TextGuides(model.texts, num_rows)
    of_texts = replace(sampling, top_p=min(sampling.top_p, TEXT_TOP_P))
    weights = torch.zeros(num_rows, device=model.device)
    if given is None:
        fixed = None
    else:
        fixed = torch.from_numpy(given).long().to(model.device)

    with _slot_attention(model):
        for index, slot in enumerate(slots):
            forced: Tensor | None
            if fixed is None:
                forced = None
            else:
                forced = fixed[:, index]

            used = _in_use(state.tokens, slot, forced)
            is_text = guides.is_text(slot)
            if state.skips_unused and used is not None and not used.any():
                continue

            hidden = state.advance(index, used)
            if forced is not None and not weighs and not (forced == FREE).any():
                # Nothing to draw.
                guides.follow(slot, state.write(index, forced, used))
                continue

            logits = model.lm_head.logits(hidden, slot.start, slot.stop).float().expand(num_rows, -1)
            if model.forest is not None:
                logits = model.forest.mix(index, logits, state.tokens)

            if weighs and forced is not None:
                weights += _log_likelihood(logits, forced, slot)

            if is_text:
                logits = guides.restrict(logits, slot, used)

            drawn = slot.start + _draw_index(logits, of_texts if is_text else sampling, generator)
            if forced is None:
                kept = drawn
            else:
                kept = torch.where(forced == FREE, drawn, forced)

            guides.follow(slot, state.write(index, kept, used))

    return state.tokens, weights


class _DecoderState:
    """The rows so far, and what the model remembers of them.

    Attributes:
        tokens: (rows, slots) int64, PAD where nothing is written yet.
    """

    def __init__(self, model: CompactModel, num_rows: int, num_slots: int) -> None:
        self.model, self.skips_unused = model, bool(getattr(model.config, "skips_unused", False))
        self.tokens = torch.full((num_rows, num_slots), PAD, dtype=torch.long, device=model.device)
        self.last = torch.full((1,), BOS, dtype=torch.long, device=model.device)
        layers = [_SlotCacheLayer(num_rows, num_slots) for _ in range(model.config.num_hidden_layers)]
        self.cache = Cache(layers=layers)
        # By step.
        self.seen = torch.ones((num_rows, num_slots), dtype=torch.bool, device=model.device)
        self.steps = 0

    def advance(self, index: int, used: Tensor | None) -> Tensor:
        """(rows or 1, hidden_size) what the model says of slot `index`, after the token that each row wrote last."""
        if self.skips_unused and used is not None and self.steps:
            self.seen[:, self.steps] = used

        self.steps += 1
        one_row = len(self.last) == 1
        hidden: Tensor = self.model.model(
            input_ids=self.last[:, None],
            position_ids=torch.full((1, 1), index, device=self.last.device),
            past_key_values=self.cache,
            use_cache=True,
            seen=self.seen[:, : self.steps] if self.skips_unused and not one_row else None,
        ).last_hidden_state[:, -1]

        return hidden

    def write(self, index: int, tokens: Tensor, used: Tensor | None) -> Tensor:
        """Fill slot `index` where it is in use; (rows,) tokens that stand in it."""
        if used is None:
            self.tokens[:, index] = tokens
        else:
            self.tokens[:, index] = torch.where(used, tokens, PAD)

        written = self.tokens[:, index]
        if used is None or not self.skips_unused:
            self.last = written
        else:
            self.last = torch.where(used, written, self.last)

        return written


def _in_use(tokens: Tensor, slot: Slot, forced: Tensor | None) -> Tensor | None:
    """(rows,) whether the slot that this one depends on opens it, and it is not given as unused; None: always."""
    used: Tensor | None = None
    if slot.after is not None:
        opener = tokens[:, slot.after]
        used = (opener >= slot.opens[0]) & (opener < slot.opens[1])

    if forced is None or not (forced == PAD).any():
        return used

    wanted: Tensor = forced != PAD
    if used is None:
        return wanted

    return used & wanted


def _log_likelihood(logits: Tensor, forced: Tensor, slot: Slot) -> Tensor:
    """(rows,) log-probability of each row's given token; 0 where it is drawn or not in use."""
    counts = forced >= slot.start
    index = torch.where(counts, forced - slot.start, 0)
    nats = torch.log_softmax(logits, dim=-1).gather(1, index[:, None]).squeeze(1)
    return torch.where(counts, nats, 0.0)


def _draw_index(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """(rows,) index drawn from each row of logits (rows, choices), by inverting the cumulative distribution.

    One random number a row; `torch.multinomial` and exponential races need one for each choice.
    """
    # So that no temperature makes two of them infinite.
    logits = logits - logits.amax(dim=-1, keepdim=True)
    probabilities = torch.softmax(logits / max(sampling.temperature, MIN_TEMPERATURE), dim=-1)
    if sampling.top_p < 1:
        probabilities = _keep_nucleus(probabilities, sampling.top_p)

    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1:]
    point = torch.rand((len(logits), 1), generator=generator, device=logits.device) * total
    # Rounding may bring it to the end.
    point = torch.minimum(point, torch.nextafter(total, torch.zeros_like(total)))

    # right: never a choice of probability 0.
    return torch.searchsorted(cumulative, point, right=True).squeeze(-1)


def _keep_nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero all but the smallest set of most likely tokens that holds at least top_p (Holtzman et al. 2020)."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(dim=-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, order, ordered.masked_fill(outside, 0.0))
