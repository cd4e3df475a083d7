"""Copies of tables that are no files: Parquet parts of bounded size, with a note of where they are from.

The pipeline reads its source several times, and by its files. A table that is no file is therefore copied once, into
the private part of the run directory, and the copy is read in its place.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
    schemas: list[pa.Schema] = []
    num_rows = 0
    with closing(connector.read_blocks()) as blocks:
        for block in blocks:
            kept = block if max_rows is None else block.slice(0, max_rows - num_rows)
            pq.write_table(kept, _part_path(folder, len(schemas)), filesystem=folder.filesystem)
            schemas.append(kept.schema)
            num_rows += kept.num_rows
            on_progress(Progress(stage="copy", done=num_rows, total=None))
            if num_rows == max_rows:
                break

    if not num_rows:
        raise DataError(f"{connector.name} has no rows; there is nothing to learn from")

    _unify_parts(folder, schemas, connector.name)
    (folder / ORIGIN).write_text(json.dumps({"name": connector.name}))
    return num_rows


def source_name(uri: str | Path) -> str:
    """Where rows are from: the address that a folder is a copy of, or else the path or URI itself."""
    folder = Location.parse(uri)
    note = folder / ORIGIN
    if not note.exists():
        return str(folder)

    origin: dict[str, Any] = json.loads(note.read_text())
    return str(origin["name"])


def copy_addressed(uri: str | Path, folder: Location, on_progress: OnProgress) -> str | Path:
    """The path to read a whole table from: its own, or that of a copy that is made in a folder.

    Args:
        uri: Path, URI or address of the table.
        folder: Folder of the copy.
        on_progress: Function that is told the rows copied.
    """
    if not is_address(uri):
        return uri

    copy_table(open_connector(str(uri)), folder, on_progress=on_progress)
    return folder.path


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


def _part_path(folder: Location, number: int) -> str:
    return (folder / f"part-{number:05d}.parquet").path


def _unify_parts(folder: Location, schemas: list[pa.Schema], place: str) -> None:
    """Write those parts again whose types are narrower than the table's: a block without values has none.

    Raises:
        DataError: A column has types that no type holds both of.
    """
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise DataError(f"a column of {place} changes its type between rows; cast it with data.query") from None

    for number, found in enumerate(schemas):
        if found != schema:
            path = _part_path(folder, number)
            rows = pq.read_table(path, filesystem=folder.filesystem, partitioning=None).cast(schema)
            pq.write_table(rows, path, filesystem=folder.filesystem)
