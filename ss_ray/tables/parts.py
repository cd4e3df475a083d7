"""Parquet files between the stages: a table is a folder of parts in order of their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.location import Location

PART_ROWS = 131_072
BLOCK_ROWS = 32_768


def read_part(part: Location, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of one part in blocks, with all columns or some."""
    with part.filesystem.open_input_file(part.path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(BLOCK_ROWS, columns=columns):
            yield pa.Table.from_batches([batch])


@dataclass(frozen=True)
class Slice:
    """Some rows of a part.

    Attributes:
        part: File of the part.
        start: Number of the first row in the part.
        num_rows: Number of rows.
    """

    part: Location
    start: int
    num_rows: int


def part_slices(parts: Sequence[Location], max_rows: int) -> list[Slice]:
    """All rows of the parts in order, in slices of `max_rows` at most."""
    return [
        Slice(part, start, min(max_rows, rows - start))
        for part, rows in zip(parts, count_rows(parts), strict=True)
        for start in range(0, rows, max_rows)
    ]


def read_slice(rows: Slice) -> Iterator[pa.Table]:
    """The rows of a slice in blocks; row groups outside it are not read."""
    with rows.part.filesystem.open_input_file(rows.part.path) as stream:
        file = pq.ParquetFile(stream)
        end = rows.start + rows.num_rows
        first = 0

        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            low = max(rows.start, first)
            high = min(end, first + size)
            if low < high:
                yield file.read_row_group(group).slice(low - first, high - low)
            first += size


def part_schema(part: Location) -> pa.Schema:
    """Names and storage types of the columns, from the file's footer."""
    with part.filesystem.open_input_file(part.path) as stream:
        return pq.read_schema(stream)


def count_rows(parts: Sequence[Location]) -> list[int]:
    """Rows of each part, from the files' footers."""
    counts = []
    for part in parts:
        with part.filesystem.open_input_file(part.path) as stream:
            counts.append(pq.read_metadata(stream).num_rows)
    return counts


def sample_rows(parts: Sequence[Location], max_rows: int) -> pa.Table:
    """About evenly spaced rows of all parts together, `max_rows` at most."""
    counts = count_rows(parts)
    stride = max(1, -(-sum(counts) // max_rows))
    blocks: list[pa.Table] = []
    # Of the next block's first row, modulo the stride.
    offset = 0

    for part in parts:
        for block in read_part(part):
            taken = range(-offset % stride, block.num_rows, stride)
            blocks.append(block.take(pa.array(taken, pa.int64())))
            offset += block.num_rows

    return pa.concat_tables(blocks)


class PartWriter:
    """Writes tables to folder/<name>-00000.parquet and on, PART_ROWS rows in each."""

    def __init__(self, folder: Location, name: str, schema: pa.Schema) -> None:
        self.folder = folder.make_folder()
        self.name = name
        self.schema = schema
        self.num_rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._part_rows = 0
        self._parts = 0

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._close_writer()

    def write(self, table: pa.Table) -> None:
        """Append rows; nothing is written for none."""
        if not table.num_rows:
            return

        # Parts are written by blocks, and no block is divided over two parts.
        if self._writer is None or self._part_rows + table.num_rows > PART_ROWS:
            self._close_writer()
            part = self.folder / f"{self.name}-{self._parts:05d}.parquet"
            self._writer = pq.ParquetWriter(part.path, self.schema, filesystem=part.filesystem)
            self._parts += 1

        self._writer.write_table(table)
        self.num_rows += table.num_rows
        self._part_rows += table.num_rows

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._part_rows = 0
