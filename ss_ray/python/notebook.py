"""What a notebook shows: how far a call is, and pages. Jupyter is never imported where it does not run."""

from __future__ import annotations

import html
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ss_ray.printed_tables import html_table
from ss_ray.progress import Progress

FRAME_PIXELS = 800
"""Height of a page within a notebook."""


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this code."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    return shell is not None and hasattr(shell, "kernel")


def silence_widgets() -> None:
    """In a notebook without ipywidgets, Ray and tqdm ask for it as they are imported, for bars that nobody sees."""
    if in_notebook():
        logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", "IProgress not found")


def show_page(page: str) -> None:
    """Show a page of HTML in the notebook, apart from the notebook's own styles."""
    from IPython.display import HTML, display

    display(
        HTML(f'<iframe srcdoc="{html.escape(page)}" width="100%" height="{FRAME_PIXELS}" style="border:0"></iframe>')
    )


@contextmanager
def shown_in_notebook() -> Iterator[ProgressTable]:
    """An `OnProgress` that draws one table in the notebook, again and again in the same place."""
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    yield ProgressTable(lambda text: handle.update(HTML(text)))


class ProgressTable:
    """A table with a row for each stage, drawn anew with each reading.

    Attributes:
        draw: Function that shows the table, given as HTML.
        readings: Latest reading of each stage, in the order in which they began.
    """

    def __init__(self, draw: Callable[[str], None]) -> None:
        self.draw = draw
        self.readings: dict[str, Progress] = {}

    def __call__(self, progress: Progress) -> None:
        """Draw a reading."""
        self.readings[progress.stage] = progress
        rows = [(reading.title, reading.count, reading.note) for reading in self.readings.values()]
        self.draw(html_table([("stage", "done", ""), *rows]))
