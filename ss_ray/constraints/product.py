"""`product`: columns multiply to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import ProductConstraint
from ss_ray.constraints.cells import NUMBERS, Mask, is_present, numbers, plain
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.suggestions import MIN_EXPECTED, CodedColumns, Floats, Suggestion, sample_numbers
from ss_ray.constraints.sum import count_decimals
from ss_ray.schema import ColumnSchema, Kind, TableSchema

MAX_PRODUCT_COLUMNS = 40
TOLERANCES = (0.0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
"""Tolerances that are suggested, the smallest that holds in all rows."""
MOST_BY_CHANCE = 0.3
"""Share of rows within a suggested tolerance if the total had nothing to do with the factors."""
_ROUNDING = 8 * float(np.finfo(np.float32).eps)


class ProductRule(Construction[ProductConstraint]):
    """Columns multiply to another: quantity x price = amount."""

    parameters = ProductConstraint

    def faults(self, constraint: ProductConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns that are no numbers."""
        columns = [schema[name] for name in constraint.read_columns]
        other = next((column for column in columns if column.kind not in NUMBERS), None)
        if other is not None:
            yield f"column {other.name!r} is of kind {other.kind.value}; only numbers are multiplied"

    def violations(self, constraint: ProductConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows whose factors and total all have values, and differ by more than the tolerance."""
        arrays = [plain(table, name) for name in constraint.read_columns]
        valid = np.logical_and.reduce([is_present(array) for array in arrays])
        *factors, total = [numbers(array).astype(np.float64) for array in arrays]
        product = reduce(np.multiply, factors)
        slack = np.maximum(constraint.tolerance, _ROUNDING) * np.abs(product)
        return valid & (np.abs(product - total) > slack + _half_unit(arrays[-1]))

    def target(self, constraint: ProductConstraint) -> str:
        """The total."""
        return constraint.total

    def inputs(self, constraint: ProductConstraint) -> set[str]:
        """The factors."""
        return set(constraint.factors)

    def construct(
        self, constraint: ProductConstraint, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None
    ) -> pa.Array:
        """(rows,) product of the factors in the total's decimals; the total as it is where that is out of bounds."""
        old = plain(table, column.name)
        product = reduce(
            np.multiply, [numbers(plain(table, factor)).astype(np.float64) for factor in constraint.factors]
        )
        digits = count_decimals(column)
        if digits is not None:
            product = np.round(product, digits)

        inside = np.isfinite(product)
        if column.minimum is not None:
            inside &= product >= float(column.minimum)
        if column.maximum is not None:
            inside &= product <= float(column.maximum)

        totals = pa.array(np.where(inside, product, 0.0)).cast(old.type, safe=False)
        return pc.if_else(pa.array(inside), totals, old)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Pairs of factors whose product is another column, exactly or within a tolerance."""
        numeric = [c.name for c in columns.schema.of_kind(Kind.INTEGER, Kind.FLOAT) if columns.distinct[c.name] > 2]
        names = numeric[:MAX_PRODUCT_COLUMNS]
        if len(names) < 3:
            return

        values = sample_numbers(columns, names)
        for i, j, k, tolerance in _find_products(values):
            constraint = ProductConstraint(factors=(names[i], names[j]), total=names[k], tolerance=tolerance)
            suggestion = _suggest_product(constraint, columns)
            if suggestion is not None:
                yield suggestion


def _find_products(values: Floats) -> Iterator[tuple[int, int, int, float]]:
    """Places of two factors and of their product on the sample, with the smallest tolerance that holds there."""
    # The sample in another order says how often the tolerance holds by chance.
    shuffled = np.random.default_rng(0).permutation(len(values))
    for i, j in combinations(range(values.shape[1]), 2):
        product = values[:, i] * values[:, j]
        size = np.abs(product)[:, None] + 1e-12
        error = np.abs(product[:, None] - values) / size
        # The half unit of a rounded total is no error of a large product.
        error[np.abs(product[:, None] - values) <= _measure_units(values) / 2 + 1e-9] = 0.0
        worst = np.max(np.where(np.isnan(error), 0.0, error), axis=0)
        for k in np.flatnonzero(worst <= TOLERANCES[-1]).tolist():
            if k in (i, j):
                continue

            tolerance = next(tolerance for tolerance in TOLERANCES if worst[k] <= tolerance)
            by_chance = np.abs(product - values[shuffled, k]) <= max(tolerance, 1e-6) * np.abs(product)
            if by_chance.mean() <= MOST_BY_CHANCE:
                yield i, j, k, tolerance


def _measure_units(values: Floats) -> Floats:
    """(columns,) unit of the last decimal of each column, up to 6 decimals."""
    units = []
    for column in values.T:
        known = column[~np.isnan(column)]
        digits = next((d for d in range(6) if (np.abs(np.round(known, d) - known) < 1e-9).all()), 6)
        units.append(10.0**-digits)

    return np.array(units)


def _half_unit(array: pa.Array) -> float:
    """Half a unit of the last decimal of the total, up to 6 decimals."""
    if pa.types.is_integer(array.type):
        return 0.5
    if pa.types.is_decimal(array.type):
        return 0.5 * 10.0**-array.type.scale

    values = numbers(array.drop_null())
    return float(0.5 * _measure_units(values[:1000, None])[0]) + 1e-9 if len(values) else 0.0


def _suggest_product(constraint: ProductConstraint, columns: CodedColumns) -> Suggestion | None:
    """The constraint with the smallest tolerance that holds in all rows; None where none does."""
    rule = ProductRule()
    for tolerance in TOLERANCES[TOLERANCES.index(constraint.tolerance) :]:
        wider = constraint.model_copy(update={"tolerance": tolerance})
        if rule.violations(wider, columns.table, None).any():
            continue

        support = int(columns.present(*constraint.read_columns).sum())
        if support * (1 - MOST_BY_CHANCE) < MIN_EXPECTED:
            return None

        near = f"within {tolerance:.1%}" if tolerance else "exactly"
        reason = f"{' x '.join(constraint.factors)} is {constraint.total} {near} in all {support:,} rows"
        return Suggestion(constraint=wider, support=support, reason=reason)

    return None
