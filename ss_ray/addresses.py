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
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from ss_ray.errors import ConfigError

FILE_SCHEMES = frozenset({"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss", "hf", "mock", "http", "https"})
"""Schemes of filesystems, and of the web, where no database is looked for."""
_SCHEME = re.compile(r"([a-z][a-z0-9_]*)(?:\+[a-z0-9_]+)?://", re.IGNORECASE)
# A password may hold every sign except @.
_USER = re.compile(r"[^:/?]*(:[^@]*)?@")
_SECRET = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a table, as a user wrote it, secrets not filled in.

    Attributes:
        driver: Kind of the source, perhaps with its driver: postgresql, mysql+pymysql, delta+s3.
        user: User and password, with the sign @ behind them; empty without them.
        place: Server and path, with the options of the driver.
        table: Name of the table after `#`, with its schema; empty without one.
    """

    driver: str
    user: str = field(repr=False)
    place: str = field(repr=False)
    table: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in a text."""
        driver, _, rest = text.partition("://")
        match = _USER.match(rest)
        user = match.group() if match else ""
        place, _, table = rest[len(user) :].partition("#")
        return cls(driver=driver, user=user, place=place, table=table)

    @property
    def scheme(self) -> str:
        """Kind of the source without its driver: postgresql, duckdb, delta."""
        return self.driver.partition("+")[0].lower()

    @property
    def secret_url(self) -> str:
        """The URL without the table, with its secrets; it goes to the driver, and nowhere else."""
        return f"{self.driver}://{self.secret_user}{self.secret_place}"

    @property
    def secret_user(self) -> str:
        """User and password, with their secrets."""
        # Signs of a password may mean something in a URL.
        return _SECRET.sub(lambda match: quote(_read_secret(match.group(1)), safe=""), self.user)

    @property
    def secret_place(self) -> str:
        """Server, path and options, with their secrets."""
        return _SECRET.sub(lambda match: _read_secret(match.group(1)), self.place)

    def with_secrets(self) -> Address:
        """The same address for processes that lack the variables and files which hold its secrets."""
        return replace(self, user=self.secret_user, place=self.secret_place)

    def __str__(self) -> str:
        server, slash, path = self.place.partition("?")[0].partition("/")
        shown = f"{self.driver}://{server.rpartition('@')[2]}{slash}{path}"
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
