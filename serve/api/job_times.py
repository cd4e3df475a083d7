"""Progress of a job in time: the share that is done, and how long the rest takes."""

from __future__ import annotations

from datetime import UTC, datetime

from serve.store.job_store import TERMINAL, Row

WEIGHTS = {"read": 1.0, "replace_pii": 2.0, "train": 5.0, "generate": 1.5, "evaluate": 1.5}
"""Parts of the time of a job that its steps take, about, on two cores."""


def share_done(job: Row) -> float:
    """Share of a job's time that is over, in [0, 1]; of a step without a total, nothing counts before its end."""
    weights = {step["name"]: WEIGHTS.get(step["name"], 1.0) for step in job.steps}
    done = [
        weights[step["name"]]
        * (1.0 if step["status"] == "completed" else float(step.get("details", {}).get("progress", 0.0)))
        for step in job.steps
    ]
    return sum(done) / sum(weights.values()) if done else 0.0


def seconds_left(job: Row, estimate: float | None) -> float | None:
    """Seconds until an active job ends; None before its start, after its end, and where nothing is known.

    Args:
        job: Row of the job.
        estimate: Seconds that the whole job takes, as estimated before its start; None where they are not known.
    """
    if job.status in TERMINAL or job.started_at is None:
        return None

    elapsed = (datetime.now(UTC) - datetime.fromisoformat(job.started_at)).total_seconds()
    share = share_done(job)
    if share > 0.1:
        # What was measured counts where it is more than what was estimated.
        return (1 - share) * max(estimate or 0.0, elapsed / share)
    if estimate is None:
        return None

    return max((1 - share) * estimate - elapsed, 0.5 * (1 - share) * estimate)
