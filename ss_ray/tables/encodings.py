"""The character encoding of text files, found by a fixed rule over their bytes.

The rule: a byte order mark decides; else zero bytes at every second place are UTF-16; else valid UTF-8 is UTF-8; else
the file is Windows-1252, or Latin-1 if it has bytes that Windows-1252 lacks. A file whose bytes look like another
script is refused, because a wrong guess would change every name in it.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ss_ray.errors import ConfigError, DataError
from ss_ray.location import Location
from ss_ray.tables.dialect import AUTO, encoding_name

CHUNK_BYTES = 4 << 20
SCAN_BYTES = 256 << 20
"""Bytes over all files, decompressed, that are looked at. The reader refuses what contradicts the decision later."""
HEAD_BYTES = 4096
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNDEFINED = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
"""Bytes that Windows-1252 does not define."""
ASCII = bytes(range(128))
LONG_RUN = re.compile(rb"[\x80-\xff]{3,}")
"""Three letters beyond ASCII in a row: frequent in other scripts, rare in Western European texts."""
FEWEST_FOREIGN = 20
FOREIGN_SHARE = 0.5
ZERO_SHARE = 0.4
"""Share of zero bytes, at even or at odd places, from which a file is UTF-16."""


@dataclass(kw_only=True)
class _ByteCounts:
    """Evidence of one file.

    Attributes:
        is_ascii: No byte is beyond ASCII.
        is_utf8: All bytes so far are valid UTF-8.
        has_undefined: Some byte is not defined in Windows-1252.
        high: Number of bytes beyond ASCII.
        in_runs: Number of bytes beyond ASCII that stand in runs of three or more.
    """

    is_ascii: bool = True
    is_utf8: bool = True
    has_undefined: bool = False
    high: int = 0
    in_runs: int = 0
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf8"))

    def add(self, chunk: bytes, *, final: bool) -> None:
        """Look at the next bytes of the file."""
        if self.is_utf8:
            try:
                self.decoder.decode(chunk, final)
            except UnicodeDecodeError:
                self.is_utf8 = False

        if chunk.isascii():
            return

        self.is_ascii = False
        self.has_undefined |= len(chunk.translate(None, UNDEFINED)) < len(chunk)
        self.high += len(chunk.translate(None, ASCII))
        self.in_runs += sum(map(len, LONG_RUN.findall(chunk)))


def check_encoding(encoding: str) -> None:
    """Refuse a declared encoding that Python does not know.

    Raises:
        ConfigError: There is no such encoding.
    """
    if encoding == AUTO:
        return

    try:
        # Also refuses codecs that are none of texts.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except LookupError:
        raise ConfigError(f"data.encoding: there is no encoding {encoding!r}; try 'utf8' or 'latin1'") from None


def find_encoding(files: Sequence[Location]) -> str:
    """The encoding of all files of a table, as Python names it.

    Raises:
        DataError: The files have different encodings, or one that cannot be told.
    """
    left = SCAN_BYTES
    found: dict[str, Location] = {}
    for file in files:
        if left <= 0:
            break
        encoding, num_bytes = _scan_file(file, left)
        left -= num_bytes
        if encoding is not None:
            found.setdefault(encoding, file)

    if len(found) > 1:
        named = ", ".join(f"{file.name} is {encoding_name(encoding)}" for encoding, file in found.items())
        raise DataError(f"the files have different encodings ({named}); convert them to one")

    return next(iter(found), "utf8")


def _scan_file(file: Location, limit: int) -> tuple[str | None, int]:
    """Encoding of one file, None for pure ASCII; and the number of bytes that were read."""
    counts = _ByteCounts()
    taken = 0
    with file.filesystem.open_input_stream(file.path) as stream:
        while taken < limit:
            chunk = bytes(stream.read(min(CHUNK_BYTES, limit - taken)))
            if not taken:
                wide = _wide_encoding(chunk[:HEAD_BYTES])
                if wide is not None:
                    return wide, len(chunk)

            counts.add(chunk, final=not chunk)
            if not chunk:
                break
            taken += len(chunk)

    return _narrow_encoding(counts, file), taken


def _wide_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark or the places of zero bytes tell."""
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding

    pairs = len(head) // 2
    if not pairs:
        return None

    even = head[: 2 * pairs : 2].count(0) / pairs
    odd = head[1 : 2 * pairs : 2].count(0) / pairs
    if odd > ZERO_SHARE > 2 * even:
        return "utf-16-le"
    if even > ZERO_SHARE > 2 * odd:
        return "utf-16-be"
    return None


def _narrow_encoding(counts: _ByteCounts, file: Location) -> str | None:
    if counts.is_ascii:
        return None
    if counts.is_utf8:
        return "utf8"
    if counts.high >= FEWEST_FOREIGN and counts.in_runs > FOREIGN_SHARE * counts.high:
        raise DataError(
            f"{file.name} is neither UTF-8 nor in a Western European encoding; set data.encoding to the one it has, "
            "for example 'cp1251', 'gbk' or 'shift_jis'"
        )
    if counts.has_undefined:
        return "latin1"
    return "cp1252"
