"""The column that orders a sequence, on an axis of whole numbers on which neighbours have a distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.columns import value_array
from ss_ray.codec.ordinals import Scale, Units, bound_units, even_scale, from_units, to_units
from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, Scalar, arrow_type


@dataclass(frozen=True, kw_only=True)
class OrderAxis:
    """Places of values: units of a number or a date, or the number of a listed value.

    Attributes:
        column: The order column, without missing values.
        scale: Scale of its units.
    """

    column: ColumnSchema
    scale: Scale

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last place."""
        if self.column.values is not None:
            return 0, len(self.column.values) - 1
        return bound_units(self.column, self.scale)

    def places(self, array: pa.ChunkedArray | pa.Array) -> Units:
        """(rows,) place of each value."""
        if self.column.values is None:
            return to_units(array, self.column, self.scale)
        found = pc.index_in(array, value_set=value_array(self.column))
        return found.to_numpy(zero_copy_only=False).astype(np.int64)

    def place(self, value: Scalar) -> int:
        """Place of one value, a date in ISO 8601, inside the bounds or outside.

        Raises:
            DataError: The column's type cannot hold it.
        """
        type_ = arrow_type(self.column)
        try:
            array = pa.array([str(value)] if pa.types.is_temporal(type_) else [value]).cast(type_)
        except (pa.ArrowException, OverflowError):
            raise DataError(f"column {self.column.name!r} cannot hold {value!r}", column=self.column.name) from None

        return int(to_units(array, self.column, self.scale)[0])

    def values(self, places: Units, *, clip: bool = True) -> pa.Array:
        """(rows,) value at each place; beyond the ends, that at the end, or with `clip` off as far as it is."""
        if clip:
            inside = np.clip(places, *self.bounds)
        else:
            inside = places

        if self.column.values is not None:
            return value_array(self.column).take(pa.array(inside))

        try:
            return from_units(inside, np.ones(len(inside), bool), self.column, self.scale)
        except pa.ArrowInvalid:
            raise DataError(
                f"column {self.column.name!r} of type {self.column.arrow_type} cannot hold what comes after its last "
                "value; ask for shorter sequences, or a wider type",
                column=self.column.name,
            ) from None


def order_axis(column: ColumnSchema, sample: pa.ChunkedArray | None = None) -> OrderAxis | None:
    """The axis of a column; None for text, categories, identifiers, and numbers without an even grid.

    Args:
        column: Schema of the column.
        sample: Values whose whole days, hours, minutes or seconds the axis counts; None: it counts ticks.
    """
    scale = None if column.nullable else even_scale(column, sample)
    if scale is None:
        return None

    axis = OrderAxis(column=column, scale=scale)
    if column.values is None or column.kind is Kind.FLOAT or len(column.values) < 2:
        return axis

    listed = value_array(column)
    steps = np.unique(np.diff(to_units(listed, column, scale)))
    if len(steps) > 1:
        return axis

    even = Scale(step=int(steps[0]), offset=int(to_units(listed, column, scale)[0]) % int(steps[0]))
    return OrderAxis(column=replace(column, values=None), scale=even)
