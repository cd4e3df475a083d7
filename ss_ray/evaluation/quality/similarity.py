"""Distance of two tables by the raw values of the NeMo report; 0 is best.

Source of bins, measures and special values: section 5.2 of the reference on NeMo Safe Synthesizer. Two of its faults
are not copied: columns that cannot be scored do not count as perfect, and the association difference is also given
without the diagonal, which is the same in every table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import rel_entr

from ss_ray.evaluation.associations import association_matrix
from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, measured, not_measured, too_small, unavailable

EMPTY_SIDE_DISTANCE = 0.5887
"""Distance of a column that has values on one side only. Source: NeMo Safe Synthesizer, column distribution."""
MAX_BINS = 500


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Distance of one table to the training table.

    Attributes:
        distribution: Mean Jensen-Shannon distance of the columns, 0 to 1.
        correlation: Mean absolute difference of the association matrices, diagonal included as in NeMo.
        correlation_off_diagonal: Mean absolute difference of the matrices without the diagonal.
        deep_structure: Mean Jensen-Shannon distance of the first two principal components, 0 to 1.
    """

    distribution: Metric
    correlation: Metric
    correlation_off_diagonal: Metric
    deep_structure: Metric


def similarity(train: Table, other: Table, associations: NDArray[np.float64], *, seed: int) -> Similarity:
    """Compare a table with the training table.

    Args:
        train: Real rows that `other` is compared with.
        other: Rows with the same columns.
        associations: Association matrix of `train`, (columns, columns).
        seed: Seed of the samples.
    """
    size = min(train.rows, other.rows)
    if not train.columns:
        return not_measured(Similarity, "no column can be scored")
    if size < MIN_ROWS:
        return not_measured(Similarity, too_small({"training": train.rows, "compared": other.rows}))

    difference = np.abs(associations - association_matrix(other))
    distances = [column_distance(train.values[c.name], other.values[c.name], c) for c in train.columns]
    return Similarity(
        distribution=measured(float(np.mean(distances)), size, seed=seed),
        correlation=_compare_correlations(difference, np.ones_like(difference, dtype=bool), size, seed),
        correlation_off_diagonal=_compare_correlations(difference, ~np.eye(len(difference), dtype=bool), size, seed),
        deep_structure=measured(deep_structure_distance(train, other), size, seed=seed),
    )


def _compare_correlations(difference: NDArray[np.float64], entries: NDArray[np.bool_], size: int, seed: int) -> Metric:
    if len(difference) < 2:
        return unavailable("there is only one column to score, so no pair")
    return measured(float(difference[entries].mean()), size, seed=seed)


def column_distance(train: Values, other: Values, column: ScoredColumn) -> float:
    """Jensen-Shannon distance (base 2) of the values that are present, in [0, 1]."""
    x = train[~missing(train)]
    y = other[~missing(other)]
    if not len(x) or not len(y):
        if len(x) == len(y):
            return 0.0
        return EMPTY_SIDE_DISTANCE

    return js_distance(*(category_counts(x, y) if column.nominal else histogram_counts(x, y)))


def js_distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Root of the Jensen-Shannon divergence (base 2) of two vectors of counts, in [0, 1].

    Source: Endres & Schindelin 2003, "A new metric for probability distributions".
    """
    p = p / p.sum()
    q = q / q.sum()
    middle = (p + q) / 2
    # scipy's entropy is in nats; the division gives bits, so that 1 is the largest distance.
    divergence = float((rel_entr(p, middle) + rel_entr(q, middle)).sum()) / (2 * np.log(2))
    # Rounding may leave the interval by a little.
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


def category_counts(x: Values, y: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts of each category of either side, (categories,) each."""
    codes = pd.factorize(np.concatenate([x, y]))[0]
    size = int(codes.max()) + 1
    return tuple(np.bincount(part, minlength=size).astype(float) for part in np.split(codes, [len(x)]))  # type: ignore[return-value]


def histogram_counts(x: Values, y: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Counts in common bins of numpy's "doane" rule, (bins,) each; at most MAX_BINS bins of equal width."""
    both = np.concatenate([x, y]).astype(float)
    both = both - both.min()
    # The rule is free of scale; this keeps extreme magnitudes from overflowing.
    both = both / (both.max() or 1.0)
    edges = np.histogram_bin_edges(both, bins="doane")
    # A few outliers would otherwise ask for millions of bins.
    if len(edges) <= MAX_BINS:
        bins = edges
    else:
        bins = np.linspace(0.0, 1.0, MAX_BINS + 1)

    return tuple(np.histogram(part, bins=bins)[0].astype(float) for part in np.split(both, [len(x)]))  # type: ignore[return-value]


def deep_structure_distance(train: Table, other: Table) -> float:
    """Mean distance of the first two principal components, fitted on the training table, in [0, 1]."""
    x, y = principal_components(train, other)
    return float(np.mean([js_distance(*histogram_counts(x[:, k], y[:, k])) for k in range(x.shape[1])]))


def principal_components(train: Table, other: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both tables in the first two principal components of the training table, (rows, 2) each; 1 for one column."""
    counts = {
        c.name: pd.Series(_label_missing(train, c)).value_counts(normalize=True) for c in train.columns if c.nominal
    }
    medians = {c.name: _present_median(train.values[c.name]) for c in train.columns if not c.nominal}
    real, made = (_component_features(table, counts, medians) for table in (train, other))
    centre = real.mean(axis=0)
    spread = real.std(axis=0)
    # A constant column has no direction to be scaled in.
    spread[spread == 0] = 1.0
    standard = (real - centre) / spread
    # (columns, 2)
    directions = np.linalg.svd(standard, full_matrices=False)[2][:2].T

    return standard @ directions, (made - centre) / spread @ directions


def _component_features(
    table: Table, counts: Mapping[str, pd.Series], medians: Mapping[str, float]
) -> NDArray[np.float64]:
    """(rows, columns): the training frequency of each category, the median for missing numbers."""
    features = np.zeros((table.rows, len(table.columns)))
    for j, column in enumerate(table.columns):
        values = table.values[column.name]
        if column.nominal:
            features[:, j] = pd.Series(_label_missing(table, column)).map(counts[column.name]).fillna(0.0)
        else:
            features[:, j] = np.where(missing(values), medians[column.name], values)

    return features


def _label_missing(table: Table, column: ScoredColumn) -> Values:
    """Labels with missing as a category of its own, which no label equals because it is not a string."""
    values = table.values[column.name].copy()
    # Labels are strings, so the number 0 equals none of them.
    values[missing(values)] = 0
    return values


def _present_median(values: Values) -> float:
    present = values[~missing(values)]
    if len(present):
        return float(np.median(present))
    return 0.0
