"""Calendar times in text: dates, times with and without a zone, months, quarters and weeks, read and written exactly.

A format is written in strptime's terms, with these besides: "%-d" has no zero in front, "%^b" is "JUN", "%~b" is "jun",
"%~p" is "am", "%3f" and "%9f" are milliseconds and nanoseconds, "%q" is the quarter. What stands at the end for a zone
("Z", " UTC", "+02:00") is part of the format. A cell fits a format only if the format writes the same cell again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks of a second by the unit of a timestamp."""
SECONDS_PER_DAY = 86_400

Period = Literal["day", "week", "month", "quarter"]
DAYS_OF_PERIOD: dict[Period, float] = {"day": 1, "week": 7, "month": 365.25 / 12, "quarter": 365.25 / 4}
"""Mean length in days."""

DAY_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%-m/%-d/%Y",
    "%-d/%-m/%Y",
    "%-d.%-m.%Y",
    "%-d-%-m-%Y",
    "%-m-%-d-%Y",
    "%Y-%-m-%-d",
    "%Y/%-m/%-d",
    "%d.%m.%y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%m-%d-%y",
    "%d-%m-%y",
    "%y-%m-%d",
    "%-m/%-d/%y",
    "%-d/%-m/%y",
    "%-d.%-m.%y",
    *(
        pattern.replace("%b", month)
        for month in ("%b", "%^b", "%~b", "%B")
        for pattern in (
            "%d %b %Y",
            "%-d %b %Y",
            "%d-%b-%Y",
            "%-d-%b-%Y",
            "%d-%b-%y",
            "%d %b %y",
            "%d%b%Y",
            "%d%b%y",
            "%d/%b/%Y",
            "%b %d, %Y",
            "%b %-d, %Y",
            "%b %d %Y",
            "%b %-d %Y",
            "%a %d %b %Y",
            "%a, %d %b %Y",
            "%a, %b %d, %Y",
            "%a %b %d %Y",
            "%Y-%b-%d",
            "%-d. %b %Y",
            "%d. %b %Y",
        )
    ),
    "%Y%m%d",
    "%d%m%Y",
    "%Y-%j",
    "%G-W%V-%u",
)
PERIOD_FORMATS: dict[str, Period] = {
    "%Y-%m": "month",
    "%Y/%m": "month",
    "%m/%Y": "month",
    "%m-%Y": "month",
    "%m.%Y": "month",
    "%YM%m": "month",
    "%Y%m": "month",
    **{
        pattern.replace("%b", month): "month"
        for month in ("%b", "%^b", "%~b", "%B")
        for pattern in ("%b %Y", "%b-%Y", "%b-%y", "%b %y", "%b. %Y", "%Y %b", "%Y-%b", "%b/%Y", "%b%Y", "%b%y")
    },
    "%YQ%q": "quarter",
    "%Y-Q%q": "quarter",
    "%Y Q%q": "quarter",
    "%Y/Q%q": "quarter",
    "Q%q %Y": "quarter",
    "Q%q-%Y": "quarter",
    "Q%q/%Y": "quarter",
    "%G-W%V": "week",
    "%GW%V": "week",
    "%G W%V": "week",
    "W%V %G": "week",
    "W%V-%G": "week",
}
"""Formats that name a month, a quarter or a week; such a time is stored as its first day."""
TWELVE_HOUR_FORMATS = tuple(
    f"{hour}:{rest}{space}{half}"
    for half in ("%p", "%~p")
    for hour in ("%I", "%-I")
    for rest in ("%M", "%M:%S")
    for space in (" ", "")
)
TIME_FORMATS = (
    "%H:%M:%S",
    "%H:%M",
    "%H:%M:%S.%f",
    "%H:%M:%S.%3f",
    "%H:%M:%S.%9f",
    "%H:%M:%S,%3f",
    "%-H:%M",
    "%-H:%M:%S",
    *TWELVE_HOUR_FORMATS,
    "%H%M%S",
    "%H.%M",
    "%H.%M.%S",
)
SEPARATORS = (" ", "T", ", ", "_", "", " at ", "-", ":")
DATE_FORMATS = (*DAY_FORMATS, *PERIOD_FORMATS)
_COMPACT = ("%Y%m%d", "%d%m%Y", "%Y%m", "%H%M%S")
"""Formats of digits alone: the year decides whether a number is meant."""
COMPACT_YEARS = (1900, 2099)
ZONE = re.compile(r"(Z|( ?)UTC| ?GMT|( ?)[+-][0-9]{2}:?[0-9]{2})$")
_UTC = re.compile(r"^ ?(Z|UTC|GMT|[+-]00:?00)$")

_SHAPES = {
    "%Y": "[0-9]{4}",
    "%G": "[0-9]{4}",
    "%-m": "(?:[1-9]|1[0-2])",
    "%-d": "(?:[1-9]|[12][0-9]|3[01])",
    "%-H": "(?:[0-9]|1[0-9]|2[0-3])",
    "%-I": "(?:[1-9]|1[0-2])",
    "%b": "[A-Z][a-z]{2}",
    "%^b": "[A-Z]{3}",
    "%~b": "[a-z]{3}",
    "%B": "[A-Z][a-z]{2,8}",
    "%a": "[A-Z][a-z]{2}",
    "%p": "[AP]M",
    "%~p": "[ap]m",
    "%f": "[0-9]{6}",
    "%3f": "[0-9]{3}",
    "%9f": "[0-9]{9}",
    "%q": "[1-4]",
    "%u": "[1-7]",
    "%j": "[0-9]{3}",
    **dict.fromkeys(("%m", "%d", "%y", "%H", "%I", "%M", "%S", "%V"), "[0-9]{2}"),
}
DIRECTIVE = re.compile("%[-^~]?[0-9]?[A-Za-z]")


# Formats.


def is_date_format(text: str) -> bool:
    """Whether a text is a format of calendar times that this module knows.

    Example:
        >>> is_date_format("%d.%m.%Y %H:%M"), is_date_format("%d of %m")
        (True, False)
    """
    base = without_zone(text)
    return base in _all_formats()


@lru_cache(maxsize=1)
def _all_formats() -> frozenset[str]:
    joined = (f"{day}{separator}{time}" for day in DAY_FORMATS for separator in SEPARATORS for time in TIME_FORMATS)
    return frozenset((*DATE_FORMATS, *joined))


def has_time(format_: str) -> bool:
    """Whether a format names a time of day."""
    return any(directive in format_ for directive in ("%H", "%-H", "%I", "%-I"))


def period_of(format_: str | None) -> Period:
    """The period that a format names.

    Example:
        >>> period_of("%Y-%m"), period_of("%d.%m.%Y")
        ('month', 'day')
    """
    return PERIOD_FORMATS.get(format_ or "", "day")


def is_utc(format_: str) -> bool:
    """Whether a format ends in a zone that is UTC."""
    return bool(_UTC.match(format_[len(without_zone(format_)) :]))


def storage_type(formats: Sequence[str]) -> pa.DataType:
    """The Arrow type of calendar times that are spelled in these formats."""
    if not any(has_time(format_) for format_ in formats):
        return pa.date32()
    unit = "ns" if any("%9f" in format_ for format_ in formats) else "us"
    return pa.timestamp(unit, "UTC" if all(is_utc(format_) for format_ in formats) else None)


def date_shape(format_: str) -> str:
    """Regular expression of the strings that a format writes."""
    literals = DIRECTIVE.split(format_)
    shapes = [_SHAPES[directive] for directive in DIRECTIVE.findall(format_)] + [""]
    return "^" + "".join(re.escape(text) + shape for text, shape in zip(literals, shapes, strict=True)) + "$"


def without_zone(format_: str) -> str:
    """The format without what stands at its end for a zone."""
    found = ZONE.search(format_)
    # "%Z" is no directive here, and "%-d-%m" no offset.
    return format_[: found.start()] if found else format_


# Reading.


def parse_dates(values: pa.Array, format_: str) -> npt.NDArray[np.datetime64]:
    """(cells,) local times; NaT where a cell is not of the format."""
    unit = "datetime64[ns]" if "%9f" in format_ else "datetime64[us]"
    matched = np.asarray(pc.fill_null(pc.match_substring_regex(values, date_shape(format_)), False))
    if not matched.any():
        return np.full(len(values), np.datetime64("NaT"), unit)

    base = without_zone(format_)
    texts = pd.Series(values.to_pylist(), dtype="object").where(matched, None)
    if len(base) < len(format_):
        texts = texts.str.slice(stop=-(len(format_) - len(base)))

    if "%q" in base:
        texts, base = _quarters_as_months(texts, base)
    if "%V" in base and "%u" not in base:
        texts, base = texts + " 1", base + " %u"

    strptime = re.sub("%[-^~]([A-Za-z])", r"%\1", base).replace("%3f", "%f").replace("%9f", "%f")
    dates = pd.to_datetime(texts, format=strptime, errors="coerce")
    found = dates.to_numpy().astype(unit)
    if any(compact in format_ for compact in _COMPACT):
        years = found.astype("datetime64[Y]").astype(float) + 1970
        found[~((years >= COMPACT_YEARS[0]) & (years <= COMPACT_YEARS[1]))] = np.datetime64("NaT")

    return found


def _quarters_as_months(texts: pd.Series, format_: str) -> tuple[pd.Series, str]:
    """Texts with the first month in place of the quarter, "1964-01" for "1964Q1"."""
    place = re.compile(date_shape(format_).replace("[1-4]", "([1-4])").replace("[0-9]{4}", "([0-9]{4})"))
    order = (1, 2) if format_.index("%Y") < format_.index("%q") else (2, 1)

    def month_of(text: str | None) -> str | None:
        found = place.match(text) if text else None
        return f"{found.group(order[0])}-{3 * int(found.group(order[1])) - 2:02d}" if found else None

    return texts.map(month_of), "%Y-%m"


# Writing.


def format_dates(dates: npt.NDArray[np.datetime64], format_: str) -> list[Any]:
    """(cells,) spellings of times; NaT gives None."""
    series = pd.Series(dates)
    parts = [_spell_directive(series, directive) for directive in DIRECTIVE.findall(format_)]
    literals = DIRECTIVE.split(format_)
    text = pd.Series(literals[0], index=series.index, dtype="object")
    for part, literal in zip(parts, literals[1:], strict=True):
        text = text + part + literal

    return text.where(series.notna(), None).tolist()


def _spell_directive(dates: pd.Series, directive: str) -> pd.Series:
    if directive == "%q":
        return dates.dt.quarter.map(lambda quarter: "" if pd.isna(quarter) else str(int(quarter)))
    if directive in ("%3f", "%9f"):
        ticks = dates.to_numpy().astype("datetime64[ns]").astype(np.int64) % 10**9
        digits = int(directive[1])
        return pd.Series([f"{tick:09d}"[:digits] for tick in ticks.tolist()], index=dates.index, dtype="object")
    if directive == "%Y":
        return dates.dt.year.map(lambda year: "" if pd.isna(year) else f"{int(year):04d}")

    plain = dates.dt.strftime("%" + directive[-1]).fillna("")
    match directive[1]:
        case "-":
            return plain.str.replace(r"^0(?=.)", "", regex=True)
        case "^":
            return plain.str.upper()
        case "~":
            return plain.str.lower()
    return plain


def iso_strings(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """ISO 8601 of dates or timestamps, all of one width; in UTC with a "Z" if the type has a zone."""
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return pc.replace_substring(array.cast(pa.string()), " ", "T")
