"""The service's state: tables, and transactions on SQLite or PostgreSQL. Replicas share nothing else.

Times are UTC in ISO 8601 with microseconds and "Z", so that texts sort like times. Tables are made and changed by the
migrations in `serve/store/migrations`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ss_ray.database_url import database_url
from ss_ray.errors import ResourceError

METADATA = sa.MetaData()
JOBS = sa.Table(
    "jobs",
    METADATA,
    # In the order of their creation.
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("namespace", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("project", sa.String),
    sa.Column("description", sa.String),
    # Specification as the API echoes it.
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("ownership", sa.JSON),
    sa.Column("custom_fields", sa.JSON),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("status_details", sa.JSON, nullable=False),
    sa.Column("error_details", sa.JSON, nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("updated_at", sa.String, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    # Key of a create request that may be repeated.
    sa.Column("request_key", sa.String),
    # Digest of the request that came with the key.
    sa.Column("request_digest", sa.String),
    # Entry point: run, replace_pii.
    sa.Column("kind", sa.String, nullable=False),
    # URI that the job reads.
    sa.Column("data", sa.String, nullable=False),
    # Configuration of the entry point.
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("run_dir", sa.String, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    # Null while the job waits.
    sa.Column("submission_id", sa.String),
    # Time of the first submission; null while the job waits.
    sa.Column("started_at", sa.String),
    # Lines of this attempt's log that were read.
    sa.Column("log_offset", sa.Integer, nullable=False),
    # A deleted job does not exist for callers; its files are being removed.
    sa.Column("deleted_at", sa.String),
    sa.UniqueConstraint("namespace", "name"),
    sa.UniqueConstraint("namespace", "request_key"),
)
JOB_LOGS = sa.Table(
    "job_logs",
    METADATA,
    sa.Column("job_id", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("time", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("message", sa.String, nullable=False),
)
# Namespaces (namespace ""), projects, datasets.
ENTITIES = sa.Table(
    "entities",
    METADATA,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("namespace", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("updated_at", sa.String, nullable=False),
)
REPOSITORIES = sa.Table(
    "repositories",
    METADATA,
    sa.Column("namespace", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("id", sa.String, nullable=False),
    # 40 hex digits, of the last commit.
    sa.Column("head", sa.String, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("updated_at", sa.String, nullable=False),
)
FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("namespace", sa.String, primary_key=True),
    sa.Column("repository", sa.String, primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, nullable=False, index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("lfs", sa.Boolean, nullable=False),
    sa.Column("updated_at", sa.String, nullable=False),
)
# Content that was received whole, in a namespace.
OBJECTS = sa.Table(
    "objects",
    METADATA,
    sa.Column("namespace", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
)
API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    # SHA-256; a key has 256 random bits.
    sa.Column("hash", sa.String, nullable=False, unique=True),
    # Namespace, or "*" -> role.
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    sa.Column("revoked_at", sa.String),
)
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("holder", sa.String, nullable=False),
    sa.Column("expires_at", sa.String, nullable=False),
)
SECRETS = sa.Table(
    "secrets",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
BUSY_SECONDS = 30
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Database:
    """One database, connected at first use.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigError: No state is kept at such a URL.
    """

    def __init__(self, url: str) -> None:
        self.url = database_url(url, "the service's state", "sqlite:////path/state.sqlite")
        self.engine = _make_engine(self.url)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads.

        Raises:
            ResourceError: The database does not answer.
        """
        with self._translate_errors(), self.engine.connect() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is kept when the block ends, and undone where it raises.

        Raises:
            ResourceError: The database does not answer.
        """
        with self._translate_errors(), self.engine.connect().execution_options(writes=True) as db, db.begin():
            yield db

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
            raise ResourceError(
                f"the service's database does not answer ({type(error).__name__}); try again"
            ) from error

    def secret(self, name: str) -> bytes:
        """32 random bytes under a name, shared by all replicas and drawn at first use."""
        wanted = sa.select(SECRETS.c.value).where(SECRETS.c.name == name)
        with self.read() as db:
            found = db.scalar(wanted)

        if found is None:
            # Where another replica was faster.
            with suppress(sa.exc.IntegrityError), self.write() as db:
                db.execute(SECRETS.insert().values(name=name, value=secrets.token_hex(32)))
            with self.read() as db:
                found = db.execute(wanted).scalar_one()

        return bytes.fromhex(found)


def _make_engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        # The ping replaces connections that a restart of the database broke.
        return sa.create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)

    file = Path(url.database or "")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Before SQLite creates it with the rights of the umask.
    file.touch(mode=0o600)
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=10, max_overflow=30
    )
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)

    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Transactions begin where SQLAlchemy says.
    connection.isolation_level = None
    # Readers do not wait for a writer.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(db: sa.Connection) -> None:
    writes = db.get_execution_options().get("writes", False)
    # Takes the write lock before anything is read.
    db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def now() -> str:
    """The time, as tables have it."""
    return time_text(datetime.now(UTC))


def time_text(time: datetime) -> str:
    """A time that knows its offset, as tables have it: texts sort like times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id(kind: str) -> str:
    """An unguessable name: `job-` and 22 characters (128 bits)."""
    return f"{kind}-{''.join(secrets.choice(BASE58) for _ in range(22))}"
