"""JSON lines: flat objects, one per line, in blocks of bounded size regardless of the length of the lines.

No error repeats a value or a key: keys can be values, where somebody wrote one object for each person.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.file_parts import FilePart
from ss_ray.tables.parts import BLOCK_ROWS

BLOCK_BYTES = 2 << 20
"""Characters and cells of the records that are held before they become a block."""
CELL_BYTES = 16
"""A cell takes so much in a block, also where the record leaves it out."""
ENTRY_BYTES = 128
"""A key and a value of a record take so much beside the value's characters, as objects of Python."""
HEADER_RECORDS = 100_000
"""JSON lines whose keys make the columns, over all files; a key that first comes later is an error."""
LINE_CHARACTERS = 8 << 20
"""Longest record."""
MAX_COLUMNS = 10_000
LONG_LINE = 1 << 16
"""From so many characters on, what a line holds is counted before it is parsed: two of them can make an object."""
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string; one that is never closed ends with the line, so that no quote inside it is tried as a beginning."""
MAX_BLANK_LINES = 100_000
COUNT_BYTES = 8 << 20


def read_json_lines(part: FilePart, encoding: str, names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a part of a file in blocks; all columns are strings.

    Args:
        part: Part of the file that is read.
        encoding: Character encoding of the file.
        names: Columns of the table in order.

    Raises:
        DataError: A record is no flat object, is too long, or has a key that is no column.
    """
    file = part.file
    known = set(names)
    records: list[dict[str, Any]] = []
    held_bytes = 0

    for number, record in enumerate(read_records(part, encoding), start=1):
        if not known.issuperset(record):
            position = _count_lines_before(part) + number
            raise DataError(
                f"{file.name}, record {position}: a key does not occur in the first {HEADER_RECORDS:,} records; add it "
                "to the first one, with null as its value"
            )

        records.append(record)
        characters = sum(len(value) for value in record.values() if isinstance(value, str))
        # A record that leaves cells out still takes their place in the block.
        held_bytes += CELL_BYTES * len(names) + ENTRY_BYTES * len(record) + characters
        if len(records) == BLOCK_ROWS or held_bytes >= BLOCK_BYTES:
            yield _records_to_strings(records, names, file)
            records = []
            held_bytes = 0

    yield _records_to_strings(records, names, file)


def read_records(part: FilePart, encoding: str) -> Iterator[dict[str, Any]]:
    """The objects of a part of a file, numbers left as they are written.

    Args:
        part: Part of the file that is read.
        encoding: Character encoding of the file.

    Raises:
        DataError: A line is no object, or too long.
    """
    try:
        yield from _iterate_records(part, encoding)
    except BadLine as error:
        number = _count_lines_before(part) + error.number
        raise DataError(f"{part.file.name}, line {number}: {error}") from None


class BadLine(Exception):
    """A line that is no record, by its number in the part that is read."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def _count_lines_before(part: FilePart) -> int:
    """Number of lines of the file before a part; counted only for an error."""
    count = 0
    left = part.start
    with part.file.filesystem.open_input_stream(part.file.path) as stream:
        while left > 0 and (chunk := stream.read(min(left, COUNT_BYTES))):
            count += bytes(chunk).count(b"\n")
            left -= len(chunk)

    return count


def _iterate_records(part: FilePart, encoding: str) -> Iterator[dict[str, Any]]:
    with part.open() as stream:
        lines = io.TextIOWrapper(io.BufferedReader(stream), encoding=bom_aware(encoding))
        blank = 0
        for number, line in enumerate(iter(partial(lines.readline, LINE_CHARACTERS), ""), start=1):
            if len(line) == LINE_CHARACTERS:
                raise BadLine(f"longer than {LINE_CHARACTERS:,} characters", number)

            if line.strip():
                yield _parse_record(line, number)
                continue

            blank += 1
            # A compressed file of blank lines could go on for ever.
            if blank > MAX_BLANK_LINES:
                raise BadLine(f"more than {MAX_BLANK_LINES:,} lines are empty", number)


def _parse_record(line: str, number: int) -> dict[str, Any]:
    if len(line) >= LONG_LINE:
        _check_shape(line, number)

    try:
        # Numbers stay as they are written, as in CSV files.
        record = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise _not_an_object(number) from None

    if not isinstance(record, dict):
        raise _not_an_object(number)

    return record


def _check_shape(line: str, number: int) -> None:
    """Refuse a line that would create far more objects than a record has cells, before they are created."""
    # Brackets and commas inside strings make no objects.
    outside = STRING.sub("", line)
    if outside.count("{") + outside.count("[") > MAX_COLUMNS or outside.count(",") > MAX_COLUMNS:
        raise BadLine(f"more than {MAX_COLUMNS:,} values, more than a row may have", number)


def _not_an_object(number: int) -> BadLine:
    return BadLine("not a JSON object; JSON lines has one object on each line", number)


def bom_aware(encoding: str) -> str:
    """The encoding that leaves out a byte order mark of UTF-8."""
    if encoding.lower().replace("-", "") == "utf8":
        # Windows programs write a byte order mark, which would become part of the first key.
        return "utf-8-sig"
    return encoding


def _records_to_strings(records: Sequence[dict[str, Any]], names: Sequence[str], file: Location) -> pa.Table:
    columns = {}
    for number, name in enumerate(names, start=1):
        cells = [_value_to_string(record.get(name)) for record in records]
        if any(isinstance(cell, (dict, list)) for cell in cells):
            raise _nested_error(records, name, number, file)
        columns[name] = pa.array(cells, pa.string())

    return pa.table(columns)


def _nested_error(records: Sequence[dict[str, Any]], name: str, number: int, file: Location) -> DataError:
    # A key of one record alone may be a person's name.
    is_column = sum(name in record for record in records) > 1
    column = repr(name) if is_column else str(number)
    if any(isinstance(record.get(name), dict) for record in records):
        kind = "objects"
        remedy = "give each of their keys a column of its own"
    else:
        kind = "lists"
        remedy = "give each element a column or a row of its own, or store the lists as text"

    return DataError(f"{file.name}, column {column} holds nested values ({kind}); {remedy}, or leave it out")


def _value_to_string(value: Any) -> Any:
    if isinstance(value, bool):
        return ("false", "true")[value]
    return value
