"""How far a stage is: one small value, shown as a bar in a terminal and as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

# Time between two plain lines of a stage.
LINE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A reading.

    Attributes:
        stage: Name of the stage.
        done: Number of units finished.
        total: Units in all; None while unknown.
        unit: Unit that is counted ("rows", "steps").
        note: Anything short to add, such as the loss. Never a value of the table.

    Example:
        >>> show = PlainLines(print)
        >>> show(Progress(stage="train", done=0, total=500, unit="steps"))
        train: 0/500 steps
        >>> show(Progress(stage="train", done=500, total=500, unit="steps", note="loss 1.25"))
        train: 500/500 steps, loss 1.25
    """

    stage: str
    done: int
    total: int | None
    unit: str = "rows"
    note: str = ""


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """An `OnProgress` that shows nothing."""


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[OnProgress]:
    """An `OnProgress` that draws bars on a terminal and writes plain lines to anything else (stderr by default)."""
    stream = stream or sys.stderr
    # Bars would fill a log file with control characters.
    if not stream.isatty():
        yield PlainLines(lambda line: print(line, file=stream, flush=True))
        return

    columns = (
        TextColumn("[bold]{task.description:>12}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        yield _TerminalBars(bars)


class _TerminalBars:
    """One bar a stage."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.tasks: dict[str, tuple[TaskID, float]] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in self.tasks:
            task = self.bars.add_task(progress.stage, total=progress.total, unit=progress.unit, note="", rate="")
            self.tasks[progress.stage] = task, time.monotonic()

        task, started = self.tasks[progress.stage]
        rate = _format_rate(progress, time.monotonic() - started)
        self.bars.update(task, completed=progress.done, total=progress.total, note=progress.note, rate=rate)


class PlainLines:
    """A line when a stage starts, one every LINE_SECONDS, and one when it is complete."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.write = write
        self.clock = clock
        self.started: dict[str, float] = {}
        self.shown_at: dict[str, float] = {}
        self.completed: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        """Write a line unless one was written a moment ago."""
        now = self.clock()
        started = self.started.setdefault(progress.stage, now)
        complete = progress.total is not None and progress.done >= progress.total
        is_new = progress.stage not in self.shown_at or (complete and progress.stage not in self.completed)
        if not is_new and (complete or now - self.shown_at[progress.stage] < LINE_SECONDS):
            return

        self.shown_at[progress.stage] = now
        if complete:
            self.completed.add(progress.stage)

        self.write(_format_line(progress, now - started))


def _format_line(progress: Progress, seconds: float) -> str:
    if progress.total is not None:
        total = f"/{progress.total:,}"
    else:
        total = ""

    parts = [f"{progress.stage}: {progress.done:,}{total} {progress.unit}", _format_rate(progress, seconds)]
    if progress.total is not None and 0 < progress.done < progress.total and seconds > 1:
        parts.append(f"{seconds * (progress.total - progress.done) / progress.done:.0f} s left")

    return ", ".join(part for part in [*parts, progress.note] if part)


def _format_rate(progress: Progress, seconds: float) -> str:
    if seconds > 1 and progress.done:
        return f"{progress.done / seconds:,.0f} {progress.unit}/s"
    return ""
