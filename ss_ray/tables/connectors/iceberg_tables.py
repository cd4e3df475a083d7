"""Iceberg tables, read at their current snapshot; catalogs are configured as PyIceberg reads them.

`~/.pyiceberg.yaml` or variables such as PYICEBERG_CATALOG__SALES__URI say where a catalog is and how to enter it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ss_ray.errors import ConfigError, DataError
from ss_ray.tables.connectors.connector import AddressedTable, require_module
from ss_ray.tables.parts import BLOCK_ROWS


@dataclass(frozen=True, kw_only=True)
class IcebergTable(AddressedTable):
    """An Iceberg table."""

    def version(self) -> str:
        """Number of the table's snapshot; empty for a table without rows."""
        snapshot = self._open_table().current_snapshot()
        return "" if snapshot is None else str(snapshot.snapshot_id)

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks.

        Raises:
            ConfigError: There is no such catalog.
            DataError: There is no such table, or it cannot be read.
        """
        for batch in self._open_table().scan().to_arrow_batch_reader():
            for start in range(0, batch.num_rows, BLOCK_ROWS):
                yield pa.table(batch.slice(start, BLOCK_ROWS))

    def _open_table(self) -> Any:
        catalogs = require_module("pyiceberg.catalog", "iceberg", "an Iceberg table")
        catalog, _, table = self.address.place.partition("/")
        try:
            return catalogs.load_catalog(catalog).load_table(table)
        except ValueError:
            raise ConfigError(f"{self.name}: PyIceberg has no settings of a catalog of that name") from None
        except Exception as error:  # noqa: BLE001 - catalogs raise errors of many libraries
            raise DataError(f"cannot read {self.name}: {type(error).__name__} of the catalog") from None
