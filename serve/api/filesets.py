"""Filesets of the Files API of nemo-platform 0.3.0 and nemo-helix 0.8.1: repositories, `workspace/fileset#path`."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from serve.api import downloads
from serve.api.paging import Listing, parse_page, read_page
from serve.bodies import Body, refuse_value
from serve.state import Caller, Service, State
from serve.store import repositories
from serve.store.database import ENTITIES, REPOSITORIES, now
from serve.store.repositories import Put, Remove, Repository, check_path, find, may_use

KIND = "fileset"
NOT_KEPT = {"name", "storage"}
router = APIRouter(prefix="/apis/files/v2/workspaces/{workspace}/filesets")


class NewFileset(Body):
    """A fileset to make."""

    name: str
    description: str = ""
    purpose: str = "generic"
    project: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    custom_fields: dict[str, Any] = Field(default_factory=dict)
    storage: Annotated[None, refuse_value("files lie where the service keeps them; leave the storage out")] = None


class FilesetChanges(Body):
    """Fields of a fileset to change; fields that are left out stay."""

    description: str = ""
    purpose: str = "generic"
    project: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    custom_fields: dict[str, Any] = Field(default_factory=dict)


@router.post("", status_code=201)
def create(workspace: str, body: NewFileset, service: Service, identity: Caller) -> dict[str, Any]:
    """Make a fileset."""
    repository = Repository(namespace=workspace, name=body.name)
    may_use(identity, repository, "editor")
    row = repositories.create(service.database, repository)
    _keep_content(service, repository, row, body.model_dump(exclude=NOT_KEPT))
    return _show_fileset(service, repository, row)


@router.get("")
def list_filesets(workspace: str, request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """The filesets of a workspace."""
    table = REPOSITORIES
    may_use(identity, Repository(namespace=workspace, name=""), "viewer")
    listing = Listing(
        sorts={"created_at": table.c.created_at, "name": table.c.name},
        tie=(table.c.name,),
        filters={"name": table.c.name},
        searches={"name": table.c.name},
    )
    page = parse_page(request.query_params, listing)
    with service.database.read() as db:
        found = read_page(db, sa.select(table).where(table.c.namespace == workspace), listing, page)

    return found.body(
        [_show_fileset(service, Repository(namespace=workspace, name=row.name), row) for row in found.rows]
    )


@router.get("/{name}")
def get(workspace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A fileset."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "viewer")
    return _show_fileset(service, repository, find(service.database, repository))


@router.patch("/{name}")
def change(workspace: str, name: str, body: FilesetChanges, service: Service, identity: Caller) -> dict[str, Any]:
    """Change what describes a fileset."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "editor")
    row = find(service.database, repository)
    shown = _show_fileset(service, repository, row)
    content = {key: shown[key] for key in FilesetChanges.model_fields} | body.model_dump(exclude_unset=True)
    _keep_content(service, repository, row, content)
    return _show_fileset(service, repository, row)


@router.post("/{name}/refresh")
def refresh(workspace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """A fileset as it is: none here follows another storage."""
    return get(workspace, name, service, identity)


@router.delete("/{name}")
def delete(workspace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a fileset with its files; as it was."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "admin")
    shown = _show_fileset(service, repository, find(service.database, repository))
    repositories.delete(service.database, service.blobs, repository)
    with service.database.write() as db:
        db.execute(sa.delete(ENTITIES).where(_match_entity(repository)))

    return shown


@router.get("/{name}/files")
def list_files(workspace: str, name: str, service: Service, identity: Caller, path: str = "") -> dict[str, Any]:
    """The files of a fileset: all, the one at a path, or those below it."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "viewer")
    find(service.database, repository)
    files = repositories.files(service.database, repository)
    below = f"{path.rstrip('/')}/" if path else ""
    return {"data": [_shown_file(repository, file) for file in files if f"{file.path}/".startswith(below)]}


@router.put("/{name}/-/{path:path}")
async def put_file(
    workspace: str, name: str, path: str, request: Request, service: Service, identity: Caller
) -> dict[str, Any]:
    """Store the body as a file."""
    repository = Repository(namespace=workspace, name=name)
    check_path(path)
    may_use(identity, repository, "editor")
    await run_in_threadpool(find, service.database, repository)
    async with service.blobs.received(request.stream(), service.settings.limits.max_upload_bytes) as content:
        put = Put(path=path, sha256=content.sha256, size=content.size, lfs=True, received=content)
        await run_in_threadpool(repositories.commit, service.database, service.blobs, repository, [put])

    return _shown_file(repository, await run_in_threadpool(repositories.file, service.database, repository, path))


@router.head("/{name}/-/{path:path}", include_in_schema=False)
@router.get("/{name}/-/{path:path}")
def get_file(workspace: str, name: str, path: str, request: Request, service: Service, identity: Caller) -> Response:
    """A file, or a range of it; uploads are real rows, so a viewer sees that they exist but not their content."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "editor")
    return downloads.answer(request, service.blobs, repositories.file(service.database, repository, path))


@router.delete("/{name}/-/{path:path}")
def delete_file(workspace: str, name: str, path: str, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a file; as it was."""
    repository = Repository(namespace=workspace, name=name)
    may_use(identity, repository, "admin")
    shown = _shown_file(repository, repositories.file(service.database, repository, path))
    repositories.commit(service.database, service.blobs, repository, [Remove(path=path)])
    return shown


def _keep_content(service: State, repository: Repository, row: sa.Row[Any], content: dict[str, Any]) -> None:
    """Keep what describes a fileset, in place of an older description."""
    with service.database.write() as db:
        db.execute(sa.delete(ENTITIES).where(_match_entity(repository)))
        db.execute(
            ENTITIES.insert().values(
                kind=KIND,
                namespace=repository.namespace,
                name=repository.name,
                id=row.id,
                content=content,
                created_at=row.created_at,
                updated_at=now(),
            )
        )


def _show_fileset(service: State, repository: Repository, row: sa.Row[Any]) -> dict[str, Any]:
    """A fileset in the form of the API; one that was created as a dataset has no description."""
    with service.database.read() as db:
        content = db.scalar(sa.select(ENTITIES.c.content).where(_match_entity(repository), ENTITIES.c.id == row.id))

    return {
        "id": "fileset-" + row.id.partition("-")[2],
        "name": repository.name,
        "workspace": repository.namespace,
        "storage": {"type": "local", "path": ""},
        **(content or NewFileset(name=repository.name).model_dump(exclude=NOT_KEPT)),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _shown_file(repository: Repository, file: sa.Row[Any]) -> dict[str, Any]:
    return {
        "file_ref": f"{repository}#{file.path}",
        "file_url": f"/apis/files/v2/workspaces/{repository.namespace}/filesets/{repository.name}/-/{file.path}",
        "path": file.path,
        "size": file.size,
        "cache_status": None,
    }


def _match_entity(repository: Repository) -> sa.ColumnElement[bool]:
    described = (ENTITIES.c.kind == KIND) & (ENTITIES.c.namespace == repository.namespace)
    return described & (ENTITIES.c.name == repository.name)
