"""Is the synthetic table as good as the real one to learn from?

A model learns to predict one column from synthetic rows and is tested on real rows that nobody has seen (TSTR). Two
marks beside it tell what the score means: the same model fitted on real training rows (TRTR, the ceiling), and on the
synthetic rows with each column shuffled by itself (the floor: right columns, no dependence).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, prepare, sample, scored_columns
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.prediction import Task, fit_predict, make_task, outcomes, score, with_outcome
from ss_ray.evaluation.target import MIN_ROWS, Choice, choose_target, declared_target
from ss_ray.schema import TableSchema

RESAMPLES = 50
"""Bootstrap samples of the test rows behind each standard error."""


@dataclass(frozen=True, kw_only=True)
class Utility:
    """Scores of models tested on the same holdout rows; 1 is best.

    Attributes:
        target: Predicted column; None where there is none.
        target_reason: Why this column, or why none.
        task: Classification or regression; None without a target.
        measure: "ROC-AUC" (macro average over one class against the rest; 0.5 is guessing) or "R2" (0 is guessing).
        train_rows: Rows that each model learned from, at most: the same number for all.
        real: Trained on real rows: the ceiling.
        synthetic: Trained on synthetic rows.
        floor: Trained on synthetic rows whose columns were shuffled independently.
        gap: `real` less `synthetic`; the standard error is of the pair.
    """

    target: str | None
    target_reason: str
    task: Literal["classification", "regression"] | None
    measure: str
    train_rows: int
    real: Metric
    synthetic: Metric
    floor: Metric
    gap: Metric


def evaluate_utility(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    *,
    target: str | None,
    max_rows: int = 5000,
    max_columns: int = 250,
    seed: int = 0,
) -> Utility:
    """Fit models on real, synthetic and shuffled rows and test them on the holdout.

    Args:
        train: Real rows that the generator learned from.
        holdout: Real rows that it has not seen; without them there is no fair test.
        synthetic: Generated rows.
        schema: Columns of all three tables.
        target: Column to predict; None chooses one (see `target`).
        max_rows: Most rows to learn from, and most to test on.
        max_columns: Columns sampled.
        seed: Fixes sampling, trees and bootstrap.

    Raises:
        DataError: The declared target is not a column of the schema.
    """
    if target is not None:
        schema[target]
    if holdout is None:
        return _no_utility("there is no holdout, so no real rows to test on")
    columns = scored_columns(train, schema, max_columns=max_columns, seed=seed)
    real, unseen, made = (prepare(sample(f, max_rows, seed=seed), columns) for f in (train, holdout, synthetic))
    choice = declared_target(real, target) if target is not None else choose_target(real, seed=seed)
    return _compare(choice, real, unseen, made, seed=seed)


def _compare(choice: Choice, real: Table, unseen: Table, made: Table, *, seed: int) -> Utility:
    if choice.column is None or len(real.columns) < 2:
        return _no_utility(choice.reason if choice.column is None else "there is no other column to predict it from")
    task = make_task(real, choice.column)
    known, test, usable = (with_outcome(task, table) for table in (real, unseen, made))
    rows = min(known.rows, usable.rows)
    if min(rows, test.rows) < MIN_ROWS:
        return _no_utility(f"it needs {MIN_ROWS} rows with a known target in each table; one has fewer")
    fits = (known, usable, shuffle_columns(usable, seed=seed))
    rng = np.random.default_rng([seed, 6])
    predictions = [fit_predict(task, real, fit.take(rng.permutation(fit.rows)[:rows]), test, seed=seed) for fit in fits]
    wanted = outcomes(task, test)
    metrics = [_metric(task, wanted, predicted, seed=seed) for predicted in predictions]
    return Utility(
        target=task.target,
        target_reason=choice.reason,
        task=task.type,
        measure=task.measure,
        train_rows=rows,
        real=metrics[0],
        synthetic=metrics[1],
        floor=metrics[2],
        gap=_gap(task, wanted, predictions[0], predictions[1], seed=seed),
    )


def shuffle_columns(table: Table, *, seed: int) -> Table:
    """The table with the values of each column in an order of its own: same columns, no dependence."""
    rng = np.random.default_rng([seed, 7])
    values = {c.name: rng.permutation(table.values[c.name]) for c in table.columns}
    return Table(columns=table.columns, values=values, rows=table.rows)


def _metric(task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64], *, seed: int) -> Metric:
    resampled = _bootstrap(task, wanted, predicted, seed=seed)
    return measured(score(task, wanted, predicted), len(wanted), seed=seed, std_error=_spread(resampled))


def _gap(
    task: Task, wanted: NDArray[np.float64], real: NDArray[np.float64], made: NDArray[np.float64], *, seed: int
) -> Metric:
    difference = score(task, wanted, real) - score(task, wanted, made)
    resampled = _bootstrap(task, wanted, real, seed=seed) - _bootstrap(task, wanted, made, seed=seed)
    return measured(difference, len(wanted), seed=seed, std_error=_spread(resampled))


def _bootstrap(
    task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64], *, seed: int
) -> NDArray[np.float64]:
    """Scores on RESAMPLES samples of the test rows with replacement; the same samples for the same seed."""
    rng = np.random.default_rng([seed, 8])
    draws = (rng.integers(0, len(wanted), len(wanted)) for _ in range(RESAMPLES))
    return np.array([score(task, wanted[rows], predicted[rows]) for rows in draws])


def _spread(resampled: NDArray[np.float64]) -> float:
    finite = resampled[np.isfinite(resampled)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("nan")


def _no_utility(reason: str) -> Utility:
    none = unavailable(reason)
    return Utility(
        target=None,
        target_reason=reason,
        task=None,
        measure="",
        train_rows=0,
        real=none,
        synthetic=none,
        floor=none,
        gap=none,
    )
