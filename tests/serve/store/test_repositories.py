"""Files name content; content lives as long as something names it, whatever happens at the same time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from serve.errors import ForbiddenError, NotFoundError, UnusableError
from serve.settings import Settings
from serve.store.auth import LOCAL, Identity
from serve.store.blobs import BlobStore
from serve.store.database import FILES, METADATA, OBJECTS, Database
from serve.store.migrate import migrate
from serve.store.repositories import (
    Put,
    Remove,
    Repository,
    add_content,
    commit,
    create,
    delete,
    discard,
    has_content,
    resolve,
    sweep,
)
from ss_ray.errors import ResourceError, SsRayError
from ss_ray.location import Location
from tests.privacy.ledger.test_ledger import postgres  # noqa: F401 - a fixture

PEOPLE = Repository(namespace="trial", name="people")


@pytest.fixture
def database(settings: Settings) -> Database:
    made = Database(settings.database)
    migrate(made)
    create(made, PEOPLE)
    return made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either_database(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Database]:
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    made = Database(request.getfixturevalue("postgres"))
    migrate(made)
    create(made, PEOPLE)
    yield made
    METADATA.drop_all(made.engine)
    with made.write() as db:
        db.execute(sa.text("DROP TABLE alembic_version"))
    made.engine.dispose()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(Location.parse(tmp_path / "objects"))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def put(database: Database, blobs: BlobStore, path: str, content: bytes, repository: Repository = PEOPLE) -> str:
    """Commit a file; the SHA-256 of its content."""

    async def received() -> str:
        async with blobs.received(_once(content), 1 << 20) as got:
            commit(
                database, blobs, repository, [Put(path=path, sha256=got.sha256, size=got.size, lfs=True, received=got)]
            )
            return got.sha256

    return asyncio.run(received())


def add(database: Database, blobs: BlobStore, content: bytes) -> str:
    """Content that no file names."""

    async def received() -> str:
        async with blobs.received(_once(content), 1 << 20) as got:
            add_content(database, blobs, "trial", got)
            return got.sha256

    return asyncio.run(received())


def test_an_address_leads_to_the_content(database: Database, blobs: BlobStore):
    sha256 = put(database, blobs, "part/é a#b.csv", b"a\n")
    for source in (
        "hf://datasets/trial/people/part/é a#b.csv",
        "hf://datasets/trial/people@main/part/é a#b.csv",
        "trial/people#part/é a#b.csv",
    ):
        location, name = resolve(database, blobs, source, LOCAL)
        assert (location, name) == (blobs.location("trial", sha256), "é a#b.csv")
        assert location.read_text() == "a\n"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("", UnusableError),
        ("/etc/passwd", UnusableError),
        ("s3://bucket/key#x", UnusableError),
        ("https://huggingface.co/datasets/trial/people/a.csv", UnusableError),
        ("hf://models/trial/people/a.csv", UnusableError),
        ("hf://datasets/trial/a.csv", UnusableError),
        ("hf://datasets/trial/people/", UnusableError),
        ("hf://datasets/trial/people/../other/a.csv", UnusableError),
        ("hf://datasets/trial/people/a\x00.csv", UnusableError),
        ("hf://datasets/trial/\ud800/a.csv", UnusableError),
        ("hf://datasets/trial/people/no.csv", NotFoundError),
        ("hf://datasets/trial/people@v1/a.csv", NotFoundError),
        ("hf://datasets/trial/no/a.csv", NotFoundError),
        ("hf://datasets/other/people/a.csv", NotFoundError),
        ("trial/people#no.csv", NotFoundError),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(
    database: Database, blobs: BlobStore, source: str, error: type[SsRayError]
):
    put(database, blobs, "a.csv", b"a\n")
    with pytest.raises(error):
        resolve(database, blobs, source, LOCAL)


def test_an_address_leads_only_who_may_look_there(database: Database, blobs: BlobStore):
    put(database, blobs, "a.csv", b"a\n")
    resolve(database, blobs, "trial/people#a.csv", Identity(subject="ann", roles={"trial": "editor"}))
    with pytest.raises(ForbiddenError):
        resolve(database, blobs, "trial/people#a.csv", Identity(subject="ann", roles={"trial": "viewer"}))
    with pytest.raises(NotFoundError):
        resolve(database, blobs, "trial/people#a.csv", Identity(subject="ann", roles={"other": "admin"}))


def test_a_file_whose_content_was_lost_is_not_there(database: Database, blobs: BlobStore):
    sha256 = put(database, blobs, "a.csv", b"a\n")
    blobs.remove("trial", sha256)
    assert not has_content(database, blobs, "trial", sha256, 2)
    with pytest.raises(NotFoundError, match="upload it again"):
        resolve(database, blobs, "trial/people#a.csv", LOCAL)
    put(database, blobs, "a.csv", b"a\n")
    resolve(database, blobs, "trial/people#a.csv", LOCAL)


def test_content_is_kept_while_another_file_of_its_namespace_names_it(database: Database, blobs: BlobStore):
    others = Repository(namespace="trial", name="others")
    create(database, others)
    sha256 = put(database, blobs, "a.csv", b"a\n")
    put(database, blobs, "b.csv", b"a\n", others)
    delete(database, blobs, PEOPLE)
    assert has_content(database, blobs, "trial", sha256, 2)
    delete(database, blobs, others)
    assert not blobs.has("trial", sha256, 2)


def test_what_nobody_names_for_a_day_is_swept(database: Database, blobs: BlobStore):
    named, unnamed = put(database, blobs, "a.csv", b"named"), add(database, blobs, b"unnamed")
    lost = blobs.location("trial", "f" * 64)
    lost.parent.make_folder()
    lost.write_text("moved to its place by a process that was killed then")
    now = datetime.now(UTC)
    assert sweep(database, blobs, now) == 0
    assert sweep(database, blobs, now + timedelta(hours=25)) == 2
    assert has_content(database, blobs, "trial", named, 5)
    assert not blobs.has("trial", unnamed, 7)
    assert not lost.exists()


class Stuck(BlobStore):
    """A storage that deletes nothing today."""

    def remove(self, namespace: str, sha256: str) -> None:
        raise ResourceError("the storage does not answer")


def test_a_commit_is_made_even_where_old_content_cannot_be_deleted_yet(database: Database, blobs: BlobStore):
    old = put(database, blobs, "a.csv", b"old")
    new = put(database, Stuck(blobs.folder), "a.csv", b"new")
    assert blobs.has("trial", old, 3)
    assert sweep(database, blobs, datetime.now(UTC) + timedelta(hours=25)) == 1
    assert (blobs.has("trial", old, 3), blobs.has("trial", new, 3)) == (False, True)


def test_uploads_and_deletions_at_the_same_time_leave_no_file_without_content(
    either_database: Database, blobs: BlobStore
):
    database = either_database
    unexpected: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            path, content = f"{chance.randrange(4)}.csv", f"{chance.randrange(3)}".encode()
            try:
                if chance.random() < 0.6:
                    put(database, blobs, path, content)
                elif chance.random() < 0.5:
                    discard(database, blobs, "trial", add(database, blobs, content))
                else:
                    commit(database, blobs, PEOPLE, [Remove(path=path)])
            except NotFoundError:
                pass  # somebody else removed it
            except BaseException as error:  # noqa: BLE001 - told below
                unexpected.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unexpected
    with database.read() as db:
        named = set(db.scalars(sa.select(FILES.c.sha256)))
        known = set(db.scalars(sa.select(OBJECTS.c.sha256)))
    assert named <= known
    assert all(has_content(database, blobs, "trial", sha256, 1) for sha256 in known)
    assert {file.name for file in blobs.folder.files(hidden=True)} == known
