from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.constraints.check import violations
from ss_ray.constraints.determines import LearnedMapping, learn_mapping
from ss_ray.constraints.enforce import Enforced, make_enforcer
from ss_ray.constraints.unique import key_hashes
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.examples import examples

PARSER = TypeAdapter(ConstraintParameters)
CITY = pa.dictionary(pa.int32(), pa.string())
SCHEMA = TableSchema(
    columns=(
        ColumnSchema(name="id", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=30, nullable=True),
        ColumnSchema(name="city", kind=Kind.CATEGORY, arrow_type=str(CITY), values=("O", "P", "R"), nullable=True),
        ColumnSchema(name="state", kind=Kind.CATEGORY, arrow_type="string", values=("l", "o"), nullable=True),
        ColumnSchema(name="a", kind=Kind.FLOAT, arrow_type="double", decimals=1, minimum=-1.0, maximum=2.0),
        ColumnSchema(name="b", kind=Kind.FLOAT, arrow_type="float", decimals=1, minimum=0.0, maximum=2.0),
        ColumnSchema(name="c", kind=Kind.FLOAT, arrow_type="decimal128(4, 1)", minimum=0.0, maximum=3.0, nullable=True),
        ColumnSchema(name="d", kind=Kind.INTEGER, arrow_type="int8", minimum=0, maximum=4, values=(0, 1, 2, 4)),
        ColumnSchema(name="note", kind=Kind.TEXT, arrow_type="string", nullable=True),
    )
)


def parse(**fields: Any) -> ConstraintParameters:
    return PARSER.validate_python(fields)


CONSTRAINTS = [
    parse(type="unique", columns=("id",)),
    parse(type="unique", columns=("city", "a")),
    parse(type="order", low="a", high="c"),
    parse(type="order", low="d", high="c", strict=True),
    parse(type="sum", parts=("a", "b"), total="c"),
    parse(type="sum", parts=("a", "b"), total="d"),
    parse(type="sum", parts=("d",), total="c", tolerance=0.25),
    parse(type="determines", columns=("city",), determined="state"),
    parse(type="determines", columns=("state",), determined="city"),
    parse(type="determines", columns=("city", "a"), determined="d"),
    parse(type="determines", columns=("d",), determined="note"),
    parse(type="values", column="d", values=(0, 1), when={"column": "city", "one_of": ("R", "O")}),
    parse(type="format", column="note", pattern="x+"),
    parse(type="present", column="c", when={"column": "state", "equals": "l"}),
    parse(type="present", column="note", when={"column": "c", "minimum": 1}),
    parse(type="present", column="state", when={"column": "city", "is_missing": False}, otherwise="any"),
    parse(type="range", column="id", minimum=3, when={"column": "note", "is_missing": True}),
]
TENTHS = {"a": (-10, 20), "b": (0, 20), "c": (0, 30)}


def cells(column: ColumnSchema) -> st.SearchStrategy[Any]:
    """Values that the schema allows."""
    if column.name in TENTHS:
        values: st.SearchStrategy[Any] = st.integers(*TENTHS[column.name]).map(lambda tenths: tenths / 10)
    elif column.values:
        values = st.sampled_from(column.values)
    else:
        values = st.integers(0, 30) if column.name == "id" else st.sampled_from(["", "x", "xx", "y"])
    return st.none() | values if column.nullable else values


ROWS = st.lists(st.fixed_dictionaries({c.name: cells(c) for c in SCHEMA.columns}), max_size=25)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    names = {field.name: [row.get(field.name) for row in rows] for field in SCHEMA.to_arrow()}
    plain = {name: pa.array(values) for name, values in names.items()}
    return pa.table([plain[f.name].cast(f.type, safe=False) for f in SCHEMA.to_arrow()], schema=SCHEMA.to_arrow())


def rows_of(**columns: list[Any]) -> pa.Table:
    """Rows with the defaults of SCHEMA in the columns that are not given."""
    defaults = {"id": None, "city": None, "state": None, "a": 0.0, "b": 0.0, "c": None, "d": 0, "note": None}
    num_rows = len(next(iter(columns.values())))
    return table_of([defaults | {name: values[row] for name, values in columns.items()} for row in range(num_rows)])


def enforce(constraint: dict[str, Any], table: pa.Table, mapping: LearnedMapping | None = None) -> Enforced:
    parsed = parse(**constraint)
    return make_enforcer([parsed], SCHEMA, {parsed.name: mapping} if mapping else {}).enforce(table)


@examples(100)
@given(st.lists(st.sampled_from(CONSTRAINTS), max_size=8), ROWS, ROWS, st.none() | st.integers(1, 8), st.booleans())
def test_after_enforce_nothing_is_broken(
    constraints: list[ConstraintParameters], rows: list[Any], more: list[Any], size: int | None, learn: bool
) -> None:
    real, tables = table_of(more[::-1]), [table_of(rows), table_of(more)]
    wanted = [c for c in constraints if learn and c.type == "determines"]
    enforcer = make_enforcer(constraints, SCHEMA, {c.name: learn_mapping(c, [real]) for c in wanted})
    seen, kept = None, []
    for table in tables:
        groups = None if size is None else np.arange(table.num_rows) // size
        done = enforcer.enforce(table, groups, seen)
        SCHEMA.check(done.table)
        assert done.table.num_rows == done.kept.sum() == table.num_rows - sum(done.rejected.values())
        if groups is not None:
            assert all(len(set(done.kept[groups == group])) == 1 for group in groups)
        again = enforcer.enforce(done.table)
        assert again.table.to_pylist() == done.table.to_pylist()
        assert not any(again.repaired.values())
        seen = done.seen
        kept.append(done.table)
    together = pa.concat_tables(kept).unify_dictionaries()
    for constraint in constraints:
        assert not violations(constraint, together).any(), constraint.name


@examples(100)
@given(st.lists(st.sampled_from(CONSTRAINTS), max_size=3), ROWS)
def test_rows_that_break_nothing_are_left_as_they_are(constraints: list[ConstraintParameters], rows: list[Any]) -> None:
    table = table_of(rows)
    fine = ~np.logical_or.reduce([np.zeros(len(rows), bool), *(violations(c, table) for c in constraints)])
    if not fine.all():  # of the rows left, keys and determinants may be other firsts
        return
    done = make_enforcer(constraints, SCHEMA).enforce(table)
    assert done.table.equals(table)


def test_a_wrong_total_is_added_up_and_one_out_of_bounds_is_rejected() -> None:
    table = rows_of(a=[1.0, 1.0, 2.0, 0.1], b=[0.5, 0.5, 2.0, 0.2], c=[1.5, 3.0, 1.0, None])
    done = enforce({"type": "sum", "parts": ("a", "b"), "total": "c"}, table)
    assert [None if v is None else float(v) for v in done.table.column("c").to_pylist()] == [1.5, 1.5, None]
    assert (done.repaired, done.rejected) == ({"sum(a + b = c)": 1}, {"sum(a + b = c)": 1})


def test_a_total_with_listed_values_takes_only_those() -> None:
    done = enforce({"type": "sum", "parts": ("a", "b"), "total": "d"}, rows_of(a=[2.0, 2.0], b=[2.0, 1.0], d=[0, 0]))
    assert done.table.column("d").to_pylist() == [4]


DEPENDENCY = {"type": "determines", "columns": ("city",), "determined": "state"}


def test_a_mapping_is_the_most_frequent_value_and_counts_what_contradicts() -> None:
    real = rows_of(city=["R", "R", "R", "O", "O", "P", None], state=["o", "l", "l", None, "o", None, "l"])
    learned = learn_mapping(parse(**DEPENDENCY), [real.slice(0, 1), real.slice(1)])
    pairs = dict(zip(learned.pairs.column("city").to_pylist(), learned.pairs.column("state").to_pylist(), strict=True))
    assert pairs == {"R": "l", "O": "o", "P": None}
    assert learned.contradictions == 1


def test_determined_values_are_looked_up_and_missing_ones_stay_missing() -> None:
    learned = learn_mapping(parse(**DEPENDENCY), [rows_of(city=["R", "P"], state=["l", None])])
    table = rows_of(city=["R", "R", "R", "P", "O", "O"], state=["l", "o", None, "l", "o", "l"])
    done = enforce(DEPENDENCY, table, learned)
    assert done.table.column("state").to_pylist() == ["l", "l", None, None, "o", "o"]
    assert done.kept.all()
    assert done.repaired == {"determines(city -> state)": 3}


def test_a_mapping_survives_parquet_and_other_string_types() -> None:
    learned = learn_mapping(parse(**DEPENDENCY), [rows_of(city=["R"], state=["l"])])
    wide = pa.table({name: learned.pairs.column(name).cast(pa.large_string()) for name in learned.pairs.column_names})
    done = enforce(DEPENDENCY, rows_of(city=["R"], state=["o"]), LearnedMapping(pairs=wide, contradictions=0))
    assert done.table.column("state").to_pylist() == ["l"]


def test_what_must_be_absent_is_removed_and_what_must_be_there_is_rejected() -> None:
    table = rows_of(city=["R", "R", "O", None], note=["x", None, "x", None])
    done = enforce({"type": "present", "column": "note", "when": {"column": "city", "equals": "R"}}, table)
    assert done.table.column("note").to_pylist() == ["x", None, None]
    assert (done.repaired, done.rejected) == ({"present(note when city)": 1}, {"present(note when city)": 1})


def test_constructions_follow_each_other_by_what_they_read() -> None:
    constraints = [
        parse(type="present", column="note", when={"column": "c", "minimum": 2}),
        parse(type="order", low="d", high="c"),
        parse(type="sum", parts=("a", "b"), total="c"),
    ]
    table = rows_of(a=[1.0, 1.0], b=[1.0, 0.0], c=[0.0, 3.0], d=[2, 2], note=["x", "x"])
    done = make_enforcer(constraints, SCHEMA).enforce(table)
    assert float(done.table.column("c").to_pylist()[0]) == 2.0
    assert done.table.column("note").to_pylist() == ["x"]
    assert done.rejected == {"present(note when c)": 0, "order(d <= c)": 1, "sum(a + b = c)": 0}


def test_constructions_that_wait_for_each_other_end_and_hold() -> None:
    constraints = [
        parse(type="determines", columns=("city",), determined="state"),
        parse(type="determines", columns=("state",), determined="city"),
    ]
    table = rows_of(city=["R", "R", "O", "P"], state=["l", "o", "o", "l"])
    done = make_enforcer(constraints, SCHEMA).enforce(table)
    assert not any(violations(c, done.table).any() for c in constraints)
    assert done.table.num_rows


def test_a_broken_row_takes_its_group_with_it() -> None:
    table = rows_of(id=[1, 2, 3, 4, 5], a=[0.0, 0.0, 2.0, 0.0, 0.0], b=[1.0] * 5)
    done = make_enforcer([parse(type="order", low="a", high="b")], SCHEMA).enforce(
        table, groups=["x", "y", "x", "y", None]
    )
    assert done.table.column("id").to_pylist() == [2, 4, 5]
    assert done.rejected == {"order(a <= b)": 2}


def test_keys_are_unique_over_the_tables_that_were_seen() -> None:
    constraint = parse(type="unique", columns=("id",))
    enforcer = make_enforcer([constraint], SCHEMA)
    first = enforcer.enforce(rows_of(id=[1, 2, 2, None]))
    second = enforcer.enforce(rows_of(id=[2, None, 3, 3]), seen=first.seen)
    assert first.table.column("id").to_pylist() == [1, 2, None]
    assert second.table.column("id").to_pylist() == [None, 3]
    hashes = np.concatenate([key_hashes(constraint, done.table) for done in (first, second)])
    assert len(np.unique(hashes)) == len(hashes) == 3


def test_a_key_that_a_rejected_row_had_is_free() -> None:
    constraints = [parse(type="unique", columns=("id",)), parse(type="order", low="a", high="b")]
    done = make_enforcer(constraints, SCHEMA).enforce(rows_of(id=[1, 1], a=[2.0, 0.0], b=[1.0, 1.0]))
    assert done.kept.tolist() == [False, True]


def test_what_cannot_hold_is_refused_before_any_row() -> None:
    with pytest.raises(ConfigError, match="no column"):
        make_enforcer([parse(type="sum", parts=("a", "nothing"), total="c")], SCHEMA)


def test_no_rows_give_no_rows() -> None:
    done = make_enforcer(CONSTRAINTS, SCHEMA).enforce(table_of([]))
    assert done.table.schema == SCHEMA.to_arrow()
    assert done.table.num_rows == 0
