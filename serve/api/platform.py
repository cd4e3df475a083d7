"""The jobs API of nemo-platform 0.3.0 and nemo-helix 0.8.1: workspaces, jobs by name, results with hyphens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from serve.api.job_views import logs_view, platform_job_view, platform_result_view, status_view
from serve.api.jobs import (
    JobCreate,
    allowed,
    cancel_found,
    create_in,
    delete_found,
    list_in,
    located,
    log_page,
    names_of,
    send_result,
)
from serve.errors import UnusableError
from serve.state import Caller, Service, State, address_of
from serve.store.auth import Identity, Role
from serve.store.database import JOBS
from serve.store.job_logs import LAST
from serve.store.job_store import Row, Sending, find_job

PREFIX = "/apis/safe-synthesizer/v2/workspaces/{workspace}/jobs"
JOBS_PREFIX = "/apis/jobs/v2/workspaces/{workspace}/jobs"
router = APIRouter(tags=["platform"])
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


@router.post(PREFIX, status_code=201)
def create(
    workspace: str,
    body: JobCreate,
    request: Request,
    state: Service,
    identity: Caller,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Create a job; the configuration may leave out all that has a default."""
    sending = Sending(arrived=request.state.arrived, key=idempotency_key or None, resent=False)
    return platform_job_view(create_in(workspace, body, state, identity, sending))


@router.get(PREFIX)
@router.get(JOBS_PREFIX)
def list_jobs(workspace: str, request: Request, state: Service, identity: Caller) -> dict[str, Any]:
    """Jobs of a workspace in pages."""
    found = list_in(workspace, request.query_params, state, identity)
    return found.body([platform_job_view(job) for job in found.rows])


@router.get(PREFIX + "/{name}")
@router.get(JOBS_PREFIX + "/{name}")
def retrieve(workspace: str, name: str, state: Service, identity: Caller) -> dict[str, Any]:
    """A job."""
    return platform_job_view(by_name(workspace, name, "viewer", state, identity))


@router.delete(PREFIX + "/{name}", status_code=204)
@router.delete(JOBS_PREFIX + "/{name}", status_code=204)
def delete(workspace: str, name: str, state: Service, identity: Caller) -> Response:
    """Stop a job if it runs, and erase it with all its files."""
    delete_found(by_name(workspace, name, "admin", state, identity), state)
    return Response(status_code=204)


@router.post(PREFIX + "/{name}/cancel")
@router.post(JOBS_PREFIX + "/{name}/cancel")
def cancel(workspace: str, name: str, state: Service, identity: Caller) -> dict[str, Any]:
    """Stop a job; a finished job stays unchanged."""
    return platform_job_view(cancel_found(by_name(workspace, name, "editor", state, identity), state))


@router.post(JOBS_PREFIX + "/{name}/{verb}")
def pause(workspace: str, name: str, verb: str, state: Service, identity: Caller) -> dict[str, Any]:
    """Pausing is not offered: cancel a job, and create it again."""
    by_name(workspace, name, "editor", state, identity)
    raise UnusableError(f"jobs cannot {verb!r} here; cancel one, and create it again")


@router.get(PREFIX + "/{name}/status")
@router.get(JOBS_PREFIX + "/{name}/status")
def status(workspace: str, name: str, state: Service, identity: Caller) -> dict[str, Any]:
    """Progress of a job, step by step."""
    return status_view(by_name(workspace, name, "viewer", state, identity))


@router.get(PREFIX + "/{name}/logs")
@router.get(JOBS_PREFIX + "/{name}/logs")
def logs(
    workspace: str,
    name: str,
    state: Service,
    identity: Caller,
    limit: int | None = None,
    page_cursor: str | None = None,
    tail: int | None = None,
) -> dict[str, Any]:
    """Lines of a job's log in pages; only the last ones with `tail`."""
    job = by_name(workspace, name, "viewer", state, identity)
    if tail is not None:
        return logs_view(job, log_page(job, state, tail, LAST), "job")

    return logs_view(job, log_page(job, state, limit, page_cursor), "job")


@router.get(JOBS_PREFIX + "/{name}/results")
def results(workspace: str, name: str, request: Request, state: Service, identity: Caller) -> dict[str, Any]:
    """Results of a finished job."""
    job = by_name(workspace, name, "viewer", state, identity)
    hyphened = [found.replace("_", "-") for found in names_of(job, identity)]
    return {"data": [platform_result_view(job, found, _result_url(request, job, found)) for found in hyphened]}


@router.get(JOBS_PREFIX + "/{name}/results/{result}")
def result(
    workspace: str, name: str, result: str, request: Request, state: Service, identity: Caller
) -> dict[str, Any]:
    """Location of a result."""
    job = by_name(workspace, name, "viewer", state, identity)
    located(job, result.replace("-", "_"), identity)
    return platform_result_view(job, result, _result_url(request, job, result))


@router.get(PREFIX + "/{name}/results/{result}/download")
@router.get(JOBS_PREFIX + "/{name}/results/{result}/download")
def download(
    workspace: str,
    name: str,
    result: str,
    state: Service,
    identity: Caller,
    safe_csv: Annotated[bool, Query()] = False,
) -> Response:
    """A result's content."""
    job = by_name(workspace, name, "viewer", state, identity)
    return send_result(job, result.replace("-", "_"), identity, safe_csv=safe_csv)


def by_name(workspace: str, name: str, role: Role, state: State, identity: Identity) -> Row:
    """The job of a name, for somebody who may do that with it.

    Raises:
        NotFoundError: There is none, or not for the caller.
        ForbiddenError: They may only look.
    """
    found = find_job(state.database, (JOBS.c.namespace == workspace) & (JOBS.c.name == name))
    return allowed(found, f"Job {name!r} in workspace {workspace!r}", role, identity)


def _result_url(request: Request, job: Row, name: str) -> str:
    """Download address of a result."""
    path = JOBS_PREFIX.format(workspace=job.namespace)
    return f"{address_of(request)}{path}/{job.name}/results/{name}/download"
