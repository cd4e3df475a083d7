"""Generation by a language model in actors: one of them dies, all of them die, a seed table is filled."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.config.model import ResourceParameters
from ss_ray.errors import GenerationError
from ss_ray.generation import pool
from ss_ray.generation.language_stage import generate_text_table
from ss_ray.generation.results import GenerationJob, GenerationRequest, SyntheticTable
from ss_ray.generation.text_actor import Ask, load_text_actor
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan
from ss_ray.progress import OnProgress, Progress, ignore
from tests.generation.test_language_stage import YOUNG, actors, fill, released, request, table_of
from tests.generation.test_rows import plan
from tests.generation.test_text_actor import PLAN, ROWS, SETTINGS, model_folder

TWO = ResourceParameters(num_generation_workers=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Location:
    return model_folder(tmp_path_factory.mktemp("model"), ROWS)


def generate(
    model: Location,
    made: GenerationPlan,
    folder: Path,
    asked: GenerationRequest | None = None,
    on_progress: OnProgress = ignore,
) -> tuple[SyntheticTable, pa.Table]:
    work, target = Location.parse(folder / "work"), Location.parse(folder / "table")
    job = GenerationJob(model=model, plan=made, request=asked or request(), resources=TWO, work=work, target=target)
    result = generate_text_table(job, PLAN, on_progress)
    assert not work.exists()
    assert sorted(path.suffix for path in (folder / "table").iterdir()) == [".parquet"] * result.num_files
    return result, pq.ParquetDataset(folder / "table").read()


class KillOne:
    """Kills a generation actor as soon as there are rows."""

    def __init__(self) -> None:
        self.killed: list[int] = []

    def __call__(self, progress: Progress) -> None:
        if progress.done and not self.killed:
            self.killed.append(next(actors()))
            os.kill(self.killed[0], signal.SIGKILL)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_an_actor_that_dies_costs_nothing_but_time(model: Location, tmp_path: Path) -> None:
    made = plan([YOUNG], num_records=120)
    actor = load_text_actor(model, PLAN, made.seed, threads=1, use_gpu=False)
    expected = released(fill(table_of(ROWS, made, tmp_path / "a"), actor), tmp_path / "a")[1]
    kill = KillOne()
    result, table = generate(model, made, tmp_path / "b", on_progress=kill)
    assert kill.killed
    assert (result.num_rows, result.incomplete) == (120, "")
    assert table.equals(expected)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_seed_table_is_filled_by_actors_and_their_errors_arrive(model: Location, tmp_path: Path) -> None:
    (tmp_path / "seeds.csv").write_text("sex\nMale\nü\nFemale\n")
    _, table = generate(
        model, plan(), tmp_path / "a", request(seed_table=str(tmp_path / "seeds.csv"), given={"age": 9})
    )
    assert (table["sex"].to_pylist(), table["age"].to_pylist()) == (["Male", "ü", "Female"], [9] * 3)
    broken = model_folder(tmp_path / "broken", ROWS, window=len(SETTINGS.prompt_ids))
    with pytest.raises(GenerationError, match="a prompt must have"):
        generate(broken, plan(), tmp_path / "b")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_actors_that_keep_dying_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_RESTARTS", 1)
    options = pool.ActorOptions(num_actors=1, num_cpus=1, num_gpus=0, environment={})
    with pool.TextPool(os._exit, (1,), options, capacity=2) as actors:
        actors.submit([Ask(number=0, given="")])
        assert actors.wait() == []
        with pytest.raises(GenerationError, match="2 generation actors died"):
            actors.wait()
