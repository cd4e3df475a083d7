"""What becomes of a job, as a table of all that can have happened."""

from __future__ import annotations

from typing import Any

import pytest

from serve.runner.job_progress import LOST, MAX_ATTEMPTS, ORPHAN_SECONDS, judge, steps_of
from serve.runner.runner import Submission
from serve.store.job_store import initial_steps
from ss_ray.runs.job_status import StageStatus, StatusFile

ERROR = {"code": "invalid_data", "message": "no rows", "exit_code": 3, "retryable": False}
DONE = StatusFile(state="completed", rows=7)
FAILED = StatusFile(state="error", error=ERROR)
BUSY = StatusFile()


def ray(status: Any) -> Submission:
    return Submission(status=status)


@pytest.mark.parametrize(
    ("status", "submission", "written", "expected", "attempt"),
    [
        ("pending", ray("PENDING"), None, "pending", 0),
        ("pending", ray("RUNNING"), None, "active", 0),
        ("active", ray("RUNNING"), BUSY, "active", 0),
        ("active", ray("RUNNING"), DONE, "completed", 0),
        ("active", ray("SUCCEEDED"), DONE, "completed", 0),
        ("active", None, DONE, "completed", 0),  # the cluster was started anew afterwards
        ("active", ray("FAILED"), FAILED, "error", 0),
        ("active", None, FAILED, "error", 0),
        ("active", ray("FAILED"), BUSY, "pending", 2),  # killed
        ("active", ray("SUCCEEDED"), None, "pending", 2),  # ended without a word
        ("active", None, BUSY, "pending", 2),  # the cluster was started anew in the middle
        ("pending", None, None, "pending", 1),  # claimed, and the service died before it told Ray
        ("active", ray("STOPPED"), BUSY, "cancelled", 0),  # `ray job stop`
        ("cancelling", ray("RUNNING"), BUSY, "cancelling", 0),
        ("cancelling", ray("STOPPED"), BUSY, "cancelled", 0),
        ("cancelling", ray("FAILED"), FAILED, "cancelled", 0),
        ("cancelling", None, BUSY, "cancelled", 0),
        ("cancelling", ray("SUCCEEDED"), DONE, "completed", 0),  # it was faster
    ],
)
def test_every_job_goes_where_its_traces_say(
    status: str, submission: Submission | None, written: StatusFile | None, expected: str, attempt: int
):
    verdict = judge(status, 1, submission, written, 99.0)
    assert (verdict.status, verdict.submit) == (expected, attempt)


def test_a_driver_that_dies_each_time_is_an_error():
    verdict = judge("active", MAX_ATTEMPTS, ray("FAILED"), BUSY, 0.0)
    assert (verdict.status, verdict.submit, verdict.error) == ("error", 0, LOST)


def test_a_driver_that_still_writes_is_not_started_beside_itself_when_its_cluster_is_gone():
    verdict = judge("active", 1, None, BUSY, ORPHAN_SECONDS - 1)
    assert (verdict.status, verdict.submit) == ("active", 0)


def test_an_error_that_may_pass_is_tried_again_once_the_driver_has_ended():
    passing = StatusFile(state="error", error=ERROR | {"retryable": True})
    assert not judge("active", 1, ray("RUNNING"), passing, 0.0).submit
    assert judge("active", 1, ray("FAILED"), passing, 0.0).submit
    assert judge("active", 1, None, passing, 0.0).submit
    last = judge("active", MAX_ATTEMPTS, ray("FAILED"), passing, 0.0)
    assert (last.status, last.error["message"]) == ("error", "no rows")


def test_what_a_job_said_of_its_error_is_passed_on():
    assert judge("active", 1, ray("FAILED"), FAILED, 0.0).error == ERROR


def reading(name: str, done: int, time: str) -> StageStatus:
    return StageStatus(name=name, done=done, total=8, unit="rows", note="", started_at=time, updated_at=time)


def test_steps_before_the_current_one_are_completed_also_where_a_resumed_job_skipped_them():
    steps = initial_steps("run", {})
    written = StatusFile(stages=(reading("generate", 2, "1"),))
    shown = steps_of(steps, written, "active")
    assert [(step["name"], step["status"]) for step in shown] == [
        ("read", "completed"),
        ("replace_pii", "completed"),
        ("train", "completed"),
        ("generate", "active"),
        ("evaluate", "created"),
    ]
    assert shown[3]["details"]["progress"] == 0.25


@pytest.mark.parametrize(
    ("status", "shown"), [("error", "error"), ("cancelled", "cancelled"), ("completed", "completed")]
)
def test_the_current_step_ends_as_the_job_does(status: str, shown: str):
    written = StatusFile(stages=(reading("read", 8, "1"), reading("split", 8, "2"), reading("train", 1, "3")))
    assert steps_of(initial_steps("run", {"replace_pii": None}), written, status)[1]["status"] == shown


def test_the_latest_stage_is_the_status():
    written = StatusFile(stages=(reading("train", 4, "2"), reading("read", 8, "1")))
    assert judge("active", 1, ray("RUNNING"), written, 0.0).details["stage"] == "train"


def test_switched_off_parts_are_no_steps():
    config = {"replace_pii": None, "evaluation": {"enabled": False}}
    assert [step["name"] for step in initial_steps("run", config)] == ["read", "train", "generate"]
