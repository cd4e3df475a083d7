"""A Ray of this machine's own, for `python -m serve`.

`ray.init` would start one, too, but its part that takes jobs has a fixed port: beside another Ray, or what is left of
one that was killed, it goes on without and takes none. `ray start` is given ports that are free.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from ss_ray.errors import ResourceError

START_SECONDS = 180.0
# Its own way to end may take half a minute, and nothing depends on it.
STOP_SECONDS = 5.0
RAY = (sys.executable, "-m", "ray.scripts.scripts")
HOST = "127.0.0.1"
# PR_SET_PDEATHSIG of prctl(2).
DIE_WITH_PARENT = 1


@dataclass(frozen=True, kw_only=True)
class LocalRay:
    """A Ray of this machine's own, which may still be starting.

    Attributes:
        process: Process that all others of this Ray end with.
        port: Port of the dashboard, which takes jobs.
        log: File of what the process says.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: IO[str]

    @property
    def dashboard(self) -> str:
        """URL of the dashboard."""
        return f"http://{HOST}:{self.port}"

    def wait_until_reached(self) -> None:
        """Wait until the dashboard answers.

        Raises:
            ResourceError: Ray does not start.
        """
        until = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.2)

        self.log.seek(0)
        raise ResourceError(f"Ray did not start on this machine; it says: {self.log.read()[-2000:].strip()}")


@contextmanager
def local_ray() -> Iterator[LocalRay]:
    """A Ray that starts, and is there while the block runs, its token in place.

    It ends with this process, however that ends; only where the system is not Linux, kill -9 leaves it behind.
    The thread that enters the block has to live as long: Linux ends Ray with that thread.
    """
    if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token" and not _has_token():
        subprocess.run([*RAY, "get-auth-token", "--generate"], check=True, capture_output=True)

    gcs, dashboard, agent, client = free_ports(4)
    ports = {"port": gcs, "dashboard-port": dashboard, "dashboard-agent-listen-port": agent}
    # Port 0 lets the system choose; other Ray clusters on this machine may use the defaults.
    ports |= {"ray-client-server-port": client, "min-worker-port": 0, "max-worker-port": 0}
    hosts = [f"--node-ip-address={HOST}", f"--dashboard-host={HOST}"]
    options = [*hosts, "--include-dashboard=true", "--disable-usage-stats"]
    options += [f"--{name}={port}" for name, port in ports.items()]

    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*RAY, "start", "--head", "--block", *options],
            stdout=log,
            stderr=log,
            # Ctrl-C is for us, who end it.
            start_new_session=True,
            # Elsewhere than on Linux, kill -9 of this process leaves Ray behind.
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        try:
            yield LocalRay(process=process, port=dashboard, log=log)
        finally:
            _end_processes(process)


def _end_processes(process: subprocess.Popen[bytes]) -> None:
    """End Ray with everything that it started; its own way to end leaves the agents of the node behind."""
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)

        for left in (*started, process):
            with suppress(psutil.NoSuchProcess):
                left.kill()

    process.wait()


def free_ports(number: int) -> list[int]:
    """Distinct free ports of this machine."""
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for one in bound:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in bound]


def _has_token() -> bool:
    """Whether a token is there already: asking Ray for one takes a second or two."""
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or (file.is_file() and file.stat().st_size > 0)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
