"""From facts to the kind of a column, its bounds and its values."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from ss_ray.schema import ColumnSchema, Kind, Scalar
from ss_ray.tables.cells import is_missing_word
from ss_ray.tables.dates import iso_strings, parse_dates
from ss_ray.tables.facts import ColumnFacts, text_date_type
from ss_ray.tables.patterns import alphabets

MAX_VALUES = 256
"""Up to so many distinct values each is a token of its own."""
MIN_REPEATS = 3
"""Occurrences per distinct value, on average, from which values are listed rather than modelled as numbers or text."""
MANY_REPEATS = 10
"""The same for a column of more than MAX_VALUES distinct strings."""
MAX_CODES = 20
"""Up to so many values a column named like an identifier is taken for a code."""
MIN_UNIQUE_ROWS = 20
UNIQUE_SHARE = 0.9
"""Below 1: over MAX_DISTINCT values, their number is estimated within 3 %, beyond 10 % once in 1,000 columns."""

_ID_HEADER = re.compile(r"((^|[^a-z])(id|uuid|guid)|[a-z](?-i:ID|Id))$", re.IGNORECASE)
"""Headers of columns that name things: patient_id, customerID, uuid."""


def infer_column(name: str, facts: ColumnFacts, is_text: bool) -> ColumnSchema:
    """A column as its facts tell it."""
    base = ColumnSchema(name=name, kind=Kind.CATEGORY, arrow_type=facts.arrow_type, nullable=facts.missing > 0)
    if not facts.values:
        return replace(base, values=(), nullable=True)

    for kind in (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME):
        reading = _choose_reading(facts, kind, is_text)
        if reading is not None:
            return column_of_kind(base, facts, kind, reading, is_text)

    return _string_column(base, facts)


def _choose_reading(facts: ColumnFacts, kind: Kind, is_text: bool) -> str | None:
    """The way to read every value as this kind; None where there is none."""
    # Typed input: text stays text.
    if is_string(facts) and not is_text:
        return None
    return next((fit for fit in facts.fits or {} if fit.partition(":")[0] == kind.value), None)


def is_string(facts: ColumnFacts) -> bool:
    """Whether the column is stored as strings, plain or in a dictionary."""
    return facts.arrow_type in ("string", "large_string") or facts.arrow_type.startswith("dictionary")


def column_of_kind(base: ColumnSchema, facts: ColumnFacts, kind: Kind, reading: str, is_text: bool) -> ColumnSchema:
    """A numeric, boolean or date column; in a text format its missing words count as missing."""
    column = replace(
        base,
        kind=kind,
        arrow_type=_choose_storage(kind, reading) if is_text else base.arrow_type,
        nullable=base.nullable or (is_text and facts.missing_words > 0),
        format=reading.partition(":")[2] or None,
    )
    if kind is Kind.BOOLEAN:
        return replace(column, values=(False, True))

    low, high = (facts.fits or {})[reading]
    column = replace(column, minimum=low, maximum=high, values=_listed_values(facts, kind, reading))
    if kind is Kind.FLOAT:
        return replace(column, decimals=facts.decimals, format=_float_format(facts) if is_text else None)
    if kind is Kind.INTEGER:
        return _identifier_number(column, facts)

    return column


def _float_format(facts: ColumnFacts) -> str | None:
    if not facts.min_decimals:
        return None
    if facts.decimals == facts.min_decimals:
        return "fixed"
    return "point"


def _choose_storage(kind: Kind, reading: str) -> str:
    if kind in (Kind.DATE, Kind.DATETIME):
        return str(text_date_type(kind.value, reading))
    return {Kind.INTEGER: "int64", Kind.FLOAT: "double", Kind.BOOLEAN: "bool"}[kind]


def _listed_values(facts: ColumnFacts, kind: Kind, reading: str) -> tuple[Scalar, ...] | None:
    """All values in order where they are few and repeat; None where the column is better modelled as a number."""
    if facts.counts is None:
        return None

    values = [value for value in facts.counts if not is_missing_word(value)]
    if len(values) > MAX_VALUES or _count_present(facts) < MIN_REPEATS * len(values):
        return None
    if kind in (Kind.DATE, Kind.DATETIME):
        return _listed_dates([str(v) for v in values], reading)

    as_number = int if kind is Kind.INTEGER else float
    return tuple(sorted({as_number(value) + 0 for value in values}))


def _listed_dates(values: list[str], reading: str) -> tuple[str, ...]:
    """ISO 8601 spellings in order of time."""
    kind, _, format_ = reading.partition(":")
    if not format_:
        return tuple(sorted(values))
    dates = pa.Array.from_pandas(parse_dates(pa.array([v.strip() for v in values]), format_))
    return tuple(sorted(set(iso_strings(dates.cast(text_date_type(kind, format_))).to_pylist())))


def _identifier_number(column: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    """A whole number is an identifier if it counts the rows, or if its header says so and its values are many."""
    is_sequence = int(column.maximum or 0) - int(column.minimum or 0) + 1 == _count_present(facts)
    if _names_things(column, facts) or (_is_unique(facts) and is_sequence):
        return replace(column, kind=Kind.IDENTIFIER, values=None)
    return column


def _names_things(column: ColumnSchema, facts: ColumnFacts) -> bool:
    """Whether the header says identifier, and there are too many values for a code such as status_id."""
    is_code = facts.counts is not None and len(facts.counts) <= MAX_CODES
    return bool(_ID_HEADER.search(column.name)) and not is_code


def _is_unique(facts: ColumnFacts) -> bool:
    if facts.counts is not None and any(n > 1 for value, n in facts.counts.items() if not is_missing_word(value)):
        return False
    return _count_present(facts) >= MIN_UNIQUE_ROWS and facts.distinct >= UNIQUE_SHARE * _count_present(facts)


def _count_present(facts: ColumnFacts) -> int:
    """Cells that hold a value, missing words left out."""
    return facts.values - facts.missing_words


def _string_column(base: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    column = replace(base, max_length=facts.max_length)
    has_one_length = facts.patterns is not None and len(facts.patterns) == 1
    pattern = longest_pattern(facts)
    is_named = _names_things(column, facts)
    if pattern and not facts.spaces and (is_named or (has_one_length and _is_unique(facts))):
        return replace(column, kind=Kind.IDENTIFIER, pattern=pattern)

    if facts.counts is not None:
        if len(facts.counts) <= MAX_VALUES:
            repeats = MIN_REPEATS
        else:
            repeats = MANY_REPEATS
        if facts.values >= repeats * len(facts.counts) or len(facts.counts) == 1:
            return replace(column, values=tuple(sorted(facts.counts, key=str)))

    return replace(column, kind=Kind.TEXT, pattern=pattern if has_one_length else None)


def longest_pattern(facts: ColumnFacts) -> tuple[str, ...] | None:
    """Alphabet of each position of the longest strings; None for strings of too many lengths."""
    if facts.patterns:
        return alphabets(facts.patterns[max(facts.patterns)]) or None
    return None
