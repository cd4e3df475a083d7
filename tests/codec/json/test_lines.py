from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.validation import Validation
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.codec import tables as t
from tests.examples import examples

Table = tuple[TableSchema, pa.Table]


def odd_names(draw: st.DrawFn, drawn: Table) -> Table:
    """The table with names of quotes, line ends and any Unicode."""
    schema, table = drawn
    names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
    chosen = draw(st.lists(names, min_size=len(schema.names), max_size=len(schema.names), unique=True))
    columns = tuple(replace(column, name=name) for column, name in zip(schema.columns, chosen, strict=True))
    return TableSchema(columns=columns), table.rename_columns(chosen)


@st.composite
def odd_tables(draw: st.DrawFn) -> Table:
    return odd_names(draw, draw(t.tables()))


def codec_of(schema: TableSchema, **sequences: Any) -> JsonCodec:
    given = {"group": None, "order": None, "constants": (), "max_rows": 40}
    return JsonCodec(schema=schema, sequences=Sequences(**(given | sequences)) if sequences else None, max_records=3)


def one(kind: Kind, arrow_type: str, **fields: Any) -> JsonCodec:
    column = ColumnSchema(name="x", kind=kind, arrow_type=arrow_type, **fields)
    return codec_of(TableSchema(columns=(column,)))


def faults(codec: JsonCodec, *cells: str) -> dict[str, int]:
    parsed = codec.parse("".join(f'{{"x":{cell}}}\n' for cell in cells))
    assert parsed.num_records == len(cells) == parsed.table.num_rows + sum(parsed.rejected.values())
    return {reason: count for (_, reason), count in parsed.rejected.items()}


def learned(codec: JsonCodec, table: pa.Table) -> dict[str, list[Any]]:
    """Cells of the columns that are written; listed decimals as the floats that the schema has of them."""
    columns = [c for c in (*codec.shared_columns, *codec.row_columns) if c.kind is not Kind.IDENTIFIER]
    is_listed = {c.name: c.values is not None and c.arrow_type.startswith("decimal") for c in columns}
    cells = {name: table.column(name) for name in is_listed}
    return {name: (cells[name].cast(pa.float64()) if is_listed[name] else cells[name]).to_pylist() for name in cells}


@examples(80)
@given(odd_tables())
def test_rendered_rows_parse_to_the_same_rows(drawn: Table) -> None:
    schema, table = drawn
    codec = codec_of(schema)
    lines = codec.render(table)
    assert len(lines) == table.num_rows
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    parsed = codec.parse_many(lines)
    assert not parsed.rejected
    assert parsed.sources.tolist() == list(range(table.num_rows))
    made = codec.table_of(parsed, first_row=0, first_group=0, seed=1)
    schema.check(made)
    assert learned(codec, made) == learned(codec, table)
    for name in schema.names:
        assert made.column(name).is_null().to_pylist() == table.column(name).is_null().to_pylist()


@pytest.mark.slow
@examples(200)
@given(odd_tables(), st.data())
def test_whatever_a_model_writes_gives_rows_that_the_schema_allows(drawn: Table, data: st.DataObject) -> None:
    """Lines with cells of other columns, of other types, cut short, or beyond all bounds."""
    schema, table = drawn
    codec = codec_of(schema)
    cells = ["null", "0", "-1", "1e999", "1" * 30, "0.123456789012345678901", '"\\ud800"', '"2023-02-30"', '""', "[]"]
    cells += ["true", "NaN", '"9999-12-31T23:59:59"', '"2024-02-29"', "1" * 5000, "[" * 100_000, "-0.0", "1E-400"]
    lines = []
    for line in codec.render(table)[:10]:
        at = data.draw(st.integers(0, len(line)))
        lines += [line[:at] + data.draw(st.sampled_from(cells)) + line[at:], line[:at], line]
    for column in codec.row_columns[:1]:
        key = codec.render(table)[0].partition(":")[0]
        lines += [f"{key}:{cell}}}" for cell in cells if column.kind is not Kind.IDENTIFIER]
    for clamp in (False, True):
        parsed = codec.parse_many(lines, Validation(enforce_numeric_range=not clamp))
        assert parsed.table.num_rows + sum(parsed.rejected.values()) == parsed.num_records
        schema.check(codec.table_of(parsed, first_row=7, first_group=0, seed=1))


@examples(40)
@given(t.tables(), st.integers(1, 5), st.data())
def test_groups_parse_to_the_same_groups(drawn: Table, num_groups: int, data: st.DataObject) -> None:
    schema, table = drawn
    constants = tuple(name for name in schema.names if data.draw(st.booleans()))
    keys = np.sort(np.arange(table.num_rows) % num_groups)
    firsts = pa.array([int(np.flatnonzero(keys == key)[0]) for key in keys])
    for name in constants:
        table = table.set_column(schema.names.index(name), name, table.column(name).take(firsts))
    group = ColumnSchema(name="group", kind=Kind.IDENTIFIER, arrow_type="int64", maximum=9)
    schema = TableSchema(columns=(*schema.columns, group))
    table = table.append_column("group", pa.array(keys)).cast(schema.to_arrow())
    codec = codec_of(schema, group="group", constants=constants)
    texts = codec.render_groups(table)
    assert len(texts) == len(set(keys.tolist()))
    parsed = codec.parse_many(texts)
    assert not parsed.rejected
    made = codec.table_of(parsed, first_row=0, first_group=5, seed=1)
    schema.check(made)
    assert made.column("group").to_pylist() == (keys + 15).tolist()
    assert learned(codec, made) == learned(codec, table)


def test_a_codec_survives_json() -> None:
    column = ColumnSchema(name='ü"\n', kind=Kind.CATEGORY, arrow_type="string", values=("a", "ü"))
    codec = codec_of(TableSchema(columns=(column,)), group="g", order="o", constants=("a",))
    assert JsonCodec.from_json(codec.to_json()) == codec


def test_records_are_compact_json_in_table_order_without_identifiers_and_constants() -> None:
    columns = [
        (t.column_of("id", Kind.IDENTIFIER, a := pa.array([7, 8])), a),
        (t.column_of("b", Kind.FLOAT, a := pa.array([0.5, None]), decimals=2, nullable=True), a),
        (t.column_of("code", Kind.IDENTIFIER, a := pa.array(["x", None])), a),
        (t.column_of("same", Kind.CATEGORY, a := pa.array(["k", "k"]), values=("k",)), a),
        (t.column_of('"a\n', Kind.TEXT, a := pa.array(['ü"\n', ""])), a),
        (t.column_of("on", Kind.BOOLEAN, a := pa.array([True, False]), values=(False, True)), a),
    ]
    codec = codec_of(t.table_of(columns)[0])
    assert codec.render(t.table_of(columns)[1]) == [
        '{"b":0.50,"code":true,"\\"a\\n":"ü\\"\\n","on":true}\n',
        '{"b":null,"code":null,"\\"a\\n":"","on":false}\n',
    ]


@pytest.mark.parametrize(
    ("codec", "cells", "expected"),
    [
        (one(Kind.INTEGER, "int64", minimum=-3, maximum=5), ["-3", "5", "6", "1.5", "true", "null"],
         {"range": 1, "type": 2, "missing": 1}),
        (one(Kind.INTEGER, "int64", minimum=1, maximum=5, values=(1, 5)), ["1", "2", '"1"'], {"value": 1, "type": 1}),
        (one(Kind.FLOAT, "double", minimum=0.0, maximum=1.0, decimals=2), ["1", "0.25", "0.125", "1e400", "NaN"],
         {"decimals": 1, "range": 1, "type": 1}),
        (one(Kind.CATEGORY, "string", values=("a", "b"), nullable=True), ['"a"', "null", '"c"', "1"],
         {"value": 1, "type": 1}),
        (one(Kind.TEXT, "string", max_length=2), ['"üü"', '"abc"', '"\\ud800"', "{}"], {"length": 1, "type": 2}),
        (one(Kind.DATE, "date32[day]", minimum="2000-01-01", maximum="2001-12-31"),
         ['"2000-02-29"', '"2001-02-29"', '"2002-01-01"', '"2000-1-1"'], {"type": 2, "range": 1}),
        (one(Kind.DATETIME, "timestamp[ms, tz=UTC]", minimum="2000-01-01T00:00:00.000Z",
             maximum="2000-01-01T12:00:00.000Z"),
         ['"2000-01-01T12:00:00.000Z"', '"2000-01-01T12:00:00.001Z"', '"2000-01-01T12:00:00Z"'],
         {"range": 1, "type": 1}),
        (one(Kind.DATETIME, "timestamp[ns]", minimum="1677-09-21T00:12:44.000000000",
             maximum="2262-04-11T23:47:16.854775807"),
         ['"1677-09-21T00:12:44.000000000"', '"2262-04-11T23:47:16.854775807"', '"2262-04-11T23:47:16.854775808"'],
         {"type": 1}),
        (one(Kind.IDENTIFIER, "string", nullable=True), ["true", "null", "false"], {"type": 1}),
    ],
)  # fmt: skip
def test_cells_are_refused_by_their_reason(codec: JsonCodec, cells: list[str], expected: dict[str, int]) -> None:
    assert faults(codec, *cells) == expected


def test_lines_that_are_no_records_are_counted() -> None:
    codec = one(Kind.INTEGER, "int64", minimum=0, maximum=5)
    parsed = codec.parse_many(['{"x":1}\n[]\n{"x":2,"y":1}\n{"x"', "", '{"x":3}'])
    assert parsed.rejected == {("", "malformed"): 2, ("", "columns"): 1, ("", "empty"): 1}
    assert parsed.table.column("x").to_pylist() == [1, 3]
    assert parsed.sources.tolist() == [0, 2]
    assert parsed.group_numbers().tolist() == [0, 1]


def test_numbers_and_dates_move_to_the_bound_where_it_is_not_enforced() -> None:
    numbers = one(Kind.INTEGER, "int8", minimum=-3, maximum=5)
    lenient = Validation(enforce_numeric_range=False)
    parsed = numbers.parse('{"x":-999}\n{"x":4}\n{"x":6}\n', lenient)
    assert parsed.table.column("x").to_pylist() == [-3, 4, 5]
    assert (parsed.rejected, parsed.repaired) == ({}, {("x", "range"): 2})
    dates = one(Kind.DATE, "date32[day]", minimum="2000-01-01", maximum="2001-12-31")
    assert str(dates.parse('{"x":"2024-02-29"}', lenient).table.column("x")[0]) == "2001-12-31"


GROUPS = codec_of(
    TableSchema(
        columns=(
            ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="int64", maximum=99),
            ColumnSchema(name="day", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=9, nullable=True),
            ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("f", "m")),
        )
    ),
    group="who",
    order="day",
    constants=("sex",),
)


def group(sex: str, *days: object) -> str:
    return f'{{"sex":"{sex}"}}\n' + "".join(f'{{"day":{day}}}\n' for day in days)


def test_a_group_is_a_line_of_constants_and_its_rows() -> None:
    table = pa.table({"who": [4, 4, 2], "day": [1, None, 3], "sex": ["m", "m", "f"]}, schema=GROUPS.schema.to_arrow())
    assert GROUPS.render_groups(table) == [group("m", 1, "null"), group("f", 3)]
    parsed = GROUPS.parse_many(GROUPS.render_groups(table))
    made = GROUPS.table_of(parsed, first_row=50, first_group=10, seed=0)
    assert made.to_pydict() == {"who": [110, 110, 111], "day": [1, None, 3], "sex": ["m", "m", "f"]}


def test_one_bad_row_or_a_bad_first_line_refuses_the_group() -> None:
    parsed = GROUPS.parse_many([group("m", 1, 99, 2), group("x", 1, 2), group("f", 3), group("f")])
    assert parsed.table.to_pydict() == {"sex": ["f"], "day": [3]}
    assert parsed.rejected == {("day", "range"): 1, ("", "group"): 2, ("sex", "value"): 2, ("", "empty"): 1}
    assert parsed.num_records == 7


def test_valid_rows_of_a_partly_bad_group_can_be_kept() -> None:
    parsed = GROUPS.parse_many([group("m", 1, 99, 2), group("x", 1)], Validation(ignore_invalid_records=True))
    assert parsed.table.to_pydict() == {"sex": ["m", "m"], "day": [1, 2]}
    assert parsed.rejected == {("day", "range"): 1, ("sex", "value"): 1}


def test_groups_out_of_order_are_refused_or_sorted() -> None:
    texts = [group("m", 5, 5, "null"), group("f", 3, "null", 2)]
    parsed = GROUPS.parse_many(texts)
    assert parsed.table.column("day").to_pylist() == [5, 5, None]
    assert parsed.rejected == {("day", "order"): 3}
    fixed = GROUPS.parse_many(texts, Validation(fix_unordered_records=True))
    assert fixed.table.column("day").to_pylist() == [5, 5, None, 2, 3, None]
    assert (fixed.rejected, fixed.repaired) == ({}, {("day", "order"): 3})


def test_identifiers_follow_from_the_number_of_the_row() -> None:
    column = ColumnSchema(name="id", kind=Kind.IDENTIFIER, arrow_type="string", pattern=("AB", "0123456789"))
    codec = codec_of(TableSchema(columns=(column,)))
    whole = codec.table_of(codec.parse("{}\n" * 10), first_row=0, first_group=0, seed=3)
    part = codec.table_of(codec.parse("{}\n" * 4), first_row=6, first_group=0, seed=3)
    assert whole.slice(6).equals(part)
    assert len(set(whole.column("id").to_pylist())) == 10
