from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.columns import BinnedCodec
from ss_ray.codec.differences import DifferenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.schema import Kind
from tests.codec import tables as t

RNG = np.random.default_rng(7)
START = RNG.integers(0, 3000, 400)
STAY = RNG.integers(0, 30, 400)


def days(numbers: np.ndarray) -> pa.Array:
    return pa.array([date(2015, 1, 1) + timedelta(days=int(n)) for n in numbers])


def fit(columns: dict[str, pa.Array], kind: Kind = Kind.DATE, **fields: object) -> SlotCodec:
    return t.fit(*t.table_of([(t.column_of(name, kind, array, **fields), array) for name, array in columns.items()]))


def random_rows(codec: SlotCodec, num_rows: int = 3000) -> pa.Table:
    table = t.decode(codec, t.random_tokens(codec.slots, num_rows, np.random.default_rng(1)))
    codec.schema.check(table)
    return table


def pairs(table: pa.Table, first: str, second: str) -> list[tuple[date, date]]:
    rows = zip(table.column(first).to_pylist(), table.column(second).to_pylist(), strict=True)
    return [(a, b) for a, b in rows if a is not None and b is not None]


def test_a_date_that_never_precedes_another_never_does_so_in_any_decoded_row() -> None:
    codec = fit({"admission": days(START), "discharge": days(START + STAY)})
    assert isinstance(codec.columns[1], DifferenceCodec)
    rows = pairs(random_rows(codec), "admission", "discharge")
    assert len(rows) == 3000
    assert all(admission <= discharge for admission, discharge in rows)


def test_the_earlier_date_may_stand_second() -> None:
    codec = fit({"discharge": days(START + STAY), "admission": days(START)})
    assert isinstance(codec.columns[1], DifferenceCodec)
    assert all(admission <= discharge for discharge, admission in pairs(random_rows(codec), "discharge", "admission"))


def test_the_length_of_a_stay_comes_back_exactly_wherever_it_starts() -> None:
    columns = {"admission": days(START), "discharge": days(START + STAY)}
    codec = fit(columns)
    decoded = t.decode(codec, codec.encode(pa.table(columns)))
    stays = [(b - a).days for a, b in pairs(decoded, "admission", "discharge")]
    assert stays == STAY.tolist()


def test_missing_later_dates_stay_missing_and_the_order_holds_beyond_the_last_of_them() -> None:
    still_here = START > 2800
    discharge = pa.array(days(START + STAY).to_pylist(), mask=still_here)
    codec = fit({"admission": days(START), "discharge": discharge})
    assert isinstance(codec.columns[1], DifferenceCodec)
    assert codec.schema["discharge"].maximum < codec.schema["admission"].maximum
    table = pa.table({"admission": days(START), "discharge": discharge})
    assert t.decode(codec, codec.encode(table)).column("discharge").is_null().to_pylist() == still_here.tolist()
    assert all(a <= b for a, b in pairs(random_rows(codec), "admission", "discharge"))


def test_an_anchor_that_reaches_beyond_a_column_without_gaps_is_not_used() -> None:
    admission, discharge = days(START), days(START + STAY)
    schema, table = t.table_of(
        [
            (t.column_of("admission", Kind.DATE, admission, maximum="2040-01-01"), admission),
            (t.column_of("discharge", Kind.DATE, discharge), discharge),
        ]
    )
    assert isinstance(t.fit(schema, table).columns[1], BinnedCodec)


def test_an_anchor_may_itself_be_a_difference() -> None:
    first, second, third = days(START), days(START + STAY), days(START + STAY + STAY[::-1])
    codec = fit({"ordered": first, "shipped": second, "paid": third})
    kinds = [type(column) for column in codec.columns]
    assert kinds == [BinnedCodec, DifferenceCodec, DifferenceCodec]
    table = random_rows(codec)
    assert all(a <= b for a, b in pairs(table, "ordered", "shipped"))
    anchor = codec.columns[2].anchor.name
    assert all(a <= b for a, b in pairs(table, anchor, "paid"))


def test_prices_with_cents_are_differences_of_cents() -> None:
    net = np.round(RNG.uniform(10, 5000, 400), 2)
    gross = pa.array(np.round(net + np.round(RNG.uniform(0, 5, 400), 2), 2))
    codec = fit({"net": pa.array(net), "gross": gross}, Kind.FLOAT, decimals=2)
    assert isinstance(codec.columns[1], DifferenceCodec)
    table = random_rows(codec)
    assert all(a <= b for a, b in pairs(table, "net", "gross"))
    assert all(round(b, 2) == b for b in table.column("gross").to_pylist())


@pytest.mark.parametrize("later", [RNG.integers(0, 3000, 400), START + RNG.integers(-5, 30, 400)])
def test_a_column_that_is_not_near_or_not_in_order_is_coded_by_itself(later: np.ndarray) -> None:
    assert isinstance(fit({"a": days(START), "b": days(later)}).columns[1], BinnedCodec)


def test_an_anchor_with_gaps_is_not_used() -> None:
    admission = pa.array(days(START).to_pylist(), mask=START < 10)
    assert isinstance(fit({"a": admission, "b": days(START + STAY)}).columns[1], BinnedCodec)


def test_columns_as_wide_as_their_type_are_not_subtracted() -> None:
    wide = RNG.integers(-(2**63), 2**63 - 100, 400)
    codec = fit({"a": pa.array(wide), "b": pa.array(wide + STAY)}, Kind.INTEGER)
    assert isinstance(codec.columns[1], BinnedCodec)


def test_rows_beyond_the_sample_are_encoded_inside_the_ranges() -> None:
    codec = fit({"admission": days(START), "discharge": days(START + STAY)})
    odd = pa.table({"admission": days(np.array([5, 2000])), "discharge": days(np.array([2900, 1990]))})
    t.assert_in_ranges(codec.encode(odd), codec.slots)


def test_an_anchor_too_large_for_the_decimals_of_a_column_is_not_used() -> None:
    type_ = pa.decimal128(19, 19)
    large = pa.array([Decimal("0.9223372036854775296"), Decimal("0.5")] * 20, type_)
    codec = fit({"a": large, "b": pa.array([Decimal(0)] * 40, type_)}, Kind.FLOAT, decimals=19)
    assert isinstance(codec.columns[1], BinnedCodec)


def test_differences_of_points_in_time_that_are_midnights_are_whole_days() -> None:
    times = {name: array.cast(pa.timestamp("us")) for name, array in stays_of_a_week().items()}
    codec = fit(times, Kind.DATETIME)
    assert isinstance(codec.columns[1], DifferenceCodec)
    rows = random_rows(codec)
    assert all(
        time.hour == time.minute == time.second == time.microsecond == 0 for time in rows["discharge"].to_pylist()
    )
    assert {(b - a).days for a, b in pairs(rows, "admission", "discharge")} == set(range(1, 8))


def stays_of_a_week() -> dict[str, pa.Array]:
    return {"admission": days(START), "discharge": days(START + 1 + STAY % 7)}
