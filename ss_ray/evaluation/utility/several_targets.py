"""Utility beyond one column: small models predict several columns, so that no lucky target decides.

The columns are the most connected ones of `target`. Rows and rounds of boosting are few, which bounds the time; the
scores are lower than those of the main target, the gaps are comparable. The main target stands among them with its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ss_ray.evaluation.columns import ScoredColumn, Table
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, measured, too_small, unavailable
from ss_ray.evaluation.utility.bootstrap import score_predictions
from ss_ray.evaluation.utility.prediction import fit_model, make_task, outcomes, with_outcome
from ss_ray.evaluation.utility.target import connected_columns

MAX_TARGETS = 5
MAX_ROWS = 1000
"""Rows that each model learns from, and is tested on, at most."""
MOST_ROUNDS = 20
"""Boosting rounds at most."""
RESAMPLES = 20
KNOWN_TARGET = "rows with a known target"


@dataclass(frozen=True, kw_only=True)
class TargetUtility:
    """Utility for one predicted column.

    Attributes:
        target: Name of the predicted column.
        task: Classification or regression.
        measure: "ROC-AUC" or "R2".
        real: Score after training on real rows.
        synthetic: Score after training on synthetic rows.
        gap: `real` less `synthetic` in skill: twice what the AUC is above 0.5, or R2, each at least 0, so that 0 is as
            good as guessing and 1 is best for every target.
    """

    target: str
    task: Literal["classification", "regression"]
    measure: str
    real: Metric
    synthetic: Metric
    gap: Metric


def utility_of_targets(
    real: Table, unseen: Table, made: Table, *, seed: int, main: TargetUtility | None = None
) -> tuple[TargetUtility, ...]:
    """The gap for each of at most MAX_TARGETS columns; empty where no column can be predicted.

    Args:
        real: Real rows to learn from.
        unseen: Real rows to test on.
        made: Synthetic rows to learn from.
        seed: Seed of sampling, trees and bootstrap.
        main: Utility of a target that is measured already; it is not measured again.
    """
    if len(real.columns) < 2 or not real.rows:
        return ()

    rng = np.random.default_rng([seed, 27])
    drawn = [table.take(rng.permutation(table.rows)[:MAX_ROWS]) for table in (real, unseen, made)]
    columns = connected_columns(drawn[0], MAX_TARGETS)

    return tuple(
        main if main and main.target == column.name else _measure_target(column, real, *drawn, seed=seed)
        for column in columns
    )


def mean_gap(targets: Sequence[TargetUtility]) -> Metric:
    """Mean of the gaps that are known, with the standard error over the targets."""
    known = [t.gap for t in targets if t.gap.value is not None]
    if not known:
        return unavailable(next((t.gap.reason for t in targets if t.gap.reason), "no column can be predicted"))

    gaps = np.array([gap.value for gap in known], dtype=np.float64)
    if len(gaps) > 1:
        error = float(gaps.std(ddof=1) / np.sqrt(len(gaps)))
    else:
        error = None

    return measured(float(gaps.mean()), min(gap.sample_size for gap in known), seed=known[0].seed, std_error=error)


def _measure_target(
    column: ScoredColumn, train: Table, real: Table, unseen: Table, made: Table, *, seed: int
) -> TargetUtility:
    task = make_task(train, column)
    known, test, usable = (with_outcome(task, table) for table in (real, unseen, made))
    rows = min(known.rows, usable.rows)
    if min(rows, test.rows) < MIN_ROWS:
        none = unavailable(
            too_small({"training": known.rows, "holdout": test.rows, "synthetic": usable.rows}, KNOWN_TARGET)
        )
        return TargetUtility(
            target=task.target, task=task.type, measure=task.measure, real=none, synthetic=none, gap=none
        )

    wanted = outcomes(task, test)
    models = [
        fit_model(task, train, fit.take(np.arange(rows)), seed=seed, most_rounds=MOST_ROUNDS) for fit in (known, usable)
    ]
    first, second = (
        score_predictions(task, wanted, m.predict(m.encoder.encode(test)), seed=seed, resamples=RESAMPLES).metric
        for m in models
    )

    return TargetUtility(
        target=task.target,
        task=task.type,
        measure=task.measure,
        real=first,
        synthetic=second,
        gap=skill_gap(task.type, first, second),
    )


def skill_gap(task: str, real: Metric, synthetic: Metric) -> Metric:
    """Loss of skill, see `TargetUtility`."""
    if real.value is None or synthetic.value is None:
        return unavailable(real.reason or synthetic.reason or "the score is not defined")

    scale = 2.0 if task == "classification" else 1.0
    best, reached = (max(0.0, 2 * v - 1 if scale == 2.0 else v) for v in (real.value, synthetic.value))
    error = scale * float(np.hypot(real.std_error or 0.0, synthetic.std_error or 0.0))

    return measured(best - reached, real.sample_size, seed=real.seed, std_error=error)
