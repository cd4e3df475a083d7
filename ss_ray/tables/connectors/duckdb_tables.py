"""Tables and queries of DuckDB files, which give Arrow blocks by themselves."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.addresses import Address
from ss_ray.errors import DataError
from ss_ray.tables.connectors.connector import DatabaseTable, quote_name, require_module
from ss_ray.tables.parts import BLOCK_ROWS


@dataclass(frozen=True, kw_only=True)
class DuckTable(DatabaseTable):
    """A table or a query of a DuckDB file."""

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks of BLOCK_ROWS.

        Raises:
            ConfigError: There is no DuckDB here.
            DataError: The file is missing, in use or damaged, or the query fails.
        """
        duckdb = require_module("duckdb", "duckdb", "a DuckDB file")
        try:
            with duckdb.connect(duck_path(self.address), read_only=True) as connection:
                rows = connection.sql(self.query or f"FROM {quote_name(self.address.table)}")
                for batch in rows.to_arrow_reader(BLOCK_ROWS):
                    yield pa.table(batch)
        except duckdb.IOException:
            raise DataError(f"{self.name}: there is no DuckDB file, or it is in use") from None
        except duckdb.Error as error:
            raise DataError(f"cannot read {self.name}: {type(error).__name__} of DuckDB") from None


def duck_path(address: Address) -> str:
    """Path of the file: absolute after three slashes and a fourth, as SQLAlchemy writes it, or after three."""
    return "/" + address.secret_place.lstrip("/")
