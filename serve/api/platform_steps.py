"""Steps and tasks of jobs as nemo-helix 0.8.1 reads them, and its calls that only the platform's own workers make."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from serve.api.job_views import platform_step_view, platform_task_view
from serve.api.platform import JOBS_PREFIX, by_name
from serve.errors import NotFoundError, UnusableError
from serve.state import Caller, Service
from serve.store.job_store import Row

STEP_PREFIX = JOBS_PREFIX + "/{name}/steps"
router = APIRouter(tags=["platform"])


@router.get("/apis/jobs/v2/execution-profiles")
def list_profiles(state: Service, identity: Caller) -> list[dict[str, Any]]:
    """No profile: the operator decides where jobs run."""
    return []


@router.get(STEP_PREFIX)
def list_steps(workspace: str, name: str, state: Service, identity: Caller) -> dict[str, Any]:
    """The steps of a job, all on one page."""
    job = by_name(workspace, name, "viewer", state, identity)
    count = len(job.steps)
    pages = {"page": 1, "page_size": count, "current_page_size": count, "total_pages": 1, "total_results": count}
    return {"data": [platform_step_view(job, step) for step in job.steps], "pagination": pages}


@router.get(STEP_PREFIX + "/{step}")
def get_step(workspace: str, name: str, step: str, state: Service, identity: Caller) -> dict[str, Any]:
    """A step of a job."""
    job = by_name(workspace, name, "viewer", state, identity)
    return platform_step_view(job, _find_step(job, step))


@router.get(STEP_PREFIX + "/{step}/tasks")
def list_tasks(workspace: str, name: str, step: str, state: Service, identity: Caller) -> dict[str, Any]:
    """The tasks of a step: one."""
    job = by_name(workspace, name, "viewer", state, identity)
    return {"data": [platform_task_view(job, _find_step(job, step))]}


@router.get(STEP_PREFIX + "/{step}/tasks/{task}")
def get_task(workspace: str, name: str, step: str, task: str, state: Service, identity: Caller) -> dict[str, Any]:
    """A task of a step."""
    job = by_name(workspace, name, "viewer", state, identity)
    shown = platform_task_view(job, _find_step(job, step))
    if shown["name"] != task:
        raise NotFoundError(f"Task {task} of step {step} of job {job.name} not found")

    return shown


@router.post(JOBS_PREFIX)
def create_other(workspace: str, state: Service, identity: Caller) -> None:
    """Jobs of other kinds are not run."""
    identity.require(workspace, "editor", f"Workspace {workspace}")
    raise UnusableError("this service runs safe-synthesizer jobs only; create one under /apis/safe-synthesizer")


@router.patch(JOBS_PREFIX + "/{name}/status-details")
@router.post(JOBS_PREFIX + "/{name}/results/{result}")
@router.patch(STEP_PREFIX + "/{step}/status")
@router.put(STEP_PREFIX + "/{step}/tasks/{task}")
def report_progress(workspace: str, name: str, state: Service, identity: Caller) -> None:
    """The progress and the results of a job come from the job itself."""
    by_name(workspace, name, "editor", state, identity)
    raise UnusableError("jobs report their progress and results themselves; no caller can change them")


def _find_step(job: Row, name: str) -> dict[str, Any]:
    """A step by its name.

    Raises:
        NotFoundError: The job has no such step.
    """
    for step in job.steps:
        if step["name"] == name:
            return dict(step)

    raise NotFoundError(f"Step {name} of job {job.name} not found")
