"""Membership inference: can someone who holds a row tell from the synthetic table that it was trained on?

The attacker calls those rows members that are closest to a synthetic row. His second attack is calibrated: he divides
by the distance to the nearest real row of the other side, so that a row in a dense place is not taken for a member
(difficulty calibration, Watson et al. 2022, arXiv:2111.08440; the ratio is our form of it; rows of the same side may be
of the same person). Success on average hides the few rows
that are given away with certainty, hence the rates at few false alarms (Carlini et al. 2022, arXiv:2112.03570).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.models import auc_std_error, roc_auc
from ss_ray.evaluation.nearest import Points, nearest
from ss_ray.evaluation.significance import exceed_p_value

MAX_TARGETS = 2000
"""Rows of each side that are attacked."""
REPLICATES = 200
"""Stratified bootstrap samples behind the intervals."""
FALSE_POSITIVE_RATES = (0.01, 0.001)
Scores = NDArray[np.float64]
"""The higher, the more likely a member, (targets,)."""


@dataclass(frozen=True, kw_only=True)
class MembershipAttack:
    """Success of one attack at telling members from strangers; intervals by bootstrap of both.

    Attributes:
        auc: Probability that a member looks more like one than a stranger does; 0.5 is guessing.
        auc_p_value: P-value of the Mann-Whitney test that the AUC is above 0.5.
        tpr_at_1_percent: Largest share of members found while at most 1 % of strangers are called members. Guessing
            finds 1 %; it needs 100 holdout rows.
        tpr_p_value: Probability that guessing finds at least as many members.
        tpr_at_01_percent: Largest share of members found while at most 0.1 % of strangers are called members; it needs
            1,000 holdout rows.
    """

    auc: Metric
    auc_p_value: Metric
    tpr_at_1_percent: Metric
    tpr_p_value: Metric
    tpr_at_01_percent: Metric


@dataclass(frozen=True, kw_only=True)
class Membership:
    """The attack by distance, and the attack calibrated by the distance to other real rows."""

    distance: MembershipAttack
    calibrated: MembershipAttack

    @property
    def attacks(self) -> dict[str, MembershipAttack]:
        """Both attacks by the measure that the attacker uses."""
        return {"distance": self.distance, "distance relative to that of other real rows": self.calibrated}


def membership(train: Points, holdout: Points, synthetic: Points, *, seed: int) -> Membership:
    """Attack equally many training and holdout rows.

    Args:
        train: Rows in random order; the first ones are attacked.
        holdout: Holdout rows: the strangers.
        synthetic: Synthetic rows that the attacker has seen.
        seed: Seed of the bootstrap.
    """
    # Equally many, so that guessing is right half of the time.
    size = min(train.rows, holdout.rows, MAX_TARGETS)
    members, strangers = (p.take(np.arange(size)) for p in (train, holdout))
    to_synthetic = _measure_distances(members, synthetic, strangers, synthetic)
    # Calibration: a row in a dense place is near every table. Rows of the same side may be of the same person, so the
    # other side is used.
    to_real = _measure_distances(members, strangers, strangers, members)
    total = to_synthetic + to_real
    relative = np.divide(to_synthetic, total, out=np.full_like(total, 0.5), where=total > 0)

    return Membership(
        distance=judge_attack(-to_synthetic[:size], -to_synthetic[size:], seed=seed),
        calibrated=judge_attack(-relative[:size], -relative[size:], seed=seed),
    )


def _measure_distances(members: Points, to: Points, strangers: Points, to_other: Points) -> Scores:
    """Distances of members to one table, then of strangers to another table, (members + strangers,)."""
    found = nearest(members, to).distance, nearest(strangers, to_other).distance
    return np.concatenate(found).astype(np.float64)


def judge_attack(members: Scores, strangers: Scores, *, seed: int) -> MembershipAttack:
    """Success of an attack, judged by its scores."""
    m = len(members)
    n = len(strangers)
    auc = roc_auc(np.repeat([True, False], [m, n]), np.concatenate([members, strangers]))
    # Too large where scores tie, which is the safe side.
    null_error = np.sqrt((m + n + 1) / (12 * m * n))
    replicates = _Replicates(members, strangers, seed=seed)
    metric = measured(
        auc, min(m, n), seed=seed, std_error=auc_std_error(auc, m, n), bounds=_central_interval(replicates.aucs())
    )
    one, tenth = (_true_positives(members, strangers, rate, replicates, seed=seed) for rate in FALSE_POSITIVE_RATES)

    return MembershipAttack(
        auc=metric,
        auc_p_value=measured(float(norm.sf((auc - 0.5) / null_error)), min(m, n)),
        tpr_at_1_percent=one,
        tpr_p_value=_tpr_p_value(members, strangers, FALSE_POSITIVE_RATES[0]),
        tpr_at_01_percent=tenth,
    )


def _true_positives(members: Scores, strangers: Scores, rate: float, replicates: _Replicates, *, seed: int) -> Metric:
    """Share of members above all but `rate` of the strangers."""
    needed = round(1 / rate)
    if len(strangers) < needed:
        return unavailable(
            f"it needs {needed:,} holdout rows to allow one false alarm; {len(strangers):,} were compared"
        )

    found = float((members > _compute_threshold(strangers, rate)).mean())
    bounds = _central_interval(replicates.true_positive_rates(rate))
    # The binomial error leaves the uncertainty of the threshold out; the bootstrap interval has it.
    error = float(np.sqrt(found * (1 - found) / len(members)))

    return measured(found, min(len(members), len(strangers)), seed=seed, std_error=error, bounds=bounds)


def _tpr_p_value(members: Scores, strangers: Scores, rate: float) -> Metric:
    if len(strangers) * rate < 1:
        return unavailable(f"it needs {round(1 / rate):,} holdout rows to allow one false alarm")
    above = int((members > _compute_threshold(strangers, rate)).sum())
    return exceed_p_value(above, len(members), int(len(strangers) * rate) + 1, len(strangers))


def _compute_threshold(strangers: Scores, rate: float) -> float:
    """The highest score that more than `rate` of the strangers reach; members must exceed it."""
    return float(np.sort(strangers)[::-1][int(len(strangers) * rate)])


class _Replicates:
    """Bootstrap samples of members and of strangers as counts of each distinct score, highest first.

    Attributes:
        members: (REPLICATES, distinct scores), cumulative counts of members down to each score.
        strangers: (REPLICATES, distinct scores), cumulative counts of strangers down to each score.
    """

    def __init__(self, members: Scores, strangers: Scores, *, seed: int) -> None:
        rng = np.random.default_rng([seed, 6])
        # Negative, so that the highest score comes first.
        distinct, codes = np.unique(-np.concatenate([members, strangers]), return_inverse=True)
        self.sizes = len(members), len(strangers)
        parts = np.split(codes, [len(members)])
        self.members, self.strangers = (_cumulative_counts(part, len(distinct), rng) for part in parts)

    def aucs(self) -> Scores:
        """(REPLICATES,)."""
        added = np.diff(self.strangers, axis=1, prepend=0)
        before = np.concatenate([np.zeros((REPLICATES, 1)), self.members[:, :-1]], axis=1)
        # A tie wins half.
        wins = (added * (before + self.members)).sum(axis=1) / 2
        return np.asarray(wins / (self.sizes[0] * self.sizes[1]))

    def true_positive_rates(self, rate: float) -> Scores:
        """(REPLICATES,)."""
        # Thresholds at which few enough strangers are called members.
        allowed = self.strangers <= int(self.sizes[1] * rate)
        return np.asarray(np.where(allowed, self.members, 0).max(axis=1) / self.sizes[0])


def _cumulative_counts(codes: NDArray[np.intp], distinct: int, rng: np.random.Generator) -> NDArray[np.int64]:
    drawn = codes[rng.integers(0, len(codes), (REPLICATES, len(codes)))]
    # One bincount for all replicates.
    cells = drawn + distinct * np.arange(REPLICATES)[:, None]
    counts = np.bincount(cells.ravel(), minlength=REPLICATES * distinct).reshape(REPLICATES, distinct)
    return np.asarray(counts.cumsum(axis=1), dtype=np.int64)


def _central_interval(values: Scores) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
