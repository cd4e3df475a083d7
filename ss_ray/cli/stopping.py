"""Ctrl-C: a job ends within seconds and says that the same command goes on.

Ray Train and Ray Data wait on Ctrl-C until their workers have ended by themselves. Here the job runs in a thread of its
own, which no handler of theirs can hold up, and the process ends without waiting for it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TypeVar

import psutil

STOPPED = 130
"""Exit code of a command that Ctrl-C stopped."""
PATIENCE_SECONDS = 2.0
"""Time that the processes of Ray have to end by themselves."""
POLL_SECONDS = 0.2

Result = TypeVar("Result")


def run_job(work: Callable[[], Result]) -> Result:
    """The result of a job that uses Ray; Ctrl-C ends it at once, and the Ray that it starts ends with it."""
    # Imports Ray: seconds.
    from ss_ray.cluster import with_own_ray

    return run_stoppable(lambda: with_own_ray(work))


def run_stoppable(work: Callable[[], Result]) -> Result:
    """The result of a job, or its error; Ctrl-C raises KeyboardInterrupt here at once, whatever the job waits for."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def do_work() -> None:
        try:
            results.append(work())
        # Raised again in the thread that waits.
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=do_work, daemon=True)
    with _terminated_as_interrupted():
        thread.start()
        while thread.is_alive():
            thread.join(POLL_SECONDS)

    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, by which schedulers and Ray's jobs stop a command, does what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_process() -> NoReturn:
    """Say that the command was stopped, and end this process with the processes of its local Ray.

    `ray.shutdown` would pull Ray away from under the job's thread, which then crashes or joins another Ray.
    """
    print("ss-ray: stopped; the same command goes on from the last finished stage", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    started = psutil.Process().children(recursive=True)
    for process in started:
        _signal_process(process, signal.SIGTERM)
    for process in psutil.wait_procs(started, timeout=PATIENCE_SECONDS)[1]:
        _signal_process(process, signal.SIGKILL)

    os._exit(STOPPED)


def _signal_process(process: psutil.Process, number: int) -> None:
    # It may have ended with its parent.
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
