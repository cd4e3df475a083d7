"""The order column of JSON lines: what is written, and what any text of the grammar makes of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ss_ray.codec.json.grammar import further_grammar, record_grammar
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.order import make_order
from ss_ray.codec.json.validation import Validation
from ss_ray.codec.order_axis import order_axis
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.training.buckets import sequence_facts, sorted_sequences
from tests.codec.json.test_grammar import accepts, compiler, walk
from tests.codec.tables import column_of, table_of
from tests.examples import examples

WHO = ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="int64", maximum=9)
SEX = ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("f", "m"))
PAID = ColumnSchema(name="paid", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=99)
EPOCH = datetime(2000, 1, 1)
KINDS: dict[str, tuple[Kind, Any, dict[str, Any]]] = {
    "int8": (Kind.INTEGER, lambda n: n % 128, {}),
    "int16": (Kind.INTEGER, lambda n: n * 30 - 7, {}),
    "int64": (Kind.INTEGER, lambda n: (n - 500) * 10**15, {}),
    "double": (Kind.FLOAT, lambda n: n / 100, {"decimals": 2}),
    "decimal128(9, 3)": (Kind.FLOAT, lambda n: Decimal(n) / 1000, {"decimals": 3}),
    "date32[day]": (Kind.DATE, lambda n: date(2000, 2, 1) + timedelta(days=n), {}),
    "timestamp[s]": (Kind.DATETIME, lambda n: EPOCH + timedelta(hours=n), {}),
    "timestamp[ms]": (Kind.DATETIME, lambda n: EPOCH + timedelta(milliseconds=n), {}),
    "timestamp[us, tz=UTC]": (Kind.DATETIME, lambda n: EPOCH + timedelta(microseconds=n), {}),
    "timestamp[ns, tz=Europe/Berlin]": (Kind.DATETIME, lambda n: EPOCH + timedelta(minutes=n), {}),
}


def codec_of(schema: TableSchema, table: pa.Table, group: str | None, order: str) -> tuple[JsonCodec, pa.Table]:
    """The codec as `families.train` makes it, and the rows in their order."""
    rows, starts = sorted_sequences(table, group, order)
    axis = order_axis(schema[order])
    assert axis is not None
    facts = sequence_facts(rows, starts, axis)
    same = facts.gaps[0] if facts.gaps and len(facts.gaps) == 1 and facts.gaps[0] > 0 else None
    made = make_order(schema, axis, gaps=facts.known_gaps, divisor=facts.gap_divisor, interval=same)
    constants = tuple(n for n in schema.names if n in facts.constants and n not in (group, order))
    sequences = Sequences(group=group, order=order, constants=constants, max_rows=facts.max_rows)
    return JsonCodec(schema=schema, sequences=sequences, max_records=1).ordered(made), rows


def groups_of(
    type_: str, starts: list[int], distances: list[list[int]], name: str = "at"
) -> tuple[TableSchema, pa.Table]:
    """A table of groups whose order column starts somewhere and goes on by distances."""
    kind, value, fields = KINDS[type_]
    places = [np.cumsum([start, *steps]).tolist() for start, steps in zip(starts, distances, strict=True)]
    owner = [i for i, group in enumerate(places) for _ in group]
    at = pa.array([value(place) for group in places for place in group], arrow_type(column_type(type_)))
    column = column_of(name, kind, at, **fields)
    paid = pa.array([7 * i % 100 for i in range(len(owner))])
    return table_of([(WHO, pa.array(owner)), (column, at), (SEX, pa.array(["fm"[i % 2] for i in owner])), (PAID, paid)])


def column_type(type_: str) -> ColumnSchema:
    return ColumnSchema(name="x", kind=Kind.INTEGER, arrow_type=type_)


@st.composite
def sequence_tables(draw: st.DrawFn) -> tuple[str, TableSchema, pa.Table]:
    type_, name = draw(st.sampled_from(sorted(KINDS))), draw(st.sampled_from(["at", 'the "day"\n', "gap", "\u2028"]))
    most = 20 if type_ == "int8" else 300
    steps = draw(st.sampled_from([st.integers(0, 5), st.just(3), st.just(0), st.integers(1, 2), st.integers(0, most)]))
    sizes = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    distances = [draw(st.lists(steps, min_size=size, max_size=size)) for size in sizes]
    starts = [draw(st.integers(0, 20)) for _ in sizes]
    return name, *groups_of(type_, starts, distances, name)


def read(codec: JsonCodec, texts: list[str], **validation: bool) -> pa.Table:
    parsed = codec.parse_many(texts, Validation(**validation))
    made = codec.table_of(parsed, first_row=0, first_group=0, seed=1)
    codec.schema.check(made)
    assert parsed.num_records == len(made) + sum(parsed.rejected.values())
    return made


@examples(150)
@given(sequence_tables())
def test_groups_parse_to_the_same_groups(drawn: tuple[str, TableSchema, pa.Table]) -> None:
    name, schema, table = drawn
    codec, rows = codec_of(schema, table, "who", name)
    texts = codec.render_groups(rows)
    made = read(codec, texts)
    assert made.drop_columns(["who"]).to_pydict() == rows.drop_columns(["who"]).to_pydict()
    assert made.column(name).type == rows.column(name).type
    grammar = compiler().compile_grammar(record_grammar(codec))
    assert all(accepts(grammar, text) for text in texts)
    assert JsonCodec.from_json(codec.to_json()) == codec


@examples(30, suppress_health_check=[HealthCheck.too_slow])
@given(sequence_tables(), st.integers(0, 99))
def test_whatever_the_grammar_allows_ascends(drawn: tuple[str, TableSchema, pa.Table], seed: int) -> None:
    name, schema, table = drawn
    codec, _ = codec_of(schema, table, "who", name)
    grammar, rng = compiler().compile_grammar(record_grammar(codec)), np.random.default_rng(seed)
    texts = [text for _ in range(3) if (text := walk(grammar, rng))]
    assert len(texts) == 3
    parsed = codec.parse_many(texts)
    assert not parsed.rejected
    made = codec.table_of(parsed, first_row=0, first_group=0, seed=0)
    codec.schema.check(made)
    assert codec.order is not None
    for number in range(3):
        places = codec.order.axis.places(made.column(name).filter(pa.array(parsed.sources == number)))
        steps = np.diff(places)
        assert (steps >= 0).all()
        assert codec.order.interval is None or (steps == codec.order.interval).all()


DAYS = groups_of("date32[day]", [0, 40], [[7, 0, 30], [14]])
HOURS = groups_of("timestamp[s]", [0, 9], [[2, 2, 2], [2]])


def test_a_group_says_its_start_once_and_then_distances() -> None:
    codec, rows = codec_of(*DAYS, "who", "at")
    assert codec.render_groups(rows)[1] == '{"at":"2000-03-12","sex":"m"}\n{"gap":0,"paid":28}\n{"gap":14,"paid":35}\n'


def test_distances_that_are_all_the_same_are_not_said() -> None:
    codec, rows = codec_of(*HOURS, "who", "at")
    assert codec.render_groups(rows)[1] == '{"at":"2000-01-01T09:00:00","sex":"m"}\n{"paid":28}\n{"paid":35}\n'
    ties, rows = codec_of(*groups_of("int16", [3, 4], [[0, 0], []]), "who", "at")
    assert ties.render_groups(rows)[1] == '{"at":113,"sex":"m"}\n{"paid":21}\n'
    assert read(ties, ties.render_groups(rows)).column("at").to_pylist() == [83, 83, 83, 113]
    alone, rows = codec_of(*groups_of("double", [3, 4], [[], []]), "who", "at")
    assert alone.render_groups(rows) == ['{"at":0.03,"sex":"f","paid":0}\n{}\n', '{"at":0.04,"sex":"m","paid":7}\n{}\n']


def test_only_distances_that_were_learned_are_written_after_the_first_record() -> None:
    codec, _ = codec_of(*DAYS, "who", "at")
    grammar = compiler().compile_grammar(record_grammar(codec))
    head, record = '{"at":"2000-03-12","sex":"m"}\n', '{{"gap":{},"paid":28}}\n'
    texts = [head + record.format(a) + record.format(b) for a, b in [(0, 30), (0, 0), (7, 7), (0, 8), (0, 31)]]
    assert [accepts(grammar, text) for text in texts] == [True, True, False, False, False]
    more = compiler().compile_grammar(further_grammar(codec))
    assert [accepts(more, text) for text in ("", record.format(7), record.format(8), head)] == [
        True,
        True,
        False,
        False,
    ]
    endless = compiler().compile_grammar(further_grammar(codec, may_end=False))
    assert not accepts(endless, record.format(7) * 3)


def test_a_distance_of_the_first_record_counts_for_nothing() -> None:
    codec, _ = codec_of(*DAYS, "who", "at")
    made = read(codec, ['{"at":"2000-02-01","sex":"f"}\n{"gap":14,"paid":1}\n{"gap":7,"paid":1}\n'])
    assert made.column("at").to_pylist() == [date(2000, 2, 1), date(2000, 2, 8)]


def test_a_group_that_would_pass_the_end_starts_earlier_and_an_interval_goes_beyond_it() -> None:
    days, _ = codec_of(*DAYS, "who", "at")
    text = '{"at":"2000-03-26","sex":"f"}\n{"gap":0,"paid":1}\n' + '{"gap":30,"paid":1}\n'
    assert read(days, [text]).column("at").to_pylist() == [date(2000, 2, 25), date(2000, 3, 26)]
    hours, _ = codec_of(*HOURS, "who", "at")
    made = read(hours, ['{"at":"2000-01-01T09:00:00","sex":"f"}\n' + '{"paid":1}\n' * 9])
    assert made.column("at").to_pylist() == [EPOCH + timedelta(hours=2 * i) for i in range(9)]


@pytest.mark.parametrize("interval", [True, False])
def test_groups_start_where_they_are_told_and_do_not_pass_the_stop(interval: bool) -> None:
    codec, _ = codec_of(
        *(HOURS if interval else groups_of("timestamp[s]", [0, 9], [[2, 5], [2]])), "who", "at"
    )  # hours
    inside = codec.between("2000-01-01 03:00:00", "2000-01-01 09:00:00")
    gap = "" if interval else '"gap":2,'
    record = f'{{{gap}"paid":1}}\n'
    text = '{"at":"2000-01-01T03:00:00","sex":"f"}\n' + record.replace("2", "0") + record * 3
    grammar = compiler().compile_grammar(record_grammar(inside, records=4))
    assert accepts(grammar, text)
    assert not accepts(grammar, text.replace("T03", "T04"))
    assert inside.length == (4 if interval else None)
    assert [at.hour for at in read(inside, [text]).column("at").to_pylist()] == [3, 5, 7, 9]
    outside = codec.between("2030-01-01", "2030-01-02")
    assert compiler().compile_grammar(record_grammar(outside))
    assert [at.hour for at in read(outside, [text]).column("at").to_pylist()] == [0, 2, 4, 6]
    assert JsonCodec.from_json(outside.to_json()) == outside


def test_ends_need_an_axis_that_holds_them() -> None:
    codec, _ = codec_of(*DAYS, "who", "at")
    with pytest.raises(DataError, match="cannot hold"):
        codec.between("soon", None)
    with pytest.raises(DataError, match="after the stop"):
        codec.between("2000-03-01", "2000-02-01")
    plain = JsonCodec(schema=codec.schema, sequences=codec.sequences, max_records=1)
    assert plain.between(None, None) == plain
    with pytest.raises(DataError, match="order column"):
        plain.between("2000-03-01", None)


@pytest.mark.parametrize(
    ("values", "cells", "gaps"),
    [((1, 5, 6, 100), [1, 5, 100], [1, 2]), ((0, 10, 20, 30), [0, 10, 30], [1, 2]), ((1, 5), [1, 1, 5], [0, 1])],
)
def test_listed_values_are_numbered(values: tuple[int, ...], cells: list[int], gaps: list[int]) -> None:
    at = pa.array(cells)
    column = column_of("at", Kind.INTEGER, at, values=values)
    codec, rows = codec_of(*table_of([(WHO, pa.array([0, 0, 0])), (column, at)]), "who", "at")
    texts = codec.render_groups(rows)
    assert texts == [f'{{"at":{cells[0]}}}\n{{"gap":0}}\n{{"gap":{gaps[0]}}}\n{{"gap":{gaps[1]}}}\n']
    assert read(codec, texts).column("at").to_pylist() == cells
    assert codec.parse(f'{{"at":{cells[0] + 1}}}\n{{"gap":0}}\n').rejected


def test_a_table_without_groups_is_one_series() -> None:
    schema, table = HOURS
    codec, rows = codec_of(schema, table.slice(0, 4), None, "at")
    [text] = codec.render_groups(rows)
    assert text.startswith('{"who":true') is False
    assert read(codec, [text]).column("at").to_pylist() == rows.column("at").to_pylist()
    assert codec.render_groups(rows.slice(0, 0)) == []
    assert len(read(codec, [])) == 0


def test_a_series_beyond_its_type_is_an_error() -> None:
    codec, _ = codec_of(*groups_of("int8", [0, 100], [[3, 3], [3]]), "who", "at")
    with pytest.raises(DataError, match="cannot hold"):
        codec.parse('{"at":100,"sex":"f"}\n' + '{"paid":1}\n' * 60)


def test_distances_beyond_64_bits_stay_inside_the_bounds() -> None:
    codec, _ = codec_of(*groups_of("int64", [0, 900], [[900, 3], [3]]), "who", "at")
    text = '{"at":-500000000000000000,"sex":"f"}\n{"gap":0,"paid":1}\n' + '{"gap":300,"paid":1}\n' * 40
    values = read(codec, [text]).column("at").to_pylist()
    assert len(values) == 41
    assert all(a <= b for a, b in pairwise(values))
