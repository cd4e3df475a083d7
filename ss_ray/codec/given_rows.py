"""Values that are given to whole sequences: which columns can have one, and the tokens that every row then has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.ascending import Ints
from ss_ray.codec.columns import PAD, Tokens
from ss_ray.codec.repeats import CHANGED, STAYED
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.schema import ColumnSchema, Kind


@dataclass(frozen=True, kw_only=True)
class GivenRows:
    """What every row of a sequence has.

    Attributes:
        first: (sequences, row slots) tokens of the first row, FREE where they are drawn.
        later: (sequences, row slots) tokens of the other rows.
    """

    first: Tokens
    later: Tokens

    def take(self, sequences: Ints) -> GivenRows:
        """Those of some sequences."""
        return GivenRows(first=self.first[sequences], later=self.later[sequences])


def givable_columns(codec: SequenceCodec) -> tuple[ColumnSchema, ...]:
    """Columns whose value can be given to a whole sequence: constants, and what each row writes as it is."""
    steps = {*codec.from_order, *(column.name for column in codec.monotone), *(r.flag for r in codec.repeats)}
    order = {codec.axis.column.name} if codec.axis is not None else {codec.sequences.order}
    rows = [c for c in codec.row.schema.columns[1:] if c.name not in steps | order]
    constants = [c for c in codec.header.schema.columns[1:] if c.name in codec.sequences.constants]
    return tuple(column for column in (*constants, *rows) if column.kind is not Kind.IDENTIFIER)


def given_rows(codec: SequenceCodec, cells: pa.Table) -> GivenRows | None:
    """Tokens of every row of sequences with given cells; None where only constants are given.

    Args:
        codec: Codec of the sequences.
        cells: (sequences,) of some of the columns that can be given; missing ones are drawn.
    """
    cells = cells.select([name for name in cells.column_names if name in codec.row.schema.names])
    if not cells.num_columns:
        return None

    given = [repeat for repeat in codec.repeats if repeat.column.name in cells.column_names]
    for repeat in given:
        is_there = cells.column(repeat.column.name).is_valid()
        cells = cells.append_column(repeat.flag, pc.if_else(is_there, CHANGED, pa.scalar(None, pa.int64())))

    first = codec.row.given(cells)
    later = first.copy()
    for slot, changed in codec.flag_slots:
        # A value that is given is written once, and then stays.
        stays = first[:, slot] == changed
        later[stays, slot] = changed - CHANGED + STAYED
        following = [i for i, s in enumerate(codec.row.slots) if s.column == codec.row.slots[slot + 1].column]
        later[np.ix_(stays, following)] = PAD

    return GivenRows(first=first, later=later)
