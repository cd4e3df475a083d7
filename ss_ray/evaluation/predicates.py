"""Predicates that single someone out: guesses about the real table, made from the synthetic one alone.

A predicate succeeds on a table if exactly one of its rows meets it. How predicates are guessed follows Giomi et al.
2023 (arXiv:2211.10459); the numbers of columns and the naive predicates are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, missing
from ss_ray.evaluation.copies import comparable
from ss_ray.evaluation.nearest import Points

MAX_COLUMNS = 8
"""Columns of a multivariate predicate; each has a random number of them, at least 2."""
TRIES = 4
"""Random choices of columns per synthetic row, because not all of them single it out."""
Hits = NDArray[np.bool_]
"""Whether each predicate singles out a row, (predicates,)."""


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """Success of predicates on training rows and on holdout rows, and of naive ones on training rows."""

    train: Hits
    holdout: Hits
    naive: Hits


def univariate(train: Table, holdout: Table, synthetic: Table, size: int, rng: np.random.Generator) -> Guesses:
    """Predicates on one column: a value that occurs once in the synthetic table, or reaching beyond its extremes.

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
        hits = [np.append(h, _beyond(side, values)) for h, side in zip(hits, (real, unseen), strict=True)]
    blind = made[rng.integers(0, len(made), size)] if len(made) else made
    return Guesses(train=hits[0], holdout=hits[1], naive=_occurs_once(blind, real, nominal=column.nominal))


def _occurs_once(values: NDArray[np.generic], among: NDArray[np.generic], *, nominal: bool) -> Hits:
    counts = pd.Series(among.astype(str) if nominal else among).value_counts()
    found = pd.Series(values.astype(str) if nominal else values, dtype=counts.index.dtype).map(counts)
    return (found == 1).to_numpy(dtype=bool)


def _beyond(side: NDArray[np.float64], values: NDArray[np.float64]) -> Hits:
    """Whether one row is at or below the smallest value, and at or above the largest."""
    return np.array([(side <= values[0]).sum() == 1, (side >= values[-1]).sum() == 1])


def multivariate(train: Points, holdout: Points, synthetic: Points, size: int, rng: np.random.Generator) -> Guesses:
    """Predicates on several columns of a synthetic row that no other one meets, at most one per row.

    Nominal columns must be equal, ordered ones at least (or at most) as far from the median as the synthetic row, on
    its side. The naive ones take the columns from different synthetic rows.
    """
    hits: list[list[bool]] = []
    naive: list[bool] = []
    for row in rng.permutation(synthetic.rows):
        if len(hits) == size:
            break
        columns = _singling_columns(synthetic, row, rng)
        if columns is not None:
            cells = np.full(len(columns), row)
            hits.append([_matches(side, synthetic, columns, cells) == 1 for side in (train, holdout)])
            blind = rng.integers(synthetic.rows, size=len(columns))
            naive.append(_matches(train, synthetic, columns, blind) == 1)
    found = np.array(hits, dtype=bool).reshape(len(hits), 2)
    return Guesses(train=found[:, 0], holdout=found[:, 1], naive=np.array(naive, dtype=bool))


def _singling_columns(synthetic: Points, row: int, rng: np.random.Generator) -> NDArray[np.intp] | None:
    """Random columns by which a synthetic row is alone; None if TRIES of them are not enough."""
    for _ in range(TRIES):
        columns = rng.permutation(synthetic.columns)[: rng.integers(2, min(synthetic.columns, MAX_COLUMNS) + 1)]
        if _matches(synthetic, synthetic, columns, np.full(len(columns), row)) == 1:
            return columns
    return None


def _matches(side: Points, synthetic: Points, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> int:
    """Rows of a table that meet the predicate made of these cells of the synthetic table."""
    met = np.ones(side.rows, dtype=bool)
    for column, row in zip(columns, rows, strict=True):
        if column < len(side.codes):
            met &= side.codes[column] == synthetic.codes[column][row]
            continue
        values, bound = side.quantiles[column - len(side.codes)], synthetic.quantiles[column - len(side.codes)][row]
        if np.isnan(bound):
            met &= np.isnan(values)
        else:
            met &= values >= bound if bound > 0.5 else values <= bound
    return int(met.sum())
