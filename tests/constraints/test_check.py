from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.constraints.cells import row_hashes
from ss_ray.constraints.check import check_declared, violations
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.codec.tables import column_of

PARSER = TypeAdapter(ConstraintParameters)
DAYS = [date(2024, 1, day) for day in (1, 2, 3)]

SCHEMA = TableSchema(
    columns=(
        column_of("id", Kind.IDENTIFIER, pa.array(["A-1", "A-2"])),
        column_of("city", Kind.CATEGORY, pa.array(["Rome", "Oslo"]), values=("Oslo", "Rome")),
        column_of("plan", Kind.CATEGORY, pa.array(["a", "b", None]), values=("No", "a", "b")),
        column_of("smoker", Kind.BOOLEAN, pa.array([True, False]), values=(False, True)),
        column_of("net", Kind.FLOAT, pa.array([1.0, 50.0]), decimals=2),
        column_of("tax", Kind.FLOAT, pa.array([0.0, 10.0]), decimals=2),
        column_of("gross", Kind.FLOAT, pa.array([1.0, 60.0, None]), decimals=2),
        column_of("age", Kind.INTEGER, pa.array([18, 90])),
        column_of("born", Kind.DATE, pa.array([date(1930, 1, 1), date(2000, 1, 1)])),
        column_of("seen", Kind.DATETIME, pa.array([datetime(2024, 1, 1), datetime(2024, 2, 1)], pa.timestamp("us"))),
        column_of("sent", Kind.DATETIME, pa.array([datetime(2024, 1, 1)] * 2, pa.timestamp("us", "UTC"))),
        column_of("note", Kind.TEXT, pa.array(["x", None])),
        ColumnSchema(name="empty", kind=Kind.CATEGORY, arrow_type="null", nullable=True, values=()),
    )
)


def parse(**fields: Any) -> ConstraintParameters:
    return PARSER.validate_python(fields)


def broken(table: dict[str, Any], pairs: pa.Table | None = None, **fields: Any) -> list[int]:
    """Numbers of the rows that break a constraint."""
    return np.flatnonzero(violations(parse(**fields), pa.table(table), pairs)).tolist()


UNIQUE = [
    ({"a": [1, 2, 1, 1]}, ("a",), [2, 3]),
    ({"a": ["x", "x", None, None]}, ("a",), [1]),
    ({"a": [1, 1, 1], "b": ["x", "y", "x"]}, ("a", "b"), [2]),
    ({"a": [1, 1], "b": [None, None]}, ("a", "b"), []),
    ({"a": [0.0, -0.0]}, ("a",), [1]),
    ({"a": pa.array(["x", "y", "x"]).dictionary_encode()}, ("a",), [2]),
    ({"a": [Decimal("1.10"), Decimal("1.10")]}, ("a",), [1]),
    ({"a": [DAYS[0], DAYS[1], DAYS[0]]}, ("a",), [2]),
    ({"a": [True, False, True]}, ("a",), [2]),
]


@pytest.mark.parametrize(("table", "columns", "expected"), UNIQUE)
def test_every_occurrence_of_a_key_after_the_first_breaks_it(
    table: dict[str, Any], columns: tuple[str, ...], expected: list[int]
) -> None:
    assert broken(table, type="unique", columns=columns) == expected


ORDER = [
    ([1, 2, 3], [1, 1, None], False, [1]),
    ([1, 2, None], [1, 3, 3], True, [0]),
    ([1, 2], [1.5, 1.5], False, [1]),
    (pa.array([1, 2], pa.int8()), pa.array([2, 1], pa.int64()), False, [1]),
    ([2**53 + 1], [2**53], False, [0]),
    ([Decimal("0.10"), Decimal("0.12")], [Decimal("0.1000"), Decimal("0.1199")], False, [1]),
    ([Decimal("1000000000000000.02")], [Decimal("1000000000000000.01")], False, [0]),
    ([Decimal("1.50")], [1], False, [0]),
    (DAYS, [DAYS[0], DAYS[0], DAYS[2]], False, [1]),
    ([DAYS[0]] * 2, [datetime(2024, 1, 1, 9), datetime(2023, 12, 31, 23)], False, [1]),
    ([datetime(2024, 1, 1, 9)], [DAYS[0]], False, [0]),
    (pa.array([date(9999, 1, 1)]), pa.array([datetime(2024, 1, 1)], pa.timestamp("ns")), False, [0]),
    (pa.array([DAYS[1]]), pa.array([datetime(2024, 1, 1)], pa.timestamp("s", "Europe/Berlin")), False, [0]),
]


@pytest.mark.parametrize(("low", "high", "strict", "expected"), ORDER)
def test_order_is_of_numbers_or_of_moments(low: Any, high: Any, strict: bool, expected: list[int]) -> None:
    assert broken({"a": low, "b": high}, type="order", low="a", high="b", strict=strict) == expected


SUM = [
    ([1, 2, None], [1, 2, 3], [2, 5, 9], 0, [1]),
    ([0.1, 0.1], [0.2, 0.2], [0.3, 0.31], 0, [1]),
    ([0.125, 0.126], [0.0, 0.0], [0.12, 0.12], 0, [1]),
    ([1.0, 1.0], [1.0, 1.0], [2.4, 2.6], 0.5, [1]),
    ([10**17], [1], [10**17], 0, [0]),
    ([Decimal("0.10")] * 2, [Decimal("0.20")] * 2, [Decimal("0.30"), Decimal("0.31")], 0, [1]),
    (pa.array([16000.01], pa.float32()), pa.array([0.01], pa.float32()), pa.array([16000.02], pa.float32()), 0, []),
]


@pytest.mark.parametrize(("a", "b", "c", "tolerance", "expected"), SUM)
def test_parts_add_up_within_half_a_unit(a: Any, b: Any, c: Any, tolerance: float, expected: list[int]) -> None:
    table = {"a": a, "b": b, "c": c}
    assert broken(table, type="sum", parts=("a", "b"), total="c", tolerance=tolerance) == expected


CITIES = {"city": ["Rome", "Oslo", "Rome", "Oslo", None, "Rome"], "state": ["LZ", None, "XX", "OS", "ZZ", None]}


def test_the_first_row_with_a_value_decides_a_dependency() -> None:
    assert broken(CITIES, type="determines", columns=("city",), determined="state") == [2]


@pytest.mark.parametrize(
    ("state", "expected"),
    [(["XX", "OS"], [0]), (["LZ", "QQ"], [2, 3]), (pa.array([None, "OS"]), [0, 2])],
    ids=["majority", "both", "never a value"],
)
def test_a_mapping_decides_before_the_rows_do(state: Any, expected: list[int]) -> None:
    pairs = pa.table({"city": ["Rome", "Oslo"], "state": state})
    assert broken(CITIES, pairs, type="determines", columns=("city",), determined="state") == expected


ROWS = {
    "plan": ["a", "b", None, "a"],
    "n": [1, 5, 9, None],
    "f": [0.5, 1.5, None, 2.0],
    "day": [*DAYS, None],
    "at": [datetime(2024, 1, d) for d in (1, 2, 3, 4)],
    "yes": [True, False, None, True],
    "price": [Decimal("1.00"), Decimal("2.50"), None, Decimal("9.99")],
    "code": ["A-1", "A-22", None, "A-1\n"],
}
CASES = [
    ({"type": "values", "column": "plan", "values": ("a",)}, [1]),
    ({"type": "values", "column": "n", "values": (1, 9.0)}, [1]),
    ({"type": "values", "column": "day", "values": (DAYS[0], "2024-01-02")}, [2]),
    ({"type": "values", "column": "yes", "values": (True,)}, [1]),
    ({"type": "values", "column": "n", "values": (9,), "when": {"column": "plan", "equals": "a"}}, [0]),
    ({"type": "format", "column": "code", "pattern": "[A-Z]-[0-9]"}, [1, 3]),
    ({"type": "range", "column": "n", "minimum": 1.5}, [0]),
    ({"type": "range", "column": "f", "minimum": 1, "maximum": 1.75}, [0, 3]),
    ({"type": "range", "column": "price", "minimum": 1, "maximum": 2.505}, [3]),
    ({"type": "range", "column": "day", "maximum": date(2024, 1, 2)}, [2]),
    ({"type": "range", "column": "at", "minimum": "2024-01-01T12:00:00"}, [0]),
    ({"type": "range", "column": "n", "maximum": 0, "when": {"column": "yes", "equals": True}}, [0]),
    ({"type": "range", "column": "n", "maximum": 0, "when": {"column": "plan", "is_missing": True}}, [2]),
    ({"type": "range", "column": "n", "maximum": 0, "when": {"column": "plan", "is_missing": False}}, [0, 1]),
    ({"type": "range", "column": "n", "maximum": 0, "when": {"column": "f", "minimum": 1, "maximum": 1.9}}, [1]),
    ({"type": "present", "column": "n", "when": {"column": "plan", "one_of": ("a", "b")}}, [2, 3]),
    ({"type": "present", "column": "n", "when": {"column": "plan", "equals": "a"}, "otherwise": "any"}, [3]),
]


@pytest.mark.parametrize(("fields", "expected"), CASES)
def test_rows_that_break_a_constraint(fields: dict[str, Any], expected: list[int]) -> None:
    assert broken(ROWS, **fields) == expected


@pytest.mark.parametrize("fields", [case for case, _ in CASES])
def test_a_table_without_rows_breaks_nothing(fields: dict[str, Any]) -> None:
    table = pa.table(ROWS).slice(0, 0)
    assert violations(parse(**fields), table).shape == (0,)


def test_hashes_do_not_depend_on_the_rows_beside_them() -> None:
    table = pa.table({"a": [1, None, 3], "b": ["x", "y", "z"]})
    hashes, complete = row_hashes(table, ["a", "b"])
    assert complete.tolist() == [True, False, True]
    assert row_hashes(table.slice(2), ["a", "b"])[0][0] == hashes[2]


NAMES = [
    ({"type": "unique", "columns": ("a", "b")}, "unique(a, b)"),
    ({"type": "order", "low": "a", "high": "b"}, "order(a <= b)"),
    ({"type": "order", "low": "a", "high": "b", "strict": True}, "order(a < b)"),
    ({"type": "sum", "parts": ("a", "b"), "total": "c"}, "sum(a + b = c)"),
    ({"type": "determines", "columns": ("a", "b"), "determined": "c"}, "determines(a, b -> c)"),
    ({"type": "values", "column": "a", "values": ("secret",)}, "values(a)"),
    ({"type": "present", "column": "a", "when": {"column": "b", "equals": "secret"}}, "present(a when b)"),
]


@pytest.mark.parametrize(("fields", "name"), NAMES)
def test_a_name_tells_the_columns_and_no_value(fields: dict[str, Any], name: str) -> None:
    assert parse(**fields).name == name


MALFORMED = [
    {"type": "unique", "columns": ()},
    {"type": "unique", "columns": ("a", "a")},
    {"type": "order", "low": "a", "high": "a"},
    {"type": "sum", "parts": ("a", "b"), "total": "a"},
    {"type": "sum", "parts": ("a",), "total": "b", "tolerance": float("nan")},
    {"type": "range", "column": "a"},
    {"type": "range", "column": "a", "minimum": float("inf")},
    {"type": "values", "column": "a", "values": ()},
    {"type": "values", "column": "a", "values": (1,), "when": {"column": "b"}},
    {"type": "values", "column": "a", "values": (1,), "when": {"column": "b", "equals": 1, "minimum": 2}},
    {"type": "present", "column": "a", "when": {"column": "a", "is_missing": False}},
    {"type": "nonsense"},
]


@pytest.mark.parametrize("fields", MALFORMED)
def test_what_makes_no_sense_on_any_table_is_refused_by_the_configuration(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse(**fields)


def when(column: str, **condition: Any) -> dict[str, Any]:
    return {"type": "values", "column": "city", "values": ("Rome",), "when": {"column": column, **condition}}


FAULTS = [
    ({"type": "unique", "columns": ("id", "no such")}, "there is no column 'no such'"),
    ({"type": "order", "low": "age", "high": "born"}, "cannot be compared"),
    ({"type": "order", "low": "id", "high": "city"}, "cannot be compared"),
    ({"type": "order", "low": "seen", "high": "sent"}, "time zone"),
    ({"type": "order", "low": "seen", "high": "born"}, "wrong way round"),
    ({"type": "sum", "parts": ("net", "city"), "total": "gross"}, "only numbers add up"),
    ({"type": "sum", "parts": ("net", "age"), "total": "tax"}, "never add up"),
    ({"type": "values", "column": "city", "values": ("Paris",)}, "never has any"),
    ({"type": "values", "column": "age", "values": (17, 91)}, "never has any"),
    ({"type": "values", "column": "age", "values": ("old",)}, "cannot be read as int64"),
    ({"type": "values", "column": "age", "values": (18.5,)}, "cannot be read as int64"),
    ({"type": "values", "column": "plan", "values": (False,)}, "without quotes"),
    ({"type": "values", "column": "smoker", "values": ("yes",)}, "cannot be read as bool"),
    ({"type": "values", "column": "born", "values": ("31.12.1999",)}, "cannot be read as date32"),
    ({"type": "format", "column": "age", "pattern": ".*"}, "only strings"),
    ({"type": "format", "column": "id", "pattern": "(["}, "invalid regular expression"),
    ({"type": "format", "column": "city", "pattern": "[0-9]+"}, "has this format"),
    ({"type": "present", "column": "age", "when": {"column": "city", "equals": "Rome"}}, "never missing"),
    ({"type": "present", "column": "empty", "when": {"column": "city", "equals": "Rome"}}, "has no values"),
    ({"type": "range", "column": "age", "minimum": 91}, "in this range"),
    ({"type": "range", "column": "born", "maximum": "1900-01-01"}, "in this range"),
    ({"type": "range", "column": "age", "minimum": 50, "maximum": 40}, "minimum is above"),
    ({"type": "range", "column": "city", "minimum": "A"}, "only numbers and dates"),
    (when("plan", equals="c"), "never holds"),
    (when("plan", equals=True), "without quotes"),
    (when("plan", minimum=1), "only numbers and dates"),
    (when("age", minimum="x"), "cannot be read as int64"),
]


@pytest.mark.parametrize(("fields", "message"), FAULTS)
def test_what_cannot_hold_on_this_table_is_refused_early(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        check_declared([parse(**fields)], SCHEMA)
    assert not any(value in str(error.value) for value in ("Paris", "31.12.1999", "Rome"))


ACCEPTED = [
    {"type": "unique", "columns": ("id",)},
    {"type": "order", "low": "born", "high": "seen"},
    {"type": "order", "low": "born", "high": "sent"},
    {"type": "order", "low": "net", "high": "gross"},
    {"type": "sum", "parts": ("net", "tax"), "total": "gross"},
    {"type": "determines", "columns": ("city",), "determined": "plan"},
    {"type": "values", "column": "city", "values": ("Rome", "Paris")},
    {"type": "format", "column": "note", "pattern": ".{0,9}"},
    {"type": "present", "column": "note", "when": {"column": "smoker", "equals": True}},
    {"type": "range", "column": "seen", "minimum": date(2024, 1, 15)},
    when("sent", maximum="2024-01-15T00:00:00Z"),
]


@pytest.mark.parametrize("fields", ACCEPTED)
def test_what_can_hold_is_accepted(fields: dict[str, Any]) -> None:
    check_declared([parse(**fields)], SCHEMA)


def test_a_pattern_that_searches_for_ever_is_stopped() -> None:
    table = {"a": ["a" * 60 + "b"]}
    with pytest.raises(ConfigError, match="simplify"):
        broken(table, type="format", column="a", pattern="(a|a|aa)+(a|aa|a)+(aa|a)+$")
