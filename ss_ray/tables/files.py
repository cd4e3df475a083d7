"""Source tables: CSV, JSON lines or Parquet, one file or a folder of shards, as a stream of Arrow blocks.

Text formats are read as strings, exactly as written; what they mean is decided later from the whole table, so that
"007" stays text and no shard disagrees with another. No error repeats any content of a file.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from ss_ray.errors import ConfigError, DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.json_lines import HEADER_RECORDS, MAX_COLUMNS, read_json_lines, read_records
from ss_ray.tables.parquet_files import read_parquet, too_large
from ss_ray.tables.parquet_pages import DamagedPageError

Format = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
CSV_BLOCK_BYTES = 8 << 20
"""Longest record of CSV files, where data.max_bytes allows so much; JSON lines have a bound of their own."""
LEAST_CSV_BLOCK_BYTES = 1 << 20
# Arrow holds several blocks at a time, and each in several forms.
BLOCKS_IN_LIMIT = 64
HASH_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a table.

    Attributes:
        files: In order of their names.
        format: Format of all files.
        encoding: Encoding of text files.
        names: Column names in order.
        max_bytes: Largest size of a file's cells in bytes, decompressed and in memory; None for no limit.
    """

    files: tuple[Location, ...]
    format: Format
    encoding: str
    names: tuple[str, ...]
    max_bytes: int | None = None


def find_source(uri: str | Path, encoding: str = "utf8", max_bytes: int | None = None) -> Source:
    """The table at a path or URI.

    Args:
        uri: A file or a folder.
        encoding: Encoding of text files.
        max_bytes: A file whose cells take more is refused while it is read; None: no limit.

    Raises:
        DataError: Nothing there, formats mixed, or column names empty or repeated.
    """
    _check_encoding(encoding)
    location = Location.parse(uri)
    files = _all_files(location)
    formats = Counter(_detect_format(file) for file in files)
    found = [f for f in formats if f is not None]
    if len(found) != 1:
        if found:
            kinds = "files of several formats"
        else:
            kinds = "no CSV, JSON lines or Parquet file"
        raise DataError(f"{location} holds {kinds}; expected one of {', '.join(SUFFIXES)}")

    files = tuple(file for file in files if _detect_format(file) == found[0])
    source = Source(files=files, format=found[0], encoding=encoding, names=(), max_bytes=max_bytes)
    names = _read_names(source)
    _check_names(names, location)

    return replace(source, names=names)


def read_blocks(source: Source, file: Location) -> Iterator[pa.Table]:
    """The rows of one file in blocks; columns of text formats are strings, with empty cells missing.

    Raises:
        DataError: The file is damaged, has other columns than the first, or another encoding.
    """
    taken = 0
    try:
        for block in _read_blocks(source, file):
            taken += block.nbytes
            # Checked block by block: the size of a compressed file says nothing about its content.
            if source.max_bytes is not None and taken > source.max_bytes:
                raise too_large(file, source.max_bytes)
            if tuple(block.column_names) != source.names:
                raise DataError(f"{file.name} has other columns than {source.files[0].name}; all files must agree")

            if block.num_rows:
                yield block
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError, OSError, DamagedPageError) as error:
        raise _explain_error(error, source, file) from None


def _read_blocks(source: Source, file: Location) -> Iterator[pa.Table]:
    if source.format == "parquet":
        return read_parquet(file, source.max_bytes)
    if source.format == "jsonl":
        return read_json_lines(file, source.encoding, source.names)
    return _read_csv(source, file)


def source_state(uri: str | Path) -> list[tuple[str, int, int]]:
    """Name, size in bytes and time of change in nanoseconds of each file, without reading any."""
    location = Location.parse(uri)
    files = _all_files(location)
    infos = location.filesystem.get_file_info([file.path for file in files])
    return [(info.base_name, info.size, info.mtime_ns or 0) for info in infos]


def file_digest(file: Location) -> str:
    """SHA-256 of the file's bytes."""
    digest = hashlib.sha256()
    # The bytes as they are: the digest must not depend on who unpacks them.
    with file.filesystem.open_input_stream(file.path, compression=None) as stream:
        while chunk := stream.read(HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _detect_format(file: Location) -> Format | None:
    return next((format_ for suffix, format_ in SUFFIXES.items() if file.name.lower().endswith(suffix)), None)


def _all_files(location: Location) -> tuple[Location, ...]:
    if not location.exists():
        raise DataError(f"there is no file or folder {location}")
    if location.is_folder():
        return location.files()
    return (location,)


def _check_encoding(encoding: str) -> None:
    try:
        # Also refuses codecs that are none of texts.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except LookupError:
        raise ConfigError(f"data.encoding: there is no encoding {encoding!r}; try 'utf8' or 'latin1'") from None


def _read_names(source: Source) -> tuple[str, ...]:
    if source.format == "jsonl":
        return _json_names(source)

    file = source.files[0]
    try:
        if source.format == "parquet":
            with file.filesystem.open_input_file(file.path) as stream:
                return tuple(pq.read_schema(stream).names)

        _check_width(_csv_width(file), file)
        with _open_csv(source, file) as reader:
            return tuple(reader.schema.names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError, OSError) as error:
        raise _explain_error(error, source, file) from None


def _json_names(source: Source) -> tuple[str, ...]:
    """Keys of the first records of all files, in order of appearance."""
    keys: dict[str, None] = {}
    left = HEADER_RECORDS
    for file in source.files:
        try:
            for record in islice(read_records(file, source.encoding), left):
                keys.update(dict.fromkeys(record))
                _check_width(len(keys), file)
                left -= 1
        except (UnicodeError, OSError) as error:
            raise _explain_error(error, source, file) from None

    return tuple(keys)


MAX_NAME_CHARACTERS = 500
_DATA = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|^\d{4}-\d\d-\d\d|^\d{1,2}[/.]\d{1,2}[/.]\d{4}|^\d{3}-\d\d-\d{4}$")
"""An e-mail address, a date or a social security number where a column's name should be."""


def _check_names(names: Sequence[str], location: Location) -> None:
    if not names:
        raise DataError(f"{location} has no columns")

    _check_width(len(names), location)
    empty = [str(i + 1) for i, name in enumerate(names) if not name.strip()]
    if empty:
        raise DataError(f"{location} has no name for column {', '.join(empty)}; give every column a name")

    long = [str(i + 1) for i, name in enumerate(names) if len(name) > MAX_NAME_CHARACTERS]
    if long:
        raise DataError(
            f"{location} has names of over {MAX_NAME_CHARACTERS} characters, for column {', '.join(long[:20])}; "
            "shorten them"
        )
    if any(_DATA.search(name) for name in names):
        raise DataError(f"the first line of {location} looks like data; add a line with the names of the columns")

    counts = Counter(names)
    repeated = [str(i + 1) for i, name in enumerate(names) if counts[name] > 1]
    if repeated:
        raise DataError(f"{location} has columns of the same name, {', '.join(repeated[:20])}; rename them")
    # One column with a separator in its name: the file uses another separator than the comma.
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        raise DataError(f"{location} seems to be separated by something else than commas; convert it to commas")


def _check_width(num_columns: int, location: Location) -> None:
    if num_columns > MAX_COLUMNS:
        raise DataError(f"{location.name} has more than {MAX_COLUMNS:,} columns, which is more than a table may have")


def _csv_width(file: Location) -> int:
    """Number of columns of a CSV file, from its first line: Arrow would build millions of columns before any check."""
    with file.filesystem.open_input_stream(file.path) as stream:
        head = bytes(stream.read(CSV_BLOCK_BYTES))

    # A quote opens a cell at its start alone.
    unquoted = re.sub(rb'(?:^|(?<=[,\r\n]))"(?:[^"]|"")*+"', b"", head)
    line = re.split(b"[\r\n]", unquoted.lstrip(b"\r\n"), maxsplit=1)[0]
    return line.count(b",") + 1


def _open_csv(source: Source, file: Location, names: Sequence[str] = ()) -> csv.CSVStreamingReader:
    return csv.open_csv(
        file.filesystem.open_input_stream(file.path),
        read_options=csv.ReadOptions(
            encoding=source.encoding, block_size=_csv_block_bytes(source.max_bytes), use_threads=False
        ),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            # Inference by Arrow would read "007" as 7, and differ from file to file.
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            # "" in quotes is an empty text; an empty cell is missing.
            quoted_strings_can_be_null=False,
        ),
    )


def _csv_block_bytes(max_bytes: int | None) -> int:
    """Text that is parsed at once."""
    if max_bytes is None:
        return CSV_BLOCK_BYTES
    # Arrow holds several blocks at a time, and each in several forms.
    return min(CSV_BLOCK_BYTES, max(LEAST_CSV_BLOCK_BYTES, max_bytes // BLOCKS_IN_LIMIT))


def _read_csv(source: Source, file: Location) -> Iterator[pa.Table]:
    with _open_csv(source, file, source.names) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _explain_error(error: Exception, source: Source, file: Location) -> DataError | ResourceError:
    """Error of a file, without the content that Arrow and Python quote."""
    message = str(error)
    # Arrow has no error class for a storage that does not answer.
    if "AWS Error" in message or "curlCode" in message:
        return ResourceError(f"cannot read {file}: the storage does not answer as it should; try again")
    return DataError(f"{file.name} {_describe_reason(error, message, source)}")


def _describe_reason(error: Exception, message: str, source: Source) -> str:
    if isinstance(error, UnicodeError) or "UTF8" in message:
        remedy = "set data.encoding to the one it has, or convert the file"
        if codecs.lookup(source.encoding).name == "utf-8":
            remedy = "it may be Latin-1 (Windows-1252): set data.encoding to 'latin1', or convert the file"
        return f"is not valid {source.encoding.upper()}; {remedy}"

    if "Expected" in message and "columns" in message:
        return "has rows with more or fewer cells than the header has columns; check quotes and separators"
    if "Empty CSV" in message:
        return "is empty, or its only line does not end"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {os.strerror(error.errno)}"
    if source.format == "parquet":
        return "is not a readable Parquet file"
    if isinstance(error, OSError):
        return "is damaged or incomplete; it cannot be unpacked"

    return f"cannot be parsed as {source.format}; check quotes and separators"
