"""Products, and columns of which exactly one is set: what breaks them, how they are made true, and when suggested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.config.constraints import OneOfConstraint, ProductConstraint
from ss_ray.constraints.check import check_declared, violations
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.constraints.suggest import suggest
from ss_ray.errors import ConfigError
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

RNG = np.random.default_rng(3)
ROWS = 300


def schema_of(table: pa.Table) -> TableSchema:
    return infer_schema(table_facts(table), {}, is_text=False)


def names_of(columns: dict[str, Any]) -> list[str]:
    table = pa.table(columns)
    return [suggestion.constraint.name for suggestion in suggest(schema_of(table), table)]


QUANTITY = RNG.integers(1, 60, ROWS)
PRICE = RNG.integers(100, 9000, ROWS) / 100
AMOUNT = np.round(QUANTITY * PRICE, 2)
PRODUCT = ProductConstraint(factors=("quantity", "price"), total="amount")
SOLD = {"quantity": QUANTITY, "price": PRICE, "amount": AMOUNT}


def test_a_product_is_broken_beyond_half_a_unit_or_its_tolerance():
    table = pa.table({"quantity": [2, 2, 2, None], "price": [1.5, 1.5, 1.5, 1.5], "amount": [3.0, 3.01, 3.2, 9.0]})
    assert violations(PRODUCT, table).tolist() == [False, True, True, False]
    near = PRODUCT.model_copy(update={"tolerance": 0.05})
    assert violations(near, table).tolist() == [False, False, True, False]


def test_a_wrong_total_is_computed_from_its_factors_and_one_out_of_bounds_is_rejected():
    schema = schema_of(pa.table(SOLD))
    table = pa.table({"quantity": [2, 59], "price": [10.0, 89.99], "amount": [5.0, 5.0]})
    bound = float(AMOUNT.max())
    done = make_enforcer([PRODUCT], schema).enforce(table)
    expected = [20.0] if bound < 59 * 89.99 else [20.0, round(59 * 89.99, 2)]
    assert done.table["amount"].to_pylist() == expected
    assert not violations(PRODUCT, done.table).any()


def test_an_exact_product_is_suggested_without_a_tolerance():
    assert "product(quantity x price = amount)" in names_of(SOLD)


def test_a_product_with_noise_is_suggested_with_the_tolerance_that_holds():
    noisy = np.round(AMOUNT * RNG.uniform(0.97, 1.03, ROWS), 2)
    table = pa.table({**SOLD, "amount": noisy})
    found = [s.constraint for s in suggest(schema_of(table), table) if s.constraint.type == "product"]
    assert [constraint.tolerance for constraint in found] == [0.05]


def test_numbers_that_have_nothing_to_do_with_each_other_are_no_product():
    assert not [name for name in names_of({**SOLD, "amount": RNG.permutation(AMOUNT)}) if name.startswith("product")]


KIND = RNG.integers(0, 3, ROWS)
DUMMIES = {f"is_{letter}": (i == KIND).astype(int) for i, letter in enumerate("abc")}
IS_CREDIT = RNG.random(ROWS) < 0.4
BOOKED = {
    "credit": [float(i) if credit else None for i, credit in enumerate(IS_CREDIT)],
    "debit": [None if credit else float(i) for i, credit in enumerate(IS_CREDIT)],
}


@pytest.mark.parametrize("type_", [pa.int64(), pa.bool_()])
def test_dummy_columns_of_which_none_or_several_are_true_break_the_rule(type_: pa.DataType):
    dummies = OneOfConstraint(columns=("is_a", "is_b", "is_c"), set_by="truth")
    rows = {"is_a": [1, 1, 0, 0], "is_b": [0, 1, 0, None], "is_c": [0, 0, 0, 0]}
    table = pa.table({name: pa.array(values, pa.int64()).cast(type_) for name, values in rows.items()})
    assert violations(dummies, table).tolist() == [False, True, True, False]


def test_the_last_dummy_column_follows_from_the_others_and_contradictions_are_rejected():
    dummies = OneOfConstraint(columns=("is_a", "is_b", "is_c"), set_by="truth")
    table = pa.table({"is_a": [0, 1, 1], "is_b": [0, 0, 1], "is_c": [0, 1, 0]})
    done = make_enforcer([dummies], schema_of(pa.table(DUMMIES))).enforce(table)
    assert done.table.to_pydict() == {"is_a": [0, 1], "is_b": [0, 0], "is_c": [1, 0]}


def test_the_second_of_two_alternatives_is_removed_where_the_first_has_a_value():
    either = OneOfConstraint(columns=("credit", "debit"))
    table = pa.table({"credit": [1.0, None, None], "debit": [2.0, 3.0, None]})
    assert violations(either, table).tolist() == [True, False, True]
    done = make_enforcer([either], schema_of(pa.table(BOOKED))).enforce(table)
    assert done.table.to_pydict() == {"credit": [1.0, None], "debit": [None, 3.0]}
    assert done.rejected == {either.name: 1}


def test_dummy_columns_and_alternatives_are_suggested():
    assert "one_of(truth in is_a, is_b, is_c)" in names_of({**DUMMIES, "n": QUANTITY})
    assert "one_of(value in credit, debit)" in names_of(BOOKED)


def test_one_row_that_contradicts_is_enough():
    broken = {**DUMMIES, "is_a": np.append(DUMMIES["is_a"][:-1], 1 - DUMMIES["is_a"][-1])}
    assert not [name for name in names_of(broken) if name.startswith("one_of(truth")]
    both = {**BOOKED, "credit": [1.0, *BOOKED["credit"][1:]], "debit": [1.0, *BOOKED["debit"][1:]]}
    assert not [name for name in names_of(both) if name.startswith("one_of(value")]


def test_truth_values_that_are_independent_are_no_dummies():
    free = {name: RNG.integers(0, 2, ROWS) for name in ("x", "y", "z")}
    assert not [name for name in names_of(free) if name.startswith("one_of")]


def test_a_composite_key_of_codes_is_suggested_and_broken_by_one_repeat():
    lines = {"store": np.arange(ROWS) // 10, "line": np.arange(ROWS) % 10, "cost": RNG.integers(0, 40, ROWS)}
    assert "unique(store, line)" in names_of(lines)
    assert "unique(store, line)" not in names_of({**lines, "line": np.append(lines["line"][:-1], 0)})


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (OneOfConstraint(columns=("quantity", "price")), "never missing"),
        (OneOfConstraint(columns=("quantity", "price"), set_by="truth"), "not of 0 and 1"),
        (ProductConstraint(factors=("quantity", "name"), total="amount"), "only numbers are multiplied"),
    ],
)
def test_columns_that_do_not_fit_the_rule_are_refused(constraint: Any, message: str):
    schema = schema_of(pa.table({**SOLD, "name": RNG.choice(["Ann", "Bo"], ROWS)}))
    with pytest.raises(ConfigError, match=message):
        check_declared([constraint], schema)
