"""Declarations of columns: they take precedence over inference, or contradict the data with a clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, Scalar, arrow_type
from ss_ray.tables.dates import DATE_FORMATS, DATETIME_FORMATS, iso_strings
from ss_ray.tables.facts import MAX_DISTINCT, ColumnFacts
from ss_ray.tables.kinds import column_of_kind, is_string, longest_pattern


def declare_column(
    inferred: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool
) -> ColumnSchema:
    """The inferred column with its declaration; a column without values stays without."""
    if not facts.values and declared.nullable is not False:
        return replace(inferred, source="declared")

    if declared.kind or declared.format:
        column = _with_kind(inferred, facts, declared, is_text)
    else:
        column = inferred

    if column.nullable and declared.nullable is False:
        raise DataError(f"column {column.name!r} has missing values; data.columns declares none", column=column.name)

    given: dict[str, Any] = {
        name: value for name in ("decimals", "nullable") if (value := getattr(declared, name)) is not None
    }
    return replace(_with_range(column, declared), **given, source="declared")


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
        if column.kind in (Kind.DATE, Kind.DATETIME):
            return _declared_date(str(value), arrow_type(column))
        if column.kind is Kind.INTEGER and float(value).is_integer():
            return int(value)
        if column.kind is Kind.FLOAT:
            return float(value)
        if column.kind is Kind.BOOLEAN and isinstance(value, bool):
            return value
        if column.kind is Kind.CATEGORY:
            return _declared_category(value, arrow_type(column))
    except (ValueError, pa.ArrowException):
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


def _declared_category(value: Scalar, type_: pa.DataType) -> Scalar:
    if pa.types.is_integer(type_):
        return int(value)
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return float(value)
    return str(value)


def _with_kind(inferred: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool) -> ColumnSchema:
    """The column as if its kind had been inferred."""
    kind = declared.kind or (Kind.DATETIME if declared.format in DATETIME_FORMATS else Kind.DATE)
    base = ColumnSchema(
        name=inferred.name, kind=kind, arrow_type=facts.arrow_type, nullable=facts.missing > 0 or not facts.values
    )
    _check_format(base, declared.format)
    if kind in ORDERED_KINDS or kind is Kind.BOOLEAN:
        return column_of_kind(base, facts, kind, _declared_reading(base, facts, declared.format), is_text)
    if kind is Kind.CATEGORY:
        return replace(base, values=_list_categories(base, facts), max_length=facts.max_length or None)

    is_number = "integer" in (facts.fits or {}) and not is_string(facts)
    if not (is_string(facts) or (is_number and kind is Kind.IDENTIFIER)):
        raise DataError(
            f"column {base.name!r} is declared {kind.value} and stored as {facts.arrow_type}; convert it to strings",
            column=base.name,
        )

    if is_number:
        low, high = (facts.fits or {})["integer"]
        return replace(base, minimum=low, maximum=high)

    return replace(base, pattern=longest_pattern(facts), max_length=facts.max_length)


def _check_format(column: ColumnSchema, format_: str | None) -> None:
    if format_ is not None and format_ not in (*DATE_FORMATS, *DATETIME_FORMATS):
        raise DataError(
            f"column {column.name!r}: the date format {format_!r} is not supported; "
            f"convert the dates to one of {', '.join(DATE_FORMATS)}, with a time or without",
            column=column.name,
        )


def _declared_reading(column: ColumnSchema, facts: ColumnFacts, format_: str | None) -> str:
    for reading in facts.fits or {}:
        kind, _, spelling = reading.partition(":")
        if kind == column.kind.value and format_ in (None, spelling):
            return reading

    raise DataError(
        f"column {column.name!r} is declared {column.kind.value}, and not all of its values are"
        + (f" of the format {format_!r}" if format_ else ""),
        column=column.name,
    )


def _list_categories(column: ColumnSchema, facts: ColumnFacts) -> tuple[Scalar, ...]:
    if facts.counts is None:
        raise DataError(
            f"column {column.name!r} is declared a category and has over {MAX_DISTINCT} distinct values",
            column=column.name,
        )
    return tuple(sorted(facts.counts, key=_order_key))
