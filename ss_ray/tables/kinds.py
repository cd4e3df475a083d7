"""From facts to the kind of a column, its formats, its bounds and its values, with the reason for the choice.

Numbers and times are tried first, categories next. A column is an identifier only where something says so: its header,
or values that look like codes and never repeat.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from ss_ray.schema import ColumnSchema, Kind, Scalar, is_dated
from ss_ray.tables.facts import ColumnFacts
from ss_ray.tables.headers import counts_rows, names_person, names_things
from ss_ray.tables.patterns import alphabets
from ss_ray.tables.spellings.cells import BOOLEANS, Reader
from ss_ray.tables.spellings.dates import iso_strings, storage_type
from ss_ray.tables.spellings.missing import is_missing_word
from ss_ray.tables.spellings.readings import Spelling, best_spelling
from ss_ray.tables.spellings.ticks import format_of_ticks

MAX_VALUES = 256
"""Up to so many distinct values each is a token of its own."""
MIN_REPEATS = 3
"""Occurrences per distinct value, on average, from which values are listed rather than modelled as numbers or text."""
MANY_REPEATS = 10
"""The same for a column of more than MAX_VALUES distinct strings."""
MAX_LEVELS = 20
"""Up to so many values a column named like an identifier is a code, and numbers beside codes are categories."""
MIN_UNIQUE_ROWS = 20
UNIQUE_SHARE = 0.9
"""Below 1: over MAX_DISTINCT values, their number is estimated within 3 %, beyond 10 % once in 1,000 columns."""
MIN_CODE_LENGTH = 6
"""Characters from which strings of letters and digits that never repeat are taken for identifiers."""
YEARS = (1800, 2100)


def infer_column(name: str, facts: ColumnFacts, is_text: bool, decimal: str | None = None) -> tuple[ColumnSchema, ...]:
    """A column as its facts tell it, and the column of its spellings where its cells are not spelled alike.

    Args:
        name: Name of the column.
        facts: Facts over all rows.
        is_text: Whether the cells were read from a text format, where "12" is a number; in Parquet it is a string.
        decimal: Decimal mark of a text file, where it is known.
    """
    base = base_column(name, facts)
    if not facts.values:
        return (replace(base, values=(), nullable=True, reason="it has no values"),)
    if not is_string(facts):
        return (typed_column(base, facts),)

    if _has_check_digits(facts):
        why = f"its values never repeat, and all pass the check {facts.check!r}"
        column = replace(base, pattern=longest_pattern(facts), max_length=facts.max_length)
        return (replace(column, kind=Kind.IDENTIFIER, format=facts.check, reason=why),)

    if is_text:
        pair = _boolean_words(facts)
        if pair is not None:
            return (_boolean_column(base, facts, pair),)

        spelling = best_spelling(facts.readings, facts.distinct, decimal) if facts.readings else None
        if spelling is not None and not _is_better_listed(facts, spelling):
            return spelled_columns(base, facts, spelling)

    return (_string_column(base, facts),)


def base_column(name: str, facts: ColumnFacts) -> ColumnSchema:
    """A column of unknown kind."""
    return ColumnSchema(name=name, kind=Kind.CATEGORY, arrow_type=facts.arrow_type, nullable=facts.missing > 0)


def is_string(facts: ColumnFacts) -> bool:
    """Whether the column is stored as strings, plain or in a dictionary."""
    return facts.arrow_type in ("string", "large_string") or facts.arrow_type.startswith("dictionary<values=string")


# Typed columns.


def typed_column(base: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    """A column whose storage type tells its kind."""
    kind = typed_kind(facts)
    assert kind is not None
    column = replace(base, kind=kind, reason=f"it is stored as {facts.arrow_type}")
    if kind is Kind.BOOLEAN:
        return replace(column, values=(False, True))

    low, high = facts.bounds or (None, None)
    column = replace(column, minimum=low, maximum=high, values=_typed_values(facts, kind))
    if kind in (Kind.TIME, Kind.DURATION):
        return replace(column, arrow_type="int64", format=format_of_ticks(facts.arrow_type))
    if kind is Kind.FLOAT:
        return replace(column, decimals=facts.decimals)
    if kind is Kind.INTEGER:
        return _numbered_column(column, facts)

    return column


def typed_kind(facts: ColumnFacts) -> Kind | None:
    """The kind that the storage type tells; None for strings."""
    name = facts.arrow_type
    if is_string(facts):
        return None
    for start, kind in (
        ("bool", Kind.BOOLEAN),
        ("date", Kind.DATE),
        ("timestamp", Kind.DATETIME),
        ("time", Kind.TIME),
        ("duration", Kind.DURATION),
    ):
        if name.startswith(start):
            return kind
    return Kind.INTEGER if name.removeprefix("u").startswith("int") else Kind.FLOAT


def _typed_values(facts: ColumnFacts, kind: Kind) -> tuple[Scalar, ...] | None:
    """All values in order where they are few and repeat; None where the column is better modelled as a number."""
    if not _are_few(facts, facts.values):
        return None
    if kind is Kind.FLOAT:
        # Adding 0.0 turns -0.0 into 0.0.
        return tuple(sorted({float(value) + 0.0 for value in facts.counts or ()}))
    return tuple(sorted(facts.counts or ()))


def _are_few(facts: ColumnFacts, present: int, extra: int = 0) -> bool:
    """Whether a column has few distinct values that repeat."""
    if facts.counts is None:
        return False
    distinct = len(facts.counts) - extra
    return distinct <= MAX_VALUES and present >= MIN_REPEATS * distinct


# Columns of text files.


def _boolean_words(facts: ColumnFacts) -> str | None:
    words = {value for value in facts.counts or () if not is_missing_word(value)}
    stripped = {str(word).strip() for word in words}
    return next((name for name, pair in BOOLEANS.items() if stripped and stripped <= set(pair)), None)


def _boolean_column(base: ColumnSchema, facts: ColumnFacts, pair: str) -> ColumnSchema:
    return replace(
        base,
        kind=Kind.BOOLEAN,
        arrow_type="bool",
        nullable=base.nullable or bool(facts.missing_words),
        format=pair,
        missing=_missing_word(facts),
        values=(False, True),
        reason="all its values are " + " or ".join(BOOLEANS[pair]),
    )


def _is_better_listed(facts: ColumnFacts, spelling: Spelling) -> bool:
    """Whether numbers beside codes are so few that all of them are categories: grades such as 1, 2, 3, absent."""
    if not (spelling.codes or len(spelling.formats) > 1):
        return False
    return facts.counts is not None and len(facts.counts) <= MAX_LEVELS and _are_few(facts, facts.values)


def spelled_columns(base: ColumnSchema, facts: ColumnFacts, spelling: Spelling) -> tuple[ColumnSchema, ...]:
    """A column of numbers or times, and the column of its spellings where it needs one."""
    words = _words_as_codes(facts)
    codes = {**spelling.codes, **words}
    is_mixed = bool(codes) or len(spelling.formats) > 1
    column = replace(
        base,
        kind=spelling.kind,
        arrow_type=str(_storage_type(spelling)),
        nullable=base.nullable or bool(facts.missing_words or codes),
        format=spelling.formats[0],
        missing=_missing_word(facts),
        minimum=spelling.low,
        maximum=spelling.high,
        decimals=spelling.decimals,
        reason=_describe_spelling(spelling),
    )
    column = replace(column, values=_spelled_values(column, facts, spelling))
    if column.kind is Kind.INTEGER and not is_mixed:
        column = _numbered_column(column, facts)
    if not is_mixed:
        return (column,)

    companion = ColumnSchema(
        name=f"{base.name} ({'code' if codes else 'format'})",
        kind=Kind.CATEGORY,
        arrow_type="string",
        nullable=base.nullable or (bool(facts.missing_words) and not words),
        values=tuple(sorted({*spelling.formats, *codes})),
        max_length=max(len(text) for text in (*spelling.formats, *codes)),
        spelling_of=base.name,
        formats=spelling.formats,
        reason=f"it tells how the cells of {base.name!r} are spelled",
    )
    return (column, companion)


def _words_as_codes(facts: ColumnFacts) -> dict[str, int]:
    """Words for missing values that are codes, because the column has missing cells of several spellings."""
    spellings = [*facts.missing_words, *([""] if facts.missing else [])]
    if len({text.strip() for text in spellings}) < 2:
        return {}
    return {word.strip(): count for word, count in facts.missing_words.items() if word.strip()}


def _missing_word(facts: ColumnFacts) -> str | None:
    """The one spelling of missing cells; None for an empty cell, or several spellings."""
    words = {word.strip() for word in facts.missing_words}
    if len(words) != 1 or facts.missing:
        return None
    return next(iter(words)) or None


def _describe_spelling(spelling: Spelling) -> str:
    """The reason for the kind, with the share of each format."""
    total = sum(spelling.cells)
    shares = [f"{text} ({count / total:.1%})" for text, count in zip(spelling.formats, spelling.cells, strict=True)]
    formats = spelling.formats[0] if len(shares) == 1 else ", ".join(shares)
    noun = {
        Kind.INTEGER: "whole numbers",
        Kind.FLOAT: "numbers",
        Kind.DATE: "dates",
        Kind.DATETIME: "times",
        Kind.TIME: "clock times",
        Kind.DURATION: "durations",
    }[spelling.kind]
    reason = f"its values are {noun} of the format {formats}"
    if spelling.is_ambiguous:
        reason += "; no row tells the order of day and month, so data.columns should declare the format"
    if spelling.codes:
        reason += f"; {len(spelling.codes)} other values, in {sum(spelling.codes.values()):,} cells, are codes"
    return reason


def _storage_type(spelling: Spelling) -> pa.DataType:
    if spelling.kind in (Kind.DATE, Kind.DATETIME):
        return storage_type(spelling.formats)
    return pa.float64() if spelling.kind is Kind.FLOAT else pa.int64()


def _spelled_values(column: ColumnSchema, facts: ColumnFacts, spelling: Spelling) -> tuple[Scalar, ...] | None:
    """All values in order where they are few and repeat."""
    others = [value for value in facts.counts or () if is_missing_word(value) or str(value).strip() in spelling.codes]
    if not _are_few(facts, sum(spelling.cells), extra=len(others)):
        return None

    cells = pa.array([str(value).strip() for value in facts.counts or () if value not in others], pa.string())
    values = Reader(column, spelling.formats).read(cells)[0]
    if is_dated(values.type):
        values = iso_strings(values)
    return tuple(sorted(set(values.drop_null().to_pylist())))


# Identifiers.


def _numbered_column(column: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    """A whole number is an identifier if it counts the rows, or if its header says so and its values are many."""
    low, high = int(column.minimum or 0), int(column.maximum or 0)
    present = count_present(facts)
    is_year = YEARS[0] <= low and high <= YEARS[1]
    is_counter = low in (0, 1) or (counts_rows(column.name) and not is_year)
    if is_unique(facts) and high - low + 1 == present and is_counter:
        return _as_identifier(column, "its values count the rows")
    if not names_things(column.name) or _has_few_levels(facts):
        return column
    if names_person(column.name) or not _values_repeat(facts):
        return _as_identifier(column, "its header names an identifier")

    # A key of another table: what depends on it can be learned only if it is.
    values = tuple(sorted({int(value) for value in facts.counts or () if not is_missing_word(value)}))
    if facts.counts is not None and column.format in (None, "0"):
        column = replace(column, values=values)
    return replace(column, reason="its header names an identifier, but its values repeat: it refers to another table")


def _as_identifier(column: ColumnSchema, why: str) -> ColumnSchema:
    return replace(column, kind=Kind.IDENTIFIER, values=None, format=None, reason=why)


def _has_few_levels(facts: ColumnFacts) -> bool:
    """Whether there are few values that repeat, as in status_id."""
    return facts.counts is not None and len(facts.counts) <= MAX_LEVELS


def _values_repeat(facts: ColumnFacts) -> bool:
    """Whether every value of an identifier stands in several rows, so that it refers to something."""
    if facts.counts is None:
        return False
    repeats = MIN_REPEATS if len(facts.counts) <= MAX_VALUES else MANY_REPEATS
    return count_present(facts) >= repeats * len(facts.counts)


def is_unique(facts: ColumnFacts) -> bool:
    """Whether no value repeats."""
    if facts.counts is not None and any(n > 1 for value, n in facts.counts.items() if not is_missing_word(value)):
        return False
    return hardly_repeats(facts)


def hardly_repeats(facts: ColumnFacts) -> bool:
    """Whether nearly every cell has a value of its own, over rows enough to tell."""
    present = count_present(facts)
    return present >= MIN_UNIQUE_ROWS and facts.distinct >= UNIQUE_SHARE * present


def count_present(facts: ColumnFacts) -> int:
    """Cells that hold a value, missing words left out."""
    return facts.values - sum(facts.missing_words.values())


def _string_column(base: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    column = replace(base, max_length=facts.max_length)
    has_one_length = facts.patterns is not None and len(facts.patterns) == 1
    pattern = longest_pattern(facts)
    why = _identifier_evidence(column, facts, pattern if has_one_length else None)
    if pattern and not facts.spaces and why:
        return replace(column, kind=Kind.IDENTIFIER, pattern=pattern, format=facts.check, reason=why)

    if facts.counts is not None:
        repeats = MIN_REPEATS if len(facts.counts) <= MAX_VALUES else MANY_REPEATS
        if facts.values >= repeats * len(facts.counts) or len(facts.counts) == 1:
            values = tuple(sorted(facts.counts, key=str))
            return replace(column, values=values, reason=f"its {len(values):,} values repeat")

    pattern = pattern if has_one_length else None
    return replace(column, kind=Kind.TEXT, pattern=pattern, reason="its values are text that seldom repeats")


def _identifier_evidence(column: ColumnSchema, facts: ColumnFacts, pattern: tuple[str, ...] | None) -> str:
    """What says that a column of strings is an identifier; empty where nothing does."""
    is_named = names_things(column.name) and not _has_few_levels(facts)
    if is_named and (names_person(column.name) or not _values_repeat(facts)):
        return "its header names an identifier"
    if pattern is not None and is_unique(facts) and _looks_like_codes(pattern):
        return "its values never repeat, and are codes of one length"
    return ""


def _has_check_digits(facts: ColumnFacts) -> bool:
    """Whether codes of one length never repeat and all pass one check, which no other values do by chance."""
    has_one_length = facts.patterns is not None and len(facts.patterns) == 1
    return facts.check is not None and has_one_length and is_unique(facts)


def _looks_like_codes(pattern: tuple[str, ...]) -> bool:
    """Whether positions of a code hold digits: letters alone may be words, and few characters may be a level."""
    # Numbers with marks between them, such as coordinates, are values.
    if not set("".join(pattern)) - set("0123456789.,;+- "):
        return not set("".join(pattern)) & set(".,;")

    has_digits = any(set(alphabet) & set("0123456789") for alphabet in pattern)
    free = sum(len(alphabet) > 1 for alphabet in pattern)
    return has_digits and free >= MIN_CODE_LENGTH - 1 and len(pattern) >= MIN_CODE_LENGTH


def longest_pattern(facts: ColumnFacts) -> tuple[str, ...] | None:
    """Alphabet of each position of the longest strings; None for strings of too many lengths."""
    if facts.patterns:
        return alphabets(facts.patterns[max(facts.patterns)]) or None
    return None
