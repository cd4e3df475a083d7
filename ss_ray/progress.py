"""How far a stage is: one small value, shown as a bar in a terminal and as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

# Time between two plain lines of a stage.
LINE_SECONDS = 10.0
# Time over which a speed is measured before it is told.
MEASURED_SECONDS = 1.0


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

    @property
    def series(self) -> tuple[str, str]:
        """What readings count together: a stage may count rows, and then texts."""
        return self.stage, self.unit

    @property
    def title(self) -> str:
        """Name of the stage for people."""
        return stage_title(self.stage)

    @property
    def count(self) -> str:
        """What is done, in words; a total that is not known is not shown, and nothing before the first number."""
        if not self.done and self.total is None:
            return ""

        total = "" if self.total is None else f"/{self.total:,}"
        return f"{self.done:,}{total} {self.unit}"


def stage_title(stage: str) -> str:
    """Name of a stage for people, who need not know that rows are put on two sides when they are typed."""
    return "prepare" if stage == "split" else stage


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
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        yield TerminalBars(bars)


class Pace:
    """How fast a stage is, from its first finished units on: the start of processes is no work.

    The time that is left never grows: a person who waits counts on what was said.
    """

    def __init__(self) -> None:
        self.begun: tuple[float, int] | None = None
        self.left: float | None = None

    def read(self, progress: Progress, now: float) -> tuple[float | None, float | None]:
        """Units a second and seconds left, each None while it is unknown.

        Args:
            progress: A reading of the stage.
            now: Time of the reading in seconds, by a clock that never goes back.
        """
        if not progress.done:
            self.begun = self.left = None
            return None, None

        # How long the first units took is not known: their process may have started at any time.
        self.begun = self.begun or (now, progress.done)
        begun_at, done_before = self.begun
        if now - begun_at < MEASURED_SECONDS or progress.done <= done_before:
            return None, None

        rate = (progress.done - done_before) / (now - begun_at)
        if progress.total is None or progress.done >= progress.total:
            return rate, None

        left = (progress.total - progress.done) / rate
        self.left = left if self.left is None else min(self.left, left)
        return rate, self.left


class TerminalBars:
    """One bar for each thing that a stage counts; its clock stands still when it is complete, or another begins."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.tasks: dict[tuple[str, str], TaskID] = {}
        self.paces: dict[tuple[str, str], Pace] = {}

    def __call__(self, progress: Progress) -> None:
        """Draw a reading."""
        if progress.series not in self.tasks:
            for task in self.tasks.values():
                self._finish_task(task)
            self.paces[progress.series] = Pace()
            self.tasks[progress.series] = self.bars.add_task(
                progress.title, total=progress.total, count=progress.count, note=""
            )

        task = self.tasks[progress.series]
        pace = self.paces[progress.series].read(progress, time.monotonic())
        note = ", ".join(part for part in [*_format_pace(progress, *pace), progress.note] if part)
        count = progress.count
        self.bars.update(task, completed=progress.done, total=progress.total, note=note, count=count)
        if progress.total is not None and progress.done >= progress.total:
            self._finish_task(task)

    def _finish_task(self, task: TaskID) -> None:
        """Stop the clock of a stage, and fill a bar whose total was not known."""
        found = next(known for known in self.bars.tasks if known.id == task)
        if found.total is None:
            self.bars.update(task, total=1, completed=1)
        self.bars.stop_task(task)


class PlainLines:
    """A line when a stage starts, one every LINE_SECONDS, and one when it is complete."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.write = write
        self.clock = clock
        self.paces: dict[tuple[str, str], Pace] = {}
        self.shown_at: dict[tuple[str, str], float] = {}
        self.completed: set[tuple[str, str]] = set()

    def __call__(self, progress: Progress) -> None:
        """Write a line unless one was written a moment ago."""
        now = self.clock()
        rate, left = self.paces.setdefault(progress.series, Pace()).read(progress, now)
        complete = progress.total is not None and progress.done >= progress.total
        is_new = progress.series not in self.shown_at or (complete and progress.series not in self.completed)
        if not is_new and (complete or now - self.shown_at[progress.series] < LINE_SECONDS):
            return

        self.shown_at[progress.series] = now
        if complete:
            self.completed.add(progress.series)

        parts = [progress.count, *_format_pace(progress, rate, left), progress.note]
        told = ", ".join(part for part in parts if part)
        self.write(f"{progress.title}: {told}" if told else progress.title)


def _format_pace(progress: Progress, rate: float | None, left: float | None) -> list[str]:
    """Words about the speed; none while it is unknown."""
    parts = []
    if rate is not None:
        # Steps of a large model take seconds each.
        digits = f"{rate:,.0f}" if rate >= 1 else f"{rate:.2g}"
        parts.append(f"{digits} {progress.unit}/s")
    if left is not None:
        parts.append(f"{left:.0f} s left")
    return parts
