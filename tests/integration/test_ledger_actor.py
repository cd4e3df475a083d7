"""One ledger for a whole cluster: shared by jobs and workers, and complete after real kills of any of them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray

from ss_ray.errors import ConfigError, PrivacyError, ResourceError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.actor import ACTOR_NAME, NAMESPACE, LedgerClient, connect_ledger
from ss_ray.privacy.ledger.ledger import Ledger, SpendingLedger

pytestmark = pytest.mark.ray
STEP = Charge(mechanism="dp-sgd", noise_multiplier=4.0, sample_rate=0.5)
DELTA = 1e-5
DRIVER = """
import sys
import ray
from ss_ray.privacy.ledger.actor import connect_ledger
from tests.integration.test_ledger_actor import execute_steps
ray.init(address=sys.argv[1], log_to_driver=False)
execute_steps(connect_ledger(), sys.argv[2], sys.argv[3], 10**6)
"""


def steps(count: int) -> Charge:
    return replace(STEP, count=count)


@pytest.fixture(scope="module")
def url(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the ledger of these tests; its actor ends with them."""
    end_actor()
    yield f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.sqlite"
    end_actor()


@pytest.fixture
def ledger(url: str) -> LedgerClient:
    return connect_ledger(url)


def end_actor() -> None:
    if actor_exists():
        actor = ray.get_actor(ACTOR_NAME, NAMESPACE)
        ray.kill(actor)
        # Its name goes first, and until its process ends it may charge once more.
        wait_until(lambda: not actor_exists() and has_died(actor))


def has_died(actor: Any) -> bool:
    try:
        ray.get(actor.__ray_ready__.remote())
    except ray.exceptions.RayActorError:
        return True
    return False


def actor_exists() -> bool:
    try:
        ray.get_actor(ACTOR_NAME, NAMESPACE)
    except ValueError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def opened(ledger: SpendingLedger, job: str, *charges: Charge) -> str:
    """The job, on a data set of its own name up to the first space."""
    ledger.open_job(job, job.partition(" ")[0], "row", DELTA)
    ledger.reserve(job, charges)
    return job


def uses(ledger: SpendingLedger, job: str) -> int:
    return sum(charge.count for charge in ledger.spent(job))


def execute_steps(ledger: SpendingLedger, job: str, executed: str, count: int) -> None:
    """Charge each step, then execute it: the noise is a byte that reaches the file at once."""
    file = os.open(executed, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for _ in range(count):
        ledger.charge(job, STEP)
        os.write(file, b".")


@ray.remote(num_cpus=0.5, max_retries=0)
def charge_steps(ledger: SpendingLedger, job: str, count: int) -> int:
    """Uses charged by then."""
    return [ledger.charge(job, STEP) for _ in range(count)][-1]


@ray.remote(num_cpus=0.5, max_retries=0)
def die_between_charge_and_execution(ledger: SpendingLedger, job: str, executed: str) -> None:
    execute_steps(ledger, job, executed, 3)
    ledger.charge(job, STEP)
    os.kill(os.getpid(), signal.SIGKILL)


def test_jobs_and_workers_share_one_ledger(ledger: LedgerClient, url: str):
    total = epsilon_of([steps(10)], DELTA, "rdp")
    Ledger(url).set_budget("shared", "row", epsilon=total, delta=DELTA)
    first = opened(ledger, "shared 1", steps(6))
    other = connect_ledger()
    second = opened(other, "shared 2", steps(4))
    with pytest.raises(PrivacyError, match="job 'shared 2' would bring"):
        other.reserve(second, [steps(5)])
    reached = ray.get([charge_steps.remote(ledger, first, 3), charge_steps.remote(ledger, first, 3)])
    assert max(reached) == 6
    with pytest.raises(PrivacyError, match="reserved 0 more uses"):
        ledger.charge(first, STEP)
    ledger.close_job(second)
    balance = ledger.balance("shared", "row")
    assert balance.epsilon_spent == balance.epsilon_reserved < total
    assert Ledger(url).spent(first) == ledger.spent(first) == (steps(6),)


def test_a_killed_actor_loses_nothing_and_is_there_again(ledger: LedgerClient, url: str):
    job = opened(ledger, "actor killed", steps(10**6))
    charging = charge_steps.remote(ledger, job, 300)
    wait_until(lambda: uses(Ledger(url), job) >= 50)
    ray.kill(ledger.actor, no_restart=False)
    wait_until(lambda: uses(Ledger(url), job) >= 150)
    os.kill(ray.get(ledger.actor.__ray_call__.remote(lambda _: os.getpid())), signal.SIGKILL)
    reached = ray.get(charging)
    assert 300 <= reached == uses(ledger, job) <= 300 + 2  # a charge under way at a kill is made again


def test_a_killed_worker_has_not_executed_more_than_it_was_charged_for(ledger: LedgerClient, tmp_path: Path):
    job = opened(ledger, "worker killed", steps(10))
    executed = tmp_path / "executed"
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die_between_charge_and_execution.remote(ledger, job, str(executed)))
    assert executed.stat().st_size == 3
    assert ledger.spent(job) == (steps(4),)


def test_a_killed_driver_leaves_the_ledger_to_the_next_one(ledger: LedgerClient, tmp_path: Path):
    job = opened(ledger, "driver killed", steps(10**6))
    executed = tmp_path / "executed"
    executed.touch()
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, address, job, str(executed)])
    wait_until(lambda: executed.stat().st_size >= 20 or driver.poll() is not None, seconds=60)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    time.sleep(0.5)  # what it sent before it died may still arrive
    spent = uses(connect_ledger(), job)
    assert executed.stat().st_size <= spent <= executed.stat().st_size + 1
    assert ledger.charge(job, STEP) == spent + 1


def test_a_cluster_has_one_ledger_only(ledger: LedgerClient, url: str, tmp_path: Path):
    assert connect_ledger(url.replace("ledger.sqlite", "./ledger.sqlite")).actor == ledger.actor
    with pytest.raises(ConfigError, match=rf"is at {url}, not at sqlite:///{tmp_path}/other"):
        connect_ledger(f"sqlite:///{tmp_path}/other.sqlite")
    assert not (tmp_path / "other.sqlite").exists()


def test_an_actor_that_ended_is_an_error_and_the_next_one_knows_everything(ledger: LedgerClient, url: str):
    job = opened(ledger, "actor ended", steps(10))
    ledger.charge(job, steps(4))
    copy = pickle.loads(pickle.dumps(ledger))
    end_actor()
    with pytest.raises(ResourceError):
        copy.charge(job, STEP)
    assert connect_ledger(url).charge(job, STEP) == 5


def test_a_database_that_cannot_be_opened_leaves_no_actor_behind(url: str, tmp_path: Path):
    end_actor()
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="does not answer"):
        connect_ledger(f"sqlite:///{tmp_path}/file/ledger.sqlite")
    wait_until(lambda: not actor_exists())
