"""The pages of a Parquet file from their own headers, read without unpacking.

A footer may say anything about sizes; Arrow believes the header of each page, and allocates what it says. So do these
bounds. Format: https://github.com/apache/parquet-format, PageHeader in Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# Bytes that a page's header is looked for in; Arrow's own limit.
FIRST_WINDOW, LAST_WINDOW = 1 << 10, 16 << 20
MAX_NESTING = 8
# Kinds of pages.
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
# Field numbers.
TYPE, UNCOMPRESSED, COMPRESSED, VALUES = 1, 2, 3, 1
# Field number of the header's inner struct, by kind of page.
INNER = {DATA: 5, DICTIONARY: 7, DATA_V2: 8}
# Field number of the encoding in it.
ENCODING = {DATA: 2, DICTIONARY: 2, DATA_V2: 4}
# Types of the protocol.
TRUE, FALSE, BYTE, DOUBLE, BINARY, STRUCT = 1, 2, 3, 7, 8, 12
DELTA_ENCODINGS = (5, 6, 7)
"""Parquet's numbers of the encodings whose values are unpacked a whole page at a time."""
DELTA_BYTE_ARRAY = 7
"""The one of them in which a value may repeat the value before it."""


@dataclass(frozen=True, kw_only=True)
class ParquetPage:
    """One page of a column.

    Attributes:
        num_bytes: Size when unpacked, in bytes.
        num_values: Values in it.
        is_dictionary: True for the page of distinct values that the others refer to.
        encoding: Parquet's number of the encoding of its values.
    """

    num_bytes: int
    num_values: int
    is_dictionary: bool
    encoding: int


class DamagedPageError(ValueError):
    """The bytes are no page header."""


def column_pages(stream: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> Iterator[ParquetPage]:
    """The pages of a column in one row group, in order.

    Args:
        stream: Open Parquet file.
        chunk: Metadata of the column chunk, with the position of its pages.

    Raises:
        DamagedPageError: There is no page where one should be.
    """
    place = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        # A dictionary page comes before the pages of data.
        place = min(place, chunk.dictionary_page_offset)

    end = place + chunk.total_compressed_size
    while place < end:
        header, length = _read_header(stream, place)
        yield _make_page(header)
        place += length + _get_number(header, COMPRESSED)


def _read_header(stream: pa.NativeFile, place: int) -> tuple[dict[int, Any], int]:
    """The fields of the header at a place, and its length in bytes."""
    window = FIRST_WINDOW
    while window <= LAST_WINDOW:
        data = bytes(stream.read_at(window, place))
        try:
            reader = _CompactReader(data)
            return reader.read_struct(), reader.place
        except IndexError:
            if len(data) < window:
                break
            # Statistics in a header may be as long as the column's texts.
            window *= 16

    raise DamagedPageError("the file ends inside a page header")


def _make_page(header: dict[int, Any]) -> ParquetPage:
    kind = _get_number(header, TYPE)
    inner = header.get(INNER.get(kind, -1))
    if not isinstance(inner, dict):
        raise DamagedPageError("a page is of no kind that holds values")

    return ParquetPage(
        num_bytes=_get_number(header, UNCOMPRESSED),
        num_values=_get_number(inner, VALUES),
        is_dictionary=kind == DICTIONARY,
        encoding=_get_number(inner, ENCODING[kind]),
    )


def _get_number(fields: dict[int, Any], name: int) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or value < 0:
        raise DamagedPageError("a page header lacks a size")
    return value


class _CompactReader:
    """Reads one struct of Thrift's compact protocol; IndexError if the data ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def read_struct(self, depth: int = 0) -> dict[int, Any]:
        """Field number -> number, struct, or None for fields that no size depends on."""
        # Nested structs of a forged header could exhaust the stack.
        if depth > MAX_NESTING:
            raise DamagedPageError("a page header is nested too deeply")

        fields: dict[int, Any] = {}
        number = 0
        while (head := self._read_byte()) != 0:
            step = head >> 4
            # Field numbers are written as steps of up to 15; a step of 0 announces a full number.
            number = number + step if step else self._read_signed()
            fields[number] = self._read_value(head & 15, depth)

        return fields

    def _read_value(self, kind: int, depth: int) -> Any:
        if kind in (TRUE, FALSE):
            return None

        if kind == BYTE:
            self._skip_bytes(1)
        elif kind in (4, 5, 6):
            # Whole numbers of 16, 32 and 64 bits.
            return self._read_signed()
        elif kind == DOUBLE:
            self._skip_bytes(8)
        elif kind == BINARY:
            self._skip_bytes(self._read_unsigned())
        elif kind == STRUCT:
            return self.read_struct(depth + 1)
        else:
            raise DamagedPageError("a page header holds what no page header has")

        return None

    def _read_byte(self) -> int:
        value = self.data[self.place]
        self.place += 1
        return value

    def _skip_bytes(self, count: int) -> None:
        self.place += count
        if self.place > len(self.data):
            raise IndexError

    def _read_unsigned(self) -> int:
        value = 0
        shift = 0
        while shift < 64:
            byte = self._read_byte()
            # Seven bits a byte, the lowest first; the eighth says that another byte follows.
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

        raise DamagedPageError("a number in a page header is too long")

    def _read_signed(self) -> int:
        value = self._read_unsigned()
        return (value >> 1) ^ -(value & 1)
