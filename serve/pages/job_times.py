"""Progress of a job in time: the share that is done, and how long the rest takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from serve.store.job_store import TERMINAL, Row

WEIGHTS = {"read": 1.0, "replace_pii": 2.0, "train": 5.0, "generate": 1.5, "evaluate": 1.5}
"""Parts of the time of a job that its steps take, about, on two cores."""
MEASURED_SHARE = 0.1
"""Share of a job from which on its pace is measured."""


def share_done(job: Row) -> float:
    """Share of a job's time that is over, in [0, 1]; of a step without a total, nothing counts before its end."""
    weights = {step["name"]: WEIGHTS.get(step["name"], 1.0) for step in job.steps}
    done = [
        weights[step["name"]]
        * (1.0 if step["status"] == "completed" else float(step.get("details", {}).get("progress", 0.0)))
        for step in job.steps
    ]
    return sum(done) / sum(weights.values()) if done else 0.0


@dataclass(frozen=True, kw_only=True)
class JobTime:
    """Estimated time of a job.

    Attributes:
        left: Seconds until the job ends.
        total: Seconds from its start to its end.
    """

    left: float
    total: float


def estimate_time(job: Row, estimate: float | None) -> JobTime | None:
    """The time of an unfinished job; None where nothing is known, and after its end.

    Args:
        job: Row of the job.
        estimate: Seconds that the whole job takes, as estimated before its start; None where they are not known.
    """
    if job.status in TERMINAL:
        return None
    if job.started_at is None:
        return None if estimate is None else JobTime(left=estimate, total=estimate)

    elapsed = (datetime.now(UTC) - datetime.fromisoformat(job.started_at)).total_seconds()
    share = share_done(job)
    if estimate is None and share < MEASURED_SHARE:
        return None

    total = estimate or 0.0
    if share >= MEASURED_SHARE:
        # What was measured counts where it is more than what was estimated.
        total = max(total, elapsed / share)

    left = max((1 - share) * total, total - elapsed)
    return JobTime(left=left, total=elapsed + left)
