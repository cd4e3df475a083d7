"""A job in a thread of its own: results and errors come back, and Ctrl-C does not wait for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from ss_ray.cli.stopping import run_stoppable
from ss_ray.errors import DataError

WAITING = """
import subprocess, sys, threading
import typer
import ss_ray.cli.main as cli
from ss_ray.cli.stopping import run_stoppable

@cli.app.command("wait")
def wait() -> None:
    run_stoppable(work)

def work() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    threading.Event().wait()

cli.main(["wait"])
"""


def test_a_result_and_an_error_come_back() -> None:
    assert run_stoppable(lambda: 5) == 5
    with pytest.raises(DataError, match="wrong"):
        run_stoppable(lambda: (_ for _ in ()).throw(DataError("wrong")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_job_that_waits_and_the_processes_that_it_started(number: int) -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(command.stdout.readline()))
    started = time.monotonic()
    command.send_signal(number)
    _, err = command.communicate(timeout=30)
    assert (command.returncode, err) == (
        130,
        "ss-ray: stopped; the same command goes on from the last finished stage\n",
    )
    assert time.monotonic() - started < 5
    assert not child.is_running()
