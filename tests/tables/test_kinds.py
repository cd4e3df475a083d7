"""Which columns are identifiers, and why."""

import random
import uuid

import pyarrow as pa
import pytest

from ss_ray.codec.identifiers import fresh_values
from ss_ray.tables.check_digits import CHECKS, find_check
from ss_ray.tables.headers import header_words, names_things
from tests.tables.rows import column_of, schema_of

RANDOM = random.Random(5)


@pytest.mark.parametrize("header", ["PAID", "BID", "COVID", "ACID", "GRID", "paid", "humid", "solid", "Valid"])
def test_a_word_that_ends_in_id_names_no_identifier(header: str):
    assert not names_things(header)


@pytest.mark.parametrize(
    "header", ["id", "patient_id", "PatientID", "CUSTOMERID", "customerid", "order id", "uuid", "Id"]
)
def test_a_header_names_an_identifier_by_its_last_word(header: str):
    assert names_things(header)


def test_words_of_a_header():
    assert header_words("visitID2") == ("visit", "id", "2")


def column_named(name: str, cells: list[str]) -> str:
    column = schema_of(pa.table({name: cells}))[name]
    return f"{column.kind}: {column.reason}"


def test_years_ages_and_doses_that_never_repeat_are_numbers():
    assert column_named("year", [str(year) for year in range(1960, 2021)]).startswith("integer")
    assert column_named("age", [str(age) for age in range(20, 81)]).startswith("integer")


def test_a_number_that_counts_the_rows_is_an_identifier():
    assert column_named("row", [str(n) for n in range(1, 61)]) == "identifier: its values count the rows"
    assert column_named("x", [str(n) for n in range(60)]).startswith("identifier")


def test_a_key_of_another_table_is_learned_and_one_of_persons_is_not():
    shops = [str(100 + n % 25) for n in range(200)]
    assert column_named("shop_id", shops).startswith("integer: its header names an identifier, but its values repeat")
    assert column_named("patient_id", shops).startswith("identifier")


@pytest.mark.parametrize(
    "cells",
    [
        ["".join(RANDOM.choices("ACGT", k=16)) for _ in range(60)],
        ["".join(RANDOM.choices("ABCDE", k=10)) for _ in range(60)],
        [f"{48 + RANDOM.random():.5f},{2 + RANDOM.random():.5f}" for _ in range(60)],
        [f"W{n:02d}" for n in range(60)],
    ],
    ids=["bases", "answers", "coordinates", "waves"],
)
def test_values_that_never_repeat_are_no_identifiers_for_that(cells: list[str]):
    column = column_of(*cells)
    assert column.kind == "text"
    digits = {c for cell in cells for c in cell if c.isdigit()}
    assert digits or not set("".join(column.pattern or ())) & set("0123456789")


def ean() -> str:
    code = "978" + "".join(RANDOM.choices("0123456789", k=9)) + "0"
    return CHECKS["ean"].repair(code)


def iban() -> str:
    return CHECKS["iban"].repair("DE00" + "".join(RANDOM.choices("0123456789", k=18)))


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (ean, "ean"),
        (iban, "iban"),
        (lambda: str(uuid.UUID(int=RANDOM.getrandbits(128), version=4)), "uuid"),
        (lambda: CHECKS["luhn"].repair("4" + "".join(RANDOM.choices("0123456789", k=15))), "luhn"),
    ],
    ids=["ean", "iban", "uuid", "luhn"],
)
def test_fresh_codes_have_check_digits_where_the_real_ones_have(make, check: str):
    codes = [make() for _ in range(80)]
    column = column_of(*codes)
    assert (column.kind, column.format) == ("identifier", check)
    fresh = fresh_values(column, 0, 500, seed=3).to_pylist()
    assert find_check(fresh) == check
    assert len(set(fresh)) == 500
    if check == "uuid":
        assert {uuid.UUID(code).version for code in fresh} == {4}


def test_a_wrong_check_digit_is_no_check():
    assert find_check(["9783161484100", "9783161484101"]) is None


def test_a_year_in_every_code_stays_and_counters_do_not():
    orders = [f"ORD-2024-{RANDOM.randrange(10**6):06d}" for _ in range(60)]
    column = column_of(*orders)
    assert column.kind == "identifier"
    assert all(code.startswith("ORD-2024-") for code in fresh_values(column, 0, 50, seed=1).to_pylist())
