"""Source tables: CSV, Excel, JSON lines, Parquet or Arrow, a file or a folder of shards, as a stream of Arrow blocks.

Text formats are read as strings, exactly as written; what they mean is decided later from the whole table, so that
"007" stays text and no shard disagrees with another. No error repeats any content of a file.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.errors import DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.arrow_files import arrow_names, read_arrow
from ss_ray.tables.csv_files import find_csv_dialect, find_layout, find_ragged_row, read_csv
from ss_ray.tables.dialect import AUTO, DeclaredDialect, Dialect
from ss_ray.tables.encodings import check_encoding, find_encoding
from ss_ray.tables.excel_files import excel_header, find_excel_table, read_excel, split_sheet
from ss_ray.tables.file_parts import FilePart
from ss_ray.tables.header import PERSONAL, Columns
from ss_ray.tables.json_lines import HEADER_RECORDS, MAX_COLUMNS, read_json_lines, read_records
from ss_ray.tables.parquet_files import read_parquet, too_large
from ss_ray.tables.parquet_pages import DamagedPageError

Format = Literal["csv", "jsonl", "parquet", "arrow", "excel"]
TEXT_FORMATS = ("csv", "jsonl", "excel")
_PLAIN: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
SUFFIXES: dict[str, Format] = {
    **{suffix + packed: format_ for suffix, format_ in _PLAIN.items() for packed in ("", ".gz", ".zst")},
    ".xlsx": "excel",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
}
NOTES = (".txt", ".txt.gz", ".txt.zst")
"""Suffixes of files that are no shards where a folder holds tables with other suffixes."""
DATASET_NOTE = "state.json"
"""Note in which the package `datasets` lists the Arrow files of a saved data set."""
HASH_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a table.

    Attributes:
        files: In order of their names.
        format: Format of all files.
        names: Column names in order.
        dialect: Separator, encoding and the like of all files.
        max_bytes: Largest size of a file's cells in bytes, decompressed and in memory; None for no limit.
    """

    files: tuple[Location, ...]
    format: Format
    names: tuple[str, ...]
    dialect: Dialect
    max_bytes: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether the cells are text that is still to be understood, where "12" may be a number."""
        return self.format in TEXT_FORMATS


def find_source(
    uri: str | Path,
    encoding: str = AUTO,
    max_bytes: int | None = None,
    declared: DeclaredDialect | None = None,
) -> Source:
    """The table at a path or URI.

    Args:
        uri: A file or a folder; the name of a sheet may follow the path of an Excel file after `#`.
        encoding: Encoding of text files; "auto" finds it.
        max_bytes: A file whose cells take more is refused while it is read; None: no limit.
        declared: Separator, quote, decimal mark and header that a person declares; None finds all of them.

    Raises:
        DataError: Nothing there, formats mixed, or column names empty or repeated.
    """
    check_encoding(encoding)
    path, sheet = _split_uri(uri)
    location = Location.parse(path)
    files, format_ = _table_files(location)
    source = Source(files=files, format=format_, names=(), dialect=Dialect(), max_bytes=max_bytes)

    try:
        source = _describe_files(source, encoding, sheet, declared or DeclaredDialect())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError, OSError) as error:
        raise _explain_error(error, source, source.files[0], encoding) from None

    _check_names(source.names, location)
    # The first line of text tables was looked at beside its rows, and a person may have declared it.
    if format_ not in ("csv", "excel") and any(map(PERSONAL.search, source.names)):
        raise DataError(f"a name of a column of {location} is personal data; rename the columns")

    return source


def _describe_files(source: Source, encoding: str, sheet: str | None, declared: DeclaredDialect) -> Source:
    """The source with its columns and its dialect, by the beginning of its files."""
    file = source.files[0]
    if source.format == "parquet":
        with file.filesystem.open_input_file(file.path) as stream:
            return replace(source, names=tuple(pq.read_schema(stream).names))
    if source.format == "arrow":
        return replace(source, names=arrow_names(file))
    if source.format == "excel":
        dialect, columns = find_excel_table(file, sheet, declared, source.max_bytes)
        return replace(source, names=columns.names, dialect=dialect)

    found = find_encoding(source.files) if encoding == AUTO else encoding
    if source.format == "jsonl":
        dialect = Dialect(encoding=found, decimal=declared.decimal)
        return replace(source, names=_json_names(source, found), dialect=dialect)

    dialect = find_csv_dialect(file, found, declared)
    names = find_layout(file, dialect).columns.names
    return replace(source, names=names, dialect=dialect)


def read_blocks(source: Source, file: Location) -> Iterator[pa.Table]:
    """The rows of one file in blocks; columns of text formats are strings, with empty cells missing.

    Raises:
        DataError: The file is damaged, has other columns than the first, or another encoding.
    """
    return read_file_part(source, FilePart(file=file))


def read_file_part(source: Source, part: FilePart) -> Iterator[pa.Table]:
    """The rows of a part of one file in blocks; columns of text formats are strings, with empty cells missing.

    Args:
        source: Files of the table.
        part: Part of one of these files.

    Raises:
        DataError: The file is damaged, has other columns than the first, or another encoding.
    """
    file = part.file
    taken = 0
    try:
        for block in _read_blocks(source, part):
            taken += block.nbytes
            # Checked block by block: the size of a compressed file says nothing about its content.
            if source.max_bytes is not None and taken > source.max_bytes:
                raise too_large(file, source.max_bytes)
            if tuple(block.column_names) != source.names:
                raise _other_columns(source, file)

            if block.num_rows:
                yield block
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError, OSError, DamagedPageError) as error:
        raise _explain_error(error, source, file, source.dialect.encoding or AUTO) from None


def _read_blocks(source: Source, part: FilePart) -> Iterator[pa.Table]:
    if source.format == "parquet":
        return read_parquet(part.file, source.max_bytes, part.row_groups)
    if source.format == "arrow":
        return read_arrow(part.file, source.max_bytes)
    if source.format == "jsonl":
        return read_json_lines(part, source.dialect.encoding or "utf8", source.names)
    if source.format == "excel":
        return _read_excel(source, part.file)
    return _read_csv(source, part)


def _read_csv(source: Source, part: FilePart) -> Iterator[pa.Table]:
    columns = Columns(names=source.names, dropped=source.dialect.dropped)
    skipped_lines = 0
    if part.is_first:
        layout = find_layout(part.file, source.dialect)
        _check_same_columns(layout.columns, columns, source, part.file)
        if layout.is_empty:
            return
        skipped_lines = layout.first_row

    yield from read_csv(part, source.dialect, columns, source.max_bytes, skipped_lines)


def _read_excel(source: Source, file: Location) -> Iterator[pa.Table]:
    columns = Columns(names=source.names, dropped=source.dialect.dropped)
    if file != source.files[0]:
        _check_same_columns(excel_header(file, source.dialect, source.max_bytes), columns, source, file)

    yield from read_excel(file, source.dialect, columns, source.max_bytes)


def _check_same_columns(found: Columns, columns: Columns, source: Source, file: Location) -> None:
    """Refuse a file whose columns, those that are left out included, are not those of the first file."""
    if found.names != columns.names or found.kept != columns.kept:
        raise _other_columns(source, file)


def _other_columns(source: Source, file: Location) -> DataError:
    return DataError(f"{file.name} has other columns than {source.files[0].name}; all files must agree")


def source_state(uri: str | Path) -> list[tuple[str, int, int]]:
    """Name, size in bytes and time of change in nanoseconds of each file, without reading any."""
    location = Location.parse(_split_uri(uri)[0])
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


def _split_uri(uri: str | Path) -> tuple[str | Path, str | None]:
    """A path or URI, and the sheet that follows it after `#`."""
    if not isinstance(uri, str | Path):
        # It is refused where it is parsed.
        return uri, None

    path, sheet = split_sheet(str(uri))
    return (uri if sheet is None else path), sheet


def _table_files(location: Location) -> tuple[tuple[Location, ...], Format]:
    """The files of a table, and their format.

    Raises:
        DataError: There is no table, or there are tables of several formats.
    """
    if (location / "_delta_log").exists():
        raise DataError(f"{location} is a Delta Lake table: give delta://{location.path} for its current rows")
    if (location / DATASET_NOTE).exists():
        return _dataset_files(location), "arrow"
    if (location / "dataset_dict.json").exists():
        raise DataError(f"{location} holds several splits of a data set; give the folder of one of them")

    files = [file for file in _all_files(location) if _detect_format(file) is not None]
    tables = [file for file in files if not file.name.lower().endswith(NOTES)]
    # A text file beside tables is a description of them.
    files = tables or files
    formats = Counter(_detect_format(file) for file in files)
    found = [format_ for format_ in formats if format_ is not None]
    if len(found) != 1:
        if found:
            kinds = "files of several formats"
        else:
            kinds = "no CSV, Excel, JSON lines, Parquet or Arrow file"
        raise DataError(f"{location} holds {kinds}; expected one of {_name_suffixes()}")

    return tuple(files), found[0]


def _dataset_files(location: Location) -> tuple[Location, ...]:
    """The Arrow files of a data set that the package `datasets` saved to disk, in the order of its rows.

    Raises:
        DataError: The data set chooses rows of these files by an index.
    """
    note = json.loads((location / DATASET_NOTE).read_text())
    if note.get("_indices_data_files"):
        raise DataError(f"{location} chooses its rows by an index: save the data set again after flatten_indices()")
    return tuple(location / str(file["filename"]) for file in note.get("_data_files", ()))


def _name_suffixes() -> str:
    plain = [suffix for suffix in SUFFIXES if suffix.count(".") == 1]
    return f"{', '.join(plain)}; text files also with .gz or .zst"


def _json_names(source: Source, encoding: str) -> tuple[str, ...]:
    """Keys of the first records of all files, in order of appearance."""
    keys: dict[str, None] = {}
    left = HEADER_RECORDS
    for file in source.files:
        try:
            for record in islice(read_records(FilePart(file=file), encoding), left):
                keys.update(dict.fromkeys(record))
                _check_width(len(keys), file)
                left -= 1
        except (UnicodeError, OSError) as error:
            raise _explain_error(error, source, file, encoding) from None

    return tuple(keys)


MAX_NAME_CHARACTERS = 500


def _check_names(names: Sequence[str], location: Location) -> None:
    if not names:
        raise DataError(f"{location} has no columns")

    _check_width(len(names), location)
    empty = [str(i + 1) for i, name in enumerate(names) if not name.strip()]
    if empty:
        raise DataError(
            f"{location} has no name for column {', '.join(empty)}; give every column a name, or set data.header to "
            "false if the file has no header"
        )

    long = [str(i + 1) for i, name in enumerate(names) if len(name) > MAX_NAME_CHARACTERS]
    if long:
        raise DataError(
            f"{location} has names of over {MAX_NAME_CHARACTERS} characters, for column {', '.join(long[:20])}; "
            "shorten them"
        )
    counts = Counter(names)
    repeated = [str(i + 1) for i, name in enumerate(names) if counts[name] > 1]
    if repeated:
        raise DataError(
            f"{location} has columns of the same name, {', '.join(repeated[:20])}; rename them, or set data.header to "
            "false if the file has no header"
        )


def _check_width(num_columns: int, location: Location) -> None:
    if num_columns > MAX_COLUMNS:
        raise DataError(f"{location.name} has more than {MAX_COLUMNS:,} columns, which is more than a table may have")


def _explain_error(error: Exception, source: Source, file: Location, encoding: str) -> DataError | ResourceError:
    """Error of a file, without the content that Arrow and Python quote."""
    message = str(error)
    # Arrow has no error class for a storage that does not answer.
    if "AWS Error" in message or "curlCode" in message:
        return ResourceError(f"cannot read {file}: the storage does not answer as it should; try again")
    if "Expected" in message and "columns" in message:
        return _ragged_error(source, file)
    return DataError(f"{file.name} {_describe_reason(error, message, source, encoding)}")


def _ragged_error(source: Source, file: Location) -> DataError:
    width = len(source.names) + len(source.dialect.dropped)
    found = find_ragged_row(file, source.dialect, width)
    remedy = "check quotes and separators"
    if found is None:
        return DataError(f"{file.name} has rows with more or fewer cells than the header has columns; {remedy}")

    line, cells = found
    first = "header" if source.dialect.header else "first row"
    return DataError(f"{file.name}, line {line}: {cells} cells where the {first} has {width}; {remedy}")


def _describe_reason(error: Exception, message: str, source: Source, encoding: str) -> str:
    if isinstance(error, UnicodeError) or "UTF8" in message:
        shown = "UTF-8" if encoding == AUTO else encoding.upper()
        remedy = "set data.encoding to the one it has, or convert the file"
        if encoding == AUTO or codecs.lookup(encoding).name == "utf-8":
            remedy = "it may be Latin-1 (Windows-1252): set data.encoding to 'latin1', or convert the file"
        return f"is not valid {shown}; {remedy}"

    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {os.strerror(error.errno)}"
    if source.format == "parquet":
        return "is not a readable Parquet file"
    if source.format == "arrow":
        return "is not a readable Arrow or Feather file"
    if isinstance(error, OSError):
        return "is damaged or incomplete; it cannot be unpacked"

    return f"cannot be parsed as {source.format}; check quotes and separators"
