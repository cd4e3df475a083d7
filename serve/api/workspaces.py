"""Workspaces of nemo-helix 0.8.1: the namespaces of the entity store, and the default one, which is always there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from serve.api.entities import DEFAULT_NAMESPACE, get_namespace, list_namespaces
from serve.errors import NotFoundError
from serve.state import Caller, Service

router = APIRouter(prefix="/apis/entities/v2/workspaces", tags=["platform"])
# The default workspace was never made: it has no time of its own.
DEFAULT_WORKSPACE = {
    "id": DEFAULT_NAMESPACE,
    "name": DEFAULT_NAMESPACE,
    "created_at": "1970-01-01T00:00:00+00:00",
    "updated_at": "1970-01-01T00:00:00+00:00",
}


@router.get("")
def list_workspaces(request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """Workspaces that somebody made and the caller may look into."""
    found = list_namespaces(request, service, identity)
    return {**found, "data": [_show_workspace(namespace) for namespace in found["data"]]}


@router.get("/{name}")
def get_workspace(name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A workspace."""
    try:
        return _show_workspace(get_namespace(name, service, identity))
    except NotFoundError:
        if name == DEFAULT_NAMESPACE and identity.may(name, "viewer"):
            return DEFAULT_WORKSPACE
        raise


def _show_workspace(namespace: dict[str, Any]) -> dict[str, Any]:
    """A namespace in the form of a workspace."""
    return {
        "id": namespace["id"],
        "name": namespace["id"],
        "description": namespace.get("description"),
        "created_at": namespace["created_at"],
        "updated_at": namespace["updated_at"],
    }
