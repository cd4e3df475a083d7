"""Grids of an ordered column: thousands among amounts, quarter hours among times, weekdays and ends of months.

A grid is a set of units: every so many of them, or days of the calendar. A value is on the first grid of its column
that holds it. Which grid that is, the model learns as a token of its own, so that each grid keeps its share, and a
value that is drawn on a grid lies on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from ss_ray.codec.ordinals import Units

MIN_ROWS = 50
MIN_SHARE = 0.02
"""Smallest share of the values that a grid must have for itself."""
EXCESS = 2.0
"""Times as many values as chance would put on a grid."""
MAX_LEVELS = 4
SIGMAS = 5.0
"""Standard deviations above chance: among all candidates of a column, one in a hundred thousand by chance."""
P_VALUE = 1e-4
"""Weekdays are told apart where equal days are less likely than this: one column in 10,000 by chance."""
DAYS_OF_WEEK = 7
MINUTES = (1, 5, 10, 15, 30, 60)
# 1970-01-01 was a Thursday: with this offset, weekday 0 is Monday.
MONDAY = 4


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Units of a column that belong together.

    Attributes:
        type: "step": every `step` units from `offset` on; "month_start" and "month_end": days counted from 1970.
        step: Distance of neighbours, in units.
        offset: Remainder of all units divided by the step.
    """

    type: Literal["step", "month_start", "month_end"] = "step"
    step: int = 1
    offset: int = 0

    def holds(self, units: Units) -> npt.NDArray[np.bool_]:
        """(rows,) whether each unit is on the grid."""
        return np.asarray(self.unit(self.index(units)) == units)

    def index(self, units: Units) -> Units:
        """(rows,) number of the last place on the grid at or before each unit."""
        if self.type == "step":
            return np.floor_divide(units - self.offset, self.step)
        months = units.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if self.type == "month_start":
            return months
        return months - (self._month_end(months) > units)

    def unit(self, index: Units) -> Units:
        """(rows,) unit at each place."""
        if self.type == "step":
            return index * self.step + self.offset
        if self.type == "month_start":
            return index.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        return self._month_end(index)

    def _month_end(self, months: Units) -> Units:
        return (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1


def find_grids(units: Units, *, is_days: bool, ticks_per_minute: int | None = None) -> tuple[Grid, ...]:
    """Grids of a column, the first of which holds a value decides; empty where the values have no such structure.

    Args:
        units: (rows,) of a sample, without missing values.
        is_days: Whether units are days counted from 1970.
        ticks_per_minute: Units of a minute in a column of clock times or durations; None for other columns.

    Example:
        >>> thousands = np.arange(1, 100) * 1000
        >>> find_grids(np.r_[thousands, thousands + 7], is_days=False)[0].step
        1000
    """
    if len(units) < MIN_ROWS:
        return ()
    if is_days:
        return _calendar_grids(units)

    steps = _round_steps(int(np.abs(units).max())) if ticks_per_minute is None else _minute_steps(ticks_per_minute)
    levels = _find_levels(units, steps)
    if len(levels) < 2:
        return ()
    return tuple(Grid(step=step) for step in reversed(levels))


def _round_steps(largest: int) -> Iterator[int]:
    power = 1
    while power <= largest:
        yield from (step for step in (power, 2 * power, 5 * power, 25 * power) if 1 < step <= largest)
        power *= 10


def _minute_steps(ticks_per_minute: int) -> Iterator[int]:
    if ticks_per_minute > 60:
        yield ticks_per_minute // 60
    yield from (minutes * ticks_per_minute for minutes in MINUTES if minutes * ticks_per_minute > 1)


def _find_levels(units: Units, steps: Iterator[int]) -> list[int]:
    """Steps from fine to coarse, each of which holds far more values than chance, and a share for itself."""
    levels = [(1, 1.0)]
    for step in sorted(set(steps)):
        finer, share_of_finer = levels[-1]
        if step % finer:
            continue

        share = float(np.mean(units % step == 0))
        chance = share_of_finer * finer / step
        noise = SIGMAS * np.sqrt(chance / len(units))
        if share < max(MIN_SHARE, EXCESS * chance, chance + noise):
            continue
        # A finer level that keeps next to nothing for itself tells nothing.
        if len(levels) > 1 and share_of_finer - share < MIN_SHARE / 4:
            levels.pop()
        levels.append((step, share))

    return [1, *(step for step, _ in levels[1:][1 - MAX_LEVELS :])]


def is_uneven(counts: npt.NDArray[np.int64]) -> bool:
    """Whether counts of equally likely values are too different for chance (chi-squared test)."""
    expected = counts.mean()
    statistic = float(((counts - expected) ** 2).sum() / expected) if expected else 0.0
    # scipy.stats has the same test, and takes a second to import.
    return bool(chdtrc(len(counts) - 1, statistic) < P_VALUE)


def _calendar_grids(days: Units) -> tuple[Grid, ...]:
    grids: list[Grid] = []
    chance = 12 / 365.25
    for grid in (Grid(type="month_start"), Grid(type="month_end")):
        if float(np.mean(grid.holds(days))) >= max(MIN_SHARE, EXCESS * chance):
            grids.append(grid)

    rest = days[~np.any([grid.holds(days) for grid in grids], axis=0)] if grids else days
    counts = np.bincount((rest - MONDAY) % DAYS_OF_WEEK, minlength=DAYS_OF_WEEK)
    if len(rest) >= MIN_ROWS and is_uneven(counts):
        return (*grids, *(Grid(step=DAYS_OF_WEEK, offset=MONDAY + day) for day in range(DAYS_OF_WEEK) if counts[day]))
    return (*grids, Grid()) if grids else ()


def places_on(grid_of: Sequence[Grid], which: npt.NDArray[np.int64], lows: Units, highs: Units) -> tuple[Units, Units]:
    """(rows,) first and last place of each row's grid between two units; the last is below the first for none.

    Args:
        grid_of: Grids of the column.
        which: (rows,) number of the grid.
        lows: (rows,) smallest unit.
        highs: (rows,) largest unit.
    """
    first = np.zeros(len(which), np.int64)
    last = np.zeros(len(which), np.int64)
    for number, grid in enumerate(grid_of):
        rows = which == number
        first[rows] = grid.index(lows[rows] - 1) + 1
        last[rows] = grid.index(highs[rows])
    return first, last


def apply_grids(grids: Sequence[Grid], which: npt.NDArray[np.int64], values: Units, *, to_units: bool) -> Units:
    """(rows,) units of places, or places of units, each on its row's grid."""
    out = np.zeros(len(which), np.int64)
    for number, grid in enumerate(grids):
        rows = which == number
        out[rows] = grid.unit(values[rows]) if to_units else grid.index(values[rows])
    return out


def grids_of(grids: Sequence[Grid], units: Units) -> npt.NDArray[np.int64]:
    """(rows,) number of the first grid that holds each unit; the last one where none does."""
    which = np.full(len(units), len(grids) - 1)
    for number in range(len(grids) - 1, -1, -1):
        which[grids[number].holds(units)] = number
    return which
