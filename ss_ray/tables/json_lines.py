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


def read_json_lines(file: Location, encoding: str, names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a file in blocks; all columns are strings.

    Args:
        file: Location of the file.
        encoding: Character encoding of the file.
        names: Columns of the table in order.

    Raises:
        DataError: A record is no flat object, is too long, or has a key that is no column.
    """
    known = set(names)
    records: list[dict[str, Any]] = []
    held_bytes = 0

    for number, record in enumerate(read_records(file, encoding), start=1):
        if not known.issuperset(record):
            raise DataError(
                f"{file.name}, record {number}: a key does not occur in the first {HEADER_RECORDS:,} records; add it "
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


def read_records(file: Location, encoding: str) -> Iterator[dict[str, Any]]:
    """The objects of a file, numbers left as they are written.

    Raises:
        DataError: A line is no object, or too long.
    """
    with file.filesystem.open_input_stream(file.path) as stream:
        lines = io.TextIOWrapper(io.BufferedReader(stream), encoding=bom_aware(encoding))
        blank = 0
        for number, line in enumerate(iter(partial(lines.readline, LINE_CHARACTERS), ""), start=1):
            if len(line) == LINE_CHARACTERS:
                raise DataError(f"{file.name}, line {number}: longer than {LINE_CHARACTERS:,} characters")

            if line.strip():
                yield _parse_record(line, file, number)
                continue

            blank += 1
            # A compressed file of blank lines could go on for ever.
            if blank > MAX_BLANK_LINES:
                raise DataError(f"{file.name}, line {number}: more than {MAX_BLANK_LINES:,} lines are empty")


def _parse_record(line: str, file: Location, number: int) -> dict[str, Any]:
    if len(line) >= LONG_LINE:
        _check_shape(line, file, number)

    try:
        # Numbers stay as they are written, as in CSV files.
        record = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise _not_an_object(file, number) from None

    if not isinstance(record, dict):
        raise _not_an_object(file, number)

    return record


def _check_shape(line: str, file: Location, number: int) -> None:
    """Refuse a line that would create far more objects than a record has cells, before they are created."""
    # Brackets and commas inside strings make no objects.
    outside = STRING.sub("", line)
    if outside.count("{") + outside.count("[") > MAX_COLUMNS or outside.count(",") > MAX_COLUMNS:
        raise DataError(f"{file.name}, line {number}: more than {MAX_COLUMNS:,} values, more than a row may have")


def _not_an_object(file: Location, number: int) -> DataError:
    return DataError(f"{file.name}, line {number}: not a JSON object; JSON lines has one object on each line")


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
