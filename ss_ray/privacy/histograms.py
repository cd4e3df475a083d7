"""Histograms of a private table: counted exactly, then released with OpenDP's discrete Gaussian noise.

Exact counts stay with the caller, who may count block by block and add. A privacy unit contributes one row, so it
changes one cell of a histogram by one: the sensitivity is 1 in L1, L2 and Linf. Cells are named in JSON: `null` for
missing, the value itself for categories, the lowest unit for intervals; so no value can be taken for another cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
import opendp.prelude as dp
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from ss_ray.codec.ordinals import Scale, Units, to_units
from ss_ray.privacy.charges import Charge
from ss_ray.schema import ColumnSchema, Kind, Scalar
from ss_ray.tables.spellings.dates import iso_strings

Counted = Mapping[str, int]
"""Rows of each cell by its name, exact; cells without rows may be left out."""
MISSING = json.dumps(None)
PRESENT = json.dumps(True)
OTHER = json.dumps([])
"""Cell of the values that nobody declared."""
UNIT_LIMIT = 2**50 - 1
"""Largest unit of a decimal float; below it a float64 holds every unit times a power of ten exactly enough."""


@dataclass(frozen=True, kw_only=True)
class CategoryQuery:
    """Rows of each value.

    Attributes:
        column: Public part of its schema.
        values: All values that are asked for; None asks for whatever occurs.
    """

    column: ColumnSchema
    values: tuple[Scalar, ...] | None = None

    @property
    def cells(self) -> tuple[str, ...] | None:
        """Missing, the values in their order, all others; None where the values are not known in advance."""
        if self.values is None:
            return None
        return MISSING, *map(json.dumps, self.values), OTHER

    def count(self, array: pa.ChunkedArray) -> Counted:
        """Exact counts of one block of the column."""
        counts = _value_counts(_to_plain(array))
        if self.cells is None:
            return counts
        known = {cell: counts.get(cell, 0) for cell in self.cells}
        # Every row falls in exactly one cell, so that the sum of the counts is the number of units.
        return known | {OTHER: len(array) - sum(known.values())}


@dataclass(frozen=True, kw_only=True)
class CellQuery:
    """Rows in each of some intervals of an ordered column.

    Attributes:
        column: Public part of its schema.
        scale: Scale of the units.
        lows: First unit of each interval, ascending.
        highs: Last unit of each, below the next one's first. Units between two intervals are not counted.
    """

    column: ColumnSchema
    scale: Scale
    lows: tuple[int, ...]
    highs: tuple[int, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """Missing, then the intervals."""
        return MISSING, *map(json.dumps, self.lows)

    def count(self, array: pa.ChunkedArray) -> Counted:
        """Exact counts of one block of the column."""
        present = _to_plain(array).drop_null()
        units = bounded_units(present, self.column, self.scale)
        # The last interval that starts at or below the unit; -1 is before the first.
        index = np.searchsorted(np.array(self.lows, np.int64), units, side="right") - 1
        inside = (index >= 0) & (units <= np.array(self.highs, np.int64)[index])
        counts = np.bincount(index[inside], minlength=len(self.lows)).tolist()
        return dict(zip(self.cells, [len(array) - len(present), *counts], strict=True))


@dataclass(frozen=True, kw_only=True)
class PresenceQuery:
    """Rows with and without a value."""

    column: ColumnSchema

    @property
    def cells(self) -> tuple[str, ...]:
        """Missing and present."""
        return MISSING, PRESENT

    def count(self, array: pa.ChunkedArray) -> Counted:
        """Exact counts of one block of the column."""
        return {MISSING: array.null_count, PRESENT: len(array) - array.null_count}


Query = CategoryQuery | CellQuery | PresenceQuery


def count_table(table: pa.Table, queries: Sequence[Query]) -> list[Counted]:
    """Exact counts of one block of rows, one for each query. Private: they leave the caller only under noise."""
    return [query.count(table.column(query.column.name)) for query in queries]


def merge_counts(a: Sequence[Counted], b: Sequence[Counted]) -> list[Counted]:
    """Counts of two blocks together, query by query."""
    return [
        {cell: one.get(cell, 0) + other.get(cell, 0) for cell in (*one, *(c for c in other if c not in one))}
        for one, other in zip(a, b, strict=True)
    ]


def bounded_units(array: pa.ChunkedArray, column: ColumnSchema, scale: Scale) -> Units:
    """Units of values that are all present; decimal floats beyond UNIT_LIMIT at the limit, instead of overflowing."""
    if column.kind is Kind.FLOAT and scale.decimals is not None:
        largest = UNIT_LIMIT / 10.0**scale.decimals
        array = pa.array(np.clip(array.cast(pa.float64()).to_numpy(), -largest, largest))
    return to_units(array, column, scale)


def gaussian(noise_multiplier: float) -> Any:
    """OpenDP's measurement of a vector of counts: discrete Gaussian noise, 1 / (2 noise_multiplier^2)-zCDP.

    Source: Canonne, Kamath, Steinke 2020, arXiv:2004.00010.
    """
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
    return dp.m.make_gaussian(*space, scale=noise_multiplier)


def thresholded_gaussian(noise_multiplier: float, threshold: int) -> Any:
    """OpenDP's measurement of a map of counts: discrete Gaussian noise, and release of counts above the threshold.

    Source: Rogers 2023, arXiv:2309.09170.
    """
    dp.enable_features("contrib")
    space = dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64"))
    return dp.m.make_gaussian_threshold(
        space, dp.l02inf_distance(dp.absolute_distance(T="i64")), scale=noise_multiplier, threshold=threshold
    )


def threshold_of(noise_multiplier: float, delta: float) -> int:
    """Smallest threshold that the noisy count of a value of one unit reaches with probability delta at most."""
    # Discrete noise is at least m with at most the probability that continuous noise is at least m - 1 (Canonne,
    # Kamath, Steinke 2020, Fact 20), and a value of one unit passes with noise of threshold - 1: hence the 2. OpenDP
    # 0.16 subtracts 1, which is too little (https://github.com/opendp/opendp/issues/2922).
    return max(ceil(noise_multiplier * float(norm.isf(delta))), 0) + 2


def add_noise(query: Query, exact: Counted, noise_multiplier: float) -> dict[str, int]:
    """Noisy counts of all cells of a query whose cells are fixed in advance, in their order."""
    cells = query.cells or ()
    noisy = gaussian(noise_multiplier)([exact.get(cell, 0) for cell in cells])
    return dict(zip(cells, noisy, strict=True))


def add_noise_over(threshold: int, exact: Counted, noise_multiplier: float) -> dict[str, int]:
    """Noisy counts of the cells that occur and reach the threshold, in no order that tells anything."""
    released = thresholded_gaussian(noise_multiplier, threshold)({c: n for c, n in exact.items() if n})
    # The order of a hash map could reveal which cells occur.
    return dict(sorted(released.items()))


def release_counts(charge: Charge, query: Query, exact: Counted, threshold: int | None = None) -> dict[str, int]:
    """Noisy counts of a query, with the noise that its charge was booked for.

    Args:
        charge: Charge that the ledger has booked.
        query: Query whose counts these are.
        exact: Exact counts by cell.
        threshold: Counts below it are not released, where the cells are not fixed in advance; None where they are.
    """
    if threshold is None:
        return add_noise(query, exact, charge.noise_multiplier)
    return add_noise_over(threshold, exact, charge.noise_multiplier)


def noise_multiplier_of(rho: float) -> float:
    """Noise standard deviation of a histogram that may spend `rho` of zero-concentrated differential privacy."""
    return sqrt(1 / (2 * rho))


def _to_plain(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values without dictionary, with NaN as missing and one zero, as in the facts of a table."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)

    if pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
        # Adding 0.0 turns -0.0 into 0.0.
        array = pc.if_else(pc.is_nan(array), None, pc.add(array, 0.0))

    return array


def _value_counts(array: pa.ChunkedArray) -> dict[str, int]:
    """Rows by value, spelled as in a schema: decimals as floats, dates in ISO 8601."""
    present = array.drop_null()
    if pa.types.is_decimal(array.type):
        present = present.cast(pa.float64())

    if pa.types.is_temporal(array.type):
        present = iso_strings(present)

    if array.null_count:
        counts = {MISSING: array.null_count}
    else:
        counts = {}

    for pair in present.value_counts().to_pylist() if len(present) else ():
        counts[json.dumps(pair["values"])] = pair["counts"]

    return counts
