"""`unique`: no two rows have the same key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    UniqueConstraint,
)
from ss_ray.constraints.cells import (
    Hashes,
    Mask,
    numbers,
    plain,
    repeats,
    row_hashes,
)
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.constraints.suggestions import (
    MIN_EXPECTED,
    CodedColumns,
    Suggestion,
)
from ss_ray.schema import ColumnSchema, Kind

MAX_KEYS = 3
MAX_KEY_LENGTH = 64
MAX_CODES = 40


class UniqueRule(ConstraintKind[UniqueConstraint]):
    """No two rows have the same values in all columns of a key."""

    parameters = UniqueConstraint

    def violations(self, constraint: UniqueConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """All but the first of the rows with one key break it."""
        return repeats(*row_hashes(table, constraint.columns))

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> list[Suggestion]:
        """Columns without a repeated value where chance would repeat one; else pairs of an identifier and a column."""
        if single := [name for name in columns.codes if _is_key(columns, name)]:
            return [_make_suggestion(columns, name) for name in single]

        identifiers = [c.name for c in columns.schema.of_kind(Kind.IDENTIFIER)]
        others = [c.name for c in columns.schema.columns if c.kind not in (Kind.IDENTIFIER, Kind.FLOAT, Kind.TEXT)]
        pairs = [*combinations(identifiers, 2), *product(identifiers, others)]
        found = [_make_suggestion(columns, *pair) for pair in pairs if _is_key_pair(columns, *pair)]
        if not found:
            # A number or a name with a number inside it: store and line, day and slot.
            codes = [c.name for c in columns.schema.columns if _is_code(columns, c)][:MAX_CODES]
            found = [
                _make_suggestion(columns, *pair) for pair in combinations(codes, 2) if _is_key_pair(columns, *pair)
            ]

        return found[:MAX_KEYS]


def key_hashes(constraint: UniqueConstraint, table: pa.Table) -> Hashes:
    """(rows with all columns of the key,) hash of each key, the same in every table of the schema.

    A last check over shards: together they repeat no key if no hash repeats.
    """
    hashes, complete = row_hashes(table, constraint.columns)
    return hashes[complete]


def _make_suggestion(columns: CodedColumns, *names: str) -> Suggestion:
    reason = f"{' and '.join(names)} {'repeat' if len(names) > 1 else 'repeats'} in no row of {columns.num_rows:,}"
    return Suggestion(constraint=UniqueConstraint(columns=names), support=columns.num_rows, reason=reason)


def _is_key(columns: CodedColumns, name: str) -> bool:
    column = columns.schema[name]
    if columns.distinct[name] < columns.num_rows:
        return False

    if column.kind in (Kind.INTEGER, Kind.DATE):
        if column.kind is Kind.INTEGER:
            values = numbers(plain(columns.table, name))
        else:
            values = _count_days(columns.table, name)
        return columns.num_rows**2 / 2 / (float(values.max()) - float(values.min()) + 1) >= MIN_EXPECTED

    return column.kind is Kind.IDENTIFIER or (column.kind is Kind.TEXT and _is_word(columns, name))


def _is_code(columns: CodedColumns, column: ColumnSchema) -> bool:
    """Whether a column may be a part of a key: no measure, no text, and each value stands in several rows."""
    few = columns.distinct[column.name] <= columns.num_rows / 2
    return few and column.kind in (Kind.INTEGER, Kind.CATEGORY, Kind.DATE, Kind.DATETIME)


def _is_word(columns: CodedColumns, name: str) -> bool:
    """Whether texts may be names of things: short, and without spaces."""
    array = plain(columns.table, name)
    longest = pc.max(pc.utf8_length(array)).as_py()
    return longest <= MAX_KEY_LENGTH and not pc.any(pc.match_substring(array, " ")).as_py()


def _count_days(table: pa.Table, name: str) -> npt.NDArray[Any]:
    return numbers(plain(table, name).cast(pa.date32()).cast(pa.int32()))


def _is_key_pair(columns: CodedColumns, first: str, second: str) -> bool:
    if not columns.present(first, second).all():
        return False

    expected = columns.num_rows**2 / 2 * columns.chance[first] * columns.chance[second]
    if columns.distinct[first] * columns.distinct[second] < columns.num_rows or expected < MIN_EXPECTED:
        return False

    # One number for each pair of values: 32 bits would overflow.
    pairs = columns.codes[first].astype(np.int64) * columns.distinct[second] + columns.codes[second]
    return len(np.unique(pairs)) == columns.num_rows
