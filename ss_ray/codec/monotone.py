"""Columns that rise, or fall, from row to row of a sequence: dates of events, meter readings, running totals.

The value of such a column says little without that of the row before. It is written like the order column: its first
value once, in the header, and in each row the distance from the row before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ss_ray.codec.ascending import Ints, add_up, gaps_of
from ss_ray.codec.differences import MIN_ROWS, NARROW, describe_differences, find_difference_ends, measure_spread
from ss_ray.codec.order_axis import OrderAxis, order_axis
from ss_ray.schema import ColumnSchema

ONE_WAY = 0.95
"""Share of the steps that go one way, or nowhere, in a monotone column. A few wrong dates do not change what it is."""


@dataclass(frozen=True, kw_only=True)
class MonotoneColumn:
    """A column that is written as steps from row to row.

    Attributes:
        axis: Axis of the column, on which values have a distance.
        lowest: Smallest step, in units of the axis.
        highest: Largest step, in units of the axis.
    """

    axis: OrderAxis
    lowest: int
    highest: int

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.axis.column.name

    @property
    def step_column(self) -> ColumnSchema:
        """Column of the steps."""
        # The first row of a sequence has no row before it.
        return replace(describe_differences(self.axis.column, self.lowest, self.highest), nullable=True)

    def to_steps(self, values: pa.ChunkedArray, starts: Ints) -> pa.ChunkedArray:
        """(rows,) step to each row from the row before, inside the bounds; missing in the first row of a sequence."""
        steps, is_first = gaps_of(self.axis.places(values), starts)
        return pa.chunked_array([pa.array(np.clip(steps, self.lowest, self.highest), mask=is_first)])

    def from_steps(self, first: pa.ChunkedArray, steps: pa.ChunkedArray, starts: Ints) -> pa.Array:
        """(rows,) values.

        A sequence that would leave the bounds of the column starts higher or lower instead; where it cannot, it stays
        at the bound.

        Args:
            first: (sequences,) value that each starts with.
            steps: (rows,) distance from the row before; missing counts as none.
            starts: (sequences + 1,) first row of each sequence, which has one at least, and the number of rows.
        """
        total = add_up(steps.fill_null(0).to_numpy(), starts)
        low, high = self.axis.bounds
        earliest = low - np.minimum.reduceat(total, starts[:-1])
        latest = high - np.maximum.reduceat(total, starts[:-1])
        place = np.maximum(np.minimum(self.axis.places(first), latest), earliest)
        return self.axis.values(np.repeat(place, np.diff(starts)) + total)


def find_monotone(table: pa.Table, starts: Ints, columns: Iterable[ColumnSchema]) -> tuple[MonotoneColumn, ...]:
    """The monotone ones of some columns of rows.

    Args:
        table: Rows of whole sequences, in order.
        starts: (sequences + 1,) first row of each, and the number of rows.
        columns: Columns to look at; those with missing values are never monotone.
    """
    axes = (order_axis(column, table.column(column.name)) for column in columns)
    found = (_describe_steps(table, starts, axis) for axis in axes if axis is not None)
    return tuple(column for column in found if column is not None)


def _describe_steps(table: pa.Table, starts: Ints, axis: OrderAxis) -> MonotoneColumn | None:
    """The column as steps; None where these are too few, go both ways, or are no shorter than the values differ."""
    places = axis.places(table.column(axis.column.name))
    gaps, is_first = gaps_of(places, starts)
    steps = gaps[~is_first]
    if len(steps) < MIN_ROWS or not steps.any():
        return None

    is_one_way = max(np.mean(steps >= 0), np.mean(steps <= 0)) >= ONE_WAY
    # Of values that never differ within a sequence, the steps say nothing.
    if not is_one_way or measure_spread(steps) > NARROW * measure_spread(places):
        return None

    lowest, highest = find_difference_ends(steps)
    return MonotoneColumn(axis=axis, lowest=lowest, highest=highest)
