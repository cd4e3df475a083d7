"""Ages and the dates of one person after a date of birth has moved."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.planning import ages_that_follow
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import PiiPlan, make_pii_plan
from ss_ray.pii.stand_ins.ages import find_ages, moved_ages
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

TYPES = {"name": "PERSON", "born": "DATE_OF_BIRTH", "age": "AGE", "admitted": "DATE_TIME"}
MADE_ON = date(2024, 5, 17)


def years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def people(rows: int = 200, *, newborn: bool = False) -> pa.Table:
    rng = np.random.default_rng(5)
    born = [date(1930, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 33_000, rows)]
    admitted = [day + timedelta(days=int(later)) for day, later in zip(born, rng.integers(0, 2, rows), strict=True)]
    if not newborn:
        admitted = [date(2023, 1, 2) + timedelta(days=7 * (row % 50)) for row in range(rows)]  # all Mondays
    return pa.table(
        {
            "name": [f"Person {row}" for row in range(rows)],
            "born": born,
            "age": [years(day, MADE_ON) for day in born],
            "admitted": admitted,
            "month": [row % 12 for row in range(rows)],
        }
    )


def plan_of(table: pa.Table, **asked: object) -> PiiPlan:
    schema = infer_schema(table_facts(table), {}, is_text=False)
    typings = {
        name: ColumnTyping(entity_type=type_, suspected=type_, confidence=1.0, explanation="test")
        for name, type_ in TYPES.items()
    }
    return make_pii_plan(typings, schema, PiiParameters.model_validate(asked))


def replaced(table: pa.Table, plan: PiiPlan) -> dict[str, list]:
    pseudonyms = Pseudonyms(b"a key of the tests, 32 bytes long")
    return TableReplacer(plan, pseudonyms, ages_that_follow(table, plan)).replace(table)[0].to_pydict()


def test_nobody_is_born_after_an_admission() -> None:
    table = people(newborn=True)
    made = replaced(table, plan_of(table))
    before = zip(table["born"].to_pylist(), table["admitted"].to_pylist(), strict=True)
    after = zip(made["born"], made["admitted"], strict=True)
    assert [b - a for a, b in after] == [b - a for a, b in before]
    assert all(new != old for new, old in zip(made["born"], table["born"].to_pylist(), strict=True))


def test_weekdays_stay() -> None:
    table = people()
    made = replaced(table, plan_of(table))
    assert {day.weekday() for day in made["admitted"]} == {0}


def test_ages_agree_with_the_moved_dates_of_birth() -> None:
    table = people()
    plan = plan_of(table)
    made = replaced(table, plan)
    assert made["age"] == [years(born, ages_that_follow(table, plan)[0].day) for born in made["born"]]
    assert made["age"] != table["age"].to_pylist()
    assert made["month"] == table["month"].to_pylist()


def test_dates_stay_where_they_are_asked_to() -> None:
    table = people()
    made = replaced(table, plan_of(table, operators={"date_time": "keep"}))
    assert made["admitted"] == table["admitted"].to_pylist()
    unmoved = replaced(table, plan_of(table, operators={"date_of_birth": "keep"}))
    assert (unmoved["admitted"], unmoved["age"]) == (table["admitted"].to_pylist(), table["age"].to_pylist())


def test_locked_dates_and_months_do_not_move() -> None:
    table = people()
    plan = plan_of(table, globals={"lock_columns": ["admitted"]})
    assert [rule.name for rule in plan.columns if rule.operator is Operator.DATE_SHIFT] == ["born"]


def test_numbers_that_are_no_ages_on_one_day_are_left_alone() -> None:
    table = people()
    at_random = table.set_column(2, "age", pa.array(np.random.default_rng(1).integers(0, 90, len(table))))
    assert ages_that_follow(at_random, plan_of(at_random)) == ()
    assert find_ages(table.slice(0, 10), TYPES) == ()


def test_ages_follow_by_the_years_that_the_move_made() -> None:
    born = pa.chunked_array([[date(2000, 5, 1), date(2000, 2, 29), date(2000, 6, 1), None, date(2023, 6, 1)]])
    after = pa.chunked_array([[date(2000, 5, 29), date(1999, 2, 28), date(2000, 6, 1), None, date(2024, 6, 1)]])
    ages = pa.chunked_array([pa.array([24, 24, None, 7, 0], pa.int32())])
    moved = moved_ages(ages, born, after, MADE_ON)
    assert moved.to_pylist() == [23, 25, None, 7, 0]
    assert moved.type == pa.int32()


@pytest.mark.parametrize("share_wrong", [0.0, 0.03])
def test_the_day_of_the_ages_is_found_among_some_that_are_wrong(share_wrong: float) -> None:
    table = people(400)
    ages = np.array(table["age"].to_pylist())
    ages[: int(share_wrong * 400)] += 3
    (found,) = find_ages(table.set_column(2, "age", pa.array(ages)), TYPES)
    assert abs((found.day - MADE_ON).days) <= 3
