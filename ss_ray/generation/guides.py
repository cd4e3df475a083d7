"""Free text in a batch of rows: only known words are written, and the least likely pieces are left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ss_ray.codec.columns import Slot
from ss_ray.codec.texts import FIRST_PIECE
from ss_ray.codec.words import START, TextColumn


class TextGuides:
    """The places of all rows of a batch in their texts.

    Args:
        columns: Columns of free text, by name.
        num_rows: Number of rows of the batch.
    """

    def __init__(self, columns: Mapping[str, TextColumn], num_rows: int) -> None:
        self.columns = columns
        self.states = np.full(num_rows, START, np.int64)
        self._column = ""

    def is_text(self, slot: Slot) -> bool:
        """Whether a slot holds a piece of text."""
        return slot.column in self.columns

    def restrict(self, logits: Tensor, slot: Slot, used: Tensor | None) -> Tensor:
        """(rows, choices) logits without the pieces that no known word goes on with.

        Args:
            logits: (rows, choices) logits of the slot.
            slot: Slot that is written next.
            used: (rows,) whether the slot is in use; None: in all rows.
        """
        text = self.columns[slot.column]
        self._begin_text(slot)
        if text.guide is None:
            return logits

        first = slot.start - text.first_token
        allowed = text.guide.allowed(self.states)
        # Before the end and the pieces stands the token that says missing.
        allowed = np.concatenate([np.ones((len(allowed), 1), bool), allowed], axis=1)[
            :, first : first + logits.shape[1]
        ]
        mask = torch.from_numpy(allowed).to(logits.device)
        if used is not None:
            mask |= ~used[:, None]
        return logits.masked_fill(~mask, -torch.inf)

    def follow(self, slot: Slot, written: Tensor) -> None:
        """Take note of the (rows,) tokens that were written into a slot."""
        text = self.columns.get(slot.column)
        self._begin_text(slot)
        if text is not None and text.guide is not None:
            pieces = written.cpu().numpy().astype(np.int64) - text.first_token - FIRST_PIECE
            self.states = text.guide.advance(self.states, pieces)

    def _begin_text(self, slot: Slot) -> None:
        """Start anew where another column begins; rows of sequences have a column between their texts."""
        if slot.column != self._column:
            self._column = slot.column
            self.states[:] = START
