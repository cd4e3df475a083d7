"""What the strings of a column can be read as: numbers, calendar times, clock times and durations.

    readings = column_readings(cells, counts)          # of each block
    readings = merge_readings(readings, others)        # all blocks together, in any order
    found = best_spelling(readings, present)           # kind, formats, codes; None: the column is text

A few cells that cannot be read ("n.d.", "<5", "0000-00-00") do not change what a column is: they are its codes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.schema import DATED_KINDS, Kind
from ss_ray.tables.spellings.cover import merge_forms
from ss_ray.tables.spellings.date_forms import (
    TimeFacts,
    TimeForms,
    is_ambiguous,
    merge_time_forms,
    read_times,
    settle_times,
)
from ss_ray.tables.spellings.dates import SECONDS_PER_DAY, has_time, iso_strings, storage_type
from ss_ray.tables.spellings.durations import (
    DurationForms,
    is_clock_format,
    merge_durations,
    read_durations,
    settle_durations,
    ticks_per_second,
)
from ss_ray.tables.spellings.number_cells import MAX_DIGITS, NumberCells, NumberForm, read_numbers
from ss_ray.tables.spellings.number_forms import FormFacts, merge_form_facts, settle_formats
from ss_ray.tables.spellings.numbers import NumberFormat

MAX_CODES = 20
"""Distinct cells that cannot be read, up to which they are codes."""
MAX_UNREAD = 2 * MAX_CODES
MAX_FORMATS = 4
FIRST_CELLS = 200
"""Cells that are looked at before all are read."""
MIN_READ_VALUES = 4
"""Distinct cells that must be read beside codes; below it, the column is one of categories."""
MIN_READ_SHARE = 0.2
CODE_DIGITS = 7
"""Digits from which numbers of one length in groups are phone numbers or accounts."""

_PADDED = re.compile(r"(?:^|[^0-9.,:])0[0-9]")

Family = Literal["point", "comma", "times", "durations"]
FAMILIES: tuple[Family, ...] = ("point", "comma", "times", "durations")
"""Numbers with a decimal point, numbers with a decimal comma, calendar times, and clock times or durations."""
NUMBERS: tuple[Family, ...] = ("point", "comma")


@dataclass(frozen=True, kw_only=True)
class CellReading:
    """Cells under one way of reading.

    Attributes:
        forms: Facts of the cells that can be read, by what their spelling tells of the format.
        unread: Occurrences of each cell that cannot be read.
    """

    forms: dict[Any, Any] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Cells that can be read."""
        return sum(facts.cells for facts in self.forms.values())


Readings = Mapping[Family, CellReading | None]
"""None: too many cells cannot be read."""


def column_readings(cells: pa.Array, counts: npt.NDArray[np.int64]) -> dict[Family, CellReading | None]:
    """Readings of the distinct cells of a block.

    Args:
        cells: (cells,) distinct strings without surrounding space, none missing.
        counts: (cells,) occurrences of each.
    """
    found: dict[Family, CellReading | None] = {}
    for family in FAMILIES:
        first = _read_cells(family, cells[:FIRST_CELLS], counts[:FIRST_CELLS])
        # Most columns of text show in a few cells that they are no numbers.
        found[family] = _read_cells(family, cells, counts) if first is not None and len(cells) > FIRST_CELLS else first

    return found


def _read_cells(family: Family, cells: pa.Array, counts: npt.NDArray[np.int64]) -> CellReading | None:
    forms: dict[Any, Any]
    if family == "times":
        forms, unread = read_times(cells, counts)
    elif family == "durations":
        forms, unread = read_durations(cells, counts)
    else:
        numbers = read_numbers(cells, "." if family == "point" else ",")
        forms, unread = _number_forms(numbers, counts), numbers.form < 0

    places = np.flatnonzero(unread)
    if len(places) > MAX_UNREAD:
        return None

    words = cells.take(pa.array(places)).to_pylist()
    return CellReading(
        forms=forms,
        unread=dict(_add_up(words, counts[places].tolist())),
    )


def _add_up(words: Sequence[str], counts: Sequence[int]) -> Counter[str]:
    """Occurrences by word; words that differed in the space around them are one."""
    total = Counter[str]()
    for word, count in zip(words, counts, strict=True):
        total[word] += count
    return total


def _number_forms(numbers: NumberCells, counts: npt.NDArray[np.int64]) -> dict[NumberForm, FormFacts]:
    found = {}
    for index, form in enumerate(numbers.forms):
        places = np.flatnonzero(numbers.form == index)
        if len(places):
            ends = _exact_ends(numbers, places)
            found[form] = FormFacts(
                cells=int(counts[places].sum()),
                low=min(ends),
                high=max(ends),
                least=int(numbers.decimals[places].min()),
                most=int(numbers.decimals[places].max()),
                needed=int(numbers.needed[places].max()),
            )

    return found


def _exact_ends(numbers: NumberCells, places: npt.NDArray[np.int64]) -> list[int | float]:
    """The smallest and the largest of some numbers, whole ones as integers: a float rounds those of many digits."""
    is_whole = numbers.is_whole[places]
    parts = (numbers.whole[places[is_whole]], numbers.values[places[~is_whole]])
    return [end.item() for part in parts if len(part) for end in (part.min(), part.max())]


def merge_readings(a: Readings, b: Readings) -> dict[Family, CellReading | None]:
    """Readings of two blocks together."""
    return {family: _merge_reading(family, a[family], b[family]) for family in FAMILIES}


def _merge_reading(family: Family, a: CellReading | None, b: CellReading | None) -> CellReading | None:
    if a is None or b is None:
        return None

    unread = dict(Counter(a.unread) + Counter(b.unread))
    if len(unread) > MAX_UNREAD:
        return None

    merge: Callable[[Any, Any], Any]
    if family == "times":
        merge = merge_time_forms
    elif family == "durations":
        merge = merge_durations
    else:
        merge = partial(merge_forms, add=merge_form_facts)

    return CellReading(forms=merge(a.forms, b.forms), unread=unread)


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """What a column of strings is, and how its cells are written.

    Attributes:
        kind: Kind of the values.
        formats: Formats of the cells, the most frequent first.
        cells: Cells of each format.
        codes: Occurrences of each cell that is no such value.
        low: Smallest value as in a schema: a number, ticks, or a time in ISO 8601.
        high: Largest value, likewise.
        decimals: Numbers only: digits after the mark that the values need; None for more than a float holds.
        is_ambiguous: Whether all cells fit another order of day and month as well.
    """

    kind: Kind
    formats: tuple[str, ...]
    cells: tuple[int, ...]
    codes: dict[str, int]
    low: int | float | str
    high: int | float | str
    decimals: int | None = None
    is_ambiguous: bool = False


def best_spelling(readings: Readings, distinct: float, decimal: str | None = None) -> Spelling | None:
    """The spelling that reads most cells of a column; None where too few can be read.

    Args:
        readings: Readings of all cells that are not missing.
        distinct: Number of distinct cells.
        decimal: Decimal mark of the file, where it is known.
    """
    usable = [family for family in FAMILIES if _is_usable(readings[family], family, distinct)]
    if not usable:
        return None

    family = max(usable, key=lambda name: (_count_read(readings, name), _rank_of(readings, name, decimal)))
    return spelling_of(readings, family)


def _is_usable(reading: CellReading | None, family: Family, distinct: float) -> bool:
    """Whether enough cells can be read for the rest to be codes."""
    if reading is None or not reading.forms:
        return False
    if not reading.unread:
        return True
    # Digits with a zero in front are those of codes, and so are the digits without.
    if family in NUMBERS and any(_PADDED.search(word) for word in reading.unread):
        return False

    num_codes = len(reading.unread)
    total = reading.cells + sum(reading.unread.values())
    return (
        num_codes <= MAX_CODES
        and distinct - num_codes >= max(MIN_READ_VALUES, 2 * num_codes)
        and reading.cells >= MIN_READ_SHARE * total
    )


def _count_read(readings: Readings, family: Family) -> int:
    reading = readings[family]
    return reading.cells if reading else 0


def _rank_of(readings: Readings, family: Family, decimal: str | None) -> int:
    """Rank of a family among those that read equally many cells."""
    if family == "times":
        # Digits alone that are dates in all cells, "20240501", are dates.
        return 4
    if family == "durations":
        return 3
    if decimal is not None:
        return 2 if (family == "comma") == (decimal == ",") else 1
    if family == "comma":
        return 1

    return 0 if _is_grouped_unevenly(readings[family]) else 2


def _is_grouped_unevenly(reading: CellReading | None) -> bool:
    """Whether groups of three are marked in some large numbers only: the mark is then that of decimals."""
    groups = {form.group for form in reading.forms} if reading else set()
    return "no" in groups and len(groups - {"", "no"}) > 0


def spelling_of(readings: Readings, family: Family) -> Spelling | None:
    """The spelling of one family; None where it reads no cell, or needs too many formats."""
    reading = readings[family]
    if reading is None or not reading.forms:
        return None
    if family == "times":
        return _time_spelling(reading)
    if family == "durations":
        return _duration_spelling(reading)
    return _number_spelling(reading, "." if family == "point" else ",")


def declared_spelling(readings: Readings, kind: Kind, format_: str | None) -> Spelling | None:
    """The spelling of a column whose kind is declared; None unless it reads all cells.

    Args:
        readings: Readings of all cells that are not missing.
        kind: Kind of a number or a time.
        format_: The one format of all cells, if it is declared.
    """
    families: tuple[Family, ...] = ("point", "comma")
    if kind in DATED_KINDS:
        families = ("times",)
    elif kind in (Kind.TIME, Kind.DURATION):
        families = ("durations",)

    for family in families:
        reading = readings[family]
        if reading is None or reading.unread:
            continue
        if format_ is not None and family in ("times", "durations"):
            if not all(format_ in key for key in reading.forms):
                continue
            reading = replace(reading, forms={(format_,): _only_format(reading.forms, family, format_)})

        spelling = spelling_of({**readings, family: reading}, family)
        if spelling is None:
            continue
        if kind is Kind.FLOAT and spelling.kind is Kind.INTEGER:
            return replace(spelling, kind=kind, low=float(spelling.low), high=float(spelling.high), decimals=0)
        if spelling.kind is kind or {spelling.kind, kind} == {Kind.TIME, Kind.DURATION}:
            return replace(spelling, kind=kind, is_ambiguous=False)

    return None


def _only_format(forms: dict[Any, Any], family: Family, format_: str) -> Any:
    """Facts of all cells under one of their formats."""
    merge: Callable[[Any, Any], Any] = merge_time_forms if family == "times" else merge_durations
    merged: dict[Any, Any] = {}
    for facts in forms.values():
        merged = merge(merged, {(format_,): _facts_under(facts, format_)})
    return merged[(format_,)]


def _facts_under(facts: Any, format_: str) -> Any:
    if isinstance(facts, TimeFacts):
        return replace(facts, bounds={format_: facts.bounds[format_]})
    return facts


def _number_spelling(reading: CellReading, mark: str) -> Spelling | None:
    settled = settle_formats(reading.forms, mark)
    if len(settled) > MAX_FORMATS or any(_looks_like_code(format_, own) for format_, own in settled):
        return None

    facts = [own for _, own in settled]
    needed = max(own.needed for own in facts)
    is_scientific = any(format_.exponent for format_, _ in settled)
    is_whole = needed == 0 and not is_scientific
    low, high = min(own.low for own in facts), max(own.high for own in facts)
    # Beside fractions, whole numbers of more digits than a float holds are codes.
    if not (is_whole or is_scientific) and max(abs(low), abs(high)) >= 10**MAX_DIGITS:
        return None
    return Spelling(
        kind=Kind.INTEGER if is_whole else Kind.FLOAT,
        formats=tuple(str(format_) for format_, _ in settled),
        cells=tuple(own.cells for own in facts),
        codes=reading.unread,
        low=int(low) if is_whole else float(low),
        high=int(high) if is_whole else float(high),
        decimals=None if is_whole or is_scientific or any(format_.most is None for format_, _ in settled) else needed,
    )


def _looks_like_code(format_: NumberFormat, facts: FormFacts) -> bool:
    """Whether groups of digits are a phone number or an account: all numbers are of one length, or have a plus."""
    if not format_.group or format_.most:
        return False
    lengths = {len(str(abs(int(end)))) for end in (facts.low, facts.high)}
    return format_.plus or (format_.group != "," and len(lengths) == 1 and min(lengths) >= CODE_DIGITS)


def _time_spelling(reading: CellReading) -> Spelling | None:
    forms: TimeForms = reading.forms
    settled = settle_times(forms)
    formats = tuple(format_ for format_, _ in settled)
    if len(formats) > MAX_FORMATS:
        return None

    type_ = storage_type(formats)
    bounds = [tuple(_in_type(end, type_) for end in facts.bounds[format_]) for format_, facts in settled]
    is_dated = not any(has_time(format_) for format_ in formats)
    return Spelling(
        kind=Kind.DATE if is_dated else Kind.DATETIME,
        formats=formats,
        cells=tuple(facts.cells for _, facts in settled),
        codes=reading.unread,
        low=min(low for low, _ in bounds),
        high=max(high for _, high in bounds),
        is_ambiguous=is_ambiguous(forms),
    )


def _in_type(moment: str, type_: pa.DataType) -> str:
    """A time in ISO 8601 as the values of a type are spelled."""
    naive = pa.array([moment.removesuffix("Z")], pa.string()).cast(pa.timestamp("ns" if "ns" in str(type_) else "us"))
    if pa.types.is_date(type_):
        naive = naive.cast(pa.date32())
    elif type_.tz is not None:
        naive = naive.cast(type_)
    return str(iso_strings(naive)[0])


def _duration_spelling(reading: CellReading) -> Spelling | None:
    forms: DurationForms = reading.forms
    settled = settle_durations(forms)
    formats = tuple(format_ for format_, _ in settled)
    if len(formats) > MAX_FORMATS:
        return None

    low = min(facts.low for _, facts in settled)
    high = max(facts.high for _, facts in settled)
    per_tick = 10**9 // max(ticks_per_second(format_) for format_ in formats)
    is_clock = low >= 0 and high < SECONDS_PER_DAY * 10**9 and all(is_clock_format(format_) for format_ in formats)
    return Spelling(
        kind=Kind.TIME if is_clock else Kind.DURATION,
        formats=formats,
        cells=tuple(facts.cells for _, facts in settled),
        codes=reading.unread,
        low=low // per_tick,
        high=high // per_tick,
    )
