"""Progress on a terminal and elsewhere; the clock is the test's own."""

import io
from dataclasses import dataclass

from ss_ray.progress import PlainLines, Progress, ignore, shown


@dataclass
class Clock:
    """A clock that the test sets."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def read(done: int, total: int | None = 1000, note: str = "") -> Progress:
    return Progress(stage="read", done=done, total=total, note=note)


def lines_of(*readings: tuple[float, Progress]) -> list[str]:
    lines, clock = list[str](), Clock()
    show = PlainLines(lines.append, clock)
    for seconds, progress in readings:
        clock.seconds = seconds
        show(progress)
    return lines


def test_first_reading_and_the_complete_one_are_written():
    assert lines_of((0, read(0)), (1, read(500)), (4, read(1000)), (5, read(1000))) == [
        "read: 0/1,000 rows",
        "read: 1,000/1,000 rows, 250 rows/s",
    ]


def test_lines_in_between_are_ten_seconds_apart():
    readings = [(float(second), read(second)) for second in range(25)]
    assert lines_of(*readings) == [
        "read: 0/1,000 rows",
        "read: 10/1,000 rows, 1 rows/s, 990 s left",
        "read: 20/1,000 rows, 1 rows/s, 980 s left",
    ]


def test_unknown_total_and_notes_are_shown():
    assert lines_of((0, read(0, None)), (10, read(50, None, note="loss 1.5"))) == [
        "read: 0 rows",
        "read: 50 rows, 5 rows/s, loss 1.5",
    ]


def test_stages_have_lines_of_their_own():
    other = Progress(stage="train", done=1, total=2, unit="steps")
    assert lines_of((0, read(0)), (0, other)) == ["read: 0/1,000 rows", "train: 1/2 steps"]


def test_stream_that_is_no_terminal_gets_plain_lines():
    stream = io.StringIO()
    with shown(stream) as show:
        show(read(3))
    assert stream.getvalue() == "read: 3/1,000 rows\n"


def test_terminal_gets_a_bar_for_each_stage():
    stream = Terminal()
    with shown(stream) as show:
        show(read(500, note="halfway"))
        show(read(1000))
        show(Progress(stage="train", done=1, total=None, unit="steps"))
    assert all(text in stream.getvalue() for text in ("read", "1000/1000", "train", "steps"))


def test_progress_can_be_ignored():
    assert ignore(read(1)) is None
