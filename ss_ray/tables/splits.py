"""Side of each row in the train / holdout split, by a keyed hash of its privacy unit.

A unit is a row, or all rows that share a value of the grouping column; a unit is always on one side as a whole. The
units with the smallest hashes make the holdout, taken until it has the size asked for. Each block of rows needs to
report only its smallest hashes, so the split is exact and its memory does not grow with the table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.tables.withheld import HoldoutSize

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class UnitCounts:
    """The smallest unit hashes of some rows, ascending, and how many rows each has."""

    hashes: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class HoldoutUnits:
    """The units that are held out: all with a hash up to a bound, but for some that stay in training.

    Attributes:
        bound: Largest hash of the holdout; -1 for no holdout.
        kept: Hashes up to the bound whose units stay in training, because they have too many rows.
    """

    bound: int
    kept: tuple[int, ...] = ()


NO_UNITS = HoldoutUnits(bound=-1)


@dataclass(frozen=True, kw_only=True)
class SplitUnit:
    """Rows that stay on one side of the split as a whole.

    Attributes:
        column: Column whose rows of one value stay together; None where each row is by itself.
        is_declared: Whether the column is the declared grouping column, in which no value may be missing. In a column
            that was found, each row without a value is by itself.
    """

    column: str | None
    is_declared: bool = True


def split_hashes(table: pa.Table, unit: SplitUnit, file: int, first_row: int, seed: int) -> Hashes:
    """(rows,) hash of the unit of each row, independent of the division of the file into blocks.

    Args:
        table: Rows of one block.
        unit: Rows that stay together.
        file: Number of the file that holds the block.
        first_row: Rows of the file before the block.
        seed: Key of the hash.

    Raises:
        DataError: A declared grouping column has missing values.
    """
    if unit.is_declared or unit.column is None:
        return unit_hashes(table, unit.column, file, first_row, seed)

    missing = table.column(unit.column).is_null(nan_is_null=True).to_numpy()
    by_row = unit_hashes(table, None, file, first_row, seed)
    if missing.all():
        return by_row

    hashes = by_row.copy()
    known = table.select([unit.column]).filter(pa.array(~missing))
    hashes[~missing] = unit_hashes(known, unit.column, file, first_row, seed)
    return hashes


def unit_hashes(table: pa.Table, unit_column: str | None, file: int, first_row: int, seed: int) -> Hashes:
    """(rows,) hash of each row's privacy unit, independent of the division of the file into blocks.

    Args:
        table: Rows of one block.
        unit_column: Grouping column; None where a row is a unit.
        file: Number of the file that holds the block.
        first_row: Rows of the file before the block.
        seed: Key of the hash; another seed gives another split.

    Raises:
        DataError: The grouping column has missing values: those rows belong to no unit.
    """
    if unit_column is None:
        rows = np.arange(first_row, first_row + table.num_rows, dtype=np.uint64)
        return _mix_bits(rows, int.from_bytes(hashlib.sha256(f"{seed}:{file}".encode()).digest()[:8], "big"))

    column = table.column(unit_column)
    missing = pc.sum(column.is_null(nan_is_null=True)).as_py() or 0
    if missing:
        raise DataError(
            f"the grouping column {unit_column!r} has {missing} missing values; every row needs a group",
            column=unit_column,
        )

    key = f"{seed % 10**16:016d}"
    return pd.util.hash_array(column.cast(pa.string()).to_numpy(zero_copy_only=False).astype(object), hash_key=key)


def _mix_bits(numbers: Hashes, key: int) -> Hashes:
    """One-to-one scrambling of 64-bit integers, so that rows of a file never collide (SplitMix64, Steele 2014)."""
    state = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def smallest(hashes: Hashes, limit: int) -> UnitCounts:
    """The `limit` smallest distinct hashes with their numbers of rows."""
    values, counts = np.unique(hashes, return_counts=True)
    return UnitCounts(hashes=tuple(values[:limit].tolist()), rows=tuple(counts[:limit].tolist()))


def merge_counts(parts: Sequence[UnitCounts], limit: int) -> UnitCounts:
    """The `limit` smallest units of all parts together."""
    rows: dict[int, int] = {}
    for part in parts:
        for unit, count in zip(part.hashes, part.rows, strict=True):
            rows[unit] = rows.get(unit, 0) + count

    kept = sorted(rows)[:limit]
    return UnitCounts(hashes=tuple(kept), rows=tuple(rows[unit] for unit in kept))


def choose_holdout(counts: UnitCounts, size: HoldoutSize, num_rows: int) -> HoldoutUnits:
    """The units of the holdout: those with the smallest hashes, as many whole ones as fit into `size.wanted` rows.

    At least one unit is held out. A unit of more rows than the whole holdout stays in training, unless all are so
    large.

    Args:
        counts: Units with the smallest hashes.
        size: Rows that the holdout should have.
        num_rows: Number of rows of the table.

    Raises:
        DataError: Each unit has more than half of the rows.
    """
    if not size.wanted or not counts.hashes:
        return NO_UNITS

    rows = np.array(counts.rows)
    fits = rows <= size.wanted
    if not fits.any():
        # The holdout then has more rows than were wanted, and training still has most of them.
        fits = rows <= num_rows / 2

    if not fits.any():
        raise DataError(
            f"the groups are too large to hold one out: it has {rows[0]} of the {num_rows} rows; "
            "group by a finer column, or set data.holdout to 0"
        )

    total = np.cumsum(np.where(fits, rows, 0))
    taken = max(int(np.argmax(fits)) + 1, int(np.searchsorted(total, size.wanted, side="right")))
    if total[taken - 1] < size.least and taken < len(rows):
        taken += 1 + int(np.argmax(fits[taken:])) if fits[taken:].any() else 0

    hashes = np.array(counts.hashes, np.uint64)[:taken]
    return HoldoutUnits(bound=int(hashes[-1]), kept=tuple(hashes[~fits[:taken]].tolist()))


def holdout_of_share(share: float) -> HoldoutUnits:
    """The units of a holdout where each unit is held out by itself, with this probability.

    Which side a unit is on then depends on that unit alone, as differential privacy needs it: an exact number of
    held out units would move one unit whenever another one is added.
    """
    return HoldoutUnits(bound=int(share * 2.0**64) - 1)


def is_holdout(hashes: Hashes, holdout: HoldoutUnits) -> npt.NDArray[np.bool_]:
    """(rows,) whether each row is held out."""
    if holdout.bound < 0:
        return np.zeros(len(hashes), bool)

    held_out = hashes <= np.uint64(holdout.bound)
    if holdout.kept:
        held_out &= ~np.isin(hashes, np.array(holdout.kept, np.uint64))

    return held_out
