"""The codec of a measured schema takes any row, and writes none that the schema does not allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.columns import PAD
from ss_ray.codec.ordinals import Scale
from ss_ray.codec.slots import SlotCodec
from ss_ray.privacy.measured import MeasuredColumn, MeasuredSchema
from ss_ray.privacy.measured_codec import measured_codec, prior_logits
from ss_ray.schema import ColumnSchema, Kind

CITY = ColumnSchema(
    name="city", kind=Kind.CATEGORY, arrow_type="string", nullable=True, values=("Bonn", "Ulm"), source="private"
)
AGE = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=18, maximum=90, source="private")
NOTE = ColumnSchema(name="note", kind=Kind.TEXT, arrow_type="string", source="private")
ID = ColumnSchema(name="id", kind=Kind.IDENTIFIER, arrow_type="string", nullable=True, source="private")
MEASURED = MeasuredSchema(
    columns=(
        MeasuredColumn(column=NOTE, shares=(1.0,)),
        MeasuredColumn(column=CITY, shares=(0.1, 0.9, 0.0)),
        MeasuredColumn(column=AGE, scale=Scale(), lows=(18, 40, 41), highs=(39, 40, 90), shares=(0.2, 0.5, 0.3)),
        MeasuredColumn(column=ID, shares=(0.25, 0.75)),
    ),
    num_units=100,
    charges=(),
)


@pytest.fixture(scope="module")
def codec() -> SlotCodec:
    return measured_codec(MEASURED, max_text_tokens=6)


def table(note: str | None = "hi", city: str | None = "Ulm", age: int | None = 40, key: str | None = "x") -> pa.Table:
    return pa.table(
        {"note": [note], "city": [city], "age": [age], "id": [key]}, schema=MEASURED.schema.to_arrow()
    )  # fmt: skip


def tokens_of(codec: SlotCodec, rows: pa.Table, column: str) -> list[int]:
    return [
        int(t) for slot, t in zip(codec.slots, codec.encode(rows)[0], strict=True) if slot.column == column
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("city", table(city="Aachen")),  # too rare to be named
        ("age", table(age=None)),  # missing, in a column that was measured without missing values
        ("note", table(note=None)),
    ],
)
def test_what_the_measured_schema_does_not_know_is_seen_and_never_learned(
    codec: SlotCodec, column: str, rows: pa.Table
) -> None:
    assert tokens_of(codec, rows, column)[0] == PAD


def test_numbers_beyond_the_measured_bounds_are_clipped(codec: SlotCodec) -> None:
    assert tokens_of(codec, table(age=3), "age") == tokens_of(codec, table(age=18), "age")
    assert tokens_of(codec, table(age=10**6), "age") == tokens_of(codec, table(age=90), "age")


def test_texts_are_cut_to_a_window_that_no_text_decides(codec: SlotCodec) -> None:
    assert sum(slot.column == "note" for slot in codec.slots) == 6
    assert len(codec.encode(table(note="x" * 10_000))[0]) == len(codec.slots)


def test_any_tokens_of_the_slots_decode_to_a_table_of_the_schema(codec: SlotCodec) -> None:
    rng = np.random.default_rng(1)
    tokens = np.stack([rng.integers(slot.start, slot.stop, 500) for slot in codec.slots], axis=1).astype(np.int32)
    decoded = codec.decode(tokens, rng=rng, first_row=0, seed=3)
    MEASURED.schema.check(decoded)
    assert set(decoded.column("city").to_pylist()) == {None, "Bonn", "Ulm"}
    assert {18, 39, 40, 41} <= set(decoded.column("age").to_pylist())


def test_prior_is_the_logarithm_of_the_measured_shares(codec: SlotCodec) -> None:
    logits = prior_logits(codec, MEASURED)
    city = next(column for column in codec.columns if column.column.name == "city").first_token
    np.testing.assert_allclose(np.exp(logits[city : city + 2]), [0.1, 0.9], rtol=1e-5)
    assert 0 < np.exp(logits[city + 2]) < 1e-3  # a count of 0 is not certain
    assert not np.any(prior_logits(codec, None))


def test_codec_survives_json_and_columns_of_nothing(codec: SlotCodec) -> None:
    assert SlotCodec.from_json(codec.to_json()) == codec
    empty = replace(CITY, values=(), nullable=True)
    only = replace(MEASURED, columns=(MeasuredColumn(column=empty, shares=(1.0,)),))
    nothing = measured_codec(only, max_text_tokens=6)
    assert nothing.slots == ()
    assert len(prior_logits(nothing, only)) == nothing.vocabulary_size
    assert nothing.encode(pa.table({"city": ["Bonn", None]})).shape == (2, 0)
