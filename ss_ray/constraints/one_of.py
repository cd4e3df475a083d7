"""`one_of`: exactly one of some columns is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import OneOfConstraint
from ss_ray.constraints.cells import Mask, is_present, numbers, plain
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.suggestions import MIN_EXPECTED, CodedColumns, Suggestion
from ss_ray.schema import ColumnSchema, Kind, TableSchema

MAX_COLUMNS = 60
TRUTHS = ("1", "true", "yes", "y", "t")
FALSEHOODS = ("0", "false", "no", "n", "f")


class OneOfRule(Construction[OneOfConstraint]):
    """Exactly one of some columns is set."""

    parameters = OneOfConstraint

    def faults(self, constraint: OneOfConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns that are never missing, or that are neither true nor false."""
        for column in (schema[name] for name in constraint.columns):
            if constraint.set_by == "value" and not column.nullable:
                yield f"column {column.name!r} is never missing, so it always has a value; set set_by to truth"
            if constraint.set_by == "truth" and not _is_truth(column):
                yield f"column {column.name!r} is of kind {column.kind.value}, not of 0 and 1 or of truth values"

    def violations(self, constraint: OneOfConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows in which no column is set, or several are."""
        arrays = [plain(table, name) for name in constraint.columns]
        if constraint.set_by == "value":
            return np.asarray(sum(is_present(array).astype(np.int64) for array in arrays) != 1)

        # A missing truth value may be either, so such a row breaks nothing.
        complete = np.logical_and.reduce([is_present(array) for array in arrays])
        count = sum(_are_true(array).astype(np.int64) for array in arrays)
        return complete & np.asarray(count != 1)

    def target(self, constraint: OneOfConstraint) -> str:
        """The last column, which follows from the others."""
        return constraint.columns[-1]

    def inputs(self, constraint: OneOfConstraint) -> set[str]:
        """The other columns."""
        return set(constraint.columns[:-1])

    def construct(
        self, constraint: OneOfConstraint, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None
    ) -> pa.Array:
        """(rows,) the last column: missing where another has a value, or true where no other is true."""
        old = plain(table, column.name)
        others = [plain(table, name) for name in constraint.columns[:-1]]
        if constraint.set_by == "value":
            # A value can be removed, and not invented.
            taken = np.logical_or.reduce([is_present(array) for array in others])
            return pc.if_else(pa.array(taken), pa.scalar(None, old.type), old)
        if not (pa.types.is_boolean(old.type) or pa.types.is_integer(old.type)):
            return old

        count = np.asarray(sum(_are_true(array).astype(np.int64) for array in others))
        return pa.array(count == 0).cast(old.type)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Dummy columns of a category, which stand side by side, and pairs of columns of which one has a value."""
        yield from _suggest_dummies(columns)
        yield from _suggest_alternatives(columns)


def _is_truth(column: ColumnSchema) -> bool:
    """Whether all values of a column are truth values, in numbers or words."""
    if column.kind is Kind.BOOLEAN:
        return True
    if column.kind is Kind.INTEGER:
        return column.minimum == 0 and column.maximum == 1

    return bool(column.values) and {str(value).lower() for value in column.values or ()} <= {*TRUTHS, *FALSEHOODS}


def _are_true(array: pa.Array) -> Mask:
    if pa.types.is_boolean(array.type):
        return np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False), bool)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return np.array([str(value).lower() in TRUTHS for value in array.to_pylist()], bool)

    return np.asarray(numbers(array) == 1)


def _suggest_dummies(columns: CodedColumns) -> Iterator[Suggestion]:
    """Runs of neighbouring columns of truth values that add up to one in every row."""
    names = [column.name for column in columns.schema.columns if _is_dummy(column, columns)][:MAX_COLUMNS]
    if len(names) < 2:
        return

    truths: npt.NDArray[np.int64] = np.column_stack(
        [_are_true(plain(columns.table, name)).astype(np.int64) for name in names]
    )
    start = 0
    while start < len(names) - 1:
        # The longest run from here whose rows all add up to one.
        total = truths[:, start:].cumsum(axis=1)
        fits = np.flatnonzero((total == 1).all(axis=0))
        end = start + int(fits[-1]) + 1 if len(fits) else start + 1
        if end - start >= 2 and _is_no_chance(truths[:, start:end]):
            run = tuple(names[start:end])
            yield Suggestion(
                constraint=OneOfConstraint(columns=run, set_by="truth"),
                support=columns.num_rows,
                reason=f"exactly one of {', '.join(run)} is true in all {columns.num_rows:,} rows",
            )
            start = end
        else:
            start += 1


def _is_dummy(column: ColumnSchema, columns: CodedColumns) -> bool:
    return _is_truth(column) and columns.distinct[column.name] == 2 and bool(columns.present(column.name).all())


def _is_no_chance(truths: npt.NDArray[np.int64]) -> bool:
    """Whether independent columns of the same shares would break the rule in enough rows."""
    shares = truths.mean(axis=0)
    zeros = np.prod(1 - shares)
    one = sum(share * zeros / (1 - share) for share in shares if share < 1)
    return bool(len(truths) * (1 - one) >= MIN_EXPECTED)


def _suggest_alternatives(columns: CodedColumns) -> Iterator[Suggestion]:
    """Pairs of columns of which exactly one has a value in every row."""
    present = {name: mask for name in columns.codes if not (mask := columns.present(name)).all() and mask.any()}
    names = list(present)[:MAX_COLUMNS]
    for first, second in combinations(names, 2):
        share = present[first].mean()
        broken = share**2 + (1 - share) ** 2
        if (present[first] != present[second]).all() and columns.num_rows * broken >= MIN_EXPECTED:
            yield Suggestion(
                constraint=OneOfConstraint(columns=(first, second)),
                support=columns.num_rows,
                reason=f"exactly one of {first} and {second} has a value in all {columns.num_rows:,} rows",
            )
