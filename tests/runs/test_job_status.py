"""The status file of a job and its log as JSON lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.progress import Progress
from ss_ray.runs.job_status import JsonLines, followed, log_as_json, read_status


def status_of(file: Path):
    return read_status(Location.parse(file))


def progress(stage: str, done: int) -> Progress:
    return Progress(stage=stage, done=done, total=4)


def test_the_file_says_how_far_each_stage_is_and_how_it_ended(tmp_path: Path):
    file = tmp_path / "status.json"
    assert status_of(file) is None
    with followed(str(file)) as job:
        assert status_of(file).state == "active"
        job(progress("read", 0))
        job(progress("train", 0))
        assert [stage.name for stage in status_of(file).stages] == ["read", "train"]
        job(progress("train", 3))
        job.finish(rows=9, incomplete="too few")
    end = status_of(file)
    assert (end.state, end.rows, end.incomplete) == ("completed", 9, "too few")
    assert [(stage.name, stage.done) for stage in end.stages] == [("read", 0), ("train", 3)]


def test_readings_within_a_second_are_not_all_written(tmp_path: Path):
    file = tmp_path / "status.json"
    with followed(str(file)) as job:
        job(progress("read", 0))
        written = file.stat().st_mtime_ns
        for done in range(4):
            job(progress("read", done))
        assert file.stat().st_mtime_ns == written
        job.finish(rows=1)


def fails(file: Path, error: Exception) -> dict[str, object]:
    with pytest.raises(type(error)), followed(str(file)):
        raise error
    found = status_of(file)
    assert found.state == "error"
    return found.error


def test_an_error_of_ours_is_passed_on(tmp_path: Path):
    error = fails(tmp_path / "s.json", DataError("no rows", column="a"))
    assert error == {"code": "invalid_data", "message": "no rows", "exit_code": 3, "retryable": False}


def test_of_another_error_only_the_kind_is_told_for_it_may_quote_a_cell(tmp_path: Path):
    error = fails(tmp_path / "s.json", ValueError("SECRET-4711"))
    assert error == {"code": "internal_error", "message": "unexpected ValueError", "exit_code": 1, "retryable": False}
    assert "SECRET" not in (tmp_path / "s.json").read_text()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream, logger = io.StringIO(), logging.getLogger("some_package")
    log_as_json(package="some_package")
    (handler,) = [handler for handler in logger.handlers if isinstance(handler.formatter, JsonLines)]
    handler.setStream(stream)
    yield stream
    logger.removeHandler(handler)


def test_log_lines_are_json_with_what_was_given_beside_them(log: io.StringIO):
    logging.getLogger("some_package.part").info("made %d", 3, extra={"facts": {"job_id": "job-1"}})
    line = json.loads(log.getvalue())
    assert (line["message"], line["level"], line["logger"], line["job_id"]) == (
        "made 3",
        "info",
        "some_package.part",
        "job-1",
    )
    assert line["time"].endswith("+00:00")


def test_a_line_break_does_not_start_a_new_line(log: io.StringIO):
    logging.getLogger("some_package").warning("one\ntwo")
    assert len(log.getvalue().splitlines()) == 1
