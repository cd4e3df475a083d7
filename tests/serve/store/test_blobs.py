"""Content is there whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from serve.errors import NotFoundError, RefusedError, TooLargeError
from serve.store.blobs import CHUNK_BYTES, BlobStore
from ss_ray.errors import ResourceError
from ss_ray.location import Location

LONG_AGO = datetime.now(UTC) - timedelta(days=2)
SOON = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(Location.parse(tmp_path / "objects"))


def files(blobs: BlobStore) -> list[str]:
    return [file.path.removeprefix(blobs.folder.path) for file in blobs.folder.files(hidden=True)]


async def chunked(content: bytes, size: int = 1000, error: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
    if error is not None:
        raise error


def receive(blobs: BlobStore, chunks: AsyncIterator[bytes], *, limit: int = 1 << 30, keep: bool = True) -> str:
    async def received() -> str:
        async with blobs.received(chunks, limit) as content:
            if keep:
                blobs.keep("trial", content)
            return content.sha256

    return asyncio.run(received())


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
def test_content_is_read_as_it_came(blobs: BlobStore, size: int):
    content = os.urandom(size)
    sha256 = receive(blobs, chunked(content, 70_000))
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert b"".join(blobs.read("trial", sha256, 0, size)) == content
    assert b"".join(blobs.read("trial", sha256, size // 2, size - size // 3)) == content[size // 2 : size - size // 3]
    assert blobs.has("trial", sha256, size)
    assert files(blobs) == [f"/trial/{sha256[:2]}/{sha256}"]


def test_only_the_owner_may_look_into_the_folder(blobs: BlobStore):
    receive(blobs, chunked(b"private"))
    assert Path(blobs.folder.path).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        (chunked(b"x" * 5000), TooLargeError),
        (chunked(b"x" * 10, error=ClientDisconnect()), RefusedError),
        (chunked(b"x" * 10, error=asyncio.CancelledError()), asyncio.CancelledError),
        (chunked(b"x" * 10, error=ValueError()), ValueError),
    ],
    ids=["too much", "hung up", "cancelled", "broken"],
)
def test_what_does_not_come_whole_leaves_nothing(blobs: BlobStore, chunks: Any, error: type[BaseException]):
    with pytest.raises(error):
        receive(blobs, chunks, limit=4000)
    assert files(blobs) == []


def test_what_nobody_keeps_is_gone(blobs: BlobStore):
    receive(blobs, chunked(b"x"), keep=False)
    assert files(blobs) == []


def test_the_same_content_may_come_again_while_somebody_reads_it(blobs: BlobStore):
    sha256 = receive(blobs, chunked(b"x" * (2 * CHUNK_BYTES)))
    reading = blobs.read("trial", sha256, 0, 2 * CHUNK_BYTES)
    first = next(reading)
    assert receive(blobs, chunked(b"x" * (2 * CHUNK_BYTES))) == sha256
    assert len(first) + sum(map(len, reading)) == 2 * CHUNK_BYTES
    assert len(files(blobs)) == 1


def test_a_namespace_has_only_what_it_was_given(blobs: BlobStore):
    sha256 = receive(blobs, chunked(b"x"))
    assert blobs.has("trial", sha256, 1)
    assert not blobs.has("other", sha256, 1)
    with pytest.raises(NotFoundError):
        b"".join(blobs.read("other", sha256, 0, 1))


def test_removed_content_is_gone_and_may_be_removed_again(blobs: BlobStore):
    sha256 = receive(blobs, chunked(b"x"))
    blobs.remove("trial", sha256)
    blobs.remove("trial", sha256)
    assert files(blobs) == []


def test_what_a_killed_process_left_is_found_by_its_age(blobs: BlobStore):
    sha256 = receive(blobs, chunked(b"x"))
    left = blobs.folder / ".partial" / "0123"
    left.write_text("half")
    assert (blobs.remove_partial(LONG_AGO), list(blobs.kept(LONG_AGO))) == (0, [])
    assert (blobs.remove_partial(SOON), list(blobs.kept(SOON))) == (1, [("trial", sha256)])
    assert not left.exists()


def test_a_storage_that_takes_nothing_is_said_to_do_so(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ResourceError):
        receive(BlobStore(Location.parse(tmp_path / "file")), chunked(b"x"))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Location]:
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="uploads")
    yield Location.parse(
        f"s3://testing:testing@uploads/objects?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    )
    server.stop()


@pytest.mark.slow
def test_an_object_store_holds_content_as_a_folder_does(bucket: Location):
    blobs = BlobStore(bucket)
    content = os.urandom(12 << 20)  # more than one part
    sha256 = receive(blobs, chunked(content, 1 << 18))
    assert b"".join(blobs.read("trial", sha256, 0, len(content))) == content
    assert b"".join(blobs.read("trial", sha256, 5, 9)) == content[5:9]
    with pytest.raises(ValueError):
        receive(blobs, chunked(content, error=ValueError()))
    assert files(blobs) == [f"/trial/{sha256[:2]}/{sha256}"]
    assert list(blobs.kept(SOON)) == [("trial", sha256)]
    blobs.remove("trial", sha256)
    blobs = BlobStore(bucket, max_copy_bytes=10)  # what is larger is copied in parts
    assert b"".join(blobs.read("trial", receive(blobs, chunked(content)), 0, len(content))) == content
    assert files(blobs) == [f"/trial/{sha256[:2]}/{sha256}"]
