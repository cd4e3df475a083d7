"""Conversion between cells of a text file and typed values, both ways.

Whatever is expensive is done once for each distinct value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.dates import format_dates, parse_dates

MISSING_WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?", "-")
"""Spellings that mean missing among numbers, booleans and dates; among strings they are values."""
BOOLEANS = {"true/false": ("true", "false"), "True/False": ("True", "False"), "TRUE/FALSE": ("TRUE", "FALSE")}
INTEGER_PATTERN = r"^(0|-?[1-9][0-9]{0,18})$"
FLOAT_PATTERN = r"^-?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?$"
LONG_INTEGER_PATTERN = r"^-?[0-9]{16,}$"
"""Whole numbers that a float does not hold exactly: beside fractions they are codes, and the column is text."""


def type_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table in the schema's storage types; text cells are parsed, NaN becomes missing.

    Raises:
        DataError: A value is not of its column's type.

    Example:
        >>> age = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", nullable=True)
        >>> type_table(pa.table({"age": ["34", "NA"]}), TableSchema(columns=(age,))).to_pydict()
        {'age': [34, None]}
    """
    arrays = []
    for column in schema.columns:
        try:
            arrays.append(type_column(table.column(column.name), column))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Their messages quote the value.
            raise DataError(
                f"column {column.name!r} has values that cannot be read as {column.kind.value} ({column.arrow_type})",
                column=column.name,
            ) from None

    return pa.table(arrays, schema=schema.to_arrow())


def written_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table as it should appear in a text file: formats, decimals and spellings of the input.

    Example:
        >>> paid = ColumnSchema(name="paid", kind=Kind.BOOLEAN, arrow_type="bool", format="TRUE/FALSE")
        >>> written_table(pa.table({"paid": [True, False]}), TableSchema(columns=(paid,))).to_pydict()
        {'paid': ['TRUE', 'FALSE']}
    """
    columns = {column.name: _write_values(table.column(column.name), column) for column in schema.columns}
    return pa.table(list(columns.values()), names=list(columns))


def blank_missing_words(values: pa.Array) -> pa.Array:
    """Strings without surrounding space, missing where they spell a missing value."""
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, pa.array([*MISSING_WORDS, ""], trimmed.type)), None, trimmed)


def is_missing_word(value: object) -> bool:
    """Whether `blank_missing_words` would make it missing."""
    return isinstance(value, str) and value.strip() in (*MISSING_WORDS, "")


def type_column(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    """One column of `type_table`; for a value of another type, Arrow's own error, which quotes the value."""
    target = arrow_type(column)
    if pa.types.is_floating(array.type):
        # -0.0 becomes 0.0.
        array = pc.add(pc.if_else(pc.is_nan(array), None, array), pa.scalar(0.0, array.type))

    if pa.types.is_dictionary(array.type) and not pa.types.is_dictionary(target):
        array = array.cast(array.type.value_type)

    if not pa.types.is_string(array.type) or not _is_parsed(target):
        return array.cast(target)

    return _on_distinct(array, lambda values: _parse_values(blank_missing_words(values), column).cast(target))


def _is_parsed(target: pa.DataType) -> bool:
    """Whether cells of this type are written as numbers, booleans or dates in text files."""
    return not (pa.types.is_string(target) or pa.types.is_large_string(target) or pa.types.is_dictionary(target))


def _on_distinct(array: pa.ChunkedArray, function: Callable[[pa.Array], pa.Array]) -> pa.ChunkedArray:
    """Apply `function` to every value, computed on the distinct values."""
    encoded = array.combine_chunks().dictionary_encode()
    return pa.chunked_array([function(encoded.dictionary).take(encoded.indices)])


def _parse_values(values: pa.Array, column: ColumnSchema) -> pa.Array:
    if column.kind is Kind.BOOLEAN:
        return pc.equal(pc.utf8_lower(values), "true")

    if column.kind in (Kind.DATE, Kind.DATETIME):
        dates = parse_dates(values, column.format or "%Y-%m-%d")
        if dates.isna().sum() > values.null_count:
            raise pa.ArrowInvalid("not a date of the format")
        return pa.Array.from_pandas(dates).cast(arrow_type(column), safe=False)

    return values


def _write_values(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    if column.format is None:
        return array

    if column.kind is Kind.BOOLEAN and pa.types.is_boolean(array.type):
        true, false = BOOLEANS[column.format]
        return pc.if_else(array, true, false)

    if column.kind in (Kind.DATE, Kind.DATETIME) and pa.types.is_temporal(array.type):
        return _on_distinct(array, lambda values: _format_temporal(values, column.format or ""))
    if column.kind is Kind.FLOAT and column.format == "fixed":
        return _on_distinct(array, lambda values: _write_fixed(values, column.decimals or 0))
    if column.kind is Kind.FLOAT and column.format == "point":
        return _on_distinct(array, _write_shortest)

    return array


def _format_temporal(values: pa.Array, format_: str) -> pa.Array:
    dates = pd.Series(values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False))
    return pa.Array.from_pandas(format_dates(dates, format_).astype(object)).cast(pa.string())


def _write_fixed(values: pa.Array, decimals: int) -> pa.Array:
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return pa.array([None if np.isnan(x) else f"{x:.{decimals}f}" for x in numbers.tolist()], pa.string())


def _write_shortest(values: pa.Array) -> pa.Array:
    """Shortest spellings, ".0" added to whole numbers."""
    text = values.cast(pa.string())
    whole = pc.match_substring_regex(text, "^-?[0-9]+$")
    return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
