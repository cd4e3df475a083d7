"""Target of the utility models: the declared column, or the column that real rows predict best.

The automatic rule, of bounded cost: candidates are nominal columns of 2 to 20 categories, and ordered ones. Columns
that one other column determines (association above 0.98) are left out while others remain, since predicting them shows
nothing. The three with the highest mean association with the others are tried, fitted on one half of at most 5,000 real
rows and scored on the other; the best score (2 AUC - 1, or R2) wins, the earlier column on a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ss_ray.evaluation.associations import association_matrix
from ss_ray.evaluation.columns import ScoredColumn, Table
from ss_ray.evaluation.metrics import MIN_ROWS
from ss_ray.evaluation.utility.prediction import MAX_CLASSES, fit_predict, make_task, outcomes, score, with_outcome

CANDIDATES = 3
CANDIDATE_ROWS = 5000
CANDIDATE_ROUNDS = 20
"""Boosting rounds at most of a model that tries a candidate."""
DETERMINED = 0.98


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The column to predict, or None, and why."""

    column: ScoredColumn | None
    reason: str


def declared_target(train: Table, name: str) -> Choice:
    """The declared column, unless it cannot be predicted."""
    column = next((c for c in train.columns if c.name == name), None)
    if column is None:
        return Choice(column=None, reason=f"the declared target {name!r} is not among the scored columns")
    if not _is_predictable(train, column):
        return Choice(column=None, reason=f"the declared target {name!r} has fewer than two values or too few rows")
    return Choice(column=column, reason="declared in the configuration")


def choose_target(train: Table, *, seed: int) -> Choice:
    """The column that real rows predict best, by the rule at the top of this file."""
    if len(train.columns) < 2:
        return Choice(column=None, reason="there are fewer than two columns to score")

    rows = np.random.default_rng([seed, 5]).permutation(train.rows)[:CANDIDATE_ROWS]
    real = train.take(rows)
    candidates = connected_columns(real, CANDIDATES)
    if not candidates:
        return Choice(column=None, reason="no column has 2 to 20 categories, or numbers, in enough rows")

    scores = [_measure_predictability(real, column, seed=seed) for column in candidates]
    best = int(np.argmax(scores))
    tried = ", ".join(repr(c.name) for c in candidates)
    reason = f"chosen automatically: real rows predict it best among the most connected columns ({tried})"

    return Choice(column=candidates[best], reason=reason)


def connected_columns(real: Table, limit: int) -> list[ScoredColumn]:
    """At most `limit` columns that can be predicted, those of the highest mean association, in table order."""
    strength = np.abs(association_matrix(real))
    np.fill_diagonal(strength, 0.0)
    usable = [i for i, c in enumerate(real.columns) if _is_predictable(real, c) and _is_low_cardinality(real, c)]
    informative = [i for i in usable if strength[i].max() <= DETERMINED] or usable
    ranked = sorted(informative, key=lambda i: (-round(float(strength[i].mean()), 6), i))[:limit]
    return [real.columns[i] for i in sorted(ranked)]


def _is_predictable(table: Table, column: ScoredColumn) -> bool:
    wanted = outcomes(make_task(table, column), table)
    present = wanted[~np.isnan(wanted)]
    return len(present) >= MIN_ROWS and len(np.unique(present)) >= 2


def _is_low_cardinality(table: Table, column: ScoredColumn) -> bool:
    return not column.nominal or len({v for v in table.values[column.name] if v is not None}) <= MAX_CLASSES


def _measure_predictability(real: Table, column: ScoredColumn, *, seed: int) -> float:
    """0 (as good as guessing, or worse) to 1, on the half of the rows that the model has not seen."""
    task = make_task(real, column)
    known = with_outcome(task, real)
    fit, test = (known.take(half) for half in np.array_split(np.arange(known.rows), 2))
    value = score(
        task, outcomes(task, test), fit_predict(task, real, fit, test, seed=seed, most_rounds=CANDIDATE_ROUNDS)
    )
    if np.isnan(value):
        return 0.0

    return max(value if task.type == "regression" else 2 * value - 1, 0.0)
