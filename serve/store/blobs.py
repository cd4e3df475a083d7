"""Content of uploaded files, by namespace and SHA-256, on any pyarrow filesystem.

Content is received into a partial file, hashed on the way, and moved to its place when it is whole. What is in its
place is right; whether a namespace has it says the table `objects`. Nothing here asks who may read or write.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from pyarrow import fs as pafs
from starlette.requests import ClientDisconnect

from serve.errors import NotFoundError, RefusedError, TooLargeError
from ss_ray.errors import ResourceError
from ss_ray.location import OBJECT_STORES, Location

logger = logging.getLogger(__name__)
CHUNK_BYTES = 1 << 20
"""Read and written at a time; an upload or download needs a few times as much memory."""
MAX_COPY_BYTES = 5 << 30
"""An object store copies a larger object only in parts."""
PARTIAL = ".partial"


@dataclass(frozen=True, kw_only=True)
class Received:
    """Content that came whole, and has no place yet.

    Attributes:
        location: Location of the partial file.
        sha256: SHA-256 of the content, 64 hex digits.
        size: Number of bytes.
    """

    location: Location
    sha256: str
    size: int


class BlobStore:
    """Content by namespace and SHA-256; it is stored completely or not at all.

    Args:
        folder: Holds everything; made when something is first received.
        max_copy_bytes: The most that an object store copies in one request.
    """

    def __init__(self, folder: Location, max_copy_bytes: int = MAX_COPY_BYTES) -> None:
        self.folder = folder
        self.max_copy_bytes = max_copy_bytes

    def location(self, namespace: str, sha256: str) -> Location:
        """Location of a content of a namespace, stored or not."""
        # Two digits divide the files over 256 folders.
        return self.folder / namespace / sha256[:2] / sha256

    def has(self, namespace: str, sha256: str, size: int) -> bool:
        """Whether the content lies in its place."""
        with _storage_errors():
            location = self.location(namespace, sha256)
            info = location.filesystem.get_file_info(location.path)
        return bool(info.is_file and info.size == size)

    @asynccontextmanager
    async def received(self, chunks: AsyncIterable[bytes], limit: int) -> AsyncIterator[Received]:
        """Receive content; when the block ends, content that `keep` has not moved to its place is deleted.

        Args:
            chunks: Chunks of any length; at most two are in memory.
            limit: Largest number of bytes that are accepted.

        Raises:
            TooLargeError: There are more bytes.
            RefusedError: The client hung up.
            ResourceError: The storage does not take it.
        """
        partial = self.folder / PARTIAL / secrets.token_hex(16)
        try:
            yield await self._receive_content(partial, chunks, limit)
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(_remove_file, partial)

    async def _receive_content(self, partial: Location, chunks: AsyncIterable[bytes], limit: int) -> Received:
        writer = await run_sync(_Writer, self.folder, partial)
        try:
            async for chunk in _gather_chunks(chunks):
                # Checked before writing: a client may send more than it announced.
                if writer.size + len(chunk) > limit:
                    raise TooLargeError(f"a file may have {limit:,} bytes here")
                await run_sync(writer.write, chunk)
        except ClientDisconnect:
            raise RefusedError("the upload broke off") from None
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(writer.close)

        return Received(location=partial, sha256=writer.digest.hexdigest(), size=writer.size)

    def keep(self, namespace: str, received: Received) -> None:
        """Move content to its place in one step; equal content may be there already."""
        target = self.location(namespace, received.sha256)
        with _storage_errors():
            if not _is_object_store(target):
                target.parent.make_folder()
            elif received.size > self.max_copy_bytes:
                pafs.copy_files(
                    received.location.path,
                    target.path,
                    source_filesystem=target.filesystem,
                    destination_filesystem=target.filesystem,
                    chunk_size=CHUNK_BYTES,
                )
                return

            target.filesystem.move(received.location.path, target.path)

    def read(self, namespace: str, sha256: str, start: int, stop: int) -> Iterator[bytes]:
        """Bytes of content from `start` up to, not including, `stop`.

        Raises:
            NotFoundError: It is not there.
            ResourceError: The storage does not answer, or holds less than that.
        """
        location = self.location(namespace, sha256)
        with _storage_errors(), location.filesystem.open_input_file(location.path) as stream:
            stream.seek(start)
            while start < stop:
                chunk = stream.read(min(CHUNK_BYTES, stop - start))
                if not chunk:
                    raise ResourceError("the stored content is shorter than it was")
                start += len(chunk)
                yield chunk

    def remove(self, namespace: str, sha256: str) -> None:
        """Delete content; nothing where there is none."""
        _remove_file(self.location(namespace, sha256))

    def remove_partial(self, before: datetime) -> int:
        """Delete files of uploads that ended with their process; returns their number."""
        with _storage_errors():
            infos = self._list_infos(self.folder / PARTIAL)
            old = [info for info in infos if info.is_file and info.mtime is not None and info.mtime < before]
            for info in old:
                self.folder.filesystem.delete_file(info.path)

        return len(old)

    def kept(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Namespace and SHA-256 of all content that came to its place before that time."""
        with _storage_errors():
            infos = self._list_infos(self.folder)

        for info in infos:
            namespace, _, sha256 = info.path.removeprefix(f"{self.folder.path}/").partition("/")
            if info.is_file and namespace != PARTIAL and info.mtime is not None and info.mtime < before:
                yield namespace, sha256.rpartition("/")[2]

    def _list_infos(self, folder: Location) -> list[Any]:
        selector = pafs.FileSelector(folder.path, recursive=True, allow_not_found=True)
        infos: list[Any] = folder.filesystem.get_file_info(selector)
        return infos


class _Writer:
    """A partial file that is being written; its methods block."""

    def __init__(self, folder: Location, partial: Location) -> None:
        self.location = partial
        self.digest = hashlib.sha256()
        self.size = 0

        with _storage_errors():
            if not _is_object_store(partial):
                partial.parent.make_folder()
            if _is_local(folder):
                # What lies below is private.
                Path(folder.path).chmod(0o700)
            self.stream = partial.filesystem.open_output_stream(partial.path)

    def write(self, chunk: bytearray) -> None:
        with _storage_errors():
            self.stream.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def close(self) -> None:
        with _storage_errors():
            self.stream.close()
            if _is_local(self.location):
                _sync_file(self.location)


async def _gather_chunks(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytearray]:
    """The same bytes in larger pieces, so that fewer of them need a thread switch."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) >= CHUNK_BYTES:
            yield gathered
            gathered = bytearray()

    if gathered:
        yield gathered


def _sync_file(location: Location) -> None:
    """Wait until the disk has it: a row that says so must not outlive the content."""
    with Path(location.path).open("rb") as stream:
        os.fsync(stream.fileno())


def _remove_file(location: Location) -> None:
    try:
        location.filesystem.delete_file(location.path)
    except FileNotFoundError:
        return
    except OSError as error:
        if location.exists():
            raise ResourceError(f"the storage does not answer ({type(error).__name__})") from None


def _is_object_store(location: Location) -> bool:
    return location.filesystem.type_name in OBJECT_STORES


def _is_local(location: Location) -> bool:
    return isinstance(location.filesystem, pafs.LocalFileSystem)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Translate errors of the storage for callers."""
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError("the content is not there any more") from None
    except OSError as error:
        logger.error("storage: %s: %s", type(error).__name__, os.strerror(error.errno) if error.errno else "no errno")
        raise ResourceError("the service's storage does not answer, or is full; try again") from None
