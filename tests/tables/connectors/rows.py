"""Rows with every type that must stay exact, and what they are in Arrow."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ss_ray.location import Location
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.copies import copy_table
from ss_ray.tables.files import find_source, read_blocks

AT = datetime.datetime(2024, 5, 1, 12, 30, 15, 250_000)
ZONED = AT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
ROWS: list[dict[str, Any]] = [
    {"id": 1, "price": Decimal("12345678901234.10"), "at": AT, "day": AT.date(), "paid": True, "note": ""},
    {"id": 2, "price": Decimal("-0.05"), "at": AT, "day": AT.date(), "paid": False, "note": None},
    {"id": 3, "price": None, "at": None, "day": None, "paid": None, "note": "José"},
]


def read_copy(uri: str, folder: Location, query: str | None = None, max_rows: int | None = None) -> pa.Table:
    """The rows behind an address, read from a copy of them."""
    copy_table(open_connector(uri, query), folder, max_rows)
    source = find_source(folder.path)
    return pa.concat_tables([block for file in source.files for block in read_blocks(source, file)])
