"""Objects that request handlers share; they are made once with the application and never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from serve.figures import Figures
from serve.looks.looker import Looker
from serve.runner.dispatcher import Dispatcher
from serve.settings import Settings
from serve.store.auth import Authentication, Identity
from serve.store.blobs import BlobStore
from serve.store.database import Database

SESSION_COOKIE = "ss_ray_session"
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that proxies add, if they are told to."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Parts of the service.

    Attributes:
        settings: Settings of the operator.
        database: All that replicas share.
        authentication: Authentication of the callers.
        blobs: Content of uploaded files.
        dispatcher: Brings jobs to the cluster.
        figures: Counters and gauges for Prometheus.
        looker: Looks at tables before a job.
    """

    settings: Settings
    database: Database
    authentication: Authentication
    blobs: BlobStore
    dispatcher: Dispatcher
    figures: Figures
    looker: Looker


def service(request: Request) -> State:
    """The parts of the service that answers a request."""
    state: State = request.app.state.service
    return state


def caller(request: Request) -> Identity:
    """Caller of a request, whom the guard identified before the body was read."""
    identity: Identity = request.state.identity
    return identity


def address_of(request: Request) -> str:
    """The URL by which the caller reaches the service, with the key in it where the caller has it there."""
    return str(request.base_url).rstrip("/") + str(request.scope.get("key_path", ""))


def identified(authentication: Authentication, request: Request) -> Identity:
    """Caller of a request, identified by its headers.

    Raises:
        UnauthenticatedError: They did not show it.
        ForbiddenError: They may not call from there.
    """
    is_forwarded = any(name in request.headers for name in FORWARDED)
    return authentication.identify(
        request.headers.get("authorization", ""),
        request.cookies.get(SESSION_COOKIE, ""),
        request.client.host if request.client else None,
        request.headers.get("host", ""),
        is_forwarded=is_forwarded,
    )


Service = Annotated[State, Depends(service)]
Caller = Annotated[Identity, Depends(caller)]
