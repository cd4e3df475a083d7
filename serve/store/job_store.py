"""Jobs in the database: creating, finding, and moving them between statuses. Nothing here talks to Ray.

A status only moves along `NEXT`, in one statement that names the statuses it may come from, so that a cancel and the
end of a job cannot overwrite each other, whoever comes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from serve.errors import ConflictError, TooManyError
from serve.sdk_config import JobConfig, Kind
from serve.settings import Limits
from serve.store.database import JOB_LOGS, JOBS, Database, new_id, now, time_text
from serve.store.places import below

CREATED = "created"
PENDING = "pending"
ACTIVE = "active"
CANCELLING = "cancelling"
COMPLETED = "completed"
ERROR = "error"
CANCELLED = "cancelled"
STATUSES = (CREATED, PENDING, ACTIVE, CANCELLED, CANCELLING, ERROR, COMPLETED, "paused", "pausing", "resuming")
WAITING = (CREATED, PENDING)
UNFINISHED = (CREATED, PENDING, ACTIVE, CANCELLING)
TERMINAL = (COMPLETED, ERROR, CANCELLED)
# Status -> statuses it may come from.
NEXT = {
    # From itself, or back, for another attempt.
    PENDING: (CREATED, PENDING, ACTIVE),
    ACTIVE: (CREATED, PENDING),
    CANCELLING: (CREATED, PENDING, ACTIVE),
    CANCELLED: (CREATED, PENDING, CANCELLING),
    COMPLETED: (CREATED, PENDING, ACTIVE, CANCELLING),
    ERROR: (CREATED, PENDING, ACTIVE, CANCELLING),
}
STEPS: Mapping[str, Sequence[str]] = {
    "run": ("read", "replace_pii", "train", "generate", "evaluate"),
    "replace_pii": ("read", "replace_pii"),
}
RETRY_SECONDS = 600
"""For how long a create that says it was sent before is looked for."""
RESENT = "resent-"
LARGE = ("spec", "ownership", "custom_fields", "config", "description")
"""Columns that may be large, and that following jobs does not need."""
EXISTS = JOBS.c.deleted_at.is_(None)
Row = sa.Row[Any]
TOLD = ("model", "warnings")
"""Details of a status that are known when a job is created, and stay."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job as a request describes it.

    Attributes:
        namespace: Namespace of the job.
        name: Unique in the namespace; None: one is made from the source.
        project: Project of the job, as free text.
        description: Description of the job, as free text.
        ownership: Ownership data of the job, as free JSON.
        custom_fields: Fields of the client, as free JSON.
        data_source: Location of the table as the client wrote it.
        data: URI that the job reads.
        config: Translated configuration of the job.
        created_by: Subject of the caller.
    """

    namespace: str
    name: str | None
    project: str | None
    description: str | None
    ownership: dict[str, Any] | None
    custom_fields: dict[str, Any] | None
    data_source: str
    data: str
    config: JobConfig
    created_by: str

    @property
    def digest(self) -> str:
        """Digest that is equal for equal requests of one caller."""
        content = [self.namespace, self.name, self.project, self.description, self.ownership, self.custom_fields]
        text = json.dumps([*content, self.data_source, self.config.echoed, self.created_by], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Sending:
    """Circumstances of a create request.

    Attributes:
        arrived: When, as tables have times.
        key: `Idempotency-Key`; None without one.
        resent: Whether the client says that it sent the same before.
    """

    arrived: str
    key: str | None
    resent: bool


def create_job(database: Database, job: NewJob, sending: Sending, runs: str, limits: Limits) -> Row:
    """Create a job, or return the job that an earlier copy of the request created.

    Args:
        database: Database of the jobs.
        job: Job that the request describes.
        sending: Circumstances of the request.
        runs: Folder or URI of all runs.
        limits: Limits on waiting jobs.

    Raises:
        ConflictError: The name is taken, or the key was used for something else.
        TooManyError: Too many jobs wait already.
    """
    try:
        return _create_job(database, job, sending, runs, limits)
    except sa.exc.IntegrityError:
        # Another replica was faster; with the same key it made the same job.
        pass

    try:
        return _create_job(database, job, sending, runs, limits)
    except sa.exc.IntegrityError:
        raise ConflictError(f"the namespace {job.namespace!r} has a job named {job.name!r}") from None


def find_job(database: Database, condition: sa.ColumnElement[bool]) -> Row | None:
    """The job that meets a condition and was not deleted; None where none does."""
    with database.read() as db:
        return db.execute(sa.select(JOBS).where(condition, EXISTS)).one_or_none()


def move(database: Database, job_id: str, status: str, **changes: Any) -> bool:
    """Move a job to a status, with other changes; False if its status does not allow it."""
    condition = (JOBS.c.id == job_id) & JOBS.c.status.in_(NEXT[status])
    with database.write() as db:
        found = db.execute(JOBS.update().where(condition).values(status=status, updated_at=now(), **changes))
        return found.rowcount == 1


def change(database: Database, job_id: str, **changes: Any) -> None:
    """Change the facts of an unfinished job; its status stays."""
    condition = (JOBS.c.id == job_id) & JOBS.c.status.in_(UNFINISHED)
    with database.write() as db:
        db.execute(JOBS.update().where(condition).values(updated_at=now(), **changes))


def request_cancel(database: Database, job_id: str) -> None:
    """Cancel a job: at once where it only waits, else as soon as Ray has stopped it. Nothing where it is over."""
    mine = JOBS.c.id == job_id
    with database.write() as db:
        waits = mine & JOBS.c.status.in_(WAITING) & JOBS.c.submission_id.is_(None)
        done = db.execute(JOBS.update().where(waits).values(status=CANCELLED, updated_at=now()))
        if not done.rowcount:
            runs = mine & JOBS.c.status.in_(NEXT[CANCELLING])
            db.execute(JOBS.update().where(runs).values(status=CANCELLING, updated_at=now()))


def request_delete(database: Database, job_id: str) -> None:
    """From now on the job does not exist for callers; its files and its row go when it has stopped."""
    request_cancel(database, job_id)
    with database.write() as db:
        gone = {"deleted_at": now(), "name": JOBS.c.name + "#" + JOBS.c.id, "request_key": None}
        db.execute(JOBS.update().where(JOBS.c.id == job_id).values(**gone))


def deleted(database: Database) -> Sequence[Row]:
    """Jobs that were deleted and have stopped."""
    with database.read() as db:
        return db.execute(sa.select(JOBS).where(JOBS.c.deleted_at.is_not(None), JOBS.c.status.in_(TERMINAL))).all()


def forget_job(database: Database, job_id: str) -> None:
    """Remove a job's row and its log."""
    with database.write() as db:
        db.execute(JOB_LOGS.delete().where(JOB_LOGS.c.job_id == job_id))
        db.execute(JOBS.delete().where(JOBS.c.id == job_id))


def unfinished(database: Database) -> Sequence[Row]:
    """Unfinished jobs, oldest first, without the fields that only callers read."""
    columns = [column for column in JOBS.c if column.name not in LARGE]
    source = JOBS.c.spec["data_source"].as_string().label("data_source")
    with database.read() as db:
        statement = sa.select(*columns, source).where(JOBS.c.status.in_(UNFINISHED))
        return list(db.execute(statement.order_by(JOBS.c.number)))


def config_of(database: Database, job_id: str) -> dict[str, Any]:
    """Configuration of a job's entry point."""
    with database.read() as db:
        config: dict[str, Any] = db.execute(sa.select(JOBS.c.config).where(JOBS.c.id == job_id)).scalar_one()
    return config


def wait_on(database: Database) -> None:
    """Jobs that were looked at and not started are pending."""
    condition = (JOBS.c.status == CREATED) & JOBS.c.submission_id.is_(None)
    with database.read() as db:
        if db.scalar(sa.select(JOBS.c.id).where(condition).limit(1)) is None:
            return

    with database.write() as db:
        db.execute(JOBS.update().where(condition).values(status=PENDING, updated_at=now()))


def claim(database: Database, job_id: str, attempt: int, submission_id: str) -> bool:
    """Take an attempt of a job for this replica; False where it was taken already, or the job is not to run."""
    before = (JOBS.c.attempt == attempt - 1) & JOBS.c.status.in_(NEXT[PENDING])
    changes = {"status": PENDING, "submission_id": submission_id, "attempt": attempt, "log_offset": 0}
    changes["started_at"] = sa.func.coalesce(JOBS.c.started_at, now())

    with database.write() as db:
        found = db.execute(JOBS.update().where(JOBS.c.id == job_id, before).values(updated_at=now(), **changes))
        return found.rowcount == 1


def initial_steps(kind: Kind, config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Steps of a new job, none of them begun."""
    skipped = set()
    if config.get("replace_pii", {}) is None:
        skipped.add("replace_pii")

    if not config.get("evaluation", {}).get("enabled", True):
        skipped.add("evaluate")

    return [{"name": name, "status": CREATED} for name in STEPS[kind] if name not in skipped]


def _create_job(database: Database, job: NewJob, sending: Sending, runs: str, limits: Limits) -> Row:
    with database.write() as db:
        # The same request, sent again meanwhile, waits here.
        if db.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(int(job.digest[:15], 16))))

        before = _sent_before(db, job, sending)
        if before is not None:
            return before

        _check_room(db, job.namespace, limits)
        return _insert_job(db, job, sending, runs)


def _check_room(db: sa.Connection, namespace: str, limits: Limits) -> None:
    """Refuse a job where too many wait.

    Raises:
        TooManyError: In the namespace, or in all.
    """
    waits = JOBS.c.status.in_(WAITING)
    for condition, most in (
        (waits & (JOBS.c.namespace == namespace), limits.max_waiting_per_namespace),
        (waits, limits.max_waiting_jobs),
    ):
        waiting = db.scalar(sa.select(sa.func.count()).where(condition)) or 0
        if waiting >= most:
            raise TooManyError(f"{waiting:,} jobs wait already; try again later", headers={"retry-after": "30"})


def _sent_before(db: sa.Connection, job: NewJob, sending: Sending) -> Row | None:
    """Job that an earlier copy of the request created."""
    mine = (JOBS.c.namespace == job.namespace) & (JOBS.c.created_by == job.created_by)
    if sending.key is not None:
        found = db.execute(
            sa.select(JOBS).where(JOBS.c.namespace == job.namespace, JOBS.c.request_key == sending.key)
        ).one_or_none()
        # A key that is reused by mistake must not return another caller's job.
        if found is not None and (found.request_digest != job.digest or found.created_by != job.created_by):
            raise ConflictError("this Idempotency-Key was used for another request")
        return found

    same = mine & (JOBS.c.request_digest == job.digest)
    # The first request may still be on its way, so either order must find the other's job: a repetition takes the job
    # of the first request, and a late first request takes the job of the repetition.
    if sending.resent:
        recent = _subtract_seconds(sending.arrived, RETRY_SECONDS)
        statement = sa.select(JOBS).where(same, EXISTS, JOBS.c.created_at >= recent)
    else:
        statement = sa.select(JOBS).where(
            same, JOBS.c.created_at >= sending.arrived, JOBS.c.request_key.startswith(RESENT)
        )

    return db.execute(statement.order_by(JOBS.c.number.desc()).limit(1)).one_or_none()


def _insert_job(db: sa.Connection, job: NewJob, sending: Sending, runs: str) -> Row:
    job_id = new_id("job")
    time = now()
    key = sending.key or (RESENT + job_id if sending.resent else None)
    told = dict(zip(TOLD, (job.config.model, list(job.config.warnings)), strict=True))
    details = {name: value for name, value in told.items() if value}

    values = {
        "id": job_id,
        "namespace": job.namespace,
        "name": job.name or _name_of(job.data_source, job_id),
        "project": job.project,
        "description": job.description,
        "spec": {"data_source": job.data_source, "config": job.config.echoed},
        "ownership": job.ownership,
        "custom_fields": job.custom_fields,
        "status": CREATED,
        "status_details": details,
        "error_details": {},
        "steps": initial_steps(job.config.kind, job.config.config),
        "created_at": time,
        "updated_at": time,
        "created_by": job.created_by,
        "request_key": key,
        "request_digest": job.digest,
        "kind": job.config.kind,
        "data": job.data,
        "config": job.config.config,
        "run_dir": below(runs, job_id),
        "attempt": 0,
        "log_offset": 0,
    }

    return db.execute(JOBS.insert().values(**values).returning(*JOBS.c)).one()


def _name_of(data_source: str, job_id: str) -> str:
    """A name from the source's file and the end of the id."""
    stem = data_source.rstrip("/").rpartition("/")[2].rpartition("#")[2].partition(".")[0]
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem)[:20]
    return f"{kept or 'job'}-{job_id[-8:]}"


def _subtract_seconds(time: str, seconds: float) -> str:
    return time_text(datetime.fromisoformat(time) - timedelta(seconds=seconds))
