"""Utility of the synthetic table for learning, compared with the real table.

A model learns to predict one column from synthetic rows and is tested on real rows that nobody has seen (TSTR). Two
marks beside it tell what the score means: the same model fitted on real training rows (TRTR, the ceiling), and on the
synthetic rows with each column shuffled by itself (the floor: right columns, no dependence). Beside that one column
stand smaller models of several columns, and whether the models look at the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ss_ray.evaluation.columns import Table, prepare, sample, scored_columns
from ss_ray.evaluation.evaluation_tables import DEFAULT_LIMITS, EvaluationTables, SampleLimits
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, too_small, unavailable
from ss_ray.evaluation.utility.bootstrap import score_predictions
from ss_ray.evaluation.utility.importance import agreement, agreement_of_halves
from ss_ray.evaluation.utility.prediction import fit_model, make_task, outcomes, with_outcome
from ss_ray.evaluation.utility.several_targets import (
    KNOWN_TARGET,
    TargetUtility,
    mean_gap,
    skill_gap,
    utility_of_targets,
)
from ss_ray.evaluation.utility.target import Choice, choose_target, declared_target


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
        importance_agreement: Spearman's correlation of how important each column is to the model of real and to the
            model of synthetic rows, -1 to 1 (same order).
        importance_baseline: Spearman's correlation of the importances in the models of the two halves of the real rows,
            -1 to 1.
        targets: Small models of several columns, chosen automatically; the main one with the figures above.
        mean_gap: Mean of their gaps in skill, see `TargetUtility`; 0 is best.
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
    importance_agreement: Metric
    importance_baseline: Metric
    targets: tuple[TargetUtility, ...]
    mean_gap: Metric


def evaluate_utility(
    tables: EvaluationTables,
    *,
    target: str | None,
    limits: SampleLimits = DEFAULT_LIMITS,
) -> Utility:
    """Fit models on real, synthetic and shuffled rows and test them on the holdout.

    Args:
        tables: Real and generated rows; without a holdout there is no fair test.
        target: Column to predict; None chooses one (see `target`).
        limits: Limits of the rows to learn from and to test on. The seed also fixes trees and bootstrap.

    Raises:
        DataError: The declared target is not a column of the schema.
    """
    if target is not None:
        tables.schema[target]

    holdout = tables.holdout
    if holdout is None or not len(holdout):
        if holdout is None:
            reason = "there is no holdout"
        else:
            reason = "the holdout has no rows"
        return _no_utility(f"{reason}, so no real rows to test on")

    seed = limits.seed
    frames = (tables.train, holdout, tables.synthetic)
    columns = scored_columns(tables.train, tables.schema, max_columns=limits.max_columns, seed=seed)
    real, unseen, made = (prepare(sample(f, limits.max_rows, seed=seed), columns) for f in frames)
    if target is not None:
        choice = declared_target(real, target)
    else:
        choice = choose_target(real, seed=seed)

    found = _compare_models(choice, real, unseen, made, seed=seed)
    targets = utility_of_targets(real, unseen, made, seed=seed, main=_as_target(found))
    return replace(found, targets=targets, mean_gap=mean_gap(targets) if targets else found.mean_gap)


def _as_target(utility: Utility) -> TargetUtility | None:
    """The main target in the form of the others."""
    if utility.target is None or utility.task is None:
        return None

    return TargetUtility(
        target=utility.target,
        task=utility.task,
        measure=utility.measure,
        real=utility.real,
        synthetic=utility.synthetic,
        gap=skill_gap(utility.task, utility.real, utility.synthetic),
    )


def _compare_models(choice: Choice, real: Table, unseen: Table, made: Table, *, seed: int) -> Utility:
    if choice.column is None or len(real.columns) < 2:
        if choice.column is None:
            reason = choice.reason
        else:
            reason = "there is no other column to predict it from"
        return _no_utility(reason)

    task = make_task(real, choice.column)
    known, test, usable = (with_outcome(task, table) for table in (real, unseen, made))
    rows = min(known.rows, usable.rows)
    if min(rows, test.rows) < MIN_ROWS:
        return _no_utility(
            too_small({"training": known.rows, "holdout": test.rows, "synthetic": usable.rows}, KNOWN_TARGET)
        )

    fits = (known, usable, shuffle_columns(usable, seed=seed))
    rng = np.random.default_rng([seed, 6])
    models = [fit_model(task, real, fit.take(rng.permutation(fit.rows)[:rows]), seed=seed) for fit in fits]
    features = models[0].encoder.encode(test)
    wanted = outcomes(task, test)
    scored = [score_predictions(task, wanted, model.predict(features), seed=seed) for model in models]

    return Utility(
        target=task.target,
        target_reason=choice.reason,
        task=task.type,
        measure=task.measure,
        train_rows=rows,
        real=scored[0].metric,
        synthetic=scored[1].metric,
        floor=scored[2].metric,
        gap=scored[0].less(scored[1]),
        importance_agreement=agreement(models[0], models[1], test, seed=seed),
        importance_baseline=agreement_of_halves(task, real, known, test, seed=seed),
        targets=(),
        mean_gap=unavailable("no column can be predicted"),
    )


def shuffle_columns(table: Table, *, seed: int) -> Table:
    """The table with the values of each column in an order of its own: same columns, no dependence."""
    rng = np.random.default_rng([seed, 7])
    values = {c.name: rng.permutation(table.values[c.name]) for c in table.columns}
    return Table(columns=table.columns, values=values, rows=table.rows)


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
        importance_agreement=none,
        importance_baseline=none,
        targets=(),
        mean_gap=none,
    )
