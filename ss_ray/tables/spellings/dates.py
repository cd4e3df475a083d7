"""Calendar times in text: dates, times with and without a zone, months, quarters and weeks, read and written exactly.

A format is written in strptime's terms, with these besides: "%-d" has no zero in front, "%^b" is "JUN", "%~b" is "jun",
"%~p" is "am", "%3f" and "%9f" are milliseconds and nanoseconds, "%q" is the quarter. What stands at the end for a zone
("Z", " UTC", "+02:00") is part of the format. A cell fits a format only if the format writes the same cell again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.tables.spellings.cover import cover

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
TIME_FORMATS = (
    "%H:%M:%S",
    "%H:%M",
    "%H:%M:%S.%f",
    "%H:%M:%S.%3f",
    "%H:%M:%S.%9f",
    "%H:%M:%S,%3f",
    "%-H:%M",
    "%-H:%M:%S",
    *(
        f"{hour}:{rest}{space}{half}"
        for half in ("%p", "%~p")
        for hour in ("%I", "%-I")
        for rest in ("%M", "%M:%S")
        for space in (" ", "")
    ),
    "%H%M%S",
    "%H.%M",
    "%H.%M.%S",
)
_SEPARATORS = (" ", "T", ", ", "_", "", " at ", "-", ":")
DATE_FORMATS = (*DAY_FORMATS, *PERIOD_FORMATS)
_COMPACT = ("%Y%m%d", "%d%m%Y", "%Y%m", "%H%M%S")
"""Formats of digits alone: the year decides whether a number is meant."""
COMPACT_YEARS = (1900, 2099)
_ZONE = re.compile(r"(Z|( ?)UTC| ?GMT|( ?)[+-][0-9]{2}:?[0-9]{2})$")
_UTC = re.compile(r"^ ?(Z|UTC|GMT|[+-]00:?00)$")
MAX_SHAPES = 200
"""Distinct shapes of strings up to which a column may hold calendar times."""

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
_DIRECTIVE = re.compile("%[-^~]?[0-9]?[A-Za-z]")
_SECONDS = {"%H": 3600, "%-H": 3600, "%I": 3600, "%-I": 3600, "%M": 60, "%S": 1}


# Formats.


def is_date_format(text: str) -> bool:
    """Whether a text is a format of calendar times that this module knows.

    Example:
        >>> is_date_format("%d.%m.%Y %H:%M"), is_date_format("%d of %m")
        (True, False)
    """
    base = _without_zone(text)
    return base in _all_formats()


@lru_cache(maxsize=1)
def _all_formats() -> frozenset[str]:
    joined = (f"{day}{separator}{time}" for day in DAY_FORMATS for separator in _SEPARATORS for time in TIME_FORMATS)
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
    return bool(_UTC.match(format_[len(_without_zone(format_)) :]))


def storage_type(formats: Sequence[str]) -> pa.DataType:
    """The Arrow type of calendar times that are spelled in these formats."""
    if not any(has_time(format_) for format_ in formats):
        return pa.date32()
    unit = "ns" if any("%9f" in format_ for format_ in formats) else "us"
    return pa.timestamp(unit, "UTC" if all(is_utc(format_) for format_ in formats) else None)


def date_shape(format_: str) -> str:
    """Regular expression of the strings that a format writes."""
    literals = _DIRECTIVE.split(format_)
    shapes = [_SHAPES[directive] for directive in _DIRECTIVE.findall(format_)] + [""]
    return "^" + "".join(re.escape(text) + shape for text, shape in zip(literals, shapes, strict=True)) + "$"


def _without_zone(format_: str) -> str:
    found = _ZONE.search(format_)
    # "%Z" is no directive here, and "%-d-%m" no offset.
    return format_[: found.start()] if found else format_


# Reading.


@dataclass(frozen=True, kw_only=True)
class TimeFacts:
    """Facts of cells that fit the same formats.

    Attributes:
        cells: Number of cells.
        bounds: By format the earliest and the latest time, in ISO 8601.
    """

    cells: int
    bounds: dict[str, tuple[str, str]]


TimeForms = dict[tuple[str, ...], TimeFacts]


def read_times(cells: pa.Array, counts: npt.NDArray[np.int64]) -> tuple[TimeForms, npt.NDArray[np.bool_]]:
    """Facts of cells by the formats that they fit, and (cells,) which cells fit none.

    Args:
        cells: (cells,) distinct strings without surrounding space, none missing.
        counts: (cells,) occurrences of each.

    Example:
        >>> forms, unread = read_times(pa.array(["2024-05-01", "n/a"]), np.array([3, 1]))
        >>> {key: facts.cells for key, facts in forms.items()}, unread.tolist()
        ({('%Y-%m-%d',): 3}, [False, True])
    """
    unread = np.ones(len(cells), bool)
    shapes = _shapes_of(cells)
    if shapes is None:
        return {}, unread

    keys: dict[tuple[str, ...], list[npt.NDArray[np.int64]]] = {}
    parsed: dict[str, npt.NDArray[np.datetime64]] = {}
    for shape, places in shapes.items():
        group = cells.take(pa.array(places))
        fits = np.zeros((len(places), 0), bool)
        formats = []
        for format_ in _formats_of(shape, group):
            dates = parse_dates(group, format_)
            is_fit = ~np.isnat(dates)
            if is_fit.any():
                formats.append(format_)
                fits = np.c_[fits, is_fit]
                parsed.setdefault(format_, np.full(len(cells), np.datetime64("NaT"), dates.dtype))[places] = dates

        unread[places] = ~fits.any(axis=1)
        for pattern in np.unique(fits, axis=0) if formats else ():
            if pattern.any():
                key = tuple(format_ for format_, is_fit in zip(formats, pattern, strict=True) if is_fit)
                keys.setdefault(key, []).append(places[(fits == pattern).all(axis=1)])

    return {key: _time_facts(key, np.concatenate(places), counts, parsed) for key, places in keys.items()}, unread


def _time_facts(
    key: tuple[str, ...],
    places: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    parsed: Mapping[str, npt.NDArray[np.datetime64]],
) -> TimeFacts:
    bounds = {}
    for format_ in key:
        dates = parsed[format_][places]
        ends = pa.array(np.array([dates.min(), dates.max()])).cast(storage_type([format_]), safe=False)
        low, high = iso_strings(ends).to_pylist()
        bounds[format_] = (low, high)
    return TimeFacts(cells=int(counts[places].sum()), bounds=bounds)


def merge_time_forms(a: TimeForms, b: TimeForms) -> TimeForms:
    """Facts of the cells of two blocks together."""
    merged = dict(a)
    for key, facts in b.items():
        if key in merged:
            own = merged[key]
            bounds = {
                f: (min(own.bounds[f][0], low), max(own.bounds[f][1], high)) for f, (low, high) in facts.bounds.items()
            }
            facts = TimeFacts(cells=own.cells + facts.cells, bounds=bounds)
        merged[key] = facts

    return merged


def settle_times(forms: TimeForms) -> tuple[tuple[str, TimeFacts], ...]:
    """Formats that read all these cells, each with the facts of its cells, the most frequent first.

    Day-first and month-first dates are told apart by the cells that fit one of them alone.

    Example:
        >>> facts = TimeFacts(cells=5, bounds={"%d/%m/%Y": ("2024-01-02", "2024-12-05")})
        >>> both = {**facts.bounds, "%m/%d/%Y": ("2024-02-01", "2024-05-12")}
        >>> forms = {("%m/%d/%Y", "%d/%m/%Y"): TimeFacts(cells=9, bounds=both), ("%d/%m/%Y",): facts}
        >>> [(format_, facts.cells) for format_, facts in settle_times(forms)]
        [('%d/%m/%Y', 14)]
    """
    found = []
    for format_, keys in cover({key: facts.cells for key, facts in forms.items()}, _rank_of):
        lows, highs = zip(*(forms[key].bounds[format_] for key in keys), strict=True)
        cells = sum(forms[key].cells for key in keys)
        found.append((format_, TimeFacts(cells=cells, bounds={format_: (min(lows), max(highs))})))

    return tuple(found)


def is_ambiguous(forms: TimeForms) -> bool:
    """Whether every cell fits two formats with another order of day and month."""
    common = set.intersection(*(set(key) for key in forms)) if forms else set()
    return len({_date_order(format_) for format_ in common}) > 1


def _date_order(format_: str) -> str:
    return "".join(letter for letter in re.sub("[^dmYy]", "", format_))


@lru_cache(maxsize=4096)
def _rank_of(format_: str) -> int:
    """Place among the formats, so that the choice among equals does not depend on the rows."""
    base = _without_zone(format_)
    return next((i for i, known in enumerate(DATE_FORMATS) if base.startswith(known)), len(DATE_FORMATS))


def _shapes_of(cells: pa.Array) -> dict[str, npt.NDArray[np.int64]] | None:
    """Places of the cells by shape: digits as 9, letters as a or A; None for too many shapes."""
    if not len(cells):
        return None

    encoded = _to_shapes(cells).dictionary_encode()
    if len(encoded.dictionary) > MAX_SHAPES:
        return None

    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    shapes = encoded.dictionary.to_pylist()
    return {shapes[codes[part[0]]]: part.astype(np.int64) for part in parts}


def _to_shapes(cells: pa.Array) -> pa.Array:
    for pattern, sign in (("[0-9]", "9"), ("[a-z]", "a"), ("[A-Z]", "A")):
        cells = pc.replace_substring_regex(cells, pattern, sign)
    return cells


@lru_cache(maxsize=4096)
def _split_shape(shape: str) -> tuple[str, ...]:
    """Formats whose strings may have this shape, without a zone."""
    base = shape[: len(shape) - len(zone.group())] if (zone := _SHAPE_ZONE.search(shape)) else shape
    found = [format_ for format_ in DATE_FORMATS if _shape_pattern(format_).fullmatch(shape)]
    for text in dict.fromkeys((shape, base)):
        for day in DAY_FORMATS:
            for match in _prefix_lengths(day, text):
                rest = text[match:]
                for separator in _SEPARATORS:
                    start = separator.replace("T", "A").replace("at", "aa")
                    if rest.startswith(start):
                        tail = rest[len(start) :]
                        found += [
                            f"{day}{separator}{time}" for time in TIME_FORMATS if _shape_pattern(time).fullmatch(tail)
                        ]

    return tuple(dict.fromkeys(found))


_SHAPE_ZONE = re.compile(r"( ?[+-]99:?99| ?AAA|A)$")


def _prefix_lengths(format_: str, text: str) -> tuple[int, ...]:
    """Lengths of the beginnings of a shape that a format may have written."""
    pattern = _shape_pattern(format_)
    return tuple(end for end in range(4, min(len(text), 30)) if pattern.fullmatch(text, 0, end))


@lru_cache(maxsize=2048)
def _shape_pattern(format_: str) -> re.Pattern[str]:
    """The format as a pattern of shapes."""
    literals = (_to_shape(text) for text in _DIRECTIVE.split(format_))
    shapes = [_SHAPE_OF.get(directive, "99") for directive in _DIRECTIVE.findall(format_)] + [""]
    return re.compile("".join(re.escape(text) + shape for text, shape in zip(literals, shapes, strict=True)))


def _to_shape(text: str) -> str:
    return re.sub("[A-Z]", "A", re.sub("[a-z]", "a", re.sub("[0-9]", "9", text)))


_SHAPE_OF = {
    "%Y": "9999",
    "%G": "9999",
    "%b": "Aaa",
    "%^b": "AAA",
    "%~b": "aaa",
    "%B": "Aa{2,8}",
    "%a": "Aaa",
    "%p": "AA",
    "%~p": "aa",
    "%f": "9{6}",
    "%3f": "9{3}",
    "%9f": "9{9}",
    "%q": "9",
    "%u": "9",
    "%j": "9{3}",
    **dict.fromkeys(("%-m", "%-d", "%-H", "%-I"), "99?"),
}


def _formats_of(shape: str, group: pa.Array) -> list[str]:
    """Formats of the shape, each with every zone that the cells have."""
    bases = _split_shape(shape)
    if not bases:
        return []

    wanted = [base for base in bases if _shape_pattern(base).fullmatch(shape)]
    with_zone = [base for base in bases if has_time(base) and base not in wanted]
    if not with_zone:
        return wanted

    zones = sorted({found.group() for cell in group.to_pylist() if (found := _ZONE.search(cell))})
    return [*wanted, *(base + zone for base in with_zone for zone in zones)]


def parse_dates(values: pa.Array, format_: str) -> npt.NDArray[np.datetime64]:
    """(cells,) local times; NaT where a cell is not of the format."""
    unit = "datetime64[ns]" if "%9f" in format_ else "datetime64[us]"
    matched = np.asarray(pc.fill_null(pc.match_substring_regex(values, date_shape(format_)), False))
    if not matched.any():
        return np.full(len(values), np.datetime64("NaT"), unit)

    base = _without_zone(format_)
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
    parts = [_spell_directive(series, directive) for directive in _DIRECTIVE.findall(format_)]
    literals = _DIRECTIVE.split(format_)
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
