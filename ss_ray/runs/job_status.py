"""How far a job is, kept in one small JSON file for whoever looks from outside: a service, a script, a person.

    {"state": "active", "stages": [{"name": "train", "done": 120, "total": 400, "unit": "steps", "note": "loss 1.31",
     "started_at": ..., "updated_at": ...}], "rows": null, "incomplete": "", "error": null, "updated_at": ...}

`state` is active, completed (with why rows are missing in `incomplete`), or error. The file is replaced in one step, at
most once a second while a stage goes on. It holds no cell of any table.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ss_ray.errors import SsRayError
from ss_ray.location import Location
from ss_ray.progress import OnProgress, PlainLines, Progress, shown

logger = logging.getLogger(__name__)
WRITE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    """How far a stage is.

    Attributes:
        name: Name of the stage.
        done: Number of units finished.
        total: Units in all; None while unknown.
        unit: Unit that is counted.
        note: Short addition of the stage, such as the loss.
        started_at: UTC, ISO 8601.
        updated_at: Time of the last reading, UTC, ISO 8601.
    """

    name: str
    done: int
    total: int | None
    unit: str
    note: str
    started_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True)
class StatusFile:
    """How far a job is.

    Attributes:
        state: active, completed or error.
        stages: In the order in which they started.
        rows: Made; None before the end.
        incomplete: Why there are fewer than were asked for; empty where there are not.
        error: `code`, `message`, `exit_code` and `retryable` of what ended it; None where nothing did.
        updated_at: UTC, ISO 8601.
    """

    state: str = "active"
    stages: tuple[StageStatus, ...] = ()
    rows: int | None = None
    incomplete: str = ""
    error: dict[str, Any] | None = None
    updated_at: str = ""


@dataclass
class Follower:
    """Takes what a job reports: `follower(progress)` while it runs, `follower.finish(...)` at its end.

    Attributes:
        shown: Function that shows the progress to people.
        file: File that holds the `StatusFile`; None keeps none.
    """

    shown: OnProgress
    file: Location | None
    status: StatusFile = field(default_factory=StatusFile)
    written_at: float = 0.0
    # Stages report from threads of their own.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, progress: Progress) -> None:
        """Take a reading."""
        self.shown(progress)
        if self.file is None:
            return

        with self.lock:
            before = self.status.stages
            self.status = replace(self.status, stages=_with_reading(before, progress, _utc_now()))
            started = len(self.status.stages) > len(before)
            if started or time.monotonic() - self.written_at >= WRITE_SECONDS:
                self._write_file()

    def finish(self, *, rows: int, incomplete: str = "") -> None:
        """The job has made what it can."""
        logger.info("finished: %d rows", rows)
        self._write_status(replace(self.status, state="completed", rows=rows, incomplete=incomplete))

    def fail(self, error: BaseException) -> None:
        """The job ended with an error; only our own errors say more than their kind, for others may quote data."""
        if isinstance(error, SsRayError):
            told = error
        else:
            told = SsRayError(f"unexpected {type(error).__name__}")

        logger.error("failed: %s", told)
        described = {
            "code": told.code,
            "message": str(told),
            "exit_code": told.exit_code,
            "retryable": told.retryable,
        }
        self._write_status(replace(self.status, state="error", error=described))

    def _write_status(self, status: StatusFile) -> None:
        with self.lock:
            self.status = status
            if self.file is not None:
                self._write_file()

    def _write_file(self) -> None:
        assert self.file is not None
        self.status = replace(self.status, updated_at=_utc_now())
        self.file.write_text(json.dumps(asdict(self.status)) + "\n")
        self.written_at = time.monotonic()


@contextmanager
def followed(file: str | None) -> Iterator[Follower]:
    """What a job reports to: bars or lines for people, and with a file the job's status and its log as JSON lines.

    Args:
        file: Path or URI of the status file; None: there is none.
    """
    if file is None:
        with shown() as on_progress:
            yield Follower(on_progress, None)
        return

    follower = Follower(PlainLines(logging.getLogger("ss_ray.progress").info), Location.parse(file))
    follower._write_status(StatusFile())
    try:
        yield follower
    except BaseException as error:
        follower.fail(error)
        raise


def read_status(file: Location) -> StatusFile | None:
    """What a status file says; None where there is none yet."""
    if not file.exists():
        return None
    values = json.loads(file.read_text())
    stages = tuple(StageStatus(**stage) for stage in values.pop("stages"))
    return StatusFile(**values, stages=stages)


class JsonLines(logging.Formatter):
    """A log line as JSON: time, level, logger, message, and what was given as `extra={"facts": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(line | getattr(record, "facts", {}), ensure_ascii=False)


def log_as_json(level: int = logging.INFO, package: str = "ss_ray") -> None:
    """Write the log of a package to stderr as JSON lines; the logs of others stay as they are, and may quote data."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(package)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def _with_reading(stages: tuple[StageStatus, ...], progress: Progress, time: str) -> tuple[StageStatus, ...]:
    """The stages after a reading."""
    started = next((stage.started_at for stage in stages if stage.name == progress.stage), time)
    now = StageStatus(
        name=progress.stage,
        done=progress.done,
        total=progress.total,
        unit=progress.unit,
        note=progress.note,
        started_at=started,
        updated_at=time,
    )
    if all(stage.name != now.name for stage in stages):
        return (*stages, now)

    return tuple(now if stage.name == now.name else stage for stage in stages)


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
