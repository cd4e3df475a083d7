"""Names of the columns of a text table: from its header, with the columns left out that hold no data.

Left out are the row numbers that pandas and R write into a column without a name, and columns without a name and
without a value, which separators at the ends of lines make. A header that looks like data is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ss_ray.tables.dialect import DroppedColumn
from ss_ray.tables.spellings.missing import MISSING_WORDS

INDEX_NAME = re.compile(r"\s*(Unnamed: \d+(\.\d+)*)?\s*")
"""Header of row numbers: nothing, or the name that pandas gives to a column without one."""
ROW_NUMBER = re.compile(r"\s*\d+\s*")
PERSONAL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|^\d{3}-\d\d-\d{4}$")
"""An e-mail address or a social security number where a column's name should be."""
NUMBER = re.compile(r"[-+(]?\s*[$€£¥]?\s*(\d[\d.,'’\u00a0\u202f ]*|\.\d+)([eE][-+]?\d+)?\s*[%€$£¥)]?")
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}( .*)?|\d{1,2}:\d\d(:\d\d)?"
)
KIND_SHARE = 0.8
"""Share of a column's cells that have its kind."""
YEARS = range(1800, 2201)
FEWEST_ROWS = 2
"""Rows that must agree that the header lacks a name."""
FEWEST_STEPS = 4
"""Numbers in equal steps that are names; fewer may be chance."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of one file.

    Attributes:
        names: Names of the table's columns, in order.
        dropped: Columns of the file that are not columns of the table.
    """

    names: tuple[str, ...]
    dropped: tuple[DroppedColumn, ...] = ()

    @property
    def width(self) -> int:
        """Number of cells in a row of the file."""
        return len(self.names) + len(self.dropped)

    @property
    def kept(self) -> list[int]:
        """Places of the table's columns in a row of the file, from 0."""
        left_out = {column.position - 1 for column in self.dropped}
        return [place for place in range(self.width) if place not in left_out]

    def select(self, rows: Iterable[Sequence[str]]) -> list[list[str]]:
        """The cells of the table's columns, of those rows of the file that have all of them."""
        kept = self.kept
        return [[row[place] for place in kept] for row in rows if len(row) == self.width]


def numbered_names(width: int) -> tuple[str, ...]:
    """Names of the columns of a file without a header."""
    return tuple(f"column_{number}" for number in range(1, width + 1))


def find_columns(header: Sequence[str] | None, rows: Sequence[Sequence[str]], width: int) -> Columns:
    """The columns of a file.

    Args:
        header: Cells of the header; None if the file has none.
        rows: Cells of the first rows, without the header.
        width: Number of cells of most rows.

    Example:
        >>> find_columns(["", "age", ""], [["0", "34", ""], ["1", "51", ""]], 3).names
        ('age',)
    """
    regular = [row for row in rows if len(row) == width]
    if header is None:
        names = list(numbered_names(width))
    else:
        names = _fit_header(list(header), regular, width, is_regular=len(regular) == len(rows))

    columns = list(zip(*(row for row in regular if len(row) == len(names)), strict=True)) or [()] * len(names)
    dropped = [
        DroppedColumn(position=place + 1, name=name, reason="empty")
        for place, (name, cells) in enumerate(zip(names, columns, strict=True))
        if INDEX_NAME.fullmatch(name) and not any(cells)
    ]

    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        if not INDEX_NAME.fullmatch(name) or not _are_row_numbers(cells):
            break
        if any(cells):
            dropped.append(DroppedColumn(position=place + 1, name=name, reason="index"))

    left_out = {column.position - 1 for column in dropped}
    kept = tuple(name for place, name in enumerate(names) if place not in left_out)
    # A table of nothing but row numbers keeps them.
    if not kept:
        return Columns(names=tuple(names))
    return Columns(names=kept, dropped=tuple(sorted(dropped, key=lambda column: column.position)))


def _fit_header(header: list[str], rows: Sequence[Sequence[str]], width: int, *, is_regular: bool) -> list[str]:
    """The header with one name for each cell of the rows, where programs write one separator more or less."""
    if len(header) > width > 0 and not any(header[width:]):
        return header[:width]

    # All rows must agree: one longer row alone is an error of that row.
    if len(rows) >= FEWEST_ROWS and is_regular and len(header) == width - 1:
        if not any(row[-1] for row in rows):
            return [*header, ""]
        if _are_row_numbers([row[0] for row in rows]):
            return ["", *header]

    return header


def _are_row_numbers(cells: Sequence[str]) -> bool:
    """Whether cells are whole numbers that never repeat; true of no cells."""
    return len(set(cells)) == len(cells) and all(ROW_NUMBER.fullmatch(cell) for cell in cells)


def is_data(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line of a file is a row of the table, and not its header.

    Dates and numbers are names in pivot tables. They are data only where they stand above cells of the same kind, and
    where no other cell of the line is a name above a column of numbers or dates.

    Args:
        header: Cells of the first line.
        rows: Cells of the rows below it.

    Example:
        >>> is_data(["Anna", "34"], [["Bert", "51"]]), is_data(["city", "2020"], [["Bonn", "7.5"]])
        (True, False)
    """
    if any(PERSONAL.search(name.strip()) for name in header):
        return True

    columns = list(zip(*(row for row in rows if len(row) == len(header)), strict=True))
    if not columns:
        return False

    below = [_kind_of_column(cells) for cells in columns]
    kinds = [_kind_of(name) for name in header]
    pairs = [(kind, cells) for kind, cells in zip(kinds, below, strict=True) if kind is not None and cells is not None]
    typed = [kind for kind, _ in pairs if kind != "text"]
    if not typed or any(kind != cells and cells != "text" for kind, cells in pairs):
        return False
    if any(kind != "text" and cells == "text" for kind, cells in pairs):
        return False

    # An empty name above row numbers is how pandas writes a header.
    if not header[0].strip() and _are_row_numbers(columns[0]):
        return False
    return not _are_numbers_as_names(header, kinds, columns)


def _are_numbers_as_names(header: Sequence[str], kinds: Sequence[str | None], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers of a header, beside names, count up in equal steps, or are years above other numbers."""
    places = [place for place, kind in enumerate(kinds) if kind == "number"]
    names = [header[place].strip() for place in places]
    if any(kind == "date" for kind in kinds) or not all(name.isdigit() for name in names):
        return False

    numbers = [int(name) for name in names]
    are_years = all(number in YEARS for number in numbers)
    if are_years:
        return not any(_are_years(columns[place]) for place in places)

    has_names = any(kind == "text" for kind in kinds)
    steps = {after - before for before, after in pairwise(numbers)}
    counts_up = numbers[0] in (0, 1) and steps == {1}
    return has_names and (counts_up or (len(numbers) >= FEWEST_STEPS and len(steps) == 1 and min(steps) > 0))


def _are_years(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return all(cell.isdigit() and int(cell) in YEARS for cell in filled)


def _kind_of_column(cells: Sequence[str]) -> str | None:
    """The kind that most cells of a column have; None for a column without values."""
    counts = Counter(kind for kind in map(_kind_of, cells) if kind is not None)
    if not counts:
        return None

    kind, count = counts.most_common(1)[0]
    if count < KIND_SHARE * counts.total():
        return "text"
    return kind


def _kind_of(cell: str) -> str | None:
    """The kind of one cell, "number", "date" or "text"; None for a missing value."""
    text = cell.strip()
    if not text or text in MISSING_WORDS:
        return None
    if DATE.fullmatch(text):
        return "date"
    if NUMBER.fullmatch(text):
        return "number"
    return "text"
