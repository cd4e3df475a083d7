"""Grids: what is found, and that values that are drawn on a grid lie on it."""

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.columns import Bins, fit_binned
from ss_ray.codec.grids import Grid, find_grids
from ss_ray.codec.moments import fit_moment
from ss_ray.codec.shapes import ShapeCodec
from ss_ray.codec.slots import CodecSizes, fit_codec
from ss_ray.schema import ColumnSchema, Kind
from ss_ray.tables.cells import type_table, written_table
from tests.tables.rows import schema_of

RNG = np.random.default_rng(7)


def amounts(size: int = 2000) -> np.ndarray:
    """Whole thousands, 3 % of which are off."""
    values = RNG.lognormal(6, 0.8, size).round().astype(np.int64) * 1000
    off = RNG.random(size) < 0.03
    return np.where(off, values + RNG.integers(1, 999, size), values)


def test_thousands_are_found_where_some_rows_are_off():
    assert [grid.step for grid in find_grids(amounts(), is_days=False)] == [1000, 1]


def test_numbers_without_structure_have_no_grid():
    found = [find_grids(RNG.integers(0, 10**6, 500), is_days=False) for _ in range(40)]
    assert found == [()] * 40  # a grid by chance: below 1 in 1,000 for all together


def test_weekdays_are_told_apart_where_they_are_not_equally_frequent():
    days = np.arange(19_000, 20_000)
    office = days[(days + 3) % 7 < 5]
    assert len(find_grids(office, is_days=True)) == 5
    assert find_grids(days, is_days=True) == ()


def test_ends_of_months_are_a_grid():
    months = np.arange(400, 500)
    ends = Grid(type="month_end").unit(months)
    assert str(ends[:1].astype("datetime64[D]")[0]) == "2003-05-31"
    others = RNG.integers(ends.min(), ends.max(), 200)
    assert find_grids(np.r_[ends, others], is_days=True)[0].type == "month_end"


@pytest.mark.parametrize("grid", [Grid(step=7, offset=3), Grid(type="month_start"), Grid(type="month_end")])
def test_places_of_a_grid_are_counted_without_gaps(grid: Grid):
    units = np.arange(-1000, 1000)
    on_grid = units[grid.holds(units)]
    assert np.array_equal(np.diff(grid.index(on_grid)), np.ones(len(on_grid) - 1))
    assert np.array_equal(grid.unit(grid.index(on_grid)), on_grid)
    assert (grid.unit(grid.index(units)) <= units).all()


def test_a_value_that_is_drawn_on_a_grid_lies_on_it_whatever_its_bin():
    values = amounts()
    column = ColumnSchema(
        name="x", kind=Kind.INTEGER, arrow_type="int64", minimum=int(values.min()), maximum=int(values.max())
    )
    codec = fit_binned(pa.chunked_array([values]), column, 2, Bins(most=16))
    tokens = np.stack([RNG.integers(slot.start, slot.stop, 3000) for slot in codec.slots(0)], axis=1).astype(np.int32)
    tokens[:, 0] = RNG.integers(codec.slots(0)[1].opens[0], codec.slots(0)[1].opens[1], 3000)
    tokens[:, 1] = codec.slots(0)[1].start
    drawn = codec.decode(tokens, RNG).to_numpy()
    inside = (drawn > values.min()) & (drawn < values.max())
    assert (drawn[inside] % 1000 == 0).all()
    assert (drawn >= values.min()).all()
    assert (drawn <= values.max()).all()


def test_shares_of_grids_and_weekdays_survive_the_codec():
    values = amounts()
    days = np.arange(19_000, 19_000 + 3000)
    days = days[(days + 3) % 7 < 5][:2000]
    minutes = RNG.integers(9 * 4, 17 * 4, 2000) * 15
    times = days.astype("datetime64[D]").astype("datetime64[m]") + minutes
    cells = pa.table({"amount": [str(v) for v in values], "at": [str(t).replace("T", " ") + ":00" for t in times]})
    schema = schema_of(cells)
    typed = type_table(cells, schema)
    codec = fit_codec(schema, typed, sizes=CodecSizes(num_bins=32, text_vocabulary=256, max_text_tokens=8))
    again = codec.decode(codec.encode(typed), rng=RNG, first_row=0, seed=1)
    back = again["amount"].to_numpy()
    assert abs(np.mean(back % 1000 == 0) - np.mean(values % 1000 == 0)) < 0.001
    made = np.array(written_table(again, schema)["at"].to_pylist(), "datetime64[m]")
    assert ((made.astype("datetime64[D]").astype(np.int64) + 3) % 7 < 5).all()
    assert ((made.astype(np.int64) % 15) == 0).all()
    same_clock = made.astype(np.int64) % (24 * 60) == times.astype(np.int64) % (24 * 60)
    # A time on the first or the last day is moved inside the bounds of the column.
    assert same_clock.mean() > 0.995


def test_times_without_habits_are_not_split():
    ticks = np.sort(RNG.integers(1_600_000_000, 1_700_000_000, 500)) * 10**6
    array = pa.chunked_array([pa.array(ticks).cast(pa.timestamp("us"))])
    column = ColumnSchema(
        name="at",
        kind=Kind.DATETIME,
        arrow_type="timestamp[us]",
        minimum="2020-09-13T12:26:40.000000",
        maximum="2023-11-14T22:13:20.000000",
    )
    assert fit_moment(array, column, 2, Bins(most=16)) is None


def test_a_code_takes_the_place_of_a_value_and_never_stands_beside_one():
    cells = pa.table({"x": [*(f"{v}.25" for v in range(300)), *["<5"] * 60, *[None] * 20]})
    schema = schema_of(cells)
    typed = type_table(cells, schema)
    codec = fit_codec(schema, typed, sizes=CodecSizes(num_bins=16, text_vocabulary=256, max_text_tokens=8))
    gate, value = codec.columns
    assert (gate.column.name, value.type) == ("x (code)", "gated")
    again = codec.decode(codec.encode(typed), rng=RNG, first_row=0, seed=1)
    states = again["x (code)"].to_pylist()
    assert [v is not None for v in again["x"].to_pylist()] == [state == "0.00" for state in states]
    assert states.count("<5") == 60
    assert states.count(None) == 20


def test_strings_of_one_shape_are_learned_place_by_place():
    column = ColumnSchema(
        name="x", kind=Kind.TEXT, arrow_type="string", nullable=True, pattern=("E", "1234", "V", "12345"), max_length=4
    )
    codec = ShapeCodec(column=column, first_token=2)
    array = pa.chunked_array([["E1V5", None, "E4V1"]])
    tokens = codec.encode(array)
    assert codec.decode(tokens, RNG).to_pylist() == ["E1V5", None, "E4V1"]
    drawn = np.stack([RNG.integers(slot.start, slot.stop, 50) for slot in codec.slots(0)], axis=1)
    for text in codec.decode(drawn.astype(np.int32), RNG).to_pylist():
        assert text is None or (text[0], text[2]) == ("E", "V")


def test_a_place_holds_several_rows_so_that_no_value_of_one_row_is_remembered():
    values = RNG.permutation(10**6)[:150]
    column = ColumnSchema(name="x", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=10**6)
    codec = fit_binned(pa.chunked_array([values]), column, 2, Bins(most=64))
    places = len(codec.lows) * 16**codec.digits
    assert places <= len(values) / 5
    drawn = codec.decode(codec.encode(pa.chunked_array([values])), RNG).to_numpy()
    assert np.isin(drawn, values).mean() < 0.1  # by chance, 1 in 5,000


def test_values_that_are_not_round_stay_so_in_bins_that_are_wide():
    values = RNG.integers(0, 10**7, 3000)
    values = np.where(RNG.random(3000) < 0.6, values // 5 * 5, values)
    column = ColumnSchema(name="x", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=10**7)
    codec = fit_binned(pa.chunked_array([values]), column, 2, Bins(most=16))
    drawn = codec.decode(codec.encode(pa.chunked_array([values])), RNG).to_numpy()
    assert [grid.step for grid in codec.grids] == [5, 1]
    assert abs(np.mean(drawn % 5 == 0) - np.mean(values % 5 == 0)) < 0.01
