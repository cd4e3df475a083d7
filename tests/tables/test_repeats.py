"""Identifiers that repeat: which columns are found, and which are codes of places or products."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.demo import make_patients
from ss_ray.tables.repeats import RepeatedId, find_repeated_id


def visits(header: str, rows: int = 120, each: int = 3) -> pa.Table:
    rng = np.random.default_rng(0)
    people = np.arange(rows) // each
    return pa.table(
        {
            "note": [f"visit {row}" for row in range(rows)],
            header: [f"X{1000 + person}" for person in people],
            "born": [str(1930 + person % 60) for person in people],
            "cost": rng.integers(10, 500, rows).astype(str),
        }
    )


@pytest.mark.parametrize(
    "header", ["patient_id", "PatientID", "CUSTOMERID", "customer", "id", "order_uuid", "Kunden-Nr", "mrn"]
)
def test_an_identifier_of_several_rows_is_found_by_its_header_or_its_codes(header: str):
    found = find_repeated_id(visits(header))
    assert found == RepeatedId(column=header, rows_each=3.0, constant=("born",))
    assert found.describe() == f"Each value of {header!r} has 3.0 rows on average, and 'born' never change in them"


def test_the_demo_table_names_its_patients():
    found = find_repeated_id(make_patients(600, 7))
    assert found is not None
    assert found.column == "patient_id"
    assert {"city", "birth_date", "sex"} <= set(found.constant)
    assert "cost" not in found.constant


def test_an_identifier_that_never_repeats_is_none():
    assert find_repeated_id(visits("patient_id", each=1)) is None


def test_shops_that_decide_their_price_are_codes_and_no_persons():
    shops = np.arange(200) % 25
    table = pa.table({"shop_id": shops.astype(str), "price": (shops * 3.5).astype(str), "n": np.arange(200)})
    assert find_repeated_id(table) is None


@pytest.mark.parametrize("header", ["PAID", "BID", "COVID", "GRID", "paid", "valid", "user_score", "membership"])
def test_numbers_under_headers_that_only_look_like_identifiers_are_none(header: str):
    rng = np.random.default_rng(0)
    for most in (40, 160):
        values = rng.integers(10, most, 300)
        assert find_repeated_id(pa.table({header: values.astype(str), "double": (2 * values).astype(str)})) is None


def test_a_column_of_persons_needs_no_constant_columns_if_its_values_are_many():
    rng = np.random.default_rng(0)
    people = rng.integers(0, 50, 150)
    cost = rng.integers(0, 9, 150)
    found = find_repeated_id(pa.table({"patient_id": [f"P{person}" for person in people], "cost": cost}))
    assert found is not None
    assert found.constant == ()
    assert found.describe() == "Each value of 'patient_id' has 3.1 rows on average"
    assert find_repeated_id(pa.table({"account": [f"P{person % 12}" for person in people], "cost": cost})) is None
    assert find_repeated_id(pa.table({"order_id": [f"P{person}" for person in people], "cost": cost})) is None


def test_a_column_of_a_declared_kind_is_none():
    assert find_repeated_id(visits("patient_id"), declared=["patient_id"]) is None


def test_missing_identifiers_and_nested_columns_do_not_hinder_the_search():
    table = visits("patient_id")
    gaps = pa.array([None if row % 7 == 0 else value for row, value in enumerate(table["patient_id"].to_pylist())])
    table = table.set_column(1, "patient_id", gaps).append_column("tags", pa.array([["a"]] * 120))
    found = find_repeated_id(table)
    assert found is not None
    assert found.column == "patient_id"
