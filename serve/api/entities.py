"""The entity store's subset: namespaces, projects and datasets, which are names with descriptions.

Nothing else here asks whether they exist: a job or a repository may lie in a namespace that nobody made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import Field

from serve.api.paging import Listing, parse_page, read_page, visible
from serve.bodies import Body, Name
from serve.errors import ConflictError, NotFoundError
from serve.state import Caller, Service, State
from serve.store.auth import Identity, Role
from serve.store.database import ENTITIES, now
from serve.store.database import new_id as database_id

router = APIRouter(prefix="/v1")
Kind = Literal["namespace", "project", "dataset"]
Text = Annotated[str, Field(max_length=10_000)]
DEFAULT_NAMESPACE = "default"
# Namespace of the namespaces themselves.
NO_NAMESPACE = ""


class Entity(Body):
    """Fields of all entities."""

    description: Text | None = None
    project: Text | None = None
    custom_fields: dict[str, Any] | None = None
    ownership: dict[str, Any] | None = None


class NewNamespace(Entity):
    """A namespace to make."""

    id: Name | None = None


class NewProject(Entity):
    """A project to make."""

    name: Name | None = None
    namespace: Name = DEFAULT_NAMESPACE


class DatasetChanges(Entity):
    """Fields of a dataset beside the common ones."""

    files_url: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    format: Text | None = None
    split: Text | None = None
    limit: int | None = Field(None, ge=0, lt=2**63)
    hf_endpoint: Text | None = None


class NewDataset(DatasetChanges):
    """A dataset to make."""

    name: Name | None = None
    namespace: Name = DEFAULT_NAMESPACE
    files_url: Annotated[str, Field(min_length=1, max_length=4096)]


@dataclass(frozen=True, kw_only=True)
class Key:
    """Identity of one entity.

    Attributes:
        kind: Kind of the entity.
        namespace: Namespace that holds the entity; empty for a namespace itself.
        name: Name of the entity, unique among its kind in the namespace.
    """

    kind: Kind
    namespace: str
    name: str

    @property
    def realm(self) -> str:
        """The namespace whose roles count."""
        if self.kind == "namespace":
            return self.name
        return self.namespace

    @property
    def row(self) -> sa.ColumnElement[bool]:
        """The condition that a row is this entity."""
        table = ENTITIES.c
        return (table.kind == self.kind) & (table.namespace == self.namespace) & (table.name == self.name)

    def __str__(self) -> str:
        if self.kind == "namespace":
            return f"{self.kind} {self.name}"
        return f"{self.kind} {self.namespace}/{self.name}"


@router.post("/namespaces")
def create_namespace(body: NewNamespace, service: Service, identity: Caller) -> dict[str, Any]:
    """Make a namespace."""
    name = body.id or database_id("namespace")
    return _create_entity(service, identity, Key(kind="namespace", namespace=NO_NAMESPACE, name=name), name, body)


@router.get("/namespaces")
def list_namespaces(request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """Namespaces that the caller may look into."""
    return _list_entities(request, service, identity, "namespace")


@router.get("/namespaces/{name}")
def get_namespace(name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A namespace."""
    return _get_entity(service, identity, Key(kind="namespace", namespace=NO_NAMESPACE, name=name))


@router.patch("/namespaces/{name}")
def change_namespace(name: str, body: Entity, service: Service, identity: Caller) -> dict[str, Any]:
    """Change the fields of a namespace except its name."""
    return _change_entity(service, identity, Key(kind="namespace", namespace=NO_NAMESPACE, name=name), body)


@router.delete("/namespaces/{name}")
def delete_namespace(name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a namespace that has neither projects nor datasets."""
    return _delete_entity(service, identity, Key(kind="namespace", namespace=NO_NAMESPACE, name=name))


@router.post("/projects")
def create_project(body: NewProject, service: Service, identity: Caller) -> dict[str, Any]:
    """Make a project."""
    new_id = database_id("project")
    return _create_entity(
        service, identity, Key(kind="project", namespace=body.namespace, name=body.name or new_id), new_id, body
    )


@router.get("/projects")
def list_projects(request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """Projects that the caller may see."""
    return _list_entities(request, service, identity, "project")


@router.get("/projects/{namespace}/{name}")
def get_project(namespace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A project."""
    return _get_entity(service, identity, Key(kind="project", namespace=namespace, name=name))


@router.patch("/projects/{namespace}/{name}")
def change_project(namespace: str, name: str, body: Entity, service: Service, identity: Caller) -> dict[str, Any]:
    """Change the fields of a project except its name."""
    return _change_entity(service, identity, Key(kind="project", namespace=namespace, name=name), body)


@router.delete("/projects/{namespace}/{name}")
def delete_project(namespace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a project; jobs and datasets that name it stay."""
    return _delete_entity(service, identity, Key(kind="project", namespace=namespace, name=name))


@router.post("/datasets")
def create_dataset(body: NewDataset, service: Service, identity: Caller) -> dict[str, Any]:
    """Make a dataset, which says where files are and has none."""
    new_id = database_id("dataset")
    return _create_entity(
        service, identity, Key(kind="dataset", namespace=body.namespace, name=body.name or new_id), new_id, body
    )


@router.get("/datasets")
def list_datasets(request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """Datasets that the caller may see."""
    return _list_entities(request, service, identity, "dataset")


@router.get("/datasets/{namespace}/{name}")
def get_dataset(namespace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A dataset."""
    return _get_entity(service, identity, Key(kind="dataset", namespace=namespace, name=name))


@router.patch("/datasets/{namespace}/{name}")
def change_dataset(
    namespace: str, name: str, body: DatasetChanges, service: Service, identity: Caller
) -> dict[str, Any]:
    """Change the fields of a dataset except its name."""
    return _change_entity(service, identity, Key(kind="dataset", namespace=namespace, name=name), body)


@router.delete("/datasets/{namespace}/{name}")
def delete_dataset(namespace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a dataset; the files it names stay."""
    return _delete_entity(service, identity, Key(kind="dataset", namespace=namespace, name=name))


def _create_entity(service: State, identity: Identity, key: Key, new_id: str, body: Entity) -> dict[str, Any]:
    _require_role(identity, key, "editor")
    time = now()
    values = {
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "id": new_id,
        "content": body.model_dump(exclude_none=True, exclude={"id", "name", "namespace"}),
        "created_at": time,
        "updated_at": time,
    }

    try:
        with service.database.write() as db:
            db.execute(ENTITIES.insert().values(values))
            return _show_row(_find_row(db, key))
    except sa.exc.IntegrityError:
        raise ConflictError(f"{key} exists already") from None


def _get_entity(service: State, identity: Identity, key: Key) -> dict[str, Any]:
    _require_role(identity, key, "viewer")
    with service.database.read() as db:
        return _show_row(_find_row(db, key))


def _change_entity(service: State, identity: Identity, key: Key, body: Entity) -> dict[str, Any]:
    """Replace the fields that the body names; null removes a field."""
    _require_role(identity, key, "editor")
    with service.database.write() as db:
        content = {**_find_row(db, key, lock=True).content, **body.model_dump(exclude_unset=True)}
        if key.kind == "dataset" and content["files_url"] is None:
            raise ConflictError("a dataset keeps a files_url")
        content = {name: value for name, value in content.items() if value is not None}
        db.execute(sa.update(ENTITIES).where(key.row).values(content=content, updated_at=now()))
        return _show_row(_find_row(db, key))


def _delete_entity(service: State, identity: Identity, key: Key) -> dict[str, Any]:
    _require_role(identity, key, "admin")
    with service.database.write() as db:
        row = _find_row(db, key, lock=True)
        inside = (ENTITIES.c.namespace == key.name) & ENTITIES.c.kind.in_(("project", "dataset"))
        if key.kind == "namespace" and db.scalar(sa.select(sa.func.count()).where(inside)):
            raise ConflictError(f"{key} has projects or datasets; delete them first")
        db.execute(sa.delete(ENTITIES).where(key.row))

    return {"id": row.id, "deleted_at": now(), "message": "Resource deleted successfully."}


def _list_entities(request: Request, service: State, identity: Identity, kind: Kind) -> dict[str, Any]:
    listing = _make_listing(kind)
    page = parse_page(request.query_params, listing)
    if kind == "namespace":
        realm = ENTITIES.c.name
    else:
        realm = ENTITIES.c.namespace

    statement = sa.select(ENTITIES).where(ENTITIES.c.kind == kind, visible(realm, identity))
    with service.database.read() as db:
        found = read_page(db, statement, listing, page)

    return found.body([_show_row(row) for row in found.rows])


def _make_listing(kind: Kind) -> Listing:
    table = ENTITIES.c
    if kind == "namespace":
        own = {"id": table.id}
    else:
        own = {"name": table.name, "id": table.id}

    exact = {**own, "namespace": table.namespace, "project": table.content["project"].as_string()}
    texts = ["description", *(["files_url", "format", "split", "hf_endpoint"] if kind == "dataset" else [])]
    dates = {"created_at": table.created_at, "updated_at": table.updated_at}

    return Listing(
        sorts=dates if kind == "namespace" else {**dates, "name": table.name},
        tie=(table.name, table.namespace),
        filters=exact,
        dates=dates,
        searches={**exact, "name": table.name, **{name: table.content[name].as_string() for name in texts}},
    )


def _require_role(identity: Identity, key: Key, role: Role) -> None:
    identity.require(key.realm, role, str(key)[:200])


def _find_row(db: sa.Connection, key: Key, *, lock: bool = False) -> sa.Row[Any]:
    """An entity's row, for us alone where it is locked.

    Raises:
        NotFoundError: There is none.
    """
    statement = sa.select(ENTITIES).where(key.row)
    row = db.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFoundError(f"{str(key)[:200]} not found")
    return row


def _show_row(row: sa.Row[Any]) -> dict[str, Any]:
    if row.kind == "namespace":
        name = {}
    else:
        name = {"name": row.name, "namespace": row.namespace}
    return {"id": row.id, **name, **row.content, "created_at": row.created_at, "updated_at": row.updated_at}
