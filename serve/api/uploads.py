"""Uploads with curl or from a page: `POST /v1/datasets/upload`, a form with a file, or the file as the whole body.

    curl -F file=@people.csv http://localhost:8000/v1/datasets/upload
    curl -T people.csv -X POST 'http://localhost:8000/v1/datasets/upload?filename=people.csv'

A file is never whole in memory, and on no disk but the storage's.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serve.errors import RefusedError, TooLargeError, UnusableError
from serve.state import Caller, Service, State
from serve.store.auth import Identity
from serve.store.blobs import BlobStore, Received
from serve.store.database import new_id
from serve.store.repositories import Put, Repository, check_path, commit, ensure, may_use

router = APIRouter()
DEFAULT_NAMESPACE = "default"
DEFAULT_REPOSITORY = "uploads"
MAX_FIELD_BYTES = 1 << 16
MAX_FIELDS = 1000
"""Fields of a form; the one for a job has two for each column."""
MAX_FORM_BYTES = 4 << 20
"""Bytes of all fields of a form, without its file."""
QUERY = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
    for name in ("namespace", "name", "filename")
]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that came in.

    Attributes:
        fields: Name -> text.
        filename: Name of the file, without folders.
        file: Its content; None where the form has none.
    """

    fields: Mapping[str, str]
    filename: str
    file: Received | None


@router.post("/v1/datasets/upload", status_code=201, openapi_extra={"parameters": QUERY})
async def upload(request: Request, service: Service, identity: Caller) -> dict[str, Any]:
    """Store a file; a job is created with the answer's `data_source`."""
    query = request.query_params
    # Before anything is received, as far as the address says.
    may_use(identity, _read_target(query), "editor")
    limit = service.settings.limits.max_upload_bytes
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        async with received_form(request, service.blobs, limit) as form:
            return await run_in_threadpool(store_file, service, identity, {**form.fields, **query}, form)

    async with service.blobs.received(request.stream(), limit) as content:
        form = Form(fields={}, filename=query.get("filename", ""), file=content)
        return await run_in_threadpool(store_file, service, identity, query, form)


def store_file(service: State, identity: Identity, fields: Mapping[str, str], form: Form) -> dict[str, Any]:
    """Store a received file under a path: the named one, or one that no other upload replaces."""
    filename = fields.get("filename") or form.filename
    if form.file is None or not filename:
        raise UnusableError("send a form with the field 'file', or a body with ?filename= in the address")

    repository = _read_target(fields)
    may_use(identity, repository, "editor")
    path = check_path(filename if fields.get("name") else f"{new_id('upload')}/{filename}")
    if "/" in filename:
        raise UnusableError("a filename has no folders")

    ensure(service.database, repository)
    content = form.file
    put = Put(path=path, sha256=content.sha256, size=content.size, lfs=True, received=content)
    commit(service.database, service.blobs, repository, [put])

    return {"data_source": f"hf://datasets/{repository}/{path}", "size": content.size, "sha256": content.sha256}


def _read_target(fields: Mapping[str, str]) -> Repository:
    return Repository(
        namespace=fields.get("namespace") or DEFAULT_NAMESPACE, name=fields.get("name") or DEFAULT_REPOSITORY
    )


@asynccontextmanager
async def received_form(request: Request, blobs: BlobStore, limit: int) -> AsyncIterator[Form]:
    """A form with at most one file; content that is not kept is deleted when the block ends.

    Args:
        request: Whose body is multipart/form-data.
        blobs: Receive the file.
        limit: Bytes of the file.

    Raises:
        UnusableError: It is no such form, or has two files.
        TooLargeError: File or fields are too large.
    """
    parts = _parse_parts(request.headers.get("content-type", ""), request.stream())
    fields: dict[str, str] = {}
    async for part in parts:
        if part.filename:
            async with blobs.received(_part_content(parts), limit) as content:
                async for later in parts:
                    await _add_field(fields, later, parts)
                yield Form(fields=fields, filename=part.filename, file=content)
            return

        await _add_field(fields, part, parts)

    yield Form(fields=fields, filename="", file=None)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A part of a form begins (name, filename), goes on (data), or ends (neither)."""

    name: str = ""
    filename: str = ""
    data: bytes | None = None


async def _part_content(parts: AsyncIterator[_Part]) -> AsyncIterator[bytes]:
    """Content of the part that began last."""
    async for part in parts:
        if part.data is None:
            return
        yield part.data


async def _add_field(fields: dict[str, str], part: _Part, parts: AsyncIterator[_Part]) -> None:
    if part.filename:
        raise UnusableError("a form may have one file")

    text = bytearray()
    taken = sum(len(value) for value in fields.values())
    if len(fields) >= MAX_FIELDS or part.name in fields or len(part.name) > 100 or taken > MAX_FORM_BYTES:
        raise TooLargeError(f"a form may have {MAX_FIELDS:,} fields, each once, with short names, and 4 MiB in all")

    async for data in _part_content(parts):
        text += data
        if len(text) > MAX_FIELD_BYTES:
            raise TooLargeError(f"a form may have {MAX_FIELDS} fields, and a field {MAX_FIELD_BYTES:,} bytes")

    fields[part.name] = _decode_text(bytes(text))


async def _parse_parts(content_type: str, chunks: AsyncIterable[bytes]) -> AsyncIterator[_Part]:
    """Parts of a form, as they arrive."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UnusableError("the form has no boundary")

    collected = _Collector()
    try:
        parser = MultipartParser(options[b"boundary"], collected.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
            for part in collected.taken():
                yield part
    except FormParserError:
        raise UnusableError("the form cannot be read") from None

    if not collected.ended:
        raise RefusedError("the form ends early")


class _Collector:
    """Turns the parser's calls into parts."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self.name = self.value = b""
        self.headers: dict[bytes, bytes] = {}

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self.begin,
            "on_header_field": self.header_name,
            "on_header_value": self.header_value,
            "on_header_end": self.header_end,
            "on_headers_finished": self.headers_finished,
            "on_part_data": self.data,
            "on_part_end": lambda: self.parts.append(_Part()),
            "on_end": self.end,
        }

    def taken(self) -> list[_Part]:
        taken = self.parts
        self.parts = []
        return taken

    def begin(self) -> None:
        self.headers = {}

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        self.headers[self.name.lower()] = self.value
        self.name = self.value = b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        filename = _decode_text(options.get(b"filename", b"")).replace("\\", "/").rpartition("/")[2]
        self.parts.append(_Part(name=_decode_text(options.get(b"name", b"")), filename=filename))

    def data(self, data: bytes, start: int, end: int) -> None:
        self.parts.append(_Part(data=data[start:end]))

    def end(self) -> None:
        self.ended = True


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UnusableError("names and fields are UTF-8") from None
