"""Datasets for clients of the Hugging Face hub: `HfApi(endpoint=".../v1/hf")`, `hf://` paths, and the SDK's uploads.

Of a repository's history only the last commit is kept; files above a megabyte are uploaded by Git LFS, "basic".
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

import sqlalchemy as sa
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import Field

from serve.api import downloads, uploads
from serve.bodies import Body, is_portable
from serve.errors import NotFoundError, RefusedError, TooLargeError, UnusableError
from serve.state import Caller, Service, State, address_of
from serve.store import commits, repositories
from serve.store.lfs import Permit
from serve.store.repositories import MAIN, Remove, Repository, check_path, find, may_use
from ss_ray.errors import SsRayError

logger = logging.getLogger(__name__)
HUB = "https://huggingface.co"
"""Clients read a repository's name from addresses that start with it; they ask nothing there."""
LFS_BYTES = 1 << 20
"""A larger file is uploaded by itself, where the client can."""
LFS_TYPE = "application/vnd.git-lfs+json"
POINTER_BYTES = 134
NEW_CLIENT = re.compile(r"\bhf_hub/(?!0\.)\d+\.")
"""Since 1.0, huggingface_hub sends what is not "regular" only to Xet storage, which there is none of here."""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class HubRoute(APIRoute):
    """Answers errors in the form that clients of the hub read."""

    def get_route_handler(self) -> Handler:
        """The handler, with errors turned into answers."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                where = {".".join(map(str, part["loc"])) for part in error.errors()}
                return error_answer(UnusableError(f"the request is not as it must be: {', '.join(sorted(where))}"))
            except SsRayError as error:
                if error.http_status >= 500:
                    logger.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
                return error_answer(error)

        return handled


def error_answer(error: SsRayError) -> JSONResponse:
    """An error, with its message where the hub's clients look for it and where others do."""
    headers = dict(getattr(error, "headers", {}))
    if error.http_status == 401:
        # Else it becomes "no such dataset".
        headers["x-error-message"] = "Invalid credentials in Authorization header"

    body = {"error": str(error), "detail": str(error), "code": error.code}
    return JSONResponse(body, status_code=error.http_status, headers=headers)


hub = APIRouter(prefix="/v1/hf", route_class=HubRoute)
API = "/api/datasets/{namespace}/{name}"


class RepositoryName(Body):
    """Name of a repository that is created or deleted."""

    name: str
    organization: str | None = None
    type: str = "model"

    @property
    def repository(self) -> Repository:
        """The repository of that name."""
        if self.type != "dataset":
            raise UnusableError("only datasets are kept here: repo_type='dataset'")
        namespace, slash, name = self.name.rpartition("/")
        return Repository(namespace=namespace if slash else self.organization or uploads.DEFAULT_NAMESPACE, name=name)


class FileToUpload(Body):
    """A file that a client is about to upload."""

    path: str
    size: int = Field(0, ge=0)


class FilesToUpload(Body):
    """Files that a client is about to upload."""

    files: list[FileToUpload]


class LfsObject(Body):
    """Content, by its SHA-256."""

    oid: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class LfsBatch(Body):
    """Content that a client wants to upload."""

    operation: str = "upload"
    objects: list[LfsObject] = Field(max_length=1000)


@hub.get("/api/whoami-v2")
def who_am_i(identity: Caller) -> dict[str, Any]:
    """The caller, with the namespaces they have roles in."""
    orgs = [{"type": "org", "name": name} for name in identity.namespaces or ()]
    return {"type": "user", "name": identity.subject, "fullname": identity.subject, "orgs": orgs}


@hub.post("/api/repos/create")
def create_repository(body: RepositoryName, service: Service, identity: Caller) -> Response:
    """Create a dataset. A caller who may view an existing one is told of it, even without the right to create it."""
    repository = body.repository
    url = f"{HUB}/datasets/{repository}"
    may_use(identity, repository, "viewer")
    if _repository_exists(service, repository):
        message = f"the dataset {repository} exists already"
        return JSONResponse({"error": message, "detail": message, "code": "conflict", "url": url}, status_code=409)

    may_use(identity, repository, "editor")
    repositories.ensure(service.database, repository)
    return JSONResponse({"url": url, "name": str(repository), "id": find(service.database, repository).id})


@hub.delete("/api/repos/delete")
def delete_repository(body: RepositoryName, service: Service, identity: Caller) -> dict[str, Any]:
    """Delete a dataset with its files."""
    may_use(identity, body.repository, "admin")
    repositories.delete(service.database, service.blobs, body.repository)
    return {}


@hub.post(API + "/preupload/{revision}")
def choose_upload(
    namespace: str,
    name: str,
    revision: str,
    body: FilesToUpload,
    service: Service,
    identity: Caller,
    user_agent: Annotated[str, Header()] = "",
) -> dict[str, Any]:
    """Upload mode of each file. The answer hides existing files: clients build a broken address from them."""
    _open_repository(service, identity, namespace, name, revision, "editor")
    limit = service.settings.limits.max_upload_bytes
    for file in body.files:
        check_path(file.path)
        if file.size > limit:
            raise TooLargeError(f"a file may have {limit:,} bytes here")

    regular = NEW_CLIENT.search(user_agent) is not None
    return {
        "files": [
            {
                "path": file.path,
                "uploadMode": "regular" if regular or file.size <= LFS_BYTES else "lfs",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in body.files
        ]
    }


@hub.post(API + "/commit/{revision}")
async def commit(
    namespace: str, name: str, revision: str, request: Request, service: Service, identity: Caller
) -> dict[str, Any]:
    """Make the changes of a commit, all or none."""
    repository = Repository(namespace=namespace, name=name)
    await run_in_threadpool(_open_repository, service, identity, namespace, name, revision, "editor")
    if request.query_params.get("create_pr") in ("1", "true"):
        raise UnusableError("there are no pull requests here")

    limit = service.settings.limits.max_upload_bytes
    async with commits.received(request.stream(), service.blobs, limit) as received:
        if any(isinstance(change, Remove) for change in received.changes):
            may_use(identity, repository, "admin")
        head = await run_in_threadpool(
            repositories.commit, service.database, service.blobs, repository, received.changes, received.parent
        )

    url = f"{HUB}/datasets/{repository}/commit/{head}"
    return {"success": True, "commitOid": head, "commitUrl": url, "hookOutput": ""}


@hub.get(API + "/xet-write-token/{revision}")
@hub.get(API + "/xet-read-token/{revision}", include_in_schema=False)
def refuse_xet(namespace: str, name: str, revision: str) -> None:
    """There is no Xet storage."""
    raise NotFoundError("there is no Xet storage here; set HF_HUB_DISABLE_XET=1")


@hub.post("/datasets/{namespace}/{name}.git/info/lfs/objects/batch")
def lfs_batch(
    namespace: str, name: str, body: LfsBatch, request: Request, service: Service, identity: Caller
) -> Response:
    """Upload address of each content that the namespace does not have."""
    _open_repository(service, identity, namespace, name, MAIN, "editor")
    if body.operation != "upload":
        raise UnusableError("only uploads go through LFS; files are read at .../resolve/main/...")

    secret = service.database.secret("lfs")
    base = (service.settings.public_url or address_of(request)).rstrip("/")
    objects = [_lfs_object(service, namespace, content, base, secret) for content in body.objects]

    return JSONResponse({"transfer": "basic", "objects": objects}, media_type=LFS_TYPE)


@hub.put("/lfs/{namespace}/{sha256}")
async def lfs_upload(
    namespace: str,
    sha256: str,
    request: Request,
    service: Service,
    size: Annotated[int, Query(ge=0)],
    expires: Annotated[int, Query(ge=0)],
    signature: Annotated[str, Query(max_length=64)],
) -> Response:
    """Receive the content that the address permits. The address itself authorizes the caller."""
    secret = await run_in_threadpool(service.database.secret, "lfs")
    Permit(namespace=namespace, sha256=sha256, size=size, expires=expires).check(secret, signature)
    if request.headers.get("content-length", str(size)) != str(size):
        raise UnusableError(f"the address was made for {size:,} bytes")

    async with service.blobs.received(request.stream(), size) as content:
        if content.sha256 != sha256:
            raise UnusableError("the content has another SHA-256 than the address was made for; upload it again")
        await run_in_threadpool(repositories.add_content, service.database, service.blobs, namespace, content)

    return Response(headers={"etag": f'"{sha256}"'})


@hub.post("/lfs/{namespace}/{sha256}/verify")
def lfs_verify(namespace: str, sha256: str, body: LfsObject, service: Service, identity: Caller) -> dict[str, Any]:
    """Whether an upload arrived."""
    may_use(identity, Repository(namespace=namespace, name=sha256), "editor")
    if body.oid != sha256 or not repositories.has_content(
        service.database, service.blobs, namespace, sha256, body.size
    ):
        raise NotFoundError("the content is not there")
    return {}


@hub.get(API)
def dataset_info(namespace: str, name: str, service: Service, identity: Caller, blobs: bool = False) -> dict[str, Any]:
    """Description of a dataset."""
    return _describe_repository(service, identity, namespace, name, MAIN, blobs)


@hub.get(API + "/revision/{revision}")
def revision_info(
    namespace: str, name: str, revision: str, service: Service, identity: Caller, blobs: bool = False
) -> dict[str, Any]:
    """Description of a dataset at its last commit, by "main" or by the commit's name."""
    return _describe_repository(service, identity, namespace, name, revision, blobs)


@hub.get(API + "/refs")
def refs(namespace: str, name: str, service: Service, identity: Caller) -> dict[str, Any]:
    """The only branch."""
    row = _open_repository(service, identity, namespace, name, MAIN)
    branch = {"name": MAIN, "ref": f"refs/heads/{MAIN}", "targetCommit": row.head}
    return {"branches": [branch], "converts": [], "tags": []}


@hub.get(API + "/tree/{revision}", include_in_schema=False)
@hub.get(API + "/tree/{revision}/{path:path}")
def tree(
    namespace: str,
    name: str,
    revision: str,
    service: Service,
    identity: Caller,
    path: str = "",
    recursive: bool = False,
) -> list[dict[str, Any]]:
    """Files and folders in a folder and, with `recursive`, below."""
    _open_repository(service, identity, namespace, name, revision)
    repository = Repository(namespace=namespace, name=name)
    folder = path.strip("/")
    entries = list(_list_entries(repositories.files(service.database, repository), folder, recursive))
    if folder and not entries:
        raise NotFoundError("there is no folder of that name", headers={"x-error-code": "EntryNotFound"})

    return entries


@hub.post(API + "/paths-info/{revision}")
async def paths_info(
    namespace: str, name: str, revision: str, request: Request, service: Service, identity: Caller
) -> list[dict[str, Any]]:
    """Existing files and folders among the given paths."""
    await run_in_threadpool(_open_repository, service, identity, namespace, name, revision)
    wanted = set(_wanted_paths(request.headers.get("content-type", ""), await request.body()))
    files = await run_in_threadpool(repositories.files, service.database, Repository(namespace=namespace, name=name))
    return [entry for entry in _list_entries(files, "", recursive=True) if entry["path"] in wanted]


@hub.head("/datasets/{namespace}/{name}/resolve/{revision}/{path:path}", include_in_schema=False)
@hub.get("/datasets/{namespace}/{name}/resolve/{revision}/{path:path}")
def read_file(
    namespace: str, name: str, revision: str, path: str, request: Request, service: Service, identity: Caller
) -> Response:
    """A file, or a range of it; uploads are real rows, so a viewer sees that they exist but not their content."""
    row = _open_repository(service, identity, namespace, name, revision, "editor")
    file = repositories.file(service.database, Repository(namespace=namespace, name=name), path)
    return downloads.answer(request, service.blobs, file, {"x-repo-commit": row.head})


router = APIRouter()
router.include_router(hub)


def _open_repository(
    service: State, identity: Caller, namespace: str, name: str, revision: str, role: Any = "viewer"
) -> sa.Row[Any]:
    """A repository's row, for a caller who may use it."""
    repository = Repository(namespace=namespace, name=name)
    may_use(identity, repository, role)
    return find(service.database, repository, revision)


def _repository_exists(service: State, repository: Repository) -> bool:
    try:
        find(service.database, repository)
    except NotFoundError:
        return False
    return True


def _lfs_object(service: State, namespace: str, content: LfsObject, base: str, secret: bytes) -> dict[str, Any]:
    """Instruction to the client for one content: upload, nothing, or give up."""
    described = {"oid": content.oid, "size": content.size}
    if content.size > service.settings.limits.max_upload_bytes:
        return {**described, "error": {"code": 413, "message": "the file is larger than files may be here"}}
    if repositories.has_content(service.database, service.blobs, namespace, content.oid, content.size):
        return described

    permit = Permit.now(namespace, content.oid, content.size)
    place = f"{base}{hub.prefix}/lfs/{namespace}/{content.oid}"
    signed = f"{place}?size={permit.size}&expires={permit.expires}&signature={permit.signature(secret)}"
    actions = {"upload": {"href": signed, "header": {}}, "verify": {"href": f"{place}/verify", "header": {}}}

    return {**described, "actions": actions}


def _describe_repository(
    service: State, identity: Caller, namespace: str, name: str, revision: str, with_sizes: bool
) -> dict[str, Any]:
    row = _open_repository(service, identity, namespace, name, revision)
    files = repositories.files(service.database, Repository(namespace=namespace, name=name))
    return {
        "_id": row.id,
        "id": f"{namespace}/{name}",
        "author": namespace,
        "sha": row.head,
        "createdAt": row.created_at,
        "lastModified": row.updated_at,
        "private": True,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [
            {"rfilename": file.path} | (_describe_size(file, "blobId", "sha256") if with_sizes else {})
            for file in files
        ],
    }


def _list_entries(files: Sequence[sa.Row[Any]], folder: str, recursive: bool) -> Iterator[dict[str, Any]]:
    """Entries of a folder; each folder comes before its content."""
    prefix = f"{folder}/" if folder else ""
    seen: set[str] = set()
    for file in files:
        if not file.path.startswith(prefix):
            continue

        parts = file.path.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(parts) + 1 if recursive else min(2, len(parts) + 1)):
            path = prefix + "/".join(parts[:depth])
            if path not in seen:
                seen.add(path)
                yield {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}

        if recursive or not parts:
            yield {"type": "file", "path": file.path, **_describe_size(file, "oid", "oid")}


def _describe_size(file: sa.Row[Any], name: str, lfs_name: str) -> dict[str, Any]:
    """Size and SHA-256 of a file, under the names that the answer uses."""
    sizes: dict[str, Any] = {"size": file.size, name: file.sha256}
    if file.lfs:
        sizes["lfs"] = {lfs_name: file.sha256, "size": file.size, "pointerSize": POINTER_BYTES}
    return sizes


def _wanted_paths(content_type: str, body: bytes) -> list[str]:
    """Paths of a request, which is a form or JSON."""
    try:
        if content_type.startswith("application/json"):
            paths = json.loads(body)["paths"]
        else:
            paths = parse_qs(body.decode()).get("paths", [])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RefusedError("the paths cannot be read") from None

    if not isinstance(paths, list) or not all(isinstance(path, str) and is_portable(path) for path in paths):
        raise RefusedError("paths are texts")

    return [path.strip("/") for path in paths]
