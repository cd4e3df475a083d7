"""Which values are common, and what takes the place of the others."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.config.model import ColumnParameters
from ss_ray.schema import Kind, is_outside
from ss_ray.tables.common import (
    common_schema,
    described_columns,
    donors_of,
    held_back,
    hold_back,
    limited_columns,
    merge_value_facts,
    trained_schema,
    value_facts,
)
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from tests.examples import examples

K = 5


def rows_as_units(table: pa.Table) -> np.ndarray:
    return np.arange(table.num_rows, dtype=np.uint64)


def limited(table: pa.Table, units=None, k: int = K, together=(), declared=None):
    """The common schema, and the rows with common values alone."""
    units = rows_as_units(table) if units is None else units
    schema = infer_schema(table_facts(table), {}, is_text=False, min_rows=1)
    columns = limited_columns(schema, ())
    common = common_schema(schema, value_facts(table, units, columns, k), k, declared or {})
    groups = together or [(c.name,) for c in columns if c.kind is Kind.CATEGORY]
    donors = donors_of(table, common, groups)
    rows, replaced = hold_back(table, units, common, columns, donors)
    return schema, common, rows, replaced


def table(**columns) -> pa.Table:
    return pa.table(columns)


CITIES = table(city=["Ulm"] * 20 + ["Bonn"] * 5 + ["Rom"] * 4 + ["Kiel"] + [None])


def test_a_category_of_fewer_units_than_k_is_not_in_the_schema_and_not_in_the_rows():
    before, common, rows, replaced = limited(CITIES)
    assert before["city"].values == ("Bonn", "Kiel", "Rom", "Ulm")
    assert common["city"].values == ("Bonn", "Ulm")
    assert common["city"].max_length == 4
    assert set(rows.column("city").to_pylist()) == {"Ulm", "Bonn", None}
    assert rows.column("city").to_pylist()[:25] == CITIES.column("city").to_pylist()[:25]
    assert rows.column("city").null_count == 1
    assert replaced == {"city": 5}
    (found,) = held_back(before, common, replaced)
    assert (found.column, found.values, found.cells) == ("city", 2, 5)
    common.check(rows)


def test_one_unit_of_many_rows_is_one_unit():
    units = np.array([*range(20), *range(5), *([7] * 4), 8, 9], np.uint64)
    units[20:25] = 99  # Bonn is one person's
    _, common, _, _ = limited(CITIES, units)
    assert common["city"].values == ("Ulm",)


def test_with_k_of_1_every_value_of_the_rows_is_common_and_nothing_changes():
    before, common, rows, replaced = limited(CITIES, k=1)
    assert common["city"].values == before["city"].values
    assert rows.equals(CITIES)
    assert not replaced


def test_values_that_are_not_in_these_rows_are_not_in_the_schema_even_with_k_of_1():
    """A holdout row has them: the schema of all rows lists them, the facts of the training rows do not."""
    schema = infer_schema(table_facts(CITIES), {}, is_text=False)
    train = CITIES.slice(0, 29)
    facts = value_facts(train, rows_as_units(train), schema.columns, 1)
    assert common_schema(schema, facts, 1)["city"].values == ("Bonn", "Rom", "Ulm")


def test_numbers_lie_between_the_kth_smallest_and_the_kth_largest_unit():
    values = np.round(np.linspace(-50, 50, 600), 3)
    schema, common, rows, replaced = limited(table(x=values))
    assert schema["x"].values is None
    assert (common["x"].minimum, common["x"].maximum) == (values[4], values[-5])
    assert rows.column("x").to_pylist() == np.clip(values, values[4], values[-5]).tolist()
    assert replaced == {"x": 8}


@pytest.mark.parametrize("ends", [(-600, 0), (0, 600), (-5.5, 0.0)])
def test_a_column_that_ends_at_0_keeps_its_values(ends):
    values = np.round(np.linspace(*ends, 595), 3)
    values = np.concatenate([values, np.zeros(10)])
    _, common, rows, replaced = limited(table(x=values))
    assert replaced["x"] <= 2 * K
    assert common["x"].minimum <= common["x"].maximum
    assert len(set(rows.column("x").to_pylist())) > 580


def test_bounds_lengths_and_characters_of_identifiers_and_texts_are_those_of_the_training_rows():
    ids = [f"A-{i:04d}" for i in range(50)]
    whole = pa.table(
        {"id": [*ids, "A#9999"], "n": [*range(50), 2**60], "note": [f"n {i} " * (i + 1) for i in range(51)]}
    )
    schema = infer_schema(table_facts(whole), {"n": ColumnParameters(kind="identifier")}, is_text=False)
    train = whole.slice(0, 50)
    now = trained_schema(schema, table_facts(train.select([column.name for column in described_columns(schema)])))
    assert now["n"].maximum == 49
    assert "#" not in str(now["id"].pattern)
    assert now["note"].max_length < schema["note"].max_length


def test_listed_numbers_and_dates_become_the_nearest_common_one():
    ages = [20] * 30 + [30] * 30 + [40] * 30 + [24, 26, 99, 3]
    days = [datetime.date(2024, 1, 1 + age % 28) for age in ages]
    _, common, rows, replaced = limited(table(age=ages, day=days))
    assert common["age"].values == (20, 30, 40)
    assert (common["age"].minimum, common["age"].maximum) == (20, 40)
    assert rows.column("age").to_pylist()[-4:] == [20, 30, 40, 20]
    assert replaced["age"] == 4
    assert set(rows.column("day").to_pylist()) == {datetime.date(2024, 1, 1 + age % 28) for age in (20, 30, 40)}
    common.check(rows)


def test_a_number_whose_values_are_mostly_rare_is_listed_no_more():
    schema, common, rows, _ = limited(table(x=[i // 3 for i in range(90)]))
    assert schema["x"].values is not None
    assert common["x"].values is None
    assert (common["x"].minimum, common["x"].maximum) == (1, 28)
    common.check(rows)


def test_a_declared_bound_stays():
    declared = {"x": ColumnParameters(minimum=-100)}
    schema = infer_schema(table_facts(pa.table({"x": np.linspace(-50, 50, 600)})), declared, is_text=False)
    facts = value_facts(pa.table({"x": np.linspace(-50, 50, 600)}), np.arange(600, dtype=np.uint64), schema.columns, K)
    column = common_schema(schema, facts, K, declared)["x"]
    assert column.minimum == -100
    assert column.maximum < 50


def test_a_column_of_rare_values_alone_goes_missing():
    _, common, rows, _ = limited(table(name=[f"n{i // 4}" for i in range(40)]))
    assert common["name"].values == ()
    assert common["name"].nullable
    assert rows.column("name").null_count == 40


def test_the_kth_ends_of_a_handful_of_values_meet():
    _, common, rows, _ = limited(table(x=[1.5, 2.5, 7.25, None, None, None, None]))
    assert common["x"].minimum == common["x"].maximum == 2.5
    assert rows.column("x").drop_null().unique().to_pylist() == [2.5]


def test_columns_that_a_rule_relates_are_replaced_together():
    cities = ["Ulm"] * 30 + ["Bonn"] * 30 + ["Rom"] * 2
    states = ["BW"] * 30 + ["NRW"] * 30 + ["Lazio"] * 2
    _, _, rows, _ = limited(table(city=cities, state=states), together=[("city", "state")])
    pairs = set(zip(rows.column("city").to_pylist(), rows.column("state").to_pylist(), strict=True))
    assert pairs == {("Ulm", "BW"), ("Bonn", "NRW")}


def test_one_value_of_one_unit_is_replaced_by_one_value_everywhere():
    cities = ["Ulm"] * 30 + ["Bonn"] * 30 + ["Rom"] * 4
    units = np.array([*range(60), 70, 70, 70, 70], np.uint64)
    _, _, rows, _ = limited(table(city=cities), units)
    assert len(set(rows.column("city").to_pylist()[-4:])) == 1


CELLS = st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), min_size=1, max_size=120)


@examples(40)
@given(CELLS, st.integers(1, 6), st.integers(1, 50), st.integers(1, 7))
def test_facts_do_not_depend_on_how_rows_are_cut(cells, k, cut, num_units):
    whole = table(c=pa.array(cells, pa.string()), x=[float(i % 11) for i in range(len(cells))])
    units = np.arange(len(cells), dtype=np.uint64) % np.uint64(num_units)
    schema = infer_schema(table_facts(whole), {}, is_text=False, min_rows=1)
    columns = limited_columns(schema, ())
    parts = [whole.slice(0, cut), whole.slice(cut)] if cut < len(cells) else [whole]
    own = np.split(units, [cut]) if cut < len(cells) else [units]
    merged = merge_value_facts((value_facts(p, u, columns, k) for p, u in zip(parts, own, strict=True)), k)
    assert common_schema(schema, merged, k) == common_schema(schema, value_facts(whole, units, columns, k), k)


@examples(40)
@given(CELLS, st.integers(1, 6), st.integers(1, 40))
def test_no_value_of_fewer_than_k_units_is_left(cells, k, num_units):
    units = np.arange(len(cells), dtype=np.uint64) % np.uint64(num_units)
    whole = table(c=pa.array(cells, pa.string()))
    schema, common, rows, _ = limited(whole, units, k)
    if schema["c"].kind is not Kind.CATEGORY:
        return
    holders = {v: {u for c, u in zip(cells, units.tolist(), strict=True) if c == v} for v in set(cells) - {None}}
    left = set(rows.column("c").to_pylist()) - {None}
    assert left == {value for value, own in holders.items() if len(own) >= k}
    assert not is_outside(common["c"], rows.column("c")).any()


@pytest.mark.parametrize("kind", ["dictionary", "decimal", "timestamp"])
def test_values_of_every_storage_type_are_held_back(kind):
    values = {
        "dictionary": pa.array(["a"] * 30 + ["b"]).dictionary_encode(),
        "decimal": pa.array([1.25] * 30 + [9.5]).cast(pa.decimal128(6, 2)),
        "timestamp": pa.array(
            [datetime.datetime(2024, 1, 1)] * 30 + [datetime.datetime(2030, 1, 1)], pa.timestamp("us")
        ),
    }[kind]
    _, common, rows, replaced = limited(table(x=values))
    assert len(common["x"].values) == 1
    assert replaced == {"x": 1}
    assert len(set(rows.column("x").to_pylist())) == 1
    assert rows.schema.field("x").type == values.type
