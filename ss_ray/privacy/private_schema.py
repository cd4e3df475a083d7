"""A table's schema measured under differential privacy: size, categories, bounds, bins, missing values.

Public and given are names, order, kinds, storage types, decimals and date formats, and what the user declares. All
else is read off noisy histograms (`histograms`, `bins`), in each of which a privacy unit counts once. Which histograms
there are, and what each may spend, is planned from public facts alone:

    round 1: every column: keys (categories nobody declared), values, presence, or cells; hence the number of units
    round 2, 3: of ordered columns, the cells that hold much, split

A split that finds nothing to split is neither asked nor charged. Under add-or-remove-one of a unit the charges compose
by adding up rho, and delta of the thresholds, although later questions depend on earlier answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ss_ray.config.model import ColumnParameters
from ss_ray.privacy.bins import (
    Cell,
    Ends,
    Noise,
    Split,
    merge_bins,
    populated,
    refine,
    to_split,
)
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.histograms import (
    MISSING,
    PRESENT,
    CellQuery,
    Counted,
    Query,
    release_counts,
)
from ss_ray.privacy.measured import MeasuredColumn, MeasuredSchema
from ss_ray.privacy.schema_plan import (
    NUM_SPLITS,
    Measurement,
    SchemaBudget,
    cell_query,
    declared_ends,
    first_cells,
    first_query,
    plan_queries,
    scale_of,
    within,
)
from ss_ray.schema import ColumnSchema, Scalar, TableSchema

MISSING_SIGMAS = 3.0
"""A column is nullable from here; one without missing values is by mistake with probability 0.13 %."""


@dataclass(frozen=True, kw_only=True)
class _Histogram:
    """Noisy counts of one measurement."""

    measurement: Measurement
    query: Query
    counts: Mapping[str, int]

    @property
    def sigma(self) -> float:
        return self.measurement.charge.noise_multiplier


@dataclass(frozen=True, kw_only=True)
class _Ordered:
    """An ordered column between two rounds: its cells so far, and the splits that are left of the plan."""

    first: _Histogram
    cells: tuple[Cell, ...]
    splits: tuple[Measurement, ...]
    declared: Ends

    def noise(self, num_units: int) -> Noise:
        return Noise(sigma=self.first.sigma, num_units=num_units)


Count = Callable[[Sequence[Query]], list[Counted]]
Release = Callable[[Measurement, Query, Counted], _Histogram]


def measure_schema(
    skeleton: TableSchema,
    declared: Mapping[str, ColumnParameters],
    count: Count,
    *,
    budget: SchemaBudget,
    charge: Callable[[Charge], object],
) -> MeasuredSchema:
    """Measure the parts of the schema that nobody declared.

    Args:
        skeleton: Schema of the typed rows, of which the public parts are read (`public_column`).
        declared: Declared parameters of the columns, by name.
        count: Exact counts of the whole table, each privacy unit giving exactly one row.
        budget: Budget that the measurements never exceed.
        charge: Function that is called before the noise of each measurement is drawn; its error stops the measurement.

    Raises:
        DataError: A declaration contradicts its column's kind or itself.
        PrivacyError: The budget has no rho, or no delta where a category needs a threshold.
    """
    plan = plan_queries(skeleton, declared, budget)
    booked: list[Charge] = []

    def release(measurement: Measurement, query: Query, exact: Counted) -> _Histogram:
        # Charged before the noise is drawn: a crash in between must not lose the charge.
        charge(measurement.charge)
        booked.append(measurement.charge)
        return _release_histogram(measurement, query, exact)

    first = _first_round([m for m in plan if m.method != "split"], count, release)
    num_units = _num_units(first)
    ordered = [_first_bounds(found, plan, declared) for found in first if isinstance(found.query, CellQuery)]
    # All columns are split in one round, so the table is read once per level, not once per column.
    for _ in range(NUM_SPLITS):
        ordered = _split_round(ordered, num_units, count, release)

    binned = {state.first.query.column.name: state for state in ordered}
    columns = tuple(_make_measured(found, binned, declared, num_units) for found in first[: len(skeleton.columns)])
    return MeasuredSchema(columns=columns, num_units=num_units, charges=tuple(booked))


def _first_round(plan: Sequence[Measurement], count: Count, release: Release) -> list[_Histogram]:
    queries = [first_query(measurement) for measurement in plan]
    return [release(*asked) for asked in zip(plan, queries, count(queries), strict=True)]


def _release_histogram(measurement: Measurement, query: Query, exact: Counted) -> _Histogram:
    counts = release_counts(measurement.charge, query, exact, measurement.threshold)
    return _Histogram(measurement=measurement, query=query, counts=counts)


def _num_units(histograms: Sequence[_Histogram]) -> int:
    """The sums of all histograms that cover everyone, each weighted by the inverse of its variance."""
    whole = [found for found in histograms if found.query.cells is not None]
    # The variance of a histogram's sum is its number of cells times sigma squared.
    weights = [1 / (len(found.counts) * found.sigma**2) for found in whole]
    sums = [sum(found.counts.values()) for found in whole]
    return max(round(float(np.average(sums, weights=weights))), 1)


def num_units_deviation(plan: Sequence[Measurement]) -> float:
    """Standard deviation of the number of units that a planned measurement will tell, in units."""
    whole = [(first_query(m).cells, m.charge.noise_multiplier) for m in plan if m.method != "split"]
    return float(sum(1 / (len(cells) * sigma**2) for cells, sigma in whole if cells is not None) ** -0.5)


def _first_bounds(found: _Histogram, plan: Sequence[Measurement], declared: Mapping[str, ColumnParameters]) -> _Ordered:
    column = found.query.column
    ends = declared_ends(declared.get(column.name))
    cells = _fill_counts(first_cells(column), found)

    return _Ordered(
        first=found,
        cells=populated(cells, found.sigma, ends),
        splits=tuple(m for m in plan if m.method == "split" and m.column.name == column.name),
        declared=ends,
    )


def _fill_counts(cells: Sequence[Cell], found: _Histogram) -> tuple[Cell, ...]:
    """Cells with their noisy counts, which come in the same order after that of missing."""
    noisy = list(found.counts.values())[1:]
    return tuple(replace(cell, estimate=float(n)) for cell, n in zip(cells, noisy, strict=True))


def _split_round(states: Sequence[_Ordered], num_units: int, count: Count, release: Release) -> list[_Ordered]:
    """All ordered columns one level finer, if a split is planned and possible."""
    splits = [to_split(state.cells, state.noise(num_units), state.declared) if state.splits else {} for state in states]
    queries = [
        cell_query(state.first.query.column, _flatten_split(split))
        for state, split in zip(states, splits, strict=True)
        if split
    ]
    asked = iter(zip(queries, count(queries) if queries else [], strict=True))

    return [
        _refine_column(state, split, release(state.splits[0], *next(asked)), num_units) if split else state
        for state, split in zip(states, splits, strict=True)
    ]


def _refine_column(state: _Ordered, split: Split, found: _Histogram, num_units: int) -> _Ordered:
    counted = iter(_fill_counts(_flatten_split(split), found))
    parts = {cell: tuple(next(counted) for _ in inside) for cell, inside in split.items()}
    cells = refine(state.cells, parts, state.noise(num_units), state.declared)
    return replace(state, cells=cells, splits=state.splits[1:])


def _flatten_split(split: Split) -> tuple[Cell, ...]:
    return tuple(part for inside in split.values() for part in inside)


def _make_measured(
    found: _Histogram, binned: Mapping[str, _Ordered], declared: Mapping[str, ColumnParameters], num_units: int
) -> MeasuredColumn:
    column = found.query.column
    given = declared.get(column.name)
    missing = found.counts.get(MISSING, 0)
    if given is None or given.nullable is None:
        # The noise alone gives most columns a missing count other than 0.
        column = replace(column, nullable=missing > MISSING_SIGMAS * found.sigma)

    if column.name in binned:
        state = binned[column.name]
        return _with_bins(column, merge_bins(state.cells, state.noise(num_units)), missing)

    if found.measurement.method == "keys":
        column = _with_values(column, [json.loads(cell) for cell in found.counts if cell != MISSING])

    if column.values is None:
        names = [PRESENT]
    else:
        names = [json.dumps(value) for value in column.values]

    return MeasuredColumn(column=column, shares=_to_shares(column, missing, [found.counts[name] for name in names]))


def _with_values(column: ColumnSchema, values: list[Scalar]) -> ColumnSchema:
    """A category with the values that passed; without any, a category without values, as if all were missing."""
    lengths = [len(value) for value in values if isinstance(value, str)]
    return replace(
        column,
        values=tuple(sorted(values)),
        # A category without values can only be missing.
        nullable=column.nullable or not values,
        max_length=max(lengths, default=None),
    )


def _with_bins(column: ColumnSchema, bins: Sequence[Cell], missing: int) -> MeasuredColumn:
    scale = scale_of(column)
    # Declared bounds are public, and better than measured ones.
    if column.source != "declared":
        column = within(column, (bins[0].low, bins[-1].high), scale)

    return MeasuredColumn(
        column=column,
        scale=scale,
        lows=tuple(cell.low for cell in bins),
        highs=tuple(cell.high for cell in bins),
        shares=_to_shares(column, missing, [cell.estimate for cell in bins]),
    )


def _to_shares(column: ColumnSchema, missing: float, estimates: Sequence[float]) -> tuple[float, ...]:
    """Estimates as probabilities, missing first where the column is nullable; even where nothing is left."""
    # Noise makes small counts negative; clipping is post-processing and costs no privacy.
    counts = np.clip([missing, *estimates] if column.nullable else estimates, 0.0, None)
    total = counts.sum()
    return tuple((counts / total if total > 0 else np.full(len(counts), 1 / len(counts))).tolist())
