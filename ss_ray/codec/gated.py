"""A column of several spellings: a value is written only where its spelling says that there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ss_ray.codec.columns import PAD, BinnedCodec, Slot, Tokens, ValueCodec
from ss_ray.codec.moments import MomentCodec
from ss_ray.schema import ColumnSchema

InnerCodec = Annotated[ValueCodec | BinnedCodec | MomentCodec, Field(discriminator="type")]


@dataclass(frozen=True, kw_only=True)
class GatedCodec:
    """A value that is there where the column right before, its spellings, holds a format and no code.

    Attributes:
        column: Schema of the column.
        spelling: Column of the spellings.
        value: Codec of the values, which are never missing.
        opens: Token range [low, high) of the spellings that are formats.
    """

    type: Literal["gated"] = "gated"
    column: ColumnSchema
    spelling: ColumnSchema
    value: InnerCodec
    opens: tuple[int, int]

    @property
    def first_token(self) -> int:
        """First token id."""
        return self.value.first_token

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.value.num_tokens

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """Slots of the value, in use if the spelling opens them."""
        lead, *rest = self.value.slots(first_slot)
        return replace(lead, after=first_slot - 1, opens=self.opens), *rest

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids of the column in `table`; PAD where its spelling is a code or missing."""
        tokens = self.value.encode(table.column(self.column.name))
        formats = pa.array(self.spelling.formats, pa.string())
        is_value = pc.is_in(table.column(self.spelling.name).cast(pa.string()), formats)
        tokens[~is_value.to_numpy()] = PAD
        return tokens

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, missing where none was written."""
        written = tokens[:, :1] != PAD
        # Any token that can be decoded; the value is dropped.
        starts = np.array([slot.start for slot in self.value.slots(0)], tokens.dtype)
        values = self.value.decode(np.where(written, tokens, starts), rng)
        return pc.if_else(pa.array(written[:, 0]), values, pa.scalar(None, values.type))


def order_spellings(column: ColumnSchema) -> ColumnSchema:
    """A column of spellings with the formats first, so that their tokens are one range."""
    values = [str(value) for value in column.values or ()]
    return replace(column, values=tuple(sorted(values, key=lambda value: (value not in column.formats, value))))


def opening_tokens(spelling: ValueCodec) -> tuple[int, int]:
    """Token range [low, high) of the formats among the values of an ordered column of spellings."""
    start = spelling.first_token + spelling.column.nullable
    return start, start + sum(value in spelling.column.formats for value in spelling.column.values or ())
