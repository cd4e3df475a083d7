"""The batched torch decoder: all rows of a batch advance together, slot by slot, on one KV cache.

Every token is drawn from the slot's own range, so each row satisfies the schema by construction. A batch is a
function of the weights and its seed. A slot that no row of the batch uses costs nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from ss_ray.codec.columns import BOS, FREE, PAD, Slot, Tokens
from ss_ray.generation.guides import TextGuides
from ss_ray.plans.sampling import TEXT_TOP_P, Sampling
from ss_ray.training.models import CompactModel
from ss_ray.training.network import EPSILON, Block, rotate

CANDIDATES = 32
MIN_TEMPERATURE = 1e-6
"""Already the most likely token alone; nearer to 0, float32 runs out of numbers."""


class _CachedBlock:
    """A block of the network for one new position of many rows, with the keys and values of all before it.

    Weights that read the same input are joined, with the norm before them folded in.

    Args:
        block: Block whose weights are taken.
        num_rows: Rows of the batch.
        num_slots: Slots of a row.
        type_: Type of the weights; what stands between them, and attention, keeps the type of the block.
    """

    def __init__(self, block: Block, num_rows: int, num_slots: int, type_: torch.dtype) -> None:
        attention = block.self_attn
        feed_forward = block.mlp
        before_attention = block.input_layernorm.weight
        before_feed_forward = block.post_attention_layernorm.weight
        self.head_size = attention.head_size
        joined = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
        self.project = (before_attention * joined).to(type_)
        self.join = attention.o_proj.weight.to(type_)
        joined = torch.cat([feed_forward.gate_proj.weight, feed_forward.up_proj.weight])
        self.widen = (before_feed_forward * joined).to(type_)
        self.narrow = feed_forward.down_proj.weight.to(type_)
        # Slot after slot, so that a new one is one plain copy.
        self.keys = joined.new_empty(num_slots, num_rows, self.head_size)
        self.values = torch.empty_like(self.keys)
        self.length = 0

    def advance(self, hidden: Tensor, rotary: Tensor, seen: Tensor | None) -> Tensor:
        """(rows or 1, hidden_size) after the block, from before it.

        The first position is the same for every row, so that it is computed once and copied to the rows.

        Args:
            hidden: (rows or 1, hidden_size).
            rotary: (2 * head_size,) angles of the position.
            seen: (rows, positions so far) which of them each row sees; None: all.
        """
        width = hidden.shape[1]
        projected = _multiply_rows(_scale_to_unit(hidden), self.project)
        turned = rotate(projected[:, : -self.head_size].reshape(len(hidden), -1, self.head_size), rotary)
        self.keys[self.length] = turned[:, -1]
        self.values[self.length] = projected[:, -self.head_size :]
        self.length += 1

        rows = len(hidden)
        keys = self.keys[: self.length, :rows].permute(1, 2, 0)
        values = self.values[: self.length, :rows].transpose(0, 1)
        # (rows, heads, length)
        scores = torch.bmm(turned[:, :-1], keys).mul_(self.head_size**-0.5)
        if seen is not None:
            scores.masked_fill_(~seen[:, None], -torch.inf)

        attended = torch.bmm(torch.softmax(scores, dim=-1), values).view(rows, width)
        hidden = hidden + _multiply_rows(attended, self.join)
        gate, up = _multiply_rows(_scale_to_unit(hidden), self.widen).chunk(2, dim=1)
        return hidden + _multiply_rows(F.silu(gate) * up, self.narrow)


def _multiply_rows(vectors: Tensor, weight: Tensor) -> Tensor:
    """(rows, out) of the type of `vectors`, from (rows, in) and (out, in)."""
    return F.linear(vectors.to(weight.dtype), weight).to(vectors.dtype)


def _scale_to_unit(hidden: Tensor) -> Tensor:
    """Vectors (rows, hidden_size) of mean square 1."""
    return F.rms_norm(hidden, hidden.shape[1:], eps=EPSILON)


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
        self.model, self.skips_unused = model, model.config.skips_unused
        self.tokens = torch.full((num_rows, num_slots), PAD, dtype=torch.long, device=model.device)
        self.last = torch.full((1,), BOS, dtype=torch.long, device=model.device)
        self.blocks = [_CachedBlock(block, num_rows, num_slots, model.decoding_type) for block in model.model.blocks]
        # By step.
        self.seen = torch.ones((num_rows, num_slots), dtype=torch.bool, device=model.device)
        self.steps = 0

    def advance(self, index: int, used: Tensor | None) -> Tensor:
        """(rows or 1, hidden_size) what the model says of slot `index`, after the token that each row wrote last."""
        if self.skips_unused and used is not None and self.steps:
            self.seen[:, self.steps] = used

        self.steps += 1
        # The first token is the same for every row.
        is_first = len(self.last) == 1
        seen = self.seen[:, : self.steps] if self.skips_unused and not is_first else None
        network = self.model.model
        hidden: Tensor = network.embed_tokens(self.last)
        for block in self.blocks:
            hidden = block.advance(hidden, network.rotary[index], seen)
        normed: Tensor = network.norm(hidden)

        return normed

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
