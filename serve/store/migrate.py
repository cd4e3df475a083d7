"""Brings a database to the tables of this version: `python -m serve.store.migrate`, and every start of the service."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from serve.store.database import Database

# PostgreSQL names an advisory lock by a number; this one means that the tables are being changed.
LOCK = 7_225_309_114


def migrate(database: Database) -> None:
    """Apply the migrations that the database has not seen; replicas that start together wait for each other."""
    with _exclude_others(database), database.write() as db:
        settings = Config()
        settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        settings.attributes["connection"] = db
        command.upgrade(settings, "head")


@contextmanager
def _exclude_others(database: Database) -> Iterator[None]:
    """Let one process at a time migrate."""
    if database.url.get_backend_name() == "sqlite":
        with Path(f"{database.url.database}.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
        return

    with database.engine.connect() as db:
        db.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
        try:
            yield
        finally:
            db.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))
