"""Strings of one shape, character by character: letters stay where letters were, digits where digits were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from ss_ray.codec.columns import PAD, Slot, Tokens
from ss_ray.schema import ColumnSchema, Kind, arrow_type

MAX_PLACES = 24
"""Places with a choice, up to which each is a slot; longer strings are learned as text."""


@dataclass(frozen=True, kw_only=True)
class ShapeCodec:
    """A slot for each place of a string that has a choice of characters; the first one may say missing.

    Attributes:
        column: Schema of the column, with the characters of each place in its pattern.
        first_token: First token id; with missing values, the one that says so.
    """

    type: Literal["shape"] = "shape"
    column: ColumnSchema
    first_token: int

    @property
    def _free_alphabets(self) -> tuple[str, ...]:
        """Characters of each place that has a choice."""
        return tuple(alphabet for alphabet in self.column.pattern or () if len(alphabet) > 1)

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.column.nullable + sum(map(len, self._free_alphabets))

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """One slot for each place; all but the first are in use if there is a string."""
        name = self.column.name
        start = self.first_token + self.column.nullable
        lead = (start, start + len(self._free_alphabets[0]))
        slots = [Slot(column=name, start=self.first_token, stop=lead[1])]
        start = lead[1]
        for alphabet in self._free_alphabets[1:]:
            stop = start + len(alphabet)
            slots.append(Slot(column=name, start=start, stop=stop, after=first_slot, opens=lead))
            start = stop

        return tuple(slots)

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, slots) token ids; PAD for a character that the pattern does not have."""
        texts = array.combine_chunks().cast(pa.string()).to_pylist()
        out = np.full((len(texts), len(self._free_alphabets)), PAD, np.int32)
        places = [place for place, alphabet in enumerate(self.column.pattern or ()) if len(alphabet) > 1]
        start = self.first_token + self.column.nullable
        for slot, (place, alphabet) in enumerate(zip(places, self._free_alphabets, strict=True)):
            token = {character: start + index for index, character in enumerate(alphabet)}
            out[:, slot] = [token.get(text[place : place + 1], PAD) if text is not None else PAD for text in texts]
            start += len(alphabet)

        if self.column.nullable:
            out[[text is None for text in texts], 0] = self.first_token
        return out

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) strings of the pattern."""
        start = self.first_token + self.column.nullable
        missing = tokens[:, 0] < start
        columns: list[np.ndarray] = []
        slot = 0
        for alphabet in self.column.pattern or ():
            if len(alphabet) == 1:
                columns.append(np.full(len(tokens), alphabet))
                continue
            index = np.clip(tokens[:, slot] - start, 0, len(alphabet) - 1)
            columns.append(np.array(list(alphabet))[index])
            start += len(alphabet)
            slot += 1

        texts = ["".join(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        return pa.array(texts, pa.string(), mask=missing).cast(arrow_type(self.column))


def has_shape(column: ColumnSchema) -> bool:
    """Whether the strings of a column are learned character by character."""
    choices = sum(len(alphabet) > 1 for alphabet in column.pattern or ())
    return column.kind is Kind.TEXT and 0 < choices <= MAX_PLACES
