"""The private schema: what is planned and paid, what may never come out, and how good it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy.stats import binom

from ss_ray.codec.ordinals import Scale
from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError, PrivacyError
from ss_ray.privacy.bins import INT64, Cell, Noise, dyadic_cells, merge_bins, refine, to_split
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.histograms import CategoryQuery, Counted, Query, bounded_units, count_table
from ss_ray.privacy.measured import MeasuredColumn, MeasuredSchema
from ss_ray.privacy.private_schema import measure_schema
from ss_ray.privacy.schema_plan import SchemaBudget, plan_queries, public_column
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.examples import examples

pytestmark = pytest.mark.slow

UNLIKELY = 1e-6
"""Probability with which a statistical audit fails although the code is right."""
PLENTY = SchemaBudget(rho=50.0, delta=1e-9)
TIGHT = SchemaBudget(rho=0.005, delta=1e-6)  # mu = 0.1
KINDS = {
    "age": (Kind.INTEGER, "int64", None),
    "wage": (Kind.FLOAT, "double", 2),
    "weight": (Kind.FLOAT, "double", None),
    "born": (Kind.DATE, "date32[day]", None),
    "seen": (Kind.DATETIME, "timestamp[us]", None),
    "job": (Kind.CATEGORY, "string", None),
    "flag": (Kind.BOOLEAN, "bool", None),
    "id": (Kind.IDENTIFIER, "string", None),
    "note": (Kind.TEXT, "string", None),
}


def skeleton_of(*names: str) -> TableSchema:
    return TableSchema(columns=tuple(column(name, *KINDS[name]) for name in names or KINDS))


def column(name: str, kind: Kind, type_: str, decimals: int | None = None, **fields: Any) -> ColumnSchema:
    return ColumnSchema(name=name, kind=kind, arrow_type=type_, decimals=decimals, **fields)


def measure(
    table: pa.Table,
    skeleton: TableSchema,
    budget: SchemaBudget = PLENTY,
    declared: Mapping[str, ColumnParameters] | None = None,
    charge: Callable[[Charge], None] = lambda _: None,
) -> MeasuredSchema:
    return measure_schema(skeleton, declared or {}, lambda q: count_table(table, q), budget=budget, charge=charge)


def measure_one(
    array: pa.Array, kind: Kind, budget: SchemaBudget = PLENTY, declared: ColumnParameters | None = None, **fields: Any
) -> MeasuredColumn:
    skeleton = TableSchema(columns=(column("x", kind, str(array.type), **fields),))
    found = measure(pa.table({"x": array}), skeleton, budget, {"x": declared} if declared else None)
    return found.columns[0]


def rho_of(charges: Sequence[Charge]) -> float:
    return sum(charge.count / (2 * charge.noise_multiplier**2) for charge in charges)


# What is planned and paid


@pytest.mark.parametrize("names", [(), ("job",), ("age", "job"), ("note",), ("wage", "born", "flag")], ids=str)
@pytest.mark.parametrize("budget", [PLENTY, TIGHT])
def test_the_plan_spends_the_budget_exactly(names: tuple[str, ...], budget: SchemaBudget):
    plan = plan_queries(skeleton_of(*names), {}, budget)
    assert rho_of([planned.charge for planned in plan]) == pytest.approx(budget.rho, rel=1e-12)
    deltas = [planned.charge.delta for planned in plan]
    assert sum(deltas) == pytest.approx(budget.delta * any(p.method == "keys" for p in plan), rel=1e-12)


def test_categories_nobody_declared_get_twice_the_share():
    plan = plan_queries(skeleton_of("job", "flag"), {}, TIGHT)
    assert rho_of([plan[0].charge]) == pytest.approx(2 * rho_of([plan[1].charge]))


def test_declared_bounds_save_a_round():
    bounds = {"age": ColumnParameters(minimum=0, maximum=120)}
    methods = [[p.method for p in plan_queries(skeleton_of("age"), given, TIGHT)] for given in ({}, bounds)]
    assert methods == [["cells", "split", "split"], ["cells", "split"]]


def test_a_table_of_categories_alone_has_its_units_counted():
    plan = plan_queries(skeleton_of("job"), {}, TIGHT)
    assert [planned.method for planned in plan] == ["keys", "presence"]
    table = pa.table({"job": [f"{i:05d}" for i in range(3000)]})
    found = measure(table, skeleton_of("job"))
    assert found.num_units == pytest.approx(3000, abs=10)
    assert len(found.columns) == 1


private_fields = st.fixed_dictionaries(
    {
        "nullable": st.booleans(),
        "minimum": st.none() | st.integers(),
        "maximum": st.none() | st.integers(),
        "values": st.none() | st.lists(st.integers() | st.text(), max_size=4).map(tuple),
        "pattern": st.none() | st.lists(st.text(), max_size=3).map(tuple),
        "max_length": st.none() | st.integers(0, 99),
        "source": st.sampled_from(["inferred", "declared", "private"]),
    }
)


@given(st.lists(private_fields, min_size=len(KINDS), max_size=len(KINDS)), st.booleans())
@examples(30)
def test_what_was_read_off_the_values_changes_nothing_of_the_plan(fields: list[dict[str, Any]], is_declared: bool):
    skeleton = skeleton_of()
    other = TableSchema(columns=tuple(replace(c, **f) for c, f in zip(skeleton.columns, fields, strict=True)))
    declared = {"age": ColumnParameters(minimum=0), "job": ColumnParameters(values=("a",))} if is_declared else {}
    assert plan_queries(other, declared, TIGHT) == plan_queries(skeleton, declared, TIGHT)
    assert [public_column(c) for c in other.columns] == [public_column(c) for c in skeleton.columns]


def test_what_ran_was_charged_and_is_within_the_budget():
    table = some_people(500)
    charged: list[Charge] = []
    found = measure(table, ADULT, TIGHT, charge=charged.append)
    assert found.charges == tuple(charged)
    assert rho_of(charged) <= TIGHT.rho * (1 + 1e-12)
    assert sum(charge.delta for charge in charged) == pytest.approx(TIGHT.delta)


@pytest.mark.parametrize(("allowed", "rounds"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_a_refused_charge_stops_everything_after_it(allowed: int, rounds: int):
    asked: list[int] = []
    charged: list[Charge] = []

    def count(queries: Sequence[Query]) -> list[Counted]:
        asked.append(len(queries))
        return count_table(table, queries)

    def charge(charge: Charge) -> None:
        if len(charged) == allowed:
            raise PrivacyError("nothing is left")
        charged.append(charge)

    table = pa.table({"age": np.arange(100_000), "flag": [True, False] * 50_000})
    with pytest.raises(PrivacyError, match="nothing is left"):
        measure_schema(skeleton_of("age", "flag"), {}, count, budget=PLENTY, charge=charge)
    assert len(charged) == allowed
    assert len(asked) == rounds  # the next question needs the answer that was refused


@pytest.mark.parametrize("budget", [SchemaBudget(rho=0.0, delta=1e-6), SchemaBudget(rho=0.1, delta=0.0)])
def test_a_budget_of_nothing_is_refused(budget: SchemaBudget):
    with pytest.raises(PrivacyError, match="has no budget"):
        plan_queries(skeleton_of("job"), {}, budget)


# What may never come out


def test_a_category_of_one_unit_is_released_with_probability_delta_at_most():
    budget, runs = SchemaBudget(rho=0.02, delta=0.05), 600
    neighbour = pa.table({"job": ["clerk"] * 50 + ["astronaut"]})
    released = sum(
        "astronaut" in (measure(neighbour, skeleton_of("job"), budget).columns[0].column.values or ())
        for _ in range(runs)
    )
    assert 0 < released <= binom.ppf(1 - UNLIKELY, runs, budget.delta)


def test_a_category_of_nobody_is_never_released():
    found = measure(pa.table({"job": ["clerk"] * 50}), skeleton_of("job"), SchemaBudget(rho=1e-4, delta=0.4))
    assert set(found.columns[0].column.values or ()) <= {"clerk"}


def test_values_of_one_unit_appear_nowhere():
    people = 3000
    table = pa.table(
        {
            "job": [*["clerk"] * 1000, *[f"unique-{i}" for i in range(people - 1000)]],
            "id": [f"id-{i}" for i in range(people)],
            "note": [f"note-{i}" for i in range(people)],
            "age": [*[30] * (people - 2), 987654321, -123456789],
        }
    )
    text = TypeAdapter(MeasuredSchema).dump_json(measure(table, skeleton_of(*table.column_names), TIGHT)).decode()
    assert "clerk" in text
    assert not [word for word in ("unique-", "id-", "note-", "987654321", "123456789") if word in text]


# How good it is


ADULT = TableSchema(
    columns=(
        *(column(n, Kind.INTEGER, "int64") for n in ("age", "weight", "years", "gain", "loss", "hours")),
        *(column(n, Kind.CATEGORY, "string") for n in ("work", "school", "status", "job", "race", "sex", "income")),
    )
)


def some_people(rows: int) -> pa.Table:
    """An Adult-like table: the shapes of its columns, none of its rows."""
    rng = np.random.default_rng(0)
    zero = rng.random((2, rows))
    ordered = {
        "age": np.clip(17 + rng.gamma(2.5, 9, rows), 17, 90),
        "weight": np.exp(rng.normal(12, 0.5, rows)),
        "years": rng.choice(
            np.arange(1, 17), rows, p=np.r_[np.full(8, 0.015), 0.32, 0.22, 0.04, 0.04, 0.16, 0.1, 0, 0]
        ),
        "gain": np.where(zero[0] < 0.9, 0, np.exp(rng.normal(8.5, 0.7, rows))),
        "loss": np.where(zero[1] < 0.95, 0, rng.normal(1900, 200, rows)),
        "hours": np.where(rng.random(rows) < 0.5, 40, np.clip(rng.normal(40, 12, rows), 1, 99)),
    }
    shares = np.array([0.5, 0.25, 0.12, 0.08, 0.049, 0.0009, 0.0001])
    words = {n: rng.choice([*"abcdefg"], rows, p=shares) for n in ("work", "school", "status", "job", "race", "sex")}
    words["income"] = rng.choice(["low", "high"], rows)
    columns = {name: values.astype(np.int64) for name, values in ordered.items()} | words
    return pa.table({name: columns[name] for name in ADULT.names}, schema=ADULT.to_arrow())


@pytest.fixture(scope="module")
def adult() -> tuple[pa.Table, MeasuredSchema]:
    table = some_people(20_000)
    return table, measure(table, ADULT, TIGHT)


def test_the_number_of_units_is_close(adult: tuple[pa.Table, MeasuredSchema]):
    table, found = adult
    assert found.num_units == pytest.approx(table.num_rows, rel=0.08)


def test_bounds_contain_nearly_all_rows(adult: tuple[pa.Table, MeasuredSchema]):
    table, found = adult
    inside = []
    for measured in found.columns[:6]:
        units = table[measured.column.name].to_numpy()
        inside.append(np.mean((units >= measured.lows[0]) & (units <= measured.highs[-1])))
    assert np.mean(inside) >= 0.985  # 0.996 on average of 150 runs, 0.9905 in the worst
    assert min(inside) >= 0.95  # 0.988 and 0.972


def test_bins_hold_what_they_say(adult: tuple[pa.Table, MeasuredSchema]):
    table, found = adult
    for measured in found.columns[:6]:
        units = np.clip(table[measured.column.name].to_numpy(), measured.lows[0], measured.highs[-1])
        truth = np.histogram(units, [*measured.lows, measured.highs[-1] + 1])[0] / len(units)
        shares = measured.shares[measured.column.nullable :]
        assert np.abs(truth - shares).max() < 0.06  # 0.017 on average of 150 runs, 0.035 in the worst


def test_frequent_values_are_bins_of_their_own(adult: tuple[pa.Table, MeasuredSchema]):
    _, found = adult
    for name, atom in (("gain", 0), ("loss", 0), ("hours", 40), ("years", 9), ("years", 13)):
        measured = next(m for m in found.columns if m.column.name == name)
        assert (atom, atom) in zip(measured.lows, measured.highs, strict=True)


def test_frequent_categories_survive_and_rare_ones_do_not(adult: tuple[pa.Table, MeasuredSchema]):
    _, found = adult
    for measured in found.columns[6:12]:
        assert measured.column.values == tuple("abcde")
        assert measured.shares == pytest.approx([0.5, 0.25, 0.12, 0.08, 0.05], abs=0.02)
    assert not any(measured.column.nullable for measured in found.columns)


def test_the_schema_survives_json(adult: tuple[pa.Table, MeasuredSchema]):
    adapter = TypeAdapter(MeasuredSchema)
    assert adapter.validate_json(adapter.dump_json(adult[1])) == adult[1]
    everything = measure(empty(skeleton_of()), skeleton_of(), TIGHT)
    assert adapter.validate_json(adapter.dump_json(everything)) == everything


def test_without_much_noise_the_schema_is_nearly_exact():
    rng = np.random.default_rng(0)
    days = pa.array(rng.integers(18_000, 18_100, 20_000).astype(np.int32)).cast(pa.date32())
    measured = measure_one(days, Kind.DATE)
    assert measured.column.minimum == "2019-04-14"
    assert measured.column.maximum == "2019-07-22"
    assert measured.scale == Scale()
    cents = pa.array(np.round(rng.normal(50, 5, 20_000), 2))
    found = measure_one(cents, Kind.FLOAT, decimals=2)
    assert found.scale == Scale(decimals=2)
    assert found.column.minimum == pytest.approx(np.quantile(cents, 0.002), abs=2)
    assert found.column.maximum == pytest.approx(np.quantile(cents, 0.998), abs=2)


# Declarations


def test_declared_values_all_stay():
    parameters = ColumnParameters(values=("c", "a", "b"))
    measured = measure_one(pa.array(["a"] * 900 + ["b"] * 100 + ["z"] * 5), Kind.CATEGORY, declared=parameters)
    assert measured.column.values == ("a", "b", "c")
    assert measured.column.source == "declared"
    assert measured.shares == pytest.approx([0.9, 0.1, 0.0], abs=0.02)


def test_declared_values_of_a_number_are_its_cells():
    measured = measure_one(pa.array([1, 1, 1, 2] * 500), Kind.INTEGER, declared=ColumnParameters(values=(2, 1)))
    assert measured.column.values == (1, 2)
    assert (measured.column.minimum, measured.column.maximum, measured.lows) == (1, 2, ())
    assert measured.shares == pytest.approx([0.75, 0.25], abs=0.02)


def test_declared_bounds_are_kept_and_take_what_is_beyond():
    measured = measure_one(
        pa.array([-5, 30, 31, 500] * 500), Kind.INTEGER, declared=ColumnParameters(minimum=0, maximum=120)
    )
    assert (measured.column.minimum, measured.column.maximum, measured.column.source) == (0, 120, "declared")
    assert (measured.lows[0], measured.highs[-1]) == (0, 120)
    assert measured.shares[0] == pytest.approx(0.25, abs=0.02)
    assert measured.shares[-1] == pytest.approx(0.25, abs=0.02)


def test_a_single_declared_bound_is_kept_and_the_other_measured():
    measured = measure_one(pa.array([30, 31] * 500), Kind.INTEGER, declared=ColumnParameters(minimum=-7))
    assert (measured.column.minimum, measured.column.maximum, measured.column.source) == (-7, 31, "private")


@pytest.mark.parametrize("nullable", [True, False])
def test_a_declared_presence_of_missing_values_wins(nullable: bool):
    measured = measure_one(
        pa.array([1] * 500 + [None] * 500 * (not nullable)),
        Kind.INTEGER,
        declared=ColumnParameters(nullable=nullable),
    )
    assert measured.column.nullable == nullable
    assert len(measured.shares) == len(measured.lows) + nullable


def test_a_declaration_against_the_kind_is_refused():
    with pytest.raises(DataError, match="only numbers and dates have bounds"):
        measure_one(pa.array(["a"]), Kind.CATEGORY, declared=ColumnParameters(minimum=0))


# Tables at the edge


def empty(skeleton: TableSchema) -> pa.Table:
    return skeleton.to_arrow().empty_table()


EDGES = {
    "int64": (Kind.INTEGER, pa.array([*INT64, 0, None]), None),
    "int8": (Kind.INTEGER, pa.array([-128, 127, None], pa.int8()), None),
    "uint64": (Kind.INTEGER, pa.array([0, 2**63 - 1], pa.uint64()), None),
    "cents": (Kind.FLOAT, pa.array([1e308, -1e308, 0.01, None]), 2),
    "many decimals": (Kind.FLOAT, pa.array([0.123456789, 5e7]), 9),
    "double": (Kind.FLOAT, pa.array([1.7e308, -1.7e308, 5e-324, float("nan"), float("inf")]), None),
    "float": (Kind.FLOAT, pa.array([3e38, -3e38, 1e-45], pa.float32()), None),
    "float cents": (Kind.FLOAT, pa.array([3e38, 0.25], pa.float32()), 2),
    "halffloat": (Kind.FLOAT, pa.array([np.float16(65504), np.float16(-1)], pa.float16()), None),
    "decimal": (Kind.FLOAT, pa.array([Decimal("99999999.99"), None], pa.decimal128(10, 2)), 2),
    "wide decimal": (Kind.FLOAT, pa.array([Decimal("9" * 29), Decimal("-0.5")], pa.decimal128(38, 9)), 9),
    "date": (Kind.DATE, pa.array([date(1, 1, 1), date(9999, 12, 31), None]), None),
    "date64": (Kind.DATE, pa.array([date(1, 1, 1), date(9999, 12, 31)], pa.date64()), None),
    "seconds": (Kind.DATETIME, pa.array([datetime(1, 1, 1), datetime(9999, 12, 31)], pa.timestamp("s")), None),
    "zone": (Kind.DATETIME, pa.array([datetime(9999, 12, 31), None], pa.timestamp("us", "Europe/Berlin")), None),
    "nanoseconds": (Kind.DATETIME, pa.array([datetime(1700, 1, 1), datetime(2262, 1, 1)], pa.timestamp("ns")), None),
    "words": (Kind.CATEGORY, pa.array(["", "\x00", '"', "é", None]), None),
    "numbers": (Kind.CATEGORY, pa.array([10, 9, None]), None),
    "dictionary": (Kind.CATEGORY, pa.array(["b", "a", None]).dictionary_encode(), None),
    "nothing": (Kind.CATEGORY, pa.nulls(3), None),
    "booleans": (Kind.BOOLEAN, pa.array([True, None]), None),
    "texts": (Kind.TEXT, pa.array(["a", None]), None),
    "identifiers": (Kind.IDENTIFIER, pa.array([1, 2]), None),
}


@pytest.mark.parametrize("times", [0, 1, 1000])
@pytest.mark.parametrize("budget", [PLENTY, SchemaBudget(rho=1e-6, delta=1e-9)], ids=["plenty", "next to none"])
@pytest.mark.parametrize("name", EDGES)
def test_every_column_can_be_measured(name: str, budget: SchemaBudget, times: int):
    kind, array, decimals = EDGES[name]
    array = pa.chunked_array([array] * times, array.type).combine_chunks()
    check(measure_one(array, kind, budget, decimals=decimals))
    check(measure_one(pa.nulls(len(array), array.type), kind, budget, decimals=decimals))
    check(measure_one(pa.array([array[0]] * 500 if times else [], array.type), kind, budget, decimals=decimals))


def check(measured: MeasuredColumn) -> None:
    """Shares are probabilities, bins follow each other without a gap, and the bounds are those of the schema."""
    column = measured.column
    assert min(measured.shares) >= 0
    assert sum(measured.shares) == pytest.approx(1)
    if column.values is not None:
        assert len(measured.shares) == column.nullable + len(column.values)
        assert list(column.values) == sorted(column.values)
    if measured.scale is not None:
        assert len(measured.shares) == column.nullable + len(measured.lows)
        assert all(low <= high for low, high in zip(measured.lows, measured.highs, strict=True))
        assert [high + 1 for high in measured.highs[:-1]] == list(measured.lows[1:])
        assert column.minimum is not None
        assert column.maximum is not None
        assert column.minimum <= column.maximum


def test_an_empty_table_has_at_least_one_unit():
    found = measure(empty(skeleton_of()), skeleton_of(), TIGHT)
    assert found.num_units >= 1
    for measured in found.columns:
        check(measured)


def test_a_category_without_a_value_that_passes_is_all_missing():
    measured = measure_one(pa.array(["a", "b", "c"]), Kind.CATEGORY)
    assert (measured.column.values, measured.column.nullable, measured.shares) == ((), True, (1.0,))


def test_missing_values_are_seen():
    measured = measure_one(pa.array([1, None] * 500), Kind.INTEGER)
    assert measured.column.nullable
    assert measured.shares == pytest.approx([0.5, 0.5], abs=0.02)


# Bins


@pytest.mark.parametrize("limits", [INT64, (-128, 127), (0, 0), (5, 1000)])
@pytest.mark.parametrize("decimals", [0, None])
def test_the_first_cells_cover_all_that_a_column_can_hold(limits: tuple[int, int], decimals: int | None):
    cells = dyadic_cells(column("x", Kind.FLOAT, "double"), Scale(decimals=decimals), limits)
    assert (cells[0].low, cells[-1].high) == limits
    assert [cell.high + 1 for cell in cells[:-1]] == [cell.low for cell in cells[1:]]


@given(
    st.lists(st.tuples(st.integers(1, 200), st.floats(-50, 5000)), min_size=1, max_size=30),
    st.floats(0.5, 100),
    st.integers(1, 100_000),
)
@settings(deadline=None)
def test_refining_and_merging_keep_the_range_and_the_total(
    sizes: list[tuple[int, float]], sigma: float, num_units: int
):
    ends = np.cumsum([width for width, _ in sizes]).tolist()
    cells = [Cell(low=end - w, high=end - 1, estimate=n) for end, (w, n) in zip(ends, sizes, strict=True)]
    noise, declared = Noise(sigma=sigma, num_units=num_units), (True, True)
    counted = {
        cell: tuple(replace(part, estimate=cell.estimate / len(parts)) for part in parts)
        for cell, parts in to_split(cells, noise, declared).items()
    }
    bins = merge_bins(refine(cells, counted, noise, declared), noise)
    assert (bins[0].low, bins[-1].high) == (0, ends[-1] - 1)
    assert [b.high + 1 for b in bins[:-1]] == [b.low for b in bins[1:]]
    assert sum(b.estimate for b in bins) == pytest.approx(sum(n for _, n in sizes), abs=1e-6)


def test_units_of_floats_beyond_the_limit_do_not_wrap_around():
    cents = column("x", Kind.FLOAT, "double", 2)
    units = bounded_units(pa.chunked_array([pa.array([1e308, -1e308, 0.25])]), cents, Scale(decimals=2))
    assert units[0] > 2**49
    assert units[1] < -(2**49)
    assert units[2] == 25


def test_queries_name_public_columns_only():
    asked: list[Query] = []

    def count(queries: Sequence[Query]) -> list[Counted]:
        asked.extend(queries)
        return count_table(table, queries)

    secret = column("job", Kind.CATEGORY, "string", values=("secret",), max_length=6, nullable=True)
    table = pa.table({"job": ["a"] * 100})
    measure_schema(TableSchema(columns=(secret,)), {}, count, budget=PLENTY, charge=lambda _: None)
    assert asked[0] == CategoryQuery(column=column("job", Kind.CATEGORY, "string", source="private"))
