"""Completions by torch alone: batches with a KV cache, token masks by xgrammar.

Requests with one prompt share its keys and values, which are computed once; others are filled up at their start, where
nothing looks. A finished one leaves the batch; the next batch starts when all have left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xgrammar
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.cache_utils import DynamicLayer

from ss_ray.errors import GenerationError
from ss_ray.generation.attention import GROUPED
from ss_ray.generation.engine import Completion, CompletionRequest, without_half_characters
from ss_ray.plans.sampling import TextSampling
from ss_ray.training.output_layer import prune_head
from ss_ray.training.precision import usual_dtype

GROWTH = 128
"""Tokens that a full cache makes room for; appending to it would copy it for every token."""
SORTED_TOKENS = 4096
"""Most likely tokens that are sorted where they have top_p together: to sort 49,152 takes longer than the model."""


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


def _load_model(folder: Path, dtype: torch.dtype) -> Any:
    """A model that decodes fast, where its kind of attention is not one of its own."""
    try:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=GROUPED)
    except ValueError:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


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
        vocabulary: Tokens that may be written, ascending, of free text alone, with the fastest type of the device; None
            for all tokens.
    """

    def __init__(
        self,
        folder: Path,
        sampling: TextSampling,
        *,
        batch_size: int,
        device: str = "cpu",
        vocabulary: tuple[int, ...] | None = None,
    ) -> None:
        if vocabulary is not None:
            dtype = usual_dtype(torch.device(device))
        elif device == "cpu":
            dtype = torch.float32
        else:
            dtype = torch.bfloat16

        self._model = _load_model(folder, dtype).to(device).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._sampling = sampling
        self._batch_size = batch_size
        self._written = None if vocabulary is None else torch.tensor(vocabulary, device=device)
        if self._written is not None:
            self._model.set_output_embeddings(prune_head(self._model.get_output_embeddings(), self._written))
        self._masks = _TokenMasks(self._tokenizer, self._model.config.vocab_size)
        self._waiting: deque[CompletionRequest] = deque()
        self._rows: list[_Row] = []
        self._cache = DynamicCache()
        self._logits = torch.empty(0)
        # (rows, vocabulary) whether a token has occurred.
        self._seen = torch.empty(0)
        # (rows, tokens) 1 for each token so far and 0 for what fills a prompt up; None where nothing does.
        self._mask: Tensor | None = None

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

        places = self._draw_next()
        drawn = places if self._written is None else self._written[places]
        done = [self._advance_row(row, token) for row, token in zip(self._rows, drawn.tolist(), strict=True)]
        if self._seen.numel():
            self._seen[torch.arange(len(places)), places] = True

        going = [i for i, completion in enumerate(done) if completion is None]
        self._keep_rows(going)
        if going:
            if self._mask is not None:
                self._mask = F.pad(self._mask, (0, 1), value=1)
            self._append_tokens(drawn[going].unsqueeze(1))

        return [completion for completion in done if completion is not None]

    def _start_batch(self) -> None:
        """A batch of the waiting requests that have the first one's prompt."""
        batch = self._choose_batch()
        if not batch:
            return

        chosen = {request.number for request in batch}
        self._waiting = deque(request for request in self._waiting if request.number not in chosen)
        self._rows = [
            _Row(request=r, rng=np.random.default_rng(r.seed), matcher=self._masks.matcher(r.grammar)) for r in batch
        ]
        self._cache = _empty_cache(self._model.config)
        self._mask = None
        prompts = [request.prompt_ids for request in batch]
        if len(set(prompts)) == 1:
            self._append_tokens(torch.tensor(prompts[:1], device=self._model.device))
            self._cache.batch_repeat_interleave(len(batch))
            self._logits = self._logits.repeat(len(batch), 1)
        else:
            self._append_prompts(prompts)

        if self._sampling.repetition_penalty != 1:
            self._seen = torch.zeros_like(self._logits, dtype=torch.bool)
            for row, prompt in enumerate(prompts):
                self._seen[row, self._places_of(prompt)] = True

    def _choose_batch(self) -> list[CompletionRequest]:
        """The first requests that wait: those of the first one's prompt, or, where texts are free, of any prompt."""
        if not self._waiting:
            return []

        prompt = self._waiting[0].prompt_ids
        mixes = self._written is not None
        fitting = (request for request in self._waiting if mixes or request.prompt_ids == prompt)
        return list(islice(fitting, self._batch_size))

    def _append_prompts(self, prompts: Sequence[tuple[int, ...]]) -> None:
        """Append prompts of several lengths, each filled up at its start."""
        longest = max(map(len, prompts))
        filler = self._masks.end_token
        rows = [[filler] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        used = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        self._mask = torch.tensor(used, device=self._model.device)
        self._append_tokens(torch.tensor(rows, device=self._model.device))

    def _places_of(self, prompt: Sequence[int]) -> Tensor:
        """(tokens,) places of a prompt's tokens in the logits, without those that may not be written."""
        tokens = torch.tensor(prompt, device=self._model.device)
        if self._written is None:
            return tokens
        return torch.isin(self._written, tokens).nonzero().squeeze(1)

    def _append_tokens(self, tokens: Tensor) -> None:
        """Append (rows, length) tokens; the logits after the last of them."""
        settings: dict[str, Any] = {}
        if self._mask is not None:
            places = (self._mask.cumsum(dim=1) - 1).clamp(min=0)
            settings = {"attention_mask": self._mask, "position_ids": places[:, -tokens.shape[1] :]}

        output = self._model(
            input_ids=tokens, past_key_values=self._cache, use_cache=True, logits_to_keep=1, **settings
        )
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
        if self._mask is not None:
            self._mask = self._mask[indices]

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
    if sampling.top_p >= 1:
        return _invert_cumulative(likely, points)

    most, order = likely.topk(min(SORTED_TOKENS, likely.shape[-1]), dim=-1)
    drawn = _draw_most_likely(most, order, sampling.top_p, points)
    is_short = most.sum(dim=-1) < sampling.top_p
    if bool(is_short.any()):
        drawn[is_short] = _draw_most_likely(
            *likely[is_short].sort(dim=-1, descending=True), sampling.top_p, points[is_short]
        )

    return drawn


def _draw_most_likely(likely: Tensor, order: Tensor, top_p: float, points: Tensor) -> Tensor:
    """(rows,) tokens of the fewest that have top_p together.

    Args:
        likely: (rows, tokens) float64 descending probabilities.
        order: (rows, tokens) int64 their tokens.
        top_p: Probability that is kept, below 1.
        points: (rows,) float64 points in [0, 1).
    """
    kept = likely.masked_fill(likely.cumsum(dim=-1) - likely >= top_p, 0.0)
    return order.gather(-1, _invert_cumulative(kept, points).unsqueeze(1)).squeeze(-1)


def _invert_cumulative(likely: Tensor, points: Tensor) -> Tensor:
    """(rows,) places at which the cumulative distribution of each row passes a point in [0, 1)."""
    cumulative = likely.cumsum(dim=-1)
    total = cumulative[:, -1:]
    point = torch.minimum(points.unsqueeze(1) * total, torch.nextafter(total, torch.zeros_like(total)))
    # right: never a token of probability 0.
    return torch.searchsorted(cumulative, point, right=True).squeeze(-1)


def _penalise_repeats(logits: Tensor, penalty: float) -> Tensor:
    """Less likely logits (Keskar et al. 2019, arXiv:1909.05858), as in transformers and vLLM."""
    return torch.where(logits > 0, logits / penalty, logits * penalty)
