"""Exact counts of blocks, and the noise on them: as OpenDP accounts for it, and as it is measured."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from ss_ray.codec.ordinals import Scale
from ss_ray.privacy.bins import INT64, dyadic_cells
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.histograms import (
    MISSING,
    OTHER,
    PRESENT,
    CategoryQuery,
    CellQuery,
    Counted,
    PresenceQuery,
    Query,
    add_noise,
    add_noise_over,
    count_table,
    gaussian,
    merge_counts,
    noise_multiplier_of,
    release_counts,
    threshold_of,
    thresholded_gaussian,
)
from ss_ray.schema import ColumnSchema, Kind, Scalar

UNLIKELY = 1e-6
"""Probability with which a statistical test here fails although the code is right."""


def column(kind: Kind, type_: str, decimals: int | None = None) -> ColumnSchema:
    return ColumnSchema(name="x", kind=kind, arrow_type=type_, decimals=decimals)


def count(query: Query, array: pa.Array) -> Counted:
    return count_table(pa.table({"x": array}), [query])[0]


@pytest.mark.parametrize(
    ("array", "counts"),
    [
        (pa.array(["b", "a", None, "b"]), {'"b"': 2, '"a"': 1, MISSING: 1}),
        (pa.array(["null", None, None]), {'"null"': 1, MISSING: 2}),
        (pa.array(["b", None]).dictionary_encode(), {'"b"': 1, MISSING: 1}),
        (pa.array([3, 3, -1]), {"3": 2, "-1": 1}),
        (pa.array([0.0, -0.0, float("nan"), 0.5]), {"0.0": 2, "0.5": 1, MISSING: 1}),
        (pa.array([Decimal("1.50"), None]), {"1.5": 1, MISSING: 1}),
        (pa.array([19000], pa.int32()).cast(pa.date32()), {'"2022-01-08"': 1}),
        (pa.array([True, False, True]), {"true": 2, "false": 1}),
        (pa.nulls(3), {MISSING: 3}),
        (pa.array([], pa.string()), {}),
    ],
    ids=str,
)
def test_values_are_counted_under_their_own_names(array: pa.Array, counts: dict[str, int]):
    assert count(CategoryQuery(column=column(Kind.CATEGORY, str(array.type))), array) == counts


def test_values_that_nobody_declared_are_counted_together():
    query = CategoryQuery(column=column(Kind.CATEGORY, "string"), values=("a", "b"))
    assert count(query, pa.array(["b", "c", None, "d"])) == {MISSING: 1, '"a"': 0, '"b"': 1, OTHER: 2}


def test_presence_counts_cells_with_and_without_a_value():
    assert count(PresenceQuery(column=column(Kind.TEXT, "string")), pa.array(["a", None, ""])) == {
        MISSING: 1,
        PRESENT: 2,
    }


def test_units_between_intervals_are_not_counted():
    query = CellQuery(column=column(Kind.INTEGER, "int64"), scale=Scale(), lows=(0, 10), highs=(4, 19))
    assert count(query, pa.array([-1, 0, 4, 5, 10, 19, 20, None])) == {MISSING: 1, "0": 2, "10": 2}


@pytest.mark.parametrize(
    ("kind", "type_", "decimals", "values"),
    [
        (Kind.INTEGER, "int64", None, [*INT64, 0, 1, -1]),
        (Kind.FLOAT, "double", 2, [1e308, -1e308, float("inf"), 0.01, -0.01]),
        (Kind.FLOAT, "double", None, [1.7e308, -1.7e308, 5e-324, float("nan"), 1.0]),
        (Kind.FLOAT, "float", None, [3e38, -3e38, 1e-45, 0.0]),
    ],
)
def test_every_row_falls_in_one_cell(kind: Kind, type_: str, decimals: int | None, values: list[float]):
    asked, scale = column(kind, type_, decimals), Scale(decimals=0 if kind is Kind.INTEGER else decimals)
    cells = dyadic_cells(asked, scale, INT64)
    query = CellQuery(
        column=asked, scale=scale, lows=tuple(cell.low for cell in cells), highs=tuple(cell.high for cell in cells)
    )
    counts = count(query, pa.array([*values, None], pa.type_for_alias(type_)))
    assert sum(counts.values()) == len(values) + 1
    assert tuple(counts) == query.cells


@given(st.lists(st.sampled_from([None, "a", "b", "cc"])), st.integers(0, 20))
@settings(deadline=None)
def test_counts_of_two_blocks_add_up(values: list[str | None], cut: int):
    table = pa.table({"x": pa.array(values, pa.string())})
    declared: tuple[Scalar, ...] = ("a",)
    queries: list[Query] = [
        CategoryQuery(column=column(Kind.CATEGORY, "string")),
        CategoryQuery(column=column(Kind.CATEGORY, "string"), values=declared),
        PresenceQuery(column=column(Kind.CATEGORY, "string")),
    ]
    parts = [count_table(part, queries) for part in (table[:cut], table[cut:])]
    assert merge_counts(*parts) == count_table(table, queries)


@pytest.mark.parametrize("rho", [1e-5, 0.003, 0.5])
def test_the_map_of_opendp_agrees_with_the_noise_multiplier(rho: float):
    sigma = noise_multiplier_of(rho)
    assert gaussian(sigma).map(1.0) == pytest.approx(rho, rel=1e-12)


@pytest.mark.parametrize("delta", [1e-10, 1e-6, 0.05])
@pytest.mark.parametrize("sigma", [0.7, 10.0, 123.4])
def test_the_map_of_opendp_stays_within_rho_and_delta(sigma: float, delta: float):
    rho, failure = thresholded_gaussian(sigma, threshold_of(sigma, delta)).map((1, 1, 1))
    assert rho == pytest.approx(1 / (2 * sigma**2), rel=1e-12)
    assert failure <= delta


@pytest.mark.parametrize("sigma", [0.7, 10.0, 123.4])
@pytest.mark.parametrize("delta", [1e-10, 1e-6, 0.05])
def test_discrete_noise_passes_the_threshold_with_less_than_delta(sigma: float, delta: float):
    noise = np.arange(-int(40 * sigma) - 40, int(40 * sigma) + 41)
    weights = np.exp(-(noise**2) / (2 * sigma**2))
    passing = weights[noise >= threshold_of(sigma, delta) - 1].sum() / weights.sum()
    assert passing <= delta


def test_noise_has_the_standard_deviation_that_is_paid_for():
    sigma, cells = 7.0, 20_000
    query = CellQuery(
        column=column(Kind.INTEGER, "int64"), scale=Scale(), lows=tuple(range(cells)), highs=tuple(range(cells))
    )
    noise = np.array(list(add_noise(query, {"5": 10**12}, sigma).values()))
    noise[6] -= 10**12  # the cell of unit 5 comes after missing
    low, high = chi2.ppf([UNLIKELY / 2, 1 - UNLIKELY / 2], cells + 1)
    assert low <= (noise**2).sum() / sigma**2 <= high


def test_noise_of_undeclared_categories_has_the_standard_deviation_that_is_paid_for():
    sigma, values, many = 7.0, 20_000, 10**6
    released = add_noise_over(100, {str(value): many for value in range(values)}, sigma)
    noise = np.array(list(released.values())) - many
    low, high = chi2.ppf([UNLIKELY / 2, 1 - UNLIKELY / 2], values)
    assert low <= (noise**2).sum() / sigma**2 <= high


def test_values_of_one_unit_pass_with_probability_delta_at_most():
    sigma, delta, values = 10.0, 0.05, 40_000
    exact = {str(value): 1 for value in range(values)}
    released = add_noise_over(threshold_of(sigma, delta), exact, sigma)
    assert delta / 2 * values < len(released) <= binom.ppf(1 - UNLIKELY, values, delta)


def test_released_values_come_in_no_telling_order():
    exact = {"z": 10**6, "a": 10**6, "m": 10**6}
    assert list(add_noise_over(100, exact, 1.0)) == ["a", "m", "z"]


@pytest.mark.parametrize(
    "query",
    [
        PresenceQuery(column=column(Kind.TEXT, "string")),
        CategoryQuery(column=column(Kind.CATEGORY, "string"), values=("a", "b")),
        CellQuery(column=column(Kind.INTEGER, "int64"), scale=Scale(), lows=(0, 10), highs=(4, 19)),
    ],
    ids=["presence", "values", "cells"],
)
def test_every_cell_of_a_released_count_has_noise(query: Query):
    """Missing cells and cells of other values too. The variance of 300 draws is off by 45 % once in 10^5 cells."""
    charge = Charge(mechanism="m", noise_multiplier=6.0)
    exact = dict.fromkeys(query.cells or (), 50)
    draws = np.array([list(release_counts(charge, query, exact).values()) for _ in range(300)])
    assert draws.shape[1] == len(exact)
    assert np.all(np.abs(draws.var(axis=0) / 36 - 1) < 0.45)
