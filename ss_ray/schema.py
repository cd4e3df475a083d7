"""What a table looks like: one frozen `TableSchema`, declared by the user or inferred from the data.

The schema is the contract between the stages: parsing, the codec, decoding and evaluation read nothing else
about the columns. Values never appear in its error messages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError

Scalar = bool | int | float | str
Source = Literal["declared", "inferred", "private"]


class Kind(StrEnum):
    """How a column behaves, which decides how it is encoded, decoded and scored.

    Example:
        >>> Kind("integer")
        <Kind.INTEGER: 'integer'>
        >>> Kind.DATE in ORDERED_KINDS, Kind.CATEGORY in ORDERED_KINDS
        (True, False)
    """

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    IDENTIFIER = "identifier"
    TEXT = "text"


WHOLE_KINDS = frozenset({Kind.INTEGER, Kind.TIME, Kind.DURATION})
"""Kinds whose values are whole numbers: clock times and durations are counted in ticks."""
DATED_KINDS = frozenset({Kind.DATE, Kind.DATETIME})
ORDERED_KINDS = WHOLE_KINDS | DATED_KINDS | {Kind.FLOAT}


@dataclass(frozen=True, kw_only=True)
class ColumnSchema:
    """One column.

    Attributes:
        name: Name of the column in the input, any Unicode string that is not empty.
        kind: See `Kind`. A column without any value is a nullable category without values.
        arrow_type: Storage type in Parquet, spelled as pyarrow prints it ("int64", "date32[day]", "string").
        nullable: Whether missing values occur.
        decimals: Float only: digits after the mark that the values need; None means full precision.
        format: How text files spell it. Numbers: a format of `tables.spellings.numbers`. Times: one of
            `tables.spellings.dates` or `tables.spellings.durations`; None is ISO 8601. Booleans: the two words,
            "True/False". A whole number with the format "%Y%m%d" is a date in digits.
        missing: How text files spell a missing cell ("NA"); None is an empty cell.
        minimum: Smallest value allowed (inclusive): a number, ticks of a clock time or a duration, or a date or
            datetime in ISO 8601, with "Z" where the type has a zone. None without values.
        maximum: Largest value allowed (inclusive), likewise.
        values: All distinct values in ascending order where they are few and repeat; dates as in `minimum`. None
            where the column is modelled as a number or as text.
        pattern: Identifier and text, where all values are of one length: the characters that each position may take.
        entity_type: Identifier only: the PII type ("EMAIL_ADDRESS") whose stand-ins fill the column.
        max_length: Category, identifier and text: longest string in characters.
        spelling_of: Name of the column whose spellings this column holds; None for every column of the source.
            A cell of it is one of `formats`, or the code that stands in place of a value ("n.d.").
        formats: Formats of the column `spelling_of`, the most frequent first.
        source: Whether a person declared the column, the data told, or a private measurement of them did.
        reason: Why the column is of its kind, in one clause.

    Example:
        >>> age = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=120)
        >>> age.nullable, age.source
        (False, 'inferred')
    """

    name: str
    kind: Kind
    arrow_type: str
    nullable: bool = False
    decimals: int | None = None
    format: str | None = None
    missing: str | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    values: tuple[Scalar, ...] | None = None
    pattern: tuple[str, ...] | None = None
    entity_type: str | None = None
    max_length: int | None = None
    spelling_of: str | None = None
    formats: tuple[str, ...] = ()
    source: Source = "inferred"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class TableSchema:
    """Columns of a table in their order.

    Example:
        >>> age = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=120)
        >>> schema = TableSchema(columns=(age,))
        >>> schema.names, schema["age"].maximum
        (('age',), 120)
        >>> schema.check(pa.table({"age": [34, 150]}))
        Traceback (most recent call last):
            ...
        ss_ray.errors.DataError: column 'age' has 1 values that the schema does not allow
    """

    columns: tuple[ColumnSchema, ...]

    def __getitem__(self, name: str) -> ColumnSchema:
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"there is no column {name!r}; the table has {', '.join(map(repr, self.names))}", column=name)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of the columns of the source, in order: without the columns of spellings."""
        return tuple(column.name for column in self.columns if column.spelling_of is None)

    def spelling(self, name: str) -> ColumnSchema | None:
        """The column that holds the spellings of another column; None where all its cells are spelled alike."""
        return next((column for column in self.columns if column.spelling_of == name), None)

    def of_kind(self, *kinds: Kind) -> tuple[ColumnSchema, ...]:
        """Columns of any of these kinds, in table order."""
        return tuple(column for column in self.columns if column.kind in kinds)

    def with_column(self, column: ColumnSchema) -> TableSchema:
        """This schema with the column of the same name replaced."""
        return replace(self, columns=tuple(column if c.name == column.name else c for c in self.columns))

    def to_arrow(self) -> pa.Schema:
        """The storage schema of every Parquet file of this table."""
        return pa.schema([pa.field(c.name, arrow_type(c), nullable=True) for c in self.columns])

    def check(self, table: pa.Table) -> None:
        """Raise DataError unless names, order, types, missing values, bounds and categories are as declared."""
        if tuple(table.column_names) != self.names:
            raise DataError(
                f"the table has the columns {', '.join(table.column_names)}; expected {', '.join(self.names)}"
            )

        for column in self.columns:
            _check_column(column, table.column(column.name))


def arrow_type(column: ColumnSchema) -> pa.DataType:
    """The pyarrow type that `column.arrow_type` names.

    Example:
        >>> arrow_type(ColumnSchema(name="born", kind=Kind.DATE, arrow_type="date32[day]"))
        DataType(date32[day])
    """
    return _parse_arrow_type(column.arrow_type)


def _parse_arrow_type(name: str) -> pa.DataType:
    """Inverse of `str(pa.DataType)` for the types a table may have."""
    if name.startswith("decimal"):
        precision, scale = (int(part) for part in name[name.index("(") + 1 : -1].split(","))
        return (pa.decimal256 if name.startswith("decimal256") else pa.decimal128)(precision, scale)

    if name.startswith("timestamp["):
        unit, _, zone = name[len("timestamp[") : -1].partition(", tz=")
        return pa.timestamp(unit, tz=zone or None)

    if name.startswith("dictionary<"):
        values = name.partition("values=")[2].partition(",")[0]
        return pa.dictionary(pa.int32(), pa.type_for_alias(values))

    if name.startswith(("duration[", "time32[", "time64[")):
        make, _, unit = name.rstrip("]").partition("[")
        return {"duration": pa.duration, "time32": pa.time32, "time64": pa.time64}[make](unit)

    return pa.type_for_alias(name.partition("[")[0] if name.startswith("date") else name)


def _check_column(column: ColumnSchema, array: pa.ChunkedArray) -> None:
    where = f"column {column.name!r}"
    if array.type != arrow_type(column):
        raise DataError(f"{where} has type {array.type}; the schema says {column.arrow_type}", column=column.name)
    if array.null_count and not column.nullable:
        raise DataError(f"{where} has {array.null_count} missing values; the schema allows none", column=column.name)

    outside = count_outside(column, array)
    if outside:
        raise DataError(f"{where} has {outside} values that the schema does not allow", column=column.name)


def count_outside(column: ColumnSchema, array: pa.ChunkedArray) -> int:
    """Number of non-missing values beyond the bounds, or not among the values, of the schema."""
    return int(is_outside(column, array).sum())


def is_outside(column: ColumnSchema, array: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """(rows,) whether each value is beyond the bounds, or not among the values, of the schema; False where missing."""
    array = plain_cells(array)
    if column.values is not None and column.kind in (*ORDERED_KINDS, Kind.CATEGORY, Kind.BOOLEAN):
        outside = pc.invert(pc.is_in(array, value_set=typed_values(array.type, *column.values)))
    elif column.minimum is not None and column.maximum is not None and column.kind in ORDERED_KINDS:
        low, high = typed_values(array.type, column.minimum, column.maximum)
        outside = pc.or_(pc.less(array, low), pc.greater(array, high))
    else:
        return np.zeros(len(array), bool)

    is_present = array.is_valid()
    return np.asarray(pc.and_(is_present, outside).fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def plain_cells(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dictionaries as their values, and decimals as floats, which the bounds and values of a schema are."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_decimal(array.type):
        return array.cast(pa.float64())
    return array


def typed_values(type_: pa.DataType, *values: Scalar) -> pa.Array:
    """Values of a schema in a column's type; dates are strings in a schema."""
    if is_dated(type_):
        return pa.array(values, pa.string()).cast(type_)
    return pa.array(values, type_)


def is_dated(type_: pa.DataType) -> bool:
    """Whether values of an Arrow type are dates or points in time, which a schema holds in ISO 8601."""
    return bool(pa.types.is_date(type_) or pa.types.is_timestamp(type_))
