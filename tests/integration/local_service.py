"""The service as a user starts it: `python -m serve` with a Ray of its own, in a folder that outlives it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

ROOT = Path(__file__).parents[2]
START_SECONDS = 600


class LocalService:
    """A service on a free port of this machine.

    Args:
        folder: For its database, its storage and its log.
        settings: Of the service, beside these.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = folder / "settings.yaml"
        places = {"database": f"sqlite:///{folder}/state.sqlite", "storage": f"{folder}/storage"}
        places |= {"auth": {"trust_this_machine": True}}
        self.settings.write_text(yaml.safe_dump(places | settings))
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "serve", "--settings", str(self.settings), "--port", str(self.port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._is_ready, START_SECONDS)

    def kill(self) -> None:
        """Service, Ray and jobs end as in a power cut."""
        root = psutil.Process(self.process.pid)
        for process in [*root.children(recursive=True), root]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as a user does."""
        self.process.terminate()
        self.process.wait(60)

    def megabytes(self) -> float:
        """Resident memory of the process that answers."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Look again and again until it is so.

    Raises:
        AssertionError: It is not in time.
    """
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds:g} s"
        time.sleep(0.5)
