"""Ordered columns as 64-bit integers ("units"), and back.

Integers, decimal floats, dates and datetimes have a natural integer: the value over its resolution. A float of full
precision maps to its rank among all floats (the bits, sign-adjusted), which keeps order and range from 1e-308 to
1e308. Everything downstream (quantiles, bins, bounds) then works on one kind of number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.schema import ColumnSchema, Kind, arrow_type

Units = npt.NDArray[np.int64]
_EXACT = 2.0**53  # beyond this a float64 no longer holds every integer


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a column maps to units.

    Attributes:
        decimals: Digits kept after the point; None for the rank of the bits.
        step: Common divisor of all values, in ticks of the storage type (prices in fives, midnight timestamps).
    """

    decimals: int | None = 0
    step: int = 1


def fit_scale(array: pa.ChunkedArray, column: ColumnSchema) -> Scale:
    """The scale of a column, its step read off the values of `array` (a sample of it)."""
    if column.kind is Kind.FLOAT:
        largest = max(abs(float(column.minimum or 0)), abs(float(column.maximum or 0)))
        if column.decimals is None or largest * 10.0**column.decimals >= _EXACT:
            return Scale(decimals=None)
        return Scale(decimals=column.decimals)
    units = to_units(array.drop_null(), column, Scale())
    step = int(np.gcd.reduce(units)) if len(units) else 1
    return Scale(step=max(1, abs(step)))


def to_units(array: pa.ChunkedArray | pa.Array, column: ColumnSchema, scale: Scale) -> Units:
    """Units of each value; missing values give an arbitrary number."""
    if column.kind is Kind.FLOAT:
        values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return _rank(values) if scale.decimals is None else _scaled(values, scale.decimals)
    ticks = _ticks(array).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.floor_divide(ticks, scale.step)


def from_units(units: Units, valid: npt.NDArray[np.bool_], column: ColumnSchema, scale: Scale) -> pa.Array:
    """Inverse of `to_units`: an array of the column's storage type, missing where `valid` is False."""
    if column.kind is Kind.FLOAT:
        values = _unrank(units) if scale.decimals is None else np.round(units / 10.0**scale.decimals, scale.decimals)
        return pa.array(values, mask=~valid).cast(arrow_type(column), safe=False)
    ticks = pa.array(units * scale.step, mask=~valid)
    target = arrow_type(column)
    return ticks.cast(pa.int32()).cast(target) if pa.types.is_date32(target) else ticks.cast(target)


def bound_units(column: ColumnSchema, scale: Scale) -> tuple[int, int]:
    """Units of the schema's minimum and maximum."""
    bounds = [column.minimum, column.maximum]
    if column.kind is Kind.FLOAT:
        array = pa.array([float(b) for b in bounds if b is not None], pa.float64())
    elif column.kind is Kind.INTEGER:
        array = pa.array(bounds, pa.int64())
    else:
        array = pa.array(bounds, pa.string()).cast(arrow_type(column))
    low, high = to_units(array, column, scale)
    return int(low), int(high)


def _ticks(array: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Temporal or integer values as int64 counts of the storage unit; missing as 0."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    return pc.fill_null(array.cast(pa.int64()), 0)


def _scaled(values: npt.NDArray[np.float64], decimals: int) -> Units:
    return np.round(np.nan_to_num(values) * 10.0**decimals).astype(np.int64)


def _rank(values: npt.NDArray[np.float64]) -> Units:
    """IEEE 754 bits in the order of the numbers: negative floats get negative ranks."""
    bits = (np.nan_to_num(values, posinf=np.inf, neginf=-np.inf) + 0.0).view(np.int64)  # + 0.0 turns -0.0 into 0.0
    return np.where(bits < 0, np.int64(np.iinfo(np.int64).min) - bits, bits)


def _unrank(units: Units) -> npt.NDArray[np.float64]:
    bits = np.where(units < 0, np.int64(np.iinfo(np.int64).min) - units, units)
    return bits.view(np.float64)
