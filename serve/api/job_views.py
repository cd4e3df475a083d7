"""Jobs in two dialects: nemo-microservices 1.5.0 by id; nemo-platform 0.3.0 and nemo-helix 0.8.1 by name.

One status body fits all three.
"""

from __future__ import annotations

from typing import Any

from serve.store.job_logs import LogPage
from serve.store.job_store import Row

STEP = "safe-synthesizer"
"""Step that log lines belong to which belong to none of a job's own."""


def job_view(job: Row) -> dict[str, Any]:
    """A job."""
    return {
        "id": job.id,
        "name": job.name,
        "namespace": job.namespace,
        "project": job.project,
        "description": job.description,
        "spec": job.spec,
        "status": job.status,
        "status_details": job.status_details,
        "error_details": job.error_details,
        "ownership": job.ownership,
        "custom_fields": job.custom_fields,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def platform_job_view(job: Row) -> dict[str, Any]:
    """A job in a workspace; the platform's own fields say that each step runs in one command on this service."""
    executor = {"provider": "subprocess", "command": ["ss-ray", job.kind.replace("_", "-")]}
    return {
        **job_view(job),
        "workspace": job.namespace,
        "source": STEP,
        "attempt_id": attempt_id(job),
        "platform_spec": {"steps": [{"name": step["name"], "executor": executor} for step in job.steps]},
        # Artifacts are results of the job, in no fileset.
        "fileset": "",
    }


def attempt_id(job: Row) -> str:
    """Identity of a job's latest attempt."""
    return f"{job.id}-{max(job.attempt, 1)}"


def platform_step_view(job: Row, step: dict[str, Any]) -> dict[str, Any]:
    """A step of a job in a workspace."""
    shown = status_view(job)["steps"][job.steps.index(step)]
    return {
        **{key: value for key, value in shown.items() if key != "tasks"},
        "entity_id": shown["id"],
        "parent": attempt_id(job),
        "attempt_id": attempt_id(job),
        "job": job.name,
        "workspace": job.namespace,
        "project": job.project,
        "fileset": "",
    }


def platform_task_view(job: Row, step: dict[str, Any]) -> dict[str, Any]:
    """The one task of a step of a job in a workspace."""
    shown = status_view(job)["steps"][job.steps.index(step)]
    (task,) = shown["tasks"]
    return {
        **task,
        "entity_id": f"{job.id}-{task['id']}",
        "parent": shown["id"],
        "step_id": shown["id"],
        "workspace": job.namespace,
        "project": job.project,
    }


def status_view(job: Row) -> dict[str, Any]:
    """Progress of a job; each step has one task."""
    times = {"created_at": job.created_at, "updated_at": job.updated_at}
    return {
        "job_id": job.id,
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "status_details": job.status_details,
        "error_details": job.error_details,
        "steps": [_step_view(job, step, times) for step in job.steps],
        **times,
    }


def _step_view(job: Row, step: dict[str, Any], times: dict[str, str]) -> dict[str, Any]:
    details = step.get("details", {})
    if step["status"] == "error":
        error = job.error_details
    else:
        error = {}

    shared = {"status": step["status"], "status_details": details, "error_details": error, **times}
    task = {"id": f"{step['name']}-0", "name": f"{step['name']}-0", "error_stack": "", **shared}
    return {"id": f"{job.id}-{step['name']}", "name": step["name"], **shared, "tasks": [task]}


def logs_view(job: Row, page: LogPage, job_key: str) -> dict[str, Any]:
    """Lines of a job's log; `job_key` is the client's name for the job's id."""
    return {
        "object": "list",
        "data": [
            {
                job_key: job.id,
                "job_step": line.step or STEP,
                "job_task": f"{line.step or STEP}-0",
                "message": line.message,
                "timestamp": line.time,
            }
            for line in page.lines
        ],
        "next_page": page.next_cursor,
        "prev_page": page.previous_cursor,
        "total": page.total,
    }


def result_view(job: Row, name: str, url: str) -> dict[str, Any]:
    """A result by its name."""
    return {
        "result_name": name,
        "job_id": job.id,
        "namespace": job.namespace,
        "project": job.project,
        "artifact_url": url,
        "artifact_storage_type": "nds",
        "created_at": job.updated_at,
        "updated_at": job.updated_at,
    }


def platform_result_view(job: Row, name: str, url: str) -> dict[str, Any]:
    """A result of a job in a workspace."""
    return {
        "name": name,
        "job": job.name,
        "workspace": job.namespace,
        "project": job.project,
        "artifact_url": url,
        "artifact_storage_type": "fileset",
        "download_url": url,
        "created_at": job.updated_at,
        "updated_at": job.updated_at,
    }
