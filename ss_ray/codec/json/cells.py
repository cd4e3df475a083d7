"""Cells as JSON text: one spelling for each value of a column, which training, the grammar and parsing share."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.columns import value_array
from ss_ray.codec.decimals import nearest_decimal
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, arrow_type
from ss_ray.tables.spellings.dates import iso_strings

EXACT = 2.0**50
"""Below this, value * 10**decimals rounds to the right integer."""

quoted: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode
"""A string as a JSON string, on one line."""


def storage_type(column: ColumnSchema) -> pa.DataType:
    """The type of the column's values; of a dictionary, that of its entries."""
    type_ = arrow_type(column)
    if pa.types.is_dictionary(type_):
        return type_.value_type
    return type_


def decimals_of(column: ColumnSchema) -> int | None:
    """Number of digits after the point; None for the shortest spelling, and for values that are no fractions."""
    type_ = storage_type(column)
    if pa.types.is_decimal(type_):
        return int(type_.scale)
    if pa.types.is_floating(type_):
        return column.decimals
    return None


def cell_texts(array: pa.ChunkedArray | pa.Array, column: ColumnSchema) -> pa.Array:
    """(rows,) JSON of each cell; "null" where it is missing. Identifiers are `true`: only their presence is written."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()

    if column.kind is Kind.IDENTIFIER:
        return pc.if_else(array.is_valid(), "true", "null").cast(pa.large_string())

    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)

    return pc.fill_null(_spell_values(_restore_decimals(array, column), column).cast(pa.large_string()), "null")


def listed_texts(column: ColumnSchema) -> list[str]:
    """JSON of each of the column's values, in their order."""
    texts: list[str] = cell_texts(value_array(column), column).to_pylist()
    return texts


def listed_array(column: ColumnSchema) -> pa.Array:
    """The column's values in its storage type (that of a dictionary's entries)."""
    return value_array(column)


def only_value(column: ColumnSchema) -> pa.Scalar | None:
    """The value of every cell, in the type of the entries, if the schema leaves no choice: it need not be learned."""
    type_ = storage_type(column)
    if pa.types.is_null(type_):
        return pa.scalar(None, type_)

    if column.values is not None and column.kind in (*ORDERED_KINDS, Kind.CATEGORY, Kind.BOOLEAN):
        if column.values:
            values = listed_array(column)
        else:
            values = pa.nulls(1, type_)

        if len(column.values) + column.nullable <= 1:
            return values[0]
        return None

    if column.kind not in ORDERED_KINDS:
        return None
    if column.minimum is None:
        return pa.scalar(None, type_)
    if column.minimum != column.maximum or column.nullable:
        return None

    return bound_array(column)[0]


def bound_array(column: ColumnSchema) -> pa.Array:
    """Minimum and maximum in the storage type; a decimal next to each, as Arrow's cast to floats has it."""
    type_ = storage_type(column)
    bounds = [column.minimum, column.maximum]
    if pa.types.is_temporal(type_):
        return pa.array(bounds, pa.string()).cast(type_)

    if pa.types.is_decimal(type_):
        ends = [float(bound) for bound in bounds if bound is not None]
        return pa.array([nearest_decimal(end, type_, (end, end)) for end in ends], type_)

    return pa.array(bounds, type_)


def _restore_decimals(array: pa.Array, column: ColumnSchema) -> pa.Array:
    """Decimals of a listed column in the spelling of its values: the schema holds them as floats, which round."""
    if not pa.types.is_decimal(array.type) or not column.values:
        return array
    values = listed_array(column)
    return values.take(pc.index_in(array.cast(pa.float64()), value_set=values.cast(pa.float64())))


def _spell_values(array: pa.Array, column: ColumnSchema) -> pa.Array:
    if pa.types.is_boolean(array.type) or pa.types.is_integer(array.type):
        return array.cast(pa.string())
    if pa.types.is_temporal(array.type):
        return pc.binary_join_element_wise('"', iso_strings(array), '"', "")
    if pa.types.is_decimal(array.type):
        return _on_distinct(array, lambda value: format(value, "f"))
    if pa.types.is_floating(array.type):
        return _spelled_floats(array, decimals_of(column))

    return _on_distinct(array, quoted)


def _spelled_floats(array: pa.Array, decimals: int | None) -> pa.Array:
    # -0.0 becomes 0.0.
    array = pc.add(array, pa.scalar(0.0, array.type))
    if decimals is None:
        return array.cast(pa.string())

    values = pc.fill_null(array.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    scaled = values * 10.0**decimals
    if len(scaled) and np.abs(scaled).max() >= EXACT:
        return _on_distinct(array, lambda value: _format_fixed(value, decimals))

    return pc.if_else(array.is_valid(), spelled_units(pa.array(np.round(scaled).astype(np.int64)), decimals), None)


def spelled_units(units: pa.Array, decimals: int) -> pa.Array:
    """(rows,) integers with a point before their last `decimals` digits: 5 is 0.05."""
    if not decimals:
        return units.cast(pa.string())

    digits = pc.utf8_lpad(pc.abs(units).cast(pa.string()), decimals + 1, "0")
    whole = pc.utf8_slice_codeunits(digits, 0, -decimals)
    fraction = pc.utf8_slice_codeunits(digits, -decimals)
    sign = pc.if_else(pc.less(units, 0), "-", "")

    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), fraction, ".")


def _format_fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    if float(text):
        return text
    return text.removeprefix("-")


def _on_distinct(array: pa.Array, spell: Callable[..., str]) -> pa.Array:
    """Apply `spell` to each distinct value once."""
    encoded = array.dictionary_encode()
    texts = [None if value is None else spell(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.large_string()).take(encoded.indices)


def decimal_of(value: object) -> Decimal | None:
    """A JSON number as a decimal; None for anything else."""
    if isinstance(value, Decimal):
        if value.is_finite():
            return value
        return None

    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(value)

    return None
