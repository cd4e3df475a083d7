"""Ctrl-C: a job ends within seconds and says that the same command goes on.

Ray Train and Ray Data wait on Ctrl-C until their workers have ended by themselves. Here the job runs in a thread of its
own, which no handler of theirs can hold up, and the process ends without waiting for it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

STOPPED = 130
"""Exit code of a command that Ctrl-C stopped."""
PATIENCE_SECONDS = 3.0
"""Time that Ray has to end its processes; what is left then ends with this process."""
POLL_SECONDS = 0.2

Result = TypeVar("Result")


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
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)

    if errors:
        raise errors[0]
    return results[0]


def end_process() -> NoReturn:
    """End this process now, and its local Ray with it."""
    ray = sys.modules.get("ray")
    if ray is not None:
        # Its shutdown may wait for workers that are in the middle of a step.
        thread = threading.Thread(target=ray.shutdown, daemon=True)
        thread.start()
        thread.join(PATIENCE_SECONDS)

    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(STOPPED)
