from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from pyarrow import csv
from pydantic import TypeAdapter

from ss_ray.cli.constraints import suggest_constraints
from ss_ray.config.constraints import ConstraintParameters, OrderConstraint, PresentConstraint
from ss_ray.constraints.check import check_declared, violations
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.constraints.suggest import suggest, to_yaml
from ss_ray.constraints.suggestions import MIN_ROWS, Suggestion
from ss_ray.errors import DataError
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from tests.codec.tables import tables
from tests.examples import examples

PARSER = TypeAdapter(tuple[ConstraintParameters, ...])
ROWS = 400
RNG = np.random.default_rng(7)
Columns = dict[str, list[Any]]


def whole(low: int, high: int) -> list[Any]:
    return RNG.integers(low, high, ROWS).tolist()


def days(offsets: list[Any]) -> list[Any]:
    return [date(2024, 1, 1) + timedelta(days=offset) for offset in offsets]


def plus(a: list[Any], b: list[Any]) -> list[Any]:
    return [x + y for x, y in zip(a, b, strict=True)]


def words(values: list[Any], count: int, prefix: str) -> list[Any]:
    return [f"{prefix} {value % count}" for value in values]


STAY, ADMITTED, FEW = whole(0, 5), whole(0, 90), whole(0, 9)
NET, TAX, TIP, FEE = ([cents / 100 for cents in whole(1, 5000)] for _ in range(4))
CITY = whole(0, 24)
PLAN = RNG.choice(["a", "b", "c"], ROWS).tolist()

ORDERED = {"admitted": days(ADMITTED), "discharged": days(plus(ADMITTED, STAY))}
SUMMED = {"net": NET, "tax": TAX, "gross": [round(x, 2) for x in plus(NET, TAX)]}
LONG_SUM = {**SUMMED, "tip": TIP, "fee": FEE, "all": [round(sum(p), 2) for p in zip(NET, TAX, TIP, FEE, strict=True)]}
PLACED = {"city": words(CITY, 24, "city"), "state": words(CITY, 6, "state")}
GAPPED = {"plan": PLAN, "paid": [n if plan == "b" else None for n, plan in zip(whole(0, 60), PLAN, strict=True)]}
BILLED = {**GAPPED, "fee": [None if n is None else n % 7 for n in GAPPED["paid"]]}
THREE_DAYS = {**ORDERED, "left": days(plus(plus(ADMITTED, STAY), whole(0, 4)))}
KEYED = {"visit_id": [f"V-{i:04d}" for i in RNG.permutation(ROWS)], "n": whole(0, 50)}
LINES = {"order_id": [f"O-{i // 4:03d}" for i in range(ROWS)], "line": [i % 4 + 1 for i in range(ROWS)]}

CASES = [
    (ORDERED, ["order(admitted <= discharged)"]),
    (THREE_DAYS, ["order(admitted <= discharged)", "order(discharged <= left)"]),
    ({"a": days(FEW), "b": days(plus(FEW, whole(1, 5)))}, ["order(a < b)"]),
    (SUMMED, ["sum(net + tax = gross)"]),
    (LONG_SUM, ["sum(net + tax = gross)", "sum(net + tax + tip + fee = all)", "order(gross <= all)"]),
    (PLACED, ["determines(city -> state)"]),
    ({**PLACED, "land": words(CITY, 2, "land")}, ["determines(city -> state)", "determines(state -> land)"]),
    ({**PLACED, "code": words(CITY, 24, "code")}, ["determines(city -> state)", "determines(city -> code)"]),
    ({"city": PLACED["city"], "again": PLACED["city"]}, ["determines(city -> again)"]),
    ({"n": NET, "again": NET}, ["sum(n = again)"]),
    (GAPPED, ["present(paid when plan)"]),
    (BILLED, ["determines(paid -> fee)", "present(paid when plan)", "present(fee when paid)"]),
    (KEYED, ["unique(visit_id)", "format(visit_id)"]),
    (LINES, ["unique(order_id, line)", "format(order_id)"]),
    ({"a": whole(0, 90), "b": whole(0, 90), "c": PLAN}, []),
    ({"small": whole(0, 50), "large": whole(50, 99)}, []),
    ({"x": whole(0, 2), "y": [0] * ROWS, "z": whole(0, 2)}, []),
    ({"name": RNG.choice(["Ann", "Bo", "Carla"], ROWS).tolist(), "empty": [None] * ROWS}, []),
]


def schema_and_table(columns: Columns) -> tuple[TableSchema, pa.Table]:
    table = pa.table(columns)
    return infer_schema(table_facts(table), {}, is_text=False), table


def found(columns: Columns) -> tuple[Suggestion, ...]:
    return suggest(*schema_and_table(columns))


def names(suggestions: tuple[Suggestion, ...]) -> list[str]:
    return [s.constraint.name for s in suggestions]


@pytest.mark.parametrize(("columns", "expected"), CASES, ids=lambda v: ", ".join(v) if isinstance(v, dict) else "")
def test_what_holds_in_all_rows_is_suggested_once(columns: Columns, expected: list[str]) -> None:
    assert names(found(columns)) == expected


def changed(columns: Columns, name: str, value: Callable[[Any], Any]) -> Columns:
    """The columns with the last row's value of one replaced."""
    return {**columns, name: [*columns[name][:-1], value(columns[name][-1])]}


NEAR_MISSES = [
    (ORDERED, "discharged", lambda v: date(2023, 12, 1)),
    (SUMMED, "gross", lambda v: v + 0.01),
    (PLACED, "state", lambda v: "state 5" if v == "state 0" else "state 0"),
    (GAPPED, "paid", lambda v: 1 if v is None else None),
    (LINES, "line", lambda v: 1),
    (KEYED, "visit_id", lambda v: KEYED["visit_id"][0]),
]


@pytest.mark.parametrize(("columns", "name", "value"), NEAR_MISSES)
def test_one_row_that_contradicts_is_enough(columns: Columns, name: str, value: Callable[[Any], Any]) -> None:
    before, after = names(found(columns)), names(found(changed(columns, name, value)))
    assert before[0] not in after


FORMATS = [
    ([f"{i:04d}-{'ABC'[i % 3]}" for i in range(60)], r"[0-9]{4}\-[A-Z]"),
    ([f"v{i}" for i in range(60)], "v[0-9]{1,2}"),
    ([f"{i}.5%" for i in range(60)], r"[0-9]{1,2}\.[0-9]%"),
    ([f"{'ab' * (i % 9)}{i:02d}" for i in range(60)], None),
    (["".join(chr(97 + (i * k) % 26) for k in (1, 5, 7)) for i in range(60)], None),
    ([f"room {i}" for i in range(60)], None),
]


@pytest.mark.parametrize(("values", "pattern"), FORMATS)
def test_strings_of_one_shape_have_a_format(values: list[str], pattern: str | None) -> None:
    suggested = [s.constraint for s in found({"code": values}) if s.constraint.type == "format"]
    assert [c.pattern for c in suggested if c.type == "format"] == ([] if pattern is None else [pattern])


def test_few_rows_suggest_nothing() -> None:
    assert found({name: values[:15] for name, values in SUMMED.items()}) == ()


@pytest.mark.parametrize(("columns", "expected"), [case for case in CASES if case[1]], ids=lambda v: "")
def test_suggestions_can_be_declared_and_hold(columns: Columns, expected: list[str]) -> None:
    schema, table = schema_and_table(columns)
    suggestions = suggest(schema, table)
    check_declared([s.constraint for s in suggestions], schema)
    assert not any(violations(s.constraint, table).any() for s in suggestions)
    assert make_enforcer([s.constraint for s in suggestions], schema).enforce(table).kept.all()
    assert all(0 < s.support <= table.num_rows for s in suggestions)


def test_yaml_is_read_back_as_it_was() -> None:
    yes = {"answer": ["Yes" if plan == "b" else "No" for plan in PLAN], "paid": GAPPED["paid"]}
    odd = OrderConstraint(low="a: b # \u2028{", high="line\nbreak\x07", strict=True)
    suggestions = (
        *(s for columns in (*(case[0] for case in CASES), yes) for s in found(columns)),
        Suggestion(constraint=odd, support=1, reason=f"{odd.low} is below {odd.high}"),
    )
    text = to_yaml(suggestions)
    assert PARSER.validate_python(yaml.safe_load(text)["constraints"]) == tuple(s.constraint for s in suggestions)
    assert any(isinstance(s.constraint, PresentConstraint) and s.constraint.when.equals == "Yes" for s in suggestions)
    assert text.count("\n  # ") == len(suggestions)


@examples(50)
@given(tables())
def test_columns_of_any_kind_are_searched(drawn: tuple[TableSchema, pa.Table]) -> None:
    schema, table = drawn
    doubled = pa.concat_tables([table] * -(-MIN_ROWS // table.num_rows)).unify_dictionaries()
    for suggestion in suggest(schema, doubled):
        check_declared([suggestion.constraint], schema)
        assert not violations(suggestion.constraint, doubled).any()


def test_nothing_to_suggest_is_valid_yaml() -> None:
    assert yaml.safe_load(to_yaml(())) == {"constraints": []}


def test_reasons_hold_no_values() -> None:
    reasons = " ".join(s.reason for columns, _ in CASES for s in found(columns))
    assert not any(value in reasons for value in ("city 3", "state 1", "V-0", "O-0", "2024"))


def test_a_file_gives_a_section_for_the_configuration(tmp_path: Path) -> None:
    csv.write_csv(pa.table({**ORDERED, **PLACED}), tmp_path / "visits.csv")
    text = suggest_constraints(tmp_path / "visits.csv", out=tmp_path / "new" / "constraints.yaml")
    loaded = PARSER.validate_python(yaml.safe_load(text)["constraints"])
    assert [c.name for c in loaded] == ["order(admitted <= discharged)", "determines(city -> state)"]
    assert (tmp_path / "new" / "constraints.yaml").read_text(encoding="utf8") == text


def test_a_file_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(DataError, match="no rows"):
        suggest_constraints(tmp_path / "empty.csv")
