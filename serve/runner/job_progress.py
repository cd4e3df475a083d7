"""The next status of a job, from Ray's record of it and from its own status file: functions on values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serve.runner.runner import OVER, Submission
from serve.store.job_store import ACTIVE, CANCELLED, CANCELLING, COMPLETED, CREATED, ERROR, PENDING
from ss_ray.runs.job_status import StageStatus, StatusFile

STEP_OF = {"split": "read", "measure": "train", "certify": "train", "hold_back": "train", "search": "generate"}
"""Stages that are part of another step."""
MAX_ATTEMPTS = 3
ORPHAN_SECONDS = 30.0
"""Without a word, after which the driver of a cluster that is gone is gone, too; it writes every second."""
LOST = {
    "code": "resource_unavailable",
    "message": f"the job's driver died {MAX_ATTEMPTS} times; the cluster's log of the job tells more",
    "retryable": True,
}
UNDELIVERED = "the cluster has not taken the job yet; it is asked again"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Next status of a job, with the actions that follow.

    Attributes:
        status: Status of the job now.
        submit: Attempt that Ray has to be told of: the same one again, which never reached it, or the next; 0: none.
        details: Details of the status.
        error: Details of an error; empty without one.
    """

    status: str
    submit: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)


def judge(
    status: str, attempt: int, submission: Submission | None, written: StatusFile | None, silent_seconds: float
) -> Verdict:
    """Decide the next status of a submitted job.

    Args:
        status: Status of the job in the database.
        attempt: Number of submissions, from 1 on.
        submission: Ray's record of the submission; None if Ray has none, as after a restart of the cluster.
        written: Status file of the job; None if the job has written none yet.
        silent_seconds: Since it wrote that; infinite where it wrote nothing.
    """
    over = submission is None or submission.status in OVER
    if written is not None and written.state == "error":
        error = written.error
    else:
        error = None

    if written is not None and written.state == "completed":
        return Verdict(status=COMPLETED, details=_job_outcome(written))
    if status == CANCELLING:
        return Verdict(status=CANCELLED if over else CANCELLING, details=_describe_details(written))
    if error is not None and not (error.get("retryable") and attempt < MAX_ATTEMPTS):
        return Verdict(status=ERROR, error=error, details=_describe_details(written))
    if submission is not None and submission.status == "STOPPED":
        return Verdict(status=CANCELLED, details={"message": "stopped on the cluster"})

    if submission is None and written is None:
        unheard = {"message": UNDELIVERED}
    else:
        unheard = {}

    if submission is None and error is None and silent_seconds < ORPHAN_SECONDS:
        # Its driver may outlive its cluster, and writes its files.
        return Verdict(status=status, details=unheard)
    if unheard:
        return Verdict(status=PENDING, submit=attempt, details=unheard)

    # It died without a word, or for want of something that may be there by now.
    if over:
        if attempt < MAX_ATTEMPTS:
            return Verdict(status=PENDING, submit=attempt + 1)
        return Verdict(status=ERROR, error=LOST, details=_describe_details(written))

    running = submission is not None and submission.status == "RUNNING"
    return Verdict(status=ACTIVE if running else PENDING, details=_describe_details(written))


def steps_of(steps: Sequence[Mapping[str, Any]], written: StatusFile | None, status: str) -> list[dict[str, Any]]:
    """The steps of a job as they stand.

    Args:
        steps: Its steps, in order.
        written: Status file of the job; None if the job has written none yet.
        status: Status of the job in the database.
    """
    names = [str(step["name"]) for step in steps]
    stages = _by_step(written, names)
    current = max((names.index(name) for name in stages), default=-1)

    return [
        {
            "name": name,
            "status": _step_status(place, current, status),
            **({"details": _stage_details(stages[name])} if name in stages else {}),
        }
        for place, name in enumerate(names)
    ]


def _step_status(place: int, current: int, status: str) -> str:
    if place < current or status == COMPLETED:
        return COMPLETED
    if place > current:
        return CREATED
    if status in (CANCELLED, CANCELLING, ERROR):
        return status

    return ACTIVE


def _by_step(written: StatusFile | None, names: Sequence[str]) -> dict[str, StageStatus]:
    """The last reading of each step that was begun."""
    stages = {STEP_OF.get(stage.name, stage.name): stage for stage in (written.stages if written else ())}
    return {name: stage for name, stage in stages.items() if name in names}


def _describe_details(written: StatusFile | None) -> dict[str, Any]:
    if written is None or not written.stages:
        return {}
    stage = max(written.stages, key=lambda stage: stage.updated_at)
    return {"stage": stage.name, **_stage_details(stage)}


def _stage_details(stage: StageStatus) -> dict[str, Any]:
    if stage.total:
        share = {"progress": round(min(1.0, stage.done / stage.total), 4)}
    else:
        share = {}
    return {"done": stage.done, "total": stage.total, "unit": stage.unit, "note": stage.note, **share}


def _job_outcome(written: StatusFile) -> dict[str, Any]:
    return {"rows": written.rows} | ({"incomplete": written.incomplete} if written.incomplete else {})
