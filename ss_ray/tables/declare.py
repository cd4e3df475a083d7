"""Declarations of columns: they take precedence over inference, or contradict the data with a clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import DATED_KINDS, ORDERED_KINDS, WHOLE_KINDS, ColumnSchema, Kind, Scalar, arrow_type
from ss_ray.tables.facts import MAX_DISTINCT, ColumnFacts
from ss_ray.tables.kinds import (
    base_column,
    is_string,
    longest_pattern,
    spelled_columns,
    typed_column,
    typed_kind,
)
from ss_ray.tables.spellings.cells import Reader
from ss_ray.tables.spellings.dates import DAY_FORMATS, has_time, is_date_format, iso_strings
from ss_ray.tables.spellings.durations import FORMATS, is_clock_format
from ss_ray.tables.spellings.numbers import number_format
from ss_ray.tables.spellings.readings import declared_spelling


def declare_column(
    inferred: tuple[ColumnSchema, ...], facts: ColumnFacts, declared: ColumnParameters, is_text: bool
) -> tuple[ColumnSchema, ...]:
    """The inferred column with its declaration, and the column of its spellings.

    A column without values stays without.
    """
    column, *spellings = inferred
    if not facts.values and declared.nullable is not False:
        return (replace(column, source="declared"),)

    if declared.kind or declared.format:
        column, *spellings = _with_kind(column, facts, declared, is_text)

    if column.nullable and declared.nullable is False:
        raise DataError(f"column {column.name!r} has missing values; data.columns declares none", column=column.name)

    given: dict[str, Any] = {
        name: value for name in ("decimals", "nullable") if (value := getattr(declared, name)) is not None
    }
    if "decimals" in given and (number := number_format(column.format or "")) is not None:
        # The file may have fewer digits than are declared.
        given["format"] = str(replace(number, least=min(number.least, given["decimals"]), most=given["decimals"]))

    return (replace(_with_range(column, declared), **given, source="declared"), *spellings)


def _with_range(column: ColumnSchema, declared: ColumnParameters) -> ColumnSchema:
    """The column with declared bounds, or with all values declared."""
    bounds = [b for b in (declared.minimum, declared.maximum) if b is not None]
    if bounds and column.kind not in ORDERED_KINDS:
        raise DataError(
            f"data.columns declares bounds of column {column.name!r}, which is of kind {column.kind.value}; "
            "only numbers and dates have bounds",
            column=column.name,
        )

    if declared.values is not None:
        if column.kind not in (*ORDERED_KINDS, Kind.CATEGORY, Kind.BOOLEAN) or not declared.values:
            raise DataError(
                f"data.columns declares values of column {column.name!r}, which is of kind {column.kind.value}; "
                "only numbers, dates and categories have values, at least one",
                column=column.name,
            )

        values = sorted({_declared_value(value, column) for value in declared.values}, key=_order_key)
        if column.kind not in ORDERED_KINDS:
            return replace(column, values=tuple(values))
        return replace(column, values=tuple(values), minimum=values[0], maximum=values[-1])

    if not bounds:
        return column

    low, high = (
        seen if given is None else _declared_value(given, column)
        for given, seen in ((declared.minimum, column.minimum), (declared.maximum, column.maximum))
    )
    column = replace(column, values=None, minimum=low, maximum=high)
    if _order_key(column.minimum) > _order_key(column.maximum):
        raise DataError(f"column {column.name!r}: its minimum is above its maximum", column=column.name)

    return column


def _order_key(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    return str(value)


def _declared_value(value: Scalar, column: ColumnSchema) -> Scalar:
    """A declared value as the schema holds it.

    Raises:
        DataError: It is not of the column's kind.
    """
    try:
        if column.kind in DATED_KINDS:
            return _declared_date(str(value), arrow_type(column))
        if isinstance(value, str) and column.format is not None and column.kind in WHOLE_KINDS:
            return _declared_spelling(value, column)
        if column.kind in WHOLE_KINDS and float(value).is_integer():
            return int(value)
        if column.kind is Kind.FLOAT:
            return float(value)
        if column.kind is Kind.BOOLEAN and isinstance(value, bool):
            return value
        if column.kind is Kind.CATEGORY:
            return _declared_category(value, arrow_type(column))
    except (ValueError, TypeError, pa.ArrowException):
        pass

    raise DataError(
        f"data.columns declares {value!r} for column {column.name!r}, which is no {column.kind.value}",
        column=column.name,
    )


def _declared_date(value: str, type_: pa.DataType) -> str:
    stamp = pd.Timestamp(value)
    if stamp.tz is None:
        stamp = stamp.tz_localize("UTC")
    else:
        stamp = stamp.tz_convert("UTC")

    moments = pa.array([stamp.tz_localize(None).to_pydatetime()], pa.timestamp("us"))
    return str(iso_strings(moments.cast(type_))[0])


def _declared_spelling(value: str, column: ColumnSchema) -> int:
    """A declared clock time, duration or number in the spelling of the column."""
    read, _ = Reader(column, (column.format or "",)).read(pa.array([value]))
    return int(read[0].as_py())


def _declared_category(value: Scalar, type_: pa.DataType) -> Scalar:
    if pa.types.is_integer(type_):
        return int(value)
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return float(value)
    return str(value)


def _with_kind(
    inferred: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool
) -> tuple[ColumnSchema, ...]:
    """The column as if its kind had been inferred, and the column of its spellings."""
    _check_format(inferred, declared.format)
    kind = declared.kind or _kind_of_format(declared.format or "")
    base = replace(base_column(inferred.name, facts), kind=kind, nullable=facts.missing > 0 or not facts.values)
    if kind in ORDERED_KINDS or kind is Kind.BOOLEAN:
        return _ordered_columns(inferred, base, facts, declared, is_text)
    if kind is Kind.CATEGORY:
        return (replace(base, values=_list_categories(base, facts), max_length=facts.max_length or None),)

    is_number = typed_kind(facts) is Kind.INTEGER
    if not (is_string(facts) or (is_number and kind is Kind.IDENTIFIER)):
        raise DataError(
            f"column {base.name!r} is declared {kind.value} and stored as {facts.arrow_type}; convert it to strings",
            column=base.name,
        )

    if is_number:
        low, high = facts.bounds or (None, None)
        return (replace(base, minimum=low, maximum=high),)

    return (replace(base, pattern=longest_pattern(facts), max_length=facts.max_length),)


def _ordered_columns(
    inferred: ColumnSchema, base: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool
) -> tuple[ColumnSchema, ...]:
    """A column of numbers, times or truth values.

    Raises:
        DataError: Not all of its values are.
    """
    if not is_string(facts):
        column = typed_column(base, facts)
        # A declared number is no identifier, whatever its header says.
        if typed_kind(facts) is base.kind and declared.format is None:
            return (replace(column, kind=base.kind, reason="it is declared"),)
    elif is_text or base.kind in DATED_KINDS:
        if base.kind is Kind.BOOLEAN and inferred.kind is Kind.BOOLEAN:
            return (inferred,)
        spelling = declared_spelling(facts.readings, base.kind, declared.format) if facts.readings else None
        if spelling is not None:
            column, *spellings = spelled_columns(base, facts, spelling)
            return (replace(column, kind=spelling.kind), *spellings)

    raise DataError(
        f"column {base.name!r} is declared {base.kind.value}, and not all of its values are"
        + (f" of the format {declared.format!r}" if declared.format else ""),
        column=base.name,
    )


def _kind_of_format(format_: str) -> Kind:
    if is_date_format(format_):
        return Kind.DATETIME if has_time(format_) else Kind.DATE
    if format_ in FORMATS:
        return Kind.TIME if is_clock_format(format_) else Kind.DURATION
    number = number_format(format_)
    return Kind.INTEGER if number is not None and number.most == 0 and not number.exponent else Kind.FLOAT


def _check_format(column: ColumnSchema, format_: str | None) -> None:
    if format_ is None or is_date_format(format_) or format_ in FORMATS or number_format(format_) is not None:
        return
    raise DataError(
        f"column {column.name!r}: the format {format_!r} is not supported; "
        f"convert its values to one of {', '.join(DAY_FORMATS[:10])}, with a time or without",
        column=column.name,
    )


def _list_categories(column: ColumnSchema, facts: ColumnFacts) -> tuple[Scalar, ...]:
    if facts.counts is None:
        raise DataError(
            f"column {column.name!r} is declared a category and has over {MAX_DISTINCT} distinct values",
            column=column.name,
        )
    return tuple(sorted(facts.counts, key=_order_key))
