"""Clock times and durations in text, as whole ticks: "09:30", "2:05 PM", "26:15:00", "3 days 02:00:00", "PT4H30M".

A format is written in strptime's terms. In a clock time the hour is below 24; in a duration the largest part is not
limited. A cell fits a format only if the format writes the same cell again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.tables.spellings.cover import cover, group_cells, merge_forms
from ss_ray.tables.spellings.dates import DIRECTIVE, SECONDS_PER_DAY, TWELVE_HOUR_FORMATS

ISO_DURATION = "P%dDT%HH%MM%SS"
LETTERS = "%-dd %-Hh %-Mm %-Ss"
CLOCK_FORMATS = (
    "%H:%M:%S",
    "%H:%M",
    "%H:%M:%S.%3f",
    "%H:%M:%S.%f",
    "%H:%M:%S.%9f",
    "%-H:%M",
    "%-H:%M:%S",
    *TWELVE_HOUR_FORMATS,
)
DURATION_FORMATS = (
    "%d days %H:%M:%S",
    "%d days %H:%M:%S.%3f",
    "%d days %H:%M:%S.%f",
    "%d days %H:%M:%S.%9f",
    "%d days %H:%M",
    "%d days, %-H:%M:%S",
    "%d days, %-H:%M",
    "%dd %H:%M:%S",
    "%d.%H:%M:%S",
    ISO_DURATION,
    LETTERS,
    LETTERS.replace(" ", ""),
)
"""Formats of durations alone; durations of hours are written like clock times, too."""
FORMATS = (*CLOCK_FORMATS, *DURATION_FORMATS)
_FRACTIONS = {"%3f": 10**3, "%f": 10**6, "%9f": 10**9}

Ints = npt.NDArray[np.int64]


def is_clock_format(format_: str) -> bool:
    """Whether clock times may be written in this format."""
    return format_ in CLOCK_FORMATS


def ticks_per_second(format_: str) -> int:
    """Ticks of a second of the times that are written in a format."""
    return next((ticks for name, ticks in _FRACTIONS.items() if name in format_), 1)


@dataclass(frozen=True, kw_only=True)
class DurationFacts:
    """Facts of cells that fit the same formats.

    Attributes:
        cells: Number of cells.
        low: Shortest time in nanoseconds.
        high: Longest time in nanoseconds.
    """

    cells: int
    low: int
    high: int


DurationForms = dict[tuple[str, ...], DurationFacts]


def read_durations(cells: pa.Array, counts: Ints) -> tuple[DurationForms, npt.NDArray[np.bool_]]:
    """Facts of cells by the formats that they fit, and (cells,) which cells fit none.

    Args:
        cells: (cells,) distinct strings without surrounding space, none missing.
        counts: (cells,) occurrences of each.

    Example:
        >>> forms, unread = read_durations(pa.array(["02:15:00", "26:00:00", "none"]), np.array([1, 1, 1]))
        >>> settle_durations(forms)[0][0], unread.tolist()
        ('%H:%M:%S', [False, False, True])
    """
    formats = []
    fits = np.zeros((len(cells), 0), bool)
    nanoseconds = np.zeros(len(cells), np.int64)
    for format_ in FORMATS:
        ticks, is_fit = parse_durations(cells, format_)
        if is_fit.any():
            formats.append(format_)
            fits = np.c_[fits, is_fit]
            nanoseconds[is_fit] = ticks[is_fit] * (10**9 // ticks_per_second(format_))

    forms: DurationForms = {}
    for key, places in group_cells(formats, fits):
        own = nanoseconds[places]
        forms[key] = DurationFacts(cells=int(counts[places].sum()), low=int(own.min()), high=int(own.max()))

    return forms, np.asarray(~fits.any(axis=1))


def merge_durations(a: DurationForms, b: DurationForms) -> DurationForms:
    """Facts of the cells of two blocks together."""
    return merge_forms(a, b, _add_facts)


def _add_facts(a: DurationFacts, b: DurationFacts) -> DurationFacts:
    return DurationFacts(cells=a.cells + b.cells, low=min(a.low, b.low), high=max(a.high, b.high))


def settle_durations(forms: DurationForms) -> tuple[tuple[str, DurationFacts], ...]:
    """Formats that read all these cells, each with the facts of its cells, the most frequent first."""
    found = []
    for format_, keys in cover({key: facts.cells for key, facts in forms.items()}, FORMATS.index):
        found.append((format_, reduce(_add_facts, (forms[key] for key in keys))))

    return tuple(found)


_PARTS = {
    "%d": "(?P<d>[0-9]+)",
    "%-d": "(?P<d>[0-9]+)",
    "%H": "(?P<H>[0-9]{2,})",
    "%-H": "(?P<H>[0-9]+)",
    "%I": "(?P<H>[0-9]{2})",
    "%-I": "(?P<H>[0-9]{1,2})",
    "%M": "(?P<M>[0-5][0-9])",
    "%S": "(?P<S>[0-5][0-9])",
    "%-M": "(?P<M>[0-9]+)",
    "%-S": "(?P<S>[0-9]+)",
    "%3f": "(?P<f>[0-9]{3})",
    "%f": "(?P<f>[0-9]{6})",
    "%9f": "(?P<f>[0-9]{9})",
    "%p": "(?P<p>[AP]M)",
    "%~p": "(?P<p>[ap]m)",
}


@lru_cache(maxsize=64)
def _pattern_of(format_: str) -> re.Pattern[str]:
    """Regular expression with a named group for each part of the time."""
    if format_ == ISO_DURATION:
        return re.compile(
            "^(?P<sign>-?)P(?:(?P<d>[0-9]+)D)?(?:T(?:(?P<H>[0-9]+)H)?(?:(?P<M>[0-9]+)M)?(?:(?P<S>[0-9]+)S)?)?$"
        )
    if format_.startswith(LETTERS[:4]):
        space = " ?" if " " in format_ else ""
        return re.compile(
            "^(?P<sign>-?)"
            + space.join(f"(?:(?P<{name}>[0-9]+){unit})?" for name, unit in zip("dHMS", "dhms", strict=True))
            + "$"
        )

    literals = [re.escape(text) for text in DIRECTIVE.split(format_)]
    parts = [_PARTS[directive] for directive in DIRECTIVE.findall(format_)] + [""]
    text = "".join(literal + part for literal, part in zip(literals, parts, strict=True))
    # One day is written without the plural; Python writes no days where there are none.
    text = text.replace(r"\ days", r"\ days?")
    return re.compile(f"^(?P<sign>-?){text}$")


def parse_durations(values: pa.Array, format_: str) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """(cells,) ticks of the format, and (cells,) whether each cell fits it; missing cells do not."""
    parts = pc.extract_regex(values, _pattern_of(format_).pattern)
    fits = np.asarray(parts.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    names = [field.name for field in parts.type]

    def part(name: str) -> Ints:
        if name not in names:
            return np.zeros(len(values), np.int64)
        digits = pc.utf8_slice_codeunits(pc.fill_null(parts.field(name), ""), 0, 9)
        return pc.if_else(pc.equal(digits, ""), "0", digits).cast(pa.int64()).to_numpy()

    hours = part("H")
    if "p" in names:
        half = pc.utf8_lower(pc.fill_null(parts.field("p"), ""))
        fits &= (hours >= 1) & (hours <= 12)
        hours = hours % 12 + 12 * np.asarray(pc.equal(half, "pm").to_numpy(zero_copy_only=False), dtype=np.int64)

    per_second = ticks_per_second(format_)
    seconds = part("d") * SECONDS_PER_DAY + hours * 3600 + part("M") * 60 + part("S")
    ticks = seconds * per_second + part("f")
    minus = np.asarray(pc.equal(pc.fill_null(parts.field("sign"), ""), "-").to_numpy(zero_copy_only=False), dtype=bool)
    ticks = np.where(minus, -ticks, ticks)
    if fits.any():
        # What the format would write otherwise ("1 days", 90 minutes in "PT90M") is not of the format.
        places = np.flatnonzero(fits)
        cells = values.take(pa.array(places)).to_pylist()
        spelled = format_durations(ticks[places], format_)
        fits[places] = [cell == text for cell, text in zip(cells, spelled, strict=True)]

    return ticks, fits


def format_durations(ticks: Iterable[int], format_: str) -> list[str]:
    """(cells,) spellings of times in ticks of the format.

    Example:
        >>> format_durations([93_600, 90], ISO_DURATION)
        ['P1DT2H', 'PT1M30S']
    """
    per_second = ticks_per_second(format_)
    write = _writer_of(format_)
    return [("-" if tick < 0 else "") + write(*divmod(abs(int(tick)), per_second)) for tick in ticks]


def _writer_of(format_: str) -> Callable[[int, int], str]:
    """A function of whole seconds and the ticks of the rest."""
    if format_ == ISO_DURATION:
        return _write_iso
    if format_.startswith(LETTERS[:4]):
        space = " " if " " in format_ else ""
        return lambda seconds, rest: _write_letters(seconds, space)

    has_days = "%d" in format_
    directives = DIRECTIVE.findall(format_)
    template = DIRECTIVE.sub("{}", format_)

    def write(seconds: int, rest: int) -> str:
        days, left = divmod(seconds, SECONDS_PER_DAY) if has_days else (0, seconds)
        hours, left = divmod(left, 3600)
        minutes, left = divmod(left, 60)
        numbers = {"d": days, "H": hours, "I": (hours - 1) % 12 + 1, "M": minutes, "S": left, "f": rest}
        text = template.format(*(_write_part(directive, numbers) for directive in directives))
        return text.replace("1 days", "1 day", 1) if has_days and days == 1 and "," in format_ else text

    return write


def _write_part(directive: str, numbers: dict[str, int]) -> str:
    letter = directive[-1]
    if letter == "p":
        half = "AM" if numbers["H"] % 24 < 12 else "PM"
        return half.lower() if "~" in directive else half
    if letter == "f":
        return str(numbers["f"]).zfill({"%3f": 3, "%f": 6, "%9f": 9}[directive])
    if letter == "d" or "-" in directive:
        return str(numbers[letter])
    return f"{numbers[letter]:02d}"


def _split_seconds(seconds: int) -> tuple[int, int, int, int]:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return day, hour, minute, second


def _write_iso(seconds: int, rest: int) -> str:
    day, *clock = _split_seconds(seconds)
    date = f"{day}D" if day else ""
    time = "".join(f"{number}{unit}" for number, unit in zip(clock, "HMS", strict=True) if number)
    if not (date or time):
        return "PT0S"
    return f"P{date}" + (f"T{time}" if time else "")


def _write_letters(seconds: int, space: str) -> str:
    parts = zip(_split_seconds(seconds), "dhms", strict=True)
    return space.join(f"{number}{unit}" for number, unit in parts if number) or "0s"
