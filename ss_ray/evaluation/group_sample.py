"""A bounded sample of whole groups of rows: a sample of single rows would tear sequences apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ss_ray.evaluation.columns import labels
from ss_ray.location import Location
from ss_ray.tables.parts import read_part

MERGE_AT = 2_000_000
"""Counts of groups that are held before equal groups are merged: bounds the memory by the number of groups."""
Hashes = NDArray[np.uint64]
Counts = tuple[Hashes, NDArray[np.int64]]
"""Hash of each group, ascending, and its rows."""


def sample_groups(parts: Sequence[Location], column: str, max_rows: int) -> pa.Table | None:
    """All rows of some groups, `max_rows` at most; None if there is no group, or one alone has more rows.

    The groups are those of the smallest hashes of their names, which is as good as drawing them; the same file gives
    the same groups. Rows without a group are left out.
    """
    # The smallest hashes of group names are as good as a random draw, and the same file gives the same groups.
    hashes, counts = _group_counts(parts, column)
    chosen = int(np.searchsorted(counts.cumsum(), max_rows, "right"))
    if not chosen:
        return None

    blocks = []
    for part in parts:
        for block in read_part(part):
            found, known = _hash_groups(block, column)
            # A row without a group belongs to no sequence.
            blocks.append(block.filter(pa.array(known & (found <= hashes[chosen - 1]))))

    return pa.concat_tables(blocks)


def _group_counts(parts: Sequence[Location], column: str) -> Counts:
    found: list[Counts] = []
    for part in parts:
        for block in read_part(part, [column]):
            hashes, known = _hash_groups(block, column)
            found.append(np.unique(hashes[known], return_counts=True))
            if sum(len(names) for names, _ in found) > MERGE_AT:
                found = [_merge_counts(found)]

    return _merge_counts(found)


def _merge_counts(found: list[Counts]) -> Counts:
    if not found:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    names, places = np.unique(np.concatenate([part[0] for part in found]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([part[1] for part in found]), len(names))
    return names, counts.astype(np.int64)


def _hash_groups(block: pa.Table, column: str) -> tuple[Hashes, NDArray[np.bool_]]:
    """Hash of each row's group, and whether the row has a group."""
    codes, names = pd.factorize(labels(block.column(column).to_pandas()))
    hashes = np.append(pd.util.hash_array(np.asarray(names, dtype=object)), np.uint64(0))
    return hashes[codes], codes >= 0
