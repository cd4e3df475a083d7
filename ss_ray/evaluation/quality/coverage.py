"""Share of the real table that the synthetic table covers, and share of the synthetic table outside the real one.

alpha-precision asks whether synthetic rows are typical real rows, beta-recall whether real rows are typical synthetic
ones. Typical is a row close to others: the support at level alpha holds the share alpha of a table's rows whose nearest
neighbours are closest (distances of `nearest`). Beside the supports stand plain counts of categories and ranges.

Two choices differ from the code of the paper: supports are level sets of the distance to the nearest neighbour, which
follow dependences between columns as a ball around a centre does not, and ties count in part, so that tables of a few
categories can reach the best score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, measured, not_measured, too_small, unavailable
from ss_ray.evaluation.nearest import Points, nearest, to_points

SUPPORT_ROWS = 2000
"""Most rows of each side behind precision and recall; fewer beyond SUPPORT_COLUMNS columns, to bound the time."""
SUPPORT_COLUMNS = 20
RARE = 0.01
"""Share of the training rows below which a category is rare."""
LEVELS = np.linspace(0.0, 1.0, 41)
RESAMPLES = 20
"""Bootstrap samples behind each standard error."""
TIE = 1e-6
"""Distances are float32 means over the columns; those that differ by less are equal."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Coverage of the training table by another. All values are shares in [0, 1]; 1 is best, except for `outside`.

    Attributes:
        alpha_precision: 1 less twice the area between the share of rows inside the real support at level alpha, and
            alpha. Low for noise, and for rows that keep to the middle.
        beta_recall: 1 less twice the corresponding area for training rows inside the support of the other table. Low
            where modes are lost.
        categories: Share of the training categories that occur.
        rare_categories: Share of those with fewer than RARE of the training rows.
        outside: Share of cells beyond the training range, in a category that no training row has, or missing where no
            training value is.

    Source of precision and recall: Alaa et al. 2022, arXiv:2102.08921, "How Faithful is your Synthetic Data?".
    """

    alpha_precision: Metric
    beta_recall: Metric
    categories: Metric
    rare_categories: Metric
    outside: Metric


def coverage(train: Table, other: Table, *, size: int, seed: int) -> Coverage:
    """Coverage of `train` by `other`.

    Args:
        train: Real rows that the support is estimated from.
        other: Rows with the same columns.
        size: Rows of `other` that are used at most: more rows cover more, so tables are compared at one size.
        seed: Seed of sampling and bootstrap.
    """
    if not train.columns:
        return not_measured(Coverage, "no column can be scored")
    if not min(train.rows, other.rows, size):
        return not_measured(Coverage, "one of the tables has no rows")

    rng = np.random.default_rng([seed, 20])
    drawn = other.take(rng.permutation(other.rows)[:size])
    precision, recall = _precision_and_recall(train, drawn, rng, seed=seed)
    everything, rare = category_coverage(train, drawn, seed=seed)

    return Coverage(
        alpha_precision=precision,
        beta_recall=recall,
        categories=everything,
        rare_categories=rare,
        outside=outside_share(train, other),
    )


def category_coverage(train: Table, other: Table, *, seed: int | None = None) -> tuple[Metric, Metric]:
    """Share of all categories of the training table, and of its rare categories, that occur in the other table."""
    frequencies: list[float] = []
    found: list[bool] = []
    for column in train.columns:
        if column.nominal:
            values = train.values[column.name]
            names, counts = np.unique(values[~missing(values)].astype(str), return_counts=True)
            frequencies += (counts / train.rows).tolist()
            found += np.isin(names, _drop_missing(other.values[column.name]).astype(str)).tolist()

    if not found:
        none = unavailable("no column has categories")
        return none, none

    hits = np.array(found)
    rare = np.array(frequencies) < RARE
    if not rare.any():
        return _measure_share(hits, other.rows, seed), unavailable(f"no category has fewer than {RARE:.0%} of the rows")

    return _measure_share(hits, other.rows, seed), _measure_share(hits[rare], other.rows, seed)


def outside_share(train: Table, other: Table) -> Metric:
    """Share of the other table's cells with a value that no training value is like; see `Coverage.outside`."""
    if not other.rows or not other.columns:
        return unavailable("there are no cells")

    cells = [_is_outside(train.values[c.name], other.values[c.name], c) for c in train.columns]
    # (rows,): cells of a row are not independent of each other.
    rates = np.mean(cells, axis=0)
    if len(rates) > 1:
        error = float(rates.std(ddof=1) / np.sqrt(len(rates)))
    else:
        error = None

    return measured(float(rates.mean()), other.rows, std_error=error)


def support_agreement(reference: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """1 less twice the area between the levels and the share of `other` inside the support at each, in [0, 1].

    Args:
        reference: Distance of each row of a table to its nearest neighbour in that table.
        other: Distance of the rows of another table to their nearest neighbour in the same table.
    """
    known = np.sort(reference)
    below = np.searchsorted(known, other - TIE, "left") / len(known)
    # Ties count in part, so that tables of few categories can reach the best score.
    width = np.searchsorted(known, other + TIE, "right") / len(known) - below
    inside = np.clip((LEVELS[:, None] - below) / np.maximum(width, 1e-12), 0.0, 1.0).mean(axis=1)
    return float(np.clip(1.0 - 2.0 * np.trapezoid(np.abs(inside - LEVELS), LEVELS), 0.0, 1.0))


def _precision_and_recall(train: Table, other: Table, rng: np.random.Generator, *, seed: int) -> tuple[Metric, Metric]:
    # The cost of all distances grows with the columns and with the square of the rows.
    most = SUPPORT_ROWS * min(1.0, SUPPORT_COLUMNS / len(train.columns)) ** 0.5
    size = min(train.rows, other.rows, int(most))
    if size < MIN_ROWS:
        none = unavailable(too_small({"training": train.rows, "compared": other.rows}))
        return none, none

    drawn = [table.take(rng.permutation(table.rows)[:size]) for table in (train, other)]
    real, made = to_points(train, *drawn)
    return _measure_agreement(real, made, rng, seed=seed), _measure_agreement(made, real, rng, seed=seed)


def _measure_agreement(reference: Points, other: Points, rng: np.random.Generator, *, seed: int) -> Metric:
    """Share of `other` in the supports of `reference`, with the standard error of a bootstrap of both distances."""
    x = nearest(reference, reference, own=np.arange(reference.rows)).distance.astype(np.float64)
    y = nearest(other, reference).distance.astype(np.float64)
    draws = [support_agreement(rng.choice(x, len(x)), rng.choice(y, len(y))) for _ in range(RESAMPLES)]
    return measured(support_agreement(x, y), len(y), seed=seed, std_error=float(np.std(draws, ddof=1)))


def _is_outside(train: Values, other: Values, column: ScoredColumn) -> NDArray[np.bool_]:
    known = _drop_missing(train)
    gone = missing(other)
    if not len(known):
        return ~gone

    # A missing cell is outside only if no training value is missing.
    lost = gone & ~missing(train).any()
    if column.nominal:
        return np.asarray(lost | (~gone & ~np.isin(np.where(gone, "", other).astype(str), known.astype(str))))

    return np.asarray(lost | (other < known.min()) | (other > known.max()))


def _drop_missing(values: Values) -> Values:
    return values[~missing(values)]


def _measure_share(hits: NDArray[np.bool_], rows: int, seed: int | None) -> Metric:
    """A share of categories with its binomial standard error; the sample size is the number of rows."""
    rate = float(hits.mean())
    return measured(rate, rows, seed=seed, std_error=float(np.sqrt(rate * (1 - rate) / len(hits))))
