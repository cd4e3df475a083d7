"""Which stages of a job are done, and what a finished job still needs."""

from pathlib import Path

import pytest
import ray

from ss_ray.config.files import parse_config
from ss_ray.pipelines.stages import Stages, begin_job
from ss_ray.runs.run_dir import RunDir

CONFIG = parse_config({"audit_log": None, "data": {"random_state": 1}})
INPUTS = {"read": "a source"}


@pytest.fixture
def finished(tmp_path: Path) -> RunDir:
    """Directory of a job whose stages are all done."""
    run_dir = RunDir.at(tmp_path / "run")
    run_dir.create()
    stages = Stages(run_dir, CONFIG, redo=False)
    stages.check(INPUTS)
    for stage in stages.wanted:
        run_dir.write_manifest(stage, {"stage": stage, "key": stages.key(stage), "asked": {}, "seconds": 1.0})
    return run_dir


def test_a_finished_job_starts_no_ray(finished: RunDir) -> None:
    with begin_job("run", CONFIG, finished, lambda: INPUTS) as job:
        assert job.stages.is_finished
        assert not ray.is_initialized()


def test_a_job_without_its_last_stage_is_not_finished(finished: RunDir) -> None:
    finished.manifest("evaluate").remove()
    stages = Stages(finished, CONFIG, redo=False)
    stages.check(INPUTS)
    assert not stages.is_finished


def test_a_job_whose_source_changed_is_not_finished(finished: RunDir) -> None:
    stages = Stages(finished, CONFIG, redo=True)
    stages.check({"read": "another source"})
    assert not stages.is_finished
