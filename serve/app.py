"""The service: `create_app` makes a FastAPI application, `build` the Ray Serve application around it.

serve run serve.app:build                       # on the cluster around, or a new local one
serve deploy serve/deploy/config.yaml                  # with settings, on a running cluster
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from serve.api import (
    datastore,
    entities,
    filesets,
    health,
    jobs,
    platform,
    platform_steps,
    uploads,
    workspaces,
)
from serve.figures import Figures
from serve.guard import add_guards
from serve.looks.looker import Looker
from serve.pages import form_pages, job_pages, list_pages
from serve.runner.dispatcher import make_dispatcher
from serve.runner.runner import RayRunner, Runner
from serve.settings import Settings, parse_settings
from serve.state import State
from serve.store.auth import is_loopback, make_authentication
from serve.store.blobs import BlobStore
from serve.store.database import Database
from serve.store.migrate import migrate
from ss_ray import __version__
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.runs.job_status import log_as_json

NO_ACCESS_LOG = {"enable_access_log": False}
"""Ray Serve's log of requests has their addresses, in which a key may stand."""
# Steps before jobs: the last part of an address of a job is any verb.
PAGES = (form_pages, job_pages, list_pages)
APIS = (jobs, platform_steps, platform, uploads, datastore, entities, filesets, workspaces)
RESOURCES = (health, *PAGES, *APIS)


def create_app(settings: Settings, runner: Runner | None = None, looker: Looker | None = None) -> FastAPI:
    """The whole service as a plain ASGI application; while it is up, jobs are followed.

    Args:
        settings: Settings of the operator.
        runner: Runner of the jobs; None uses Ray's Jobs API.
        looker: Process that looks at tables, which outlives the application; None makes one for it.

    Raises:
        ConfigError: The settings cannot be used.
        ResourceError: Database or storage do not answer.
    """
    check_reachable(settings)
    database = Database(settings.database)
    migrate(database)
    blobs = BlobStore(Location.parse(settings.storage) / "objects")
    runner = runner or RayRunner(settings.ray)
    state = State(
        settings=settings,
        database=database,
        authentication=make_authentication(settings.auth, database),
        blobs=blobs,
        dispatcher=make_dispatcher(settings, database, blobs, runner),
        figures=Figures(database),
        looker=looker or Looker(),
    )
    app = FastAPI(title="ss_ray", version=__version__, lifespan=_follow_jobs, docs_url=None, redoc_url=None)
    app.state.service = state
    app.state.owns_looker = looker is None
    add_guards(app, state)
    for resource in RESOURCES:
        app.include_router(resource.router)

    return app


def check_reachable(settings: Settings) -> None:
    """Refuse to be reached by others without knowing who they are.

    Raises:
        ConfigError: No authentication is configured, and the address is not this machine's own.
    """
    if not settings.auth.configured and not is_loopback(settings.host):
        raise ConfigError(
            f"without authentication the service listens on 127.0.0.1 only, not on {settings.host}: set auth.api_keys"
        )


@asynccontextmanager
async def _follow_jobs(app: FastAPI) -> AsyncIterator[None]:
    """Jobs are followed while the application is up."""
    stop = threading.Event()
    dispatcher = app.state.service.dispatcher
    thread = threading.Thread(target=dispatcher.run, args=(stop,), daemon=True)
    thread.start()
    yield
    stop.set()
    dispatcher.wake.set()
    thread.join(timeout=10)
    if app.state.owns_looker:
        app.state.service.looker.stop()


def build(args: Mapping[str, Any]) -> Any:
    """The Ray Serve application; `args` are the settings, with `${NAME}` for variables of the environment."""
    from ray import serve

    settings = parse_settings(args)

    def make() -> FastAPI:
        log_as_json(package="serve")
        return create_app(settings)

    return serve.deployment(
        serve.ingress(make)(), name="ss-ray", ray_actor_options={"num_cpus": 0}, logging_config=NO_ACCESS_LOG
    ).bind()
