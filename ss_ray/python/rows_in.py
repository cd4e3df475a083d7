"""Rows as Python users hold them, written to disk for the pipeline.

A path or URI is used where it is. Everything else becomes one Parquet file, a block at a time, in plain types: the same
rows give the same file, by which the privacy ledger knows them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.addresses import is_address
from ss_ray.errors import ConfigError, DataError
from ss_ray.location import Location
from ss_ray.python.frame_form import PATH, FrameForm

FILE = "table.parquet"
BLOCK_ROWS = 131_072


def write_source(data: Any, folder: Path) -> tuple[str, FrameForm]:
    """The path or URI of the rows, and the form in which rows like them come back.

    Args:
        data: Table in memory, or path or URI of files.
        folder: Local folder that gets the rows; nothing is written for a path or URI.

    Raises:
        ConfigError: It is no table; the message never shows what it holds.
        DataError: A column has cells that Arrow cannot hold.
    """
    if isinstance(data, (str, os.PathLike)):
        path = os.fspath(data)
        if not is_address(path):
            Location.parse(path)
        return path, FrameForm(library=PATH)

    form, blocks = open_rows(data)
    file = folder / FILE
    with pq.ParquetWriter(file, form.plain_schema) as writer:
        for block in blocks:
            for start in range(0, block.num_rows, BLOCK_ROWS):
                writer.write_table(_plain_rows(block.slice(start, BLOCK_ROWS), form.plain_schema))

    return str(file), form


def open_rows(data: Any) -> tuple[FrameForm, Iterator[pa.Table]]:
    """The form of a table in memory, and its rows in blocks.

    Raises:
        ConfigError: It is no table.
        DataError: A column has cells that Arrow cannot hold.
    """
    library = type(data).__module__.partition(".")[0]
    if isinstance(data, pd.DataFrame):
        return _open_pandas(data)
    if library == "ray" and hasattr(data, "iter_batches"):
        return _open_blocks("ray", data.iter_batches(batch_size=BLOCK_ROWS, batch_format="pyarrow"))
    if library == "datasets" and hasattr(data, "with_format"):
        return _open_blocks("datasets", data.with_format("arrow").iter(batch_size=BLOCK_ROWS))
    if isinstance(data, pa.RecordBatch):
        data = pa.table(data)

    if not hasattr(data, "__arrow_c_stream__"):
        data = _collect_lazy(data)

    return _open_stream(data, library)


def _open_pandas(frame: pd.DataFrame) -> tuple[FrameForm, Iterator[pa.Table]]:
    """The columns of a DataFrame; its index is no column."""
    names = [str(label) for label in frame.columns]
    _check_distinct(names)
    columns = [_to_arrow(frame.iloc[:, number], name) for number, name in enumerate(names)]
    table = pa.table(dict(zip(names, columns, strict=True)))
    dtypes = tuple(frame.dtypes.tolist())

    return FrameForm(library="pandas", schema=table.schema, dtypes=dtypes, labels=tuple(frame.columns)), iter([table])


def _to_arrow(series: pd.Series[Any], name: str) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(series, from_pandas=True)
    # The messages of Arrow and pandas quote the value.
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise DataError(
            f"column {name!r} (dtype {series.dtype}) has cells of several types, or of a type that Arrow lacks; make "
            'them one type, such as .astype("string")',
            column=name,
        ) from None


def _open_stream(data: Any, library: str) -> tuple[FrameForm, Iterator[pa.Table]]:
    """The batches of whatever exports an Arrow stream."""
    try:
        reader = pa.RecordBatchReader.from_stream(data)
    # A column alone exports a stream, too.
    except (pa.ArrowException, TypeError, ValueError):
        raise _not_a_table(data) from None

    form = FrameForm(library=library, schema=reader.schema)
    _check_distinct(form.names)
    return form, (pa.Table.from_batches([batch]) for batch in reader)


def _open_blocks(library: str, blocks: Iterator[pa.Table]) -> tuple[FrameForm, Iterator[pa.Table]]:
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        raise DataError("the table has no rows; there is nothing to learn from")

    def all_blocks() -> Iterator[pa.Table]:
        yield first
        yield from blocks

    return FrameForm(library=library, schema=first.schema.remove_metadata()), all_blocks()


def _collect_lazy(data: Any) -> Any:
    """A lazy frame of any library that narwhals knows, as an Arrow table."""
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        return frame.collect("pyarrow").to_native()
    if isinstance(frame, nw.DataFrame):
        return frame.to_arrow()
    raise _not_a_table(data)


def _not_a_table(data: Any) -> ConfigError:
    return ConfigError(
        "expected a table (pandas, polars, pyarrow, DuckDB, Hugging Face or Ray Data, or anything with an Arrow C "
        f"stream of rows) or a path or URI, not an object of type {type(data).__name__}"
    )


def _check_distinct(names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two columns have the name {twice!r}; give each its own", column=twice)


def _plain_rows(block: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in plain types; a stream whose types change ends with an error that shows no value."""
    try:
        columns = [_plain_column(block.column(field.name), field.type) for field in schema]
        return pa.table(columns, schema=schema)
    except (pa.ArrowException, KeyError, ValueError):
        raise DataError("a block of the table has other columns or types than the first") from None


def _plain_column(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """A column in a plain type; Arrow takes and casts not every dictionary as a whole."""
    if not pa.types.is_dictionary(column.type):
        return column.cast(type_)
    return pa.chunked_array([chunk.dictionary.cast(type_).take(chunk.indices) for chunk in column.chunks], type_)
