"""Copies of tables that are no files: Parquet parts of bounded size, with a note of where they are from.

The pipeline reads its source several times, and by its files. A table that is no file is therefore copied once, into
the private part of the run directory, and the copy is read in its place.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.addresses import is_address
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.progress import OnProgress, Progress, ignore
from ss_ray.tables.connectors.connector import Connector, open_connector

ORIGIN = "_origin.json"
"""Note beside a copy; its name is hidden from readers of tables."""


@dataclass(frozen=True, kw_only=True)
class CopiedRows:
    """Rows of one range of a table, or of all of it, as Parquet parts.

    Attributes:
        number: Number of the range in the table, from 0.
        schemas: Schema of each part, in order.
        num_rows: Number of rows of all parts.
    """

    number: int
    schemas: tuple[pa.Schema, ...]
    num_rows: int


def copy_table(
    connector: Connector, folder: Location, max_rows: int | None = None, on_progress: OnProgress = ignore
) -> int:
    """Copy the rows of a table to Parquet parts in a folder; the number of rows.

    Args:
        connector: Connector of the table.
        folder: Folder of the copy; an older copy in it goes.
        max_rows: Most rows to copy, from the first; None copies all.
        on_progress: Function that is told the rows copied.

    Raises:
        DataError: The table has no rows, or a column changes its type within the table.
    """
    folder.remove()
    folder.make_folder()
    copied = copy_range(
        connector,
        folder,
        max_rows=max_rows,
        report=lambda num_rows: on_progress(Progress(stage="copy", done=num_rows, total=None)),
    )
    return finish_copy(folder, [copied], connector.name)


def copy_range(
    connector: Connector,
    folder: Location,
    number: int = 0,
    max_rows: int | None = None,
    report: Callable[[int], None] = lambda num_rows: None,
) -> CopiedRows:
    """Copy the rows of one range of a table to Parquet parts; parts of an earlier attempt go.

    Args:
        connector: Connector of the range.
        folder: Folder of the copy.
        number: Number of the range in the table, from 0.
        max_rows: Most rows to copy, from the first; None copies all.
        report: Function that is told the rows copied so far.
    """
    for file in folder.files(".parquet"):
        if file.name.startswith(_part_name(number)):
            file.remove()

    schemas: list[pa.Schema] = []
    num_rows = 0
    with closing(connector.read_blocks()) as blocks:
        for block in blocks:
            kept = block if max_rows is None else block.slice(0, max_rows - num_rows)
            part = folder / _part_name(number, len(schemas))
            pq.write_table(kept, part.path, filesystem=part.filesystem)
            schemas.append(kept.schema)
            num_rows += kept.num_rows
            report(num_rows)
            if num_rows == max_rows:
                break

    return CopiedRows(number=number, schemas=tuple(schemas), num_rows=num_rows)


def finish_copy(folder: Location, ranges: Sequence[CopiedRows], name: str) -> int:
    """Give all parts of a copy one schema, and note where they are from; the number of rows.

    Args:
        folder: Folder of the copy.
        ranges: All ranges of the table.
        name: Address of the table, without secrets.

    Raises:
        DataError: The table has no rows, or a column changes its type within the table.
    """
    num_rows = sum(copied.num_rows for copied in ranges)
    if not num_rows:
        raise DataError(f"{name} has no rows; there is nothing to learn from")

    _unify_parts(folder, ranges, name)
    (folder / ORIGIN).write_text(json.dumps({"name": name}))
    return num_rows


def source_name(uri: str | Path) -> str:
    """Where rows are from: the address that a folder is a copy of, or else the path or URI itself."""
    folder = Location.parse(uri)
    note = folder / ORIGIN
    if not note.exists():
        return str(folder)

    origin: dict[str, Any] = json.loads(note.read_text())
    return str(origin["name"])


@contextmanager
def first_rows_copied(uri: str | Path, query: str | None, max_rows: int) -> Iterator[str | Path]:
    """A path to read the first rows of a source from, while the block runs; files are read where they are.

    Args:
        uri: Path, URI or address of the source.
        query: Query of the source; None without one.
        max_rows: Most rows to copy.
    """
    if not is_address(uri):
        yield uri
        return

    with tempfile.TemporaryDirectory(prefix="ss-ray-") as folder:
        copy_table(open_connector(str(uri), query), Location.parse(folder) / "rows", max_rows)
        yield str(Path(folder) / "rows")


def _part_name(number: int, block: int | None = None) -> str:
    """Name of the file of a block; without one, what the names of all blocks of a range begin with."""
    return f"part-{number:05d}-" + ("" if block is None else f"{block:05d}.parquet")


def _unify_parts(folder: Location, ranges: Sequence[CopiedRows], place: str) -> None:
    """Write those parts again whose types are narrower than the table's: a block without values has none.

    Raises:
        DataError: A column has types that no type holds both of.
    """
    try:
        found = [schema for copied in ranges for schema in copied.schemas]
        schema = pa.unify_schemas(found, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise DataError(f"a column of {place} changes its type between rows; cast it with data.query") from None

    for copied in ranges:
        for block, narrow in enumerate(copied.schemas):
            if narrow != schema:
                path = (folder / _part_name(copied.number, block)).path
                rows = pq.read_table(path, filesystem=folder.filesystem, partitioning=None).cast(schema)
                pq.write_table(rows, path, filesystem=folder.filesystem)
