"""The thresholds behind the verdicts, as a table for the report: read from the constants that decide."""

from __future__ import annotations

from typing import NamedTuple

from ss_ray.evaluation import quality_verdict
from ss_ray.evaluation.privacy import rules
from ss_ray.evaluation.scores import to_score


class Threshold(NamedTuple):
    """One threshold.

    Attributes:
        figure: Name of the figure.
        limit: Threshold in words.
        consequence: Result where the threshold is passed.
    """

    figure: str
    limit: str
    consequence: str


def list_thresholds() -> tuple[Threshold, ...]:
    """Thresholds of quality first, then those of privacy."""
    return (
        Threshold(
            figure="Every score",
            limit="two points for each grade",
            consequence="Poor below 2, Moderate below 4, Good below 6, Very Good below 8, Excellent from 8",
        ),
        *(
            _cap_quality("AUC of the discriminator", f"above {bar:g}", score)
            for bar, score in quality_verdict.AUC_LIMITS
        ),
        *(
            _cap_quality("Skill that models of synthetic rows keep", f"below {bar:.0%}", score)
            for bar, score in quality_verdict.SKILL_LIMITS
        ),
        *(
            _cap_quality("Score of the meaning of a text column", f"below {bar:g}", score)
            for bar, score in quality_verdict.TEXT_LIMITS
        ),
        _fail_rule(
            "Rows closer to a training row than to an unseen one; membership inference",
            f"above {rules.PRACTICAL_SHARE:g}",
        ),
        _fail_rule("Rows that come nearer than nearly all unseen rows do", f"above {rules.PRACTICAL_NEAR:.0%}"),
        _fail_rule("Members found at 1% of false alarms", f"above {rules.PRACTICAL_TPR:.0%}"),
        _fail_rule("Advantage when a column is guessed", f"above {rules.PRACTICAL_ADVANTAGE:.0%}"),
        _fail_rule(
            "Synthetic rows that equal a training row which stands alone", f"{rules.MIN_DISCLOSED} rows or more"
        ),
        _fail_rule("Long texts of one person, word for word", f"{rules.MIN_VERBATIM} texts or more"),
    )


def _cap_quality(figure: str, limit: str, score: float) -> Threshold:
    return Threshold(figure=figure, limit=limit, consequence=f"quality is {to_score(score).grade} at best")


def _fail_rule(figure: str, limit: str) -> Threshold:
    return Threshold(figure=figure, limit=limit, consequence="a hard rule fails, if chance does not explain it: Poor")
