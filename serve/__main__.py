"""The service on this machine: `python -m serve` starts a local Ray, and API, data store and page on one port."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import ray
from ray import serve

from serve.app import JOB_AGENT_PORT, build, check_free, check_reachable
from serve.settings import ROOT, Settings, read_settings
from ss_ray.errors import SsRayError
from ss_ray.job_status import log_as_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Start, say where, and stay until told to stop."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(options.settings, host=options.host, port=options.port)
        check_reachable(settings)
        if not os.environ.get("RAY_ADDRESS"):
            check_free(JOB_AGENT_PORT)
    except SsRayError as error:
        raise SystemExit(f"serve: {error}") from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log_as_json(package="serve")
    run(settings)
    print(f"ss_ray is at http://{settings.host}:{settings.port}", flush=True)
    stop.wait()
    ray.shutdown()


def run(settings: Settings) -> None:
    """Ray Serve on a Ray of this machine's own, or on the one that RAY_ADDRESS names."""
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    address = os.environ.get("RAY_ADDRESS") or "local"
    local = {"include_dashboard": True, "dashboard_host": "127.0.0.1"} if address == "local" else {}
    context = ray.init(
        address=address,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}},
        **local,
    )
    reached = settings.ray.model_copy(update={"dashboard": settings.ray.dashboard or f"http://{context.dashboard_url}"})
    settings = settings.model_copy(update={"ray": reached})
    serve.start(http_options={"host": settings.host, "port": settings.port})
    serve.run(build(settings.model_dump()), name="ss-ray", route_prefix="/")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serve", description=__doc__)
    parser.add_argument("--settings", type=Path, help="YAML file; see serve/settings.py")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    return parser


if __name__ == "__main__":
    main()
