"""Which formats the cells of a column fit, and the few that write all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.tables.spellings.cover import cover, group_cells, merge_forms
from ss_ray.tables.spellings.dates import (
    DATE_FORMATS,
    DAY_FORMATS,
    DIRECTIVE,
    SEPARATORS,
    TIME_FORMATS,
    ZONE,
    has_time,
    iso_strings,
    parse_dates,
    storage_type,
    without_zone,
)

MAX_SHAPES = 200
"""Distinct shapes of strings up to which a column may hold calendar times."""


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
        for key, own in group_cells(formats, fits):
            keys.setdefault(key, []).append(places[own])

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
    return merge_forms(a, b, _add_facts)


def _add_facts(a: TimeFacts, b: TimeFacts) -> TimeFacts:
    bounds = {f: (min(a.bounds[f][0], low), max(a.bounds[f][1], high)) for f, (low, high) in b.bounds.items()}
    return TimeFacts(cells=a.cells + b.cells, bounds=bounds)


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
    base = without_zone(format_)
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
                for separator in SEPARATORS:
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
    literals = (_to_shape(text) for text in DIRECTIVE.split(format_))
    shapes = [_SHAPE_OF.get(directive, "99") for directive in DIRECTIVE.findall(format_)] + [""]
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

    zones = sorted({found.group() for cell in group.to_pylist() if (found := ZONE.search(cell))})
    return [*wanted, *(base + zone for base in with_zone for zone in zones)]
