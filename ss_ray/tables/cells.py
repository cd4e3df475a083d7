"""Conversion between cells of a text file and typed values, both ways.

    typed = type_table(cells, schema)
    written_table(typed, schema) ~ cells        # the same cells, formats and codes

A column whose cells are spelled in several ways has a second one, its spellings (`ColumnSchema.spelling_of`): each
cell of it is the format of a value, or the code that stands in place of a value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type, is_dated
from ss_ray.tables.spellings.cells import BOOLEANS, UNREAD, Reader, spell_values
from ss_ray.tables.spellings.missing import blank_missing_words
from ss_ray.tables.spellings.ticks import as_ticks, is_ticks


def type_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table in the schema's storage types; text cells are parsed, NaN becomes missing.

    Raises:
        DataError: A value is not of its column's type.

    Example:
        >>> age = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", nullable=True)
        >>> type_table(pa.table({"age": ["34", "NA"]}), TableSchema(columns=(age,))).to_pydict()
        {'age': [34, None]}
    """
    arrays: dict[str, pa.ChunkedArray] = {}
    for column in schema.columns:
        if column.spelling_of is not None and column.spelling_of in arrays:
            continue

        spelling = schema.spelling(column.name)
        if spelling is not None and pa.types.is_string(table.column(column.name).type):
            arrays[column.name], arrays[spelling.name] = read_spelled(table.column(column.name), column, spelling)
            continue

        try:
            arrays[column.name] = type_column(table.column(column.name), column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Their messages quote the value.
            raise DataError(
                f"column {column.name!r} has values that cannot be read as {column.kind.value} ({column.arrow_type})",
                column=column.name,
            ) from None

    return pa.table([arrays[name] for name in schema.names], schema=schema.to_arrow())


def read_spelled(
    array: pa.ChunkedArray, column: ColumnSchema, spelling: ColumnSchema
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """The values of a column, and its spellings: the format of a value, the code of another cell, or missing."""
    encoded = array.combine_chunks().dictionary_encode()
    cells = pc.utf8_trim_whitespace(encoded.dictionary)
    codes = pa.array([value for value in spelling.values or () if value not in spelling.formats], pa.string())
    is_code = pc.is_in(cells, codes)
    values, found = Reader(column, spelling.formats).read(pc.if_else(is_code, None, blank_missing_words(cells)))

    names = pa.array([*spelling.formats, None], pa.string())
    states = pc.if_else(is_code, cells, names.take(pa.array(np.where(found == UNREAD, len(names) - 1, found))))
    return (
        pa.chunked_array([values.take(encoded.indices)]),
        pa.chunked_array([states.take(encoded.indices).cast(arrow_type(spelling))]),
    )


def written_table(table: pa.Table, schema: TableSchema) -> pa.Table:
    """The table as it should appear in a text file: formats, codes and spellings of the input.

    Example:
        >>> paid = ColumnSchema(name="paid", kind=Kind.BOOLEAN, arrow_type="bool", format="TRUE/FALSE")
        >>> written_table(pa.table({"paid": [True, False]}), TableSchema(columns=(paid,))).to_pydict()
        {'paid': ['TRUE', 'FALSE']}
    """
    columns = {}
    for column in schema.columns:
        if column.spelling_of is not None:
            continue
        spelling = schema.spelling(column.name)
        if spelling is None:
            written = _write_values(table.column(column.name), column)
        else:
            written = write_spelled(table.column(column.name), table.column(spelling.name), column, spelling)
        columns[column.name] = _write_missing(written, column)

    return pa.table(list(columns.values()), names=list(columns))


def write_spelled(
    values: pa.ChunkedArray, states: pa.ChunkedArray, column: ColumnSchema, spelling: ColumnSchema
) -> pa.ChunkedArray:
    """Cells of a column from its values and its spellings; a code takes the place of a value."""
    formats = spelling.formats
    written = _spell_array(values, column, formats[0], formats)
    for format_ in formats[1:]:
        is_own = pc.fill_null(pc.equal(states, format_), False)
        if pc.any(is_own).as_py():
            written = pc.if_else(is_own, _spell_array(values, column, format_, formats), written)

    is_code = pc.and_(states.is_valid(), pc.invert(pc.is_in(states, pa.array(formats, pa.string()))))
    return pc.if_else(is_code, states.cast(pa.string()), written)


def type_column(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    """One column of `type_table`; for a value of another type, Arrow's own error, which quotes the value."""
    target = arrow_type(column)
    if pa.types.is_floating(array.type):
        # -0.0 becomes 0.0.
        array = pc.add(pc.if_else(pc.is_nan(array), None, array), pa.scalar(0.0, array.type))

    if is_ticks(array.type):
        array = as_ticks(array)

    if pa.types.is_dictionary(array.type) and not pa.types.is_dictionary(target):
        array = array.cast(array.type.value_type)

    if not _is_text(array.type) or not _is_parsed(target):
        return array.cast(target)

    array = array.cast(pa.string())
    return _on_distinct(array, lambda values: _parse_values(blank_missing_words(values), column).cast(target))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _is_parsed(target: pa.DataType) -> bool:
    """Whether cells of this type are written as numbers, booleans or dates in text files."""
    return not (_is_text(target) or pa.types.is_dictionary(target))


def _on_distinct(array: pa.ChunkedArray, function: Callable[[pa.Array], pa.Array]) -> pa.ChunkedArray:
    """Apply `function` to every value, computed on the distinct values."""
    encoded = array.combine_chunks().dictionary_encode()
    return pa.chunked_array([function(encoded.dictionary).take(encoded.indices)])


def _parse_values(values: pa.Array, column: ColumnSchema) -> pa.Array:
    if column.kind is Kind.BOOLEAN:
        return pc.equal(pc.utf8_lower(values), "true")

    if column.format is None and not is_dated(arrow_type(column)):
        return values

    read, _ = Reader(column, (column.format or "%Y-%m-%d",)).read(values)
    if read.null_count > values.null_count:
        raise pa.ArrowInvalid("a cell is not of the column's format")
    return read


def _write_values(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    if column.format is None:
        return array

    if column.kind is Kind.BOOLEAN and pa.types.is_boolean(array.type):
        true, false = BOOLEANS[column.format]
        return pc.if_else(array, true, false)

    # A replaced column may hold strings.
    if _is_text(array.type):
        return array
    # Arrow spells plain whole numbers faster.
    if column.format == "0" and pa.types.is_integer(array.type):
        return array
    return _spell_array(array, column, column.format, (column.format,))


def _spell_array(
    array: pa.ChunkedArray, column: ColumnSchema, format_: str, formats: tuple[str, ...]
) -> pa.ChunkedArray:
    return _on_distinct(array, lambda values: spell_values(values, column, format_, formats))


def _write_missing(array: pa.ChunkedArray, column: ColumnSchema) -> pa.ChunkedArray:
    if column.missing is None or not array.null_count:
        return array
    return pc.fill_null(array.cast(pa.string()), column.missing)
