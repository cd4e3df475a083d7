"""Strength of the association of every pair of columns, as one square matrix per table.

Pearson's correlation between ordered columns, Theil's U between nominal ones, the correlation ratio between a nominal
and an ordered one: the measures of the NeMo report, so that its numbers can be compared. Missing values are a category
of nominal columns, and are left out pairwise of ordered ones. A constant column goes with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ss_ray.evaluation.columns import Table, Values

Codes = NDArray[np.int64]
"""Category codes 0..k-1, missing included, shape (rows,)."""


def association_matrix(table: Table) -> NDArray[np.float64]:
    """Association of every pair of columns.

    Returns:
        (columns, columns), diagonal 1. Pearson in [-1, 1], the others in [0, 1]. Entry [i, j] of two nominal
        columns is U(i | j), the share of i's entropy that j explains; all other entries are symmetric.
    """
    nominal = [i for i, c in enumerate(table.columns) if c.nominal]
    ordered = [i for i, c in enumerate(table.columns) if not c.nominal]
    codes = [category_codes(table.values[table.columns[i].name]) for i in nominal]
    numbers = np.array([table.values[table.columns[i].name] for i in ordered]).reshape(len(ordered), table.rows).T
    matrix = np.eye(len(table.columns))
    if len(ordered) > 1:
        matrix[np.ix_(ordered, ordered)] = pearson(numbers)

    matrix[np.ix_(nominal, nominal)] = theils_u(codes)
    for i, column in zip(nominal, codes, strict=True):
        matrix[i, ordered] = matrix[ordered, i] = correlation_ratios(column, numbers)

    return matrix


def category_codes(values: Values) -> Codes:
    """Codes of a nominal column; missing values get a code of their own."""
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0], dtype=np.int64)


def pearson(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pairwise complete correlations of (rows, columns); 0 where one side is constant; diagonal 1."""
    matrix = np.nan_to_num(pd.DataFrame(values).corr(min_periods=2).to_numpy(copy=True), nan=0.0)
    np.fill_diagonal(matrix, 1.0)
    return np.clip(matrix, -1.0, 1.0)


def theils_u(columns: Sequence[Codes]) -> NDArray[np.float64]:
    """U(i | j) of every pair of nominal columns: mutual information as a share of the entropy of i.

    Source: Theil 1970, "On the estimation of relationships involving qualitative variables".
    """
    entropies = [entropy(codes) for codes in columns]
    sizes = [int(codes.max(initial=0)) + 1 for codes in columns]
    matrix = np.eye(len(columns))

    for i, j in combinations(range(len(columns)), 2):
        # One code for each pair of categories.
        joint = entropy(columns[i] * sizes[j] + columns[j])
        # Rounding may make the mutual information of independent columns negative.
        information = max(entropies[i] + entropies[j] - joint, 0.0)
        if entropies[i] > 1e-12:
            matrix[i, j] = min(information / entropies[i], 1.0)
        else:
            matrix[i, j] = 0.0

        if entropies[j] > 1e-12:
            matrix[j, i] = min(information / entropies[j], 1.0)
        else:
            matrix[j, i] = 0.0

    return matrix


def entropy(codes: Codes) -> float:
    """Shannon entropy in nats of the observed frequencies."""
    # Counting beats sorting while the range is small.
    dense = int(codes.max(initial=0)) < 4 * len(codes) + 1024
    if dense:
        counts = np.bincount(codes)
    else:
        counts = np.unique(codes, return_counts=True)[1]

    shares = counts[counts > 0] / max(len(codes), 1)
    return float(-(shares * np.log(shares)).sum())


def correlation_ratios(codes: Codes, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eta of each column: root of the share of its variance that lies between categories.

    Args:
        codes: Category code of each row, (rows,).
        values: (rows, columns), NaN for missing.

    Returns:
        (columns,) in [0, 1]; 0 where a column is constant or has fewer than two values.
    """
    present = ~np.isnan(values)
    counts = present.sum(axis=0)
    scale = np.abs(np.where(present, values, 0.0)).max(axis=0, initial=1e-300)
    # Squares of extreme numbers would overflow.
    scaled = np.where(present, values, 0.0) / scale
    deviations = np.where(present, scaled - scaled.sum(axis=0) / np.maximum(counts, 1), 0.0)
    shape = (int(codes.max(initial=0)) + 1, len(codes))
    groups = csr_array(
        (np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=shape
    )  # (categories, rows), one-hot
    sums = groups @ deviations
    sizes = groups @ present.astype(float)
    between = (sums**2 / np.maximum(sizes, 1.0)).sum(axis=0)
    total = (deviations**2).sum(axis=0)
    # Rounding leaves a constant column a variance of this size.
    varies = (counts > 1) & (total > 1e-24)

    return np.asarray(np.sqrt(np.clip(between / np.where(varies, total, np.inf), 0.0, 1.0)))
