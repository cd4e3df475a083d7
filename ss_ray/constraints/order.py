"""`order`: one column is never above another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    OrderConstraint,
)
from ss_ray.constraints.cells import (
    DATES,
    NUMBERS,
    Mask,
    is_present,
    plain,
    schema_ends,
    to_comparable,
    to_mask,
)
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.constraints.suggestions import (
    MIN_EXPECTED,
    CodedColumns,
    Floats,
    Suggestion,
    sample_numbers,
    without_indirect,
)
from ss_ray.constraints.sum import implied_orders
from ss_ray.schema import ORDERED_KINDS, Kind, TableSchema

MIN_BROKEN_SHARE = 0.01
"""Share of rows that would break an order by chance; below it one column simply has larger values."""


class OrderRule(ConstraintKind[OrderConstraint]):
    """One column is never above another: admitted before discharged."""

    parameters = OrderConstraint

    def faults(self, constraint: OrderConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns that cannot be compared, or that are the wrong way round."""
        low = schema[constraint.low]
        high = schema[constraint.high]
        are_dates = low.kind in DATES and high.kind in DATES
        if not are_dates and not (low.kind in NUMBERS and high.kind in NUMBERS):
            kinds = f"kind {low.kind.value} and kind {high.kind.value}"
            yield f"{kinds} cannot be compared; only numbers with numbers, and dates with dates"
            return

        zones = [column.arrow_type.count("tz=") for column in (low, high) if column.kind is Kind.DATETIME]
        if len(set(zones)) > 1:
            yield "one column has a time zone and the other has none; convert one of them"

        lowest = schema_ends(low)
        highest = schema_ends(high)
        if lowest is None or highest is None:
            return

        if lowest[0] > highest[1] or (constraint.strict and lowest[0] == highest[1]):
            yield f"every value of {low.name!r} is above those of {high.name!r}; are they the wrong way round?"

    def violations(self, constraint: OrderConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows in which both columns have a value, and the first one's is above."""
        return _is_out_of_order(plain(table, constraint.low), plain(table, constraint.high), constraint.strict)

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Pairs of numbers or dates of one kind, in one order in all rows, over ranges that overlap."""
        implied = {pair for suggestion in earlier for pair in implied_orders(suggestion.constraint, columns)}
        for same in _group_by_unit(columns):
            names = [name for name in same if columns.distinct[name] > 2]
            values = sample_numbers(columns, names)
            for i, j in np.argwhere(_find_orders(columns, names, values)).tolist():
                if (names[i], names[j]) not in implied:
                    yield _make_suggestion(columns, names[i], names[j], values[:, i], values[:, j])


def _is_out_of_order(low: pa.Array, high: pa.Array, strict: bool) -> Mask:
    if any(pa.types.is_decimal(a.type) for a in (low, high)) and not any(
        pa.types.is_floating(a.type) for a in (low, high)
    ):
        # exact, however many digits.
        return to_mask((pc.greater_equal if strict else pc.greater)(low, high))

    a = to_comparable(low)
    b = to_comparable(high)
    return is_present(low) & is_present(high) & ((a >= b) if strict else (a > b)).to_numpy()


def _group_by_unit(columns: CodedColumns) -> Iterator[list[str]]:
    """Names of columns of one kind; numbers of the same decimals, since others are of another unit."""

    def family(name: str) -> tuple[str, ...]:
        column = columns.schema[name]
        if column.kind is Kind.DATETIME:
            unit = column.arrow_type
        else:
            unit = str(column.decimals)

        return column.kind.value, unit

    # Columns of different units are in an order by chance alone.
    names = sorted((c.name for c in columns.schema.of_kind(*ORDERED_KINDS)), key=family)
    yield from (list(same) for _, same in groupby(names, key=family))


def _find_orders(columns: CodedColumns, names: Sequence[str], values: Floats) -> Mask:
    """(columns, columns) pairs whose order holds in all rows, and not by chance, without those that follow."""
    holds = np.array([~np.logical_or.reduce(values[:, i : i + 1] > values) for i in range(len(names))], bool)
    holds = holds.reshape(len(names), len(names))
    np.fill_diagonal(holds, False)
    # Equal wherever both have a value.
    holds &= ~np.tril(holds & holds.T)

    for i, j in np.argwhere(holds).tolist():
        support = int(columns.present(names[i], names[j]).sum())
        # Two columns whose ranges do not overlap are always in order, which says nothing.
        chance = _share_above(values[:, i], values[:, j])
        holds[i, j] = chance >= MIN_BROKEN_SHARE and chance * support >= MIN_EXPECTED

    checked = np.zeros_like(holds)
    complete = columns.complete(names)
    # Those that follow need no check.
    while (left := np.argwhere(without_indirect(holds, complete) & ~checked)).size:
        for i, j in left.tolist():
            holds[i, j] = not _is_broken(OrderConstraint(low=names[i], high=names[j]), columns)
            checked[i, j] = True

    return without_indirect(holds, complete)


def _make_suggestion(columns: CodedColumns, low: str, high: str, lows: Floats, highs: Floats) -> Suggestion:
    support = int(columns.present(low, high).sum())
    above = _share_above(lows, highs)
    equal = 1 - above - _share_above(highs, lows)
    strict = OrderConstraint(low=low, high=high, strict=True)
    is_strict = equal * support >= MIN_EXPECTED and not _is_broken(strict, columns)

    return Suggestion(
        constraint=strict if is_strict else OrderConstraint(low=low, high=high),
        support=support,
        reason=f"{low} is {'below' if is_strict else 'at most'} {high} in all {support:,} rows; "
        f"by chance it would not be in {above:.0%}",
    )


def _share_above(low: Floats, high: Floats) -> float:
    """Probability that a value of the first column is above one of any row of the second."""
    low = low[~np.isnan(low)]
    high = np.sort(high[~np.isnan(high)])
    if len(low) and len(high):
        return float(np.searchsorted(high, low).mean() / len(high))
    return 0.0


def _is_broken(constraint: OrderConstraint, columns: CodedColumns) -> bool:
    return bool(OrderRule().violations(constraint, columns.table, None).any())
