"""Liveness, readiness and metrics of the service."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serve.state import Caller, Service
from ss_ray.errors import SsRayError
from ss_ray.location import Location

router = APIRouter(tags=["health"])


@router.get("/health/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready")
def ready(state: Service) -> Response:
    """Database and storage answer."""
    try:
        with state.database.read() as db:
            db.execute(sa.select(1))
        Location.parse(state.settings.storage).make_folder().exists()
    except SsRayError as error:
        return JSONResponse({"status": "not ready", "detail": str(error)}, status_code=503)

    return JSONResponse({"status": "ready"})


@router.get("/metrics")
def metrics(state: Service, identity: Caller) -> Response:
    """Figures for Prometheus; with authentication, for whoever may look into all namespaces."""
    identity.require("*", "viewer", "Metrics")
    return Response(generate_latest(state.figures.registry), media_type=CONTENT_TYPE_LATEST)
