"""Nearest records by a Gower-like distance, in chunks that fit the processor's cache.

The distance of two rows is the mean over the columns of: for ordered columns the difference of their quantiles in the
training table, for nominal ones 0 (equal) or 1. Missing against a value counts 1, missing against missing 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, Values, missing

CHUNK_BYTES = 2**19
"""Size of one block of distances (float32): a block in the cache is four times as fast as one of 4 MiB."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """Rows in the space of the distance, as one array per column.

    Attributes:
        quantiles: (ordered columns, rows), float32 in [0, 1]; NaN for missing.
        codes: (nominal columns, rows), int16 where that is enough, else int32; -1 for missing.
    """

    quantiles: NDArray[np.float32]
    codes: NDArray[np.signedinteger[Any]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.codes.shape[1])

    @property
    def columns(self) -> int:
        """Number of columns, the nominal ones first."""
        return len(self.codes) + len(self.quantiles)

    def missing(self, column: int) -> NDArray[np.bool_]:
        """Whether each value of a column is missing, (rows,)."""
        if column < len(self.codes):
            return np.asarray(self.codes[column] < 0)
        return np.isnan(self.quantiles[column - len(self.codes)])

    def take(self, indices: NDArray[np.intp]) -> Points:
        """The rows at these positions."""
        return Points(quantiles=self.quantiles[:, indices], codes=self.codes[:, indices])

    def of_columns(self, columns: NDArray[np.intp]) -> Points:
        """The rows restricted to these columns, in ascending order."""
        nominal = columns[columns < len(self.codes)]
        ordered = columns[columns >= len(self.codes)]
        return Points(quantiles=self.quantiles[ordered - len(self.codes)], codes=self.codes[nominal])


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The nearest reference rows of each query, (queries,) each.

    Attributes:
        distance: To the nearest, in [0, 1].
        index: Position of the nearest.
        second: Distance to the nearest of the others; infinite where there is no other.
    """

    distance: NDArray[np.float32]
    index: NDArray[np.int64]
    second: NDArray[np.float32]


def to_points(train: Table, *tables: Table) -> list[Points]:
    """The rows of each table; quantiles are those of the training table, codes are common to all."""
    ordered = [c.name for c in train.columns if not c.nominal]
    nominal = [c.name for c in train.columns if c.nominal]
    quantiles = [_rank_values(train.values[n], [t.values[n] for t in tables]) for n in ordered]
    codes = [_encode_categories([t.values[n] for t in tables]) for n in nominal]
    largest = max((int(part.max(initial=0)) for column in codes for part in column), default=0)
    kind: type[np.signedinteger[Any]] = np.int16 if largest <= np.iinfo(np.int16).max else np.int32

    return [
        Points(
            quantiles=np.array([q[i] for q in quantiles], dtype=np.float32).reshape(len(ordered), table.rows),
            codes=np.array([c[i] for c in codes], dtype=kind).reshape(len(nominal), table.rows),
        )
        for i, table in enumerate(tables)
    ]


def nearest(queries: Points, reference: Points, *, own: NDArray[np.int64] | None = None) -> Neighbours:
    """The closest reference row of each query row, the first one on a tie.

    Args:
        queries: Rows to find a neighbour of.
        reference: Rows among which it is looked for; at least one, two with `own`.
        own: Position of each query in `reference`, (queries,): no row is its own neighbour. None if they are apart.
    """
    distance, second = np.empty((2, queries.rows), dtype=np.float32)
    index = np.empty(queries.rows, dtype=np.int64)
    step = max(1, CHUNK_BYTES // (4 * reference.rows))

    for start in range(0, queries.rows, step):
        block = np.arange(start, min(start + step, queries.rows))
        rows = np.arange(len(block))
        distances = _compute_distances(queries.take(block), reference)
        if own is not None:
            distances[rows, own[block]] = np.inf

        index[block] = distances.argmin(axis=1)
        distance[block] = distances[rows, index[block]]
        distances[rows, index[block]] = np.inf
        second[block] = distances.min(axis=1)

    return Neighbours(distance=distance, index=index, second=second)


def merged(first: Neighbours, other: Neighbours, offset: int) -> Neighbours:
    """The nearest rows of two tables together, of the same queries; the second table begins at position `offset`."""
    is_first = first.distance <= other.distance
    further = np.maximum(first.distance, other.distance)
    return Neighbours(
        distance=np.minimum(first.distance, other.distance),
        index=np.where(is_first, first.index, other.index + offset),
        second=np.minimum(further, np.minimum(first.second, other.second)),
    )


def _compute_distances(a: Points, b: Points) -> NDArray[np.float32]:
    """All distances, (rows of a, rows of b)."""
    return total_differences(a, b, range(a.columns)) / np.float32(max(a.columns, 1))


def total_differences(a: Points, b: Points, columns: Iterable[int]) -> NDArray[np.float32]:
    """Sum of the parts of some columns, (rows of a, rows of b)."""
    total = np.zeros((a.rows, b.rows), dtype=np.float32)
    # Counting differences in bytes is three times as fast as in floats.
    counts = np.zeros((a.rows, b.rows), dtype=np.uint8)
    counted = 0

    for column in columns:
        if column >= len(a.codes):
            total += _quantile_differences(a.quantiles[column - len(a.codes)], b.quantiles[column - len(a.codes)])
            continue

        counts += (a.codes[column][:, None] != b.codes[column][None, :]).view(np.uint8)
        counted += 1
        # A byte overflows above 255 differences.
        if counted % 255 == 0:
            total += counts
            counts[:] = 0

    return total + counts


def column_differences(a: Points, b: Points, column: int) -> NDArray[np.float32] | NDArray[np.bool_]:
    """Contribution of one column to the distance, (rows of a, rows of b); nominal columns come first."""
    if column < len(a.codes):
        return np.asarray(a.codes[column][:, None] != b.codes[column][None, :])
    return _quantile_differences(a.quantiles[column - len(a.codes)], b.quantiles[column - len(a.codes)])


def _quantile_differences(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """|x - y| of one column, (len(x), len(y)); 1 if exactly one value is missing, 0 if both are."""
    difference: NDArray[np.float32] = np.abs(x[:, None] - y[None, :])
    gone_x = np.isnan(x)
    gone_y = np.isnan(y)
    if gone_x.any() or gone_y.any():
        difference[gone_x] = 1.0
        difference[:, gone_y] = 1.0
        difference[np.ix_(gone_x, gone_y)] = 0.0

    return difference


def _rank_values(train: Values, columns: list[Values]) -> list[NDArray[np.float64]]:
    """Mid-rank of each value in the training values, 0 to 1; NaN where missing."""
    known = np.sort(train[~missing(train)])
    ranks = [(np.searchsorted(known, v, "left") + np.searchsorted(known, v, "right")) / 2 for v in columns]
    return [np.where(missing(v), np.nan, r / max(len(known), 1)) for v, r in zip(columns, ranks, strict=True)]


def _encode_categories(columns: list[Values]) -> list[NDArray[np.int64]]:
    """One code per category, shared by all given columns; -1 for missing."""
    codes = pd.factorize(np.concatenate(columns))[0]
    return np.split(codes, np.cumsum([len(v) for v in columns])[:-1])
