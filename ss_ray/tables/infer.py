"""From facts to a schema: the kind of each column, its bounds and its values; what the user declares wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ss_ray.config import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, Scalar, TableSchema
from ss_ray.tables.cells import DATETIME_FORMATS, MISSING_WORDS, parse_dates
from ss_ray.tables.facts import MAX_DISTINCT, ColumnFacts

MAX_VALUES = 256
"""Up to so many distinct values each is a token of its own."""
MIN_REPEATS = 3
"""Occurrences per distinct value, on average, from which values are listed rather than modelled as numbers or text."""
MANY_REPEATS = 10
"""The same for a column of more than MAX_VALUES distinct strings."""
MIN_UNIQUE_ROWS = 20
UNIQUE_SHARE = 0.97  # below 1 because the number of distinct values is an estimate on large tables
MIN_ROWS = 2

_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HEX = ("0123456789abcdef", "0123456789ABCDEF")
_ID_HEADER = re.compile(r"((^|[^a-z])(id|uuid|guid)|[a-z](?-i:ID|Id))$", re.IGNORECASE)
"""Headers of columns that name things: patient_id, customerID, uuid."""


def infer_schema(
    facts: Mapping[str, ColumnFacts], declared: Mapping[str, ColumnParameters], *, is_text: bool
) -> TableSchema:
    """The schema of a table.

    Args:
        facts: Of each column over all rows.
        declared: What the user says of columns; wins over what the facts say.
        is_text: Whether the cells were read from a text format, where "12" is a number; in Parquet it is a string.

    Raises:
        DataError: Too few rows, or a declaration that the data contradict.
    """
    rows = next(iter(facts.values())).rows if facts else 0
    if rows < MIN_ROWS:
        raise DataError(f"the table has {rows} row{'s' * (rows != 1)}; at least {MIN_ROWS} are needed to learn from")
    unknown = sorted(set(declared) - set(facts))
    if unknown:
        raise DataError(f"data.columns declares {', '.join(map(repr, unknown))}, which the table does not have")
    columns = []
    for name, column_facts in facts.items():
        inferred = _infer_column(name, column_facts, is_text)
        columns.append(_declare(inferred, column_facts, declared[name], is_text) if name in declared else inferred)
    return TableSchema(columns=tuple(columns))


def _infer_column(name: str, facts: ColumnFacts, is_text: bool) -> ColumnSchema:
    base = ColumnSchema(name=name, kind=Kind.CATEGORY, arrow_type=facts.arrow_type, nullable=facts.missing > 0)
    if not facts.values:
        return replace(base, values=(), nullable=True)
    for kind in (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME):
        reading = _reading(facts, kind, is_text)
        if reading is not None:
            return _column_of_kind(base, facts, kind, reading, is_text)
    return _string_column(base, facts)


def _reading(facts: ColumnFacts, kind: Kind, is_text: bool) -> str | None:
    """The way to read every value as this kind; None where there is none."""
    is_string = facts.arrow_type in ("string", "large_string") or facts.arrow_type.startswith("dictionary")
    if is_string and not is_text:  # typed input: text stays text
        return None
    return next((fit for fit in facts.fits or {} if fit.partition(":")[0] == kind.value), None)


def _column_of_kind(base: ColumnSchema, facts: ColumnFacts, kind: Kind, reading: str, is_text: bool) -> ColumnSchema:
    """A numeric, boolean or date column; in a text format its missing words count as missing."""
    words = sum((facts.counts or {}).get(word, 0) for word in MISSING_WORDS) if is_text else 0
    maybe_words = is_text and facts.counts is None  # too many values to know: a missing word may be among them
    column = replace(
        base,
        kind=kind,
        arrow_type=_storage(kind, reading) if is_text else base.arrow_type,
        nullable=base.nullable or words > 0 or maybe_words,
        format=reading.partition(":")[2] or None,
    )
    if kind is Kind.BOOLEAN:
        return replace(column, values=(False, True))
    low, high = (facts.fits or {})[reading]
    column = replace(column, minimum=low, maximum=high, values=_listed_values(facts, kind, reading, words))
    if kind is Kind.FLOAT:
        fixed = is_text and facts.decimals is not None and facts.decimals == facts.min_decimals and facts.decimals > 0
        column = replace(column, decimals=facts.decimals, format="fixed" if fixed else None)
    return _identifier_number(column, facts) if kind is Kind.INTEGER else column


def _storage(kind: Kind, reading: str) -> str:
    return {
        Kind.INTEGER: "int64",
        Kind.FLOAT: "double",
        Kind.BOOLEAN: "bool",
        Kind.DATE: "date32[day]",
        Kind.DATETIME: "timestamp[us, tz=UTC]" if reading.endswith("Z") else "timestamp[us]",
    }[kind]


def _listed_values(facts: ColumnFacts, kind: Kind, reading: str, words: int) -> tuple[Scalar, ...] | None:
    """All values in order where they are few and repeat; None where the column is better modelled as a number."""
    if facts.counts is None:
        return None
    values = [value for value in facts.counts if value not in MISSING_WORDS]
    if len(values) > MAX_VALUES or (facts.values - words) < MIN_REPEATS * len(values):
        return None
    if kind in (Kind.DATE, Kind.DATETIME):
        return _listed_dates([str(v) for v in values], reading)
    as_number = int if kind is Kind.INTEGER else float
    return tuple(sorted({as_number(value) for value in values}))


def _listed_dates(values: list[str], reading: str) -> tuple[str, ...]:
    """ISO 8601 spellings in order of time."""
    kind, _, format_ = reading.partition(":")
    if not format_:
        return tuple(sorted(values))
    pattern = "%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M:%S.%f"
    return tuple(parse_dates(pa.array([v.strip() for v in values]), format_).sort_values().dt.strftime(pattern))


def _identifier_number(column: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    """A whole number is an identifier if it counts the rows, or if its header says so and its values are many."""
    is_sequence = int(column.maximum or 0) - int(column.minimum or 0) + 1 == facts.values
    if column.values is None and ((_is_unique(facts) and is_sequence) or _ID_HEADER.search(column.name)):
        return replace(column, kind=Kind.IDENTIFIER)
    return column


def _is_unique(facts: ColumnFacts) -> bool:
    if facts.counts is not None and max(facts.counts.values()) > 1:
        return False
    return facts.values >= MIN_UNIQUE_ROWS and facts.distinct >= UNIQUE_SHARE * facts.values


def _string_column(base: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    column = replace(base, max_length=facts.max_length)
    if facts.counts is not None:
        repeats = MIN_REPEATS if len(facts.counts) <= MAX_VALUES else MANY_REPEATS
        if facts.values >= repeats * len(facts.counts) or len(facts.counts) == 1:
            return replace(column, values=tuple(sorted(facts.counts, key=str)))
    column = replace(column, pattern=tuple(_alphabet(c) for c in facts.pattern) if facts.pattern else None)
    if facts.pattern and not facts.spaces and (_is_unique(facts) or _ID_HEADER.search(column.name)):
        return replace(column, kind=Kind.IDENTIFIER)
    return replace(column, kind=Kind.TEXT)


def _alphabet(seen: frozenset[str]) -> str:
    """The characters a position may take: the literal, or the smallest usual alphabet that holds what was seen."""
    if len(seen) == 1:
        return next(iter(seen))
    options = (*_ALPHABETS[:1], *_HEX, *_ALPHABETS[1:], "".join(_ALPHABETS[:2]), _ALPHABETS[0] + _ALPHABETS[2])
    fitting = [alphabet for alphabet in (*options, "".join(_ALPHABETS)) if seen <= set(alphabet)]
    return fitting[0] if fitting else "".join(sorted(seen))


def _declare(inferred: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool) -> ColumnSchema:
    """The inferred column with what the user declares of it."""
    column = _with_kind(inferred, facts, declared, is_text) if declared.kind or declared.format else inferred
    given: dict[str, Any] = {
        name: value
        for name in ("minimum", "maximum", "values", "decimals", "nullable")
        if (value := getattr(declared, name)) is not None
    }
    if column.nullable and declared.nullable is False:
        raise DataError(f"column {column.name!r} has missing values; data.columns declares none", column=column.name)
    if "values" in given and column.kind in ORDERED_KINDS:
        given |= {"minimum": min(given["values"]), "maximum": max(given["values"])}
    elif "minimum" in given or "maximum" in given:
        given["values"] = None  # bounds wider than what was seen: every number between them is allowed
    return replace(column, **given, source="declared")


def _with_kind(inferred: ColumnSchema, facts: ColumnFacts, declared: ColumnParameters, is_text: bool) -> ColumnSchema:
    kind = declared.kind or (Kind.DATETIME if declared.format in DATETIME_FORMATS else Kind.DATE)
    base = replace(inferred, kind=kind, arrow_type=facts.arrow_type, format=None, decimals=None, pattern=None)
    base = replace(base, minimum=None, maximum=None, values=None)
    if kind in ORDERED_KINDS or kind is Kind.BOOLEAN:
        fits = [fit for fit in facts.fits or {} if fit.partition(":")[0] == kind.value]
        wanted = [fit for fit in fits if declared.format in (None, fit.partition(":")[2])]
        if not wanted:
            raise DataError(
                f"column {inferred.name!r} is declared {kind.value}, and not all of its values are",
                column=inferred.name,
            )
        return _column_of_kind(base, facts, kind, wanted[0], is_text)
    if kind is Kind.CATEGORY:
        if facts.counts is None:
            raise DataError(
                f"column {inferred.name!r} is declared a category and has over {MAX_DISTINCT} distinct values",
                column=inferred.name,
            )
        return replace(base, values=tuple(sorted(facts.counts, key=str)))
    pattern = tuple(_alphabet(c) for c in facts.pattern) if facts.pattern and kind is Kind.IDENTIFIER else None
    return replace(base, pattern=pattern, max_length=facts.max_length)
