"""Between what is written in a text file and typed values, both ways.

Whatever is expensive is done once for each distinct value. A date format counts as a column's format only if every
value survives parsing and formatting unchanged, so that output is written as the input was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type

MISSING_WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?", "-")
"""Spellings that mean missing among numbers and dates; among strings they are values."""

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%-m/%-d/%Y",
    "%-d/%-m/%Y",
    "%-d.%-m.%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
)
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%H:%M:%SZ", "%H:%M:%S.%fZ")
DATETIME_FORMATS = tuple(
    f"{date}{separator}{time}" for date in DATE_FORMATS[:10] for separator in (" ", "T") for time in _TIMES
)
BOOLEANS = {"true/false": ("true", "false"), "True/False": ("True", "False"), "TRUE/FALSE": ("TRUE", "FALSE")}
INTEGER_PATTERN = r"^-?(0|[1-9][0-9]{0,18})$"
FLOAT_PATTERN = r"^-?([0-9]|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$"


def type_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table in the schema's storage types; text cells are parsed, NaN becomes missing."""
    arrays = [_typed(table.column(column.name), column) for column in schema.columns]
    return pa.table(arrays, schema=schema.to_arrow())


def written_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table as it should appear in a text file: formats, decimals and spellings of the input."""
    columns = {column.name: _written(table.column(column.name), column) for column in schema.columns}
    return pa.table(list(columns.values()), names=list(columns))


def blank_missing_words(values: pa.Array) -> pa.Array:
    """Strings without surrounding space, missing where they spell a missing value."""
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, pa.array([*MISSING_WORDS, ""], trimmed.type)), None, trimmed)


def parse_dates(values: pa.Array, format_: str) -> pd.Series:
    """(n,) datetimes of strings; NaT where a string is not of the format."""
    series = pd.Series(values.to_pylist(), dtype="str")
    return pd.to_datetime(series, format=format_.replace("%-", "%"), errors="coerce").astype("datetime64[us]")


def format_dates(dates: pd.Series, format_: str) -> pd.Series:
    """(n,) strings; microseconds are cut to the digits that the value needs only where the format has none."""
    return dates.dt.strftime(format_)


def matching_date_format(values: pa.Array, formats: Iterable[str]) -> tuple[str, ...]:
    """The formats that every one of these distinct strings survives a round trip through."""
    return tuple(format_ for format_ in formats if _survives(values[:20], format_) and _survives(values, format_))


def _survives(values: pa.Array, format_: str) -> bool:
    dates = parse_dates(values, format_)
    return bool(not dates.isna().any() and format_dates(dates, format_).tolist() == values.to_pylist())


def _typed(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    target = arrow_type(column)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), None, array)
    if not (pa.types.is_string(array.type) and column.kind in _PARSERS) or pa.types.is_string(target):
        return array.cast(target)
    return _on_distinct(array, lambda values: _PARSERS[column.kind](blank_missing_words(values), column).cast(target))


def _on_distinct(array: pa.ChunkedArray, function: Callable[[pa.Array], pa.Array]) -> pa.ChunkedArray:
    """`function` of every value, computed on the distinct ones."""
    encoded = array.combine_chunks().dictionary_encode()
    return pa.chunked_array([function(encoded.dictionary).take(encoded.indices)])


def _parse_temporal(values: pa.Array, column: ColumnSchema) -> pa.Array:
    dates = parse_dates(values, column.format or "%Y-%m-%d")
    return pa.Array.from_pandas(dates).cast(arrow_type(column), safe=False)


def _parse_boolean(values: pa.Array, column: ColumnSchema) -> pa.Array:
    return pc.equal(pc.utf8_lower(values), "true")


_PARSERS: dict[Kind, Callable[[pa.Array, ColumnSchema], pa.Array]] = {
    Kind.INTEGER: lambda values, column: values,
    Kind.FLOAT: lambda values, column: values.cast(pa.float64()),
    Kind.BOOLEAN: _parse_boolean,
    Kind.DATE: _parse_temporal,
    Kind.DATETIME: _parse_temporal,
}


def _written(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    if column.kind is Kind.BOOLEAN and column.format and pa.types.is_boolean(array.type):
        true, false = BOOLEANS[column.format]
        return pc.if_else(array, true, false)
    if column.kind in (Kind.DATE, Kind.DATETIME) and column.format and pa.types.is_temporal(array.type):
        return _on_distinct(array, lambda values: _format_temporal(values, column.format or ""))
    if column.kind is Kind.FLOAT and column.decimals is not None and column.format == "fixed":
        return _on_distinct(array, lambda values: _fixed(values, column.decimals or 0))
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    return array


def _format_temporal(values: pa.Array, format_: str) -> pa.Array:
    dates = pd.Series(values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False))
    return pa.Array.from_pandas(format_dates(dates, format_).astype(object)).cast(pa.string())


def _fixed(values: pa.Array, decimals: int) -> pa.Array:
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return pa.array([None if np.isnan(x) else f"{x:.{decimals}f}" for x in numbers.tolist()], pa.string())
