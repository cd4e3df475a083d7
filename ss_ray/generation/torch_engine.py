"""Completions by torch alone: batches with a KV cache, token masks by xgrammar.

Requests of a batch share their prompt, whose keys and values are computed once. A finished one leaves the batch; the
next batch starts when all have left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xgrammar
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.cache_utils import DynamicLayer

from ss_ray.errors import GenerationError
from ss_ray.generation.engine import Completion, CompletionRequest, without_half_characters
from ss_ray.plans.sampling import TextSampling

GROWTH = 128
"""Tokens that a full cache makes room for; appending to it would copy it for every token."""


class _GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, tokens, width), in memory with room for the next tokens."""

    keys: Tensor
    values: Tensor
    _buffers: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append tokens; all so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)

        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        if self._buffers is None or after > self._buffers[0].shape[-2]:
            self._buffers = (_with_room(self.keys, key_states, after), _with_room(self.values, value_states, after))

        keys, values = self._buffers
        keys[:, :, before:after] = key_states
        values[:, :, before:after] = value_states
        self.keys = keys[:, :, :after]
        self.values = values[:, :, :after]

        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row several times."""
        super().batch_repeat_interleave(repeats)
        self._buffers = None

    def batch_select_indices(self, indices: Tensor) -> None:
        """Some rows only."""
        super().batch_select_indices(indices)
        self._buffers = None


def _with_room(past: Tensor, new: Tensor, length: int) -> Tensor:
    """Memory for `length` tokens and GROWTH more, (rows, heads, tokens, width), with the past ones in their place."""
    rows, heads, _, width = new.shape
    buffer = new.new_empty(rows, heads, length + GROWTH, width)
    if past.numel():
        buffer[:, :, : past.shape[-2]] = past
    return buffer


def _empty_cache(config: Any) -> DynamicCache:
    """A cache for a model; layers of special kinds (sliding windows, recurrent ones) stay what they are."""
    cache = DynamicCache(config=config)
    cache.layers = [_GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


@dataclass(kw_only=True)
class _Row:
    """A request under way."""

    request: CompletionRequest
    rng: np.random.Generator
    matcher: xgrammar.GrammarMatcher | None
    tokens: list[int] = field(default_factory=list)


class TorchEngine:
    """A `TextEngine` on one device.

    Args:
        folder: A causal language model with its tokenizer, adapters merged.
        sampling: How tokens are drawn.
        batch_size: Completions decoded together.
        device: "cpu" (float32) or "cuda" (bfloat16).
    """

    def __init__(self, folder: Path, sampling: TextSampling, *, batch_size: int, device: str = "cpu") -> None:
        if device == "cpu":
            dtype = torch.float32
        else:
            dtype = torch.bfloat16

        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._sampling = sampling
        self._batch_size = batch_size
        self._masks = _TokenMasks(self._tokenizer, self._model.config.vocab_size)
        self._waiting: deque[CompletionRequest] = deque()
        self._rows: list[_Row] = []
        self._cache = DynamicCache()
        self._logits = torch.empty(0)
        # (rows, vocabulary) whether a token has occurred.
        self._seen = torch.empty(0)

    @property
    def num_unfinished(self) -> int:
        """Requests submitted, not finished and not cancelled."""
        return len(self._waiting) + len(self._rows)

    def submit(self, requests: Sequence[CompletionRequest]) -> None:
        """Queue requests.

        Raises:
            GenerationError: A prompt is empty, or fills the model's window.
        """
        for request in requests:
            if not request.prompt_ids or self._count_room(request) < 1:
                window = self._model.config.max_position_embeddings
                raise GenerationError(f"a prompt must have 1 to {window - 1} tokens; it has {len(request.prompt_ids)}")
        self._waiting.extend(requests)

    def cancel(self, numbers: Collection[int]) -> None:
        """Forget these requests; numbers that are not under way are ignored."""
        self._waiting = deque(request for request in self._waiting if request.number not in numbers)
        self._keep_rows([i for i, row in enumerate(self._rows) if row.request.number not in numbers])

    @torch.inference_mode()
    def step(self) -> list[Completion]:
        """Draw a token for each row of the batch; those that it finished."""
        if not self._rows:
            self._start_batch()

        if not self._rows:
            return []

        drawn = self._draw_next()
        done = [self._advance_row(row, token) for row, token in zip(self._rows, drawn.tolist(), strict=True)]
        if self._seen.numel():
            self._seen[torch.arange(len(drawn)), drawn] = True

        going = [i for i, completion in enumerate(done) if completion is None]
        self._keep_rows(going)
        if going:
            self._append_tokens(drawn[going].unsqueeze(1))

        return [completion for completion in done if completion is not None]

    def _start_batch(self) -> None:
        """A batch of the waiting requests that have the first one's prompt."""
        if self._waiting:
            prompt = self._waiting[0].prompt_ids
        else:
            prompt = ()

        batch = [request for request in self._waiting if request.prompt_ids == prompt][: self._batch_size]
        if not batch:
            return

        chosen = {request.number for request in batch}
        self._waiting = deque(request for request in self._waiting if request.number not in chosen)
        self._rows = [
            _Row(request=r, rng=np.random.default_rng(r.seed), matcher=self._masks.matcher(r.grammar)) for r in batch
        ]
        self._cache = _empty_cache(self._model.config)
        self._append_tokens(torch.tensor([prompt], device=self._model.device))
        self._cache.batch_repeat_interleave(len(batch))
        self._logits = self._logits.repeat(len(batch), 1)
        if self._sampling.repetition_penalty != 1:
            self._seen = torch.zeros_like(self._logits, dtype=torch.bool)
            self._seen[:, list(prompt)] = True

    def _append_tokens(self, tokens: Tensor) -> None:
        """Append (rows, length) tokens; the logits after the last of them."""
        output = self._model(input_ids=tokens, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self._logits = output.logits[:, -1].float()

    def _draw_next(self) -> Tensor:
        """(rows,) next tokens."""
        logits = self._masks.apply(self._logits, [row.matcher for row in self._rows])
        if self._sampling.repetition_penalty != 1:
            logits = torch.where(self._seen, _penalise_repeats(logits, self._sampling.repetition_penalty), logits)

        if self._sampling.temperature == 0:
            return logits.argmax(dim=-1)

        points = np.array([row.rng.random() for row in self._rows])
        return draw_tokens(logits, self._sampling, torch.from_numpy(points).to(logits.device))

    def _advance_row(self, row: _Row, token: int) -> Completion | None:
        """Add a token to a row; the completion if it is the last one."""
        row.tokens.append(token)
        if row.matcher is not None and not row.matcher.accept_token(token):
            raise GenerationError("the model has no token that its grammar allows; its tokenizer lacks characters")

        is_end = token == self._masks.end_token
        if not is_end and len(row.tokens) < self._count_room(row.request):
            return None

        text = self._tokenizer.decode(row.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if not is_end:
            text = without_half_characters(text)

        return Completion(number=row.request.number, text=text, num_tokens=len(row.tokens), finished=is_end)

    def _count_room(self, request: CompletionRequest) -> int:
        """Tokens that a request may have."""
        return min(request.max_tokens, self._model.config.max_position_embeddings - len(request.prompt_ids))

    def _keep_rows(self, indices: list[int]) -> None:
        """Drop the other rows from the batch."""
        if len(indices) == len(self._rows):
            return

        self._rows = [self._rows[i] for i in indices]
        self._logits = self._logits[indices]
        if self._seen.numel():
            self._seen = self._seen[indices]
        else:
            self._seen = self._seen

        if indices:
            self._cache.batch_select_indices(torch.tensor(indices, device=self._model.device))


class _TokenMasks:
    """What each grammar allows next, as bits over the vocabulary; a grammar is compiled once."""

    def __init__(self, tokenizer: Any, vocabulary_size: int) -> None:
        self.end_token = int(tokenizer.eos_token_id)
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary_size, stop_token_ids=[self.end_token]
        )
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=torch.get_num_threads())
        self._batch = xgrammar.BatchGrammarMatcher(max_threads=torch.get_num_threads())
        self._compiled: dict[str, xgrammar.CompiledGrammar] = {}

    def matcher(self, grammar: str | None) -> xgrammar.GrammarMatcher | None:
        """The state of a new completion."""
        if grammar is None:
            return None
        if grammar not in self._compiled:
            self._compiled[grammar] = self._compiler.compile_grammar(grammar)
        return xgrammar.GrammarMatcher(self._compiled[grammar])

    def apply(self, logits: Tensor, matchers: Sequence[xgrammar.GrammarMatcher | None]) -> Tensor:
        """The logits (rows, vocabulary) with minus infinity where a row's grammar does not allow a token."""
        rows = [i for i, matcher in enumerate(matchers) if matcher is not None]
        if not rows:
            return logits

        bits = xgrammar.allocate_token_bitmask(len(matchers), logits.shape[-1])
        self._batch.batch_fill_next_token_bitmask([m for m in matchers if m is not None], bits, rows)
        masked = logits.clone()
        xgrammar.apply_token_bitmask_inplace(masked, bits.to(logits.device))

        return masked


def draw_tokens(logits: Tensor, sampling: TextSampling, points: Tensor) -> Tensor:
    """(rows,) tokens, by inverting the cumulative distribution of each row of logits at a point in [0, 1).

    Args:
        logits: (rows, vocabulary), float32; minus infinity is never drawn.
        sampling: Temperature above 0, and top_p.
        points: (rows,) float64 points in [0, 1).
    """
    # subtracted, so that no temperature makes two of them infinite.
    top = logits.amax(dim=-1, keepdim=True)
    likely = torch.softmax((logits - top).double() / sampling.temperature, dim=-1)
    order = None
    if sampling.top_p < 1:
        likely, order = likely.sort(dim=-1, descending=True)
        likely = likely.masked_fill(likely.cumsum(dim=-1) - likely >= sampling.top_p, 0.0)

    cumulative = likely.cumsum(dim=-1)
    total = cumulative[:, -1:]
    point = torch.minimum(points.unsqueeze(1) * total, torch.nextafter(total, torch.zeros_like(total)))
    # right: never a token of probability 0.
    drawn = torch.searchsorted(cumulative, point, right=True)

    return (drawn if order is None else order.gather(-1, drawn)).squeeze(-1)


def _penalise_repeats(logits: Tensor, penalty: float) -> Tensor:
    """Less likely logits (Keskar et al. 2019, arXiv:1909.05858), as in transformers and vLLM."""
    return torch.where(logits > 0, logits / penalty, logits * penalty)
