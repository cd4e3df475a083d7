"""Scores of predictions with standard errors, from samples of the test rows with replacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.metrics import Metric, measured
from ss_ray.evaluation.prediction import Task, score

RESAMPLES = 50
"""Bootstrap samples of the test rows behind each standard error."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The score of one model on some test rows.

    Attributes:
        value: On all of them; NaN where it is not defined.
        resampled: On samples of them, (resamples,).
        rows: Number of test rows.
        seed: Of the samples: two models on the same rows and seed are scored on the same samples.
    """

    value: float
    resampled: NDArray[np.float64]
    rows: int
    seed: int

    @property
    def metric(self) -> Metric:
        """The score with its standard error."""
        return measured(self.value, self.rows, seed=self.seed, std_error=_spread(self.resampled))

    def less(self, other: Scored) -> Metric:
        """The difference of two scores; its standard error is of the pair."""
        error = _spread(self.resampled - other.resampled)
        return measured(self.value - other.value, self.rows, seed=self.seed, std_error=error)


def score_predictions(
    task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64], *, seed: int, resamples: int = RESAMPLES
) -> Scored:
    """Score predictions of the same test rows as other models are scored on."""
    rng = np.random.default_rng([seed, 8])
    draws = [rng.integers(0, len(wanted), len(wanted)) for _ in range(resamples)]
    resampled = np.array([score(task, wanted[rows], predicted[rows]) for rows in draws])
    return Scored(value=score(task, wanted, predicted), resampled=resampled, rows=len(wanted), seed=seed)


def _spread(resampled: NDArray[np.float64]) -> float:
    finite = resampled[np.isfinite(resampled)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("nan")
