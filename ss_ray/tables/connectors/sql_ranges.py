"""Tables of databases in ranges of a key, which several processes read at the same time.

All ranges but the last have as many rows, whatever gaps the values of the key have: the database counts the rows in the
order of its key. The ranges depend on the rows alone, never on the number of processes.

Each bound is found by the comparison that the ranges are read by. A row therefore belongs to one range, whatever order
the database has for texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import NotSupportedError, ProgrammingError

from ss_ray.addresses import Address
from ss_ray.tables.connectors.connector import DivisibleTable, KeyRange
from ss_ray.tables.connectors.sql_tables import connected, explained, reflect_table

RANGE_ROWS = 1_048_576
"""Rows of a range: reading them takes seconds, beside which a connection and a process of Ray cost little."""
WHOLE_NUMBERS_AND_TEXTS = (sa.Integer, sa.VARCHAR, sa.TEXT)
KEY_TYPES: dict[str, tuple[type[Any], ...]] = {
    "postgresql": (*WHOLE_NUMBERS_AND_TEXTS, sa.Date, sa.DateTime, sa.Uuid),
    "mysql": (*WHOLE_NUMBERS_AND_TEXTS, sa.CHAR, sa.Date, sa.DateTime),
    "mariadb": (*WHOLE_NUMBERS_AND_TEXTS, sa.CHAR, sa.Date, sa.DateTime),
    "sqlite": WHOLE_NUMBERS_AND_TEXTS,
}
"""Dialect -> types of columns whose values come back to the database as they were; SQLite has dates in any spelling."""

Table = TypeVar("Table", bound=DivisibleTable)


@contextmanager
def divided(table: Table, range_rows: int = RANGE_ROWS) -> Iterator[tuple[Table, ...]]:
    """Consecutive ranges of a table, which other processes can read while the block runs; at least one.

    PostgreSQL and SQLite keep the rows of all ranges in the state of one moment for that time.

    Args:
        table: Table of a database. A query, and a table without a key, are not divided.
        range_rows: Rows of a range; more where rows share the value of the key's first column.

    Raises:
        ConfigError: There is no driver.
        DataError: There is no such table.
        ResourceError: The database does not answer, or refuses the caller.
    """
    if table.query is not None:
        yield (table,)
        return

    with connected(table.address) as connection:
        with explained(table.address):
            ranges = _find_ranges(connection, table, range_rows)

        yield ranges


def _find_ranges(connection: sa.Connection, table: Table, range_rows: int) -> tuple[Table, ...]:
    if connection.dialect.name not in KEY_TYPES:
        return (table,)

    try:
        snapshot = _hold_state(connection)
    except (ProgrammingError, NotSupportedError):
        # Some servers speak the protocol of PostgreSQL, and share no snapshots.
        return (table,)

    key = _find_key(reflect_table(connection, table.address), connection.dialect.name)
    if not key:
        return (table,)

    names = tuple(column.name for column in key)
    if _lets_others_write(connection):
        return (replace(table, key_range=KeyRange(key=names)),)

    bounds = [None, *_find_bounds(connection, key, range_rows), None]
    address = _carry_secrets(connection, table.address)
    return tuple(
        replace(table, address=address, key_range=KeyRange(key=names, low=low, high=high, snapshot=snapshot))
        for low, high in pairwise(bounds)
    )


def _hold_state(connection: sa.Connection) -> str:
    """Keep the rows as they are now until the connection ends.

    Returns:
        Name under which other transactions of PostgreSQL find this state; empty for other databases.
    """
    if connection.dialect.name == "sqlite":
        # Nobody writes while somebody reads, unless the file has a log of its own.
        connection.exec_driver_sql("BEGIN")
    if connection.dialect.name != "postgresql":
        return ""

    connection.execution_options(isolation_level="REPEATABLE READ")
    # This transaction does nothing while the ranges are read.
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    return str(connection.scalar(sa.text("SELECT pg_export_snapshot()")))


def _lets_others_write(connection: sa.Connection) -> bool:
    """Whether rows of a SQLite file may change while it is read."""
    if connection.dialect.name != "sqlite":
        return False
    return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()).lower() == "wal"


def _find_key(table: sa.Table, dialect: str) -> tuple[sa.Column[Any], ...]:
    """Columns of the primary key, or of a unique index, whose first one can be cut; empty without such a key."""
    keys = [tuple(found.columns) for found in table.constraints if isinstance(found, sa.UniqueConstraint)]
    keys += [tuple(found.columns) for found in table.indexes if found.unique]
    keys.sort(key=lambda key: [column.name for column in key])
    for key in (tuple(table.primary_key.columns), *keys):
        if not key or not isinstance(key[0].type, KEY_TYPES[dialect]):
            continue
        if dialect == "sqlite" or not any(column.nullable for column in key):
            return key

    return ()


def _find_bounds(connection: sa.Connection, key: tuple[sa.Column[Any], ...], range_rows: int) -> list[Any]:
    """Least values of the second and the later ranges."""
    first = key[0]
    rows = sa.select(first).order_by(*key).limit(1)
    # SQLite allows keys without a value, and sorts them first: such a table has no bounds.
    bounds = [connection.scalar(rows)]
    while bounds[-1] is not None:
        following = connection.scalar(rows.where(first >= bounds[-1]).offset(range_rows))
        if following == bounds[-1]:
            # More rows than a range has share this value, and stay together.
            following = connection.scalar(rows.where(first > bounds[-1]))
        bounds.append(following)

    return bounds[1:-1]


def _carry_secrets(connection: sa.Connection, address: Address) -> Address:
    """The address with its secrets, for processes that may lack the variables and files which hold them."""
    carried = address.with_secrets()
    if connection.dialect.name != "postgresql" or ":" in carried.user:
        return carried

    # The password of PGPASSWORD or ~/.pgpass is known to the driver alone.
    driver: Any = connection.connection.driver_connection
    if not driver.info.password:
        return carried
    return replace(carried, user=f"{quote(driver.info.user, safe='')}:{quote(driver.info.password, safe='')}@")
