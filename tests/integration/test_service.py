"""The service as a user starts it, `python -m serve`, with real jobs on a real Ray: run, cancelled, killed, resumed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ss_ray.client import Client
from tests.integration.local_service import LocalService, wait_for

pytestmark = pytest.mark.ray

SMALL = {
    "replace_pii": None,
    "enable_replace_pii": False,
    "data": {"random_state": 3},
    "training": {
        "num_input_records_to_sample": 600,
        "compact": {"hidden_size": 16, "num_layers": 1, "num_heads": 2},
    },
    "generation": {"num_records": 50},
    "evaluation": {"enabled": False},
}
LONG = SMALL | {"training": SMALL["training"] | {"num_input_records_to_sample": 10_000_000}}


def wait_for_training(client: Client, job: str) -> None:
    """Until a job trains.

    Raises:
        AssertionError: It ended before.
    """

    def is_training() -> bool:
        now = client.status(job)
        assert not now.is_over, now
        return now.stage == "train"

    wait_for(is_training, 600)


def drivers(job: str) -> list[psutil.Process]:
    """Processes of a job's entry point."""
    return [
        p
        for p in psutil.process_iter(["cmdline"])
        if job in " ".join(p.info["cmdline"] or []) and "jobs.run" in " ".join(p.info["cmdline"])
    ]


@pytest.fixture(scope="module")
def service(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """Beside another Ray on the same machine."""
    folder = tmp_path_factory.mktemp("service")
    resources = {"threads_per_worker": 1, "num_generation_workers": 1}
    made = LocalService(folder, {"audit_log": f"{folder}/audit.jsonl", "resources": resources})
    yield made
    made.stop()


@pytest.fixture
def client(service: LocalService) -> Iterator[Client]:
    with Client(service.url) as made:
        yield made


def test_a_job_runs_on_the_cluster_and_its_table_is_fetched(client: Client, service: LocalService, visits_csv: Path):
    job = client.submit(visits_csv, SMALL)
    assert client.wait(job, progress=False, timeout_seconds=900).status == "completed"
    assert len(client.data(job)) == 50
    assert client.summary(job)["num_valid_records"] == 50
    log = list(client.logs(job))
    assert any("train: finished" in line for line in log)
    assert service.log.parent.joinpath("audit.jsonl").exists()


def test_a_table_that_cannot_be_used_is_an_error_that_says_why(client: Client, tmp_path: Path):
    (tmp_path / "one.csv").write_text("a\n1\n")
    job = client.submit(tmp_path / "one.csv", SMALL)
    wait_for(lambda: client.status(job).is_over, 600)
    assert client.status(job).status == "error"
    assert "1 row; at least 2" in client.status(job).message
    assert client.status(job).stage == "read"


def test_cancelling_ends_the_driver_and_its_workers_within_seconds(client: Client, visits_csv: Path):
    job = client.submit(visits_csv, LONG)
    wait_for_training(client, job)
    (driver,) = [process for process in drivers(job) if "--status" in process.cmdline()][-1:]
    started = time.monotonic()
    client.cancel(job)
    wait_for(lambda: client.status(job).is_over, 30)
    assert client.status(job).status == "cancelled"
    assert not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE
    assert time.monotonic() - started < 30


@pytest.mark.slow
def test_a_driver_that_is_killed_is_started_again_and_goes_on(client: Client, visits_csv: Path):
    job = client.submit(visits_csv, SMALL)
    wait_for_training(client, job)
    for process in drivers(job):
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)
    assert client.wait(job, progress=False, timeout_seconds=900).status == "completed"
    log = list(client.logs(job))
    assert sum("read: starts" in line for line in log) == 1  # the second driver went on after it
    assert any("driver was lost" in line for line in log)


@pytest.mark.slow
def test_kill_9_of_everything_loses_no_job_and_doubles_none(client: Client, service: LocalService, visits_csv: Path):
    running, waiting = client.submit(visits_csv, SMALL), client.submit(visits_csv, SMALL)
    wait_for_training(client, running)
    service.kill()
    service.start()
    for job in (running, waiting):
        assert client.wait(job, progress=False, timeout_seconds=900).status == "completed"
        assert len(client.data(job)) == 50


def test_stopping_ends_every_process_and_prints_no_error(service: LocalService):
    """The last test of the file: nothing answers after it."""
    processes = psutil.Process(service.process.pid).children(recursive=True)
    service.stop()
    gone, alive = psutil.wait_procs(processes, timeout=30)
    assert (service.process.returncode, len(gone) > 0, alive) == (0, True, [])
    lines = service.log.read_text().splitlines()
    assert [line for line in lines if not line.startswith(("{", "ss_ray is at"))] == []
