"""Tables and queries of databases, through SQLAlchemy: rows come from the server in blocks, types stay exact.

One statement reads everything, so the rows are those of one moment. Column types of a table are those that the database
declares; those of a query are told by its values.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ss_ray.addresses import Address
from ss_ray.errors import ConfigError, DataError, ResourceError, SsRayError
from ss_ray.tables.connectors.connector import DatabaseTable
from ss_ray.tables.parts import BLOCK_ROWS

DRIVERS = {
    "postgresql": ("postgresql+psycopg", "psycopg"),
    "postgres": ("postgresql+psycopg", "psycopg"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mariadb+pymysql", "pymysql"),
}
"""Scheme -> SQLAlchemy's name of the driver that the extra `sql` installs, and its module."""
PLAIN_TYPES = (bool, int, float, str)
MOST_DECIMALS = 9
MOST_DIGITS = 38
"""Digits that Arrow's decimals of 128 bits hold."""
BYTES_TYPES = (bytes, bytearray, memoryview)


@dataclass(frozen=True, kw_only=True)
class SqlTable(DatabaseTable):
    """A table or a query of a database."""

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks of BLOCK_ROWS.

        Raises:
            ConfigError: There is no driver.
            ResourceError: The database does not answer, or refuses the caller.
            DataError: There is no such table, the query fails, or a column holds values that no table can have.
        """
        with connected(self.address) as connection:
            statement: sa.Executable
            decimals: dict[str, pa.DataType] = {}
            if self.query is not None:
                statement = sa.text(self.query)
            else:
                table = reflect_table(connection, self.address)
                statement = sa.select(table)
                decimals = declared_decimals(table)

            streamed = connection.execution_options(stream_results=True, yield_per=BLOCK_ROWS)
            with explained(self.address):
                result = streamed.execute(statement)
                names = list(result.keys())
                blocks = result.partitions(BLOCK_ROWS)

            while True:
                # Only the database is at work here, not who uses the rows.
                with explained(self.address):
                    rows = next(blocks, None)
                if rows is None:
                    return
                yield _with_decimals(make_table(names, rows, self.name), decimals)


def make_engine(address: Address, *, creates: bool = False) -> sa.Engine:
    """An engine that keeps no connection open.

    Args:
        address: Address of the database.
        creates: Whether a file of SQLite that is not there is made, in a folder that is there.

    Raises:
        ConfigError: The URL is none, or its driver is missing.
        DataError: There is no such file, or no such folder to make it in.
    """
    secret_url = address.secret_url
    try:
        url = sa.make_url(secret_url)
        if url.drivername in DRIVERS:
            driver, module = DRIVERS[url.drivername]
            if find_spec(module) is None:
                raise ConfigError(f"{address} needs the package {module}: pip install 'ss-ray[sql]'")
            url = url.set(drivername=driver)
        if url.get_backend_name() == "sqlite":
            _check_file(Path(url.database or ""), address, creates=creates)
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise ConfigError(f"{address}: no driver for {address.scheme!r} is installed") from None
    except ArgumentError:
        raise ConfigError(f"{address} is no address of a database") from None


def _check_file(file: Path, address: Address, *, creates: bool) -> None:
    # SQLite would make an empty database of any name.
    if file.is_file() or (creates and file.name and file.parent.is_dir() and not file.exists()):
        return
    if creates:
        raise DataError(f"{address}: there is neither such a file nor a folder to make it in")
    raise DataError(f"{address}: there is no such file")


@contextmanager
def connected(address: Address, *, creates: bool = False) -> Iterator[sa.Connection]:
    """A connection, closed at the end of the block.

    Args:
        address: Address of the database.
        creates: Whether a file of SQLite that is not there is made.

    Raises:
        DataError: There is no such file.
        ResourceError: The database does not answer, or refuses the caller.
    """
    engine = make_engine(address, creates=creates)
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        # The driver's text may repeat the address with its password.
        reason = type(error).__name__
        raise ResourceError(f"cannot connect to {address}: {reason}; check address, user and password") from None

    with connection:
        yield connection


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Errors of the database in the block as errors of this package, without cells or secrets.

    Args:
        address: Address of the database, for messages.

    Raises:
        DataError: A statement failed.
    """
    try:
        with warnings.catch_warnings():
            # SQLite stores decimals as floats, which SQLAlchemy reads back as decimals.
            warnings.filterwarnings("ignore", "Dialect sqlite.*does \\*not\\* support Decimal", sa.exc.SAWarning)
            yield
    except SsRayError:
        raise
    except (SQLAlchemyError, ValueError, TypeError) as error:
        raise DataError(f"{address}: {type(error).__name__} in the database or its driver") from None


def reflect_table(connection: sa.Connection, address: Address) -> sa.Table:
    """The table of an address, with the types that the database declares.

    Raises:
        DataError: There is no such table.
    """
    schema, _, name = address.table.rpartition(".")
    try:
        table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        raise DataError(f"{address}: there is no such table, or the user may not see it") from None

    for column in table.columns:
        # MySQL stores BOOLEAN so.
        if isinstance(column.type, mysql.TINYINT) and column.type.display_width == 1:
            column.type = sa.Boolean()

    return table


def declared_decimals(table: sa.Table) -> dict[str, pa.DataType]:
    """Types of the columns that are declared with a number of digits, as NUMERIC(10, 2) is."""
    types = {}
    for column in table.columns:
        type_ = column.type
        if not isinstance(type_, sa.Numeric) or not type_.asdecimal or type_.precision is None or type_.scale is None:
            continue
        if 0 <= type_.scale <= min(type_.precision, MOST_DECIMALS) and type_.precision <= MOST_DIGITS:
            types[column.name] = pa.decimal128(type_.precision, type_.scale)

    return types


def _with_decimals(table: pa.Table, types: dict[str, pa.DataType]) -> pa.Table:
    """The table with the declared types of decimals; values that are none, or have more digits, stay as they are."""
    for number, field in enumerate(table.schema):
        wanted = types.get(field.name)
        if wanted is None or not (pa.types.is_decimal(field.type) or pa.types.is_null(field.type)):
            continue
        try:
            table = table.set_column(number, field.name, table.column(number).cast(wanted))
        except pa.ArrowInvalid:
            # SQLite stores more digits than are declared.
            continue

    return table


def make_table(names: Sequence[str], rows: Sequence[Any], place: str) -> pa.Table:
    """Rows of a database as an Arrow table.

    Args:
        names: Names of the columns.
        rows: Rows as the driver gives them.
        place: Address of the rows, for messages.

    Raises:
        DataError: A column holds bytes, or values of several types.
    """
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    arrays = [_make_array(name, list(values), place) for name, values in zip(names, columns, strict=True)]
    return pa.table(arrays, names=list(names))


def _make_array(name: str, values: list[Any], place: str) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, BYTES_TYPES):
        raise DataError(f"{place}, column {name!r} holds bytes; leave it out with data.query", column=name)

    if isinstance(first, (dict, list)):
        values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    elif not isinstance(first, PLAIN_TYPES) and type(first).__module__ not in ("datetime", "decimal"):
        # Keys, addresses of networks, ranges: what only a database has is text.
        values = [None if value is None else str(value) for value in values]

    try:
        return _infer_array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        raise DataError(
            f"{place}, column {name!r} holds values of several types; cast it to one with data.query", column=name
        ) from None


def _infer_array(values: list[Any]) -> pa.Array:
    """Values of one kind in the Arrow type that holds all of them exactly."""
    try:
        array = pa.array(values)
    except OverflowError:
        # Whole numbers beyond 64 bits with a sign.
        array = pa.array([None if value is None else Decimal(value) for value in values])

    if pa.types.is_decimal(array.type) and array.type.scale > MOST_DECIMALS:
        # Some drivers fill up decimals with zeros.
        return pa.array([None if value is None else value.normalize() for value in values])
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        # The zone of the session is no part of the value.
        return array.cast(pa.timestamp(array.type.unit, "UTC"))

    return array
