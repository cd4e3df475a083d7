"""The service on this machine: `python -m serve` starts a local Ray, with API, data store and page on one port.

With RAY_ADDRESS it is deployed by Ray Serve on the cluster at that address instead.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from serve.app import NO_ACCESS_LOG, build, check_reachable, create_app
from serve.local_ray import LocalRay, local_ray
from serve.settings import ROOT, Settings, read_settings
from serve.store.auth import START_KEY, create_start_key, revoke_key
from serve.store.database import Database
from ss_ray.errors import ResourceError, SsRayError
from ss_ray.runs.job_status import log_as_json

APPLICATION = "ss-ray"
STOP_SECONDS = 5
"""Time that requests have to end when the service is told to stop."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Start, say where, and stay until told to stop."""
    options = _make_parser().parse_args(arguments)
    log_as_json(package="serve")
    try:
        settings = read_settings(options.settings, host=options.host, port=options.port)
        check_reachable(settings)
        address = os.environ.get("RAY_ADDRESS")
        if address:
            with deployed(settings, address):
                print(_write_greeting(settings), flush=True)
                wait_for_signal()
        else:
            serve_alone(settings)
    except SsRayError as error:
        raise SystemExit(f"serve: {error}") from None


def serve_alone(settings: Settings) -> None:
    """Serve from this process until told to stop, with a Ray of its own for the jobs.

    The page answers while Ray still starts; jobs wait until it has.

    Raises:
        ResourceError: Ray does not start.
    """
    with local_ray() as ray:
        reached = settings.ray.model_copy(update={"dashboard": settings.ray.dashboard or ray.dashboard})
        app = create_app(settings.model_copy(update={"ray": reached}))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            # Addresses of requests may hold a key.
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        server = uvicorn.Server(config)
        failures: list[ResourceError] = []
        watcher = threading.Thread(target=_watch_start, args=(server, ray, settings, failures), daemon=True)
        watcher.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            # The server raises the signal again when it has stopped, and Ray has to be stopped after that.
            signal.signal(number, lambda *_: None)

        server.run()
        if failures:
            raise failures[0]


def _watch_start(server: uvicorn.Server, ray: LocalRay, settings: Settings, failures: list[ResourceError]) -> None:
    """Say where the service is as soon as it answers, and end it where Ray does not start."""
    while not server.started and not server.should_exit:
        time.sleep(0.05)
    if not server.started:
        return

    print(_write_greeting(settings), flush=True)
    try:
        ray.wait_until_reached()
    except ResourceError as error:
        # Ray ends with the service, too.
        if not server.should_exit:
            failures.append(error)
            server.should_exit = True


def _write_greeting(settings: Settings) -> str:
    """Address of the service, and its start key if no other key opens it; the key is shown only here."""
    url = f"http://{settings.host}:{settings.port}"
    if settings.auth.configured or settings.auth.trust_this_machine:
        # Of an earlier start, which had no authentication.
        revoke_key(Database(settings.database), START_KEY)
        return f"ss_ray is at {url}"

    key = create_start_key(Database(settings.database))
    return (
        f"ss_ray is at {url}/key/{key}\nThis address works in a browser and as the base URL of every client; the key "
        f"also goes into a header, Authorization: Bearer {key}. It ends when the service is started again."
    )


@contextmanager
def deployed(settings: Settings, address: str) -> Iterator[None]:
    """Deploy the application by Ray Serve at an address while the block runs; other applications there stay."""
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    # Reads how to authenticate when it is imported.
    import ray
    from ray import serve

    context = ray.init(
        address=address,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}},
    )
    # It says at each start that it starts.
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    reached = settings.ray.model_copy(update={"dashboard": settings.ray.dashboard or f"http://{context.dashboard_url}"})
    settings = settings.model_copy(update={"ray": reached})
    serve.start(http_options={"host": settings.host, "port": settings.port}, logging_config=NO_ACCESS_LOG)
    serve.run(build(settings.model_dump()), name=APPLICATION, route_prefix="/")

    try:
        yield
    finally:
        serve.delete(APPLICATION)
        ray.shutdown()


def wait_for_signal() -> None:
    """Wait for a signal to end. Ray sets handlers of its own, so ours are set after it."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serve", description=__doc__)
    parser.add_argument("--settings", type=Path, help="YAML file; see serve/settings.py")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    return parser


if __name__ == "__main__":
    main()
