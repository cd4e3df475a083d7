"""Ages that agree with a date of birth before it moves, and have to agree with it afterwards.

An age is the number of whole years from the date of birth to a day. In many tables that day is the same for all rows:
the day on which the table was made. It is found as the day on which the most ages are true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.pii import entities

MIN_ROWS = 20
MIN_AGREEMENT = 0.95
"""Share of the rows whose ages must be true on the day that is found."""

Days = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class AgeColumn:
    """A column of ages that agrees with a column of dates of birth.

    Attributes:
        name: Column of the ages.
        birth: Column of the dates of birth.
        day: Day on which the ages are true.
    """

    name: str
    birth: str
    day: date


def find_ages(sample: pa.Table, types: Mapping[str, str]) -> tuple[AgeColumn, ...]:
    """The columns of ages that are true on one day.

    Args:
        sample: Rows of the table.
        types: Entity type by column.

    Example:
        >>> births = [date(1990, 3, 1), date(1961, 12, 24)] * 10
        >>> sample = pa.table({"born": births, "age": [33, 61] * 10})
        >>> [found.name for found in find_ages(sample, {"born": "DATE_OF_BIRTH", "age": "AGE"})]
        ['age']
    """
    births = [n for n, t in types.items() if t == entities.DATE_OF_BIRTH and pa.types.is_temporal(sample[n].type)]
    ages = [n for n, t in types.items() if t == entities.AGE and pa.types.is_integer(sample[n].type)]
    pairs = ((age, birth, _find_day(sample[age], sample[birth])) for birth in births[:1] for age in ages)
    return tuple(AgeColumn(name=age, birth=birth, day=day) for age, birth, day in pairs if day is not None)


def moved_ages(ages: pa.ChunkedArray, before: pa.ChunkedArray, after: pa.ChunkedArray, day: date) -> pa.Array:
    """(rows,) ages changed by as many years as the move of the dates of birth has changed them; never below 0.

    Args:
        ages: (rows,) ages before the move.
        before: (rows,) dates of birth before the move.
        after: (rows,) dates of birth after the move.
        day: Day on which the ages are true.
    """
    known = pc.and_(pc.and_(ages.is_valid(), before.is_valid()), after.is_valid()).to_numpy()
    years = np.asarray(pc.fill_null(ages, 0).to_numpy(), np.int64).copy()
    end = np.datetime64(day, "D")
    changed = _years_between(_as_days(after), end) - _years_between(_as_days(before), end)
    years[known] = np.maximum(years[known] + changed[known], np.minimum(years[known], 0))
    return pa.array(years, mask=ages.is_null().to_numpy()).cast(ages.type)


def _find_day(ages: pa.ChunkedArray, births: pa.ChunkedArray) -> date | None:
    """The day on which the most ages are true; None where too few of them are."""
    known = pc.and_(ages.is_valid(), births.is_valid())
    years = np.asarray(ages.filter(known).to_numpy(), np.int64)
    born = _as_days(births.filter(known))
    if len(years) < MIN_ROWS:
        return None

    # An age is true from one birthday to the day before the next: the day is where the most of these spans overlap.
    first, stop = _find_birthday(born, years), _find_birthday(born, years + 1)
    days = np.concatenate([first, stop])
    changes = np.repeat([1, -1], len(years))
    # At one day, spans end before others begin.
    order = np.lexsort((changes, days))
    overlaps = np.cumsum(changes[order])
    best = int(np.argmax(overlaps))
    if overlaps[best] < MIN_AGREEMENT * len(years):
        return None
    found: date = days[order][best].astype(object)
    return found


def _find_birthday(born: Days, years: Ints) -> Days:
    """The day on which somebody becomes so many years old; of 29 February, 1 March in other years."""
    months = born.astype("datetime64[M]")
    day = (born - months.astype("datetime64[D]")).astype(np.int64)
    there = months + 12 * years
    length = ((there + 1).astype("datetime64[D]") - there.astype("datetime64[D]")).astype(np.int64)
    return there.astype("datetime64[D]") + np.minimum(day, length)


def _years_between(born: Days, day: np.datetime64) -> Ints:
    """Whole years from each date of birth to a day."""
    years = (day.astype("datetime64[Y]") - born.astype("datetime64[Y]")).astype(np.int64)
    return years - (_find_birthday(born, years) > day)


def _as_days(column: pa.ChunkedArray) -> Days:
    """(rows,) days; missing dates as the first day of the calendar."""
    days = column.cast(pa.date32(), safe=False).cast(pa.int32())
    return np.asarray(pc.fill_null(days, 0).to_numpy(), np.int64).astype("datetime64[D]")
