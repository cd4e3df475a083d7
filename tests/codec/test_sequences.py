from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.columns import FREE, PAD
from ss_ray.codec.given_rows import givable_columns, given_rows
from ss_ray.codec.monotone import MonotoneColumn
from ss_ray.codec.order_axis import order_axis
from ss_ray.codec.sequence_tables import rows_left
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens, windows
from ss_ray.codec.stored import codec_from_json, read_schema
from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.codec import tables
from tests.codec.sequence_tables import ascends, decode, fit_sequences


@st.composite
def sequence_tables(draw: st.DrawFn) -> tuple[TableSchema, pa.Table]:
    """A table of any kinds of columns with a grouping column "who" and an order column "when" of any ordered kind."""
    schema, table = draw(tables.tables())
    who = pa.array(draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=len(table), max_size=len(table))))
    kind, when = draw(st.sampled_from([whole_numbers, few_numbers, dates, moments, decimals]))(draw, len(table))
    columns = [
        *zip(schema.columns, table.columns, strict=True),
        (tables.column_of("who", Kind.CATEGORY, who, values=("a", "b", "c", "d")), who),
        (kind, when),
    ]
    return tables.table_of(columns)


def whole_numbers(draw: st.DrawFn, rows: int) -> tuple[ColumnSchema, pa.Array]:
    array = pa.array(draw(st.lists(st.integers(-(10**6), 10**6), min_size=rows, max_size=rows)), pa.int64())
    return tables.column_of("when", Kind.INTEGER, array), array


def few_numbers(draw: st.DrawFn, rows: int) -> tuple[ColumnSchema, pa.Array]:
    values = draw(st.sampled_from([(1, 2, 3, 4), (0, 10, 20), (1, 5, 6, 100), (7,)]))
    array = pa.array(draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows)), pa.int64())
    return tables.column_of("when", Kind.INTEGER, array, values=values, minimum=values[0], maximum=values[-1]), array


def dates(draw: st.DrawFn, rows: int) -> tuple[ColumnSchema, pa.Array]:
    array = pa.array(draw(st.lists(st.dates(), min_size=rows, max_size=rows)), pa.date32())
    return tables.column_of("when", Kind.DATE, array), array


def moments(draw: st.DrawFn, rows: int) -> tuple[ColumnSchema, pa.Array]:
    values = st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1))
    array = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), pa.timestamp("us"))
    return tables.column_of("when", Kind.DATETIME, array), array


def decimals(draw: st.DrawFn, rows: int) -> tuple[ColumnSchema, pa.Array]:
    cents = draw(st.lists(st.integers(-(10**5), 10**5), min_size=rows, max_size=rows))
    array = pa.array([c / 100 for c in cents], pa.float64())
    return tables.column_of("when", Kind.FLOAT, array, decimals=2), array


def random_sequences(codec: SequenceCodec, num_sequences: int, seed: int) -> SequenceTokens:
    """Sequences of tokens drawn evenly from their ranges."""
    rng = np.random.default_rng(seed)
    headers = tables.random_tokens(codec.header.slots, num_sequences, rng)
    sizes = codec.sizes(headers, rng)
    rows = tables.random_tokens(codec.row.slots, int(sizes.sum()), rng)
    return SequenceTokens(headers=headers, rows=rows, starts=np.append(0, np.cumsum(sizes)))


@given(sequence_tables(), st.integers(0, 10**6))
def test_whatever_tokens_are_drawn_rows_satisfy_the_schema_and_ascend(
    data: tuple[TableSchema, pa.Table], seed: int
) -> None:
    codec, _, _ = fit_sequences(*data, "who", "when")
    tokens = random_sequences(codec, 5, seed)
    made = decode(codec, tokens)
    codec.schema.check(made)
    assert ascends(made.column("when"), tokens.starts)
    owner = np.repeat(np.arange(5), np.diff(tokens.starts))
    assert len(set(made.column("who").to_pylist())) == 5
    for name in ("who", *codec.sequences.constants):
        assert len(set(zip(owner.tolist(), map(str, made.column(name).to_pylist()), strict=True))) == 5


@given(sequence_tables())
def test_sequences_come_back_with_their_sizes_their_order_and_their_listed_values(
    data: tuple[TableSchema, pa.Table],
) -> None:
    codec, rows, starts = fit_sequences(*data, "who", "when")
    tokens = codec.encode(rows, starts)
    tables.assert_in_ranges(tokens.headers, codec.header.slots)
    tables.assert_in_ranges(tokens.rows, codec.row.slots)
    assert codec.sizes(tokens.headers, np.random.default_rng(0)).tolist() == np.diff(starts).tolist()
    assert (tokens.rows[starts[1:] - 1, 0] == codec.first_marker).all()
    made = decode(codec, tokens)
    assert ascends(made.column("when"), starts)
    for column in codec.schema.columns:
        if column.values is not None and column.kind is not Kind.FLOAT:
            assert plain_values(made.column(column.name)).equals(plain_values(rows.column(column.name)))


def plain_values(column: pa.ChunkedArray) -> pa.Array:
    """The values themselves: equal columns may have other dictionaries."""
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


@given(sequence_tables())
def test_a_codec_survives_json(data: tuple[TableSchema, pa.Table]) -> None:
    codec, _, _ = fit_sequences(*data, "who", "when")
    assert codec_from_json(codec.to_json()) == codec
    assert codec_from_json(codec.row.to_json()) == codec.row
    assert read_schema(codec.to_json()) == codec.schema


@given(st.integers(1, 60), st.integers(2, 9))
def test_windows_make_every_row_once_and_look_at_the_rows_before(size: int, window: int) -> None:
    made: list[int] = []
    for first, rows, context in windows(size, window):
        assert rows <= window
        assert context == (0 if first == 0 else window // 2)
        assert made[len(made) - context :] == list(range(first, first + context))
        made += range(first + context, first + rows)
    assert made == list(range(size))


def test_the_number_of_rows_left_is_exact_at_the_end_and_coarse_before() -> None:
    left = rows_left(np.arange(1, 5000))
    assert left[:16].tolist() == list(range(1, 17))
    assert (np.diff(left) >= 0).all()
    assert left[-1] < 60


def steps(values: list[int], who: list[str]) -> tuple[TableSchema, pa.Table]:
    """Sequences of whole numbers."""
    groups, numbers = pa.array(who), pa.array(values, pa.int64())
    listed = tuple(sorted(set(who)))
    return tables.table_of(
        [
            (tables.column_of("who", Kind.CATEGORY, groups, values=listed), groups),
            (tables.column_of("when", Kind.INTEGER, numbers), numbers),
        ]
    )


def test_rows_at_one_distance_stay_at_it_by_construction() -> None:
    codec, rows, starts = fit_sequences(*steps([0, 5, 10, 100, 105], [*"aaabb"]), "who", "when")
    assert codec.interval == 5
    assert [slot.column for slot in codec.row.slots] == ["rows left"]
    made = decode(codec, random_sequences(codec, 20, 3))
    assert {b - a for a, b in zip(made["when"].to_pylist(), made["when"].to_pylist()[1:], strict=False)} >= {5}
    tokens = codec.encode(rows, starts)
    longer = SequenceTokens(headers=tokens.headers, rows=np.repeat(tokens.rows, 20, axis=0), starts=starts * 20)
    values = decode(codec, longer)["when"].to_numpy()
    assert set(np.diff(values[: 20 * 3])) == {5}  # however long the sequence gets
    assert set(np.diff(values[20 * 3 :])) == {5}


def test_a_sequence_that_would_pass_the_last_place_starts_earlier() -> None:
    codec, _, _ = fit_sequences(*steps([0, 90, 50, 51, 99, 100], [*"aabbcc"]), "who", "when")
    headers = codec.encode(*fit_sequences(*steps([99, 100], [*"cc"]), "who", "when")[1:]).headers
    wide = codec.encode(*fit_sequences(*steps([0, 90], [*"aa"]), "who", "when")[1:]).rows
    made = decode(codec, SequenceTokens(headers=headers, rows=wide, starts=np.array([0, 2])))
    assert made["when"].to_pylist() == [10, 100]


def test_sequences_start_where_they_are_told_and_pass_no_stop() -> None:
    codec, rows, starts = fit_sequences(*steps([0, 90, 50, 51, 99, 100], [*"aabbcc"]), "who", "when")
    made = decode(codec, codec.encode(rows, starts), ends=codec.ends(20, 60))
    assert made["when"].to_pylist() == [20, 60, 20, 21, 20, 21]


def test_ends_and_an_interval_make_sequences_of_one_length() -> None:
    days = pa.array([date(2024, 1, day) for day in (1, 2, 3)])
    schema, table = tables.table_of([(tables.column_of("when", Kind.DATE, days), days)])
    codec, *_ = fit_sequences(schema, table, None, "when")
    ends = codec.ends("2025-03-01", "2025-03-10")
    assert codec.length(ends) == 10
    assert codec.length(codec.ends("2025-03-01", None)) is None
    with pytest.raises(DataError, match="the start lies after the stop"):
        codec.ends("2025-03-02", "2025-03-01")
    with pytest.raises(DataError, match="cannot hold"):
        codec.ends("soon", None)


def test_without_an_order_column_rows_stay_as_they_came() -> None:
    schema, table = steps([5, 3, 9, 1], [*"abab"])
    codec, rows, starts = fit_sequences(schema, table, "who", None)
    assert rows["when"].to_pylist() == [5, 9, 3, 1]
    assert decode(codec, codec.encode(rows, starts))["when"].to_pylist() == [5, 9, 3, 1]


def test_an_order_column_of_words_is_sorted_after_it_is_made() -> None:
    words = pa.array(["x", "z", "y", "x"])
    who = pa.array([*"aabb"])
    schema, table = tables.table_of(
        [
            (tables.column_of("who", Kind.CATEGORY, who, values=("a", "b")), who),
            (tables.column_of("when", Kind.CATEGORY, words, values=("x", "y", "z")), words),
        ]
    )
    codec, _, _ = fit_sequences(schema, table, "who", "when")
    tokens = random_sequences(codec, 30, 1)
    assert ascends(decode(codec, tokens)["when"], tokens.starts)


def test_slots_of_a_row_are_in_use_where_the_row_is_there() -> None:
    schema, table = steps([1, 2, 30, 4, 50], [*"aaabb"])
    codec, rows, starts = fit_sequences(schema, table, "who", "when")
    tokens = codec.encode(rows, starts)
    wide = np.full((2, len(codec.slots)), PAD, np.int32)
    width = len(codec.row.slots)
    for sequence, (first, stop) in enumerate(pairwise(starts)):
        wide[sequence, : len(codec.header.slots)] = tokens.headers[sequence]
        for place, row in enumerate(tokens.rows[first:stop]):
            at = len(codec.header.slots) + place * width
            wide[sequence, at : at + width] = row
    for index, slot in enumerate(codec.slots):
        used = tables.in_use(wide, slot)
        if slot.after is not None:
            assert (used == (wide[:, index] != PAD)).all()


@pytest.mark.parametrize("column", ["when", "flag"])
def test_groups_of_dates_or_truth_values_are_refused(column: str) -> None:
    when, flag = pa.array([date(2024, 1, 1)] * 3), pa.array([True, False, True])
    schema, table = tables.table_of(
        [
            (tables.column_of("when", Kind.DATE, when), when),
            (tables.column_of("flag", Kind.BOOLEAN, flag, values=(False, True)), flag),
        ]
    )
    with pytest.raises(DataError, match="group by a column of whole numbers or strings"):
        fit_sequences(schema, table, column, None)


def weights() -> tuple[TableSchema, pa.Table]:
    """Patients whose weight is mostly that of the visit before, missing in some."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(50, 90, 40), 5)
    values[rng.random(200) < 0.1] = 49
    who, weight = pa.array(np.repeat(np.arange(40), 5)), pa.array(values, mask=np.repeat(rng.random(40) < 0.2, 5))
    visit = pa.array(np.tile(np.arange(5), 40))
    listed = tuple(range(49, 90))
    return tables.table_of(
        [
            (tables.column_of("who", Kind.INTEGER, who), who),
            (tables.column_of("visit", Kind.INTEGER, visit), visit),
            (tables.column_of("weight", Kind.INTEGER, weight, values=listed, minimum=49, maximum=89), weight),
        ]
    )


def test_a_column_that_mostly_stays_is_written_where_it_changes() -> None:
    codec, rows, starts = fit_sequences(*weights(), "who", "visit")
    assert [repeat.column.name for repeat in codec.repeats] == ["weight"]
    tokens = codec.encode(rows, starts)
    tables.assert_in_ranges(tokens.rows, codec.row.slots)
    ((flag, changed),) = codec.flag_slots
    assert (tokens.rows[starts[:-1], flag] == changed).all()
    assert (tokens.rows[:, flag + 1] == PAD).mean() > 0.6
    assert decode(codec, tokens)["weight"].to_pylist() == rows["weight"].to_pylist()
    made = decode(codec, random_sequences(codec, 50, 1))
    codec.schema.check(made)


def test_a_given_value_that_mostly_stays_is_written_in_the_first_row() -> None:
    codec, _, _ = fit_sequences(*weights(), "who", "visit")
    assert [column.name for column in givable_columns(codec)] == ["weight"]
    given = given_rows(codec, pa.table({"weight": pa.array([60, None], pa.int64())}))
    assert given is not None
    ((flag, changed),) = codec.flag_slots
    assert (given.first[0, flag], given.later[0, flag], given.later[0, flag + 1]) == (changed, changed - 1, PAD)
    assert (given.first[1] == FREE).all()
    assert (given.later[1] == FREE).all()
    assert given_rows(codec, pa.table({"who": ["a"]})) is None


def stays(rows: int) -> tuple[TableSchema, pa.Table]:
    """Stays in a clinic: admitted on any day of years, discharged after 0 to 9 days or not yet."""
    rng = np.random.default_rng(4)
    admitted = rng.integers(15_000, 19_000, rows)
    discharged = admitted + rng.integers(0, 10, rows)
    table = pa.table(
        {
            "who": [f"P{number // 4}" for number in range(rows)],
            "admitted": pa.array(admitted, pa.int32()).cast(pa.date32()),
            "discharged": pa.array(discharged, pa.int32(), mask=rng.random(rows) < 0.2).cast(pa.date32()),
        }
    )
    columns = [
        tables.column_of(name, kind, table.column(name).combine_chunks())
        for name, kind in (("who", Kind.CATEGORY), ("admitted", Kind.DATE), ("discharged", Kind.DATE))
    ]
    return TableSchema(columns=tuple(columns)), table


def test_a_date_that_follows_the_order_column_follows_it_in_every_row() -> None:
    codec, rows, starts = fit_sequences(*stays(200), "who", "admitted")
    assert codec.from_order == ("discharged",)
    again = decode(codec, codec.encode(rows, starts))
    days = [(row["discharged"] - row["admitted"]).days if row["discharged"] else None for row in again.to_pylist()]
    real = [(row["discharged"] - row["admitted"]).days if row["discharged"] else None for row in rows.to_pylist()]
    assert days == real
    made = decode(codec, random_sequences(codec, 50, seed=1))
    codec.schema.check(made)
    there = [row for row in made.to_pylist() if row["discharged"] is not None]
    assert len(there) > 50
    assert all(0 <= (row["discharged"] - row["admitted"]).days <= 9 for row in there)


def histories(rows: int, *, falls: bool = False) -> tuple[TableSchema, pa.Table]:
    """Visits of people, four each: a date some days after the one before, a reading that never falls, and a price."""
    rng = np.random.default_rng(6)
    visit = np.arange(rows) % 4
    start = np.repeat(rng.integers(8_000, 19_000, rows // 4), 4)
    days = start + np.where(visit, rng.integers(0, 9, rows), 0).reshape(-1, 4).cumsum(axis=1).ravel()
    reading = np.repeat(rng.integers(0, 90_000, rows // 4), 4) / 10 + visit * 2.5
    table = pa.table(
        {
            "who": [f"P{number // 4}" for number in range(rows)],
            "visit": pa.array(visit + 1),
            "day": pa.array(days, pa.int32()).cast(pa.date32()),
            "reading": pa.array(np.round(-reading if falls else reading, 1)),
            "price": pa.array(rng.integers(0, 100_000, rows)),
        }
    )
    kinds = (Kind.CATEGORY, Kind.INTEGER, Kind.DATE, Kind.FLOAT, Kind.INTEGER)
    columns = [
        tables.column_of(
            name, kind, table.column(name).combine_chunks(), **({"decimals": 1} if name == "reading" else {})
        )
        for name, kind in zip(table.column_names, kinds, strict=True)
    ]
    return TableSchema(columns=tuple(columns)), table


@pytest.mark.parametrize("falls", [False, True])
def test_columns_that_only_rise_or_fall_go_on_from_the_row_before(*, falls: bool) -> None:
    codec, rows, starts = fit_sequences(*histories(400, falls=falls), "who", "visit")
    assert {column.name for column in codec.monotone} >= {"day", "reading"}
    assert "price" not in {column.name for column in codec.monotone}

    again = decode(codec, codec.encode(rows, starts))
    steps, real_steps = (np.diff(table["day"].cast(pa.int32()).to_numpy().reshape(-1, 4)) for table in (again, rows))
    assert steps.tolist() == real_steps.tolist()

    made = random_sequences(codec, 50, seed=2)
    table = decode(codec, made)
    codec.schema.check(table)
    assert ascends(table["day"], made.starts)
    assert ascends(pc.multiply(table["reading"], -1 if falls else 1), made.starts)


def test_a_series_that_goes_up_and_down_is_not_monotone() -> None:
    schema, table = histories(400)
    noise = np.random.default_rng(1).normal(size=400).round(1)
    reading = pa.chunked_array([pa.array(table["reading"].to_numpy() + noise * 30)])
    codec, _, _ = fit_sequences(schema, table.set_column(3, "reading", reading), "who", "visit")
    assert [column.name for column in codec.monotone] == ["day"]


def test_a_monotone_column_stays_inside_its_bounds_and_keeps_its_steps_where_it_can() -> None:
    bounded = ColumnSchema(name="n", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=10)
    axis = order_axis(bounded)
    assert axis is not None
    column = MonotoneColumn(axis=axis, lowest=-4, highest=8)
    first, starts = pa.chunked_array([[9, 2, 5]]), np.array([0, 3, 5, 7])
    steps = pa.chunked_array([pa.array([None, 3, 4, None, -4, None, 20])])
    assert column.from_steps(first, steps, starts).to_pylist() == [3, 6, 10, 4, 0, 0, 10]


def timed_events(rows: int) -> tuple[TableSchema, pa.Table]:
    """Events of people as points in time that all are midnights, each with an end at a full hour and a due day."""
    rng = np.random.default_rng(8)
    day = rng.integers(15_000, 19_000, rows)
    hours = {
        "seen": day * 24,
        "ended": day * 24 + rng.integers(0, 60, rows),
        "due": (day + rng.integers(1, 5, rows)) * 24,
    }
    times = {name: pa.array(hour * 3_600_000_000).cast(pa.timestamp("us")) for name, hour in hours.items()}
    who = pa.array([f"P{number // 4}" for number in range(rows)])
    columns = [tables.column_of(name, Kind.DATETIME, array) for name, array in times.items()]
    return TableSchema(columns=(tables.column_of("who", Kind.CATEGORY, who), *columns)), pa.table({"who": who, **times})


def test_points_in_time_stay_whole_days_and_hours_as_order_and_as_distance() -> None:
    codec, rows, starts = fit_sequences(*timed_events(400), "who", "seen")
    assert codec.from_order == ("ended", "due")
    again = decode(codec, codec.encode(rows, starts)).to_pylist()
    assert [row["due"] - row["seen"] for row in again] == [row["due"] - row["seen"] for row in rows.to_pylist()]

    # Long sequences do not fit between the bounds, so that their distances shrink.
    made = decode(codec, random_sequences(codec, 200, seed=2)).to_pylist()
    assert all(row[name].hour == 0 for row in made for name in ("seen", "due"))
    assert all(
        row[name].minute == row[name].second == row[name].microsecond == 0
        for row in made
        for name in row
        if name != "who"
    )
    assert len({row["ended"].hour for row in made}) > 5


def test_points_in_time_that_rise_from_row_to_row_stay_whole_days() -> None:
    schema, table = histories(400)
    times = table.column("day").cast(pa.timestamp("us"))
    table = table.set_column(table.column_names.index("day"), "day", times)
    schema = schema.with_column(tables.column_of("day", Kind.DATETIME, times.combine_chunks()))
    codec, _, _ = fit_sequences(schema, table, "who", "visit")
    assert "day" in {column.name for column in codec.monotone}
    made = decode(codec, random_sequences(codec, 200, seed=2)).column("day").to_pylist()
    assert all(day.hour == day.minute == day.second == day.microsecond == 0 for day in made)
