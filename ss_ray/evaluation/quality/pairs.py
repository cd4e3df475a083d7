"""Pairs of columns: how far the joint distribution of two columns is from the training table's, pair by pair.

Two nominal columns, or a nominal and an ordered one (in tenths of the training values): total variation of the
contingency table. Two ordered columns: half the difference of Spearman's rank correlation. All are in [0, 1], 0 is
best, and missing values are a category. The same for the holdout, at the same number of rows, tells how much is noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.associations import pearson
from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.models import encode_labels, frequent_codes

WORST = 10
"""Pairs that are listed by name."""
MAX_COLUMNS = 100
"""Columns that are paired, the first ones."""
MAX_CATEGORIES = 20
"""Categories of a column that are told apart; the others are one more."""
BINS = 10

Measure = Literal["contingency", "rank correlation", "binned contingency"]


@dataclass(frozen=True, kw_only=True)
class PairDistance:
    """Distance of one pair of columns.

    Attributes:
        first: Name of the first column.
        second: Name of the second column.
        measure: Measure of the pair; see the top of this file.
        distance: Synthetic against training table, 0 to 1.
        baseline: Holdout against training table.
    """

    first: str
    second: str
    measure: Measure
    distance: Metric
    baseline: Metric


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """All pairs of columns.

    Attributes:
        mean: Mean distance of synthetic and training table over all pairs, 0 to 1.
        baseline: Mean distance of all pairs of the holdout.
        worst: The pairs that are furthest off beyond what the holdout is, at most WORST.
        columns: Columns that were paired.
    """

    mean: Metric
    baseline: Metric
    worst: tuple[PairDistance, ...]
    columns: int


def compare_pairs(train: Table, holdout: Table | None, synthetic: Table, *, no_holdout: str, seed: int) -> Pairs:
    """Distances of all pairs of columns.

    Args:
        train: Real rows that both tables are compared with.
        holdout: Unseen real rows; None where there are none.
        synthetic: Generated rows, as many as there are holdout rows.
        no_holdout: Why there is no holdout, in words.
        seed: Seed of the samples.
    """
    columns = train.columns[:MAX_COLUMNS]
    if len(columns) < 2 or not min(train.rows, synthetic.rows):
        few = len(columns) < 2
        none = unavailable("there are fewer than two columns to score, so no pair" if few else "a table has no rows")
        return Pairs(mean=none, baseline=none, worst=(), columns=len(columns))

    names = list(combinations(range(len(columns)), 2))
    distances = _measure_pairs(train, synthetic, columns)
    size = min(train.rows, synthetic.rows)
    if holdout is None or not holdout.rows:
        excess = distances
        floor = unavailable(no_holdout if holdout is None else "the holdout has no rows")
        baselines = [floor] * len(names)
    else:
        marks = _measure_pairs(train, holdout, columns)
        excess = distances - marks
        floor = measured(float(marks.mean()), min(train.rows, holdout.rows), seed=seed)
        baselines = [measured(mark, floor.sample_size, seed=seed) for mark in marks]

    # The worst pairs are those farthest above the mark of a fresh real sample.
    order = np.argsort(-excess, kind="stable")[:WORST]
    worst = tuple(
        PairDistance(
            first=columns[names[k][0]].name,
            second=columns[names[k][1]].name,
            measure=_choose_measure(columns[names[k][0]], columns[names[k][1]]),
            distance=measured(distances[k], size, seed=seed),
            baseline=baselines[k],
        )
        for k in order
    )
    mean = measured(float(distances.mean()), size, seed=seed)

    return Pairs(mean=mean, baseline=floor, worst=worst, columns=len(columns))


def _choose_measure(first: ScoredColumn, second: ScoredColumn) -> Measure:
    if first.nominal and second.nominal:
        return "contingency"
    if first.nominal or second.nominal:
        return "binned contingency"
    return "rank correlation"


def _measure_pairs(train: Table, other: Table, columns: tuple[ScoredColumn, ...]) -> NDArray[np.float64]:
    """Distance of each pair, in the order of `combinations`."""
    codes = {c.name: _encode_cells(train.values[c.name], other.values[c.name], c) for c in columns}
    correlations = rank_correlations(train, columns), rank_correlations(other, columns)
    return np.array(
        [
            _total_variation(codes, columns[i].name, columns[j].name)
            if columns[i].nominal or columns[j].nominal
            else abs(correlations[0][i, j] - correlations[1][i, j]) / 2
            for i, j in combinations(range(len(columns)), 2)
        ]
    )


Cells = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Category or bin of each training row, and of each other row."""


def _encode_cells(train: Values, other: Values, column: ScoredColumn) -> Cells:
    """Small codes of both sides; missing values have a code of their own."""
    codes: list[NDArray[np.float64]]
    if column.nominal:
        known = frequent_codes(train, MAX_CATEGORIES)
        rest = len(known)
        codes = [np.nan_to_num(encode_labels(v, known), nan=rest) for v in (train, other)]
    else:
        present = train[~missing(train)]
        if len(present):
            # Frequent values may be several quantiles at once.
            edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS))
        else:
            edges = np.zeros(0)

        rest = len(edges)
        codes = [np.searchsorted(edges, v, side="right").astype(np.float64) for v in (train, other)]

    x, y = (np.where(missing(v), rest + 1, c).astype(np.int64) for v, c in zip((train, other), codes, strict=True))
    return x, y


def _total_variation(codes: Mapping[str, Cells], first: str, second: str) -> float:
    """Total variation of the joint distributions of two columns of codes."""
    width = 1 + max(int(part.max(initial=0)) for part in codes[second])
    # One code for each pair of cells.
    joint = [a * width + b for a, b in zip(codes[first], codes[second], strict=True)]
    size = 1 + max(int(part.max(initial=0)) for part in joint)
    x, y = (np.bincount(part, minlength=size) / len(part) for part in joint)
    return float(np.abs(x - y).sum() / 2)


def rank_correlations(table: Table, columns: tuple[ScoredColumn, ...]) -> NDArray[np.float64]:
    """Spearman's correlation of each pair of ordered columns, (columns, columns); 0 for pairs with nominal columns.

    Ranks are those among all values of a column, also where the other one is missing.
    """
    empty = np.full(table.rows, np.nan)
    # Nominal columns have no ranks; their pairs are measured otherwise.
    values = np.array([empty if c.nominal else table.values[c.name].astype(float) for c in columns]).T
    return pearson(pd.DataFrame(values).rank().to_numpy())
