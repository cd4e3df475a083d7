"""Logs of jobs: lines in the database, read in pages. A line is written once and never changed."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serve.bodies import portable
from serve.errors import UnusableError
from serve.store.database import JOB_LOGS, JOBS, Database, now

PAGE_LINES = 500
MAX_PAGE_LINES = 10_000
LAST = "last"
OURS = ("ss_ray", "jobs")
"""Loggers whose lines are passed on; those of other packages may quote the table, and stay in Ray's log."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line.

    Attributes:
        time: UTC, ISO 8601 with an offset.
        step: Step of the job; empty outside of any step.
        message: Text of the line.
    """

    time: str
    step: str
    message: str


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """Some lines of a job's log.

    Attributes:
        lines: In the order in which they were written.
        next_cursor: Cursor of the lines after these; None at the end.
        previous_cursor: Cursor of the lines before these; None at the start.
        total: Lines of the whole log.
    """

    lines: Sequence[LogLine]
    next_cursor: str | None
    previous_cursor: str | None
    total: int


def parse_line(text: str) -> LogLine | None:
    """A line that our entry points wrote; None for any other."""
    try:
        line: Any = json.loads(text)
        logger = str(line["logger"])
        step = str(line.get("step", ""))
        datetime.fromisoformat(line["time"])
        parsed = LogLine(time=line["time"], step=portable(step), message=portable(str(line["message"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

    if logger.partition(".")[0] in OURS:
        return parsed

    return None


def append_lines(
    database: Database, job_id: str, lines: Sequence[LogLine], most: int, *, read: int | None = None
) -> None:
    """Add lines to a job's log, which is cut off with a word at its longest.

    Args:
        database: Database of the logs.
        job_id: Id of the job.
        lines: In their order.
        most: Lines that a log may have.
        read: Lines of Ray's log that were read by now, kept in the same step; None: as before.
    """
    with database.write() as db:
        count = db.scalar(sa.select(sa.func.count()).where(JOB_LOGS.c.job_id == job_id)) or 0
        kept = list(lines[: max(0, most - count)])
        if count < most <= count + len(lines):
            kept[-1] = LogLine(time=now(), step="", message="the log is longer than is kept; Ray's log has all of it")

        rows = [
            {"job_id": job_id, "number": number, "time": line.time, "step": line.step, "message": line.message}
            for number, line in enumerate(kept, start=count)
        ]
        if rows:
            db.execute(JOB_LOGS.insert(), rows)

        if read is not None:
            db.execute(JOBS.update().where(JOBS.c.id == job_id).values(log_offset=read))


def read_logs(database: Database, job_id: str, limit: int | None, cursor: str | None) -> LogPage:
    """A page of a job's log.

    Args:
        database: Database of the logs.
        job_id: Id of the job; a job without lines gives an empty page.
        limit: Most lines; None: `PAGE_LINES`.
        cursor: Cursor from an earlier page; None starts at the first line; LAST gives the last page.

    Raises:
        UnusableError: Limit or cursor are none.
    """
    size = PAGE_LINES if limit is None else limit
    if not 1 <= size <= MAX_PAGE_LINES:
        raise UnusableError(f"limit is a whole number between 1 and {MAX_PAGE_LINES:,}")

    mine = JOB_LOGS.c.job_id == job_id
    with database.read() as db:
        total = db.scalar(sa.select(sa.func.count()).where(mine)) or 0
        if cursor == LAST:
            start = max(0, total - size)
        else:
            if cursor is not None:
                start = _decode_cursor(cursor)
            else:
                start = 0

        rows = db.execute(
            sa.select(JOB_LOGS).where(mine, JOB_LOGS.c.number >= start).order_by(JOB_LOGS.c.number).limit(size)
        ).all()

    return LogPage(
        lines=[LogLine(time=row.time, step=row.step, message=row.message) for row in rows],
        next_cursor=_encode_cursor(start + len(rows)) if start + len(rows) < total else None,
        previous_cursor=_encode_cursor(max(0, start - size)) if start else None,
        total=total,
    )


def _encode_cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _decode_cursor(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""

    if not text.isdigit() or len(text) > 9:
        raise UnusableError("Invalid page cursor")

    return int(text)
