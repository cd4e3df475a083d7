from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.columns import PLACES, BinnedCodec, _pick_units, _place_units
from ss_ray.errors import DataError
from ss_ray.schema import Kind
from tests.codec import tables as t
from tests.examples import examples

INT64 = np.iinfo(np.int64)
QUICK = examples(60)
MOMENTS = [datetime(2020, 1, 1, 12) + timedelta(days=i) for i in range(40)]


@QUICK
@given(st.integers(INT64.min, INT64.max), st.integers(0, 2**64 - 1), st.sampled_from(list(PLACES.values())))
def test_a_pick_lies_in_its_bin_and_in_its_place(low: int, span: int, places: int) -> None:
    high = min(low + span, INT64.max)
    place = np.arange(places)
    lows, highs = np.full(places, low), np.full(places, high)
    picked = _pick_units(place, lows, highs, places, np.random.default_rng(0))
    assert ((picked >= low) & (picked <= high)).all()
    if high - low + 1 >= places:
        assert (_place_units(picked, lows, highs, places) == place).all()


@QUICK
@given(st.integers(INT64.min, INT64.max), st.integers(1, 256), st.sampled_from([16, 256]))
def test_units_of_a_bin_no_wider_than_the_places_are_exact(low: int, width: int, places: int) -> None:
    high = min(low + min(width, places) - 1, INT64.max)
    units = np.array(range(low, high + 1))
    lows, highs = np.full(len(units), low), np.full(len(units), high)
    place = _place_units(units, lows, highs, places)
    assert len(set(place.tolist())) == len(units)
    assert (_pick_units(place, lows, highs, places, np.random.default_rng(0)) == units).all()


@pytest.mark.parametrize("low", [INT64.min, -5, 2**40])
def test_picks_of_the_widest_bins_reach_both_ends(low: int) -> None:
    lows, highs = np.array([low, low]), np.array([INT64.max, INT64.max])
    assert _place_units(np.array([low, INT64.max]), lows, highs, 256).tolist() == [0, 255]


def test_picks_are_spread_evenly_over_their_place() -> None:
    many = np.zeros(10_000, np.int64)
    picked = _pick_units(many, many, many + 999, 16, np.random.default_rng(0))  # place 0 of 1,000 values: 0..62
    counts = np.bincount(picked)
    assert len(counts) == 63
    assert counts.min() > 100  # expected 159, standard deviation 12.5


ROUND_TRIPS: dict[str, tuple[Kind, pa.Array, dict[str, Any]]] = {
    "integers in a narrow range": (Kind.INTEGER, pa.array([*range(300), None]), {}),
    "ends of int64": (Kind.INTEGER, pa.array([INT64.min, INT64.max] * 3), {}),
    "integers in steps off zero": (Kind.INTEGER, pa.array(range(3, 5_000_000, 20_000)), {}),
    "large unsigned": (Kind.INTEGER, pa.array([2**63 - 1, 2**63 - 2] * 2, pa.uint64()), {}),
    "cents": (Kind.FLOAT, pa.array([i / 100 for i in range(-500, 500)]), {"decimals": 2}),
    "nine decimals": (Kind.FLOAT, pa.array([float(f"1234.{i:09}") for i in range(200)]), {"decimals": 9}),
    "extreme floats": (Kind.FLOAT, pa.array([1e-308, -1e308, 1e308, 0.1] * 3), {}),
    "single floats": (Kind.FLOAT, pa.array([0.1, 3.3e38, 1e-45] * 3, pa.float32()), {}),
    "minus zero": (Kind.FLOAT, pa.array([-0.0, 1.0, 2.5]), {"decimals": 1, "values": (0.0, 1.0, 2.5)}),
    "money": (
        Kind.FLOAT,
        pa.array([Decimal(i).scaleb(-2) for i in range(500)], pa.decimal128(18, 2)),
        {"decimals": 2},
    ),
    "listed decimals of many digits": (
        Kind.FLOAT,
        pa.array([Decimal("0.1")] * 3, pa.decimal128(38, 30)),
        {"decimals": 30, "values": (0.1,)},
    ),
    "dates": (Kind.DATE, pa.array([date(2020, 1, 1) + timedelta(days=7 * i) for i in range(200)]), {}),
    "date64": (Kind.DATE, pa.array([date(1950, 1, 1) + timedelta(days=i) for i in range(9)], pa.date64()), {}),
    "noons": (Kind.DATETIME, pa.array(MOMENTS, pa.timestamp("us")), {}),
    "noons in a zone": (Kind.DATETIME, pa.array(MOMENTS, pa.timestamp("ns", "Europe/Berlin")), {}),
    "listed moments": (
        Kind.DATETIME,
        pa.array(MOMENTS[:2], pa.timestamp("ms", "UTC")),
        {"values": ("2020-01-01T12:00:00.000Z", "2020-01-02T12:00:00.000Z")},
    ),
    "booleans": (Kind.BOOLEAN, pa.array([True, False, None]), {"values": (False, True)}),
    "categories": (Kind.CATEGORY, pa.array(["", "a", None, "ä\0"]), {"values": ("", "a", "ä\0")}),
    "a dictionary": (
        Kind.CATEGORY,
        pa.array(["x", None, "y"]).cast(pa.dictionary(pa.int32(), pa.string())),
        {"values": ("x", "y")},
    ),
    "dates as categories": (Kind.CATEGORY, pa.array([date(2020, 2, 29), None]), {"values": ("2020-02-29",)}),
    "nothing": (Kind.CATEGORY, pa.nulls(3), {"values": (), "nullable": True}),
    "one value and missing": (Kind.CATEGORY, pa.array(["a", None]), {"values": ("a",)}),
    "a single row": (Kind.INTEGER, pa.array([12345]), {}),
}


@pytest.mark.parametrize(("kind", "array", "fields"), ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_decoding_gives_back_what_was_encoded(kind: Kind, array: pa.Array, fields: dict[str, Any]) -> None:
    codec = t.fit_one(kind, array, num_bins=64, **fields)
    assert t.there_and_back(codec, array) == array.to_pylist()


@QUICK
@given(st.lists(st.integers(INT64.min, INT64.max), min_size=1, max_size=60))
def test_a_wide_integer_comes_back_from_its_own_place_in_the_bin(values: list[int]) -> None:
    codec = t.fit_one(Kind.INTEGER, pa.array(values), num_bins=4)
    binned = codec.columns[0]
    assert isinstance(binned, BinnedCodec)
    table = pa.table({"x": pa.array(values)})
    tokens = codec.encode(table)
    again = codec.encode(t.decode(codec, tokens))
    in_bin = tokens[:, 0] >= 2 + len(binned.atoms)
    if binned.digits == 2:
        assert (again[in_bin] == tokens[in_bin]).all()


@QUICK
@given(st.integers(INT64.min, INT64.max), st.integers(INT64.min, INT64.max), st.integers(INT64.min, INT64.max))
def test_values_beyond_the_sample_but_inside_the_bounds_can_be_encoded(a: int, b: int, c: int) -> None:
    low, middle, high = sorted([a, b, c])
    codec = t.fit_one(Kind.INTEGER, pa.array([middle] * 12), minimum=low, maximum=high)
    tokens = codec.encode(pa.table({"x": pa.array([low, middle, high])}))
    t.assert_in_ranges(tokens, codec.slots)


def test_values_between_the_steps_of_the_sample_are_encoded_as_their_neighbours() -> None:
    codec = t.fit_one(Kind.INTEGER, pa.array(range(0, 1000, 5)), minimum=0, maximum=998)
    assert t.there_and_back(codec, pa.array([7, 998])) == [5, 995]


def test_bounds_off_the_steps_of_the_sample_are_kept() -> None:
    codec = t.fit_one(Kind.INTEGER, pa.array(range(5, 1000, 5)), minimum=3, maximum=997)
    decoded = t.decode(codec, t.random_tokens(codec.slots, 2000, np.random.default_rng(0)))
    codec.schema.check(decoded)


def test_a_step_is_not_read_off_a_handful_of_values() -> None:
    codec = t.fit_one(Kind.INTEGER, pa.array([0, 100, 300]))
    decoded = t.decode(codec, t.random_tokens(codec.slots, 200, np.random.default_rng(0)))
    assert any(value % 100 for value in decoded.column("x").to_pylist())


@pytest.mark.parametrize(
    ("type_", "decimals", "low", "high"),
    [
        (pa.float64(), 1, 0.123, 0.877),
        (pa.float64(), 0, 0.25, 0.75),
        (pa.float32(), 1, 0.1, 0.7),
        (pa.float32(), None, 0.1, 0.1000001),
        (pa.decimal128(5, 2), 2, -999.99, 999.99),
        (pa.decimal128(38, 0), 0, -1e38, 1e38),
        (pa.decimal128(20, 18), 18, 0.0, 12.3),
    ],
    ids=str,
)
def test_declared_bounds_that_are_no_values_of_the_column_are_kept(
    type_: pa.DataType, decimals: int | None, low: float, high: float
) -> None:
    middle = pa.array([(low + high) / 2] * 12).cast(type_, safe=False)
    codec = t.fit_one(Kind.FLOAT, middle, decimals=decimals, minimum=low, maximum=high)
    codec.schema.check(t.decode(codec, t.random_tokens(codec.slots, 3000, np.random.default_rng(0))))


def test_bounds_without_any_value_between_them_are_refused() -> None:
    with pytest.raises(DataError, match="no value between its bounds"):
        t.fit_one(Kind.FLOAT, pa.nulls(3, pa.float32()), minimum=0.1, maximum=0.1)


def test_a_value_that_the_schema_does_not_list_is_refused_without_naming_it() -> None:
    codec = t.fit_one(Kind.CATEGORY, pa.array(["a", "b"]), values=("a", "b"))
    with pytest.raises(DataError, match="column 'x' has 1 values that its schema does not list") as caught:
        codec.encode(pa.table({"x": pa.array(["a", "secret"])}))
    assert "secret" not in str(caught.value)


def test_frequent_numbers_are_values_of_their_own_and_come_back_exactly() -> None:
    capital_gain = pa.array([0] * 900 + [99_999] * 50 + list(range(1000, 60_000, 590)))
    codec = t.fit_one(Kind.INTEGER, capital_gain)
    binned = codec.columns[0]
    assert isinstance(binned, BinnedCodec)
    assert {0, 99_999} <= set(binned.atoms)
    assert t.there_and_back(codec, pa.array([0, 99_999])) == [0, 99_999]


def test_bins_hold_about_equal_shares() -> None:
    skewed = pa.array(np.random.default_rng(0).lognormal(8, 2, 4000).astype(np.int64))
    codec = t.fit_one(Kind.INTEGER, skewed, num_bins=8)
    lead = Counter(codec.encode(pa.table({"x": skewed}))[:, 0].tolist())
    assert max(lead.values()) < 1.2 * 4000 / 8
