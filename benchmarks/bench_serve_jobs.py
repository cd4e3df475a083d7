"""What the jobs service bears: many clients at once, readers while jobs run, a flat memory, and kill -9.

    PYTHONPATH=. python benchmarks/bench_serve_jobs.py --jobs 200 --clients 20 --requests 10000 --kill 20

`python -m serve` runs on a Ray of its own, as for a user. Jobs go through Ray's Jobs API, but in place of the pipeline
runs a stand-in that sleeps, writes what a job writes, and counts its starts: the service is measured, not the training.
Prints one JSON line for each of --jobs, --requests and --kill; the keys are those of --kill.

Keys: killed_with, ended, starts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from smoke import arguments_of

from tests.integration.local_service import LocalService, wait_for

JOBS = "/v1beta1/safe-synthesizer/jobs"
TERMINAL = {"completed", "error", "cancelled"}
STAND_IN = """#!{python}
import json, os, sys, time
from pathlib import Path
given = dict(zip(sys.argv[1:], sys.argv[2:]))
out, status = Path(given["--out"]), Path(given["--status"])
with open({starts!r}, "a") as stream:
    stream.write(out.name + "\\n")
def say(**values):
    text = json.dumps(dict(state="active", stages=[], rows=None, incomplete="", error=None, updated_at="") | values)
    status.with_suffix(".new").write_text(text)
    os.replace(status.with_suffix(".new"), status)
say()
print(json.dumps(dict(time="2026-01-01T00:00:00+00:00", level="info", logger="ss_ray.x", message="starts")), flush=True)
time.sleep({seconds})
(out / "release").mkdir(parents=True, exist_ok=True)
(out / "release" / "synthetic.csv").write_text("a\\n1\\n")
say(state="completed", rows=1)
"""


class StandInService(LocalService):
    """A service whose jobs are stand-ins.

    Args:
        folder: Of the service, the table and the stand-in.
        seconds: That a job takes.
        active: Jobs on the cluster at the same time.
    """

    def __init__(self, folder: Path, seconds: float, active: int) -> None:
        self.folder = folder
        (folder / "tables").mkdir()
        (folder / "tables" / "t.csv").write_text("a\n1\n")
        program = folder / "stand_in"
        starts = str(folder / "starts")
        program.write_text(STAND_IN.format(python=sys.executable, starts=starts, seconds=seconds))
        program.chmod(0o755)
        limits = {"max_active_jobs": active, "max_active_per_namespace": active, "requests_per_minute": 10**6}
        settings = {"data_sources": [str(folder / "tables")], "audit_log": None, "ray": {"python": str(program)}}
        super().__init__(folder, settings | {"limits": limits})

    def starts(self) -> Counter[str]:
        """How often each job was started."""
        file = self.folder / "starts"
        if file.exists():
            return Counter(file.read_text().split())
        return Counter()

    def statuses(self) -> Counter[str]:
        """Jobs by status."""
        found = httpx.get(f"{self.url}{JOBS}?page_size=1000", timeout=60).json()["data"]
        return Counter(job["status"] for job in found)


@contextmanager
def service(seconds: float, active: int) -> Iterator[StandInService]:
    """A service in a folder of its own, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        made = StandInService(Path(folder), seconds, active)
        try:
            yield made
        finally:
            made.stop()


def submit(running: StandInService, count: int, clients: int) -> Counter[int]:
    """Create jobs from many clients at once; answers by status code."""
    body = {"spec": {"data_source": str(running.folder / "tables" / "t.csv"), "config": {}}}

    def client(number: int) -> list[int]:
        with httpx.Client(base_url=running.url, timeout=120) as http:
            return [http.post(JOBS, json=body).status_code for _ in range(number, count, clients)]

    with ThreadPoolExecutor(clients) as pool:
        return Counter(code for codes in pool.map(client, range(clients)) for code in codes)


def wait(running: StandInService, jobs: int, limit: float = 3000) -> Counter[str]:
    """Wait until all jobs are over."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        statuses = running.statuses()
        if sum(count for status, count in statuses.items() if status in TERMINAL) >= jobs:
            return statuses
        time.sleep(2)

    return running.statuses()


def wait_until_started(running: StandInService, jobs: int) -> None:
    """Wait until so many jobs have begun."""
    wait_for(lambda: len(running.starts()) >= jobs, 600)


@contextmanager
def reading(running: StandInService, readers: int) -> Iterator[dict[str, list[float]]]:
    """Seconds of reads by kind, while the block runs; each reader asks ten times a second."""
    seconds: dict[str, list[float]] = {"status": [], "logs": [], "list": []}
    stop = threading.Event()

    def read() -> None:
        with httpx.Client(base_url=running.url, timeout=60) as http:
            jobs = [job["id"] for job in http.get(f"{JOBS}?page_size=100").json()["data"]]
            paths: list[tuple[str, Callable[[str], str]]] = [
                ("status", lambda job: f"{JOBS}/{job}/status"),
                ("logs", lambda job: f"{JOBS}/{job}/logs"),
                ("list", lambda job: f"{JOBS}?page_size=10"),
            ]
            turn = 0

            while not stop.wait(0.1):
                kind, path = paths[turn % 3]
                started = time.perf_counter()
                http.get(path(jobs[turn % len(jobs)])).raise_for_status()
                seconds[kind].append(time.perf_counter() - started)
                turn += 1

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()

    yield seconds
    stop.set()
    for thread in threads:
        thread.join()


def percentile(values: list[float], share: float) -> float:
    """Milliseconds that this share of values does not pass."""
    return round(1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))], 1)


def bench_jobs(jobs: int, clients: int, active: int, job_seconds: float) -> dict[str, Any]:
    """Many jobs from many clients, and readers while they run."""
    with service(seconds=job_seconds, active=active) as running:
        started = time.monotonic()
        codes = submit(running, jobs, clients)
        accepted = time.monotonic() - started
        # All run at once: the readers see them run, not start.
        if active >= jobs:
            wait_until_started(running, jobs)

        with reading(running, readers=4) as seconds:
            statuses = wait(running, jobs)

        starts = running.starts()
        return {
            "jobs": jobs,
            "clients": clients,
            "active": active,
            "job_seconds": job_seconds,
            "answers": dict(codes),
            "seconds_to_accept": round(accepted, 1),
            "seconds_to_end": round(time.monotonic() - started, 1),
            "statuses": dict(statuses),
            "started_more_than_once": sum(count > 1 for count in starts.values()),
            "reads": {kind: len(found) for kind, found in seconds.items()},
            "p50_ms": {kind: percentile(found, 0.5) for kind, found in seconds.items()},
            "p99_ms": {kind: percentile(found, 0.99) for kind, found in seconds.items()},
        }


def bench_requests(requests: int) -> dict[str, Any]:
    """Memory of the service over many requests, and how fast they are."""
    with service(seconds=1, active=1) as running, httpx.Client(base_url=running.url, timeout=60) as http:
        submit(running, 3, 1)
        wait(running, 3)
        memory = []
        latencies = []

        for number in range(requests + 1):
            if number % (requests // 5) == 0:
                memory.append(round(running.megabytes()))
            started = time.perf_counter()
            http.get(f"{JOBS}?page_size=10" if number % 2 else "/").raise_for_status()
            latencies.append(time.perf_counter() - started)

        return {
            "requests": requests,
            "megabytes": memory,
            "p50_ms": percentile(latencies, 0.5),
            "p99_ms": percentile(latencies, 0.99),
        }


def bench_kill(jobs: int) -> dict[str, Any]:
    """Everything ends by kill -9 while all jobs run, and is started anew."""
    with service(seconds=60, active=jobs) as running:
        submit(running, jobs, jobs)
        wait_until_started(running, jobs)
        before = running.statuses()
        running.kill()
        running.start()
        statuses = wait(running, jobs)
        return {
            "killed_with": dict(before),
            "ended": dict(statuses),
            "starts": dict(Counter(running.starts().values())),
        }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, help="jobs that are submitted at once")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--active", type=int, default=4, help="jobs on the cluster at the same time")
    parser.add_argument("--job-seconds", type=float, default=1, help="that a job takes after its start")
    parser.add_argument("--requests", type=int, help="requests over which memory is watched")
    parser.add_argument("--kill", type=int, help="running jobs at the time of kill -9")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with arguments_of(parser, smoke=smoke) as options:
        if not (options.jobs or options.requests or options.kill):
            parser.error("one of --jobs, --requests, --kill or --smoke is required")

        if options.jobs:
            found = bench_jobs(options.jobs, options.clients, options.active, options.job_seconds)
            print(json.dumps(found), flush=True)
        if options.requests:
            print(json.dumps(bench_requests(options.requests)), flush=True)
        if options.kill:
            print(json.dumps(bench_kill(options.kill)), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: two jobs, ten requests, one job that is killed."""
    return {"jobs": 2, "clients": 2, "active": 2, "job_seconds": 1.0, "requests": 10, "kill": 1}


if __name__ == "__main__":
    main()
