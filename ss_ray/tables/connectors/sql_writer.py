"""Results as a table of a database, written in one transaction through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from ss_ray.addresses import Address
from ss_ray.errors import DataError
from ss_ray.tables.connectors.sinks import IfExists, refuse_existing
from ss_ray.tables.connectors.sql_tables import connected, explained, reflect_table


def write_sql(blocks: Iterator[pa.Table], address: Address, if_exists: IfExists) -> int:
    """Write blocks of rows to a table; the number of rows.

    Args:
        blocks: Blocks of one schema, at least one.
        address: Address of the table.
        if_exists: Choice for a table that is there: refuse it, add the rows, or replace it.

    Raises:
        ConfigError: The table is there and must not be.
        DataError: The table lacks a column, or the database refuses a row.
        ResourceError: The database does not answer, or refuses the caller.
    """
    schema, _, name = address.table.rpartition(".")
    num_rows = 0
    with connected(address, creates=True) as connection, explained(address), connection.begin():
        is_there = sa.inspect(connection).has_table(name, schema=schema or None)
        if is_there and if_exists == "fail":
            raise refuse_existing(address)

        first = next(blocks)
        if is_there and if_exists == "replace":
            reflect_table(connection, address).drop(connection)
        if is_there and if_exists == "append":
            table = reflect_table(connection, address)
            _check_columns(table, first, address)
        else:
            table = _make_table(name, schema, first.schema)
            table.create(connection)

        for block in chain([first], blocks):
            connection.execute(table.insert(), block.to_pylist())
            num_rows += block.num_rows

    return num_rows


def _check_columns(table: sa.Table, block: pa.Table, address: Address) -> None:
    missing = [name for name in block.column_names if name not in table.columns]
    if missing:
        raise DataError(f"{address} lacks the column {missing[0]!r}", column=missing[0])


def _make_table(name: str, schema: str, columns: pa.Schema) -> sa.Table:
    parts = [sa.Column(field.name, _database_type(field.type)) for field in columns]
    return sa.Table(name, sa.MetaData(), *parts, schema=schema or None)


def _database_type(type_: pa.DataType) -> Any:
    """The type of the database that holds all values of an Arrow type."""
    if pa.types.is_decimal(type_):
        return sa.Numeric(type_.precision, type_.scale)
    if pa.types.is_timestamp(type_):
        # MySQL keeps no parts of a second without being asked.
        return sa.DateTime(timezone=type_.tz is not None).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

    kinds: tuple[tuple[Callable[[pa.DataType], bool], Any], ...] = (
        (pa.types.is_boolean, sa.Boolean()),
        (pa.types.is_integer, sa.BigInteger()),
        (pa.types.is_floating, sa.Double()),
        (pa.types.is_date, sa.Date()),
        (pa.types.is_time, sa.Time()),
        (pa.types.is_duration, sa.Interval()),
    )
    return next((kind for belongs, kind in kinds if belongs(type_)), sa.Text())
