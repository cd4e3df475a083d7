"""Predicates that single someone out: guesses about the real table, derived from the synthetic table alone.

A predicate succeeds on a table if exactly one of its rows meets it. How predicates are guessed follows Giomi et al.
2023 (arXiv:2211.10459); the numbers of columns and the naive predicates are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, missing
from ss_ray.evaluation.nearest import CHUNK_BYTES, Points
from ss_ray.evaluation.privacy.copies import comparable

MAX_COLUMNS = 8
"""Columns of a multivariate predicate; each has a random number of them, at least 2."""
TRIES = 4
"""Random choices of columns per synthetic row, because not all of them single it out."""
BATCH = 250
"""Synthetic rows of which predicates are made together."""
Hits = NDArray[np.bool_]
"""Whether each predicate singles out a row, (predicates,)."""


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """Success of predicates on training and on holdout rows, and of naive predicates on training rows."""

    train: Hits
    holdout: Hits
    naive: Hits


def univariate(train: Table, holdout: Table, synthetic: Table, size: int, rng: np.random.Generator) -> Guesses:
    """Predicates on one column: a value that occurs once in the synthetic table, or an interval beyond its extremes.

    The naive ones are values of the column's synthetic rows picked blindly, so frequent values are likelier.
    """
    parts = [_column_guesses(train, holdout, synthetic, j, size, rng) for j in range(len(train.columns))]
    pooled = [np.concatenate([getattr(p, side) for p in parts]) for side in ("train", "holdout", "naive")]
    chosen = rng.permutation(len(pooled[0]))[:size]
    blind = rng.permutation(len(pooled[2]))[:size]
    return Guesses(train=pooled[0][chosen], holdout=pooled[1][chosen], naive=pooled[2][blind])


def _column_guesses(
    train: Table, holdout: Table, synthetic: Table, position: int, size: int, rng: np.random.Generator
) -> Guesses:
    column = train.columns[position]
    made, real, unseen = (
        comparable(t.values[column.name][~missing(t.values[column.name])], column) for t in (synthetic, train, holdout)
    )
    values, counts = np.unique(made.astype(str) if column.nominal else made, return_counts=True)
    alone = values[counts == 1]
    hits = [_occurs_once(alone, side, nominal=column.nominal) for side in (real, unseen)]
    if not column.nominal and len(values):
        hits = [np.append(h, _singles_out_beyond(side, values)) for h, side in zip(hits, (real, unseen), strict=True)]

    if len(made):
        blind = made[rng.integers(0, len(made), size)]
    else:
        blind = made

    return Guesses(train=hits[0], holdout=hits[1], naive=_occurs_once(blind, real, nominal=column.nominal))


def _occurs_once(values: NDArray[np.generic], among: NDArray[np.generic], *, nominal: bool) -> Hits:
    counts = pd.Series(among.astype(str) if nominal else among).value_counts()
    found = pd.Series(values.astype(str) if nominal else values, dtype=counts.index.dtype).map(counts)
    return (found == 1).to_numpy(dtype=bool)


def _singles_out_beyond(side: NDArray[np.float64], values: NDArray[np.float64]) -> Hits:
    """Whether exactly one row is at or below the smallest value, and at or above the largest."""
    return np.array([(side <= values[0]).sum() == 1, (side >= values[-1]).sum() == 1])


def multivariate(train: Points, holdout: Points, synthetic: Points, size: int, rng: np.random.Generator) -> Guesses:
    """Predicates on several columns of a synthetic row that no other synthetic row meets, at most one per row.

    Nominal columns must be equal, ordered ones at least (or at most) as far from the median as the synthetic row, on
    its side. The naive ones take the columns from different synthetic rows.
    """
    order = rng.permutation(synthetic.rows)
    none = np.zeros(0, dtype=bool)
    found = [Guesses(train=none, holdout=none, naive=none)]

    for start in range(0, len(order), BATCH):
        found.append(_make_guesses(train, holdout, synthetic, order[start : start + BATCH], rng))
        # Most candidates single no row out, so batches are tried until enough predicates do.
        if sum(len(part.train) for part in found) >= size:
            break

    train_hits, holdout_hits, naive = (
        np.concatenate([getattr(part, side) for part in found])[:size] for side in ("train", "holdout", "naive")
    )
    return Guesses(train=train_hits, holdout=holdout_hits, naive=naive)


def _make_guesses(
    train: Points, holdout: Points, synthetic: Points, rows: NDArray[np.intp], rng: np.random.Generator
) -> Guesses:
    """Predicates from some synthetic rows, restricted to predicates that single a row out."""
    cells = np.repeat(rows[:, None], synthetic.columns, axis=1)
    picked = _random_columns(len(rows), synthetic.columns, rng)
    alone = np.zeros(len(rows), dtype=bool)

    for attempt in range(TRIES):
        open_ = np.flatnonzero(~alone)
        if attempt:
            picked[open_] = _random_columns(len(open_), synthetic.columns, rng)
        alone[open_] = _count_matches(synthetic, synthetic, picked[open_], cells[open_]) == 1

    picked = picked[alone]
    cells = cells[alone]
    blind = rng.integers(synthetic.rows, size=cells.shape)
    hits = [_count_matches(side, synthetic, picked, cells) == 1 for side in (train, holdout)]

    return Guesses(train=hits[0], holdout=hits[1], naive=_count_matches(train, synthetic, picked, blind) == 1)


def _random_columns(size: int, columns: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each predicate has each column, (size, columns): a random number of columns, 2 to MAX_COLUMNS."""
    ranks = rng.random((size, columns)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks < rng.integers(2, min(columns, MAX_COLUMNS) + 1, (size, 1)))


def _count_matches(
    side: Points, synthetic: Points, picked: NDArray[np.bool_], cells: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Rows of a table that meet each predicate, (predicates,).

    Args:
        side: Rows that are compared with the predicates.
        synthetic: Synthetic rows whose cells make the predicates.
        picked: (predicates, columns), which columns each has.
        cells: (predicates, columns), the synthetic rows whose cells it is made of.
    """
    step = max(1, CHUNK_BYTES // max(side.rows, 1))
    counts = np.zeros(len(picked), dtype=np.int64)
    for start in range(0, len(picked), step):
        block = slice(start, start + step)
        met = np.ones((len(picked[block]), side.rows), dtype=bool)
        for column in range(side.columns):
            these = np.flatnonzero(picked[block, column])
            if len(these):
                met[these] &= _meets_conditions(side, synthetic, column, cells[block][these, column])

        counts[block] = met.sum(axis=1)

    return counts


def _meets_conditions(side: Points, synthetic: Points, column: int, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether rows of a table meet the conditions from one column of the synthetic rows, (rows, synthetic rows)."""
    if column < len(side.codes):
        return np.asarray(side.codes[column][None, :] == synthetic.codes[column][rows][:, None])

    place = column - len(side.codes)
    values = side.quantiles[place]
    bounds = synthetic.quantiles[place][rows]
    met = np.empty((len(rows), side.rows), dtype=bool)
    above = bounds > 0.5
    gone = np.isnan(bounds)
    met[above] = values[None, :] >= bounds[above][:, None]
    met[~above] = values[None, :] <= bounds[~above][:, None]
    met[gone] = np.isnan(values)[None, :]

    return met
