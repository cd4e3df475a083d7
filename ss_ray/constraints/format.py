"""`format`: strings match a regular expression."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import regex

from ss_ray.config.constraints import (
    FormatConstraint,
)
from ss_ray.constraints.cells import (
    Mask,
    declared,
    is_present,
    plain,
    to_mask,
    value_type,
)
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.constraints.suggestions import (
    MIN_ROWS,
    CodedColumns,
    Suggestion,
)
from ss_ray.errors import ConfigError
from ss_ray.schema import Kind, TableSchema

PATTERN_SECONDS = 1.0
BATCH_SECONDS = 60.0
"""Longest match of one string, and of all distinct strings of a batch together."""
_RUNS = (("[0-9]", "9"), ("[A-Z]", "A"), ("[a-z]", "a"))
"""Alphabets of formats, and the letter that stands for a run of each."""


class FormatRule(ConstraintKind[FormatConstraint]):
    """Every string of a column matches a regular expression."""

    parameters = FormatConstraint

    def faults(self, constraint: FormatConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns without strings, expressions that are invalid, and those that no value matches."""
        column = schema[constraint.column]
        type_ = value_type(column)
        if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
            yield f"column {column.name!r} is stored as {column.arrow_type}; only strings have a format"
            return

        try:
            regex.compile(constraint.pattern)
        except regex.error as error:
            yield f"invalid regular expression: {error}"
            return

        if column.values and not _match_strings(constraint, declared(column.values, type_)).any():
            yield f"no value of column {column.name!r} has this format"

    def violations(self, constraint: FormatConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows whose whole string does not match.

        Raises:
            ConfigError: The pattern takes over PATTERN_SECONDS for one string, or BATCH_SECONDS for all.
        """
        array = plain(table, constraint.column)
        return is_present(array) & ~_match_strings(constraint, array)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Strings of one shape that has digits or signs: runs of digits, capitals, small letters, and signs."""
        for column in columns.schema.of_kind(Kind.TEXT, Kind.IDENTIFIER):
            array = plain(columns.table, column.name).drop_null()
            is_string = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
            if not is_string or column.entity_type is not None or columns.distinct[column.name] < MIN_ROWS:
                continue

            pattern = find_pattern(pc.unique(array))
            if pattern is not None:
                reason = f"all {columns.distinct[column.name]:,} strings of {column.name} have this shape"
                constraint = FormatConstraint(column=column.name, pattern=pattern)
                yield Suggestion(constraint=constraint, support=len(array), reason=reason)


def _match_strings(constraint: FormatConstraint, array: pa.Array) -> Mask:
    """(rows,) whether the whole of each string matches; False for missing ones."""
    compiled = regex.compile(constraint.pattern)
    # Each distinct string is matched once.
    encoded = array.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    until = time.monotonic() + BATCH_SECONDS

    try:
        fits = [compiled.fullmatch(text, timeout=_seconds_left(until)) is not None for text in texts]
    except TimeoutError:
        raise ConfigError(
            f"{constraint.name}: the pattern takes over {PATTERN_SECONDS:g} second for one string, or "
            f"{BATCH_SECONDS:g} for {len(texts):,} of them; simplify it"
        ) from None

    return to_mask(pa.array(fits, pa.bool_()).take(encoded.indices))


def _seconds_left(until: float) -> float:
    """Seconds that the next string may take.

    Raises:
        TimeoutError: There are none.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(PATTERN_SECONDS, left)


def find_pattern(texts: pa.Array) -> str | None:
    """The regular expression of strings of one shape; None for others."""
    shapes = texts
    for alphabet, sign in _RUNS:
        shapes = pc.replace_substring_regex(shapes, f"{alphabet}+", sign)

    shape = shapes[0].as_py()
    if pc.count_distinct(shapes).as_py() > 1 or not re.search("[^Aa]", shape) or not re.fullmatch("[!-~]+", shape):
        return None

    runs = re.compile("".join(f"({_alphabet_of(sign)}+)" if _alphabet_of(sign) else re.escape(sign) for sign in shape))
    found = [match.groups() for text in texts.to_pylist() if (match := runs.fullmatch(text))]
    columns = iter(zip(*found, strict=True))

    return "".join(_run_pattern(sign, next(columns)) if _alphabet_of(sign) else re.escape(sign) for sign in shape)


def _run_pattern(sign: str, runs: Sequence[str]) -> str:
    """The regular expression of one run: letters that never change as they are, else how many of its alphabet."""
    if len(set(runs)) == 1 and sign != "9":
        return runs[0]

    low = min(map(len, runs))
    high = max(map(len, runs))
    times = f"{low}" if low == high else f"{low},{high}"

    return _alphabet_of(sign) + ("" if times == "1" else f"{{{times}}}")


def _alphabet_of(sign: str) -> str:
    return next((alphabet for alphabet, letter in _RUNS if letter == sign), "")
