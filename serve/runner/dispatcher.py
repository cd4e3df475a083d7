"""Submits jobs to the cluster and follows them to their end: one loop, run by the replica that holds the lease.

A crash may happen at any line. The next round reads the database, Ray and the job's status file, and decides what to
do. The database claims an id before Ray is told. Ray takes each id once. A job that is started again goes on in its run
directory from the last finished stage.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import shlex
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from json import dumps

from serve.api.results import grades
from serve.bodies import portable
from serve.runner.job_progress import Verdict, judge, steps_of
from serve.runner.runner import OVER, Runner, Submission
from serve.settings import Settings
from serve.store.blobs import BlobStore
from serve.store.database import Database, now
from serve.store.job_logs import LogLine, append_lines, parse_line
from serve.store.job_store import (
    CANCELLING,
    COMPLETED,
    ERROR,
    TERMINAL,
    TOLD,
    WAITING,
    Row,
    change,
    claim,
    config_of,
    deleted,
    forget_job,
    move,
    unfinished,
    wait_on,
)
from serve.store.lease import Lease, take_lease
from serve.store.places import below, file_suffix, folder_bytes, stage_input
from serve.store.repositories import sweep
from ss_ray.errors import ResourceError, SsRayError
from ss_ray.location import Location
from ss_ray.runs.job_status import StatusFile, read_status

logger = logging.getLogger(__name__)
LEASE_SECONDS = 15.0
LOG_CHARACTERS = 16 << 20
WHOLE_LOG = 2**31 - 1
"""Lines of Ray's log that count as read where it is longer than LOG_CHARACTERS, and is not looked at again."""
LOGS_A_ROUND = 4
"""Logs that are read in one round: readers would notice more of them at once."""
SWEEP_SECONDS = 24 * 3600.0
GONE = {"code": "invalid_data", "message": "the data set was deleted before the job began", "retryable": False}
ROUND_SECONDS = 1.0
ENTRY_POINTS = {"run": "jobs.run", "replace_pii": "jobs.replace_pii"}


def make_dispatcher(settings: Settings, database: Database, blobs: BlobStore, runner: Runner) -> Dispatcher:
    """The dispatcher of this replica."""
    holder = f"{os.getpid()}-{secrets.token_hex(8)}"
    lease = Lease(database, "dispatcher", holder, LEASE_SECONDS)
    return Dispatcher(settings=settings, database=database, blobs=blobs, runner=runner, lease=lease)


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Submits jobs to the cluster and follows them.

    Attributes:
        settings: Limits, places, the cluster.
        database: Database of the jobs.
        blobs: Content of uploaded files.
        runner: Runner that starts and stops jobs on the cluster.
        lease: Lease; the replica that holds it follows the jobs.
        wake: Set when there is something to do at once.
        rounds: Numbers of its rounds.
    """

    settings: Settings
    database: Database
    blobs: BlobStore
    runner: Runner
    lease: Lease
    wake: threading.Event = field(default_factory=threading.Event)
    rounds: Iterator[int] = field(default_factory=count)

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop."""
        told = ""
        while not stop.is_set():
            try:
                self.round()
                told = ""
            except SsRayError as error:
                # A cluster that starts, or is away, would fill the log with a line a second.
                if str(error) != told:
                    logger.warning("jobs are not followed for now: %s", error)
                told = str(error)
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever one job does to it
                logger.error("a round of the dispatcher failed with %s", type(error).__name__)

            self.wake.wait(ROUND_SECONDS)
            self.wake.clear()

        self.lease.release()

    def round(self) -> None:
        """Follow all jobs, start jobs while there is room, and remove deleted jobs.

        Raises:
            ResourceError: Database or cluster do not answer; nothing is lost.
        """
        if not self.lease.is_held():
            return

        jobs = unfinished(self.database)
        if jobs:
            # One question to Ray for all jobs, not one for each.
            known = self.runner.submissions()
            sent = [job for job in jobs if job.submission_id is not None]
            # Logs and disk usage are slow to read, so each round does so for some jobs, in turn.
            turns = math.ceil(len(sent) / LOGS_A_ROUND)
            turn = next(self.rounds)

            for number, job in enumerate(sent):
                with self._isolate_errors(job):
                    self._follow_job(job, known.get(job.submission_id), is_turn=(number - turn) % turns == 0)

            self._start_waiting()

        for job in deleted(self.database):
            with self._isolate_errors(job):
                self._erase_job(job)

        # The lease expires by itself after SWEEP_SECONDS, so one replica sweeps once in that time.
        if take_lease(self.database, "sweep", self.lease.holder, SWEEP_SECONDS, renew=False):
            sweep(self.database, self.blobs, datetime.now(UTC))

    @contextmanager
    def _isolate_errors(self, job: Row) -> Iterator[None]:
        """Keep an error in one job away from the others.

        Raises:
            ResourceError: Database or cluster do not answer, or another replica follows the jobs by now.
        """
        if not self.lease.is_held():
            raise ResourceError("another replica follows the jobs")

        try:
            yield
        except ResourceError:
            raise
        except Exception as error:  # noqa: BLE001 - its text may quote the table
            facts = {"job_id": job.id}
            logger.error("a job cannot be followed for now: %s", type(error).__name__, extra={"facts": facts})

    def _follow_job(self, job: Row, submission: Submission | None, *, is_turn: bool) -> None:
        """Record the progress of a job since the last round, and its log in its turn or at its end."""
        if job.status == CANCELLING and submission is not None and submission.status not in OVER:
            self.runner.stop(job.submission_id)

        written = self._read_written(job)
        is_over = submission is None or submission.status in OVER
        excess = self._find_excess(job, written, measures_disk=is_turn or is_over)
        if excess and not is_over:
            self.runner.stop(job.submission_id)
            # The job may still write: its files are removed after it has stopped.
            return

        verdict = judge(job.status, job.attempt, submission, written, _silent_seconds(job, written))
        if excess:
            error = {"code": "limit_exceeded", "message": excess, "retryable": False}
            verdict = Verdict(status=ERROR, details={}, error=error)

        is_lost = verdict.submit > job.attempt
        # Nobody looks at this attempt's log again.
        is_last = is_lost or verdict.status in TERMINAL
        if submission is not None and submission.status != "PENDING" and (is_turn or is_last):
            with self._isolate_errors(job):
                self._take_log(job, is_last)

        if is_lost:
            self._submit_again(job)
        else:
            self._record_verdict(job, verdict, written)
            if verdict.submit:
                self._submit_job(job, verdict.submit)

        if excess:
            self._remove_files(job)

    def _find_excess(self, job: Row, written: StatusFile | None, *, measures_disk: bool) -> str:
        """Limit that a job exceeds, in words; empty if it exceeds none, is finished, or is cancelled."""
        limits = self.settings.limits
        is_finished = written is not None and written.state in ("completed", "error")
        if is_finished or job.status == CANCELLING or job.started_at is None:
            return ""

        seconds = (datetime.now(UTC) - datetime.fromisoformat(job.started_at)).total_seconds()
        if seconds > limits.max_job_seconds:
            return (
                f"the job ran for {seconds:,.0f} s; {limits.max_job_seconds:,} s are allowed (limits.max_job_seconds)"
            )
        if not measures_disk:
            return ""

        used = sum(folder_bytes(folder) for folder in self._job_folders(job))
        if used > limits.max_job_bytes:
            return f"the job took {used:,} bytes of disk; {limits.max_job_bytes:,} are allowed (limits.max_job_bytes)"

        return ""

    def _job_folders(self, job: Row) -> list[Location]:
        """Everything that a job keeps on disk."""
        return [Location.parse(job.run_dir), Location.parse(below(self.settings.storage, f"jobs/{job.id}"))]

    def _remove_files(self, job: Row) -> None:
        for folder in self._job_folders(job):
            folder.remove()

    def _read_written(self, job: Row) -> StatusFile | None:
        """Status file of a job; None if it is missing or unreadable."""
        try:
            return read_status(Location.parse(self._job_path(job, "status.json")))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def _record_verdict(self, job: Row, verdict: Verdict, written: StatusFile | None) -> None:
        """Record the changes of a verdict."""
        kept = {name: job.status_details[name] for name in TOLD if name in job.status_details}
        details = kept | dict(verdict.details)
        if verdict.status == COMPLETED:
            # Lists show the grades without reading the run directory of every job.
            details |= grades(Location.parse(job.run_dir))

        steps = steps_of(job.steps, written, verdict.status)
        changes = portable({"status_details": details, "steps": steps, "error_details": dict(verdict.error)})
        if verdict.status != job.status:
            move(self.database, job.id, verdict.status, **changes)
            logger.info("job is %s", verdict.status, extra={"facts": {"job_id": job.id}})
            if verdict.status in TERMINAL:
                # Rows of a data set do not outlive their job.
                Location.parse(self._job_path(job, "input")).remove()
        elif any(changes[name] != getattr(job, name) for name in changes):
            change(self.database, job.id, **changes)

    def _take_log(self, job: Row, is_last: bool) -> None:
        """Copy the new lines of a job's log, up to a length that no log of ours exceeds."""
        if job.log_offset == WHOLE_LOG:
            return

        text = self.runner.log(job.submission_id)
        is_long = len(text) > LOG_CHARACTERS
        lines = text[:LOG_CHARACTERS].split("\n")
        if not is_last or is_long:
            # The last one may not be written to its end.
            lines = lines[:-1]

        new = [line for line in map(parse_line, lines[job.log_offset :]) if line is not None]
        if new or len(lines) > job.log_offset:
            read = WHOLE_LOG if is_long else len(lines)
            append_lines(self.database, job.id, new, self.settings.limits.max_log_lines, read=read)

    def _start_waiting(self) -> None:
        """Submit jobs that wait, as far as the limits go."""
        limits = self.settings.limits
        jobs = unfinished(self.database)
        active = Counter(job.namespace for job in jobs if job.submission_id is not None)

        for job in in_turn(jobs, active):
            room = active.total() < limits.max_active_jobs and active[job.namespace] < limits.max_active_per_namespace
            if not room:
                continue
            with self._isolate_errors(job):
                active[job.namespace] += self._submit_job(job, 1)

        wait_on(self.database)

    def _submit_again(self, job: Row) -> None:
        line = LogLine(
            time=now(), step="", message="the job's driver was lost; it goes on from the last finished stage"
        )
        append_lines(self.database, job.id, [line], self.settings.limits.max_log_lines)
        self._submit_job(job, job.attempt + 1)

    def _submit_job(self, job: Row, attempt: int) -> bool:
        """Lay out the job's input, claim a new attempt, and submit it to Ray; False if the job may not start."""
        submission_id = f"{job.id}-{attempt}"
        try:
            entrypoint = self._make_entrypoint(job)
        except FileNotFoundError:
            move(self.database, job.id, ERROR, error_details=GONE)
            return False

        # Another replica may have claimed the attempt, or a caller may have cancelled the job.
        if attempt > job.attempt and not claim(self.database, job.id, attempt, submission_id):
            return False

        # The status of an earlier attempt would be taken for this one's.
        Location.parse(self._job_path(job, "status.json")).remove()
        metadata = {"job_id": job.id, "namespace": job.namespace, "name": job.name}
        self.runner.submit(submission_id, entrypoint, metadata)

        return True

    def _make_entrypoint(self, job: Row) -> str:
        """Write the input files of a job, and return its command line.

        Raises:
            FileNotFoundError: The data set was deleted since.
        """
        places = {"data": self._place_input(job), "out": job.run_dir}
        places |= {"config": self._job_path(job, "config.json"), "status": self._job_path(job, "status.json")}
        Location.parse(places["config"]).write_text(dumps(config_of(self.database, job.id)))
        options = [part for name, place in places.items() for part in (f"--{name}", place)]
        return shlex.join([self.settings.ray.python, "-m", ENTRY_POINTS[job.kind], "--csv", *options])

    def _place_input(self, job: Row) -> str:
        """Path of a job's input: a new file for uploaded content, else the source itself.

        Only the suffix of an uploaded file's name is used in a path.

        Raises:
            FileNotFoundError: The content was deleted since.
        """
        if not job.data.startswith(below(self.settings.storage.partition("?")[0], "objects/")):
            return str(job.data)
        named = self._job_path(job, f"input/table{file_suffix(job.data_source)}")
        # The format follows from the ending; the content itself is stored by its hash.
        stage_input(Location.parse(job.data), Location.parse(named))
        return named

    def _erase_job(self, job: Row) -> None:
        """Remove all that a deleted job has left."""
        if job.submission_id is not None:
            self.runner.forget(job.submission_id)
        self._remove_files(job)
        forget_job(self.database, job.id)

    def _job_path(self, job: Row, name: str) -> str:
        return below(self.settings.storage, f"jobs/{job.id}/{name}")


def in_turn(jobs: Sequence[Row], active: Mapping[str, int]) -> list[Row]:
    """Waiting jobs in starting order: the namespace with the fewest jobs on the cluster comes first.

    Args:
        jobs: Unfinished ones, oldest first.
        active: Namespace -> jobs of it that are on the cluster.
    """
    waiting = [job for job in jobs if job.submission_id is None and job.status in WAITING]
    places = Counter(active)
    ranks = []

    for job in waiting:
        # The rank of a job is the number of jobs of its namespace before it, those on the cluster included.
        ranks.append(places[job.namespace])
        places[job.namespace] += 1

    return [job for _, job in sorted(zip(ranks, waiting, strict=True), key=lambda ranked: ranked[0])]


def _silent_seconds(job: Row, written: StatusFile | None) -> float:
    """Seconds since a job wrote its status or, if it never did, since it was claimed or cancelled."""
    try:
        time = datetime.fromisoformat(written.updated_at if written else job.updated_at)
        return (datetime.now(UTC) - time).total_seconds()
    except (ValueError, TypeError):
        return math.inf
