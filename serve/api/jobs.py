"""The jobs API of nemo-microservices 1.5.0, the older dialect, and the job functions that both dialects share.

Dialects differ in how they name a job and in the shape of a few answers; what happens is the same.
"""

from __future__ import annotations

import json
import logging
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi import Body as FastApiBody
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from starlette.datastructures import QueryParams

from serve.api.job_views import job_view, logs_view, result_view, status_view
from serve.api.paging import Found, Listing, parse_page, read_page, visible
from serve.api.results import (
    PARQUET,
    RESULTS,
    SUMMARY,
    find_result,
    is_internal,
    read_chunks,
    read_parquet,
    read_safe_csv,
    result_names,
    summary,
)
from serve.bodies import Body, Name, is_name, refuse_value
from serve.errors import NotFoundError, UnusableError
from serve.looks.tables import refuse_missing_columns
from serve.sdk_config import job_config
from serve.state import Caller, Service, State, address_of
from serve.store.auth import Identity, Role
from serve.store.database import JOBS
from serve.store.job_logs import LogPage, read_logs
from serve.store.job_store import (
    COMPLETED,
    EXISTS,
    STATUSES,
    NewJob,
    Row,
    Sending,
    create_job,
    find_job,
    request_cancel,
    request_delete,
)
from serve.store.places import below, configured_source, uri_of
from serve.store.repositories import resolve
from ss_ray.location import Location

logger = logging.getLogger(__name__)
PREFIX = "/v1beta1/safe-synthesizer/jobs"
router = APIRouter(prefix=PREFIX, tags=["jobs"])
JobName = Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f\x7f#?%]{1,200}$")]
LISTING = Listing(
    sorts={
        "created_at": JOBS.c.created_at,
        "updated_at": JOBS.c.updated_at,
        "name": JOBS.c.name,
        "status": JOBS.c.status,
    },
    tie=(JOBS.c.number,),
    filters={
        "status": JOBS.c.status,
        "name": JOBS.c.name,
        "namespace": JOBS.c.namespace,
        "workspace": JOBS.c.namespace,
        "project": JOBS.c.project,
    },
    values={"status": STATUSES},
    dates={"created_at": JOBS.c.created_at, "updated_at": JOBS.c.updated_at},
    searches={"name": JOBS.c.name, "project": JOBS.c.project, "description": JOBS.c.description},
)
FRAMES = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
"""Policy of a report: it runs its own scripts, and reaches neither this service nor any other."""


EXAMPLES: dict[str, Example] = {
    "uploaded": {
        "summary": "1,000 rows like those of an uploaded table, with differential privacy",
        "value": {
            "name": "patients",
            "spec": {
                "data_source": "hf://datasets/default/safe-synthesizer/patients.csv",
                "config": {"generation": {"num_records": 1000}, "privacy": {"dp_enabled": True, "epsilon": 4}},
            },
        },
    }
}


def _at_most(count: int) -> AfterValidator:
    """Refuses JSON that is longer."""

    def check(value: Any) -> Any:
        if len(json.dumps(value)) > count:
            raise ValueError(f"longer than {count:,} characters of JSON")
        return value

    return AfterValidator(check)


FreeForm = Annotated[dict[str, Any] | None, _at_most(1 << 16)]


class Spec(BaseModel):
    """Source and configuration of a job; its characters are checked with the body around it."""

    model_config = Body.model_config
    data_source: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = Field(
        description="hf://datasets/<namespace>/<repository>/<file>, or a place that the operator lets jobs read.",
        examples=["hf://datasets/default/safe-synthesizer/patients.csv"],
    )
    pretrained_model_job: Annotated[None, refuse_value("a job trains its own model; leave it out")] = None
    config: Annotated[dict[str, Any], _at_most(1 << 19)] = Field(
        default_factory=dict,
        description="Parameters, as in the YAML files of `ss-ray run`, with enable_synthesis and enable_replace_pii.",
        examples=[{"generation": {"num_records": 1000}, "privacy": {"dp_enabled": True, "epsilon": 4}}],
    )


class JobCreate(Body):
    """A job that somebody asks for."""

    spec: Spec
    name: JobName | None = Field(None, description="Unique in the namespace; made where none is given.")
    description: Annotated[str, StringConstraints(max_length=4096)] | None = None
    namespace: Name | None = Field(None, description="default where none is given.")
    project: Annotated[str, StringConstraints(max_length=256)] | None = None
    ownership: FreeForm = None
    custom_fields: FreeForm = None


@router.post("", status_code=201)
def create(
    body: Annotated[JobCreate, FastApiBody(openapi_examples=EXAMPLES)],
    request: Request,
    state: Service,
    identity: Caller,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    retry_count: Annotated[str, Header(alias="x-stainless-retry-count")] = "0",
) -> dict[str, Any]:
    """Create a job; it runs as soon as there is room. Repeating the request returns the same job."""
    resent = retry_count.isdecimal() and retry_count.strip("0") != ""
    sending = Sending(arrived=request.state.arrived, key=idempotency_key or None, resent=resent)
    return job_view(create_in(body.namespace or "default", body, state, identity, sending))


@router.get("")
def list_jobs(request: Request, state: Service, identity: Caller) -> dict[str, Any]:
    """Jobs in pages: page, page_size, sort, filter[...], search[...]."""
    found = list_in(None, request.query_params, state, identity)
    return found.body([job_view(job) for job in found.rows])


@router.get("/{job_id}")
def retrieve(job_id: str, state: Service, identity: Caller) -> dict[str, Any]:
    """A job."""
    return job_view(by_id(job_id, "viewer", state, identity))


@router.delete("/{job_id}")
def delete(job_id: str, state: Service, identity: Caller) -> None:
    """Stop a job if it runs, and erase it with all its files."""
    delete_found(by_id(job_id, "admin", state, identity), state)


@router.post("/{job_id}/cancel")
def cancel(job_id: str, state: Service, identity: Caller) -> dict[str, Any]:
    """Stop a job; a finished job stays unchanged."""
    return job_view(cancel_found(by_id(job_id, "editor", state, identity), state))


@router.get("/{job_id}/status")
def status(job_id: str, state: Service, identity: Caller) -> dict[str, Any]:
    """Progress of a job, step by step."""
    return status_view(by_id(job_id, "viewer", state, identity))


@router.get("/{job_id}/logs")
def logs(
    job_id: str, state: Service, identity: Caller, limit: int | None = None, page_cursor: str | None = None
) -> dict[str, Any]:
    """Lines of a job's log in pages."""
    job = by_id(job_id, "viewer", state, identity)
    return logs_view(job, log_page(job, state, limit, page_cursor), "job_id")


@router.get("/{job_id}/results")
def results(job_id: str, request: Request, state: Service, identity: Caller) -> dict[str, Any]:
    """Results of a finished job."""
    job = by_id(job_id, "viewer", state, identity)
    return {
        "object": "list",
        "data": [result_view(job, name, _result_url(request, job, name)) for name in names_of(job, identity)],
    }


@router.get("/{job_id}/results/{name}")
def result(job_id: str, name: str, request: Request, state: Service, identity: Caller) -> dict[str, Any]:
    """Location of a result."""
    job = by_id(job_id, "viewer", state, identity)
    located(job, name, identity)
    return result_view(job, name, _result_url(request, job, name))


@router.get("/{job_id}/results/{name}/download")
def download(
    job_id: str, name: str, state: Service, identity: Caller, safe_csv: Annotated[bool, Query()] = False
) -> Response:
    """A result's content. With safe_csv=1 no cell of a CSV file is a formula to a spreadsheet."""
    return send_result(by_id(job_id, "viewer", state, identity), name, identity, safe_csv=safe_csv)


def create_in(
    namespace: str,
    body: JobCreate,
    state: State,
    identity: Identity,
    sending: Sending,
) -> Row:
    """Create a job in a namespace, or find the job that an earlier copy of the request created.

    Raises:
        SsRayError: See `serve.errors`; nothing was written.
    """
    if not is_name(namespace):
        raise UnusableError("a namespace starts with a letter or digit, and has up to 96 of those, and . _ -")

    identity.require(namespace, "editor", f"Namespace {namespace}")
    config = job_config(body.spec.config, state.settings, body.spec.data_source)
    content = resolve_source(body.spec.data_source, state, identity)
    refuse_missing_columns(config.config, body.spec.data_source, content, state)
    new = NewJob(
        namespace=namespace,
        name=body.name,
        project=body.project,
        description=body.description,
        ownership=body.ownership,
        custom_fields=body.custom_fields,
        data_source=body.spec.data_source,
        data=content,
        config=config,
        created_by=identity.subject,
    )
    runs = below(state.settings.storage, "runs")
    job = create_job(state.database, new, sending, runs, state.settings.limits)
    logger.info("job created", extra={"facts": {"job_id": job.id, "namespace": namespace}})
    state.dispatcher.wake.set()

    return job


def list_in(namespace: str | None, query: QueryParams, state: State, identity: Identity) -> Found:
    """The jobs of a namespace, or of all that the caller may look into, as a query asks."""
    asked = parse_page(query, LISTING)
    statement = sa.select(JOBS).where(EXISTS, visible(JOBS.c.namespace, identity))
    if namespace is not None:
        identity.require(namespace, "viewer", f"Workspace {namespace}")
        statement = statement.where(JOBS.c.namespace == namespace)

    with state.database.read() as db:
        return read_page(db, statement, LISTING, asked)


def by_id(job_id: str, role: Role, state: State, identity: Identity) -> Row:
    """The job of an id, for somebody who may do that with it.

    Raises:
        NotFoundError: There is none, or not for the caller.
        ForbiddenError: They may only look.
    """
    return allowed(find_job(state.database, JOBS.c.id == job_id), f"Job {job_id}", role, identity)


def allowed(job: Row | None, what: str, role: Role, identity: Identity) -> Row:
    """The job, if it is there and the caller may.

    Raises:
        NotFoundError: It is not, or not for them.
        ForbiddenError: They may only look.
    """
    if job is None:
        raise NotFoundError(f"{what} not found")
    identity.require(job.namespace, role, what)
    return job


def cancel_found(job: Row, state: State) -> Row:
    """Stop a job; as it is then."""
    request_cancel(state.database, job.id)
    state.dispatcher.wake.set()
    return find_job(state.database, JOBS.c.id == job.id) or job


def delete_found(job: Row, state: State) -> None:
    """Stop and erase a job."""
    request_delete(state.database, job.id)
    logger.info("job deleted", extra={"facts": {"job_id": job.id, "namespace": job.namespace}})
    state.dispatcher.wake.set()


def log_page(job: Row, state: State, limit: int | None, cursor: str | None) -> LogPage:
    """A page of a job's log."""
    return read_logs(state.database, job.id, limit, cursor)


def names_of(job: Row, identity: Identity) -> list[str]:
    """Results that a job has for a caller: for viewers those that may leave; none before it is completed."""
    if job.status == COMPLETED:
        names = result_names(Location.parse(job.run_dir), job.kind)
    else:
        names = []
    return [name for name in names if identity.may(job.namespace, "editor") or not is_internal(job.kind, name)]


def located(job: Row, name: str, identity: Identity) -> Location:
    """Location of a result.

    Raises:
        NotFoundError: The job has none of that name, or is not completed.
        ForbiddenError: The result was computed on real rows, and the caller may only look.
    """
    if job.status == COMPLETED:
        found = find_result(Location.parse(job.run_dir), job.kind, name)
    else:
        found = None

    if found is not None and is_internal(job.kind, name):
        identity.require(job.namespace, "editor", f"Result {name}")

    if found is None:
        raise NotFoundError(f"Result {name} for job {job.id} not found")

    return found


def send_result(job: Row, name: str, identity: Identity, *, safe_csv: bool = False) -> Response:
    """A result's content as an answer."""
    location = located(job, name, identity)
    kind = RESULTS[name]
    if name == SUMMARY:
        return JSONResponse(summary(Location.parse(job.run_dir), job.kind))

    headers = {"content-disposition": f'attachment; filename="{kind.file}"'}
    if name == PARQUET:
        return StreamingResponse(read_parquet(location), media_type=kind.media_type, headers=headers)

    if kind.media_type.startswith("text/html"):
        headers = {"content-security-policy": FRAMES}

    if safe_csv and kind.media_type.startswith("text/csv"):
        return StreamingResponse(read_safe_csv(location), media_type=kind.media_type, headers=headers)

    headers["content-length"] = str(location.filesystem.get_file_info(location.path).size)
    return StreamingResponse(read_chunks(location), media_type=kind.media_type, headers=headers)


def resolve_source(data_source: str, state: State, identity: Identity) -> str:
    """The URI that a job reads.

    Raises:
        UnusableError: It is no place that jobs may read, or nothing is there.
    """
    if not data_source.startswith("hf://") and "#" not in data_source:
        uri = configured_source(data_source, state.settings.data_sources)
        if not Location.parse(uri).exists():
            raise UnusableError("data_source: there is nothing at that place")
        return uri

    try:
        location, _ = resolve(state.database, state.blobs, data_source, identity)
    except NotFoundError as error:
        raise UnusableError(f"data_source: {error}") from None

    return uri_of(location, state.settings.storage)


def _result_url(request: Request, job: Row, name: str) -> str:
    """Download address of a result."""
    return f"{address_of(request)}{PREFIX}/{job.id}/results/{name}/download"
