"""Progress on a terminal and elsewhere; the clock is the test's own."""

import io
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress as Bars

from ss_ray.progress import PlainLines, Progress, TerminalBars, ignore, shown


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
        "read: 1,000/1,000 rows, 167 rows/s",
    ]


def test_lines_in_between_are_ten_seconds_apart():
    readings = [(float(second), read(second)) for second in range(25)]
    assert lines_of(*readings) == [
        "read: 0/1,000 rows",
        "read: 10/1,000 rows, 1 rows/s, 990 s left",
        "read: 20/1,000 rows, 1 rows/s, 980 s left",
    ]


def test_unknown_total_and_notes_are_shown():
    assert lines_of((0, read(0, None)), (10, read(50, None)), (20, read(100, None, note="loss 1.5"))) == [
        "read",
        "read: 50 rows",
        "read: 100 rows, 5 rows/s, loss 1.5",
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
    assert all(text in stream.getvalue() for text in ("read", "1,000/1,000 rows", "train", "steps"))


def test_progress_can_be_ignored():
    assert ignore(read(1)) is None


def test_the_start_of_processes_is_no_part_of_the_speed_and_the_time_left_never_grows():
    readings = [(0, read(0)), (60, read(0)), (70, read(100)), (80, read(300)), (90, read(310)), (100, read(900))]
    assert lines_of(*readings)[2:] == [
        # They may have come together, long after the reading before.
        "read: 100/1,000 rows",
        "read: 300/1,000 rows, 20 rows/s, 35 s left",
        "read: 310/1,000 rows, 10 rows/s, 35 s left",
        "read: 900/1,000 rows, 27 rows/s, 4 s left",
    ]


def test_texts_after_rows_are_timed_anew():
    texts = [Progress(stage="read", done=done, total=50, unit="texts") for done in (0, 10, 20)]
    readings = [(0, read(0)), (10, read(500)), (20, read(1000)), (30, texts[0]), (40, texts[1]), (60, texts[2])]
    assert lines_of(*readings)[-3:] == [
        "read: 0/50 texts",
        "read: 10/50 texts",
        "read: 20/50 texts, 0.5 texts/s, 60 s left",
    ]


def test_a_slow_stage_tells_its_speed_in_fractions():
    readings = [(0, read(0)), (40, read(10)), (80, read(20))]
    assert lines_of(*readings)[2] == "read: 20/1,000 rows, 0.25 rows/s, 3920 s left"


def test_the_clock_of_a_bar_stands_still_when_its_stage_is_over_and_no_total_is_made_up():
    clock = Clock()
    bars = Bars(console=Console(file=Terminal()), auto_refresh=False, get_time=clock)
    show = TerminalBars(bars)
    show(read(3, None))
    clock.seconds = 5.0
    show(Progress(stage="train", done=0, total=860, unit="steps"))
    clock.seconds = 9.0
    show(
        Progress(stage="train", done=228, total=228, unit="steps", note="stopped at step 228 of 860: no gain since 57")
    )
    clock.seconds = 60.0
    reading, training = bars.tasks
    assert (reading.elapsed, training.elapsed) == (5.0, 4.0)
    assert reading.fields["count"] == "3 rows"
    assert reading.finished
    assert training.fields["note"].endswith("no gain since 57")


def test_nothing_is_counted_before_the_first_number_and_stages_have_words_for_people():
    lines = lines_of(
        (0, Progress(stage="hold_back", done=0, total=None)),
        (1, Progress(stage="split", done=0, total=120)),
        (2, Progress(stage="split", done=120, total=120)),
    )
    assert lines == ["hold_back", "prepare: 0/120 rows", "prepare: 120/120 rows"]
