"""The service behind a real HTTP server, for clients that bring their own HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from serve.app import create_app
from serve.looks.looker import Looker
from serve.runner.runner import Runner
from serve.settings import Settings


@contextmanager
def running(settings: Settings, runner: Runner | None = None, looker: Looker | None = None) -> Iterator[str]:
    """The address of a server on a free port of this machine, while the block runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings, runner, looker), log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
