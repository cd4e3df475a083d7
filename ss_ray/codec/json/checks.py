"""Checks of a column of a model's JSON records: typed values, and the cells that the schema does not allow.

A cell of the wrong kind is a fault, never an exception: it is counted by its reason, and its value goes nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.json.cells import (
    EXACT,
    bound_array,
    cell_texts,
    decimal_of,
    decimals_of,
    listed_array,
    listed_texts,
    storage_type,
)
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind
from ss_ray.tables.spellings.dates import iso_strings

REASONS = ("", "type", "missing", "range", "value", "decimals", "length")
"""Why a cell is refused; a cell's fault is an index of this."""
_TYPE, _MISSING, _RANGE, _VALUE, _DECIMALS, _LENGTH = range(1, len(REASONS))
_OFF_GRID = 1e-3
"""Distance from a multiple of 10**-decimals, in these, that is more than rounding."""
_CONTEXT = Context(prec=100)
_DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"T([01][0-9]|2[0-3])(:[0-5][0-9]){2}"
_NANOSECONDS = ("1677-09-21T00:12:44.000000000", "2262-04-11T23:47:16.854775807")
"""The first moment of 64 bits of nanoseconds that Arrow reads, and the last."""

Mask = npt.NDArray[np.bool_]
Faults = npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """One column of many records.

    Attributes:
        array: (rows,) values of the column's storage type (of a dictionary, of its entries; of an identifier, whether
            there is one); missing where there is a fault.
        faults: (rows,) index of REASONS, 0 where the schema allows the cell.
        repaired: (rows,) whether a number was moved to the bound.
    """

    array: pa.Array
    faults: Faults
    repaired: Mask


def read_cells(values: Sequence[Any], column: ColumnSchema, *, clamp: bool) -> Cells:
    """Check the cells of a column, given the values of `json.loads`.

    Args:
        values: (rows,) numbers (fractions as floats or Decimals), strings, booleans, None, or anything else.
        column: Schema of the column.
        clamp: Whether a number or date beyond the bounds is moved to the bound instead of refused.
    """
    if column.kind is Kind.IDENTIFIER:
        cells = _of_types(values, (bool,), pa.bool_())
        cells.faults[np.array([value is False for value in values], bool)] = _TYPE
    elif column.values is not None and column.kind is not Kind.TEXT:
        cells = _read_listed(values, column)
    else:
        cells = _read_stored(values, column, clamp)

    if not column.nullable:
        missing = np.array([value is None for value in values], bool)
        cells.faults[missing & (cells.faults == 0)] = _MISSING

    return cells


def _read_listed(values: Sequence[Any], column: ColumnSchema) -> Cells:
    """A listed value is recognised by its canonical spelling."""
    cells = _read_stored(values, column, clamp=False, bounded=False)
    index = pc.index_in(cell_texts(cells.array, column), value_set=pa.array(listed_texts(column), pa.large_string()))
    unknown = cells.array.is_valid().to_numpy(zero_copy_only=False) & ~_valid_mask(index)
    cells.faults[unknown] = _VALUE
    return Cells(array=listed_array(column).take(index), faults=cells.faults, repaired=cells.repaired)


def _read_stored(values: Sequence[Any], column: ColumnSchema, clamp: bool, bounded: bool = True) -> Cells:
    """Cells by the storage type; outside the bounds where the column is `bounded` is a fault or is moved."""
    type_ = storage_type(column)
    bounded = bounded and column.kind in ORDERED_KINDS and None not in (column.minimum, column.maximum)
    if pa.types.is_boolean(type_):
        return _of_types(values, (bool,), type_)
    if pa.types.is_integer(type_):
        return _read_integers(values, column, clamp, bounded)
    if pa.types.is_decimal(type_):
        return _read_decimals(values, column, clamp, bounded)
    if pa.types.is_floating(type_):
        return _read_floats(values, column, clamp, bounded)
    if pa.types.is_temporal(type_):
        return _read_dates(values, column, clamp, bounded)

    return _read_texts(values, column)


def _of_types(values: Sequence[Any], types: tuple[type, ...], target: pa.DataType) -> Cells:
    """Values of exactly these Python types; others are faults."""
    # The exact type, because bool is a subclass of int.
    kept = [value if type(value) in types else None for value in values]
    return Cells(array=pa.array(kept, target), faults=_type_faults(values, kept), repaired=np.zeros(len(kept), bool))


def _type_faults(values: Sequence[Any], kept: Sequence[Any]) -> Faults:
    """(rows,) type faults where a value that is there was not kept."""
    wrong = [k is None and v is not None for k, v in zip(kept, values, strict=True)]
    return np.array(wrong, bool) * np.int8(_TYPE)


def _read_integers(values: Sequence[Any], column: ColumnSchema, clamp: bool, bounded: bool) -> Cells:
    type_ = storage_type(column)
    bits = type_.bit_width - pa.types.is_signed_integer(type_)
    if pa.types.is_signed_integer(type_):
        low = -(2**bits)
    else:
        low = 0

    high = 2**bits - 1
    if bounded:
        low = max(low, int(column.minimum or 0))
        high = min(high, int(column.maximum or 0))

    kept = [value if type(value) is int else None for value in values]
    faults = _type_faults(values, kept)
    outside = np.array([value is not None and not low <= value <= high for value in kept], bool)
    if outside.any():
        # Moved before Arrow converts them: it cannot hold integers of any size.
        kept = [None if v is None else min(max(v, low), high) for v in kept]

    return _settle_bounds(pa.array(kept, type_), faults, outside, clamp and bounded)


def _settle_bounds(array: pa.Array, faults: Faults, outside: Mask, clamp: bool) -> Cells:
    """Cells whose values were clipped to the bounds; the clipped ones count as repaired or as faults."""
    if clamp:
        return Cells(array=array, faults=faults, repaired=outside)

    faults[outside] = _RANGE
    if outside.any():
        array = pc.if_else(pa.array(outside), pa.scalar(None, array.type), array)

    return Cells(array=array, faults=faults, repaired=np.zeros(len(outside), bool))


def _read_floats(values: Sequence[Any], column: ColumnSchema, clamp: bool, bounded: bool) -> Cells:
    type_ = storage_type(column)
    decimals = decimals_of(column)
    kept = [_parse_float(value) for value in values]
    faults = _type_faults(values, kept)
    missing = np.array([value is None for value in kept], bool)
    numbers = np.array([0.0 if value is None else value for value in kept], np.float64)
    limit = float(np.finfo(type_.to_pandas_dtype()).max)
    if bounded:
        low = float(column.minimum or 0)
        high = float(column.maximum or 0)
    else:
        low = -limit
        high = limit

    # Compared as stored: a float32 bound may differ from the float64 of the same digits.
    stored = numbers.clip(-limit, limit).astype(type_.to_pandas_dtype())
    outside = ~missing & ((stored < stored.dtype.type(low)) | (stored > stored.dtype.type(high)) | np.isinf(numbers))
    if decimals is not None:
        scaled = np.where(np.abs(numbers) < EXACT / 10.0**decimals, numbers, 0.0) * 10.0**decimals
        # Two roundings of the float.
        off = np.abs(scaled - np.round(scaled)) > _OFF_GRID + np.abs(scaled) * 2.0**-51
        faults[off & ~missing] = _DECIMALS
        missing |= off

    array = pa.array(stored.clip(stored.dtype.type(low), stored.dtype.type(high)) + 0.0, type_, mask=missing)
    return _settle_bounds(array, faults, outside & ~missing, clamp and bounded)


def _parse_float(value: Any) -> float | None:
    """A JSON number as a float; None for anything else, and for numbers outside of JSON."""
    if type(value) is float:
        # JSON has no NaN, though Python's parser reads one.
        if value != value:
            return None
        return value

    if type(value) in (int, Decimal):
        try:
            return float(value)
        except OverflowError:
            # Beyond every float, so the bounds decide what becomes of it.
            return float("inf")

    return None


def _read_decimals(values: Sequence[Any], column: ColumnSchema, clamp: bool, bounded: bool) -> Cells:
    type_ = storage_type(column)
    numbers = [decimal_of(value) for value in values]
    faults = _type_faults(values, numbers)
    kept: list[Decimal | None] = []

    for index, number in enumerate(numbers):
        exact, fault = _on_scale(number, type_)
        kept.append(exact)
        faults[index] = faults[index] or fault

    array = pa.array(kept, type_)
    if not bounded:
        return Cells(array=array, faults=faults, repaired=np.zeros(len(kept), bool))

    low = float(column.minimum or 0)
    high = float(column.maximum or 0)
    floats = pc.fill_null(array.cast(pa.float64()), low).to_numpy(zero_copy_only=False)
    below = floats < low
    above = floats > high
    if below.any() or above.any():
        ends = bound_array(column)
        array = pc.if_else(pa.array(below), ends[0], pc.if_else(pa.array(above), ends[1], array))

    return _settle_bounds(array, faults, below | above, clamp)


def _on_scale(number: Decimal | None, type_: pa.DataType) -> tuple[Decimal | None, int]:
    """A decimal with the type's digits after the point, and its fault."""
    if number is None:
        return None, 0

    try:
        exact = number.quantize(Decimal(1).scaleb(-type_.scale, _CONTEXT), context=_CONTEXT)
    except DecimalException:
        return None, _RANGE

    if exact != number:
        return None, _DECIMALS
    if exact.copy_abs().scaleb(type_.scale, _CONTEXT) >= 10**type_.precision:
        return None, _RANGE

    # 0 for -0; arithmetic would round to 28 digits.
    return (exact if exact else exact.copy_abs()), 0


def _read_dates(values: Sequence[Any], column: ColumnSchema, clamp: bool, bounded: bool) -> Cells:
    """Dates and times in ISO 8601; they have one width, so they are compared as strings."""
    type_ = storage_type(column)
    if _are_encodable(values):
        texts = _of_types(values, (str,), pa.string())
    else:
        texts = _encodable_only(values)

    if bounded:
        bounds = iso_strings(bound_array(column)).to_pylist()
    else:
        bounds = []

    real = _is_date(texts.array, type_)
    texts.faults[_valid_mask(texts.array) & ~real] = _TYPE
    array = pc.if_else(pa.array(real), texts.array, None)
    outside = np.zeros(len(values), bool)
    if bounds:
        clamped = pc.max_element_wise(
            pc.min_element_wise(array, bounds[1], skip_nulls=False), bounds[0], skip_nulls=False
        )
        outside = pc.fill_null(pc.not_equal(array, clamped), False).to_numpy(zero_copy_only=False)
        array = clamped

    return _settle_bounds(array.cast(type_), texts.faults, outside, clamp and bounded)


def _is_date(texts: pa.Array, type_: pa.DataType) -> Mask:
    """(rows,) whether a string is exactly the spelling of a value of the type."""
    shape = _DATE
    if pa.types.is_timestamp(type_):
        digits = {"s": 0, "ms": 3, "us": 6, "ns": 9}[type_.unit]
        shape += _TIME + (rf"\.[0-9]{{{digits}}}" if digits else "") + ("Z" if type_.tz else "")

    # Arrow's cast accepts other spellings too, which would not be written back.
    fits = pc.fill_null(pc.match_substring_regex(texts, shape + "$"), False).to_numpy(zero_copy_only=False)
    days = pc.if_else(pa.array(fits), pc.utf8_slice_codeunits(texts, 0, 10), "1970-01-01").to_pylist()
    months = np.array([day[:7] for day in days], "datetime64[M]")
    # The pattern accepts 31 days in every month.
    lengths = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    real: Mask = fits & (np.array([int(day[8:]) for day in days], np.int64) <= lengths)
    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        return real & _fits_nanoseconds(texts)

    return real


def _fits_nanoseconds(texts: pa.Array) -> Mask:
    """(rows,) whether a moment lies inside the 584 years that 64 bits of nanoseconds cover."""
    moments = pc.fill_null(pc.utf8_slice_codeunits(texts, 0, len(_NANOSECONDS[0])), "")
    inside = pc.and_(pc.greater_equal(moments, _NANOSECONDS[0]), pc.less_equal(moments, _NANOSECONDS[1]))
    fits: Mask = inside.to_numpy(zero_copy_only=False)
    return fits


def _read_texts(values: Sequence[Any], column: ColumnSchema) -> Cells:
    type_ = storage_type(column)
    if _are_encodable(values):
        texts = _of_types(values, (str,), pa.large_string())
    else:
        texts = _encodable_only(values)

    if column.max_length is not None:
        too_long = pc.fill_null(pc.greater(pc.utf8_length(texts.array), column.max_length), False)
        texts.faults[too_long.to_numpy(zero_copy_only=False)] = _LENGTH

    return Cells(array=texts.array.cast(type_), faults=texts.faults, repaired=texts.repaired)


def _are_encodable(values: Sequence[Any]) -> bool:
    """Whether all strings are valid Unicode: half a surrogate pair, which JSON can escape, is not."""
    try:
        "\0".join(value for value in values if type(value) is str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _encodable_only(values: Sequence[Any]) -> Cells:
    kept = [value if type(value) is str and _are_encodable([value]) else None for value in values]
    array = pa.array(kept, pa.string())
    return Cells(array=array, faults=_type_faults(values, kept), repaired=np.zeros(len(kept), bool))


def _valid_mask(array: pa.Array) -> Mask:
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return mask
