"""Rows into sequences: which bucket a group is in, the rows of each group in order, and what all of them share.

A group is in one bucket as a whole, and a bucket fits in memory, so a table of any size is sorted by groups without
ever being in one place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.ascending import Ints, gaps_of
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.sequence_columns import order_ranks
from ss_ray.codec.sequence_tables import Gaps
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.parts import read_part
from ss_ray.tables.splits import unit_hashes

BUCKET_ROWS = 500_000
MAX_GAPS = 256
"""Distinct distances of neighbours that are listed."""


@dataclass(frozen=True, kw_only=True)
class SequenceFacts:
    """What sequences have in common.

    Attributes:
        num_sequences: Number of sequences.
        num_rows: Rows of all of them.
        max_rows: Rows of the longest.
        constants: Columns with one value in each sequence.
        gaps: All distances of neighbours on the order axis, ascending; None for more than MAX_GAPS.
        gap_bounds: The smallest and the largest distance; None without neighbours.
        highest_group: Largest value of a grouping column of whole numbers; None for any other.
        gap_divisor: Largest number that divides all distances; 0 where these are all 0.
    """

    num_sequences: int
    num_rows: int
    max_rows: int
    constants: frozenset[str]
    gaps: tuple[int, ...] | None
    gap_bounds: tuple[int, int] | None
    highest_group: int | None = None
    gap_divisor: int = 0

    @property
    def known_gaps(self) -> Gaps:
        """All distances of neighbours or, where there are too many, the smallest and the largest."""
        if self.gaps is not None:
            return Gaps(values=self.gaps, are_listed=True)
        return Gaps(values=self.gap_bounds or (), are_listed=False)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """One share of the groups of a table.

    Attributes:
        number: From 0 on.
        of: Buckets in all.
    """

    number: int
    of: int


def read_bucket(
    parts: Sequence[Location], schema: pa.Schema, group: str | None, order: str | None, bucket: Bucket
) -> tuple[pa.Table, Ints]:
    """The rows of a bucket's groups, sequence after sequence in order, and where each starts.

    Args:
        parts: Parquet parts of the table.
        schema: Arrow schema of the parts.
        group: Grouping column; None: all rows are one sequence.
        order: Column that rows ascend by; None: they stay in the order of the parts.
        bucket: Groups that belong to the bucket.

    Raises:
        DataError: The grouping or the order column has missing values.
    """
    blocks = [_of_bucket(block, group, bucket) for part in parts for block in read_part(part)]
    table = pa.concat_tables([schema.empty_table(), *blocks])
    if order is not None and table.column(order).null_count:
        raise DataError(
            f"the order column {order!r} has missing values; every row needs a place in its sequence", column=order
        )

    return sorted_sequences(table, group, order)


def _of_bucket(block: pa.Table, group: str | None, bucket: Bucket) -> pa.Table:
    if bucket.of == 1:
        return block
    hashes = unit_hashes(block, group, 0, 0, 0)
    return block.filter(pa.array(hashes % np.uint64(bucket.of) == bucket.number))


def sorted_sequences(table: pa.Table, group: str | None, order: str | None) -> tuple[pa.Table, Ints]:
    """Rows of one group side by side, in ascending order, and (sequences + 1,) where each group starts.

    Raises:
        DataError: The grouping column has missing values.
    """
    if not len(table):
        return table, np.zeros(1, np.int64)
    if group is not None and table.column(group).null_count:
        raise DataError(f"the grouping column {group!r} has missing values; every row needs a group", column=group)

    if group is not None:
        groups = order_ranks(table.column(group))
    else:
        groups = np.zeros(len(table), np.int64)

    if order is not None:
        places = order_ranks(table.column(order))
    else:
        places = np.zeros(len(table), np.int64)

    # stable: rows that are equal stay as they were.
    rows = np.lexsort((places, groups))
    starts = np.flatnonzero(np.diff(groups[rows], prepend=-1))
    return table.take(pa.array(rows)), np.append(starts, len(table)).astype(np.int64)


def sequence_facts(table: pa.Table, starts: Ints, axis: OrderAxis | None, group: str | None = None) -> SequenceFacts:
    """What the sequences of a bucket, grouped by a column, have in common."""
    gaps: tuple[int, ...] | None = ()
    bounds: tuple[int, int] | None = None
    divisor = 0
    if axis is not None and len(table):
        distances, is_first = gaps_of(axis.places(table.column(axis.column.name)), starts)
        found = np.unique(distances[~is_first])
        if len(found) <= MAX_GAPS:
            gaps = tuple(found.tolist())
        else:
            gaps = None

        if len(found):
            bounds = (int(found[0]), int(found[-1]))
        else:
            bounds = None

        divisor = int(np.gcd.reduce(found))

    return SequenceFacts(
        num_sequences=len(starts) - 1,
        num_rows=len(table),
        max_rows=int(np.diff(starts).max(initial=0)),
        constants=frozenset(name for name in table.column_names if _is_constant(table.column(name), starts)),
        gaps=gaps,
        gap_bounds=bounds,
        highest_group=None if group is None else _highest_value(table.column(group)),
        gap_divisor=divisor,
    )


def _highest_value(column: pa.ChunkedArray) -> int | None:
    if pa.types.is_integer(column.type):
        return pc.max(column).as_py()
    return None


def _is_constant(column: pa.ChunkedArray, starts: Ints) -> bool:
    """Whether every sequence has one value, missing being one."""
    if len(column) == 0:
        return True

    codes = order_ranks(column)
    changes = np.diff(codes, prepend=codes[:1]) != 0
    changes[starts[:-1]] = False

    return not changes.any()


def merge_facts(parts: Iterable[SequenceFacts]) -> SequenceFacts:
    """Facts of several buckets together."""
    facts = list(parts)
    listed = [part.gaps for part in facts]
    if None in listed:
        gaps = None
    else:
        gaps = tuple(sorted({gap for part in listed for gap in part or ()}))

    bounds = [part.gap_bounds for part in facts if part.gap_bounds is not None]
    return SequenceFacts(
        num_sequences=sum(part.num_sequences for part in facts),
        num_rows=sum(part.num_rows for part in facts),
        max_rows=max(part.max_rows for part in facts),
        constants=frozenset.intersection(*(part.constants for part in facts)),
        gaps=gaps if gaps is not None and len(gaps) <= MAX_GAPS else None,
        gap_bounds=(min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None,
        highest_group=max((part.highest_group for part in facts if part.highest_group is not None), default=None),
        gap_divisor=math.gcd(*(part.gap_divisor for part in facts)),
    )


def some_sequences(table: pa.Table, starts: Ints, max_rows: int) -> tuple[pa.Table, Ints]:
    """Sequences from all over a bucket, about `max_rows` rows in all, at least one of them."""
    step = max(1, -(-len(table) // max_rows))
    chosen = np.arange(0, len(starts) - 1, step)
    sizes = np.diff(starts)[chosen]
    ends = np.cumsum(sizes)
    rows = np.arange(sizes.sum()) + np.repeat(starts[chosen] - (ends - sizes), sizes)
    return table.take(pa.array(rows)), np.append(0, ends).astype(np.int64)
