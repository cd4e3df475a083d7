"""Tests and intervals that the measurements of privacy share, all of the question "more than unseen real rows?".

A table made without a look at the training rows treats training and holdout rows alike: each of these tests gives the
probability of a difference at least as large as the one found under that assumption, in one direction only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, binomtest, norm

from ss_ray.evaluation.metrics import Metric, measured, unavailable

Z_95 = 1.959964
"""Standard deviations either side of a two-sided 95 % interval."""


def share(hits: NDArray[np.bool_], *, seed: int | None = None) -> Metric:
    """Share of True, with Wilson's interval.

    Example:
        >>> copies = share(np.array([True, False, False, False]))
        >>> copies.value, [round(bound, 2) for bound in copies.bounds]
        (0.25, [0.05, 0.7])
    """
    if not len(hits):
        return unavailable("there are no values to compare")

    rate = float(hits.mean())
    size = len(hits)
    centre, half = wilson(int(hits.sum()), size)
    error = float(np.sqrt(rate * (1 - rate) / size))

    return measured(rate, size, seed=seed, std_error=error, bounds=(centre - half, centre + half))


def wilson(hits: float, size: int, z: float = Z_95) -> tuple[float, float]:
    """Centre and half width of Wilson's score interval of a rate.

    Source: Wilson 1927, Journal of the American Statistical Association 22(158), 209-212.
    """
    rate = hits / size
    squared = z * z
    centre = (rate + squared / (2 * size)) / (1 + squared / size)
    half = z / (1 + squared / size) * np.sqrt(rate * (1 - rate) / size + squared / (4 * size**2))
    return float(centre), float(half)


def rate_p_value(hits: int, size: int, chance_hits: int, chance_size: int) -> Metric:
    """One-sided test of two rates: given the number of all hits, the number on the first side.

    Source: Przyborowski & Wilenski 1940, Biometrika 31, 313-323 (the conditional test).

    Example:
        >>> round(rate_p_value(9, 100, chance_hits=1, chance_size=100).value, 3)
        0.011
    """
    if not size or not chance_size:
        return unavailable("there are no values to compare")
    if not hits + chance_hits:
        return measured(1.0, size)

    # Given all hits, each falls on the first side with this probability. Unlike a test against the second rate as
    # exact, it treats that rate as a sample too.
    expected = size / (size + chance_size)
    return measured(float(binomtest(hits, hits + chance_hits, expected, alternative="greater").pvalue), size)


def exceed_p_value(above: int, size: int, rank: int, reference: int) -> Metric:
    """Probability that `above` or more of `size` values exceed the rank-th largest of `reference` like values.

    The share of a population above the rank-th largest of a sample has a beta distribution, so the count is
    beta-binomial: exact, and on the safe side where values tie.

    Source: Wilks 1942, Annals of Mathematical Statistics 13(4), 400-409.
    """
    return measured(float(betabinom.sf(above - 1, size, rank, reference - rank + 1)), min(size, reference))


def mean_p_value(difference: float, std_error: float, size: int) -> Metric:
    """One-sided normal test that a difference of means is above 0; without noise, the p-value is 0 or 1."""
    if std_error <= 0:
        return measured(float(difference <= 0), size)
    return measured(float(norm.sf(difference / std_error)), size)
