"""Addresses of tables that are no plain files, with secrets from the environment or from files.

    postgresql://ann:${PGPASSWORD}@host/sales#public.orders     a table
    postgresql://ann:${/run/secrets/pg}@host/sales              the rows of `data.query`
    duckdb:///data/sales.duckdb#orders, sqlite:///data/sales.db#orders
    delta:///data/orders, delta+s3://bucket/orders
    iceberg://catalog/sales.orders

An address is shown and recorded without its user's password and without the options that may hold one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ss_ray.errors import ConfigError

FILE_SCHEMES = frozenset({"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss", "hf", "mock", "http", "https"})
"""Schemes of filesystems, and of the web, where no database is looked for."""
_SCHEME = re.compile(r"([a-z][a-z0-9_]*)(?:\+[a-z0-9_]+)?://", re.IGNORECASE)
# A password may hold every sign except @.
_USER = re.compile(r"[^:/?]*(:[^@]*)?@")
_SECRET = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a table, as a user wrote it.

    Attributes:
        url: URL without the table, secrets not filled in.
        table: Name of the table after `#`, with its schema; empty without one.
    """

    url: str
    table: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in a text."""
        url, _, table = text.partition("#")
        return cls(url=url, table=table)

    @property
    def scheme(self) -> str:
        """Kind of the source: postgresql, duckdb, delta."""
        return self.url.partition("://")[0].partition("+")[0].lower()

    @property
    def secret_url(self) -> str:
        """The URL with its secrets; it goes to the driver, and nowhere else."""
        return _SECRET.sub(lambda match: _read_secret(match.group(1)), self.url)

    def __str__(self) -> str:
        scheme, _, rest = self.url.partition("://")
        place = rest[match.end() if (match := _USER.match(rest)) else 0 :].partition("?")[0]
        server, slash, path = place.partition("/")
        shown = f"{scheme}://{server.rpartition('@')[2]}{slash}{path}"
        return f"{shown}#{self.table}" if self.table else shown


def is_address(uri: object) -> bool:
    """Whether a path or URI is the address of a table that is no plain file.

    Example:
        >>> is_address("postgresql://host/sales#orders"), is_address("s3://bucket/orders.csv"), is_address("a.csv")
        (True, False, False)
    """
    match = _SCHEME.match(uri) if isinstance(uri, str) else None
    return match is not None and match.group(1).lower() not in FILE_SCHEMES


def shown_name(uri: str | Path) -> str:
    """An address without its secrets; any other path or URI as it is.

    Example:
        >>> shown_name("mysql://ann:secret@host/sales?ssl_key=k#orders")
        'mysql://host/sales#orders'
    """
    if is_address(uri):
        return str(Address.parse(str(uri)))
    return str(uri)


def _read_secret(name: str) -> str:
    """The value of a variable of the environment, or the first line of a file.

    Raises:
        ConfigError: There is no such variable or file.
    """
    if name.startswith("/"):
        try:
            return Path(name).read_text(encoding="utf8").split("\n", 1)[0]
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"the file {name} of a secret cannot be read") from None

    if name not in os.environ:
        raise ConfigError(f"the environment has no variable {name!r}, which an address names")

    return os.environ[name]
