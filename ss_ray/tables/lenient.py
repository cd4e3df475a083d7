"""Tables of other origin, read by the schema of a real one: cells of another type are counted as lost.

Whole numbers may be written as "3.0", dates in ISO 8601 whatever the format of the real table, truth values as 0 and 1:
that is how other tools write them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.cells import read_spelled, type_column
from ss_ray.tables.spellings.missing import blank_missing_words

TRUTH = ("true", "1", "1.0", "yes", "t", "y")
FALSEHOOD = ("false", "0", "0.0", "no", "f", "n")
ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")


def type_leniently(table: pa.Table, schema: TableSchema) -> tuple[pa.Table, Counter[str]]:
    """The table in the schema's storage types, and by column the number of cells that are not of its type: now missing.

    Columns that the schema does not name are left out.

    Raises:
        DataError: A column is not there.
    """
    lost: Counter[str] = Counter()
    arrays: dict[str, pa.ChunkedArray] = {}
    for name in schema.source_names:
        column = schema[name]
        if name not in table.column_names:
            raise DataError(f"a table lacks the column {name!r} of the real one", column=name)

        spelling = schema.spelling(name)
        if spelling is None:
            arrays[name], lost[name] = _type_column(table.column(name), column)
        else:
            arrays[name], arrays[spelling.name], lost[name] = _type_spelled(table.column(name), column, spelling)

    # The unary plus drops the columns without lost cells.
    return pa.table([arrays[name] for name in schema.names], schema=schema.to_arrow()), +lost


def _type_spelled(
    array: pa.ChunkedArray, column: ColumnSchema, spelling: ColumnSchema
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, int]:
    """The values of a column, its spellings, and the number of its cells that are neither values nor codes."""
    if _is_text(array.type):
        values, states = read_spelled(array.cast(pa.string()), column, spelling)
        present = blank_missing_words(array.combine_chunks().cast(pa.string())).is_valid()
        lost = pc.and_(pc.and_(present, values.combine_chunks().is_null()), states.combine_chunks().is_null())
        return values, states, int(pc.sum(lost).as_py() or 0)

    values, count = _type_column(array, column)
    states = pc.if_else(values.is_valid(), pa.scalar(spelling.formats[0], arrow_type(spelling)), None)
    return values, states, count


def _type_column(array: pa.ChunkedArray, column: ColumnSchema) -> tuple[pa.ChunkedArray, int]:
    """The column, and the number of its cells that are lost."""
    target = arrow_type(column)
    if pa.types.is_dictionary(target):
        stored = target.value_type
    else:
        stored = target

    encoded = array.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()

    values = encoded.dictionary
    indices = encoded.indices
    if _is_text(values.type) and not _is_text(stored):
        values = blank_missing_words(values)

    typed = _read_values(values, column, stored)
    lost = pc.and_(values.is_valid(), typed.is_null()).take(indices)
    return pa.chunked_array([typed.take(indices)]).cast(target), int(pc.sum(lost).as_py() or 0)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _read_values(values: pa.Array, column: ColumnSchema, stored: pa.DataType) -> pa.Array:
    """Distinct values in a type, by the first reading that accepts them; missing if none does."""
    typed = pa.nulls(len(values), stored)
    for way in _list_ways(column):
        left = pc.and_(values.is_valid(), typed.is_null())
        if not pc.any(left).as_py():
            break
        typed = pc.coalesce(typed, _where_possible(pc.if_else(left, values, None), way, stored))

    return typed


def _list_ways(column: ColumnSchema) -> list[Callable[[pa.Array], pa.Array]]:
    """Readings of an array, each of which fails as a whole on a value that it cannot read."""
    if column.kind is Kind.BOOLEAN and pa.types.is_boolean(arrow_type(column)):
        return [_read_booleans]

    ways: list[Callable[[pa.Array], pa.Array]] = [partial(_as_schema_says, column=column)]
    if column.kind is Kind.INTEGER:
        ways.append(lambda values: _as_schema_says(values.cast(pa.float64()), column=column))

    if column.kind in (Kind.DATE, Kind.DATETIME):
        ways += [partial(_as_schema_says, column=replace(column, format=format_)) for format_ in ISO_FORMATS]

    return ways


def _as_schema_says(values: pa.Array, column: ColumnSchema) -> pa.Array:
    return type_column(pa.chunked_array([values]), column).combine_chunks()


def _read_booleans(values: pa.Array) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    words = pc.utf8_lower(pc.utf8_trim_whitespace(values.cast(pa.string())))
    false = pc.is_in(words, pa.array(FALSEHOOD))
    return pc.if_else(pc.or_(pc.is_in(words, pa.array(TRUTH)), false), pc.invert(false), None)


def _where_possible(values: pa.Array, way: Callable[[pa.Array], pa.Array], stored: pa.DataType) -> pa.Array:
    """The values that can be read; halves are tried if the whole fails, so few bad values cost little."""
    try:
        return way(values).cast(stored)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(values) <= 1:
            return pa.nulls(len(values), stored)

    half = len(values) // 2
    parts = [_where_possible(part, way, stored) for part in (values[:half], values[half:])]
    return pa.concat_arrays(parts)
