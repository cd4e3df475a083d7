"""`present`: a column has a value where a condition holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.config.constraints import (
    Condition,
    PresentConstraint,
)
from ss_ray.constraints.cells import (
    Mask,
    is_present,
    plain,
)
from ss_ray.constraints.conditions import holds
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.suggestions import (
    MIN_ROWS,
    CodedColumns,
    Suggestion,
)
from ss_ray.schema import ColumnSchema, Kind, TableSchema

MAX_CONDITION_VALUES = 12


class PresentRule(Construction[PresentConstraint]):
    """A column has a value where a condition holds, and none elsewhere unless anything may be there."""

    parameters = PresentConstraint

    def faults(self, constraint: PresentConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns that are never present, or never absent."""
        column = schema[constraint.column]
        if column.values == ():
            yield f"column {column.name!r} has no values"
        if constraint.otherwise == "absent" and not column.nullable:
            yield f"column {column.name!r} is never missing, so it cannot be absent; set otherwise to any"

    def violations(self, constraint: PresentConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows without a value where there must be one, or with one where there must be none."""
        present = is_present(plain(table, constraint.column))
        expected = holds(constraint.when, table)
        if constraint.otherwise == "any":
            return expected & ~present
        return expected != present

    def is_constructed(self, constraint: PresentConstraint) -> bool:
        """Values can be removed, and not invented."""
        return constraint.otherwise == "absent"

    def target(self, constraint: PresentConstraint) -> str:
        """The column that is present or absent."""
        return constraint.column

    def inputs(self, constraint: PresentConstraint) -> set[str]:
        """The column of the condition; and the target, which is removed once nothing else writes it."""
        return {constraint.when.column, constraint.column}

    def construct(
        self, constraint: PresentConstraint, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None
    ) -> pa.Array:
        """(rows,) missing values."""
        old = plain(table, column.name)
        return pa.nulls(len(old), old.type)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Columns that have values exactly where another has some value, or any."""
        gaps = {name: columns.codes[name] >= 0 for name in columns.codes if (columns.codes[name] < 0).sum() >= MIN_ROWS}
        gaps = {name: present for name, present in gaps.items() if present.sum() >= MIN_ROWS}
        first: dict[bytes, str] = {}

        for name, present in gaps.items():
            # Columns that are missing in the same rows are explained by the first of them.
            twin = first.setdefault(present.tobytes(), name)
            if twin != name:
                condition = Condition(column=twin, is_missing=False)
                yield _make_suggestion(name, condition, present, f"where {twin} has one")
            elif (found := _find_condition(columns, name, present)) is not None:
                yield _make_suggestion(name, found, present, f"at certain values of {found.column}")


def _make_suggestion(name: str, when: Condition, present: Mask, place: str) -> Suggestion:
    reason = f"{name} has a value exactly {place}: {int(present.sum()):,} of {len(present):,} rows"
    return Suggestion(constraint=PresentConstraint(column=name, when=when), support=len(present), reason=reason)


def _find_condition(columns: CodedColumns, name: str, present: Mask) -> Condition | None:
    """The condition of fewest values of a category or boolean that holds where the column is present; None without."""
    found: list[Condition] = []
    for other in columns.schema.of_kind(Kind.CATEGORY, Kind.BOOLEAN):
        codes = columns.codes[other.name]
        filled = np.bincount(codes[present] + 1, minlength=columns.distinct[other.name] + 1)
        rows = np.bincount(codes + 1, minlength=columns.distinct[other.name] + 1)
        if other.name == name or filled[0] or ((filled > 0) & (filled < rows)).any():
            continue

        values = _values_of(columns, other.name, np.flatnonzero(filled[1:]))
        if len(values) <= MAX_CONDITION_VALUES:
            found.append(_condition_on(other.name, values))

    return min(found, key=lambda condition: len(condition.one_of or (0,)), default=None)


def _condition_on(name: str, values: Sequence[Any]) -> Condition:
    if len(values) == 1:
        return Condition(column=name, equals=values[0])
    return Condition(column=name, one_of=tuple(sorted(values)))


def _values_of(columns: CodedColumns, name: str, codes: npt.NDArray[np.intp]) -> list[Any]:
    return plain(columns.table, name).dictionary_encode().dictionary.take(pa.array(codes)).to_pylist()
