"""Texts of rows as examples: the values of a row, then each of its texts, of which only the texts count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from ss_ray.codec.ascending import Ints
from ss_ray.training.examples import bounded_parts

MAX_TOKENS_TOGETHER = 4096
"""Tokens, padding included, that go through the model together at most."""
UNCOUNTED = -100


@dataclass(frozen=True, kw_only=True)
class ProseTokens:
    """Tokens of the rows that have a text, one after the other.

    Attributes:
        tokens: (tokens,) int32 of all rows.
        counted: (tokens,) bool whether the model learns to write a token: those of texts, and their ends.
        sizes: (rows,) int64 tokens of each row.
    """

    tokens: NDArray[np.int32]
    counted: NDArray[np.bool_]
    sizes: Ints


@dataclass(frozen=True, kw_only=True)
class ProseExamples:
    """Rows of a language model that writes texts.

    Attributes:
        rows: Tokens of the rows.
        vocabulary: (pieces,) int64 ascending tokens that the model may write, those of the texts.
        pad: Token that fills shorter rows up.
    """

    rows: ProseTokens
    vocabulary: Tensor
    pad: int

    @property
    def units(self) -> Tensor:
        """Each row by itself."""
        return torch.arange(len(self.rows.sizes))

    @property
    def positions(self) -> float:
        """Mean tokens that are counted."""
        return float(self.rows.counted.sum() / max(1, len(self.rows.sizes)))

    @cached_property
    def lengths(self) -> Tensor:
        """(rows,) int64 tokens of each."""
        return torch.from_numpy(self.rows.sizes)

    @cached_property
    def _row_starts(self) -> list[int]:
        starts: list[int] = np.append(0, np.cumsum(self.rows.sizes)).tolist()
        return starts

    @cached_property
    def _counted_targets(self) -> Tensor:
        """(tokens,) int64 place of each counted token in the vocabulary; a token that it lacks does not count."""
        vocabulary = self.vocabulary.numpy()
        places = np.searchsorted(vocabulary, self.rows.tokens).clip(max=len(vocabulary) - 1)
        is_known = self.rows.counted & (vocabulary[places] == self.rows.tokens)
        return torch.from_numpy(np.where(is_known, places, UNCOUNTED))

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """Parts of similar lengths."""
        return bounded_parts(numbers, self.lengths[numbers], num_parts, MAX_TOKENS_TOGETHER)

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """(len(numbers),) nats over the counted tokens of each; 0 for a number below 0, which stands for no row.

        Args:
            model: `training.prose_model.ProseModel`, whose logits are over the vocabulary.
            numbers: (examples,) numbers of rows; one of them at least has two tokens.
        """
        starts = self._row_starts
        spans = [(starts[number], starts[number + 1]) if number >= 0 else (0, 0) for number in numbers.tolist()]
        tokens = torch.from_numpy(self.rows.tokens)
        read = [tokens[start:stop].long() for start, stop in spans]
        wanted = [self._counted_targets[start:stop] for start, stop in spans]
        # A shorter row is filled up behind its end, which no earlier token sees.
        inputs = pad_sequence(read, batch_first=True, padding_value=self.pad)[:, :-1]
        targets = pad_sequence(wanted, batch_first=True, padding_value=UNCOUNTED)[:, 1:]

        logits, places = model(inputs.to(model.device), targets.to(model.device) != UNCOUNTED)
        nats = F.cross_entropy(logits, targets.to(model.device).flatten()[places], reduction="none")
        owners = places // targets.shape[1]
        return torch.zeros(len(numbers), device=model.device).index_add(0, owners, nats)
