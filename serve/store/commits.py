"""Commits in the format of the hub's clients: one line of JSON per change, with small files inside in base64.

A file's content is received while its line comes in, so a line may be as long as a file may be large.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import Field, ValidationError

from serve.bodies import Body
from serve.errors import TooLargeError, UnusableError
from serve.store.blobs import BlobStore, Received
from serve.store.repositories import Put, Remove

LINE_BYTES = 1 << 20
"""Of a line, beside the content that a file begins with."""
MAX_CHANGES = 10_000
FILE_START = re.compile(
    rb'\s{0,9}\{\s{0,9}"key"\s{0,9}:\s{0,9}"file"\s{0,9},\s{0,9}"value"\s{0,9}:\s{0,9}\{\s{0,9}"content"\s{0,9}:\s{0,9}"'
)


class Value(Body):
    """Value of a line: of a header, a file, a large file or a deleted path."""

    path: str = ""
    content: str | None = None
    encoding: str = "base64"
    oid: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    size: int = Field(0, ge=0)
    parentCommit: str | None = None


class Line(Body):
    """A line."""

    key: str
    value: Value


@dataclass(frozen=True, kw_only=True)
class Commit:
    """Changes to make together.

    Attributes:
        parent: Head that the repository must have; None: any.
        changes: In their order.
    """

    parent: str | None
    changes: tuple[Put | Remove, ...]


@asynccontextmanager
async def received(chunks: AsyncIterable[bytes], blobs: BlobStore, limit: int) -> AsyncIterator[Commit]:
    """The changes of a request; when the block ends, content that no commit has kept is gone.

    Args:
        chunks: The request's body.
        blobs: Receive the files' content.
        limit: Bytes of one file.

    Raises:
        TooLargeError: A file has more, or there are too many changes.
        UnusableError: It is no such body.
    """
    body = _Body(chunks)
    parent: str | None = None
    changes: list[Put | Remove] = []
    async with AsyncExitStack() as stack:
        while await body.fill():
            if len(changes) >= MAX_CHANGES:
                raise TooLargeError(f"a commit may make {MAX_CHANGES:,} changes")

            content = None
            start = await body.start_of_file()
            if start is not None:
                content = await stack.enter_async_context(blobs.received(body.content(), limit))
                line = _parse_line(start + (await body.line()).decode(errors="surrogateescape"))
            elif not (text := (await body.line()).decode(errors="surrogateescape")).strip():
                continue
            elif (line := _parse_line(text)).key == "file":
                inline = _decode_base64((line.value.content or "").encode())
                content = await stack.enter_async_context(blobs.received(_yield_once(inline), limit))

            if line.key == "header":
                parent = line.value.parentCommit
            else:
                changes.append(_make_change(line, content))

        yield Commit(parent=parent, changes=tuple(changes))


def _make_change(line: Line, content: Received | None) -> Put | Remove:
    value = line.value
    if line.key == "file" and content is not None and value.encoding == "base64":
        return Put(path=value.path, sha256=content.sha256, size=content.size, lfs=False, received=content)
    if line.key == "lfsFile" and value.oid:
        return Put(path=value.path, sha256=value.oid, size=value.size, lfs=True)
    if line.key in ("deletedFile", "deletedFolder"):
        return Remove(path=value.path.rstrip("/"), folder=line.key == "deletedFolder")

    raise UnusableError("a commit has header, file (base64), lfsFile, deletedFile and deletedFolder; no more")


class _Body:
    """A body, taken from the front."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self.chunks = aiter(chunks)
        self.buffer = bytearray()

    async def fill(self, more: bool = False) -> bool:
        """Whether there is something, or something more, in the buffer."""
        while more or not self.buffer:
            chunk = await anext(self.chunks, None)
            if chunk is None:
                return False
            self.buffer += chunk
            more = more and not chunk

        return True

    async def start_of_file(self) -> str | None:
        """Take the line of a file up to its content; nothing where the line is another."""
        while len(self.buffer) < 200 and b"\n" not in self.buffer.lstrip() and await self.fill(more=True):
            pass

        match = FILE_START.match(self.buffer)
        if match is None:
            return None

        start = match.group().decode()
        del self.buffer[: len(start)]
        return start + '"'

    async def content(self) -> AsyncIterator[bytes]:
        """Read base64 up to the quote, and yield the decoded bytes."""
        rest = b""
        while True:
            stop = self.buffer.find(b'"')
            rest += self.buffer if stop < 0 else self.buffer[:stop]
            del self.buffer[: len(self.buffer) if stop < 0 else stop + 1]
            if stop >= 0:
                whole = len(rest)
            else:
                whole = len(rest) // 4 * 4

            yield _decode_base64(rest[:whole])
            rest = rest[whole:]
            if stop >= 0:
                return
            if not await self.fill(more=True):
                raise UnusableError("the commit ends within a file")

    async def line(self) -> bytes:
        """Take the rest of a line."""
        while (stop := self.buffer.find(b"\n")) < 0 and len(self.buffer) <= LINE_BYTES:
            if not await self.fill(more=True):
                stop = len(self.buffer)
                break

        if not 0 <= stop <= LINE_BYTES:
            raise TooLargeError(f"a line of a commit may have {LINE_BYTES:,} bytes, beside a file's content")

        line = bytes(self.buffer[:stop])
        del self.buffer[: stop + 1]
        return line


async def _yield_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _parse_line(text: str) -> Line:
    try:
        return Line.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError):
        raise UnusableError("a line of the commit is not the JSON that it must be") from None


def _decode_base64(text: bytes | bytearray) -> bytes:
    try:
        if text:
            return binascii.a2b_base64(text, strict_mode=True)
        return b""
    except binascii.Error:
        raise UnusableError("a file of the commit is not in base64") from None
