"""Folders that live as long as the object that needs them, and progress for whoever watches."""

from __future__ import annotations

import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ss_ray.progress import OnProgress, ignore, shown
from ss_ray.python.notebook import in_notebook, shown_in_notebook


def folder_for(owner: object) -> Path:
    """A new temporary folder that only this user may look into; it is deleted with its owner, or at exit."""
    folder = Path(tempfile.mkdtemp(prefix="ss-ray-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def brief_folder() -> Iterator[Path]:
    """A temporary folder for the time of a call."""
    with tempfile.TemporaryDirectory(prefix="ss-ray-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def watched(verbose: bool | None) -> Iterator[OnProgress]:
    """An `OnProgress` for a call.

    Args:
        verbose: Whether progress is shown; None: in a notebook, and where stderr is a terminal.
    """
    if in_notebook() and verbose is not False:
        with shown_in_notebook() as on_progress:
            yield on_progress
        return

    wanted = sys.stderr.isatty() if verbose is None else verbose
    if not wanted:
        yield ignore
        return

    with shown() as on_progress:
        yield on_progress
