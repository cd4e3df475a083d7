"""`sum`: columns add up to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    ConstraintParameters,
    SumConstraint,
)
from ss_ray.constraints.cells import (
    NUMBERS,
    Mask,
    is_present,
    numbers,
    plain,
    schema_ends,
)
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.suggestions import (
    MIN_EXPECTED,
    CodedColumns,
    Floats,
    Suggestion,
    sample_numbers,
)
from ss_ray.schema import WHOLE_KINDS, ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.facts import MAX_DECIMALS

MAX_SUM_COLUMNS = 40
_ROUNDING = 8
"""Errors of a float's last place that a sum may collect."""
_SAMPLE_ROUNDING = 1e-6
"""Relative error of a sum of single floats; all rows are checked by their own precision in the end."""
_NEAR = 0.01
"""Distance of a weight from 0 or 1 that least squares may leave."""
_SLACK = 1e-9
"""Distance from the bounds, relative, at which the storage type decides what is inside."""


class SumRule(Construction[SumConstraint]):
    """Columns add up to another: net + tax = gross."""

    parameters = SumConstraint

    def faults(self, constraint: SumConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns that are no numbers, and parts that never add up."""
        columns = [schema[name] for name in constraint.read_columns]
        other = next((column for column in columns if column.kind not in NUMBERS), None)
        if other is not None:
            yield f"column {other.name!r} is of kind {other.kind.value}; only numbers add up"
            return

        ends = [schema_ends(column) for column in columns]
        if all(end is not None for end in ends):
            *parts, total = [(float(end[0]), float(end[1])) for end in ends if end is not None]
            slack = (constraint.tolerance or 0.5) + 1e-9 * max(map(abs, total))
            if sum(p[0] for p in parts) > total[1] + slack or sum(p[1] for p in parts) < total[0] - slack:
                yield f"the parts never add up to a value of {constraint.total!r}"

    def violations(self, constraint: SumConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows whose parts and total all have values, and differ by more than the tolerance."""
        arrays = [plain(table, name) for name in constraint.read_columns]
        valid = np.logical_and.reduce([is_present(array) for array in arrays])
        *parts, total = [numbers(array) for array in arrays]
        # Rounding errors grow with the numbers that are added, not with their sum.
        size = reduce(np.add, [np.abs(values) for values in (*parts, total)])
        is_whole = all(pa.types.is_integer(array.type) for array in arrays)
        is_single = any(pa.types.is_float32(array.type) for array in arrays)
        if is_whole:
            slack = 0.0
        else:
            slack = _ROUNDING * float(np.finfo(np.float32 if is_single else np.float64).eps)

        tolerance = constraint.tolerance or _half_unit(arrays[-1])
        return valid & (np.abs(reduce(np.add, parts) - total) > tolerance + slack * size)

    def settle(self, constraint: SumConstraint, schema: TableSchema) -> SumConstraint:
        """The constraint with the tolerance that its total's schema gives it where none is declared."""
        if constraint.tolerance:
            return constraint

        digits = count_decimals(schema[constraint.total])
        if digits is None:
            tolerance = float(np.finfo(np.float64).tiny)
        else:
            tolerance = 0.5 * 10.0**-digits

        return constraint.model_copy(update={"tolerance": tolerance})

    def target(self, constraint: SumConstraint) -> str:
        """The total."""
        return constraint.total

    def inputs(self, constraint: SumConstraint) -> set[str]:
        """The parts."""
        return set(constraint.parts)

    def construct(
        self, constraint: SumConstraint, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None
    ) -> pa.Array:
        """(rows,) sum of the parts in the total's decimals and type; the total as it is where that is out of bounds."""
        old = plain(table, column.name)
        digits = count_decimals(column)
        sums = reduce(np.add, [numbers(plain(table, part)) for part in constraint.parts])
        if column.kind is Kind.FLOAT:
            sums = sums.astype(np.float64)

        if digits is not None and sums.dtype.kind == "f":
            sums = np.round(sums, digits)

        low = float(column.minimum or 0)
        high = float(column.maximum or 0)
        # Sums that are not inside after all are not allowed in the end.
        slack = _SLACK * max(abs(low), abs(high))
        inside = (sums >= low - slack) & (sums <= high + slack)
        totals = pa.array(np.where(inside, sums, 0)).cast(old.type, safe=False)

        return pc.if_else(pa.array(inside), totals, old)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Columns that add up to another: every pair of parts, then more parts by least squares."""
        numeric = [c.name for c in columns.schema.of_kind(Kind.INTEGER, Kind.FLOAT) if columns.distinct[c.name] > 1]
        names = np.array(numeric[:MAX_SUM_COLUMNS])
        if len(names) < 3:
            return

        values = sample_numbers(columns, names.tolist())
        decimals = [columns.schema[name].decimals or 0 for name in names.tolist()]
        totals: set[int] = set()

        for pair, total in _pairs_that_add_up(values, 0.5 * 10.0 ** -np.array(decimals)):
            if (suggestion := _suggest_sum(columns, tuple(names[pair].tolist()), str(names[total]))) is not None:
                totals.add(total)
                yield suggestion

        others = np.array([i for i in range(len(names)) if i not in totals])
        for total in others.tolist():
            parts = _parts_of(values, others[others != total], total)
            if len(parts) > 2:
                suggestion = _suggest_sum(columns, tuple(names[parts].tolist()), str(names[total]))
            else:
                suggestion = None

            if suggestion is not None:
                yield suggestion


def implied_orders(constraint: ConstraintParameters, columns: CodedColumns) -> Iterator[tuple[str, str]]:
    """Parts cannot be above their total where no part is negative."""
    if not isinstance(constraint, SumConstraint):
        return
    if all(float(columns.schema[part].minimum or 0) >= 0 for part in constraint.parts):
        yield from ((part, constraint.total) for part in constraint.parts)


def _half_unit(array: pa.Array) -> float:
    """Half a unit of the last decimal that any value has; 0 for floats of full precision."""
    if pa.types.is_integer(array.type):
        return 0.5
    if pa.types.is_decimal(array.type):
        return 0.5 * 10.0**-array.type.scale

    values = array.drop_null().to_numpy(zero_copy_only=False)
    for decimals in range(MAX_DECIMALS + 1):
        values = values[np.round(values, decimals) != values]
        if not len(values):
            return 0.5 * 10.0**-decimals

    return 0.0


def count_decimals(column: ColumnSchema) -> int | None:
    """Digits after the point of a number; None for full precision."""
    if column.kind in WHOLE_KINDS:
        return 0

    type_ = arrow_type(column)
    if pa.types.is_decimal(type_):
        return type_.scale

    return column.decimals


def _pairs_that_add_up(values: Floats, tolerances: Floats) -> Iterator[tuple[list[int], int]]:
    """Places of two columns and of one that is their sum on the sample, within its tolerance."""
    # Every pair is compared with all columns at once.
    for i, j in combinations(range(values.shape[1]), 2):
        a = values[:, i : i + 1]
        b = values[:, j : j + 1]
        differs = np.abs(a + b - values) > tolerances + _SAMPLE_ROUNDING * (np.abs(a) + np.abs(b))
        yield from (([i, j], k) for k in np.flatnonzero(~differs.any(axis=0)).tolist() if k not in (i, j))


def _parts_of(values: Floats, candidates: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Places of columns whose sum is the total on the sample, by least squares; none where that is no plain sum."""
    rows = values[~np.isnan(values[:, [*candidates.tolist(), total]]).any(axis=1)]
    if len(rows) <= len(candidates):
        return candidates[:0]

    # A plain sum has weights of 1 for its parts and 0 for all other columns.
    weights = np.linalg.lstsq(rows[:, candidates], rows[:, total], rcond=None)[0]
    is_part = np.abs(weights - 1) < _NEAR
    if (is_part | (np.abs(weights) < _NEAR)).all():
        return candidates[is_part]

    return candidates[:0]


def _suggest_sum(columns: CodedColumns, parts: tuple[str, ...], total: str) -> Suggestion | None:
    constraint = SumConstraint(parts=parts, total=total)
    decimals = [columns.schema[name].decimals or 0 for name in (*parts, total)]
    # A total of fewer decimals than its parts would be rounded, and not their sum.
    if max(decimals) > decimals[-1] or _is_broken(constraint, columns):
        return None

    nonzero = [numbers(plain(columns.table, part)) != 0 for part in parts]
    telling = np.logical_and.reduce([columns.present(*parts, total), np.sum(nonzero, axis=0) > 1])
    if telling.sum() * (1 - columns.chance[total]) < MIN_EXPECTED:
        return None

    support = int(columns.present(*parts, total).sum())
    reason = f"{' + '.join(parts)} is {total} in all {support:,} rows, in {int(telling.sum()):,} with several parts"
    return Suggestion(constraint=constraint, support=support, reason=reason)


def _is_broken(constraint: SumConstraint, columns: CodedColumns) -> bool:
    rule = SumRule()
    return bool(rule.violations(rule.settle(constraint, columns.schema), columns.table, None).any())
