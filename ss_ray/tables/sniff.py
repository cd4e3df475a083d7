"""Separator, quote and decimal mark of a delimited text, by evidence of all its first rows and not of the header alone.

A separator is right if it divides the header and the rows into the same number of cells, and if no cell still contains
another usual separator or begins with a space. A comma in a number is no such trace: `1,5;2,5` has decimal commas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ss_ray.tables.dialect import NO_SEPARATOR, Decimal, DeclaredDialect
from ss_ray.tables.records import Record, split_records

SEPARATORS = (",", ";", "\t", "|")
"""Separators that are tried, the most usual one first."""
RAGGED_SHARE = 0.9
"""Share of rows of one width from which a header of another width counts as the ragged line."""
FEWEST_RAGGED_CELLS = 3
NUMERIC_SHARE = 0.5
"""Share of numbers in a column from which its cells are evidence of the decimal mark."""
VOTE_SHARE = 0.9
SWALLOWED_SHARE = 0.5
"""Share of the text that one unfinished record may take before its quote is doubted."""
EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t]*(?:\r\n|\n|\r|\Z)', re.IGNORECASE)
"""First line by which Excel is told the separator."""
COMMENT = re.compile(r"#[^\r\n]*(?:\r\n|\n|\r|\Z)")
NUMBER_SIGNS = " \t\u00a0\u202f+-()€$£¥%"
COMMA_NUMBER = re.compile(r"(?:\d+|\d{1,3}(?:[. '’\u00a0\u202f]\d{3})+),\d+(?:[eE][-+]?\d+)?|\d{1,3}(?:\.\d{3}){2,}")
POINT_NUMBER = re.compile(r"(?:\d+|\d{1,3}(?:[, '’\u00a0\u202f]\d{3})+)\.\d+(?:[eE][-+]?\d+)?|\d{1,3}(?:,\d{3}){2,}")
WHOLE_NUMBER = re.compile(r"\d+|\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+")
AMBIGUOUS_NUMBER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
"""A number with three digits after its only mark, which may separate thousands or decimals."""


@dataclass(frozen=True, kw_only=True)
class Preamble:
    """The beginning of a file that is no part of the table.

    Attributes:
        end: Number of its characters.
        separator: Separator that the first line declares; None without such a line.
    """

    end: int
    separator: str | None


@dataclass(frozen=True, kw_only=True)
class Split:
    """A text divided by one separator and one quote.

    Attributes:
        separator: Character between two cells.
        quote: Character around cells; an empty text for no quotes.
        records: First records of the text, the header included.
        width: Number of cells of most rows.
        share: Share of the rows that have this width.
        clean: Share of the cells that contain no other usual separator and do not begin with a space.
        is_sound: False if text follows a closing quote, or if an unfinished record takes most of the text.
    """

    separator: str
    quote: str
    records: tuple[Record, ...]
    width: int
    share: float
    clean: float
    is_sound: bool

    @property
    def header_width(self) -> int:
        """Number of cells of the first record."""
        return len(self.records[0].cells) if self.records else 0

    @property
    def is_table(self) -> bool:
        """Whether header and rows have the same number of cells, at least two."""
        # R writes no name above the row names.
        fits = self.header_width in (self.width, self.width - 1) and self.header_width >= 2
        # Some programs end only the header with a separator.
        is_longer = self.header_width > self.width >= 2
        return fits or (is_longer and not any(self.records[0].cells[self.width :]))

    @property
    def is_perfect(self) -> bool:
        """Whether all rows have the width of the header."""
        return self.is_table and self.share == 1 and self.is_sound


def find_preamble(text: str) -> Preamble:
    """The lines above the header: Excel's `sep=;`, and comments that begin with `#`."""
    end = 0
    separator = None
    declared = EXCEL_SEPARATOR.match(text)
    if declared:
        end = declared.end()
        separator = declared[1]

    last = end
    while comment := COMMENT.match(text, end):
        last = end
        end = comment.end()

    # The header of some formats begins with the sign of a comment: "#chrom<tab>position".
    if last < end and _is_header(text[last:end], text[end:]):
        end = last

    return Preamble(end=end, separator=separator)


def _is_header(comment: str, rows: str) -> bool:
    """Whether a comment has as many cells as the rows below it."""
    for separator in SEPARATORS:
        width = len(comment.split(separator))
        below = split_records(rows[: 1 << 16], separator, '"')[:-1]
        if width > 1 and below and all(len(record.cells) == width for record in below):
            return True

    return False


def find_split(text: str, *, is_complete: bool, declared: DeclaredDialect) -> Split:
    r"""Divide a text by the separator and the quote that fit it best, or by the declared ones.

    Args:
        text: Beginning of a file, without its preamble.
        is_complete: Whether the text is the whole file; else its last record may be cut.
        declared: Declared separator and quote.

    Example:
        >>> find_split("a;b\n1,5;x\n2,5;y\n", is_complete=True, declared=DeclaredDialect()).separator
        ';'
    """
    separators = SEPARATORS if declared.separator is None else (declared.separator,)
    quotes: tuple[str, ...] = ('"', "'", "") if declared.quote is None else (declared.quote,)

    best = _best_split([_make_split(text, s, quotes[0], is_complete=is_complete) for s in separators])
    for quote in quotes[1:]:
        # Each try divides the text again, which takes as long as all before it.
        is_possible = text.startswith(quote) if quote else not best.is_perfect
        if is_possible:
            tried = _best_split([_make_split(text, s, quote, is_complete=is_complete) for s in separators])
            if _is_better_quoted(tried, best):
                best = tried

    if best.is_table or declared.separator is not None:
        return best
    if best.header_width < 2 and not (best.width >= FEWEST_RAGGED_CELLS and best.share >= RAGGED_SHARE):
        return _make_split(text, NO_SEPARATOR, best.quote, is_complete=is_complete)
    return best


def _make_split(text: str, separator: str, quote: str, *, is_complete: bool) -> Split:
    records = split_records(text, separator, quote)
    unfinished = 0
    if not is_complete and records and records[-1].end == len(text):
        unfinished = len(text) - records.pop().start

    rows = records[1:] or records
    widths = Counter(len(record.cells) for record in rows)
    header_width = len(records[0].cells) if records else 0
    # Of two widths that are equally frequent, the header's is right.
    width, count = max(widths.items(), key=lambda item: (item[1], item[0] == header_width, item[0]), default=(0, 0))
    others = [mark for mark in SEPARATORS if mark != separator]
    doubtful = [
        not quoted and _is_doubtful(cell, others)
        for record in records
        for cell, quoted in zip(record.cells, record.quoted, strict=True)
    ]
    return Split(
        separator=separator,
        quote=quote,
        records=tuple(records),
        width=width,
        share=count / max(1, len(rows)),
        clean=1 - sum(doubtful) / max(1, len(doubtful)),
        is_sound=unfinished <= SWALLOWED_SHARE * len(text) and not any(record.is_broken for record in records),
    )


def _is_doubtful(cell: str, others: Sequence[str]) -> bool:
    """Whether a cell looks as if it were cut at the wrong places."""
    # A space follows the commas of texts, and hardly ever a separator.
    return cell.startswith(" ") or (any(mark in cell for mark in others) and not _is_comma_number(cell))


def _best_split(splits: Sequence[Split]) -> Split:
    """The split with the strongest evidence; the most usual separator where it is equal."""
    return max(splits, key=lambda split: (split.is_table, split.share * split.clean, split.width))


def _is_better_quoted(tried: Split, best: Split) -> bool:
    """Whether another quote explains the text, where the usual one does not."""
    if tried.quote:
        return tried.is_perfect and all(tried.records[0].quoted)
    return tried.is_perfect and not best.is_perfect


def find_decimal(rows: Sequence[Sequence[str]]) -> Decimal | None:
    """The decimal mark that the columns of numbers agree on; None if no number has one, or if columns differ.

    Args:
        rows: Cells of the first rows, without the header.

    Example:
        >>> find_decimal([["1,5", "Berlin, Mitte"], ["2,75", "Hamburg"]])
        ','
    """
    votes = Counter(vote for column in zip(*rows, strict=False) for vote in _decimal_votes(column))
    if len(votes) == 1:
        return next(iter(votes))
    return None


def _decimal_votes(column: Sequence[str]) -> Iterator[Decimal]:
    """The decimal mark of one column, if most of its cells are numbers."""
    counts = Counter(_number_form(cell.strip(NUMBER_SIGNS)) for cell in column if cell.strip())
    numbers = counts.total() - counts["text"]
    marked = counts[","] + counts["."]
    if not marked or numbers < NUMERIC_SHARE * counts.total():
        return

    marks: tuple[Decimal, Decimal] = (",", ".")
    for mark in marks:
        if counts[mark] >= VOTE_SHARE * marked:
            yield mark


def _number_form(cell: str) -> str:
    """The mark of a number that shows its decimal mark, "whole" for a number that does not, "text" for no number."""
    if WHOLE_NUMBER.fullmatch(cell) or AMBIGUOUS_NUMBER.fullmatch(cell):
        return "whole"
    if COMMA_NUMBER.fullmatch(cell):
        return ","
    if POINT_NUMBER.fullmatch(cell):
        return "."
    return "text"


def _is_comma_number(cell: str) -> bool:
    stripped = cell.strip(NUMBER_SIGNS)
    return "," in stripped and _number_form(stripped) != "text"
