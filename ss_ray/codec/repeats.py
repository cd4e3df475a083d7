"""A column that mostly stays as it was in the row before: a token says whether it did, the value follows if not.

A weight that is measured once a year and written down at every visit is copied, not guessed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from ss_ray.codec.columns import PAD, BinnedCodec, Tokens, ValueCodec
from ss_ray.codec.following import FollowingCodec
from ss_ray.schema import ColumnSchema, Kind

STAYED = 0
CHANGED = 1


@dataclass(frozen=True, kw_only=True)
class RepeatCodec(FollowingCodec):
    """A value that is written where the column right before, its flag, says that it changed.

    Attributes:
        column: Schema of the column.
        flag: Name of the flag's column.
        value: Codec of a value that changed.
        changed: Token of the flag that says so.
    """

    type: Literal["repeat"] = "repeat"
    column: ColumnSchema
    flag: str
    value: Annotated[ValueCodec | BinnedCodec, Field(discriminator="type")]
    changed: int

    def opening_range(self) -> tuple[int, int]:
        """Token range of the flag that says that the value changed."""
        return self.changed, self.changed + 1

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids of the column in `table`; PAD where its flag says that it stayed."""
        tokens = self.value.encode(table.column(self.column.name))
        tokens[table.column(self.flag).to_numpy() == STAYED] = PAD
        return tokens

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, and any value that the schema allows where nothing was written."""
        return self.decode_written(tokens, rng)


def flag_column(name: str) -> ColumnSchema:
    """Whether a column stayed or changed."""
    return ColumnSchema(
        name=name, kind=Kind.INTEGER, arrow_type="int64", minimum=STAYED, maximum=CHANGED, values=(STAYED, CHANGED)
    )
