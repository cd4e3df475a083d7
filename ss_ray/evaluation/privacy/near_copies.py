"""Near copies: synthetic rows that lie closer to a training row than unseen real rows do.

Small changes of a copied row hide it from a search for equal rows, but not from its distance. Two bars are set by the
holdout, both at the 5 % of its rows that are closest: the distance to the closest training row, and that distance as a
share of the distance to the second closest. The second is needed because a generator that prefers the dense middle of
the table comes close to training rows, as it does to all real rows, without having copied one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.metrics import Metric, measured
from ss_ray.evaluation.nearest import Neighbours
from ss_ray.evaluation.significance import exceed_p_value, share

CLOSEST = 0.05
"""Share of holdout rows, the closest ones, that set the bar."""
QUANTILES = 101


@dataclass(frozen=True, kw_only=True)
class NearCopies:
    """Rows nearer to a training row than almost all holdout rows are.

    Attributes:
        distance: The bar: below it are the CLOSEST holdout rows; in [0, 1].
        synthetic: Share of distinct synthetic rows below it.
        holdout: Share of holdout rows below it; under CLOSEST where distances tie.
        p_value: Probability that at least as many synthetic rows are below the bar by chance.
        relative: Share of distinct synthetic rows below the bar of the distance relative to the second closest.
        relative_p_value: Probability that at least as many synthetic rows are below the relative bar by chance.
    """

    distance: Metric
    synthetic: Metric
    holdout: Metric
    p_value: Metric
    relative: Metric
    relative_p_value: Metric


@dataclass(frozen=True, kw_only=True)
class DistanceQuantiles:
    """The 0th to 100th percentile of three samples of distances, for plots; empty where there are none.

    Attributes:
        to_train: From distinct synthetic rows to the closest of as many training rows as there are holdout rows.
        to_holdout: From the same rows to the closest holdout row.
        of_holdout: From holdout rows to the closest of the same training rows.
    """

    to_train: tuple[float, ...] = ()
    to_holdout: tuple[float, ...] = ()
    of_holdout: tuple[float, ...] = ()


def near_copies(synthetic: Neighbours, holdout: Neighbours, *, seed: int) -> NearCopies:
    """Compare synthetic with holdout rows.

    Args:
        synthetic: Nearest training rows of distinct synthetic rows.
        holdout: Nearest training rows, among the same ones, of holdout rows; not empty.
        seed: Seed of the samples.
    """
    bar = _compute_bar(holdout.distance)
    below = synthetic.distance < bar
    relative = _compute_relative_distances(synthetic)
    relatively_below = relative < _compute_bar(_compute_relative_distances(holdout))
    # The bar is itself an order statistic of a sample, which the test takes into account.
    rank = int(CLOSEST * len(holdout.distance)) + 1
    p_values = [
        exceed_p_value(int(hits.sum()), len(hits), rank, len(holdout.distance)) for hits in (below, relatively_below)
    ]

    return NearCopies(
        distance=measured(bar, len(holdout.distance), seed=seed),
        synthetic=share(below, seed=seed),
        holdout=share(holdout.distance < bar, seed=seed),
        p_value=p_values[0],
        relative=share(relatively_below, seed=seed),
        relative_p_value=p_values[1],
    )


def quantiles(distances: NDArray[np.float32]) -> tuple[float, ...]:
    """QUANTILES quantiles in equal steps from the smallest to the largest."""
    return tuple(np.quantile(distances.astype(np.float64), np.linspace(0, 1, QUANTILES)).tolist())


def _compute_bar(distances: NDArray[np.float32]) -> float:
    """The CLOSEST quantile (5 %) of the distances."""
    return float(np.sort(distances)[int(CLOSEST * len(distances))])


def _compute_relative_distances(neighbours: Neighbours) -> NDArray[np.float32]:
    """Distance to the closest by that to the second closest; 1 where both are 0 or there is no second."""
    # Two equal neighbours have no ratio of distances.
    known = (neighbours.second > 0) & np.isfinite(neighbours.second)
    return np.divide(neighbours.distance, neighbours.second, out=np.ones_like(neighbours.distance), where=known)
