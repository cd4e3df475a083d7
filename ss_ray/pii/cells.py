"""Arrow columns <-> the texts of their distinct values, for columns of any type."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import PrivacyError


def is_textual(type_: pa.DataType) -> bool:
    """Whether a column of this Arrow type holds strings, dictionary-encoded or not."""
    if pa.types.is_dictionary(type_):
        return is_textual(type_.value_type)
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def is_number_type(type_: pa.DataType) -> bool:
    """Whether a column of this Arrow type holds numbers that may be whole."""
    return bool(pa.types.is_integer(type_) or pa.types.is_float64(type_) or pa.types.is_decimal(type_))


def distinct_texts(column: pa.ChunkedArray) -> list[str]:
    """Distinct values of a column as text, in order of appearance, without missing values (null and NaN)."""
    return [text for text in as_texts(encode(column)[1]) if text is not None]


def encode(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Indices, null where the value is missing, and the distinct values; `values.take(indices)` is the column."""
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.int32()), pa.nulls(0)

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)

    encoded = pc.dictionary_encode(column)
    encoded = encoded.unify_dictionaries().combine_chunks()
    # A column without rows has no chunk.
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pc.dictionary_encode(pa.array([], type=column.type))

    return encoded.indices, encoded.dictionary


def as_texts(values: pa.Array) -> list[str | None]:
    """Values as a person writes them: a whole float without its ".0". None where missing."""
    if pa.types.is_floating(values.type):
        return [_as_text(value) for value in values.to_pylist()]
    return list(values.cast(pa.string()).to_pylist())


def _as_text(value: float | None) -> str | None:
    # NaN is missing in float columns, and differs from itself.
    if value is None or value != value:
        return None
    if value.is_integer():
        return str(int(value))
    return repr(value)


def read_texts(table: pa.Table, name: str) -> list[str | None]:
    """Cells of a column as text, (num_rows,); None where missing."""
    indices, values = encode(table.column(name))
    texts = as_texts(values)
    return [None if place is None else texts[place] for place in indices.to_pylist()]


def with_cells(table: pa.Table, name: str, cells: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with other cells in a column, whose field stays as it is."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), cells)


def from_texts(texts: Sequence[str | None], type_: pa.DataType, *, column: str) -> pa.Array:
    """Texts as an array of the given type.

    Raises:
        PrivacyError: A stand-in does not fit into the type.
    """
    if all(text is None for text in texts):
        return pa.nulls(len(texts), type_)

    array = _cast_or_none(pa.array(texts, type=pa.string()), type_)
    if array is None:
        raise PrivacyError(
            f"column {column!r} has type {type_}, which cannot hold the stand-ins of its entity type; "
            "make it a string column, declare another entity type, or lock it",
            column=column,
        )

    return array


def _cast_or_none(texts: pa.Array, type_: pa.DataType) -> pa.Array | None:
    try:
        return texts.cast(type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Its message quotes the cell, so it is dropped here.
        return None
