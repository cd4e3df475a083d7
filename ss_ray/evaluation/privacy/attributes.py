"""Attribute inference: an attacker guesses one column of a person from all others and the synthetic table.

He looks up the synthetic row nearest to what he knows and takes its value; one nearest row, because an average of
several hides the one that was memorised. Among equally near rows he picks one at random: counted is his expected
success. What he also learns about people who were not trained on is what data are published for, so the risk is the
advantage: success on training rows less success on holdout rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.nearest import CHUNK_BYTES, Points, column_differences, total_differences
from ss_ray.evaluation.significance import mean_p_value

TOLERANCE = 0.025
"""How far the guess of an ordered column may be off, in quantiles of the training table; nominal ones must be equal."""
TARGET_CELLS = 8000
"""Rows attacked of each side, times columns."""
MIN_TARGETS = 100
MAX_TARGETS = 1000
TIE = 1e-5
"""Sums of column distances that differ by less are equal."""
Shares = NDArray[np.float64]
"""Expected success per target and column, (targets, columns); NaN where the target's value is missing."""


@dataclass(frozen=True, kw_only=True)
class AttributeRisk:
    """Result of attribute inference for one column.

    Attributes:
        column: Name of the inferred column.
        train: Share of right guesses on training rows, 0 to 1.
        holdout: Share of right guesses on holdout rows, 0 to 1.
        guess: Share of right guesses on training rows where the guess is the value of a synthetic row picked blindly.
        advantage: `train` less `holdout`; 0 is fair.
        p_value: Probability of an advantage as large by chance, times the number of columns (Bonferroni), at most 1.
    """

    column: str
    train: Metric
    holdout: Metric
    guess: Metric
    advantage: Metric
    p_value: Metric


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Inference of each column.

    Attributes:
        columns: In the order of the distance: nominal ones first.
        mean_advantage: Mean over the columns.
        worst: The column with the smallest p-value; None where there is none.
        reason: Why there are no columns; None where there are.
    """

    columns: tuple[AttributeRisk, ...]
    mean_advantage: Metric
    worst: AttributeRisk | None
    reason: str | None = None


def no_attributes(reason: str) -> Attributes:
    """A result without any value."""
    return Attributes(columns=(), mean_advantage=unavailable(reason), worst=None, reason=reason)


def attribute_inference(
    names: tuple[str, ...], train: Points, holdout: Points, synthetic: Points, *, seed: int
) -> Attributes:
    """Attack each column of equally many training and holdout rows.

    Args:
        names: Names of the columns, in the order of the points.
        train: Rows in random order; the first ones are attacked.
        holdout: Holdout rows that are attacked.
        synthetic: Synthetic rows that the attacker has seen; not empty.
        seed: Seed of the samples.
    """
    if train.columns < 2:
        return no_attributes("with one column there is nothing that an attacker could know beforehand")

    wanted = min(MAX_TARGETS, max(MIN_TARGETS, TARGET_CELLS // train.columns))
    targets = np.arange(min(wanted, train.rows, holdout.rows))
    (seen, blind), (unseen, _) = (_score_guesses(side.take(targets), synthetic) for side in (train, holdout))
    risks = tuple(
        _measure_risk(name, seen[:, j], unseen[:, j], blind[:, j], tests=len(names), seed=seed)
        for j, name in enumerate(names)
    )
    known = [r for r in risks if r.p_value.value is not None]
    if not known:
        return no_attributes("the rows that can be attacked have no values")

    worst = min(known, key=lambda r: (r.p_value.value, -(r.advantage.value or 0.0)))
    return Attributes(columns=risks, mean_advantage=_mean_advantage(seen, unseen, seed), worst=worst)


def _score_guesses(targets: Points, synthetic: Points) -> tuple[Shares, Shares]:
    """Expected success of the nearest row's value, and of any row's value."""
    near = np.full((targets.rows, targets.columns), np.nan)
    step = max(1, CHUNK_BYTES // (4 * synthetic.rows))
    for start in range(0, targets.rows, step):
        rows = np.arange(start, min(start + step, targets.rows))
        near[rows] = _block_successes(targets.take(rows), synthetic)

    return near, np.array([_blind_successes(targets, synthetic, j) for j in range(targets.columns)]).T


def _block_successes(targets: Points, synthetic: Points) -> Shares:
    near = np.full((targets.rows, targets.columns), np.nan)
    total = total_differences(targets, synthetic, range(targets.columns))
    for column in range(targets.columns):
        difference = column_differences(targets, synthetic, column)
        known = total - difference
        target, row = np.divmod(
            np.flatnonzero(known <= known.min(axis=1, keepdims=True) + np.float32(TIE)), synthetic.rows
        )
        right = difference[target, row] <= np.float32(TOLERANCE)
        found = np.bincount(target, right, targets.rows) / np.bincount(target, minlength=targets.rows)
        near[:, column] = np.where(targets.missing(column), np.nan, found)

    return near


def _blind_successes(targets: Points, synthetic: Points, column: int) -> NDArray[np.float64]:
    """Share of the synthetic rows whose value is right, (targets,); NaN where the target's value is missing."""
    if column < len(targets.codes):
        wanted = targets.codes[column]
        made = synthetic.codes[column]
        counts = np.bincount(made[made >= 0], minlength=int(wanted.max(initial=0)) + 1)
        found = counts[np.maximum(wanted, 0)]
    else:
        place = column - len(targets.codes)
        # NaN sorts last.
        wanted = targets.quantiles[place]
        made = np.sort(synthetic.quantiles[place])
        low = wanted - np.float32(TOLERANCE)
        high = wanted + np.float32(TOLERANCE)
        found = np.searchsorted(made, high, "right") - np.searchsorted(made, low, "left")

    return np.where(targets.missing(column), np.nan, found / synthetic.rows)


def _measure_risk(name: str, seen: Shares, unseen: Shares, blind: Shares, *, tests: int, seed: int) -> AttributeRisk:
    train, holdout, guess = (_measure_mean(values, seed) for values in (seen, unseen, blind))
    advantage = _subtract_metrics(train, holdout, seed)
    if advantage.value is None or advantage.std_error is None:
        p_value = unavailable(advantage.reason or "too few targets have a value")
    else:
        single = mean_p_value(advantage.value, advantage.std_error, advantage.sample_size)
        p_value = measured(min(1.0, (single.value or 0.0) * tests), advantage.sample_size)

    return AttributeRisk(column=name, train=train, holdout=holdout, guess=guess, advantage=advantage, p_value=p_value)


def _measure_mean(values: Shares, seed: int) -> Metric:
    present = values[~np.isnan(values)]
    if len(present) < 2:
        return unavailable("too few targets have a value")
    error = float(present.std(ddof=1) / np.sqrt(len(present)))
    return measured(float(present.mean()), len(present), seed=seed, std_error=error)


def _subtract_metrics(a: Metric, b: Metric, seed: int) -> Metric:
    if a.value is None or b.value is None:
        return unavailable("too few targets have a value")
    error = float(np.hypot(a.std_error or 0.0, b.std_error or 0.0))
    return measured(a.value - b.value, min(a.sample_size, b.sample_size), seed=seed, std_error=error)


def _mean_advantage(seen: Shares, unseen: Shares, seed: int) -> Metric:
    """Mean over each target's columns first, because its columns are not independent."""
    train, holdout = (_measure_mean(np.nanmean(s[~np.isnan(s).all(axis=1)], axis=1), seed) for s in (seen, unseen))
    return _subtract_metrics(train, holdout, seed)
