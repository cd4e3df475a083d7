"""Sequences as two tables: one row per header, and the rows of all of them.

The tables have columns of their own beside those of the source: how many rows a sequence has, how many are left, how
far a row is from the one before, and which columns stayed as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.codec.ascending import Ints, gaps_of
from ss_ray.codec.monotone import MonotoneColumn
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.repeats import flag_column
from ss_ray.codec.sequence_columns import Sequences, order_ranks
from ss_ray.schema import ColumnSchema, Kind, TableSchema

EXACT_ROWS_LEFT = 16
REPEATED = 0.6
"""Share of rows with the value of the row before from which a column is written only where it changes."""
MIN_FOLLOWERS = 20
MAX_LISTED_SIZE = 256


def rows_left(left: Ints) -> Ints:
    """Number of rows left up to EXACT_ROWS_LEFT, above four steps to each doubling."""
    coarse = EXACT_ROWS_LEFT + np.floor(4 * np.log2(np.maximum(left, EXACT_ROWS_LEFT) / EXACT_ROWS_LEFT))
    return np.where(left <= EXACT_ROWS_LEFT, left, coarse.astype(np.int64))


def sorted_in_groups(table: pa.Table, starts: Ints, order: str | None) -> pa.Table:
    """The rows of each sequence in ascending order of a column, missing values last."""
    if order is None:
        return table
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return table.take(pa.array(np.lexsort((order_ranks(table.column(order)), owner))))


def header_table(table: pa.Table, starts: Ints, schema: TableSchema, sequences: Sequences) -> pa.Table:
    """One row per sequence: its size, constants, and first value of the order column."""
    first = table.select(schema.names[1:]).take(pa.array(starts[:-1]))
    return first.add_column(0, schema.names[0], [pa.array(np.diff(starts))])


def row_table(
    table: pa.Table,
    starts: Ints,
    schema: TableSchema,
    axis: OrderAxis | None,
    interval: int | None,
    repeated: Mapping[str, str],
    monotone: Sequence[MonotoneColumn] = (),
) -> pa.Table:
    """Rows left, distance from the row before, and the varying columns of a sequence, with their flags."""
    ends = np.repeat(starts[1:], np.diff(starts))
    flags = {
        flag: pa.array(_find_changes(table.column(name), starts).astype(np.int64)) for name, flag in repeated.items()
    }
    arrays = {name: flags[name] if name in flags else table.column(name) for name in schema.names[1:]}
    arrays |= {column.name: column.to_steps(table.column(column.name), starts) for column in monotone}
    if axis is not None and interval is None:
        gaps, is_first = gaps_of(axis.places(table.column(axis.column.name)), starts)
        arrays[axis.column.name] = pa.chunked_array([pa.array(gaps, mask=is_first)])

    left = {schema.names[0]: pa.array(rows_left(ends - np.arange(len(table))))}
    return pa.table(left | arrays)


def repeated_columns(table: pa.Table, starts: Ints, schema: TableSchema, header: TableSchema) -> dict[str, str]:
    """Columns of rows that are worth a flag, and its name: most rows have the value of the row before."""
    followers = len(table) - (len(starts) - 1)
    if followers < MIN_FOLLOWERS:
        return {}

    names = {}
    for column in schema.columns:
        if column.values is not None:
            has_choice = len(column.values) > 1
        else:
            has_choice = column.minimum is not None

        if column.name in header.names or column.kind in (Kind.TEXT, Kind.IDENTIFIER) or not has_choice:
            continue

        changed = int(_find_changes(table.column(column.name), starts).sum()) - (len(starts) - 1)
        if changed <= (1 - REPEATED) * followers:
            names[column.name] = free_name(f"{column.name} changed", schema)

    return names


def _find_changes(column: pa.ChunkedArray, starts: Ints) -> npt.NDArray[np.bool_]:
    """(rows,) whether a value is not that of the row before, or is the first of its sequence."""
    codes = order_ranks(column)
    changes = np.diff(codes, prepend=codes[:1]) != 0
    changes[starts[:-1]] = True
    return changes


def header_schema(
    schema: TableSchema, sequences: Sequences, axis: OrderAxis | None, monotone: Sequence[MonotoneColumn] = ()
) -> TableSchema:
    """The number of rows first, then the other columns of a header."""
    names = {
        *sequences.constants,
        *([sequences.group] if sequences.group else []),
        *([axis.column.name] if axis else []),
        *(column.name for column in monotone),
    }
    if sequences.max_rows <= MAX_LISTED_SIZE:
        listed = tuple(range(1, sequences.max_rows + 1))
    else:
        listed = None

    size = ColumnSchema(
        name=free_name("rows", schema),
        kind=Kind.INTEGER,
        arrow_type="int64",
        minimum=1,
        maximum=sequences.max_rows,
        values=listed,
    )
    return TableSchema(columns=(size, *(column for column in schema.columns if column.name in names)))


def row_schema(
    schema: TableSchema,
    header: TableSchema,
    sequences: Sequences,
    gap: ColumnSchema | None,
    repeated: Mapping[str, str] = MappingProxyType({}),
    monotone: Sequence[MonotoneColumn] = (),
) -> TableSchema:
    """The number of rows left first, then the distance from the row before, then the varying columns."""
    highest = max(2, int(rows_left(np.array([sequences.max_rows]))[0]))
    left = ColumnSchema(
        name=free_name("rows left", schema),
        kind=Kind.INTEGER,
        arrow_type="int64",
        minimum=1,
        maximum=highest,
        values=tuple(range(1, highest + 1)),
    )
    steps = {column.name: column.step_column for column in monotone}
    others = [steps.get(c.name, c) for c in schema.columns if c.name in steps or c.name not in header.names]
    flagged = [
        part
        for column in others
        for part in ((flag_column(repeated[column.name]), column) if column.name in repeated else (column,))
    ]

    return TableSchema(columns=(left, *((gap,) if gap else ()), *flagged))


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Distances of neighbours on the order column.

    Attributes:
        values: All distances in ascending order, or the smallest and the largest; empty without neighbours.
        are_listed: True if `values` holds every distance; False if it is (min, max).
    """

    values: tuple[int, ...]
    are_listed: bool

    def in_units(self, step: int) -> Gaps:
        """The distances in units of `step`, which divides all of them."""
        return replace(self, values=tuple(gap // step for gap in self.values))


def gap_column(name: str, gaps: Gaps) -> ColumnSchema:
    """Column of the distances of neighbours."""
    return ColumnSchema(
        name=name,
        kind=Kind.INTEGER,
        arrow_type="int64",
        # The first row of a sequence has no row before it.
        nullable=True,
        minimum=gaps.values[0] if gaps.values else None,
        maximum=gaps.values[-1] if gaps.values else None,
        values=gaps.values if gaps.are_listed else None,
    )


def unbounded(column: ColumnSchema) -> ColumnSchema:
    """The column with any value of its type."""
    return replace(column, values=None, minimum=None, maximum=None)


def free_name(name: str, schema: TableSchema) -> str:
    """A name that no column has."""
    while name in schema.names:
        name += "_"
    return name
