"""Files by path in repositories, which datasets of the hub's API and filesets both are.

A file names content of its own namespace. Who takes content away and who names it first lock its row in `objects`:
what a file or a job that is not over reads, stays. Content that nothing names goes with its last name.
"""

from __future__ import annotations

import logging
import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from serve.bodies import NAME_PATTERN
from serve.errors import ConflictError, NotFoundError, UnusableError
from serve.store.auth import Identity, Role
from serve.store.blobs import BlobStore, Received
from serve.store.database import FILES, JOBS, OBJECTS, REPOSITORIES, Database, new_id, now, time_text
from serve.store.job_store import TERMINAL
from serve.store.places import FILESET_URI
from ss_ray.errors import ResourceError
from ss_ray.location import Location

logger = logging.getLogger(__name__)

MAIN = "main"
MAX_PATH_BYTES = 1024
UNNAMED_FOR = timedelta(hours=24)
"""Content that was uploaded and not yet named by a file is kept that long."""
DATASET_URI = re.compile(r"hf://datasets/([^/@]+)/([^/@]+)(?:@([^/]+))?/(.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Identity of a repository.

    Attributes:
        namespace: Whose roles say who may read and write.
        name: In the namespace.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Put:
    """A path gets content.

    Attributes:
        path: New or not.
        sha256: SHA-256 of the content.
        size: Size of the content, in bytes.
        lfs: Whether clients are told that it is stored apart.
        received: The content; None where the namespace has it already.
    """

    path: str
    sha256: str
    size: int
    lfs: bool
    received: Received | None = None


@dataclass(frozen=True, kw_only=True)
class Remove:
    """A file, or all files of a folder, go."""

    path: str
    folder: bool = False


def may_use(identity: Identity, repository: Repository, role: Role) -> None:
    """Refuse who has not that role there.

    Raises:
        NotFoundError: Nor may they look.
        ForbiddenError: They may look.
    """
    if not identity.may(repository.namespace, "viewer"):
        raise _no_repository(repository)
    identity.require(repository.namespace, role, f"repository {repository}")


def create(database: Database, repository: Repository) -> sa.Row[Any]:
    """Make a repository without files.

    Raises:
        UnusableError: It cannot have that name.
        ConflictError: It exists.
    """
    for name in (repository.namespace, repository.name):
        if not re.match(NAME_PATTERN, name) or name.endswith("\n"):
            raise UnusableError("names start with a letter or digit, and have up to 96 of those, and . _ -")

    time = now()
    values = {"id": new_id("repo"), "head": secrets.token_hex(20), "created_at": time, "updated_at": time}
    with database.write() as db:
        key = {"namespace": repository.namespace, "name": repository.name}
        insert = _make_insert(db, REPOSITORIES).values(**key, **values).on_conflict_do_nothing()
        if db.execute(insert).rowcount == 0:
            raise ConflictError(f"the repository {repository} exists already")
        return db.execute(sa.select(REPOSITORIES).where(_is_repository(repository))).one()


def ensure(database: Database, repository: Repository) -> None:
    """Make a repository where there is none."""
    try:
        create(database, repository)
    except ConflictError:
        return


def find(database: Database, repository: Repository, revision: str = MAIN) -> sa.Row[Any]:
    """A repository's row, at its last commit: no other is kept.

    Raises:
        NotFoundError: There is no such repository, or no such revision.
    """
    with database.read() as db:
        row = db.execute(sa.select(REPOSITORIES).where(_is_repository(repository))).one_or_none()

    if row is None:
        raise _no_repository(repository)
    if revision not in (MAIN, row.head):
        raise NotFoundError(
            f"only {MAIN!r} is kept, not {revision[:80]!r}", headers={"x-error-code": "RevisionNotFound"}
        )

    return row


def files(database: Database, repository: Repository) -> Sequence[sa.Row[Any]]:
    """Files of a repository, in the order of their paths."""
    with database.read() as db:
        return db.execute(sa.select(FILES).where(_is_in_repository(repository)).order_by(FILES.c.path)).all()


def file(database: Database, repository: Repository, path: str) -> sa.Row[Any]:
    """A file.

    Raises:
        NotFoundError: There is none at that path.
    """
    with database.read() as db:
        row = db.execute(sa.select(FILES).where(_is_in_repository(repository), FILES.c.path == path)).one_or_none()
    if row is None:
        raise NotFoundError(f"{repository} has no file of that name", headers={"x-error-code": "EntryNotFound"})
    return row


def check_path(path: str) -> str:
    """A file's path, if files may have it.

    Raises:
        UnusableError: It leads elsewhere, or holds characters that names have not.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path) or "\\" in path:
        raise UnusableError("a path may not hold control characters, halves of characters or backslashes")
    if len(path.encode()) > MAX_PATH_BYTES:
        raise UnusableError(f"a path may have {MAX_PATH_BYTES} bytes")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise UnusableError("a path has no empty parts, no '.' and no '..', and does not start with a slash")

    return path


def commit(
    database: Database,
    blobs: BlobStore,
    repository: Repository,
    changes: Sequence[Put | Remove],
    parent: str | None = None,
) -> str:
    """Make all changes, or none; the new head, 40 hex digits.

    Args:
        database: Database that receives the rows.
        blobs: Store that receives the content.
        repository: Repository that is changed; it must exist.
        changes: Made in this order.
        parent: The head that it must have; None: any.

    Raises:
        NotFoundError: There is no such repository.
        ConflictError: It has another head.
        UnusableError: Content is not there, or a path is none.
    """
    for change in changes:
        check_path(change.path)

    # Clients of the hub expect the form of a Git commit.
    head = secrets.token_hex(20)
    with database.write() as db:
        # Locks the repository, so that commits to it follow one another.
        _advance_head(db, repository, head, parent)
        puts = {change.sha256: change for change in changes if isinstance(change, Put)}
        # In one order, so that two commits do not wait for each other.
        for _, put in sorted(puts.items()):
            _name_content(db, repository.namespace, put)

        replaced: set[str] = set()
        for change in changes:
            replaced |= (
                _put_file(db, repository, change) if isinstance(change, Put) else _remove_path(db, repository, change)
            )

        # last: what is refused leaves no content behind.
        for put in puts.values():
            if put.received is not None:
                blobs.keep(repository.namespace, put.received)

    _discard_all(database, blobs, repository.namespace, replaced)
    return head


def delete(database: Database, blobs: BlobStore, repository: Repository) -> None:
    """Remove a repository and its files.

    Raises:
        NotFoundError: There is none.
    """
    with database.write() as db:
        if db.execute(sa.delete(REPOSITORIES).where(_is_repository(repository))).rowcount == 0:
            raise _no_repository(repository)
        removed = _list_sha256s(db, _is_in_repository(repository))
        db.execute(sa.delete(FILES).where(_is_in_repository(repository)))

    _discard_all(database, blobs, repository.namespace, removed)


def add_content(database: Database, blobs: BlobStore, namespace: str, received: Received) -> None:
    """Let a namespace have content that no file names yet."""
    with database.write() as db:
        _add_content(db, blobs, namespace, received)


def has_content(database: Database, blobs: BlobStore, namespace: str, sha256: str, size: int) -> bool:
    """Whether a namespace has content. Content of other namespaces does not count."""
    with database.read() as db:
        found = db.scalar(sa.select(OBJECTS.c.size).where(_is_content(namespace, sha256)))
    return found == size and blobs.has(namespace, sha256, size)


def discard(database: Database, blobs: BlobStore, namespace: str, sha256: str) -> bool:
    """Delete content unless a file, or a job that is not over, reads it; whether it is gone."""
    with database.write() as db:
        # The lock keeps a commit from naming the content between the check and the deletion.
        held = db.scalar(sa.select(OBJECTS.c.size).where(_is_content(namespace, sha256)).with_for_update())
        if held is None or _is_used(db, namespace, sha256):
            return False
        db.execute(sa.delete(OBJECTS).where(_is_content(namespace, sha256)))
        blobs.remove(namespace, sha256)

    return True


def sweep(database: Database, blobs: BlobStore, time: datetime) -> int:
    """Delete content unused for a day, and leftovers of broken uploads; returns their number. To be called daily."""
    before = time - UNNAMED_FOR
    text = time_text(before)
    named = sa.exists().where(FILES.c.namespace == OBJECTS.c.namespace, FILES.c.sha256 == OBJECTS.c.sha256)

    with database.read() as db:
        unnamed = db.execute(
            sa.select(OBJECTS.c.namespace, OBJECTS.c.sha256).where(OBJECTS.c.created_at < text, ~named)
        ).all()

    removed = sum(discard(database, blobs, row.namespace, row.sha256) for row in unnamed)
    for namespace, sha256 in blobs.kept(before):
        values = {"namespace": namespace, "sha256": sha256, "size": -1, "created_at": text}
        # A row to lock, where the process that moved the content was killed then.
        with database.write() as db:
            unknown = db.execute(_make_insert(db, OBJECTS).values(values).on_conflict_do_nothing()).rowcount == 1
        removed += unknown and discard(database, blobs, namespace, sha256)

    return removed + blobs.remove_partial(before)


def resolve(database: Database, blobs: BlobStore, data_source: str, identity: Identity) -> tuple[Location, str]:
    """Location of an uploaded file's content, and the file's name.

    Args:
        database: Database of the files.
        blobs: Store of the content.
        data_source: `hf://datasets/namespace/repository/path` or `workspace/fileset#path`.
        identity: Caller who wants to read the file.

    Raises:
        UnusableError: It is no such address.
        NotFoundError: There is no such file, or not for them.
    """
    match = DATASET_URI.fullmatch(data_source)
    if match is not None:
        namespace, name, revision, path = match.groups()
    else:
        match = FILESET_URI.fullmatch(data_source)
        if match is None:
            raise UnusableError("an uploaded file is hf://datasets/namespace/name/file or workspace/fileset#file")

        namespace, name, path = match.groups()
        revision = None

    repository = Repository(namespace=namespace, name=name)
    check_path(path)
    check_path(f"{namespace}/{name}/{revision or MAIN}")
    # Uploads are real rows, so a viewer must not run jobs on them.
    may_use(identity, repository, "editor")
    find(database, repository, revision or MAIN)
    found = file(database, repository, path)
    if not blobs.has(namespace, found.sha256, found.size):
        raise NotFoundError("the file's content is not there any more; upload it again")

    return blobs.location(namespace, found.sha256), path.rpartition("/")[2]


def _discard_all(database: Database, blobs: BlobStore, namespace: str, sha256s: Collection[str]) -> None:
    """Delete unused content. Its names are already gone, so `sweep` deletes what cannot be deleted now."""
    # In one order, so that two deletions do not wait for each other.
    for sha256 in sorted(sha256s):
        try:
            discard(database, blobs, namespace, sha256)
        except ResourceError as error:
            logger.warning("content that nothing reads stays until the next sweep: %s", error)


def _advance_head(db: sa.Connection, repository: Repository, head: str, parent: str | None) -> None:
    """Give a repository a new head. From here on other commits wait."""
    before = db.scalar(sa.select(REPOSITORIES.c.head).where(_is_repository(repository)).with_for_update())
    if before is None:
        raise _no_repository(repository)
    if parent is not None and parent != before:
        raise ConflictError("there is a newer commit than the parent that was named; read it and try again")

    db.execute(sa.update(REPOSITORIES).where(_is_repository(repository)).values(head=head, updated_at=now()))


def _name_content(db: sa.Connection, namespace: str, put: Put) -> None:
    """Hold the content of a file, so that nothing removes it before the commit is done."""
    if put.received is not None:
        _add_row(db, namespace, put.received)
        return

    found = db.scalar(sa.select(OBJECTS.c.size).where(_is_content(namespace, put.sha256)).with_for_update())
    if found != put.size:
        raise UnusableError(f"the content {put.sha256[:12]}... was not uploaded; upload it before the commit")


def _add_content(db: sa.Connection, blobs: BlobStore, namespace: str, received: Received) -> None:
    """Lock the row, then move the content; it replaces equal content."""
    _add_row(db, namespace, received)
    blobs.keep(namespace, received)


def _add_row(db: sa.Connection, namespace: str, received: Received) -> None:
    """Record that a namespace has content, and block other writers of the row until the transaction ends."""
    values = {"namespace": namespace, "sha256": received.sha256, "size": received.size, "created_at": now()}
    insert = _make_insert(db, OBJECTS).values(**values)
    key = [OBJECTS.c.namespace, OBJECTS.c.sha256]
    db.execute(insert.on_conflict_do_update(index_elements=key, set_={"created_at": values["created_at"]}))


def _put_file(db: sa.Connection, repository: Repository, put: Put) -> set[str]:
    """Give a path its content; returns the SHA-256 of the replaced content."""
    parts = put.path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    if db.scalar(
        sa.select(FILES.c.path)
        .where(_is_in_repository(repository), FILES.c.path.in_(above) | _is_below(put.path))
        .limit(1)
    ):
        raise UnusableError("a path is a file or a folder, not both")

    replaced = _list_sha256s(db, _is_in_repository(repository) & (FILES.c.path == put.path))
    values = {"sha256": put.sha256, "size": put.size, "lfs": put.lfs, "updated_at": now()}
    key = {"namespace": repository.namespace, "repository": repository.name, "path": put.path}
    insert = _make_insert(db, FILES).values(**key, **values)
    db.execute(insert.on_conflict_do_update(index_elements=[FILES.c[name] for name in key], set_=values))

    # The same content put again is still in use.
    return replaced - {put.sha256}


def _remove_path(db: sa.Connection, repository: Repository, removal: Remove) -> set[str]:
    """Remove a file or a folder; the SHA-256 of all that was there."""
    condition = _is_in_repository(repository) & (
        _is_below(removal.path) if removal.folder else FILES.c.path == removal.path
    )
    removed = _list_sha256s(db, condition)
    if not removed:
        raise NotFoundError(
            f"{repository} has no {'folder' if removal.folder else 'file'} of that name",
            headers={"x-error-code": "EntryNotFound"},
        )

    db.execute(sa.delete(FILES).where(condition))
    return removed


def _list_sha256s(db: sa.Connection, condition: sa.ColumnElement[bool]) -> set[str]:
    return set(db.scalars(sa.select(FILES.c.sha256).where(condition)))


def _is_used(db: sa.Connection, namespace: str, sha256: str) -> bool:
    """Whether a file of the namespace, or a job of any, reads the content."""
    named = sa.select(sa.literal(1)).where(FILES.c.namespace == namespace, FILES.c.sha256 == sha256)
    read = sa.select(sa.literal(1)).where(JOBS.c.status.not_in(TERMINAL), JOBS.c.data.contains(sha256))
    return db.scalar(named.limit(1)) is not None or db.scalar(read.limit(1)) is not None


def _is_repository(repository: Repository) -> sa.ColumnElement[bool]:
    return (REPOSITORIES.c.namespace == repository.namespace) & (REPOSITORIES.c.name == repository.name)


def _is_in_repository(repository: Repository) -> sa.ColumnElement[bool]:
    return (FILES.c.namespace == repository.namespace) & (FILES.c.repository == repository.name)


def _is_below(folder: str) -> sa.ColumnElement[bool]:
    prefix = f"{folder}/"
    # LIKE would read % and _ in a folder's name as wildcards.
    return sa.func.substr(FILES.c.path, 1, len(prefix)) == prefix


def _is_content(namespace: str, sha256: str) -> sa.ColumnElement[bool]:
    return (OBJECTS.c.namespace == namespace) & (OBJECTS.c.sha256 == sha256)


def _make_insert(db: sa.Connection, table: sa.Table) -> Any:
    """INSERT with a conflict clause, in the dialect of either database."""
    inserts: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    return inserts[db.dialect.name](table)


def _no_repository(repository: Repository) -> NotFoundError:
    return NotFoundError(f"repository {str(repository)[:200]} not found", headers={"x-error-code": "RepoNotFound"})
