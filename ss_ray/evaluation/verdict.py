"""The verdict on privacy: hard rules first, then the grade of the weakest part, always with reasons in words.

A rule fails only where training rows suffer what unseen real rows do not, beyond sampling noise. Where samples are too
small to see a leak, the grade says so by a limit instead of calling the table excellent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ss_ray.evaluation.attacks import Privacy
from ss_ray.evaluation.copies import Copies
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.scores import Grade, Score, to_score

COPIES_ALPHA = 0.01
"""Error of the first kind of the copies rule: one honest table in a hundred fails it by bad luck. Shared equally among
whole rows and text columns (Bonferroni)."""
STANDARD_ERRORS = 3.0
PRACTICAL_SHARE = 0.55
"""Share closer to train, or membership AUC, up to which an excess is not called a leak."""
WORST_SHARE = 0.6
"""Share closer to train, or membership AUC, that scores 0; 0.5 scores 10."""
UNCERTAIN_LIMIT = 5.9
"""Highest score, the top of "Good", where the samples are too small to see an excess of PRACTICAL_SHARE."""


@dataclass(frozen=True, kw_only=True)
class PrivacyVerdict:
    """The grade of privacy and what led to it.

    Attributes:
        score: 0 to 10, the weakest part; 0 and "Poor" where a hard rule failed.
        failed: Whether a hard rule failed; None where the verdict is not available.
        reasons: In words; only the failures where a hard rule failed.
    """

    score: Score
    failed: bool | None
    reasons: tuple[str, ...]


def judge_privacy(privacy: Privacy) -> PrivacyVerdict:
    """Poor if a hard rule fails; else not available without all comparisons; else the grade of the weakest part."""
    failures = (*_copy_failures(privacy.copies), *_distance_failures(privacy))
    if failures:
        return PrivacyVerdict(score=Score(value=0.0, grade=Grade.POOR), failed=True, reasons=failures)
    shares = (privacy.closer_to_train, privacy.membership_auc)
    unknown = next((m.reason for m in (privacy.copies[0].p_value, *shares) if m.value is None), None)
    if unknown is not None:
        score = Score(value=None, grade=None, reason=unknown)
        return PrivacyVerdict(score=score, failed=None, reasons=(f"not available, because {unknown}",))
    limit = UNCERTAIN_LIMIT if any(_is_uncertain(m) for m in shares) else 10.0
    score = to_score(min(limit, *(share_score(m.value) for m in shares if m.value is not None)))
    return PrivacyVerdict(score=score, failed=False, reasons=tuple(_findings(privacy)))


def share_score(share: float) -> float:
    """Score of a share that an honest generator brings to 0.5: linear from 10 there to 0 at WORST_SHARE."""
    return 10.0 * min(1.0, max(0.0, (WORST_SHARE - share) / (WORST_SHARE - 0.5)))


def is_copying(copies: Copies, alpha: float) -> bool:
    """Whether more synthetic rows are copies than chance explains, at this error of the first kind."""
    return copies.p_value.value is not None and copies.p_value.value < alpha


def is_leaking(metric: Metric) -> bool:
    """Whether a share exceeds 0.5 both beyond its noise and by an amount that matters."""
    if metric.value is None or metric.std_error is None:
        return False
    return metric.value > max(0.5 + STANDARD_ERRORS * metric.std_error, PRACTICAL_SHARE)


def _is_uncertain(metric: Metric) -> bool:
    """Whether an excess of PRACTICAL_SHARE would drown in the noise."""
    return metric.std_error is None or 0.5 + STANDARD_ERRORS * metric.std_error > PRACTICAL_SHARE


def _copy_failures(copies: Sequence[Copies]) -> Iterator[str]:
    alpha = COPIES_ALPHA / max(len(copies), 1)
    for item in (c for c in copies if is_copying(c, alpha)):
        what = "synthetic rows equal a training row" if item.column is None else f"texts of {item.column!r} are copies"
        yield (
            f"{_percent(item.synthetic)} of the {what}; among unseen real rows it is {_percent(item.holdout)} "
            f"(one-sided binomial test, {_p_value(item.p_value)}, below {alpha:.2g})"
        )


def _distance_failures(privacy: Privacy) -> Iterator[str]:
    if is_leaking(privacy.closer_to_train):
        yield (
            f"{_percent(privacy.closer_to_train)} of the synthetic rows are closer to a training row than to an unseen "
            f"real row; 50% is fair, {_noise(privacy.closer_to_train)} the limit of chance"
        )
    if is_leaking(privacy.membership_auc):
        yield (
            f"the distance to the synthetic table tells training rows from unseen real rows with an AUC of "
            f"{privacy.membership_auc.value:.3f}; 0.5 is fair, {_noise(privacy.membership_auc)} the limit of chance"
        )


def _findings(privacy: Privacy) -> Iterator[str]:
    """What a table that failed no hard rule has shown."""
    rows = privacy.copies[0]
    yield (
        f"{_percent(rows.synthetic)} of the synthetic rows equal a training row, "
        f"{_percent(rows.holdout)} of the unseen real rows do: no more than chance explains"
    )
    yield (
        f"{_percent(privacy.closer_to_train)} of the synthetic rows are closer to a training row than to an unseen "
        "real row; 50% is fair"
    )
    yield f"guessing who was trained on by distance has an AUC of {privacy.membership_auc.value:.3f}; 0.5 is guessing"
    if any(_is_uncertain(m) for m in (privacy.closer_to_train, privacy.membership_auc)):
        yield (
            f"the samples are too small to see an excess of {100 * (PRACTICAL_SHARE - 0.5):.0f}%, so the grade is "
            f"at most {to_score(UNCERTAIN_LIMIT).grade}"
        )


def _percent(metric: Metric) -> str:
    return "an unknown share" if metric.value is None else f"{100 * metric.value:.1f}%"


def _p_value(metric: Metric) -> str:
    return "p < 1e-12" if (metric.value or 0.0) < 1e-12 else f"p = {metric.value:.1g}"


def _noise(metric: Metric) -> str:
    """What chance alone may bring a share of 0.5 to."""
    return f"{0.5 + STANDARD_ERRORS * (metric.std_error or 0.0):.3f}"
