"""The service's side of the process that looks at tables: one process, one question at a time, each with a limit."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from serve.errors import TooManyError, UnusableError
from serve.settings import ROOT
from ss_ray.errors import ResourceError

LOOK_SECONDS = 60.0
"""Time of one question; a fresh process spends some of it on its imports."""
MOST_WAITING = 8
"""Questions that wait or are answered at the same time; one more is refused."""
MAX_ANSWER_BYTES = 32 << 20


class Looker:
    """Asks a process of its own about tables; the process starts with the first question, or with `warm`.

    Args:
        seconds: Time of one question, after which the process is killed.
    """

    def __init__(self, seconds: float = LOOK_SECONDS) -> None:
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        # Questions of several callers take turns.
        self._lock = threading.Lock()
        # Each waits in a thread of the service, which has no more than forty.
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def warm(self) -> None:
        """Start the process, so that it is ready when somebody asks."""
        if self._lock.acquire(blocking=False):
            try:
                self._ensure_process()
            finally:
                self._lock.release()

    def ask(self, request: Mapping[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """The answer to a request, see `serve.looks.process`.

        Args:
            request: Request as the process takes it.
            seconds: Time of this question; None: that of every question.

        Raises:
            UnusableError: The table cannot be looked at, with the reason.
            TooManyError: Several others wait already.
            ResourceError: The answer took too long, or the process died; the next question starts another.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyError("several tables are being looked at; try again in a moment")

        try:
            answer = self._ask_in_turn(request, seconds or self.seconds)
        finally:
            self._places.release()

        if "error" in answer:
            raise UnusableError(answer["error"])
        return answer

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            self._kill_process()

    def _ask_in_turn(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        with self._lock:
            process = self._ensure_process()
            try:
                return self._exchange_lines(process, json.dumps(request).encode() + b"\n", seconds)
            except (OSError, ValueError):
                self._kill_process()
                raise ResourceError(
                    f"the table could not be looked at within {seconds:.0f} s; a job may still read it"
                ) from None

    def _ensure_process(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serve.looks.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Messages of libraries may quote the table.
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        return self._process

    def _exchange_lines(self, process: subprocess.Popen[bytes], question: bytes, seconds: float) -> dict[str, Any]:
        """Send a line and read a line.

        Raises:
            OSError: The process ended, or its answer takes too long.
            ValueError: The answer is no JSON.
        """
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question)
        process.stdin.flush()
        until = time.monotonic() + seconds
        answer = bytearray()
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            answer += chunk
            if not chunk or len(answer) > MAX_ANSWER_BYTES:
                raise TimeoutError("no answer")

        values: dict[str, Any] = json.loads(answer)
        return values

    def _kill_process(self) -> None:
        if self._process is None:
            return

        self._process.kill()
        self._process.communicate()
        self._process = None
