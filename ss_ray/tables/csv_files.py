"""CSV files in blocks of strings, in the dialect that was decided for the table."""

from __future__ import annotations

import codecs
import csv as python_csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.dialect import DeclaredDialect, Dialect
from ss_ray.tables.file_parts import FilePart
from ss_ray.tables.header import Columns, find_columns, is_data
from ss_ray.tables.json_lines import MAX_COLUMNS, bom_aware
from ss_ray.tables.nested import find_json_columns
from ss_ray.tables.records import Record, split_records
from ss_ray.tables.sniff import find_decimal, find_preamble, find_split

CSV_BLOCK_BYTES = 8 << 20
"""Longest record of CSV files, where data.max_bytes allows so much; JSON lines have a bound of their own."""
LEAST_CSV_BLOCK_BYTES = 1 << 20
# Arrow holds several blocks at a time, and each in several forms.
BLOCKS_IN_LIMIT = 64
HEAD_SIZES = (1 << 19, CSV_BLOCK_BYTES)
"""Bytes of a file that the dialect is decided over; the second size is read only for very long records."""
FEWEST_RECORDS = 20
LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The beginning of a file.

    Attributes:
        text: Decoded text without byte order mark.
        is_complete: Whether the text is the whole file.
    """

    text: str
    is_complete: bool


@dataclass(frozen=True, kw_only=True)
class CsvLayout:
    """Where the rows and columns of one file are.

    Attributes:
        columns: Columns of the file.
        skipped_lines: Number of lines above the header.
        first_row: Number of lines above the first row, the header included.
        is_empty: Whether the file has no row.
        looks_like_data: Whether the header looks like a row of the table.
    """

    columns: Columns
    skipped_lines: int
    first_row: int
    is_empty: bool
    looks_like_data: bool


def read_head(file: Location, encoding: str, size: int) -> Head:
    """The first `size` bytes of a file as text."""
    with file.filesystem.open_input_stream(file.path) as stream:
        content = bytes(stream.read(size))
        is_complete = len(content) < size

    text = codecs.getincrementaldecoder(encoding)().decode(content, is_complete)
    return Head(text=text.removeprefix("\ufeff"), is_complete=is_complete)


def find_csv_dialect(file: Location, encoding: str, declared: DeclaredDialect) -> Dialect:
    """The dialect of a CSV file by its first rows.

    Args:
        file: First file of the table.
        encoding: Character encoding of the file.
        declared: The part that a person declares.

    Raises:
        DataError: The file is empty or has too many columns, or its header looks like data.
    """
    for size in HEAD_SIZES:
        head = read_head(file, encoding, size)
        preamble = find_preamble(head.text)
        if declared.separator is None and preamble.separator is not None:
            asked = DeclaredDialect(separator=preamble.separator, quote=declared.quote)
        else:
            asked = declared

        split = find_split(head.text[preamble.end :], is_complete=head.is_complete, declared=asked)
        if head.is_complete or len(split.records) >= FEWEST_RECORDS:
            break

    if not split.records:
        raise DataError(f"{file.name} is empty, or its first line is longer than {CSV_BLOCK_BYTES:,} bytes")
    if split.header_width > MAX_COLUMNS:
        raise DataError(f"{file.name} has more than {MAX_COLUMNS:,} columns, which is more than a table may have")

    dialect = Dialect(
        separator=split.separator, quote=split.quote, encoding=encoding, header=declared.header is not False
    )
    layout = _find_layout(head, dialect)
    if layout.looks_like_data and declared.header is None:
        raise DataError(
            f"the first line of {file.name} looks like data, not like names of columns; set data.header to false to "
            "read it as a row, or to true if it holds the names"
        )

    rows = [record.cells for record in split.records[dialect.header :]]
    return Dialect(
        separator=split.separator,
        quote=split.quote,
        decimal=declared.decimal or find_decimal(rows),
        encoding=encoding,
        header=dialect.header,
        skipped_lines=layout.skipped_lines,
        dropped=layout.columns.dropped,
        json_columns=find_json_columns(layout.columns.names, layout.columns.select(rows)),
    )


def find_layout(file: Location, dialect: Dialect) -> CsvLayout:
    """Where the rows and columns of a file are; each file of a table has a header of its own."""
    for size in HEAD_SIZES:
        head = read_head(file, dialect.encoding or "utf8", size)
        layout = _find_layout(head, dialect)
        if head.is_complete or layout.columns.names:
            break

    return layout


def _find_layout(head: Head, dialect: Dialect) -> CsvLayout:
    start = find_preamble(head.text).end
    records = split_records(head.text, dialect.separator or ",", dialect.quote or "", start=start)
    if not head.is_complete and len(records) > 1 and records[-1].end == len(head.text):
        # Its last cells may be cut.
        records.pop()

    header = records[0].cells if records and dialect.header else None
    rows = records[1:] if dialect.header else records
    cells = [record.cells for record in rows]
    end = records[0].end if header is not None else start
    return CsvLayout(
        columns=find_columns(header, cells, _usual_width(records)) if records else Columns(names=()),
        skipped_lines=_count_lines(head.text[:start]),
        first_row=_count_lines(head.text[:end]),
        is_empty=not rows and head.is_complete,
        looks_like_data=header is not None and is_data(header, cells),
    )


def _usual_width(records: list[Record]) -> int:
    """Number of cells that most records have; the first record's where it is equally frequent."""
    widths = Counter(len(record.cells) for record in (records[1:] or records))
    first = len(records[0].cells)
    return max(widths, key=lambda width: (widths[width], width == first, width))


def _count_lines(text: str) -> int:
    return len(LINE_END.findall(text))


def read_csv(
    part: FilePart, dialect: Dialect, columns: Columns, max_bytes: int | None, skipped_lines: int
) -> Iterator[pa.Table]:
    """The rows of a part of a CSV file in blocks; all columns are strings, and empty cells are missing.

    Args:
        part: Part of the file that is read.
        dialect: Dialect of the table.
        columns: Columns of the file.
        max_bytes: Largest size of the file's cells in bytes; None for no limit.
        skipped_lines: Number of lines at the beginning of the part that are not rows.

    Raises:
        DataError: A column without a name has a value.
    """
    places = [f"c{place}" for place in range(columns.width)]
    kept = [places[place] for place in columns.kept]
    empty = [column.position - 1 for column in columns.dropped if column.reason == "empty"]
    options = {
        "read_options": csv.ReadOptions(
            encoding=dialect.encoding,
            block_size=_block_bytes(max_bytes),
            use_threads=False,
            column_names=places,
            skip_rows=skipped_lines,
        ),
        "parse_options": csv.ParseOptions(
            delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=True
        ),
        "convert_options": csv.ConvertOptions(
            # Inference by Arrow would read "007" as 7, and differ from file to file.
            column_types=dict.fromkeys(places, pa.string()),
            include_columns=[*kept, *(places[place] for place in empty)],
            null_values=[""],
            strings_can_be_null=True,
            # "" in quotes is an empty text; an empty cell is missing.
            quoted_strings_can_be_null=False,
        ),
    }
    with csv.open_csv(part.open(), **options) as reader:
        for batch in reader:
            for place in empty:
                _check_empty(batch.column(places[place]), place + 1, part.file)
            yield pa.table(batch.columns[: len(kept)], names=list(columns.names))


def _check_empty(cells: pa.Array, position: int, file: Location) -> None:
    if pc.any(pc.not_equal(cells, "")).as_py():
        raise DataError(
            f"{file.name} has no name for column {position}, and that column has values below the first rows; give the "
            "column a name"
        )


def _block_bytes(max_bytes: int | None) -> int:
    """Text that is parsed at once."""
    if max_bytes is None:
        return CSV_BLOCK_BYTES
    # Arrow holds several blocks at a time, and each in several forms.
    return min(CSV_BLOCK_BYTES, max(LEAST_CSV_BLOCK_BYTES, max_bytes // BLOCKS_IN_LIMIT))


def find_ragged_row(file: Location, dialect: Dialect, width: int) -> tuple[int, int] | None:
    """Line and number of cells of the first row that has another number of cells than the header; None if none does.

    Args:
        file: Location of the file.
        dialect: Dialect of the table.
        width: Number of cells that every row must have.
    """
    skipped = find_layout(file, dialect).first_row
    with file.filesystem.open_input_stream(file.path) as stream:
        encoding = bom_aware(dialect.encoding or "utf8")
        lines = io.TextIOWrapper(io.BufferedReader(stream), encoding=encoding, newline="")
        for _ in range(skipped):
            lines.readline()

        if dialect.quote:
            reader = python_csv.reader(lines, delimiter=dialect.separator or ",", quotechar=dialect.quote)
        else:
            reader = python_csv.reader(lines, delimiter=dialect.separator or ",", quoting=python_csv.QUOTE_NONE)

        try:
            before = 0
            for row in reader:
                if row and len(row) != width:
                    return skipped + before + 1, len(row)
                before = reader.line_num
        except (python_csv.Error, UnicodeError):
            return None

    return None
