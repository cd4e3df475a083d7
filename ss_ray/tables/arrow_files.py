"""Arrow and Feather files: the record batches of Arrow's own format, typed like Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import ipc

from ss_ray.location import Location
from ss_ray.tables.parquet_files import plain_schema
from ss_ray.tables.parts import BLOCK_ROWS

FILE_MARK = b"ARROW1"
"""First bytes of the format with random access, which Feather version 2 is; the stream format has none."""


def arrow_names(file: Location) -> tuple[str, ...]:
    """Names of the columns of an Arrow file."""
    with file.filesystem.open_input_file(file.path) as stream, _open_batches(stream) as reader:
        return tuple(reader.schema.names)


def read_arrow(file: Location) -> Iterator[pa.Table]:
    """The rows of an Arrow file in blocks.

    Args:
        file: Location of the file.

    Raises:
        DataError: A column holds nested values.
    """
    with file.filesystem.open_input_file(file.path) as stream, _open_batches(stream) as reader:
        schema = plain_schema(reader.schema, file)
        for batch in _iterate_batches(reader):
            table = pa.Table.from_batches([batch]).cast(schema)
            for start in range(0, table.num_rows, BLOCK_ROWS):
                yield table.slice(start, BLOCK_ROWS)


@contextmanager
def _open_batches(stream: pa.NativeFile) -> Iterator[ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader]:
    """A reader of either of Arrow's two formats."""
    mark = stream.read(len(FILE_MARK))
    stream.seek(0)
    if mark == FILE_MARK:
        reader = ipc.open_file(stream)
    else:
        reader = ipc.open_stream(stream)

    with reader:
        yield reader


def _iterate_batches(reader: ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, ipc.RecordBatchFileReader):
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
    else:
        yield from reader
