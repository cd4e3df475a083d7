"""A column that mostly stays as it was in the row before: a token says whether it did, the value follows if not.

A weight that is measured once a year and written down at every visit is copied, not guessed again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from ss_ray.codec.columns import PAD, BinnedCodec, Slot, Tokens, ValueCodec
from ss_ray.schema import ColumnSchema, Kind

STAYED = 0
CHANGED = 1


@dataclass(frozen=True, kw_only=True)
class RepeatCodec:
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

    @property
    def first_token(self) -> int:
        """First token id."""
        return self.value.first_token

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.value.num_tokens

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """Slots of the value, in use if the flag opens them."""
        lead, *rest = self.value.slots(first_slot)
        return replace(lead, after=first_slot - 1, opens=(self.changed, self.changed + 1)), *rest

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids of the column in `table`; PAD where its flag says that it stayed."""
        tokens = self.value.encode(table.column(self.column.name))
        tokens[table.column(self.flag).to_numpy() == STAYED] = PAD
        return tokens

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, and any value that the schema allows where nothing was written."""
        written = tokens[:, :1] != PAD
        return self.value.decode(np.where(written, tokens, self._decodable_tokens(tokens)), rng)

    def _decodable_tokens(self, tokens: Tokens) -> Tokens:
        """Tokens that can be decoded, to an arbitrary value."""
        return np.array([slot.start for slot in self.value.slots(0)], tokens.dtype)


def flag_column(name: str) -> ColumnSchema:
    """Whether a column stayed or changed."""
    return ColumnSchema(
        name=name, kind=Kind.INTEGER, arrow_type="int64", minimum=STAYED, maximum=CHANGED, values=(STAYED, CHANGED)
    )
