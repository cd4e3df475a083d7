"""Sheets of Excel files, cells spelled as a CSV export would spell them, in blocks of bounded size."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.dialect import DeclaredDialect, Dialect
from ss_ray.tables.header import Columns, find_columns, is_data
from ss_ray.tables.json_lines import MAX_COLUMNS
from ss_ray.tables.nested import find_json_columns
from ss_ray.tables.parquet_files import too_large
from ss_ray.tables.sniff import find_decimal

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

SUFFIX = ".xlsx"
HEAD_ROWS = 1000
"""Rows that the columns are decided over."""
BLOCK_CELLS = 1 << 18
FLOAT_DIGITS = 15
"""Digits of a number that Excel keeps and shows."""
HOUR_SIGNS = "hH"


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One row with a value, by its number in the sheet."""

    number: int
    cells: tuple[str, ...]


def split_sheet(uri: str) -> tuple[str, str | None]:
    """The path of an Excel file, and the sheet named after `#`.

    Example:
        >>> split_sheet("visits.xlsx#May"), split_sheet("visits.csv")
        (('visits.xlsx', 'May'), ('visits.csv', None))
    """
    place = uri.lower().rfind(f"{SUFFIX}#")
    if place < 0:
        return uri, None

    end = place + len(SUFFIX)
    return uri[:end], uri[end + 1 :]


def find_excel_table(
    file: Location, sheet: str | None, declared: DeclaredDialect, max_bytes: int | None
) -> tuple[Dialect, Columns]:
    """The sheet that holds a table, and its columns.

    Args:
        file: Location of the file.
        sheet: Name of the sheet; None for the first one that is not empty.
        declared: Dialect that a person declares.
        max_bytes: Largest size of the file's content in bytes, unpacked; None for no limit.

    Raises:
        DataError: The file has no such sheet or no cell, or its header looks like data.
    """
    with _open_workbook(file, max_bytes) as book:
        names = list(book.sheetnames)
        if sheet is not None and sheet not in names:
            raise DataError(f"{file.name} has no sheet {sheet!r}; it has {', '.join(map(repr, names))}")

        for name in names if sheet is None else [sheet]:
            rows = _first_rows(book[name], file)
            if rows:
                break
        else:
            raise DataError(f"{file.name} has no cell with a value")

    has_header = declared.header is not False
    width = max(len(row.cells) for row in rows)
    padded = [row.cells + ("",) * (width - len(row.cells)) for row in rows]
    header = padded[0] if has_header else None
    cells = padded[1:] if has_header else padded
    if header is not None and declared.header is None and is_data(header, cells):
        raise DataError(
            f"the first row of {file.name} looks like data, not like names of columns; set data.header to false to "
            "read it as a row, or to true if it holds the names"
        )

    columns = find_columns(header, cells, width)
    decimal = declared.decimal or find_decimal(cells)
    dialect = Dialect(
        decimal=decimal,
        header=has_header,
        sheet=name,
        dropped=columns.dropped,
        json_columns=find_json_columns(columns.names, columns.select(cells)),
    )
    return dialect, columns


def read_excel(file: Location, dialect: Dialect, columns: Columns, max_bytes: int | None) -> Iterator[pa.Table]:
    """The rows of a sheet in blocks; all columns are strings, and empty cells are missing.

    Args:
        file: Location of the file.
        dialect: Dialect of the table, with the name of the sheet.
        columns: Columns of the sheet.
        max_bytes: Largest size of the file's content in bytes, unpacked; None for no limit.

    Raises:
        DataError: A row has a value beyond the last column, or in a column without a name.
    """
    with _open_workbook(file, max_bytes) as book:
        if dialect.sheet not in book.sheetnames:
            raise DataError(f"{file.name} has no sheet {dialect.sheet!r}")

        rows = _iterate_rows(book[dialect.sheet], file)
        if dialect.header:
            next(rows, None)

        held: list[SheetRow] = []
        for row in rows:
            _check_row(row, columns, file)
            held.append(row)
            if len(held) * columns.width >= BLOCK_CELLS:
                yield _make_table(held, columns)
                held = []

        if held:
            yield _make_table(held, columns)


def excel_header(file: Location, dialect: Dialect, max_bytes: int | None) -> Columns:
    """The columns of another file of the table, by the same sheet."""
    declared = DeclaredDialect(header=dialect.header, decimal=dialect.decimal)
    return find_excel_table(file, dialect.sheet, declared, max_bytes)[1]


@contextmanager
def _open_workbook(file: Location, max_bytes: int | None) -> Iterator[Workbook]:
    """The workbook, read row by row; closed at the end."""
    # The library takes a third of a second to load, and few tables are Excel files.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    with file.filesystem.open_input_file(file.path) as stream:
        _check_size(stream, file, max_bytes)
        stream.seek(0)
        try:
            book = load_workbook(stream, read_only=True, data_only=True)
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError):
            raise _unreadable_error(file) from None

        try:
            yield book
        finally:
            book.close()


def _check_size(stream: pa.NativeFile, file: Location, max_bytes: int | None) -> None:
    """Refuse an archive that unpacks to more than a table may have."""
    try:
        with zipfile.ZipFile(stream) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, pa.ArrowInvalid):
        # Arrow refuses to look before the beginning of a short file.
        raise _unreadable_error(file) from None

    if max_bytes is not None and unpacked > max_bytes:
        raise too_large(file, max_bytes)


def _unreadable_error(file: Location) -> DataError:
    return DataError(f"{file.name} is not a readable Excel file (.xlsx)")


def _first_rows(sheet: Any, file: Location) -> list[SheetRow]:
    rows = []
    for row in _iterate_rows(sheet, file):
        rows.append(row)
        if len(rows) == HEAD_ROWS:
            break
    return rows


def _iterate_rows(sheet: Any, file: Location) -> Iterator[SheetRow]:
    """Rows with a value; empty cells behind the last value are left out."""
    if not hasattr(sheet, "iter_rows"):
        # A sheet of a chart has no rows.
        return

    # What a program once noted as the sheet's size may be wrong.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = [_spell_cell(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise DataError(f"{file.name} has more than {MAX_COLUMNS:,} columns, which is more than a table may have")
        if cells:
            yield SheetRow(number=number, cells=tuple(cells))


def _spell_cell(cell: Any) -> str:
    """The text of a cell; empty for a missing value."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return format(value, f".{FLOAT_DIGITS}g") if not value.is_integer() else str(int(value))
    if isinstance(value, datetime.datetime):
        has_time = value.time() != datetime.time() or any(sign in cell.number_format for sign in HOUR_SIGNS)
        return value.isoformat(sep=" ") if has_time else value.date().isoformat()
    if isinstance(value, datetime.timedelta):
        return _spell_duration(value)
    return str(value)


def _spell_duration(value: datetime.timedelta) -> str:
    """Hours, minutes and seconds, as Excel shows a duration."""
    seconds = round(value.total_seconds())
    sign = "-" * (seconds < 0)
    minutes, second = divmod(abs(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{sign}{hours}:{minute:02}:{second:02}"


def _check_row(row: SheetRow, columns: Columns, file: Location) -> None:
    if len(row.cells) > columns.width:
        raise DataError(
            f"{file.name}, row {row.number}: {len(row.cells)} cells where the header has {columns.width}; give every "
            "column a name"
        )

    for column in columns.dropped:
        has_value = column.position <= len(row.cells) and row.cells[column.position - 1] != ""
        if column.reason == "empty" and has_value:
            raise DataError(
                f"{file.name}, row {row.number}: column {column.position} has a value and no name; give it a name"
            )


def _make_table(rows: list[SheetRow], columns: Columns) -> pa.Table:
    arrays = []
    for place in columns.kept:
        cells = [row.cells[place] if place < len(row.cells) else "" for row in rows]
        arrays.append(pa.array([cell or None for cell in cells], pa.string()))
    return pa.table(arrays, names=list(columns.names))
