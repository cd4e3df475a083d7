"""Cells of a column as arrays that can be compared: hashes, numbers, moments, and declared values in their type.

Rows are compared by 64-bit hashes of their values: equal values always have equal hashes, in every table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.base import Bound, Cell
from ss_ray.errors import ConfigError
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, arrow_type

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
NUMBERS = (Kind.INTEGER, Kind.FLOAT, Kind.TIME, Kind.DURATION)
DATES = (Kind.DATE, Kind.DATETIME)


def plain(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, its dictionary looked up."""
    array = table.column(name).combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    return array


def row_hashes(table: pa.Table, columns: Sequence[str]) -> tuple[Hashes, Mask]:
    """(rows,) hash of the values in these columns, and (rows,) whether all of them are there."""
    hashes = np.zeros(table.num_rows, np.uint64)
    complete = np.ones(table.num_rows, bool)
    for name in columns:
        encoded = plain(table, name).dictionary_encode()
        # The last one for missing values.
        known = np.append(_value_hashes(encoded.dictionary), np.uint64(0))
        codes = pc.fill_null(encoded.indices, len(known) - 1).to_numpy(zero_copy_only=False)
        # The multiplier of Fibonacci hashing mixes the columns, so that their order counts.
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + known[codes]
        complete &= is_present(encoded)

    return hashes, complete


def repeats(hashes: Hashes, compared: Mask) -> Mask:
    """(rows,) whether an earlier one of the rows that are compared has the same hash."""
    broken = np.zeros(len(hashes), bool)
    broken[compared] = pd.Series(hashes[compared]).duplicated().to_numpy()
    return broken


def allowed(column: ColumnSchema, array: pa.Array) -> Mask:
    """(rows,) whether the schema allows each value, and a missing one."""
    # Bounds and values of decimals are floats.
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())

    inside = np.ones(len(array), bool)
    if column.values is not None:
        inside = to_mask(pc.is_in(array, value_set=declared(column.values, array.type)))
    elif column.kind in ORDERED_KINDS:
        inside = is_within(array, column.minimum, column.maximum)

    return np.where(is_present(array), inside, column.nullable)


def numbers(array: pa.Array) -> npt.NDArray[Any]:
    """(rows,) int64 of integers and float64 of all other numbers; 0 for missing."""
    if pa.types.is_integer(array.type):
        type_ = pa.int64()
    else:
        type_ = pa.float64()
    return pc.fill_null(array.cast(type_), 0).to_numpy(zero_copy_only=False)


def declared(values: Sequence[Cell], type_: pa.DataType) -> pa.Array:
    """Declared values in the type of a column's cells.

    Raises:
        ConfigError: One cannot be read as that type.
    """
    try:
        return _convert_values(values, type_)
    except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
        # Their messages quote the value.
        is_yes_or_no = any(isinstance(value, bool) for value in values)
        if is_yes_or_no:
            hint = "; YAML reads yes, no, on and off without quotes as true or false"
        else:
            hint = ""
        raise ConfigError(f"a declared value cannot be read as {type_}{hint}") from None


def to_mask(array: pa.Array) -> Mask:
    """(rows,) of booleans, missing ones as false."""
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False).astype(bool)


def is_present(array: pa.Array) -> Mask:
    """(rows,) whether each cell has a value."""
    return array.is_valid().to_numpy(zero_copy_only=False)


def to_comparable(array: pa.Array) -> pd.Series[Any]:
    """(rows,) numbers, or moments of any resolution; dates are midnights, and a time zone is that of UTC."""
    if pa.types.is_temporal(array.type):
        moments = array.to_pandas(date_as_object=False)
        if moments.dt.tz is not None:
            return moments.dt.tz_convert("UTC")
        return moments.dt.tz_localize("UTC")

    return pd.Series(numbers(array))


def is_within(array: pa.Array, minimum: Bound | None, maximum: Bound | None) -> Mask:
    """(rows,) whether values are between bounds; anything for missing ones."""
    values = to_comparable(array)
    inside = np.ones(len(array), bool)
    if minimum is not None:
        inside &= (values >= to_comparable(to_bound(minimum, array.type))[0]).to_numpy()

    if maximum is not None:
        inside &= (values <= to_comparable(to_bound(maximum, array.type))[0]).to_numpy()

    return inside


def to_bound(value: Bound, type_: pa.DataType) -> pa.Array:
    """(1,) a bound in the column's type; of numbers a float where that type does not hold it."""
    try:
        return declared([value], type_)
    except ConfigError:
        if pa.types.is_temporal(type_) or isinstance(value, str):
            raise
        return pa.array([float(value)])


def value_type(column: ColumnSchema) -> pa.DataType:
    """Type of a column's cells."""
    type_ = arrow_type(column)
    if pa.types.is_dictionary(type_):
        return type_.value_type
    return type_


def schema_ends(column: ColumnSchema) -> tuple[Any, Any] | None:
    """Smallest and largest value of the schema, comparable with those of other columns; None without bounds."""
    if column.kind not in ORDERED_KINDS or column.minimum is None or column.maximum is None:
        return None
    return to_limit(column.minimum, column), to_limit(column.maximum, column)


def to_limit(bound: Bound, column: ColumnSchema) -> Any:
    """A bound of a column as a number or a moment."""
    return to_comparable(to_bound(bound, value_type(column)))[0]


def bounds_faults(minimum: Bound | None, maximum: Bound | None, column: ColumnSchema) -> Iterator[str]:
    """Reasons why a column cannot be between two bounds, in words without values."""
    if column.kind not in ORDERED_KINDS:
        yield f"column {column.name!r} is of kind {column.kind.value}; only numbers and dates have bounds"
        return

    low, high = (None if bound is None else to_limit(bound, column) for bound in (minimum, maximum))
    if low is not None and high is not None and low > high:
        yield "its minimum is above its maximum"


def _convert_values(values: Sequence[Cell], type_: pa.DataType) -> pa.Array:
    if any(isinstance(value, bool) != pa.types.is_boolean(type_) for value in values):
        raise ValueError("booleans are no numbers and no strings")

    if pa.types.is_temporal(type_):
        texts = pa.array([str(value).removesuffix("Z") for value in values], pa.string())
        if pa.types.is_timestamp(type_):
            return texts.cast(pa.timestamp(type_.unit)).cast(type_)
        return texts.cast(type_)

    if pa.types.is_decimal(type_):
        return pa.array([Decimal(str(value)) for value in values], type_)
    if pa.types.is_integer(type_) and any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError("not a whole number")
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pa.array([str(value) for value in values], type_)

    return pa.array(values, type_)


def _value_hashes(values: pa.Array) -> Hashes:
    if pa.types.is_null(values.type):
        return np.zeros(len(values), np.uint64)

    if pa.types.is_decimal(values.type):
        values = values.cast(pa.string())
    elif pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.int64())

    data = values.to_numpy(zero_copy_only=False)
    if data.dtype.kind == "f":
        # -0.0 is 0.0.
        data = data + data.dtype.type(0)

    hashes: Hashes = pd.util.hash_array(data, categorize=False)
    return hashes
