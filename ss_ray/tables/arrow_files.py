"""Arrow and Feather files: the record batches of Arrow's own format, typed like Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import ipc

from ss_ray.location import Location
from ss_ray.tables.arrow_messages import FILE_MARK, batch_sizes
from ss_ray.tables.parquet_files import cell_width, plain_blocks, plain_schema, too_large
from ss_ray.tables.parts import BLOCK_ROWS


def arrow_names(file: Location) -> tuple[str, ...]:
    """Names of the columns of an Arrow file."""
    with file.filesystem.open_input_file(file.path) as stream, _open_batches(stream) as reader:
        return tuple(reader.schema.names)


def read_arrow(file: Location, max_bytes: int | None) -> Iterator[pa.Table]:
    """The rows of an Arrow file in blocks of bounded size.

    Args:
        file: Location of the file.
        max_bytes: A file that would unpack to more is refused before it is unpacked; None: no limit.

    Raises:
        DataError: The file holds more, or nested values.
    """
    if max_bytes is not None:
        _check_sizes(file, max_bytes)

    with file.filesystem.open_input_file(file.path) as stream, _open_batches(stream) as reader:
        schema = plain_schema(reader.schema, file)
        for batch in _iterate_batches(reader):
            for start in range(0, batch.num_rows, BLOCK_ROWS):
                yield from plain_blocks(batch.slice(start, BLOCK_ROWS), schema)


def _check_sizes(file: Location, max_bytes: int) -> None:
    """Refuse a file whose batches unpack to more than a table may have."""
    with file.filesystem.open_input_file(file.path) as stream, _open_batches(stream) as reader:
        row_bytes = sum(cell_width(field.type) for field in plain_schema(reader.schema, file))

    taken = 0.0
    with file.filesystem.open_input_file(file.path) as stream:
        for num_rows, num_bytes in batch_sizes(stream):
            # A column of nothing but missing values has no bytes.
            taken += max(num_bytes, num_rows * row_bytes)
            if taken > max_bytes:
                raise too_large(file, max_bytes)


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
