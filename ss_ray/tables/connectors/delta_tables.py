"""Delta Lake tables, read at one version of theirs."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ss_ray.addresses import Address
from ss_ray.errors import DataError
from ss_ray.tables.connectors.connector import AddressedTable, require_module
from ss_ray.tables.parts import BLOCK_ROWS


@dataclass(frozen=True, kw_only=True)
class DeltaLakeTable(AddressedTable):
    """A Delta Lake table; a number after `#` in its address is the version to read."""

    def version(self) -> str:
        """Number of the table's version."""
        return str(self._open_table().version())

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks of BLOCK_ROWS.

        Raises:
            DataError: There is no Delta Lake table, or it needs a newer reader.
        """
        table = self._open_table()
        try:
            rows = table.to_pyarrow_dataset()
        except Exception as error:  # noqa: BLE001 - errors of its Rust core have no common class
            raise DataError(f"{self.name} needs a newer reader: {type(error).__name__} of Delta Lake") from None

        for batch in rows.to_batches(batch_size=BLOCK_ROWS, batch_readahead=2, fragment_readahead=1):
            yield pa.table(batch)

    def _open_table(self) -> Any:
        deltalake = require_module("deltalake", "delta", "a Delta Lake table")
        version = self.address.table
        if version and not version.isdecimal():
            raise DataError(f"{self.name}: after # stands the number of a version")

        try:
            return deltalake.DeltaTable(delta_uri(self.address), version=int(version) if version else None)
        except Exception as error:  # noqa: BLE001 - errors of its Rust core have no common class
            raise DataError(f"cannot read {self.name}: {type(error).__name__} of Delta Lake") from None


def delta_uri(address: Address) -> str:
    """The folder as Delta Lake names it: `delta:///data/x` is a path, `delta+s3://bucket/x` lies in a bucket."""
    store = address.driver.partition("+")[2]
    return f"{store}://{address.secret_place}" if store else address.secret_place
