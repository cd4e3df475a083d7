"""Tables that results are written to: databases, Delta Lake, Iceberg. A reader sees all of the rows, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa

from ss_ray.addresses import Address
from ss_ray.errors import ConfigError, DataError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import quote_name, require_module
from ss_ray.tables.parts import count_rows, read_part

IfExists = Literal["fail", "append", "replace"]


def write_rows(parts: Sequence[Location], uri: str, if_exists: IfExists = "fail") -> int:
    """Write the rows of Parquet parts to a table; the number of rows.

    Args:
        parts: Parquet files of one schema, in the order of their rows.
        uri: Address of the table.
        if_exists: Choice for a table that is there: refuse it, add the rows, or replace it.

    Raises:
        ConfigError: The address names no table; the table is there and must not be; or a driver is missing.
        ResourceError: The database does not answer, or refuses the caller.
        DataError: The table has other columns, or the database refuses a row.
    """
    address = Address.parse(uri)
    if address.scheme == "delta":
        return _write_delta(parts, address, if_exists)
    if address.scheme == "iceberg":
        return _write_iceberg(parts, address, if_exists)
    if not address.table:
        raise ConfigError(f"{address}: name the table after # (…#schema.table)")
    if address.scheme == "duckdb":
        return _write_duckdb(parts, address, if_exists)

    from ss_ray.tables.connectors.sql_writer import write_sql

    return write_sql(_read_blocks(parts), address, if_exists)


def refuse_existing(address: Address) -> ConfigError:
    """The error of a table that is there."""
    return ConfigError(f"{address} is there already; give --if-exists append or replace")


def _read_blocks(parts: Sequence[Location]) -> Iterator[pa.Table]:
    """The rows in blocks, without dictionaries, which not every table has."""
    for part in parts:
        for block in read_part(part):
            yield pa.table([_decode_column(column) for column in block.columns], names=block.column_names)


def _decode_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _make_reader(parts: Sequence[Location]) -> pa.RecordBatchReader:
    blocks = _read_blocks(parts)
    first = next(blocks)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from first.to_batches()
        for block in blocks:
            yield from block.to_batches()

    return pa.RecordBatchReader.from_batches(first.schema, batches())


def _write_delta(parts: Sequence[Location], address: Address, if_exists: IfExists) -> int:
    deltalake = require_module("deltalake", "delta", "a Delta Lake table")
    from ss_ray.tables.connectors.delta_tables import delta_uri

    uri = delta_uri(address)
    modes = {"fail": "error", "append": "append", "replace": "overwrite"}
    if if_exists == "fail" and deltalake.DeltaTable.is_deltatable(uri):
        raise refuse_existing(address)

    try:
        deltalake.write_deltalake(uri, _make_reader(parts), mode=modes[if_exists])
    except Exception as error:  # noqa: BLE001 - errors of its Rust core have no common class
        raise DataError(f"cannot write {address}: {type(error).__name__} of Delta Lake") from None
    return sum(count_rows(parts))


def _write_iceberg(parts: Sequence[Location], address: Address, if_exists: IfExists) -> int:
    catalogs = require_module("pyiceberg.catalog", "iceberg", "an Iceberg table")
    name, _, table = address.place.partition("/")
    reader = _make_reader(parts)
    try:
        catalog = catalogs.load_catalog(name)
        is_there = catalog.table_exists(table)
        if is_there and if_exists == "fail":
            raise refuse_existing(address)

        target = catalog.load_table(table) if is_there else catalog.create_table(table, reader.schema)
        # One commit: readers see the old rows or the new ones.
        rows = reader.read_all()
        target.overwrite(rows) if if_exists == "replace" else target.append(rows)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - catalogs raise errors of many libraries
        raise DataError(f"cannot write {address}: {type(error).__name__} of the catalog") from None
    return sum(count_rows(parts))


def _write_duckdb(parts: Sequence[Location], address: Address, if_exists: IfExists) -> int:
    duckdb = require_module("duckdb", "duckdb", "a DuckDB file")
    from ss_ray.tables.connectors.duckdb_tables import duck_path

    table = quote_name(address.table)
    statements = {
        "fail": f"CREATE TABLE {table} AS FROM rows",
        "append": f"INSERT INTO {table} BY NAME FROM rows",
        "replace": f"CREATE OR REPLACE TABLE {table} AS FROM rows",
    }
    try:
        with duckdb.connect(duck_path(address)) as connection:
            connection.register("rows", _make_reader(parts))
            connection.execute(statements[if_exists])
    except duckdb.CatalogException:
        if if_exists == "fail":
            raise refuse_existing(address) from None
        raise ConfigError(f"{address}: there is no such table") from None
    except duckdb.Error as error:
        raise DataError(f"cannot write {address}: {type(error).__name__} of DuckDB") from None
    return sum(count_rows(parts))
