"""One process at a time in a run directory, and nothing left of a run that was refused.

The lock is the operating system's: it ends with the process that holds it, however that ends. Object stores have no
locks; there nothing is checked.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pyarrow import fs as pafs

from ss_ray.errors import ConfigError, DataError, PrivacyError, ResourceError
from ss_ray.location import Location
from ss_ray.runs.run_dir import RunDir

NAME = ".lock"
"""File in the run directory that holds the number of the process that works there."""
REFUSALS = (ConfigError, DataError, PrivacyError, ResourceError)
FIRST_WORK = "split"
"""Stage from which on a run has something that is worth keeping."""


@contextmanager
def locked(run_dir: RunDir) -> Iterator[None]:
    """Hold a run directory for this process; a directory that it makes goes again if the run is refused.

    Raises:
        ResourceError: Another process, or another run of this one, works in it.
    """
    root = run_dir.root
    missing = _missing_folders(root)
    root.make_folder()
    if not isinstance(root.filesystem, pafs.LocalFileSystem):
        yield
        return

    file = Path(root.path) / NAME
    stream = _lock_file(file)
    try:
        yield
    except REFUSALS:
        if missing and not run_dir.manifest(FIRST_WORK).exists():
            _remove_folders(missing)
        raise
    finally:
        file.unlink(missing_ok=True)
        stream.close()


def _lock_file(file: Path) -> IO[str]:
    """The open lock file, which holds the number of this process."""
    while True:
        stream = file.open("a+")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip()
            stream.close()
            raise ResourceError(
                f"process {holder or '(unknown)'} works in the run directory {file.parent}; wait for it or stop it, "
                "or give another --out"
            ) from None

        # Another process may have removed the file between opening and locking it.
        if file.exists() and os.path.samestat(os.fstat(stream.fileno()), file.stat()):
            stream.truncate(0)
            stream.write(f"{os.getpid()}\n")
            stream.flush()
            return stream
        stream.close()


def _missing_folders(folder: Location) -> list[Location]:
    """The folder and those above it that are not there, the lowest first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing


def _remove_folders(folders: list[Location]) -> None:
    """Remove the lowest folder with its files, and those above it that are empty then."""
    lowest, *above = folders
    lowest.remove()
    for folder in above:
        try:
            Path(folder.path).rmdir()
        except OSError:
            # Another run is there.
            return
