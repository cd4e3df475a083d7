"""Ranges of numbers, dates and times as expressions of a grammar: exactly the spellings between two ends.

Expressions are EBNF as xgrammar and vLLM read it (GBNF). A range is a union of boxes: in each, every position takes one
span of digits, so [137, 254] is 13[7-9] | 1[4-9][0-9] | 2[0-4][0-9] | 25[0-4].
"""

from __future__ import annotations

import calendar
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

Box = tuple[str, ...]
"""An expression for each position."""

_MANTISSA = '[1-9] ("." [0-9]{1,16})?'
_FRACTION = '("." [0-9]{1,22})?'
"""17 digits after up to five zeros."""
_POSITIONAL = 10**17
"""From here on, floats are written with an exponent only."""


def literal(text: str) -> str:
    """The expression of exactly this text."""
    return '"' + "".join(_escape_character(character) for character in text) + '"'


def _escape_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character

    code = ord(character)
    if character.isprintable():
        return character
    if code < 0x10000:
        return f"\\u{code:04x}"

    return f"\\U{code:08x}"


def number_range(low: int, high: int, decimals: int = 0) -> str:
    """Integers low..high with a point before their last `decimals` digits; no leading zeros, no -0."""
    parts = []
    if high >= 0:
        parts += _magnitude_ranges(max(low, 0), high, decimals)

    if low < 0:
        parts += ['"-" ' + part for part in _magnitude_ranges(max(1, -high), -low, decimals)]

    return " | ".join(parts)


def float_range(low: float, high: float) -> str:
    """Floats in their shortest spelling; exact in the digits before the point, bounded in the others.

    What it accepts may pass an end by less than 1, or in the first digit of a number with an exponent.
    """
    parts = []
    if high >= 0:
        parts += _float_magnitudes(max(low, 0.0), high)

    if low < 0:
        parts += [f'"-" ({part})' for part in _float_magnitudes(max(0.0, -high), -low)]

    return " | ".join(parts)


def date_range(low: date, high: date) -> str:
    """Days low..high as YYYY-MM-DD, valid dates only."""
    first = low.year
    last = high.year
    if first == last:
        return " | ".join(_days_of_year(low, high))

    parts = _days_of_year(low, date(first, 12, 31)) + _days_of_year(date(last, 1, 1), high)
    years = range(first + 1, last)
    for is_leap in (False, True):
        chosen = _year_set([year for year in years if calendar.isleap(year) == is_leap])
        if chosen:
            parts.append(f'({chosen}) "-" ({_whole_year(29 if is_leap else 28)})')

    return " | ".join(parts)


def moment_range(low: tuple[date, Sequence[int]], high: tuple[date, Sequence[int]], end: str) -> str:
    """Moments low..high as YYYY-MM-DDTHH:MM:SS, with a fraction if the bounds have one.

    Args:
        low: Day, and hour, minute, second and digits of the fraction.
        high: Last moment, of the same number of digits.
        end: Suffix of the time: "" or "Z".
    """
    sizes = (24, 60, 60) + (10,) * (len(low[1]) - 3)
    first = tuple(0 for _ in sizes)
    last = tuple(size - 1 for size in sizes)
    if low[0] == high[0]:
        return _moment_range(low[0], low[1], high[1], sizes, end)

    parts = [_moment_range(low[0], low[1], last, sizes, end), _moment_range(high[0], first, high[1], sizes, end)]
    day = timedelta(days=1)
    if low[0] + day < high[0]:
        days = date_range(low[0] + day, high[0] - day)
        parts.append(f"({days}) ({_clock_range(first, last, sizes, end)})")

    return " | ".join(parts)


def _magnitude_ranges(low: int, high: int, decimals: int) -> list[str]:
    """Expressions of 0 <= low..high."""
    parts = []
    for width in range(max(len(str(low)), decimals + 1), len(str(high)) + 1 + decimals):
        smallest = max(low, 10 ** (width - 1) if width > decimals + 1 else 0)
        largest = min(high, 10**width - 1)
        if smallest <= largest:
            ends = [[int(digit) for digit in str(end).zfill(width)] for end in (smallest, largest)]
            parts += [_write_decimal(box, decimals) for box in _split_boxes((10,) * width, *ends)]

    return parts


def _write_decimal(box: Box, decimals: int) -> str:
    whole = box[: len(box) - decimals]
    fraction = box[len(box) - decimals :]
    return " ".join([*whole, '"."', *fraction] if fraction else whole)


def _split_boxes(sizes: Sequence[int], low: Sequence[int], high: Sequence[int]) -> Iterator[Box]:
    """Boxes of the numbers low..high in a positional system with digits of these sizes."""
    if not sizes:
        yield ()
        return

    rest = sizes[1:]
    first = [0] * (len(sizes) - 1)
    last = [size - 1 for size in sizes[1:]]
    start = low[0]
    stop = high[0]
    if start == stop:
        yield from _with_lead(start, start, sizes[0], _split_boxes(rest, low[1:], high[1:]))
        return

    if list(low[1:]) != first:
        yield from _with_lead(start, start, sizes[0], _split_boxes(rest, low[1:], last))
        start += 1

    if list(high[1:]) != last:
        yield from _with_lead(stop, stop, sizes[0], _split_boxes(rest, first, high[1:]))
        stop -= 1

    if start <= stop:
        yield (_digit_span(start, stop, sizes[0]), *(_digit_span(0, size - 1, size) for size in rest))


def _with_lead(low: int, high: int, size: int, boxes: Iterator[Box]) -> Iterator[Box]:
    return ((_digit_span(low, high, size), *box) for box in boxes)


def _digit_span(low: int, high: int, size: int) -> str:
    """Values low..high of one position: a digit, or two where there are more than ten values."""
    if size <= 10:
        if low < high:
            return f"[{low}-{high}]"
        return f'"{low}"'

    ends = [[end // 10, end % 10] for end in (low, high)]
    return "(" + " | ".join(" ".join(box) for box in _split_boxes((10, 10), *ends)) + ")"


def _float_magnitudes(low: float, high: float) -> list[str]:
    """Expressions of floats 0 <= low..high."""
    parts = []
    if low < _POSITIONAL:
        whole = number_range(int(low), int(min(high, _POSITIONAL - 1)))
        parts.append(f"({whole}) {_FRACTION}")

    if high >= 1e9:
        exponents = number_range(max(9, math.floor(math.log10(low)) if low > 0 else 9), math.floor(math.log10(high)))
        parts.append(f'{_MANTISSA} "e+" ({exponents})')

    if low < 1e-4:
        parts.append(f'{_MANTISSA} "e-" ({number_range(4, 324)})')

    return parts


def _days_of_year(low: date, high: date) -> list[str]:
    """Days low..high of one year."""
    year = f"{low.year:04d}"
    parts = []
    for month in range(low.month, high.month + 1):
        length = calendar.monthrange(low.year, month)[1]
        start = low.day if month == low.month else 1
        stop = high.day if month == high.month else length
        parts.append(f"{literal(f'{year}-{month:02d}-')} {_digit_span(start, stop, 100)}")

    return parts


def _whole_year(february: int) -> str:
    """Months and days of a year whose February has this many days."""
    long_months = '"0" [13578] | "1" [02]'
    short_months = '"0" [469] | "11"'
    return (
        f'({long_months}) "-" {_digit_span(1, 31, 100)} | ({short_months}) "-" {_digit_span(1, 30, 100)}'
        f' | "02-" {_digit_span(1, february, 100)}'
    )


def _year_set(years: Sequence[int]) -> str:
    """These years, as centuries with common sets of the last two digits."""
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for year in years:
        ends[f"{year // 10:03d}"].append(str(year % 10))

    decades: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for decade, digits in ends.items():
        decades[decade[:2], "".join(digits)].append(decade[2])

    return " | ".join(f"{literal(century)} [{''.join(tens)}] [{digits}]" for (century, digits), tens in decades.items())


def _moment_range(day: date, low: Sequence[int], high: Sequence[int], sizes: Sequence[int], end: str) -> str:
    return f"{literal(day.isoformat())} ({_clock_range(low, high, sizes, end)})"


def _clock_range(low: Sequence[int], high: Sequence[int], sizes: Sequence[int], end: str) -> str:
    """Times low..high of a day, after a "T"."""
    parts = []
    for hour, minute, second, *fraction in _split_boxes(sizes, low, high):
        after = " ".join(['"."', *fraction] if fraction else []) + (f' "{end}"' if end else "")
        parts.append(f'"T" {hour} ":" {minute} ":" {second} {after}')
    return " | ".join(parts)
