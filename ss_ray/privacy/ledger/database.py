"""Storage of a privacy ledger: its URL, and transactions on SQLite or PostgreSQL that are on disk when they end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ss_ray.database_url import database_url
from ss_ray.errors import ResourceError
from ss_ray.privacy.ledger.datasets import normalize_accounts
from ss_ray.privacy.ledger.tables import METADATA

DEFAULT_URL = "sqlite:///~/.ss_ray/ledger.sqlite"
# Seconds that a transaction waits for another one.
BUSY_SECONDS = 60
# PostgreSQL names an advisory lock by a number; this one means that the tables are being made.
TABLES_LOCK = 7_225_309_113
BEGIN = {
    # Takes the write lock before anything is read.
    "sqlite": ["BEGIN IMMEDIATE"],
    "postgresql": ["SET LOCAL synchronous_commit = on", f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"],
}


class LedgerDatabase:
    """One database, connected at first use.

    Args:
        url: URL of the database, as `ledger_url` takes it.

    Raises:
        ConfigError: No ledger is kept at such a URL.
    """

    def __init__(self, url: str) -> None:
        self.url = ledger_url(url)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that is on disk when the block ends, and undone where it raises.

        Raises:
            ResourceError: The database does not answer.
        """
        try:
            with self._cached_engine.begin() as db:
                yield db
        except (SQLAlchemyError, OSError) as error:
            raise ResourceError(
                f"the privacy ledger at {shown(self.url)} does not answer ({_describe_error(error, self.url)}); "
                "nothing is spent without it"
            ) from error

    @cached_property
    def _cached_engine(self) -> sa.Engine:
        return _open_engine(self.url)


def ledger_url(url: str) -> sa.URL:
    """The URL of a ledger's database, its file as an absolute path without links.

    Raises:
        ConfigError: Not a URL of a database that keeps a ledger safe. The message does not repeat it: it may hold a
            password.
    """
    parsed = database_url(url, "the privacy ledger", DEFAULT_URL)
    file = ledger_file(parsed)
    if file is None:
        return parsed
    return parsed.set(database=os.path.realpath(file))


def ledger_file(url: sa.URL) -> Path | None:
    """Location of a ledger file; None for a ledger on a server."""
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "")
    return None


def shown(url: sa.URL) -> str:
    """A URL for messages: without user, password and options."""
    public = sa.URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
    return public.render_as_string()


def _describe_error(error: Exception, url: sa.URL) -> str:
    """Error of the database without the password."""
    cause = getattr(error, "orig", None) or error
    said = (str(cause).splitlines() or [""])[0]
    return f"{type(cause).__name__}: {said.replace(url.password, '***') if url.password else said}"


def _open_engine(url: sa.URL) -> sa.Engine:
    """Connections to the database; a missing file and missing tables are created, and names normalized."""
    file = ledger_file(url)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))

    engine = _connect_engine(url)
    with engine.begin() as db:
        if file is None:
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(TABLES_LOCK)))
        METADATA.create_all(db)
        normalize_accounts(db)

    return engine


def _connect_engine(url: sa.URL) -> sa.Engine:
    """An engine without a pool: nothing stale after a fork, a failover, or a file that was removed."""
    backend = url.get_backend_name()
    options: dict[str, Any]
    if backend == "sqlite":
        options = {"connect_args": {"timeout": BUSY_SECONDS}}
    else:
        options = {"isolation_level": "READ COMMITTED"}

    engine = sa.create_engine(url, poolclass=sa.NullPool, **options)
    if backend == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)

    sa.event.listen(engine, "begin", lambda db: [db.exec_driver_sql(statement) for statement in BEGIN[backend]])
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Transactions begin where SQLAlchemy says, not at the first write.
    connection.isolation_level = None
    # A commit survives a power cut.
    connection.execute("PRAGMA synchronous = EXTRA")
