"""Columns of a sequence as their distance from the order column: the end of a stay as its days.

The order column is written as its distance from the row before, so no other column can be measured from it in the row's
own tokens. Such a column is replaced by a whole number before it is encoded, and added to the order column afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.differences import (
    MIN_ROWS,
    NARROW,
    add_differences,
    can_anchor,
    compute_differences,
    describe_differences,
    find_difference_ends,
    measure_spread,
)
from ss_ray.codec.order_axis import OrderAxis
from ss_ray.codec.ordinals import Scale, bound_units, even_scale, from_units, to_units
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type, is_dated

IN_ORDER = 0.99
"""Share of the rows in which a column lies on one side of the order column. Rare values that were held back do not."""


@dataclass(frozen=True, kw_only=True)
class OrderDistance:
    """A column that is written as its distance from the order column.

    Attributes:
        column: Column of the distances, whole numbers.
        scale: Units of the distances, in which both columns are counted.
    """

    column: ColumnSchema
    scale: Scale

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name


def find_distances(
    table: pa.Table, schema: TableSchema, header: TableSchema, axis: OrderAxis | None
) -> tuple[OrderDistance, ...]:
    """Columns of rows that stay close to the order column on one side, as whole numbers of their units.

    Args:
        table: Rows in storage types.
        schema: Schema of the rows.
        header: Schema of what is written once in a sequence.
        axis: Axis of the order column; None where there is none.
    """
    # Listed values of an order column have places of their own, which other columns do not share.
    if axis is None or axis.column.values is not None:
        return ()
    order = schema[axis.column.name]
    if order.values is not None and axis.scale != even_scale(order):
        return ()

    others = (c for c in schema.columns if c.name not in header.names and c.values is None and c.kind is not Kind.TEXT)
    near = (c for c in others if can_anchor(order, c))
    return tuple(found for column in near if (found := _describe_distances(table, column, axis)) is not None)


def with_distances(table: pa.Table, schema: TableSchema, axis: OrderAxis, found: Sequence[OrderDistance]) -> pa.Table:
    """The table with the found columns as their distances from the order column, inside their bounds."""
    for distance in found:
        column = distance.column
        distances = compute_differences(table, schema[column.name], axis.column, distance.scale)
        inside = pc.max_element_wise(
            pc.min_element_wise(distances, column.maximum, skip_nulls=False), column.minimum, skip_nulls=False
        )
        table = table.set_column(table.column_names.index(column.name), column.name, inside)
    return table


def without_distances(distances: pa.Array, origin: pa.Array, column: ColumnSchema, scale: Scale) -> pa.Array:
    """(rows,) values of a column at distances from the order column.

    Args:
        distances: (rows,) whole numbers of units.
        origin: (rows,) values of the order column.
        column: Column of the values, with bounds that `widened` has moved.
        scale: Units of the distances.
    """
    lowest = pc.min(distances).as_py()
    return add_differences(distances, origin, column, scale, is_later=lowest is None or lowest >= 0)


def widened(column: ColumnSchema, distance: OrderDistance, axis: OrderAxis) -> ColumnSchema:
    """The column with bounds that hold every distance from every value of the order column."""
    scale = distance.scale
    lowest, highest = int(distance.column.minimum or 0), int(distance.column.maximum or 0)
    # The axis may have finer units, whose values count as the unit before them.
    first, last = (place * axis.scale.step // scale.step for place in axis.bounds)
    low, high = bound_units(column, scale)
    units = np.array([min(low, first + lowest), max(high, last + highest)])
    bounds = from_units(units, np.ones(2, bool), column, scale)
    if is_dated(arrow_type(column)):
        bounds = bounds.cast(pa.string())

    minimum, maximum = bounds.to_pylist()
    return replace(
        column,
        minimum=minimum if units[0] < low else column.minimum,
        maximum=maximum if units[1] > high else column.maximum,
    )


def _describe_distances(table: pa.Table, column: ColumnSchema, axis: OrderAxis) -> OrderDistance | None:
    """The distances of a column that stays close to the order column; None for another column."""
    values = table.column(column.name)
    scale = even_scale(column, values)
    if scale is None:
        return None

    units = to_units(values.drop_null(), column, scale)
    distances = compute_differences(table, column, axis.column, scale).drop_null().to_numpy()
    is_near = len(distances) >= MIN_ROWS and measure_spread(distances) <= NARROW * measure_spread(units)
    if not is_near:
        return None

    low, high = find_difference_ends(distances)
    if np.mean(distances >= 0) >= IN_ORDER:
        low = max(low, 0)
    elif np.mean(distances <= 0) >= IN_ORDER:
        high = min(high, 0)
    else:
        return None

    found = OrderDistance(column=describe_differences(column, low, high), scale=scale)
    try:
        widened(column, found, axis)
    except (pa.ArrowInvalid, OverflowError):
        # The type of the column ends where the order column does.
        return None
    return found
