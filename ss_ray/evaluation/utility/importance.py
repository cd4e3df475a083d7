"""Do models of real and of synthetic rows look at the same columns?

A column's importance is how far a model's predictions of unseen real rows move once the column is shuffled there. That
is permutation importance without the outcome: a loss would hide columns that a model relies on wrongly, since shuffling
what does not matter costs nothing. Two models agree as far as they rank the columns alike; two models of the two halves
of the real rows tell how well real models do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ss_ray.evaluation.columns import Table
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.utility.prediction import Model, Task, fit_model

MAX_ROWS = 500
"""Test rows that are predicted again for each column."""
MAX_COLUMNS = 30
"""Columns that are shuffled, the first ones."""
MIN_COLUMNS = 3
HALF_ROUNDS = 20
"""Boosting rounds at most of a model of one half."""
NEGLIGIBLE = 0.1
"""Importances up to this share of the largest are noise and count as none."""


def importances(model: Model, test: Table, *, seed: int) -> NDArray[np.float64]:
    """Mean absolute change of the predictions by shuffling each column, (columns,); 0 where it is negligible.

    Args:
        model: Fitted on any rows.
        test: Real rows; the same columns are shuffled the same way for the same seed.
        seed: Seed of rows and shuffles.

    Source: Breiman 2001, "Random Forests", Machine Learning 45, section 10, for shuffling one column at a time.
    """
    rng = np.random.default_rng([seed, 25])
    features = model.encoder.encode(test.take(rng.permutation(test.rows)[:MAX_ROWS]))
    whole = model.predict(features)
    changes = np.zeros(min(features.shape[1], MAX_COLUMNS))

    for j in range(len(changes)):
        shuffled = features.copy()
        shuffled[:, j] = rng.permutation(features[:, j])
        changes[j] = np.abs(model.predict(shuffled) - whole).mean()

    return np.where(changes > NEGLIGIBLE * changes.max(initial=0.0), changes, 0.0)


def agreement(first: Model, second: Model, test: Table, *, seed: int) -> Metric:
    """Spearman's correlation of the importances of the columns for two models, -1 to 1 (same order)."""
    x, y = (importances(model, test, seed=seed) for model in (first, second))
    if len(x) < MIN_COLUMNS:
        return unavailable(f"it needs {MIN_COLUMNS} columns to predict from; there are {len(x)}")
    if not np.ptp(x) or not np.ptp(y):
        return unavailable("one of the models uses no column, or all of them alike")

    value = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    return measured(value, min(test.rows, MAX_ROWS), seed=seed)


def agreement_of_halves(task: Task, train: Table, known: Table, test: Table, *, seed: int) -> Metric:
    """Agreement of two models, each fitted on one half of the real rows with a known outcome."""
    halves = (known.take(half) for half in np.array_split(np.random.default_rng([seed, 26]).permutation(known.rows), 2))
    first, second = (fit_model(task, train, half, seed=seed, most_rounds=HALF_ROUNDS) for half in halves)
    return agreement(first, second, test, seed=seed)
