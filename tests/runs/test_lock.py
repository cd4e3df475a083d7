"""A run directory belongs to one process at a time, and a refused run leaves nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ss_ray.errors import ConfigError, DataError, ResourceError, TrainingError
from ss_ray.location import Location
from ss_ray.runs.lock import NAME, locked
from ss_ray.runs.run_dir import RunDir


def test_a_second_holder_is_told_the_process_of_the_first(tmp_path: Path) -> None:
    run_dir = RunDir.at(tmp_path / "run")
    with locked(run_dir):
        with pytest.raises(ResourceError, match=f"process {os.getpid()} works in the run directory"):
            locked(run_dir).__enter__()
        assert (tmp_path / "run" / NAME).exists()
    assert not (tmp_path / "run" / NAME).exists()
    with locked(run_dir):
        pass


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    hold = (
        "import sys; from ss_ray.runs.lock import locked; from ss_ray.runs.run_dir import RunDir\n"
        f"with locked(RunDir.at({str(tmp_path / 'run')!r})):\n    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ResourceError, match=rf"process {holder.pid} works"):
        locked(RunDir.at(tmp_path / "run")).__enter__()

    holder.kill()
    holder.communicate()
    assert (tmp_path / "run" / NAME).exists()
    with locked(RunDir.at(tmp_path / "run")):
        assert (tmp_path / "run" / NAME).read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("refusal", [ConfigError, DataError, ResourceError])
def test_a_refused_run_leaves_no_folder_that_it_made(refusal: type[Exception], tmp_path: Path) -> None:
    def refuse() -> None:
        run_dir = RunDir.at(tmp_path / "runs" / "new" / "run")
        with locked(run_dir):
            run_dir.write_manifest("start", {})
            (tmp_path / "runs" / "other").mkdir()
            raise refusal("no")

    with pytest.raises(refusal, match="no"):
        refuse()
    assert [path.name for path in tmp_path.rglob("*")] == ["runs", "other"]


def test_what_was_there_and_what_was_worked_for_stays(tmp_path: Path) -> None:
    old = RunDir.at(tmp_path / "old")
    old.write_manifest("start", {})
    with pytest.raises(ConfigError), locked(old):
        raise ConfigError("no")
    assert old.manifest("start").exists()

    split = RunDir.at(tmp_path / "split")

    def work() -> None:
        with locked(split):
            split.write_manifest("split", {})
            raise DataError("no")

    with pytest.raises(DataError):
        work()
    assert split.manifest("split").exists()

    failed = RunDir.at(tmp_path / "failed")
    with pytest.raises(TrainingError), locked(failed):
        raise TrainingError("no")
    assert failed.root.exists()


def test_an_object_store_has_no_lock() -> None:
    place = RunDir(root=Location.parse("mock://bucket/run"))
    with locked(place), locked(place):
        pass


def test_a_file_in_place_of_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError, match=re.escape(f"cannot make the folder {tmp_path / 'file'}")):
        locked(RunDir.at(tmp_path / "file" / "run")).__enter__()
