"""Sizes of the record batches of Arrow files, read before anything is unpacked.

Arrow unpacks a compressed batch at once, and does not say before how large it becomes. Each packed buffer begins with
its unpacked length, and the message before the batch tells where the buffers are. The message is a FlatBuffer:
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import ipc

FILE_MARK = b"ARROW1"
"""First bytes of the format with random access, which Feather version 2 is; the stream format has none."""
FILE_MARK_BYTES = 8
"""Length of the mark with its padding; a stream of messages follows it."""
LENGTH_BYTES = 8
NOT_PACKED = -1
"""Length of a buffer that is stored as it is, in a file of packed buffers."""
HEADER_TYPE, HEADER = 1, 2
"""Fields of a message."""
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
"""Types of a message."""
DICTIONARY_DATA = 1
"""Field of a dictionary batch that holds its record batch."""
NUM_ROWS, BUFFERS, COMPRESSION = 0, 2, 3
"""Fields of a record batch."""
BUFFER_BYTES = 16


def batch_sizes(stream: pa.NativeFile) -> Iterator[tuple[int, int]]:
    """Number of rows and unpacked bytes of each batch of a file, dictionaries included.

    Args:
        stream: The file, at its beginning.

    Raises:
        ArrowInvalid: The file is damaged.
    """
    if stream.read(FILE_MARK_BYTES)[: len(FILE_MARK)] != FILE_MARK:
        stream.seek(0)

    try:
        for message in ipc.MessageReader.open_stream(stream):
            metadata = _Table(message.metadata.to_pybytes())
            kind = metadata.read_byte(HEADER_TYPE)
            if kind == RECORD_BATCH:
                yield _measure_batch(metadata.read_table(HEADER), message.body)
            elif kind == DICTIONARY_BATCH:
                yield _measure_batch(metadata.read_table(HEADER).read_table(DICTIONARY_DATA), message.body)
    except struct.error:
        raise pa.ArrowInvalid("a message is damaged") from None


def _measure_batch(batch: _Table, body: pa.Buffer) -> tuple[int, int]:
    is_packed = batch.place_of(COMPRESSION) is not None
    num_bytes = 0
    for offset, length in batch.read_buffers():
        if not is_packed or length < LENGTH_BYTES:
            num_bytes += length
            continue

        (unpacked,) = struct.unpack("<q", body.slice(offset, LENGTH_BYTES).to_pybytes())
        num_bytes += length if unpacked == NOT_PACKED else unpacked

    return batch.read_number(NUM_ROWS), num_bytes


class _Table:
    """A table of a FlatBuffer: numbered fields at places that a second table, the vtable, tells."""

    def __init__(self, content: bytes, place: int | None = None) -> None:
        self.content = content
        self.place = self._unpack_number("<I", 0) if place is None else place

    def _unpack_number(self, form: str, place: int) -> int:
        if place < 0:
            raise struct.error("a place before the beginning")
        return int(struct.unpack_from(form, self.content, place)[0])

    def place_of(self, field: int) -> int | None:
        """Place of a field in the content; None if the table lacks it."""
        vtable = self.place - self._unpack_number("<i", self.place)
        slot = 4 + 2 * field
        if slot >= self._unpack_number("<H", vtable):
            return None

        offset = self._unpack_number("<H", vtable + slot)
        return self.place + offset if offset else None

    def read_byte(self, field: int) -> int:
        """A field of one byte; 0 if the table lacks it."""
        place = self.place_of(field)
        return 0 if place is None else self._unpack_number("<B", place)

    def read_number(self, field: int) -> int:
        """A field of eight bytes; 0 if the table lacks it."""
        place = self.place_of(field)
        return 0 if place is None else self._unpack_number("<q", place)

    def read_table(self, field: int) -> _Table:
        """A field that is a table."""
        place = self.place_of(field)
        if place is None:
            raise struct.error("a table is missing")
        return _Table(self.content, place + self._unpack_number("<I", place))

    def read_buffers(self) -> list[tuple[int, int]]:
        """Offset and length of each buffer of a record batch."""
        place = self.place_of(BUFFERS)
        if place is None:
            return []

        vector = place + self._unpack_number("<I", place)
        count = self._unpack_number("<I", vector)
        # The buffers are aligned to eight bytes, behind their number.
        first = vector + 4
        if first + count * BUFFER_BYTES > len(self.content):
            raise struct.error("a list of buffers is cut")
        return [
            (
                self._unpack_number("<q", first + number * BUFFER_BYTES),
                self._unpack_number("<q", first + number * BUFFER_BYTES + 8),
            )
            for number in range(count)
        ]
