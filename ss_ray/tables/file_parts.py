"""Parts of large files that are read at the same time: byte ranges of text files, row groups of Parquet files.

A part begins and ends between two rows. Where that is depends on the file alone, and never on the number of processes,
so that the rows, their order and their numbers are the same on every cluster.

A line end inside of a quoted cell ends no row. Quotes are therefore counted from the beginning of a CSV file: outside
of cells the count is even. Files in which a quote stands in the middle of a cell are read in one part, because readers
do not count such a quote.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.location import Location

if TYPE_CHECKING:
    from ss_ray.tables.files import Source

PART_BYTES = 64 << 20
"""Smallest size of a part, in bytes of a text file or of the unpacked columns of a Parquet file."""
SCAN_BYTES = 8 << 20
LINE_END = 0x0A
RETURN = 0x0D
PACKED = (".gz", ".zst")
BYTE_ENCODINGS = ("utf-8", "ascii", "iso8859-1", "cp1252", "cp1250", "cp1251", "iso8859-15")
"""Encodings in which the bytes of a line end, a quote and a separator never belong to another character."""


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """Part of a file that begins and ends between two rows.

    Attributes:
        file: Location of the file.
        file_number: Number of the file in the table, from 0.
        number: Number of the part in the table, from 0.
        start: Number of bytes of a text file before the part.
        size: Number of bytes of the part; None for all that follow.
        row_groups: Numbers of the row groups of a Parquet file; None for all.
    """

    file: Location
    file_number: int = 0
    number: int = 0
    start: int = 0
    size: int | None = None
    row_groups: tuple[int, ...] | None = None

    @property
    def is_first(self) -> bool:
        """Whether the part begins with the file."""
        return self.start == 0 and (not self.row_groups or self.row_groups[0] == 0)

    def open(self) -> pa.NativeFile:
        """A stream of the part's bytes, unpacked where the file is compressed."""
        if self.size is None:
            return self.file.filesystem.open_input_stream(self.file.path)
        return self.file.filesystem.open_input_file(self.file.path).get_stream(self.start, self.size)


def divide_files(source: Source) -> tuple[FilePart, ...]:
    """All parts of a table, in the order of its rows.

    Args:
        source: Files of the table and their dialect.
    """
    parts: list[FilePart] = []
    for file_number, file in enumerate(source.files):
        for start, size, row_groups in _divide_file(source, file):
            part = FilePart(
                file=file,
                file_number=file_number,
                number=len(parts),
                start=start,
                size=size,
                row_groups=row_groups,
            )
            parts.append(part)

    return tuple(parts)


def _divide_file(source: Source, file: Location) -> Iterator[tuple[int, int | None, tuple[int, ...] | None]]:
    """First byte, number of bytes and row groups of each part of one file."""
    if source.format == "parquet":
        for groups in _group_row_groups(file):
            yield 0, None, groups
        return

    size = file.filesystem.get_file_info(file.path).size
    ends = _row_ends(source, file) if _is_divisible(source, file, size) else []
    if not ends:
        yield 0, None, None
        return

    starts = [0, *ends]
    for start, end in zip(starts, [*ends, size], strict=True):
        yield start, end - start, None


def _is_divisible(source: Source, file: Location, size: int | None) -> bool:
    is_text = source.format in ("csv", "jsonl") and not file.name.lower().endswith(PACKED)
    is_large = size is not None and size >= 2 * PART_BYTES
    return is_text and is_large and codecs.lookup(source.dialect.encoding or "utf8").name in BYTE_ENCODINGS


def _group_row_groups(file: Location) -> Iterator[tuple[int, ...] | None]:
    """Numbers of row groups that are read together; None for all of a small file."""
    with file.filesystem.open_input_file(file.path) as stream:
        metadata = pq.read_metadata(stream)
        sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]

    if sum(sizes) < 2 * PART_BYTES:
        yield None
        return

    groups: list[int] = []
    held = 0
    for number, size in enumerate(sizes):
        groups.append(number)
        held += size
        if held >= PART_BYTES:
            yield tuple(groups)
            groups = []
            held = 0

    if groups:
        yield tuple(groups)


def _row_ends(source: Source, file: Location) -> list[int]:
    """Numbers of bytes before the second and the later parts of a text file; none if it cannot be divided."""
    quote = (source.dialect.quote or "").encode() if source.format == "csv" else b""
    separator = (source.dialect.separator or "").encode()
    scan = _QuoteScan(quote[0] if quote else None, (*separator, LINE_END, RETURN))
    ends: list[int] = []

    with file.filesystem.open_input_file(file.path) as stream:
        size = stream.size()
        for offset in range(0, size, SCAN_BYTES):
            chunk = np.frombuffer(stream.read(SCAN_BYTES + 1), np.uint8)
            # One byte more shows what follows the last quote.
            following = chunk[SCAN_BYTES] if len(chunk) > SCAN_BYTES else None
            chunk = chunk[:SCAN_BYTES]
            stream.seek(offset + len(chunk))
            if offset == 0 and chunk[: len(codecs.BOM_UTF8)].tobytes() == codecs.BOM_UTF8:
                # The first cell begins after the byte order mark.
                chunk = np.concatenate(
                    [np.full(len(codecs.BOM_UTF8), LINE_END, np.uint8), chunk[len(codecs.BOM_UTF8) :]]
                )

            if not scan.add(chunk, following):
                return []

            target = (ends[-1] if ends else 0) + PART_BYTES
            while target < offset + len(chunk) and size - target >= PART_BYTES:
                place = scan.row_end(chunk, max(0, target - offset))
                if place is None:
                    break
                ends.append(offset + place)
                target = ends[-1] + PART_BYTES

    return ends


class _QuoteScan:
    """Counts the quotes of a file, chunk by chunk, and knows which line ends end a row."""

    def __init__(self, quote: int | None, borders: tuple[int, ...]) -> None:
        self.quote = quote
        self.allowed = np.zeros(256, np.bool_)
        self.allowed[[*borders, *([] if quote is None else [quote])]] = True
        self.is_inside = False
        self._before = LINE_END
        self._positions = np.empty(0, np.int64)
        self._starts_inside = False

    def add(self, chunk: np.ndarray, following: int | None) -> bool:
        """Look at the next bytes; False if a quote stands in the middle of a cell.

        Args:
            chunk: (bytes,) of the file.
            following: First byte after the chunk; None at the end of the file.
        """
        self._starts_inside = self.is_inside
        self._positions = np.empty(0, np.int64)
        if self.quote is not None:
            self._positions = np.flatnonzero(chunk == self.quote)

        is_clean = self._check_neighbours(chunk, following)
        self.is_inside ^= bool(len(self._positions) % 2)
        self._before = int(chunk[-1])
        return is_clean

    def _check_neighbours(self, chunk: np.ndarray, following: int | None) -> bool:
        """Whether each quote opens a cell after a border, closes one before a border, or is one of a doubled pair."""
        positions = self._positions
        if not len(positions):
            return True

        opens = np.arange(len(positions)) % 2 == int(self._starts_inside)
        # The last byte of the chunk before, and the first one of the chunk after, are the neighbours at the edges.
        before = np.where(positions == 0, self._before, chunk[positions - 1])[opens]
        last = len(chunk) - 1
        edge = LINE_END if following is None else following
        after = np.where(positions == last, edge, chunk[np.minimum(positions + 1, last)])[~opens]
        return bool(self.allowed[before].all() and self.allowed[after].all())

    def row_end(self, chunk: np.ndarray, start: int) -> int | None:
        """Place after the first line end of the chunk, from `start`, that ends a row; None if there is none."""
        ends = np.flatnonzero(chunk[start:] == LINE_END) + start
        quotes_before = np.searchsorted(self._positions, ends) + int(self._starts_inside)
        outside = ends[quotes_before % 2 == 0]
        if not len(outside):
            return None
        return int(outside[0]) + 1
