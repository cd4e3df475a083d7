"""The first records of a delimited text, divided into cells for a separator and a quote that are to be tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ss_ray.tables.json_lines import MAX_COLUMNS

MAX_RECORDS = 5000
MAX_CELLS = 1_000_000


@dataclass(frozen=True)
class Record:
    """One row of a file, before anything is known of its columns.

    Attributes:
        cells: Cells without their quotes.
        quoted: Whether each cell stood in quotes.
        start: Number of characters before the record.
        end: Number of characters up to the end of the record, its line end included.
        is_broken: True if text follows a closing quote, as in `"a" b`.
    """

    cells: tuple[str, ...]
    quoted: tuple[bool, ...]
    start: int
    end: int
    is_broken: bool


def split_records(text: str, separator: str, quote: str, *, start: int = 0) -> list[Record]:
    r"""Up to `MAX_RECORDS` records of a text; empty lines are no records.

    A record keeps at most one cell more than a table may have, so that a hostile line stays small.

    Args:
        text: Text of the file, from its beginning.
        separator: Character between two cells.
        quote: Character around cells that contain the separator; an empty text if there are no quotes.
        start: Number of characters to leave out at the beginning.

    Example:
        >>> [record.cells for record in split_records('a;b\n1;"x;y"\n', ";", '"')]
        [('a', 'b'), ('1', 'x;y')]
    """
    records: list[Record] = []
    num_cells = 0
    for record in _iterate_records(text, separator, quote, start):
        if record.cells == ("",) and not record.quoted[0]:
            continue

        records.append(record)
        num_cells += len(record.cells)
        if len(records) == MAX_RECORDS or num_cells > MAX_CELLS:
            break

    return records


def _iterate_records(text: str, separator: str, quote: str, start: int) -> Iterator[Record]:
    cells: list[str] = []
    quoted: list[bool] = []
    is_broken = False
    first = start

    for match in _cell_pattern(separator, quote).finditer(text, start):
        inside, outside, end = match.group("inside", "outside", "end")
        if len(cells) <= MAX_COLUMNS:
            cells.append(outside if inside is None else inside.replace(quote * 2, quote) + outside)
            quoted.append(inside is not None)
            is_broken |= inside is not None and bool(outside.strip())

        if end != separator:
            yield Record(tuple(cells), tuple(quoted), first, match.end(), is_broken)
            cells = []
            quoted = []
            is_broken = False
            first = match.end()


@cache
def _cell_pattern(separator: str, quote: str) -> re.Pattern[str]:
    """Pattern of one cell and the character after it; a quote opens a cell at its start alone."""
    mark = re.escape(separator)
    outside = rf"(?P<outside>[^{mark}\r\n]*+)(?P<end>{mark}|\r\n|\n|\r|\Z)"
    if not quote:
        return re.compile(rf"(?:(?P<inside>(?!)))?{outside}")

    sign = re.escape(quote)
    inside = rf"(?:{sign}(?P<inside>[^{sign}]*+(?:{sign}{sign}[^{sign}]*+)*+)(?:{sign}|\Z))?+"
    return re.compile(inside + outside)
