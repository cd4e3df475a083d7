"""Transport of the stand-in key to the actors: in a file beside the real rows, for as long as the stage runs.

Arguments of actors stay readable in many places: Ray's state API and dashboard, its object store and what is spilled
from it, its logs. Whoever can read the key's file can read the rows that it protects anyway. Against them, and against
somebody who reads the memory of the processes, nothing is gained.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ss_ray.location import Location

NAME = "stand-in-key"


@dataclass(frozen=True)
class KeyFile:
    """Location of the key; only the location travels.

    Attributes:
        file: Location of the key as hex digits.
    """

    file: Location

    def read(self) -> bytes:
        """The key."""
        return bytes.fromhex(self.file.read_text())


@contextmanager
def shared_key(key: bytes, internal: Location) -> Iterator[KeyFile]:
    """The key in a file of a run's internal folder while the block runs."""
    file = internal / NAME
    file.write_text(key.hex())
    try:
        yield KeyFile(file)
    finally:
        file.remove()
