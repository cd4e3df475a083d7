"""Long groups and time series of a random model's actor: in order, as long as asked for, from start to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.config.generation import GenerationParameters
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.errors import ConfigError
from ss_ray.generation.language_stage import plan_series
from ss_ray.generation.results import GenerationRequest, SyntheticTable
from ss_ray.generation.text_actor import Ask, load_text_actor
from ss_ray.generation.text_table import Given, TextTable, given_of
from ss_ray.location import Location
from ss_ray.plans.language_generation import LanguageGenerationPlan
from ss_ray.plans.plan import GenerationPlan
from ss_ray.schema import Kind
from tests.codec.json.test_order import PAID, WHO, codec_of
from tests.codec.tables import column_of, table_of
from tests.generation.test_rows import plan
from tests.generation.test_text_actor import PLAN, finished, model_folder, rows_of

EPOCH = datetime(2024, 5, 1)
ROOM = 80
"""Tokens of a completion: three records or four."""


def events(*, gaps: bool, grouped: bool = True) -> JsonCodec:
    """The codec of two groups of 40 rows, or of one series, at distances of an hour or of one and two."""
    hours = np.cumsum([1 + (i % 3 == 0) * gaps for i in range(40)]).tolist()
    at = pa.array([EPOCH + timedelta(hours=hour) for hour in hours] * 2, pa.timestamp("s"))
    columns = [(column_of("at", Kind.DATETIME, at), at), (PAID, pa.array([i % 90 for i in range(80)]))]
    if grouped:
        return codec_of(*table_of([(WHO, pa.array([0] * 40 + [1] * 40)), *columns]), "who", "at")[0]
    return codec_of(*table_of([(column, array.slice(0, 40)) for column, array in columns]), None, "at")[0]


def made(
    codec: JsonCodec, asked: GenerationPlan, folder: Path, language: LanguageGenerationPlan = PLAN, batch_size: int = 4
) -> tuple[SyntheticTable, pa.Table]:
    """A table, with one actor; see `generate_text_table`."""
    model = model_folder(folder / "model", codec, max_tokens=ROOM)
    asked, language = plan_series(codec, asked, replace(language, batch_size=batch_size))
    actor, bounded = load_text_actor(model, language, 3, threads=1, use_gpu=False), language.bounded(codec)
    work = Location.parse(folder / "work")
    table = TextTable(bounded, make_enforcer((), bounded.schema), asked, Given(), work)
    while not table.is_done:
        table.add(actor.work(table.asks(room=4)))
        table.settle()
    result = table.release(Location.parse(folder / "table"), None)
    return result, pq.ParquetDataset(folder / "table").read()


def steps(table: pa.Table, name: str = "at") -> list[float]:
    """Hours from row to row."""
    return (np.diff(table.column(name).to_numpy()) / np.timedelta64(1, "h")).tolist()


def test_a_long_group_goes_on_over_several_completions(tmp_path: Path) -> None:
    codec = events(gaps=True)
    model = model_folder(tmp_path / "model", codec, max_tokens=64)
    asks = [Ask(number=i, given='{"paid":7}' if i % 2 else "") for i in range(6)]
    rows = {}
    for batch_size in (1, 8):
        actor = load_text_actor(model, replace(PLAN, batch_size=batch_size), 3, threads=1, use_gpu=False)
        found = finished(actor, asks)
        assert not any(answers.rows.rejected for answers in found)
        rows[batch_size] = {n: rows_of(answers, n) for answers in found for n in answers.numbers}
    assert rows[1] == rows[8]
    assert max(map(len, rows[1].values())) > 3  # a completion has room for two
    assert all(row["paid"] == 7 for row in rows[1][1] + rows[1][3])
    for group in rows[1].values():
        hours = {(b["at"] - a["at"]) / timedelta(hours=1) for a, b in pairwise(group)}
        assert hours <= {1, 2}


@pytest.mark.parametrize("gaps", [False, True])
def test_a_series_alone_has_exactly_the_rows_asked_for(tmp_path: Path, gaps: bool) -> None:
    codec = events(gaps=gaps, grouped=False)
    result, table = made(codec, plan(num_records=15, is_one_sequence=True), tmp_path)
    assert (len(table), result.incomplete) == (15, "")
    assert set(steps(table)) == ({1, 2} if gaps else {1})


def test_series_go_from_start_to_stop_at_their_interval(tmp_path: Path) -> None:
    codec = events(gaps=False)
    asked = plan(num_records=9, start="2024-05-01 09:00:00", stop="2024-05-01 15:00:00")
    result, table = made(codec, asked, tmp_path)
    assert result.incomplete == ""
    assert table["who"].to_pylist() == [10] * 7 + [11] * 7
    assert table["at"].to_pylist() == 2 * [datetime(2024, 5, 1, 9) + timedelta(hours=i) for i in range(7)]


def test_a_series_alone_starts_and_stops_beyond_what_was_learned(tmp_path: Path) -> None:
    codec = events(gaps=False, grouped=False)
    ends = {"start": "2031-01-01 00:00:00", "stop": "2031-01-01 08:00:00"}
    _, table = made(codec, plan(num_records=5, is_one_sequence=True, **ends), tmp_path)
    assert table.column("at").to_pylist() == [datetime(2031, 1, 1) + timedelta(hours=i) for i in range(9)]


def test_series_of_uneven_distances_keep_between_the_ends(tmp_path: Path) -> None:
    codec = events(gaps=True)
    asked = plan(num_groups=2, start="2031-01-01 00:00:00", stop="2031-01-01 05:00:00")
    _, table = made(codec, asked, tmp_path)
    assert len(set(table["who"].to_pylist())) == 2
    assert set(table["at"].to_pylist()) <= {datetime(2031, 1, 1) + timedelta(seconds=i) for i in range(5 * 3600 + 1)}


def test_a_series_without_distances_is_sorted(tmp_path: Path) -> None:
    at = pa.array([f"{i:02d}" for i in range(40)])
    columns = [(column_of("at", Kind.CATEGORY, at, values=tuple(at.to_pylist())), at), (PAID, pa.array(range(40)))]
    schema, _ = table_of(columns)
    codec = events(gaps=False, grouped=False)
    codec = JsonCodec(schema=schema, sequences=replace(codec.sequences, order="at"), max_records=1)
    _, table = made(codec, plan(num_records=10, is_one_sequence=True), tmp_path)
    assert table["at"].to_pylist() == sorted(table["at"].to_pylist())
    assert len(table) == 10


def test_where_a_group_starts_can_be_given_and_its_distances_cannot() -> None:
    codec, asked = events(gaps=True), plan(num_groups=2)
    started = GenerationParameters(given={"at": "2024-05-01T07:00:00"})
    given = given_of(codec, asked, PLAN, GenerationRequest(generation=started, encoding="utf8", real_rows=None))
    assert given.texts == ('{"at":"2024-05-01T07:00:00"}',)
    spaced = GenerationParameters(given={"gap": 1})
    with pytest.raises(ConfigError, match="'gap' cannot be given"):
        given_of(codec, asked, PLAN, GenerationRequest(generation=spaced, encoding="utf8", real_rows=None))
