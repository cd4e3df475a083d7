"""Small tables of every kind of column with their schemas, as hypothesis strategies, and random tokens for them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from ss_ray.codec.columns import PAD, Slot, Tokens
from ss_ray.codec.slots import CodecSizes, SlotCodec, fit_codec
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.spellings.dates import iso_strings

MAX_ROWS = 40
_DAYS = (-719162, 2932896)  # of the years 1 to 9999, from 1970
_TICKS = {"s": 86400, "ms": 86400 * 10**3, "us": 86400 * 10**6}  # of a day
_ANY_PRECISION = Context(prec=100)

Column = tuple[ColumnSchema, pa.Array]


def column_of(name: str, kind: Kind, array: pa.Array, **fields: Any) -> ColumnSchema:
    """The schema of an array: its type, bounds and missing values."""
    column = {"nullable": array.null_count > 0, "arrow_type": str(array.type)} | fields
    values = array.drop_null()
    if kind in (Kind.DATE, Kind.DATETIME):
        values = iso_strings(values)
    elif kind is Kind.FLOAT:
        values = values.cast(pa.float64())
    if kind in (Kind.INTEGER, Kind.FLOAT, Kind.DATE, Kind.DATETIME) and len(values):
        ends = pc.min_max(values).as_py()
        column = {"minimum": ends["min"], "maximum": ends["max"]} | column
    return ColumnSchema(name=name, kind=kind, **column)


def table_of(columns: Sequence[Column]) -> tuple[TableSchema, pa.Table]:
    """Columns put together."""
    schema = TableSchema(columns=tuple(column for column, _ in columns))
    return schema, pa.table([array for _, array in columns], schema=schema.to_arrow())


def fit(schema: TableSchema, table: pa.Table, *, num_bins: int = 8, max_text_tokens: int = 12) -> SlotCodec:
    """A small codec."""
    return fit_codec(
        schema,
        table,
        sizes=CodecSizes(num_bins=num_bins, text_vocabulary=280, max_text_tokens=max_text_tokens, rows_per_place=0),
    )


def fit_one(kind: Kind, array: pa.Array, *, num_bins: int = 8, max_text_tokens: int = 12, **fields: Any) -> SlotCodec:
    """The codec of a table of one column "x"."""
    schema, table = table_of([(column_of("x", kind, array, **fields), array)])
    return fit(schema, table, num_bins=num_bins, max_text_tokens=max_text_tokens)


def decode(codec: SlotCodec, tokens: Tokens, *, seed: int = 0, first_row: int = 0) -> pa.Table:
    """Rows of the tokens."""
    return codec.decode(tokens, rng=np.random.default_rng(seed), first_row=first_row, seed=seed)


def there_and_back(codec: SlotCodec, array: pa.Array) -> list[Any]:
    """A column "x" after encoding and decoding."""
    table = pa.table({"x": array})
    return decode(codec, codec.encode(table)).column("x").to_pylist()


def random_tokens(slots: Sequence[Slot], num_rows: int, rng: np.random.Generator) -> Tokens:
    """(num_rows, slots) tokens drawn evenly from the slots' ranges; PAD where a slot is not in use."""
    tokens = np.full((num_rows, len(slots)), PAD, np.int32)
    for index, slot in enumerate(slots):
        drawn = rng.integers(slot.start, slot.stop, num_rows)
        tokens[:, index] = np.where(in_use(tokens, slot), drawn, PAD)
    return tokens


def in_use(tokens: Tokens, slot: Slot) -> np.ndarray:
    """(rows,) whether a slot is in use."""
    if slot.after is None:
        return np.ones(len(tokens), bool)
    opener = tokens[:, slot.after]
    return (opener >= slot.opens[0]) & (opener < slot.opens[1])


def assert_in_ranges(tokens: Tokens, slots: Sequence[Slot]) -> None:
    """Each token is of its slot's range, or PAD exactly where the slot is not in use."""
    assert tokens.shape[1] == len(slots)
    for index, slot in enumerate(slots):
        used = in_use(tokens, slot)
        assert ((tokens[used, index] >= slot.start) & (tokens[used, index] < slot.stop)).all()
        assert (tokens[~used, index] == PAD).all()


@st.composite
def tables(draw: st.DrawFn, *, max_columns: int = 3) -> tuple[TableSchema, pa.Table]:
    """1 to MAX_ROWS rows of columns of any kinds."""
    num_rows = draw(st.integers(1, MAX_ROWS))
    kinds = draw(st.lists(st.sampled_from(ANY_COLUMN), min_size=1, max_size=max_columns))
    return table_of([draw(kind(f"column {i}", num_rows)) for i, kind in enumerate(kinds)])


def _with_gaps(draw: st.DrawFn, values: list[Any]) -> list[Any]:
    """Values with some missing: none, any, or all of them."""
    gaps = draw(st.sampled_from(["none", "any", "all"]))
    if gaps == "any":
        return [None if draw(st.booleans()) else value for value in values]
    return values if gaps == "none" else [*values[:1], *[None] * (len(values) - 1)]


def _several(draw: st.DrawFn, values: st.SearchStrategy[Any], num_rows: int) -> list[Any]:
    return draw(st.lists(values, min_size=num_rows, max_size=num_rows))


def _ordered(draw: st.DrawFn, name: str, kind: Kind, array: pa.Array, **fields: Any) -> Column:
    """An ordered column, its values listed or not."""
    column = column_of(name, kind, array, **fields)
    if draw(st.integers(0, 3)):
        return column, array
    values = array.drop_null()
    if kind in (Kind.DATE, Kind.DATETIME):
        values = iso_strings(values)
    elif kind is Kind.FLOAT:
        values = values.cast(pa.float64())
    listed = tuple(sorted({value + 0 if kind is Kind.FLOAT else value for value in values.to_pylist()}))
    return column_of(name, kind, array, values=listed, **fields), array


@st.composite
def integer_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Integers of any type: everywhere, close together, or in steps."""
    type_ = draw(st.sampled_from([pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()]))
    bits = type_.bit_width - 1 if pa.types.is_signed_integer(type_) else min(63, type_.bit_width)
    low, high = -(2**bits) * pa.types.is_signed_integer(type_), 2**bits - 1
    start = draw(st.integers(low, high))
    step = draw(st.sampled_from([1, 5, 1000, 10**6]))
    near = st.integers(0, 300).map(lambda i: min(high, max(low, start + i * step)))
    values = _several(draw, draw(st.sampled_from([st.integers(low, high), near])), num_rows)
    return _ordered(draw, name, Kind.INTEGER, pa.array(_with_gaps(draw, values), type_))


@st.composite
def float_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Floats of full precision, also single ones."""
    width = draw(st.sampled_from([32, 64]))
    finite = st.floats(allow_nan=False, allow_infinity=False, width=width)
    values = _several(draw, finite.map(lambda value: value + 0.0), num_rows)  # 0.0 for -0.0
    type_ = pa.float32() if width == 32 else pa.float64()
    return _ordered(draw, name, Kind.FLOAT, pa.array(_with_gaps(draw, values), type_), decimals=None)


@st.composite
def rounded_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Floats of 0 to 9 decimals."""
    decimals = draw(st.integers(0, 9))
    largest = draw(st.sampled_from([100, 10**6, 10**15]))
    type_ = draw(st.sampled_from([pa.float32(), pa.float64()]))
    values = [number / 10.0**decimals for number in _several(draw, st.integers(-largest, largest), num_rows)]
    return _ordered(draw, name, Kind.FLOAT, pa.array(_with_gaps(draw, values), type_), decimals=decimals)


@st.composite
def decimal_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Arrow decimals of any precision."""
    precision = draw(st.integers(1, 60))
    scale = draw(st.integers(0, precision))  # Parquet has no negative ones
    type_ = (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale)
    largest = 10 ** draw(st.integers(1, precision)) - 1
    numbers = _several(draw, st.integers(-largest, largest), num_rows)
    values = [Decimal(number).scaleb(-scale, _ANY_PRECISION) for number in numbers]
    return _ordered(draw, name, Kind.FLOAT, pa.array(_with_gaps(draw, values), type_), decimals=scale)


@st.composite
def date_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Dates of the years 1 to 9999."""
    type_ = draw(st.sampled_from([pa.date32(), pa.date64()]))
    days = pa.array(_with_gaps(draw, _several(draw, st.integers(*_DAYS), num_rows)), pa.int32())
    return _ordered(draw, name, Kind.DATE, days.cast(pa.date32()).cast(type_))


@st.composite
def datetime_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Timestamps of every unit, with and without a zone, at any time or at a fixed time of the day."""
    unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
    zone = draw(st.sampled_from([None, "UTC", "Europe/Berlin"]))
    first, last = (-(2**63) + 10**9, 2**63 - 10**9) if unit == "ns" else [d * _TICKS[unit] for d in _DAYS]
    day = _TICKS.get(unit, 86400 * 10**9)
    ticks = st.integers(first, last)
    at_noon = st.integers(first // day + 1, last // day - 1).map(lambda days: days * day + day // 2)
    values = _with_gaps(draw, _several(draw, draw(st.sampled_from([ticks, at_noon])), num_rows))
    return _ordered(draw, name, Kind.DATETIME, pa.array(values, pa.int64()).cast(pa.timestamp(unit, zone)))


@st.composite
def category_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Strings, also as a dictionary; one value, or none at all."""
    dictionaries = [pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())]
    type_ = draw(st.sampled_from([pa.string(), pa.large_string(), *dictionaries]))
    if not draw(st.integers(0, 5)):
        type_ = draw(st.sampled_from([type_, pa.null(), pa.float64()]))
        return column_of(name, Kind.CATEGORY, pa.nulls(num_rows, type_), values=(), nullable=True), pa.nulls(
            num_rows, type_
        )
    words = draw(st.lists(st.text(max_size=5), min_size=1, max_size=6, unique=True))
    values = _with_gaps(draw, _several(draw, st.sampled_from(words), num_rows))
    array = pa.array(values, pa.string()).cast(type_)
    return column_of(name, Kind.CATEGORY, array, values=tuple(sorted(words))), array


@st.composite
def boolean_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Booleans."""
    array = pa.array(_with_gaps(draw, _several(draw, st.booleans(), num_rows)), pa.bool_())
    return column_of(name, Kind.BOOLEAN, array, values=(False, True)), array


@st.composite
def identifier_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Whole numbers, patterns, and stand-ins of an entity type."""
    if draw(st.booleans()):
        type_ = draw(st.sampled_from([pa.int8(), pa.int32(), pa.int64(), pa.uint64()]))
        array = pa.array(_with_gaps(draw, _several(draw, st.integers(0, 127), num_rows)), type_)
        return column_of(name, Kind.IDENTIFIER, array, minimum=100), array
    type_ = draw(st.sampled_from([pa.string(), pa.dictionary(pa.int32(), pa.string())]))
    array = pa.array(_with_gaps(draw, ["A-1"] * num_rows), pa.string()).cast(type_)
    pattern = draw(st.sampled_from([("ABC", "-", "0123456789"), None]))
    entity_type = draw(st.sampled_from([None, "US_SSN", "NATIONAL_ID"]))
    return column_of(name, Kind.IDENTIFIER, array, pattern=pattern, entity_type=entity_type), array


@st.composite
def text_columns(draw: st.DrawFn, name: str, num_rows: int) -> Column:
    """Any Unicode."""
    type_ = draw(st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]))
    array = pa.array(_with_gaps(draw, _several(draw, st.text(max_size=8), num_rows)), pa.string()).cast(type_)
    return column_of(name, Kind.TEXT, array), array


ANY_COLUMN = (
    integer_columns,
    float_columns,
    rounded_columns,
    decimal_columns,
    date_columns,
    datetime_columns,
    category_columns,
    boolean_columns,
    identifier_columns,
    text_columns,
)
