"""The verdict on privacy: hard rules first, then the grade of the weakest part, always with reasons in words.

A rule fails only where training rows suffer what unseen real rows do not, beyond sampling noise and by an amount that
matters. Where samples are too small to see a leak, the grade says so by a limit instead of calling the table excellent.
The rules themselves are in `rules`; their errors of the first kind add up to TOTAL_ERROR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ss_ray.evaluation.attacks import Privacy
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.rules import PRACTICAL_SHARE, STANDARD_ERRORS, failures, percent
from ss_ray.evaluation.scores import Grade, Score, to_score

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
        hard_fails: Names of the rules that failed, each once, in the order of `rules.RULES`.
    """

    score: Score
    failed: bool | None
    reasons: tuple[str, ...]
    hard_fails: tuple[str, ...] = ()


def judge_privacy(privacy: Privacy) -> PrivacyVerdict:
    """Poor if a hard rule fails; else not available without all comparisons; else the grade of the weakest part."""
    failed = failures(privacy)
    if failed:
        return PrivacyVerdict(
            score=Score(value=0.0, grade=Grade.POOR),
            failed=True,
            reasons=tuple(reason for reasons in failed.values() for reason in reasons),
            hard_fails=tuple(failed),
        )
    shares = (privacy.closer_to_train, privacy.membership_auc)
    unknown = next((m.reason for m in (privacy.copies[0].p_value, *shares) if m.value is None), None)
    if any(item.has_overlap for item in privacy.copies):
        unknown = "the holdout holds training rows, so nothing in it is known to be unseen; give rows of its own"
    if unknown is not None:
        score = Score(value=None, grade=None, reason=unknown)
        return PrivacyVerdict(score=score, failed=None, reasons=(f"not available, because {unknown}",))
    limit = UNCERTAIN_LIMIT if any(_is_uncertain(m) for m in shares) else 10.0
    score = to_score(min(limit, *(share_score(m.value) for m in shares if m.value is not None)))
    return PrivacyVerdict(score=score, failed=False, reasons=tuple(_findings(privacy)))


def share_score(share: float) -> float:
    """Score of a share that an honest generator brings to 0.5: linear from 10 there to 0 at WORST_SHARE."""
    return 10.0 * min(1.0, max(0.0, (WORST_SHARE - share) / (WORST_SHARE - 0.5)))


def _is_uncertain(metric: Metric) -> bool:
    """Whether an excess of PRACTICAL_SHARE would drown in the noise."""
    return metric.std_error is None or 0.5 + STANDARD_ERRORS * metric.std_error > PRACTICAL_SHARE


def _findings(privacy: Privacy) -> Iterator[str]:
    """What a table that failed no hard rule has shown."""
    rows, near = privacy.copies[0], privacy.near_copies
    yield (
        f"{percent(rows.synthetic)} of the synthetic rows equal a training row, "
        f"{percent(rows.holdout)} of the unseen real rows do: no more than chance explains"
    )
    yield (
        f"{percent(near.synthetic)} of the synthetic rows come nearer to a training row than nearly all unseen real "
        f"rows do; {percent(near.holdout)} of those do by definition"
    )
    yield (
        f"{percent(privacy.closer_to_train)} of the synthetic rows are closer to a training row than to an unseen "
        "real row; 50% is fair"
    )
    yield f"guessing who was trained on by distance has an AUC of {privacy.membership_auc.value:.3f}; 0.5 is guessing"
    if privacy.attributes.worst is not None:
        yield (
            f"guessing a column from the others succeeds at most {_points(privacy.attributes.worst.advantage)} more "
            "often on training rows than on unseen real rows"
        )
    if any(_is_uncertain(m) for m in (privacy.closer_to_train, privacy.membership_auc)):
        yield (
            f"the samples are too small to see an excess of {100 * (PRACTICAL_SHARE - 0.5):.0f}%, so the grade is "
            f"at most {to_score(UNCERTAIN_LIMIT).grade}"
        )


def _points(metric: Metric) -> str:
    return f"{100 * max(metric.value or 0.0, 0.0):.1f} percentage points"
