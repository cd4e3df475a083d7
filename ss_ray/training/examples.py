"""What a model is trained on: numbered examples, and the loss of each.

The training loop knows no more of a table than this, so one loop serves rows, sequences of rows and text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from ss_ray.codec.columns import PAD, Slot
from ss_ray.training.models import SlotGroup, TokenRanges, group_slots, ragged_losses, row_losses, token_ranges

MAX_POSITIONS = 4096
"""Tokens, padding included, that go through the model together at most: what they need stays near the processor."""


class Examples(Protocol):
    """Numbered examples of a worker."""

    @property
    def units(self) -> Tensor:
        """(examples,) int64: which unit each is of; a unit is trained on, or validated on, as a whole."""

    @property
    def positions(self) -> float:
        """Mean tokens of an example; 0 where there is nothing to learn."""

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """The examples of a batch in parts that fit in memory, `num_parts` at least."""

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """(len(numbers),) negative log-likelihoods in nats, each of one example alone."""


@dataclass(frozen=True, kw_only=True)
class RowExamples:
    """Each row by itself, all of its slots side by side.

    Attributes:
        tokens: (rows, slots) int32; PAD where a slot is not in use.
        groups: Groups of the codec's slots that share a token range.
        together: (rows,) the unit of each row; None where each row is one.
    """

    tokens: Tensor
    groups: Sequence[SlotGroup]
    together: Tensor | None = None

    @cached_property
    def units(self) -> Tensor:
        """(rows,) the unit of each row."""
        return torch.arange(len(self.tokens)) if self.together is None else self.together

    @property
    def positions(self) -> float:
        """Slots."""
        return float(self.tokens.shape[1])

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """Parts of equal size."""
        return numbers.chunk(max(num_parts, -(-self.tokens.shape[1] * len(numbers) // MAX_POSITIONS)))

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """Of each row."""
        return row_losses(model, self.tokens[numbers].long(), self.groups)


@dataclass(frozen=True, kw_only=True)
class RaggedRows:
    """Each row by itself, without the slots that it does not use: texts of all lengths.

    Attributes:
        tokens: (rows, slots) int32; PAD where a slot is not in use.
        ranges: Token ranges of the codec's slots.
        together: (rows,) the unit of each row; None where each row is one.
    """

    tokens: Tensor
    ranges: TokenRanges
    together: Tensor | None = None

    @cached_property
    def units(self) -> Tensor:
        """(rows,) the unit of each row."""
        return torch.arange(len(self.tokens)) if self.together is None else self.together

    @cached_property
    def lengths(self) -> Tensor:
        """(rows,) slots in use."""
        return (self.tokens != PAD).sum(dim=1)

    @cached_property
    def positions(self) -> float:
        """Mean slots in use."""
        return float(self.lengths.double().mean())

    def parts(self, numbers: Tensor, num_parts: int) -> Sequence[Tensor]:
        """Parts of similar lengths."""
        return parts_of_similar_length(numbers, self.lengths[numbers], num_parts)

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """Of each row."""
        tokens = self.tokens[numbers].long()
        return ragged_losses(model, tokens, tokens, self.ranges)


def row_examples(
    tokens: Tensor, slots: Sequence[Slot], *, skips_unused: bool, together: Tensor | None = None
) -> Examples:
    """Rows for a model that skips unused slots, or for one that does not.

    Args:
        tokens: (rows, slots) int32; PAD where a slot is not in use.
        slots: Slots of the codec.
        skips_unused: Whether the model skips unused slots.
        together: (rows,) the unit of each row, numbers from 0 on; None where each row is one.
    """
    if skips_unused:
        return RaggedRows(tokens=tokens, ranges=token_ranges(slots), together=together)
    return RowExamples(tokens=tokens, groups=group_slots(slots), together=together)


def bounded_parts(numbers: Tensor, lengths: Tensor, num_parts: int, most_tokens: int) -> list[Tensor]:
    """`numbers` in parts of similar lengths, `num_parts` at least, none of more tokens than a model takes together.

    Args:
        numbers: (examples,) numbers of the examples.
        lengths: (examples,) tokens of each.
        num_parts: Parts at least.
        most_tokens: Tokens of a part at most, padding included.
    """
    longest = max(1, int(lengths.max())) if len(numbers) else 1
    fitting = max(1, most_tokens // longest)
    return parts_of_similar_length(numbers, lengths, max(num_parts, -(-len(numbers) // fitting)))


def parts_of_similar_length(numbers: Tensor, lengths: Tensor, num_parts: int) -> list[Tensor]:
    """`numbers` by descending length, in parts of MAX_POSITIONS positions at most, or of one example.

    Args:
        numbers: (examples,) numbers of the examples.
        lengths: (examples,) tokens of each; in a part they differ at most by a factor of 2.
        num_parts: Parts at least.
    """
    order = torch.argsort(lengths, descending=True, stable=True)
    most = max(1, -(-len(numbers) // num_parts))
    parts = []
    start = 0

    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        similar = int((lengths * 2 > longest).sum()) - start
        stop = start + max(1, min(most, similar, MAX_POSITIONS // longest))
        parts.append(numbers[order[start:stop]])
        start = stop

    return parts
