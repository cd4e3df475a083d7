"""Dependence of a number on the earlier numbers of its sequence, and its similarity in two tables.

The profile of a column is its correlation with itself at each lag, over whole sequences. NeMo compares sequences of one
name in both tables; ours have names of their own, so profiles are averaged over the sequences of a table before they
are compared. For a table that is one sequence the numbers are NeMo's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Ints
from ss_ray.evaluation.sequence_rows import SequenceRows

MIN_PAIRS = 3
"""Pairs of values below which a sequence says nothing about a lag."""
CONSTANT = 1e-14
"""Variance within a sequence, as a share of the column's largest squared deviation, below which it is constant."""


@dataclass(frozen=True, kw_only=True)
class LagLimits:
    """Columns and lags that are compared; the defaults are NeMo's.

    Attributes:
        columns: Ordered columns that are compared; None for all of them.
        max_lag: Largest lag in rows.
        min_points: Values of a sequence below which it has no profile.
        max_groups: SequenceRows of each table, drawn at random.
    """

    columns: tuple[str, ...] | None = None
    max_lag: int = 20
    min_points: int = 4
    max_groups: int = 128


NEMO_LIMITS = LagLimits()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Autocorrelation of one column of one table.

    Attributes:
        correlation: (lags,) in [-1, 1], lag 1 first; NaN where no sequence is long enough.
        support: (lags,) pairs of values behind each.
    """

    correlation: NDArray[np.float64]
    support: Ints


def profile(sequences: SequenceRows, name: str, limits: LagLimits = NEMO_LIMITS) -> Profile:
    """Autocorrelation of an ordered column at lags up to min(max_lag, (n - 1) // 2) of each sequence of n values."""
    values = _scale_values(sequences.table.values[name].astype(np.float64))
    points = np.bincount(sequences.group[~np.isnan(values)], minlength=len(sequences.lengths))
    # As in NeMo, so that the numbers can be compared.
    longest = np.where(points >= limits.min_points, np.minimum(limits.max_lag, (points - 1) // 2), 0)
    lags = range(1, int(longest.max(initial=0)) + 1)
    found = [_at_lag(sequences, values, lag, longest >= lag) for lag in lags]

    return Profile(
        correlation=np.array([correlation for correlation, _ in found], dtype=np.float64),
        support=np.array([support for _, support in found], dtype=np.int64),
    )


def profile_similarity(train: Profile, other: Profile) -> float:
    """1 less the share of the lag structure that differs beyond sampling noise, in [0, 1]; NaN without common lags.

    Noise is Bartlett's standard error of both sides. Constant values in `other` have no profile and score 0.

    Source: NeMo Safe Synthesizer, autocorrelation similarity.
    """
    size = min(len(train.correlation), len(other.correlation))
    x = train.correlation[:size]
    y = other.correlation[:size]
    # Constant values have no profile; a varying column that became constant lost all of its dependence.
    if np.isfinite(x).any() and not np.isfinite(y).any():
        return 0.0

    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        return float("nan")

    # Bartlett's standard error of both sides: a difference within the noise costs nothing.
    noise = np.hypot(_standard_error(train)[:size], _standard_error(other)[:size])[both]
    x = x[both]
    y = y[both]
    weight = 1.0 / noise**2
    excess = np.maximum(np.abs(x - y) - noise, 0.0)
    magnitude = np.maximum(np.maximum(np.abs(x), np.abs(y)), noise)

    return float(np.clip(1.0 - (weight * excess).sum() / (weight * magnitude).sum(), 0.0, 1.0))


def _standard_error(profile: Profile) -> NDArray[np.float64]:
    """Source: Bartlett 1946, Journal of the Royal Statistical Society (Supplement) 8(1), large-sample variance."""
    squares = np.nan_to_num(profile.correlation) ** 2
    # Bartlett's variance at a lag sums the squares of the lags below it.
    earlier = np.cumsum(squares) - squares
    return np.sqrt((1.0 + 2.0 * earlier) / np.maximum(profile.support, 1))


def _scale_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values about 0 and at most 1 in size: squares of extreme numbers would overflow."""
    if np.isnan(values).all():
        return values

    scaled = values / (np.nanmax(np.abs(values)) or 1.0)
    scaled = scaled - np.nanmean(scaled)
    spread = float(np.nanmax(np.abs(scaled)))
    # Smaller spreads are rounding errors of a constant column.
    if spread > 32 * np.finfo(float).eps:
        return scaled / spread

    return np.zeros_like(values) * scaled


def _at_lag(
    sequences: SequenceRows, values: NDArray[np.float64], lag: int, usable: NDArray[np.bool_]
) -> tuple[float, int]:
    """Mean correlation over sequences, weighted by their pairs, and the number of pairs."""
    start = sequences.neighbours(lag)
    start = start[~np.isnan(values[start]) & ~np.isnan(values[start + lag]) & usable[sequences.group[start]]]
    group = sequences.group[start]
    size = len(sequences.lengths)
    pairs = np.bincount(group, minlength=size)
    x, y = (_centre_values(values[start + shift], group, pairs) for shift in (0, lag))
    covariance, x_square, y_square = (np.bincount(group, part, size) for part in (x * y, x * x, y * y))
    # Constant sequences have no correlation; too few pairs say nothing.
    varies = (pairs >= MIN_PAIRS) & (np.minimum(x_square, y_square) > CONSTANT * pairs)
    if not varies.any():
        return float("nan"), 0

    correlation = covariance[varies] / np.sqrt(x_square[varies] * y_square[varies])
    return float(np.average(np.clip(correlation, -1.0, 1.0), weights=pairs[varies])), int(pairs[varies].sum())


def _centre_values(values: NDArray[np.float64], group: Ints, pairs: Ints) -> NDArray[np.float64]:
    """Values less the mean of their sequence."""
    means = np.bincount(group, values, len(pairs)) / np.maximum(pairs, 1)
    return values - means[group]
