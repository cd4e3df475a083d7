"""A column of several spellings: a value is written only where its spelling says that there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ss_ray.codec.columns import PAD, BinnedCodec, Tokens, ValueCodec
from ss_ray.codec.following import FollowingCodec
from ss_ray.codec.moments import MomentCodec
from ss_ray.schema import ColumnSchema

InnerCodec = Annotated[ValueCodec | BinnedCodec | MomentCodec, Field(discriminator="type")]


@dataclass(frozen=True, kw_only=True)
class GatedCodec(FollowingCodec):
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

    def opening_range(self) -> tuple[int, int]:
        """Token range of the spellings that are formats."""
        return self.opens

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids of the column in `table`; PAD where its spelling is a code or missing."""
        formats = pa.array(self.spelling.formats, pa.string())
        array = table.column(self.column.name)
        is_value = pc.and_(pc.is_in(table.column(self.spelling.name).cast(pa.string()), formats), array.is_valid())
        rows = np.flatnonzero(is_value.to_numpy())
        tokens = np.full((len(array), len(self.value.slots(0))), PAD, np.int32)
        if len(rows):
            tokens[rows] = self.value.encode(array.take(pa.array(rows)))
        return tokens

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, missing where none was written."""
        values = self.decode_written(tokens, rng)
        return pc.if_else(pa.array(tokens[:, 0] != PAD), values, pa.scalar(None, values.type))


def order_spellings(column: ColumnSchema) -> ColumnSchema:
    """A column of spellings with the formats first, so that their tokens are one range."""
    values = [str(value) for value in column.values or ()]
    return replace(column, values=tuple(sorted(values, key=lambda value: (value not in column.formats, value))))


def opening_tokens(spelling: ValueCodec) -> tuple[int, int]:
    """Token range [low, high) of the formats among the values of an ordered column of spellings."""
    start = spelling.first_token + spelling.column.nullable
    return start, start + sum(value in spelling.column.formats for value in spelling.column.values or ())
