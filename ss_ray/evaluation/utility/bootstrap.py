"""Scores of predictions with standard errors, from samples of the test rows with replacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.metrics import Metric, measured
from ss_ray.evaluation.utility.prediction import Task, score

RESAMPLES = 30
"""Bootstrap samples of the test rows behind each standard error."""
Resampled = NDArray[np.float64]
"""A score on each sample, (resamples,)."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Score of one model on some test rows.

    Attributes:
        value: Score on all test rows; NaN where it is not defined.
        resampled: Scores on samples of the test rows, (resamples,).
        rows: Number of test rows.
        seed: Seed of the samples: two models on the same rows and seed are scored on the same samples.
    """

    value: float
    resampled: Resampled
    rows: int
    seed: int

    @property
    def metric(self) -> Metric:
        """The score with its standard error."""
        return measured(self.value, self.rows, seed=self.seed, std_error=_measure_spread(self.resampled))

    def less(self, other: Scored) -> Metric:
        """The difference of two scores; its standard error is of the pair."""
        error = _measure_spread(self.resampled - other.resampled)
        return measured(self.value - other.value, self.rows, seed=self.seed, std_error=error)


def score_predictions(
    task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64], *, seed: int, resamples: int = RESAMPLES
) -> Scored:
    """Score predictions of the same test rows as other models are scored on."""
    rng = np.random.default_rng([seed, 8])
    size = len(wanted)
    drawn = [np.bincount(rng.integers(0, size, size), minlength=size) for _ in range(resamples)]
    # How often each row is in each sample.
    weights = np.array(drawn, dtype=np.float64).reshape(resamples, size)
    if task.type == "regression":
        resampled = _resample_r2(wanted, predicted, weights)
    else:
        resampled = _resample_auc(task, wanted, predicted, weights)

    return Scored(value=score(task, wanted, predicted), resampled=resampled, rows=size, seed=seed)


def _resample_r2(
    wanted: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
) -> Resampled:
    """R2 on each sample, (resamples,); NaN where it is not defined."""
    # Squares of extreme numbers would overflow.
    scale = float(np.abs(wanted).max(initial=0.0)) or 1.0
    values = wanted / scale
    error = (wanted - predicted) / scale
    mean = weights @ values / weights.sum(axis=1)
    total = (weights * (values - mean[:, None]) ** 2).sum(axis=1)
    return np.where(total > 0, 1.0 - weights @ error**2 / np.where(total > 0, total, 1.0), np.nan)


def _resample_auc(
    task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
) -> Resampled:
    """Macro one-vs-rest ROC-AUC over the classes of each sample, (resamples,); NaN where a sample has one class."""
    classes = np.unique(wanted).astype(int)
    if len(classes) == 2 and len(task.classes) == 2:
        scored = classes[classes == 1]
    else:
        scored = classes

    found = np.array([weighted_auc(wanted == k, predicted[:, k], weights) for k in scored])
    known = ~np.isnan(found)
    several = np.array([weights[:, wanted == k].any(axis=1) for k in classes]).sum(axis=0) > 1
    mean = np.where(known, found, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)

    return np.where(several & known.any(axis=0), mean, np.nan)


def weighted_auc(positive: NDArray[np.bool_], score: NDArray[np.float64], weights: NDArray[np.float64]) -> Resampled:
    """Probability that a positive scores above a negative, ties half, for each row of weights; NaN if one is absent.

    Args:
        positive: Whether each row is positive, (rows,).
        score: Score of each row, (rows,).
        weights: (samples, rows), how often each row counts.
    """
    order = np.argsort(score, kind="stable")
    # Equal scores are one step.
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    steps = [np.add.reduceat(weights[:, order] * side[order], starts, axis=1) for side in (positive, ~positive)]
    below = np.cumsum(steps[1], axis=1) - steps[1] / 2
    pairs = steps[0].sum(axis=1) * steps[1].sum(axis=1)

    return np.where(pairs > 0, (steps[0] * below).sum(axis=1) / np.where(pairs > 0, pairs, 1.0), np.nan)


def _measure_spread(resampled: Resampled) -> float:
    finite = resampled[np.isfinite(resampled)]
    if len(finite) > 1:
        return float(finite.std(ddof=1))
    return float("nan")
