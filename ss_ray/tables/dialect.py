"""How a source table is written: the request, the decision, and the sentence that tells it.

`DeclaredDialect` holds what a person declares, `Dialect` what was decided over the file. The decision itself is made
in `sniff` and `encodings`. Neither object ever holds a cell of the table.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal

from ss_ray.addresses import Address, is_address, shown_name
from ss_ray.config.model import DataParameters

Decimal = Literal[".", ","]
Reason = Literal["index", "empty"]

AUTO = "auto"
NO_SEPARATOR = "\x1f"
"""Separator of a file of one column: a control character that no text file contains, so that no cell is divided."""
WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " ", "point": ".", "none": ""}
SEPARATOR_NAMES = {"\t": "tab", " ": "space"}
FORMAT_NAMES = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet", "arrow": "Arrow", "excel": "Excel"}
SOURCE_NAMES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "postgres": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "duckdb": "DuckDB",
    "delta": "Delta Lake",
    "iceberg": "Iceberg",
    "mssql": "SQL Server",
    "oracle": "Oracle",
}
"""Scheme of an address -> name of the database or lake."""
DROPPED = {"index": "index column", "empty": "empty column"}
MOST_DROPPED = 5
"""Dropped columns that the sentence lists; it counts the others."""


@dataclass(frozen=True, kw_only=True)
class DeclaredDialect:
    """The part of the dialect that a person declares; None marks a value that is found over the file.

    Attributes:
        separator: Character between two cells.
        quote: Character around cells that contain the separator; an empty text if the file has no quotes.
        decimal: Decimal mark of numbers.
        header: True if the first line holds the names of the columns.
    """

    separator: str | None = None
    quote: str | None = None
    decimal: Decimal | None = None
    header: bool | None = None


@dataclass(frozen=True, kw_only=True)
class DroppedColumn:
    """A column of the file that is not a column of the table.

    Attributes:
        position: Number of the column in the file, from 1.
        name: Name in the header; mostly empty.
        reason: "index" for the row numbers of pandas or R, "empty" for a column without a name and without a value.
    """

    position: int
    name: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the files of a table are written; None where the format has no such property.

    Attributes:
        separator: Character between two cells of CSV files; `NO_SEPARATOR` if the file has one column.
        quote: Character around cells that contain the separator; an empty text if the file has no quotes.
        decimal: Decimal mark of the numbers, declared or found over the file; None if it is unknown.
        encoding: Character encoding of text files, as Python names it.
        header: True if the first line holds the names of the columns.
        skipped_lines: Number of lines above the header that are not part of the table.
        sheet: Name of the sheet of an Excel file.
        dropped: Columns of the files that are not columns of the table.
        json_columns: Columns whose cells are JSON objects or lists, and are read as text.
    """

    separator: str | None = None
    quote: str | None = None
    decimal: Decimal | None = None
    encoding: str | None = None
    header: bool = True
    skipped_lines: int = 0
    sheet: str | None = None
    dropped: tuple[DroppedColumn, ...] = ()
    json_columns: tuple[str, ...] = ()


def declared_dialect(data: DataParameters) -> DeclaredDialect:
    r"""The dialect that a request declares, names of characters replaced by the characters.

    Example:
        >>> declared_dialect(DataParameters(separator="tab", decimal="comma")).separator
        '\t'
    """
    decimals: dict[str | None, Decimal] = {",": ",", ".": "."}
    return DeclaredDialect(
        separator=_find_character(data.separator),
        quote=_find_character(data.quote),
        decimal=decimals.get(_find_character(data.decimal)),
        header=None if data.header == AUTO else bool(data.header),
    )


def _find_character(declared: str) -> str | None:
    if declared == AUTO:
        return None
    return WORDS.get(declared, declared)


def describe_reading(source: str, format_: str, dialect: Dialect) -> str:
    """One sentence about how a table was read.

    Args:
        source: Path or URI of the files, or address of a table, whose rows are read from a copy.
        format_: Format of the files.
        dialect: Dialect that was decided.

    Example:
        >>> describe_reading("visits.csv", "csv", Dialect(separator=";", quote='"', decimal=",", encoding="cp1252"))
        'visits.csv: CSV, separator ";", decimal comma, cp1252'
    """
    name = shown_name(source).rstrip("/").rpartition("/")[2]
    if is_address(source):
        scheme = Address.parse(source).scheme
        return f"{name}: {SOURCE_NAMES.get(scheme, scheme)} table"

    parts = [FORMAT_NAMES[format_]]
    if dialect.sheet is not None:
        parts.append(f'sheet "{dialect.sheet}"')

    if dialect.separator == NO_SEPARATOR:
        parts.append("one column")
    elif dialect.separator is not None:
        shown = SEPARATOR_NAMES.get(dialect.separator, f'"{dialect.separator}"')
        parts.append(f"separator {shown}")

    if dialect.separator is not None and dialect.quote == "":
        parts.append("no quotes")
    elif dialect.quote not in (None, '"'):
        parts.append(f"quote {dialect.quote}")

    if dialect.decimal is not None:
        parts.append(f"decimal {'comma' if dialect.decimal == ',' else 'point'}")

    if dialect.encoding is not None:
        parts.append(encoding_name(dialect.encoding))

    if not dialect.header:
        parts.append("no header")

    sentence = f"{name}: {', '.join(parts)}"
    notes = _describe_omissions(dialect)
    return "; ".join([sentence, *notes])


def encoding_name(encoding: str) -> str:
    """The common name of an encoding.

    Example:
        >>> encoding_name("utf8"), encoding_name("cp1252"), encoding_name("latin1")
        ('UTF-8', 'cp1252', 'Latin-1')
    """
    name = codecs.lookup(encoding).name
    if name == "iso8859-1":
        return "Latin-1"
    if name.startswith("utf-"):
        return name.upper()
    return name


def _describe_omissions(dialect: Dialect) -> list[str]:
    """Phrases about the lines and columns of the file that are not part of the table."""
    notes = []
    if dialect.skipped_lines:
        plural = "s" * (dialect.skipped_lines != 1)
        notes.append(f"skipped {dialect.skipped_lines} line{plural} above the header")

    for column in dialect.dropped[:MOST_DROPPED]:
        title = f'"{column.name}"' if column.name.strip() else "without a name"
        notes.append(f"dropped the {DROPPED[column.reason]} {title} (column {column.position})")

    left = len(dialect.dropped) - MOST_DROPPED
    if left > 0:
        notes.append(f"dropped {left} more such columns")

    if dialect.json_columns:
        names = ", ".join(f'"{name}"' for name in dialect.json_columns[:MOST_DROPPED])
        notes.append(f"read the JSON in {names} as text")

    return notes
