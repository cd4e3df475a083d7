"""What a table that is no file can do: say which one it is, tell its version, and give its rows in blocks."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import pyarrow as pa

from ss_ray.addresses import Address
from ss_ray.errors import ConfigError


class Connector(Protocol):
    """A table behind an address."""

    @property
    def name(self) -> str:
        """Address for people and manifests, without secrets."""

    def version(self) -> str:
        """Version of the table's rows where the source keeps one; else empty."""

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks of bounded size; an iterator that is closed early closes the connection."""


@dataclass(frozen=True, kw_only=True)
class AddressedTable:
    """A table behind an address, without the way to its rows.

    Attributes:
        address: Address of the source, and of the table.
    """

    address: Address

    @property
    def name(self) -> str:
        """Address without secrets."""
        return str(self.address)


@dataclass(frozen=True, kw_only=True)
class DatabaseTable(AddressedTable):
    """A table or a query of a database, without the way to its rows.

    Attributes:
        query: SELECT statement; None reads the table of the address.
    """

    query: str | None = None

    def version(self) -> str:
        """No version: databases keep none."""
        return ""


@dataclass(frozen=True, kw_only=True)
class KeyRange:
    """Consecutive rows of a table in the order of a key.

    The bounds are cells of the table, so that they stand in no message.

    Attributes:
        key: Columns of the key, by which the rows are sorted; the bounds are values of the first one.
        low: Least value in the range; None without a lower bound.
        high: Least value above the range; None without an upper bound.
        snapshot: Name under which PostgreSQL shares the state of one moment; empty where a range has its own moment.
    """

    key: tuple[str, ...]
    low: Any = field(default=None, repr=False)
    high: Any = field(default=None, repr=False)
    snapshot: str = ""


@dataclass(frozen=True, kw_only=True)
class DivisibleTable(DatabaseTable):
    """A table that can be read in ranges of its key, or a query, without the way to its rows.

    Attributes:
        key_range: Rows to read, in the order of a key; None for all, in the order of the database.
    """

    key_range: KeyRange | None = None


def open_connector(uri: str, query: str | None = None) -> Connector:
    """The table behind an address.

    Args:
        uri: Address of the table.
        query: Query whose rows are read in place of a table; None for the table.

    Raises:
        ConfigError: The address names no table, or two, or its kind cannot be read here.
    """
    address = Address.parse(uri)
    if address.scheme in ("delta", "iceberg"):
        if query is not None:
            raise ConfigError(f"data.query is for databases, not for {address}")
    elif bool(address.table) == (query is not None):
        raise ConfigError(f"{address}: name one table after # (…#schema.table), or give data.query")

    if address.scheme == "delta":
        from ss_ray.tables.connectors.delta_tables import DeltaLakeTable

        return DeltaLakeTable(address=address)
    if address.scheme == "iceberg":
        from ss_ray.tables.connectors.iceberg_tables import IcebergTable

        return IcebergTable(address=address)
    if address.scheme == "duckdb":
        from ss_ray.tables.connectors.duckdb_tables import DuckTable

        return DuckTable(address=address, query=query)

    if address.driver in ("postgresql", "postgres") and find_spec("adbc_driver_postgresql") is not None:
        from ss_ray.tables.connectors.postgres_tables import PostgresTable

        return PostgresTable(address=address, query=query)

    from ss_ray.tables.connectors.sql_tables import SqlTable

    return SqlTable(address=address, query=query)


def quote_name(table: str) -> str:
    """The name of a table, with its schema, as SQL writes it.

    Example:
        >>> quote_name("sales.Orders")
        '"sales"."Orders"'
    """
    return ".".join(map(quote_column, table.split(".")))


def quote_column(name: str) -> str:
    """The name of a column as SQL writes it.

    Example:
        >>> quote_column("first name")
        '"first name"'
    """
    return '"' + name.replace('"', '""') + '"'


def require_module(module: str, extra: str, kind: str) -> Any:
    """A module that an extra of this package installs.

    Args:
        module: Name of the module.
        extra: Name of the extra.
        kind: Kind of the source, for the message.

    Raises:
        ConfigError: The module is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ConfigError(f"{kind} needs the package {package}: pip install 'ss-ray[{extra}]'") from None
