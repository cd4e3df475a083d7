"""Dates moved by days that depend on the person, so that intervals and order within a person stay."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.pii.stand_ins.written_dates import read_date

MAX_SHIFT_DAYS = 365
DAYS_PER_WEEK = 7

_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y", "%d.%m.%Y",
    "%m-%d-%Y", "%d/%m/%Y", "%m/%d/%y", "%d.%m.%y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y",
    "%d-%b-%Y", "%B %Y", "%b %Y", "%Y%m%d", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M",
)  # fmt: skip
_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
YEARS = (1901, 2200)
FIRST_DAY = date(1970, 1, 1)
_UNPADDED = re.compile(r"(?<!\d)[1-9](?!\d)")


def shift_days(key: bytes, person: str, max_days: int = MAX_SHIFT_DAYS) -> int:
    """Days in [-max_days, max_days] without 0 by which the dates of a person move; "" is everybody.

    From a week on they are whole weeks, so that a Monday stays a Monday.
    """
    unit = DAYS_PER_WEEK if max_days >= DAYS_PER_WEEK else 1
    most = max_days // unit
    drawn = Stream(key, "date shift", person).below(2 * most)
    if drawn < most:
        return unit * (drawn - most)
    return unit * (drawn - most + 1)


def shifted_date(text: str, days: int) -> str | None:
    """A written date or year moved by days, in its format; None where it is none that we read, or a placeholder.

    Months come before days where both readings are possible. A placeholder (1900-01-01, 9999-12-31) belongs to nobody:
    moved, it would tell by how much.
    """
    text = text.strip()
    if _YEAR.fullmatch(text):
        # From the middle of the year, moves either way change it equally often.
        return str((datetime(int(text), 7, 1) + timedelta(days=days)).year)

    for format_ in _FORMATS:
        parsed = _parse_date(text, format_)
        if parsed is not None:
            # A placeholder (1900-01-01, 9999-12-31) belongs to nobody; moved, it would reveal the number of days.
            if is_placeholder(parsed):
                return None
            written = (parsed + timedelta(days=days)).strftime(format_)
            # strftime pads months and days; the original does not.
            if _UNPADDED.search(text):
                return re.sub(r"\b0(?=\d)", "", written)
            return written

    written_date = read_date(text)
    if written_date is None or is_placeholder(datetime.combine(written_date.day, datetime.min.time())):
        return None
    return written_date.write(written_date.day + timedelta(days=days))


def is_placeholder(day: date) -> bool:
    """Whether a date stands for a missing value: outside the years of living people, or the first day of a calendar."""
    return not YEARS[0] <= day.year <= YEARS[1] or (day.year, day.month, day.day) == FIRST_DAY.timetuple()[:3]


def spellings(text: str) -> frozenset[str]:
    """The ways to write a date, with and without leading zeros; only itself where it is none that we read."""
    parsed = next((day for format_ in _FORMATS if (day := _parse_date(text.strip(), format_)) is not None), None)
    if parsed is None:
        return frozenset({text})
    written = {parsed.strftime(format_) for format_ in _FORMATS if "%H" not in format_ and "%d" in format_}
    return frozenset({text, *written, *(re.sub(r"\b0(?=\d)", "", way) for way in written)})


def generalised_date(text: str) -> str | None:
    """The year of a written date; None where it is none that we read."""
    text = text.strip()
    return next((str(parsed.year) for format_ in _FORMATS if (parsed := _parse_date(text, format_)) is not None), None)


def _parse_date(text: str, format_: str) -> datetime | None:
    # Of "850312" strptime would read the year 8503.
    if format_ == "%Y%m%d" and len(text) != 8:
        return None

    try:
        return datetime.strptime(text, format_)
    except ValueError:
        return None
