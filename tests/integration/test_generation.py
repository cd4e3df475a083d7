"""Generation on a local Ray from a model that nobody trained: rules that hold across shards, actors that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.codec.slots import SlotCodec
from ss_ray.config.constraints import OrderConstraint, RangeConstraint, UniqueConstraint
from ss_ray.config.generation import GenerationParameters
from ss_ray.config.model import ResourceParameters
from ss_ray.errors import DataError, GenerationError
from ss_ray.generation.results import GenerationJob, GenerationRequest, SyntheticTable
from ss_ray.generation.stage import generate_table
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan
from ss_ray.progress import Progress, ignore
from ss_ray.training.worker import save_model
from tests.generation.test_rows import model_of, plan, ranges, visits

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
TWO = ResourceParameters(num_generation_workers=2)


@pytest.fixture(scope="module")
def codec() -> SlotCodec:
    return ranges()


@pytest.fixture(scope="module")
def model(codec: SlotCodec, tmp_path_factory: pytest.TempPathFactory) -> Location:
    folder = Location.parse(tmp_path_factory.mktemp("model"))
    save_model(model_of(codec), codec, folder)
    return folder


def request(**generation: object) -> GenerationRequest:
    return GenerationRequest(generation=GenerationParameters(**generation), encoding="utf8", real_rows=None)


def generate(
    model: Location, made: GenerationPlan, tmp_path: Path, asked: GenerationRequest | None = None, on_progress=ignore
) -> tuple[SyntheticTable, pa.Table]:
    work, target = Location.parse(tmp_path / "work"), Location.parse(tmp_path / "table")
    job = GenerationJob(model=model, plan=made, request=asked or request(), resources=TWO, work=work, target=target)
    result = generate_table(job, on_progress)
    assert not work.exists()
    assert sorted(path.suffix for path in (tmp_path / "table").iterdir()) == [".parquet"] * result.num_files
    return result, pq.ParquetDataset(tmp_path / "table").read()


def test_keys_are_unique_over_all_shards_and_rows_as_many_as_asked_for(model: Location, tmp_path: Path) -> None:
    made = plan([UniqueConstraint(columns=("low",))], num_records=240, shard_rows=80, patience=6)
    result, table = generate(model, made, tmp_path)
    assert (result.num_rows, len(table), result.incomplete) == (240, 240, "")
    assert result.num_files > 3  # shards of their own filled what was lost to repeated keys
    assert table["low"].to_pandas().is_unique
    assert table["id"].to_pandas().is_unique


def test_a_table_that_stays_too_short_is_kept_and_says_why(model: Location, tmp_path: Path) -> None:
    made = plan([RangeConstraint(column="low", minimum=0, maximum=15)], num_records=4000, shard_rows=2000)
    result, table = generate(model, made, tmp_path)
    assert 0 < len(table) < 4000
    assert result.incomplete.startswith(f"{len(table):,} of 4,000 rows: range(low")
    never = plan([OrderConstraint(low="low", high="high", strict=True), OrderConstraint(low="high", high="low")])
    with pytest.raises(GenerationError, match="no row satisfies the constraints"):
        generate(model, never, tmp_path / "never")


def test_shares_are_exact_and_seed_rows_are_filled_in_order(model: Location, tmp_path: Path) -> None:
    made = plan(num_records=200, shard_rows=90)
    _, table = generate(model, made, tmp_path / "a", request(shares={"colour": {"red": 3, "blue": 1}}))
    assert table["colour"].to_pandas().value_counts().to_dict() == {"red": 150, "blue": 50}
    seeds = tmp_path / "seeds.csv"
    seeds.write_text("colour,high\nred,5\n,17\nblue,\n")
    result, table = generate(model, made, tmp_path / "b", request(seed_table=str(seeds), given={"low": 3}))
    assert result.num_rows == 3
    assert table["low"].to_pylist() == [3, 3, 3]
    assert table["colour"].to_pylist()[::2] == ["red", "blue"]
    assert table["high"].to_pylist()[:2] == [5, 17]
    seeds.write_text("colour\nviolet\n")
    with pytest.raises(DataError, match="1 of the given values are not among those"):
        generate(model, made, tmp_path / "c", request(seed_table=str(seeds)))


def test_an_actor_that_dies_costs_nothing_but_time(model: Location, tmp_path: Path) -> None:
    made = plan(num_records=30_000, shard_rows=1500)
    _, undisturbed = generate(model, made, tmp_path / "a")
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.done and not killed:
            killed.append(next(actors()))
            os.kill(killed[0], signal.SIGKILL)

    result, table = generate(model, made, tmp_path / "b", on_progress=kill_one)
    assert killed
    assert result.num_rows == 30_000
    assert table.equals(undisturbed)


def actors() -> Iterator[int]:
    """Processes of generation actors, found by the title that Ray gives them."""
    for child in psutil.Process().children(recursive=True):
        if "MapWorker" in " ".join(child.cmdline()):
            yield child.pid


def test_groups_are_as_many_as_asked_for_over_all_shards(tmp_path: Path) -> None:
    codec = visits()
    folder = Location.parse(tmp_path / "model")
    save_model(model_of(codec), codec, folder)
    made = plan(num_groups=5000)
    result, table = generate(folder, made, tmp_path)
    frame = table.to_pandas()
    assert frame["who"].nunique() == 5000
    assert result.num_rows == len(frame)
    asked = request(given={"ward": 2})
    _, table = generate(folder, replace(made, num_groups=None, num_records=50), tmp_path / "given", asked)
    assert set(table["ward"].to_pylist()) == {2}
    assert len(table) == 50
