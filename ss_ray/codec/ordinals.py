"""Ordered columns as 64-bit integers ("units"), and back.

Integers, decimal floats, dates and datetimes have a natural integer: the value over its resolution. A float of full
precision maps to its rank among all floats of its type (the bits, sign-adjusted), which keeps order and range from
1e-308 to 1e308. Everything downstream (quantiles, bins, bounds) then works on one kind of number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.decimals import decimals_of_units, nearest_decimals
from ss_ray.errors import DataError
from ss_ray.schema import ORDERED_KINDS, WHOLE_KINDS, ColumnSchema, Kind, arrow_type
from ss_ray.tables.spellings.dates import SECONDS_PER_DAY, TICKS_PER_SECOND, Period, period_of

Units = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MIN_DISTINCT = 10
"""Distinct values from which their common divisor says something about the column."""
CALENDAR_STEPS = (SECONDS_PER_DAY, 3600, 60, 1)
"""Seconds of a day, an hour, a minute and a second."""
DAYS_BEFORE = 3
"""Days of the week of 1970-01-01 that came before it; weeks begin on Monday."""
_MAX_UNITS = 2**61
"""Units up to which neither a difference nor a sum can leave 64 bits."""
# Below this, value * 10**decimals rounds to the right integer.
_EXACT = 2.0**50


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mapping of a column to units: value = (units * step + offset) / 10**decimals.

    Attributes:
        decimals: Digits kept after the point; None for the rank of the bits.
        step: Common divisor of the distances between values, in ticks of the storage type (prices in fives, timestamps
            without a time).
        offset: Common remainder of all values divided by the step (timestamps at noon), 0..step-1.
    """

    decimals: int | None = 0
    step: int = 1
    offset: int = 0


def fit_scale(array: pa.ChunkedArray, column: ColumnSchema) -> Scale:
    """The scale of a column, its step read off the values of `array` (a sample of it)."""
    if column.kind is Kind.FLOAT:
        return float_scale(column)

    ticks = np.unique(to_units(array.drop_null(), column, Scale()))
    # The common divisor of a few values is an accident, unless it is a whole day or hour.
    if len(ticks) < MIN_DISTINCT:
        return Scale(step=_calendar_step(ticks, column))

    # unsigned: distances may pass 2**63.
    step = int(np.gcd.reduce(np.diff(ticks.view(np.uint64))))
    return Scale(step=step, offset=int(ticks[0]) % step)


def to_units(array: pa.ChunkedArray | pa.Array, column: ColumnSchema, scale: Scale) -> Units:
    """Units of each value; missing values give an arbitrary number, values between two units the lower unit."""
    if column.kind is Kind.FLOAT:
        values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return _float_units(np.nan_to_num(values), column, scale)
    return np.floor_divide(_count_ticks(array, column), scale.step)


def from_units(units: Units, valid: Mask, column: ColumnSchema, scale: Scale) -> pa.Array:
    """Inverse of `to_units`: an array of the column's storage type, missing where `valid` is False.

    Args:
        units: (rows,), each inside `bound_units`.
        valid: Whether each value is present, (rows,).
        column: Schema of the column.
        scale: Scale of the units.
    """
    target = arrow_type(column)
    if column.kind is not Kind.FLOAT:
        numbers = units * scale.step + scale.offset
        if pa.types.is_date(target):
            numbers = _first_days(numbers, period_of(column.format))
        ticks = pa.array(numbers, mask=~valid)
        if pa.types.is_date(target):
            return ticks.cast(pa.int32()).cast(pa.date32()).cast(target)
        return ticks.cast(target)

    if pa.types.is_decimal(target):
        if scale.decimals is not None:
            return decimals_of_units(units, valid, target)
        return nearest_decimals(_unrank_floats(units, np.float64), valid, target, _float_ends(column))

    return pa.array(_units_to_floats(units, column, scale), mask=~valid).cast(target, safe=False)


def bound_units(column: ColumnSchema, scale: Scale) -> tuple[int, int]:
    """The smallest and the largest unit whose value lies inside the bounds of the schema.

    Raises:
        DataError: The column's type has no value between its bounds.
    """
    if column.kind is Kind.FLOAT:
        inside = _float_units_inside(column, scale)
        if not len(inside):
            raise DataError(
                f"column {column.name!r} of type {column.arrow_type} has no value between its bounds; widen them",
                column=column.name,
            )
        return int(inside.min()), int(inside.max())

    bounds = [column.minimum, column.maximum]
    if column.kind in WHOLE_KINDS:
        array = pa.array(bounds, pa.int64())
    else:
        array = pa.array(bounds, pa.string()).cast(arrow_type(column))

    low, high = _count_ticks(array, column).tolist()
    return -((scale.offset - low) // scale.step), (high - scale.offset) // scale.step


def float_scale(column: ColumnSchema) -> Scale:
    """Decimals if a float64 holds them all, else ranks; an Arrow decimal has the decimals of its type."""
    type_ = arrow_type(column)
    if pa.types.is_decimal(type_):
        decimals = type_.scale
    else:
        decimals = column.decimals

    # Beyond this size a float64 has fewer decimals than the column.
    if decimals is None or max(map(abs, _float_ends(column))) * 10.0**decimals >= _EXACT:
        return Scale(decimals=None)

    scale = Scale(decimals=decimals)
    if len(_float_units_inside(column, scale)):
        return scale

    return Scale(decimals=None)


def even_scale(column: ColumnSchema, sample: pa.ChunkedArray | None = None) -> Scale | None:
    """Units in which distances are taken; None for columns without bounds or evenly spaced units.

    Args:
        column: Schema of the column.
        sample: Values of the column. Points in time are counted in days, hours, minutes or seconds where all of them
            are whole; None: in ticks of the storage type.
    """
    if column.kind not in ORDERED_KINDS or column.minimum is None:
        return None

    if column.kind is Kind.FLOAT:
        scale = float_scale(column)
    elif sample is None:
        scale = Scale()
    else:
        scale = Scale(step=_calendar_step(to_units(sample.drop_null(), column, Scale()), column))

    # Ranks of floats are not evenly spaced, so their differences are no distances.
    if scale.decimals is None or max(map(abs, bound_units(column, scale))) > _MAX_UNITS:
        return None

    return scale


def _calendar_step(ticks: Units, column: ColumnSchema) -> int:
    """Ticks of a day, hour, minute or second: the longest that divides all values and both bounds; 1 for none.

    Args:
        ticks: (values,) of a sample, in the storage unit.
        column: Schema of the column; only points in time have such steps.
    """
    if column.kind is not Kind.DATETIME or not len(ticks):
        return 1

    per_second = TICKS_PER_SECOND[arrow_type(column).unit]
    divisor = int(np.gcd.reduce(np.r_[ticks, bound_units(column, Scale())]))
    return next((seconds * per_second for seconds in CALENDAR_STEPS if divisor % (seconds * per_second) == 0), 1)


def _float_ends(column: ColumnSchema) -> tuple[float, float]:
    return float(column.minimum or 0), float(column.maximum or 0)


def _float_units_inside(column: ColumnSchema, scale: Scale) -> Units:
    """Units next to the bounds whose stored values are inside the bounds."""
    low, high = _float_ends(column)
    units = _float_units(np.array([low, high]), column, scale)
    if scale.decimals is None and pa.types.is_decimal(arrow_type(column)):
        # `nearest_decimals` keeps to the bounds.
        return units

    # Rounding to the storage type may move a bound's unit outside the bounds.
    around = np.concatenate([units - 1, units, units + 1])
    values = from_units(around, np.ones(len(around), bool), column, scale).cast(pa.float64()).to_numpy()
    return around[(values >= low) & (values <= high)]


def _float_units(values: npt.NDArray[np.float64], column: ColumnSchema, scale: Scale) -> Units:
    if scale.decimals is not None:
        return np.round(values * 10.0**scale.decimals).astype(np.int64)
    if not pa.types.is_float32(arrow_type(column)):
        return _rank_floats(values)

    # A cast beyond the largest float32 would give infinity.
    largest = float(np.finfo(np.float32).max)
    return _rank_floats(np.clip(values, -largest, largest).astype(np.float32))


def _units_to_floats(units: Units, column: ColumnSchema, scale: Scale) -> npt.NDArray[np.floating]:
    if scale.decimals is not None:
        return units / 10.0**scale.decimals
    return _unrank_floats(units, np.float32 if pa.types.is_float32(arrow_type(column)) else np.float64)


def _count_ticks(array: pa.ChunkedArray | pa.Array, column: ColumnSchema) -> Units:
    """Dates as days or as the periods that they are written in, other values in their storage unit; missing as 0."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()

    if pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_time32(array.type):
        array = array.cast(pa.int32())

    ticks: Units = pc.fill_null(array.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    if column.kind is Kind.DATE:
        return _count_periods(ticks, period_of(column.format))
    return ticks


def _count_periods(days: Units, period: Period) -> Units:
    """Weeks, months or quarters since 1970 of days since 1970."""
    if period == "day":
        return days
    if period == "week":
        return np.floor_divide(days + DAYS_BEFORE, 7)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.floor_divide(months, 3) if period == "quarter" else months


def _first_days(periods: Units, period: Period) -> Units:
    """Days since 1970 of the first day of each period."""
    if period == "day":
        return periods
    if period == "week":
        return periods * 7 - DAYS_BEFORE
    months = periods * 3 if period == "quarter" else periods
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _rank_floats(values: npt.NDArray[np.floating]) -> Units:
    """IEEE 754 bits of finite floats in the order of the numbers: negative floats get negative ranks."""
    bits_type = np.int32 if values.dtype == np.float32 else np.int64
    # + 0 turns -0.0 into 0.0.
    bits = (values + values.dtype.type(0)).view(bits_type).astype(np.int64)
    return np.where(bits < 0, np.iinfo(bits_type).min - bits, bits)


def _unrank_floats(units: Units, dtype: type[np.floating]) -> npt.NDArray[np.floating]:
    bits_type = np.int32 if dtype is np.float32 else np.int64
    # The inverse of `_rank_floats`: the mapping of negative numbers is its own inverse.
    bits = np.where(units < 0, np.iinfo(bits_type).min - units, units)
    return bits.astype(bits_type).view(dtype)
