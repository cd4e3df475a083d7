"""Bounds and bins of an ordered column out of noisy counts of intervals, refined level by level.

All of it is post-processing: it sees noisy counts only. The first level covers everything the column may hold, in
intervals that double (or the declared range in equal parts); each further level splits the intervals that hold much
in equal parts. One noise standard deviation `sigma` holds for all levels of a column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from math import log2, sqrt

import pyarrow as pa
from scipy.stats import norm

from ss_ray.codec.ordinals import Scale, to_units
from ss_ray.schema import ColumnSchema

FANOUT = 64
MIN_FANOUT = 4
NUM_BINS = 64
HEAVY_SIGMAS = 3.0
BIN_SIGMAS = 2.5
NEAR_RATE = 0.02
"""Probability that an empty cell next to a populated one is taken for populated; a quarter of it for each cell more."""
FAR_RATE = 0.001
"""Probability that any empty cell of a column's first level, however far, is taken for populated (Bonferroni)."""
LOST_SHARE = 0.0025
"""Share of the privacy units that may lie in the parts cut off at an end, at each level."""
Split = Mapping["Cell", tuple["Cell", ...]]
"""The parts of cells that are split."""
Ends = tuple[bool, bool]
"""Whether a person declared the lower and the upper end."""
INT64 = (-(2**63), 2**63 - 1)
RANK_POWERS = range(-64, 65)
"""Floats of full precision double from 2**-64 to 2**64; what is smaller or larger is one interval each."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """An interval of units and the estimate of how many privacy units it holds.

    Attributes:
        low: First unit of the interval.
        high: Last unit of the interval.
        estimate: May be negative.
    """

    low: int
    high: int
    estimate: float = 0.0

    @property
    def width(self) -> int:
        """Units it covers."""
        return self.high - self.low + 1


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise that estimates are compared with.

    Attributes:
        sigma: Standard deviation of each count.
        num_units: Estimated number of privacy units of the table.
    """

    sigma: float
    num_units: int

    @property
    def heavy(self) -> float:
        """Estimate from which an interval is split, or is a value of its own."""
        return max(HEAVY_SIGMAS * self.sigma, self.num_units / NUM_BINS)

    @property
    def filled(self) -> float:
        """Estimate from which a bin is full."""
        return max(BIN_SIGMAS * self.sigma, self.num_units / NUM_BINS)


def dyadic_cells(column: ColumnSchema, scale: Scale, limits: tuple[int, int]) -> tuple[Cell, ...]:
    """Zero, and intervals that double on both sides of it, as far as the limits: 127 at most (263 of ranks)."""
    if scale.decimals is None:
        powers = pa.chunked_array([pa.array([2.0**power for power in RANK_POWERS])])
        starts = [1, *to_units(powers, column, scale).tolist()]
    else:
        starts = [2**power for power in range(63)]

    ends = [*(start - 1 for start in starts[1:]), INT64[1]]
    above = list(zip(starts, ends, strict=True))
    below = [(-end, -start) for start, end in reversed(above)]
    # Two's complement has one negative number more than positive ones.
    below[0] = (INT64[0], below[0][1])
    clipped = [(max(low, limits[0]), min(high, limits[1])) for low, high in (*below, (0, 0), *above)]

    return tuple(Cell(low=low, high=high) for low, high in clipped if low <= high)


def equal_parts(cell: Cell, parts: int) -> tuple[Cell, ...]:
    """A cell divided into `parts` equal cells, fewer if it has fewer units."""
    # A part holds at least one unit.
    parts = min(parts, cell.width)
    edges = [cell.low + cell.width * part // parts for part in range(parts + 1)]
    return tuple(Cell(low=low, high=after - 1) for low, after in pairwise(edges))


def populated(cells: Sequence[Cell], sigma: float, declared: Ends = (False, False)) -> tuple[Cell, ...]:
    """Cells around the fullest one, up to the last populated cell on each side, or to a declared end."""
    fullest = max(range(len(cells)), key=lambda index: cells[index].estimate)
    if declared[1]:
        above = len(cells) - 1
    else:
        above = fullest + _find_reach(cells[fullest + 1 :], len(cells), sigma)

    if declared[0]:
        below = 0
    else:
        below = fullest - _find_reach(cells[:fullest][::-1], len(cells), sigma)

    return tuple(cells[below : above + 1])


def _find_reach(cells: Sequence[Cell], num_cells: int, sigma: float) -> int:
    """Number of cells, in their order, up to the last populated cell."""
    reached = 0
    for index, cell in enumerate(cells, start=1):
        # The further a cell is from the last populated one, the more it takes to believe it: a mistake nearby doubles
        # the range of the column, one far away ruins it.
        rate = max(NEAR_RATE / 4 ** (index - reached - 1), FAR_RATE / num_cells)
        if cell.estimate > float(norm.isf(rate)) * sigma:
            reached = index

    return reached


def to_split(cells: Sequence[Cell], noise: Noise, declared: Ends = (False, False)) -> Split:
    """Parts of each cell that is worth a closer look: much in it, or at an end whose bound is to be found.

    The more a cell holds the more parts it gets, so that a part of an even cell does not drown in noise.
    """
    ends = {cell for cell, known in zip((cells[0], cells[-1]), declared, strict=True) if not known}
    # A cell at an undeclared end is split even if it holds little, because the bound lies in it.
    chosen = [cell for cell in cells if cell.width > 1 and (cell.estimate > noise.heavy or cell in ends)]
    return {cell: equal_parts(cell, _choose_fanout(cell.estimate / noise.sigma)) for cell in chosen}


def _choose_fanout(signal: float) -> int:
    return min(max(2 ** int(log2(max(signal, 1.0))), MIN_FANOUT), FANOUT)


def refine(cells: Sequence[Cell], parts: Split, noise: Noise, declared: Ends = (False, False)) -> tuple[Cell, ...]:
    """Cells with the split cells replaced by their counted parts, made consistent.

    Args:
        cells: Cells in ascending order.
        parts: Parts of some of the cells, with their estimates.
        noise: Noise of every estimate.
        declared: At an end that is not, parts that hold nothing but noise are cut off.
    """
    split = [_make_consistent(cell, parts[cell]) if cell in parts else (cell,) for cell in cells]
    if not declared[0]:
        split[0] = _trim_cells(split[0], noise)

    if not declared[1]:
        split[-1] = _trim_cells(split[-1][::-1], noise)[::-1]

    return tuple(cell for group in split for cell in group)


def _make_consistent(cell: Cell, parts: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Parts shifted by a common amount, such that their sum is the best estimate from the cell's count and their own.

    Source: Hay et al. 2010, arXiv:0904.0942, for one level.
    """
    total = sum(part.estimate for part in parts)
    # The sum of k noisy parts is k times less certain.
    move = (cell.estimate - total) / (len(parts) + 1)
    return tuple(replace(part, estimate=part.estimate + move) for part in parts)


def _trim_cells(cells: tuple[Cell, ...], noise: Noise) -> tuple[Cell, ...]:
    """Cells without the first ones, if all of these together hold little, surely or at every step from the outside."""
    allowed = LOST_SHARE * noise.num_units
    beyond = list(accumulate(cell.estimate for cell in cells[:-1]))
    stepwise = next((index for index, mass in enumerate(beyond) if mass > allowed), len(beyond))
    # The noise of a sum of `index` counts grows with the square root of `index`.
    surely = [index for index, mass in enumerate(beyond, start=1) if mass + noise.sigma * sqrt(index) <= allowed]
    return cells[max(stepwise, *surely) if surely else stepwise :]


def merge_bins(cells: Sequence[Cell], noise: Noise) -> tuple[Cell, ...]:
    """Neighbours together until each bin is filled; a single unit that holds much stays alone."""
    bins: list[Cell] = []
    # A single unit that holds much is a value of its own, such as 0, and would distort a bin.
    for is_atom, group in groupby(cells, lambda cell: cell.width == 1 and cell.estimate > noise.heavy):
        found = list(group)
        bins += found if is_atom else _fill_bins(found, noise.filled)
    return tuple(bins)


def _fill_bins(cells: Sequence[Cell], enough: float) -> list[Cell]:
    """Ascending cells merged from the left; the remainder joins the last bin."""
    bins: list[Cell] = []
    open_bin: Cell | None = None
    for cell in cells:
        if open_bin is None:
            open_bin = cell
        else:
            open_bin = _join_cells(open_bin, cell)

        if open_bin.estimate >= enough:
            bins.append(open_bin)
            open_bin = None

    if open_bin is not None:
        if bins:
            bins[-1:] = [_join_cells(bins[-1], open_bin)]
        else:
            bins[-1:] = [open_bin]

    return bins


def _join_cells(a: Cell, b: Cell) -> Cell:
    return Cell(low=a.low, high=b.high, estimate=a.estimate + b.estimate)
