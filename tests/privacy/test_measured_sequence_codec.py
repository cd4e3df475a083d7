import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.columns import PAD
from ss_ray.codec.ordinals import Scale
from ss_ray.codec.sequence_tables import Gaps, gap_column
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens
from ss_ray.privacy.measured import MeasuredColumn, MeasuredSchema
from ss_ray.privacy.measured_sequence_codec import gap_codec, measured_sequence_codec, window_tokens
from ss_ray.schema import ColumnSchema, Kind
from ss_ray.training.buckets import sorted_sequences
from tests.codec import tables
from tests.codec.sequence_tables import ascends, decode

WHO = ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="int64")
WHEN = ColumnSchema(name="when", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=999, source="private")
WARD = ColumnSchema(name="ward", kind=Kind.CATEGORY, arrow_type="string", values=("a", "b"), source="private")
BINS = tuple(range(0, 1000, 100))


def measured() -> MeasuredSchema:
    """As a private measurement of a small hospital leaves it."""
    when = MeasuredColumn(
        column=WHEN, scale=Scale(), lows=BINS, highs=tuple(low + 99 for low in BINS), shares=(0.1,) * 10
    )
    columns = (
        MeasuredColumn(column=WHO, shares=()),
        when,
        MeasuredColumn(column=WARD, shares=(0.5, 0.5)),
    )
    return MeasuredSchema(columns=columns, num_units=10, charges=())


def codec_of(max_rows: int = 4, interval: int | None = None) -> SequenceCodec:
    return measured_sequence_codec(
        measured(), group="who", order="when", interval=interval, max_rows=max_rows, max_text_tokens=4
    )


def visits(sizes: list[int], seed: int = 0) -> tuple[pa.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = sum(sizes)
    table = pa.table(
        {
            "who": np.repeat(np.arange(len(sizes)), sizes),
            "when": rng.integers(0, 1000, rows),
            "ward": pa.array([*"ab", "never seen"]).take(pa.array(rng.integers(0, 3, rows))),
        }
    )
    return sorted_sequences(table, "who", "when")


def test_the_codec_is_the_same_whatever_the_rows_are() -> None:
    assert codec_of() == codec_of()
    assert SequenceCodec.from_json(codec_of().to_json()) == codec_of()


def test_a_unit_is_one_row_of_tokens_of_one_width_however_many_rows_it_has() -> None:
    codec = codec_of(max_rows=4)
    table, starts = visits([1, 3, 9])
    tokens = window_tokens(codec, table, starts)
    assert tokens.shape == (3, len(codec.slots))
    width = len(codec.row.slots)
    there = tokens[:, len(codec.header.slots) :].reshape(3, 4, width)[:, :, 0] != PAD
    assert there.sum(axis=1).tolist() == [1, 3, 4]
    alone = window_tokens(codec, table.slice(1, 3), np.array([0, 3]))
    assert (alone[0] == tokens[1]).all()


def test_tokens_stay_in_the_ranges_of_their_slots_and_unknown_values_are_left_out() -> None:
    codec = codec_of()
    tokens = window_tokens(codec, *visits([2, 4, 1, 3] * 20))
    for index, slot in enumerate(codec.slots):
        found = tokens[tokens[:, index] != PAD, index]
        assert ((found >= slot.start) & (found < slot.stop)).all()


@pytest.mark.parametrize("interval", [None, 7])
def test_random_tokens_decode_to_ascending_rows(interval: int | None) -> None:
    codec = codec_of(interval=interval)
    rng = np.random.default_rng(0)
    headers = tables.random_tokens(codec.header.slots, 30, rng)
    sizes = codec.sizes(headers, rng)
    rows = tables.random_tokens(codec.row.slots, int(sizes.sum()), rng)
    starts = np.append(0, np.cumsum(sizes))
    made = decode(codec, SequenceTokens(headers=headers, rows=rows, starts=starts))
    codec.schema.check(made)
    assert ascends(made["when"], starts)
    if interval:
        assert set(np.diff(made["when"].to_numpy())[np.diff(np.repeat(np.arange(30), sizes)) == 0]) == {interval}


@pytest.mark.parametrize("highest", [1, 2, 9, 10_000, 2**40])
def test_bins_of_distances_cover_all_of_them_once(highest: int) -> None:
    codec = gap_codec(gap_column("when", Gaps(values=(0, highest), are_listed=False)), 2)
    assert codec.lows[0] == 0
    assert codec.highs[-1] == highest
    assert all(high + 1 == low for high, low in zip(codec.highs, codec.lows[1:], strict=False))
    assert all(low <= high for low, high in zip(codec.lows, codec.highs, strict=True))
