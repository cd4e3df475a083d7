"""URLs of the databases that the package keeps something in: SQLite for one machine, PostgreSQL for several."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from ss_ray.errors import ConfigError

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}


def database_url(url: str, what: str, example: str) -> sa.URL:
    """A URL of SQLite or PostgreSQL with our driver, the "~" of a file resolved.

    Args:
        url: URL as the user wrote it.
        what: Is kept there, for messages.
        example: Example of a valid URL, for the message.

    Raises:
        ConfigError: It is of another kind, or names no file for good: a folder that a job works in goes when the job
            ends, memory at once; or psycopg is missing. The message does not repeat it: it may hold a password.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise ConfigError(f"the URL of {what} cannot be read; it looks like {example}") from None

    if parsed.drivername not in DRIVERS:
        raise ConfigError(f"{what} is kept in sqlite or postgresql, not in {parsed.drivername}")

    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    if parsed.get_backend_name() != "sqlite":
        if find_spec("psycopg") is None:
            raise ConfigError(f"{what} in PostgreSQL needs psycopg: pip install 'ss-ray[postgresql]'")
        return parsed

    file = Path(parsed.database or "").expanduser()
    if not file.is_absolute():
        raise ConfigError(f"the file of {what} needs an absolute path, as in {example}")

    return parsed.set(database=str(file))
