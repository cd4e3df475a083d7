"""Parquet files of anybody's making, in blocks of bounded size: a few hundred bytes can stand for gigabytes of cells.

Texts stay references into their dictionary until a block's true size is known. Everything else is read in batches of
so few rows that their largest possible size fits. No page is unpacked that alone holds more than the table may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.parquet_pages import DELTA_BYTE_ARRAY, DELTA_ENCODINGS, ParquetPage, column_pages
from ss_ray.tables.parts import BLOCK_ROWS

VARIABLE = (
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
)
BLOCK_BYTES = 8 << 20
"""Cells of a block, in memory; a single row may have more."""
# Bytes of a column that are read from the file at a time.
STREAM_BYTES = 1 << 20
# Bytes of one cell beside its content: an offset or an index.
REFERENCE_BYTES = 4
LENGTH_BYTES = 4


def read_parquet(file: Location, max_bytes: int | None, row_groups: Sequence[int] | None = None) -> Iterator[pa.Table]:
    """The rows of a Parquet file in blocks of about BLOCK_BYTES.

    Args:
        file: Location of the file.
        max_bytes: A file that would unpack to more is refused before it is unpacked; None: no limit.
        row_groups: Numbers of the row groups to read; None for all.

    Raises:
        DataError: The file holds more, or nested values, or is damaged.
    """
    with file.filesystem.open_input_file(file.path) as stream:
        schema = plain_schema(pq.read_schema(stream), file)
        metadata = pq.read_metadata(stream)
        budget = _Budget(file, max_bytes)
        # Every cell has at least its fixed width, whatever the pages hold.
        budget.check(metadata.num_rows * sum(cell_width(field.type) for field in schema))

        for group in range(metadata.num_row_groups) if row_groups is None else row_groups:
            if not metadata.row_group(group).num_rows:
                # Such a group has no page to look at.
                continue

            rows, references = _reading_plan(stream, metadata.row_group(group), schema, budget)
            reader = pq.ParquetFile(
                stream, metadata=metadata, read_dictionary=references, buffer_size=STREAM_BYTES, pre_buffer=False
            )
            for batch in reader.iter_batches(rows, row_groups=[group]):
                yield from plain_blocks(batch, schema)


class _Budget:
    """Bytes of cells that a file may unpack to."""

    def __init__(self, file: Location, max_bytes: int | None) -> None:
        self.file = file
        self.max_bytes = max_bytes

    def check(self, num_bytes: float) -> None:
        """Refuse data that would be unpacked at once.

        Raises:
            DataError: The bytes are more than all cells may have.
        """
        if self.max_bytes is not None and num_bytes > self.max_bytes:
            raise too_large(self.file, self.max_bytes)


def too_large(file: Location, max_bytes: int) -> DataError:
    """The error of a file with too many cells."""
    return DataError(f"{file.name} holds more than {max_bytes:,} bytes of cells (data.max_bytes)")


def plain_schema(schema: pa.Schema, file: Location) -> pa.Schema:
    """The schema of a file without dictionaries of texts.

    Args:
        schema: Schema of the file.
        file: Location of the file.

    Raises:
        DataError: A column holds several values in a cell, or values of an extension of Arrow.
    """
    fields = []
    for field in schema:
        if pa.types.is_dictionary(field.type):
            stored = field.type.value_type
        else:
            stored = field.type

        if not (_is_variable(stored) or _is_fixed(stored)):
            raise _nested_error(field, file)

        fields.append(field.with_type(stored) if _is_variable(stored) else field)

    return pa.schema(fields)


def _nested_error(field: pa.Field, file: Location) -> DataError:
    """The error of a column whose cells hold several values."""
    if pa.types.is_struct(field.type):
        kind = "nested values"
        remedy = "give each of its fields a column of its own"
    elif pa.types.is_map(field.type):
        kind = "nested values (maps)"
        remedy = "give each of its keys a column of its own"
    elif pa.types.is_nested(field.type):
        kind = "nested values (lists)"
        remedy = "give each element a column or a row of its own, or store the lists as text"
    else:
        kind = f"values of the type {field.type}"
        remedy = "store them as text, numbers or times"

    return DataError(f"{file.name}, column {field.name!r} holds {kind}; {remedy}, or leave it out", column=field.name)


def _reading_plan(
    stream: pa.NativeFile, group: pq.RowGroupMetaData, schema: pa.Schema, budget: _Budget
) -> tuple[int, list[str]]:
    """Rows that are read at once from a row group, and the text columns that are read as references.

    Raises:
        DataError: The pages that are held at the same time are larger than the table may be.
    """
    row_bytes = 0.0
    held_bytes = 0
    references = []

    for column, field in enumerate(schema):
        dictionary = 0
        largest = 0
        value_bytes = 0.0
        is_reference = _is_variable(field.type)

        for page in column_pages(stream, group.column(column)):
            if page.is_dictionary:
                dictionary = max(dictionary, page.num_bytes)
            else:
                largest = max(largest, _held_bytes(page))
                value_bytes = max(value_bytes, _value_bytes(page))
                # Arrow has no references into them.
                is_reference &= page.encoding not in DELTA_ENCODINGS

            # Checked before Arrow unpacks the page, which it does at once.
            budget.check(held_bytes + largest + dictionary)

        if is_reference:
            references.append(field.name)
        elif dictionary and _is_variable(field.type):
            # Every cell may be the longest text.
            value_bytes = max(value_bytes, dictionary)

        held_bytes += largest + dictionary
        row_bytes += value_bytes + cell_width(field.type)

    return max(1, min(BLOCK_ROWS, int(BLOCK_BYTES / row_bytes))), references


def _held_bytes(page: ParquetPage) -> int:
    """Bytes that a page takes while its values are read."""
    if page.encoding in DELTA_ENCODINGS:
        lengths = page.num_values * LENGTH_BYTES
    else:
        lengths = 0
    return page.num_bytes + lengths


def _value_bytes(page: ParquetPage) -> float:
    """Bytes of one cell: the largest size if it may repeat parts of the cell before it, else the mean."""
    is_shared = page.encoding == DELTA_BYTE_ARRAY
    # Such a cell may repeat the whole cell before it, so the mean says nothing.
    if is_shared:
        return float(page.num_bytes)
    return page.num_bytes / max(page.num_values, 1)


def cell_width(type_: pa.DataType) -> float:
    """Bytes of one cell of a type, with its bit of validity; content of variable length not included."""
    if pa.types.is_dictionary(type_):
        stored = type_.value_type
    else:
        stored = type_

    if pa.types.is_null(stored):
        return 1 / 8

    return 1 / 8 + (REFERENCE_BYTES if _is_variable(stored) else stored.bit_width / 8)


def plain_blocks(batch: pa.RecordBatch, schema: pa.Schema) -> Iterator[pa.Table]:
    """A batch in blocks of bounded size, its texts no references any more.

    Args:
        batch: Rows of a file, texts as references or not.
        schema: Schema of the file without dictionaries of texts.
    """
    table = pa.Table.from_batches([batch])
    sizes = np.full(table.num_rows, sum(cell_width(field.type) for field in table.schema), np.float64)
    for name in (field.name for field in schema if _is_variable(field.type)):
        sizes += _text_bytes(batch.column(name))

    start = 0
    ends = np.cumsum(sizes)
    while start < table.num_rows:
        before = ends[start - 1] if start else 0.0
        # A single row may be larger than a block.
        stop = max(start + 1, int(np.searchsorted(ends, before + BLOCK_BYTES, side="right")))
        yield pa.table([_to_plain(column) for column in table.slice(start, stop - start)], schema.names).cast(schema)
        start = stop


def _text_bytes(texts: pa.Array) -> np.ndarray:
    """Bytes of each text of a column, read as references or not."""
    if _is_reference(texts):
        lengths = pc.binary_length(texts.dictionary).take(texts.indices)
    else:
        lengths = pc.binary_length(texts)
    return np.asarray(pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False), np.float64)


def _to_plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column whose texts are no references any more."""
    if not _is_reference(column):
        return column
    return pa.chunked_array([chunk.dictionary.take(chunk.indices) for chunk in column.chunks], column.type.value_type)


def _is_reference(array: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(array.type) and _is_variable(array.type.value_type))


def _is_variable(type_: pa.DataType) -> bool:
    """Whether cells of a type have any length."""
    return type_ in VARIABLE


def _is_fixed(type_: pa.DataType) -> bool:
    """Whether all cells of a type are equally large."""
    is_bytes = pa.types.is_fixed_size_binary(type_) or pa.types.is_decimal(type_)
    return bool(is_bytes or pa.types.is_null(type_) or pa.types.is_primitive(type_))
