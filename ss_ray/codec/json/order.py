"""The order column in JSON lines: the start of a group, and the distance of each row from the row before.

    {"day":"2024-03-01","sex":"f"}      the start, in the line that heads a group
    {"gap":0,"items":2}                 the first record, whose distance counts for nothing
    {"gap":7,"items":1}                 a week later

Where all neighbours have the same distance, records say nothing of it. So rows ascend whatever a model writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ss_ray.codec.ascending import LEARNED, Ends, Ints, ascending, find_ends, gaps_of
from ss_ray.codec.json.cells import cell_texts, only_value
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.sequence_tables import Gaps, free_name, gap_column, unbounded
from ss_ray.schema import ColumnSchema, Scalar, TableSchema

GAP = "gap"
"""Key of the distance, unless a column has this name."""


@dataclass(frozen=True, kw_only=True)
class JsonOrder:
    """The order column as a start and distances.

    Attributes:
        axis: Axis of the order column.
        start: The column with its bounds, as the head of a group has it.
        unit: Places on the axis that a distance of 1 is.
        gap: Distances that records other than the first may have, under a key of their own; None where records say
            none, for all are the same.
        interval: Fixed distance, where it is not 0; groups may then end beyond the last place, and the schema leaves
            the column without bounds.
        ends: Place on the axis where every group starts, and the last place that a group may reach.
    """

    axis: OrderAxis
    start: ColumnSchema
    unit: int
    gap: ColumnSchema | None
    interval: int | None
    ends: Ends = LEARNED

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.axis.column.name

    @property
    def read_columns(self) -> tuple[ColumnSchema, ...]:
        """Columns of a record, including the start, from which the first record has distance 0."""
        if self.gap is None:
            return ()

        if self.gap.values is None:
            values = None
        else:
            values = tuple(sorted({0, *self.gap.values}))

        return (replace(self.gap, minimum=0, values=values),)

    def open_schema(self, schema: TableSchema) -> TableSchema:
        """The schema of the tables that are composed."""
        is_open = self.interval is not None or self.ends != LEARNED
        if is_open:
            return schema.with_column(unbounded(schema[self.name]))
        return schema

    def between(self, start: Scalar | None, stop: Scalar | None) -> JsonOrder:
        """The order with fixed ends.

        Raises:
            DataError: The column's type does not hold them.
        """
        return replace(self, ends=find_ends(self.axis, start, stop))

    def start_text(self) -> str | None:
        """JSON of the fixed start of every group; None if it is learned, or outside the learned bounds."""
        low, high = self.axis.bounds
        if self.ends.start is None or not low <= self.ends.start <= high:
            return None
        text: str = cell_texts(self.axis.values(np.array([self.ends.start])), self.start)[0].as_py()
        return text

    def with_gaps(self, table: pa.Table, starts: Ints) -> pa.Table:
        """Rows of groups, with the distances that their records say.

        Args:
            table: Group after group, each in order.
            starts: (groups + 1,) first row of each, and the number of rows.
        """
        if self.gap is None:
            return table
        gaps, _ = gaps_of(self.axis.places(table.column(self.name)), starts)
        return table.append_column(self.gap.name, pa.array(gaps // self.unit))

    def composed(self, table: pa.Table, sources: Ints) -> pa.Table:
        """Rows with the order column in place of starts and distances.

        Args:
            table: Parsed table; the start of a group is on each of its rows.
            sources: (rows,) group of each row, ascending.
        """
        firsts = np.flatnonzero(np.diff(sources, prepend=-1))
        only = only_value(self.start)
        if only is not None:
            first = pa.repeat(only, len(firsts))
        else:
            first = table.column(self.name).take(pa.array(firsts))

        if self.gap is None:
            distances = np.full(len(table), self.interval or 0)
        else:
            distances = table.column(self.gap.name).to_numpy() * self.unit

        starts = np.append(firsts, len(table))
        is_fixed = self.interval is not None
        column = ascending(self.axis, first, distances, starts, interval=is_fixed, ends=self.ends)
        dropped = {self.name, *([self.gap.name] if self.gap else [])}
        kept = table.drop_columns([name for name in table.column_names if name in dropped])

        return kept.append_column(self.name, column)


def make_order(
    schema: TableSchema,
    axis: OrderAxis,
    *,
    gaps: Gaps,
    divisor: int,
    interval: int | None,
) -> JsonOrder:
    """The order column of groups.

    Args:
        schema: Schema of the table.
        axis: Axis of its order column.
        gaps: Distances of neighbours.
        divisor: Common divisor of all distances; 0 where they are all 0.
        interval: The one distance of neighbours, where it is to be the same always.
    """
    is_said = interval is None and divisor > 0
    in_units = gaps.in_units(max(1, divisor))
    gap = gap_column(free_name(GAP, schema), in_units)
    return JsonOrder(
        axis=axis,
        start=schema[axis.column.name],
        unit=max(1, divisor),
        gap=replace(gap, nullable=False) if is_said else None,
        interval=interval,
    )
