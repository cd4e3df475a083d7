"""All results of a job in one zip file, written while it is sent: neither memory nor disk holds it whole."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

from serve.api.results import PARQUET, read_chunks, read_parquet
from ss_ray.location import Location


class _SentBytes(io.RawIOBase):
    """Takes what a zip file writes, and gives it away in between; there is no way back in it."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self.held)
        self.held.clear()
        return taken


def write_archive(files: Iterable[tuple[str, str, Location]], time: datetime) -> Iterator[bytes]:
    """The bytes of a zip file.

    Args:
        files: Name of each result, name of its file in the archive, and its location.
        time: Time that each file in the archive has.
    """
    sent = _SentBytes()
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file, location in files:
            chunks = read_parquet(location) if name == PARQUET else read_chunks(location)
            info = zipfile.ZipInfo(file, time.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    yield sent.take()

    yield sent.take()
