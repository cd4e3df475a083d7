"""The order of the tokens of numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ss_ray.codec.levels import token_levels
from ss_ray.codec.slots import CodecSizes, fit_codec
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

SIZES = CodecSizes(num_bins=16, text_vocabulary=256, max_text_tokens=8)


def codec_of(**columns: list):
    table = pa.table(columns)
    schema = infer_schema(table_facts(table), {}, is_text=False)
    return fit_codec(schema, table, sizes=SIZES), table


def test_places_follow_the_values_also_of_frequent_ones_between_bins() -> None:
    rng = np.random.default_rng(0)
    numbers = np.where(rng.random(2000) < 0.2, 500.0, rng.normal(400, 200, 2000)).round(3).tolist()
    codec, table = codec_of(x=[None, *numbers[1:]])
    (levels,) = token_levels(codec.columns)
    tokens = codec.encode(table)[:, 0]
    known = tokens >= levels.first_token
    places = levels.places[tokens[known] - levels.first_token]
    order = np.argsort(np.array(numbers)[known], kind="stable")
    # Of two values, the larger one never has the lower place.
    assert (np.diff(places[order]) >= 0).all()
    assert (levels.places > 0).all()
    assert (levels.places < 1).all()
    assert not known[0]


def test_categories_and_short_columns_have_no_order_and_dates_have_one() -> None:
    days = [f"2024-01-{1 + row % 28:02d}" for row in range(400)]
    codec, _ = codec_of(
        colour=["red", "green", "blue", "grey"] * 100,
        flag=[0, 1] * 200,
        grade=[1, 2, 3, 5] * 100,
        day=pa.array(days).cast(pa.date32()).to_pylist(),
    )
    firsts = {column.first_token: column.column.name for column in codec.columns}
    names = {firsts[levels.first_token] for levels in token_levels(codec.columns)}
    assert names == {"grade", "day"}


def test_numbers_inside_of_other_codecs_are_found() -> None:
    rng = np.random.default_rng(1)
    starts = rng.integers(0, 10_000, 600)
    moments = (np.datetime64("2023-01-02T09:00", "s") + starts.astype("timedelta64[h]")).tolist()
    codec, _ = codec_of(low=starts.tolist(), high=(starts + rng.integers(1, 900, 600)).tolist(), at=moments)
    assert len(token_levels(codec.columns)) >= 3
