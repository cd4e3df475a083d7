"""Dates in text files: the known formats, the choice of a format, and both directions.

A format fits only if every value has exactly its shape (leading zeros included) and names a real date, so that
formatting gives back what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks of a second by the unit of a timestamp."""
SECONDS_PER_DAY = 86_400
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%-m/%-d/%Y",
    "%-d/%-m/%Y",
    "%-d.%-m.%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
)
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%H:%M:%S.%3f", "%H:%M:%SZ", "%H:%M:%S.%fZ", "%H:%M:%S.%3fZ")
DATETIME_FORMATS = tuple(
    f"{date}{separator}{time}" for date in DATE_FORMATS[:10] for separator in (" ", "T") for time in _TIMES
)
"""In strptime's terms, with "%-m" for a month without leading zero and "%3f" for milliseconds."""

_SHAPES = {
    "%Y": "[0-9]{4}",
    "%-m": "(?:[1-9]|1[0-2])",
    "%-d": "(?:[1-9]|[12][0-9]|3[01])",
    "%b": "[A-Z][a-z]{2}",
    "%B": "[A-Z][a-z]{2,8}",
    "%f": "[0-9]{6}",
    "%3f": "[0-9]{3}",
    **dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}"),
}
_DIRECTIVE = re.compile("%-?[0-9]?[A-Za-z]")


def date_shape(format_: str) -> str:
    """Regular expression of the strings that a format writes."""
    literals = _DIRECTIVE.split(format_)
    directives = _DIRECTIVE.findall(format_)
    shapes = [_SHAPES[directive] for directive in directives] + [""]
    return "^" + "".join(re.escape(text) + shape for text, shape in zip(literals, shapes, strict=True)) + "$"


_COMPILED = {format_: re.compile(date_shape(format_)) for format_ in (*DATE_FORMATS, *DATETIME_FORMATS)}


def read_dates(values: pa.Array, formats: Iterable[str]) -> dict[str, pd.Series]:
    """(n,) datetimes of the strings for each format that fits all of them; `values` holds no missing ones."""
    if not len(values):
        return {}

    first = values[0].as_py()
    found = {}
    for format_ in formats:
        if _COMPILED[format_].match(first) and pc.all(pc.match_substring_regex(values, date_shape(format_))).as_py():
            dates = parse_dates(values, format_)
            if not dates.isna().any():
                found[format_] = dates

    return found


def parse_dates(values: pa.Array, format_: str) -> pd.Series:
    """(n,) datetimes of strings; NaT where a string is missing or not of the format."""
    series = pd.Series(values.to_pylist(), dtype="str")
    strptime = format_.replace("%-", "%").replace("%3f", "%f")
    return pd.to_datetime(series, format=strptime, errors="coerce").astype("datetime64[us]")


def format_dates(dates: pd.Series, format_: str) -> pd.Series:
    """(n,) strings; "%3f" cuts digits below a millisecond."""
    if "%3f" not in format_:
        return dates.dt.strftime(format_)
    end = len("Z" if format_.endswith("Z") else "")
    text = dates.dt.strftime(format_.removesuffix("Z").replace("%3f", "%f"))
    return text.str.slice(stop=-3) + "Z" * end


def iso_strings(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """ISO 8601 of dates or timestamps, all of one width; in UTC with a "Z" if the type has a zone."""
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return pc.replace_substring(array.cast(pa.string()), " ", "T")
