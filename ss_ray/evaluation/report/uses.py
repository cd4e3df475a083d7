"""What a synthetic table is fit for: a fixed list of uses, each with one stated rule on the figures of the evaluation.

A use is "fit" or "not fit" by its rule alone. Where a figure that the rule needs was not measured, the answer is "not
known", never "fit".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.quality_verdict import measure_kept_skill
from ss_ray.evaluation.scores import Score
from ss_ray.privacy.certificate import Certificate

GOOD_PART = 6.0
"""Score of a part of the SQS from which single columns, or pairs, may be read off the table: "Very Good"."""
LEAST_QUALITY = 6.0
"""Verdict on quality from which relations of columns are trusted; "Very Good" begins there."""
LEAST_SKILL = 0.75
"""Share of the real rows' skill from which models may be trained on the table."""
LEAST_PRIVACY = 4.0
"""Privacy score from which a table may be shared under a contract; "Good" begins there."""
STRONG_EPSILON = 1.0
"""Epsilon up to which a bound is strong. Source: tier 1 of the same guide as `MOST_EPSILON`."""
MOST_EPSILON = 10.0
"""Epsilon up to which a table may be published. Source: Ponomareva et al. 2023, arXiv:2303.00654, tiers 1 and 2."""


class Fitness(StrEnum):
    """Whether a table is fit for a use."""

    FIT = "fit"
    NOT_FIT = "not fit"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use of the table, judged.

    Attributes:
        name: The use, as the end of "fit for ...".
        fitness: Whether the table is fit for it.
        because: The figure that decides, in words, as the end of "because ...".
        rule: The rule with its threshold.
    """

    name: str
    fitness: Fitness
    because: str
    rule: str


def judge_uses(evaluation: Evaluation, guarantee: Certificate | None) -> tuple[Use, ...]:
    """Every use with its answer, the least demanding one first.

    Args:
        evaluation: Measurements of the table.
        guarantee: The certificate; None without differential privacy.
    """
    return (
        _judge_tests(evaluation),
        _judge_columns(evaluation),
        _judge_relations(evaluation),
        _judge_models(evaluation),
        _judge_sharing(evaluation),
        judge_publication(guarantee, failed=evaluation.scores.privacy.failed),
    )


def judge_publication(guarantee: Certificate | None, *, failed: bool | None) -> Use:
    """Whether the table may be published, by its certificate.

    Args:
        guarantee: The certificate; None without differential privacy.
        failed: Whether a hard rule of privacy failed; None where that is not known.
    """
    if failed:
        fitness = Fitness.NOT_FIT
        because = "a hard rule of privacy failed"
    elif guarantee is None:
        fitness = Fitness.NOT_FIT
        because = "no differential privacy bounds what the table reveals about one person"
    else:
        fitness = Fitness.FIT if guarantee.epsilon <= MOST_EPSILON else Fitness.NOT_FIT
        because = f"the certificate has an epsilon of {guarantee.epsilon:.2f}"

    return Use(
        name="publication",
        fitness=fitness,
        because=because,
        rule=f"a certificate with an epsilon of at most {MOST_EPSILON:g}, and no hard rule that failed",
    )


def _judge_tests(evaluation: Evaluation) -> Use:
    """Tests of software need the right format alone, and a table that may be copied to where the tests run."""
    failed = evaluation.scores.privacy.failed
    if failed:
        fitness = Fitness.NOT_FIT
        because = "a hard rule of privacy failed, so the table must stay where the real rows are"
    elif failed is None:
        fitness = Fitness.NOT_KNOWN
        because = "privacy could not be measured"
    else:
        fitness = Fitness.FIT
        because = "its columns have the types and the spelling of the real ones, and no hard rule of privacy failed"

    return Use(
        name="software tests",
        fitness=fitness,
        because=because,
        rule="no hard rule of privacy failed",
    )


def _judge_columns(evaluation: Evaluation) -> Use:
    quality = evaluation.scores.quality
    rule = f"a score of at least {GOOD_PART:g} for column distributions, and no column that loses its missing values"
    name = "statistics of single columns"
    if quality.limits:
        return Use(name=name, fitness=Fitness.NOT_FIT, because=quality.limits[0], rule=rule)
    return _judge_score(name, "column distributions", quality.distribution, rule)


def _judge_relations(evaluation: Evaluation) -> Use:
    verdict = evaluation.scores.verdict.score
    rule = f"a score of at least {GOOD_PART:g} for correlations, and a verdict on quality of at least {LEAST_QUALITY:g}"
    name = "relations between columns"
    if verdict.value is not None and verdict.value < LEAST_QUALITY:
        because = f"the verdict on quality is {verdict.value:g} of 10"
        return Use(name=name, fitness=Fitness.NOT_FIT, because=because, rule=rule)
    return _judge_score(name, "correlations", evaluation.scores.quality.correlation, rule)


def _judge_score(name: str, part: str, score: Score, rule: str) -> Use:
    if score.value is None:
        return Use(name=name, fitness=Fitness.NOT_KNOWN, because=score.reason or "it was not measured", rule=rule)

    fitness = Fitness.FIT if score.value >= GOOD_PART else Fitness.NOT_FIT
    return Use(name=name, fitness=fitness, because=f"{part} score {score.value:g} of 10", rule=rule)


def _judge_models(evaluation: Evaluation) -> Use:
    kept = measure_kept_skill(evaluation.utility)
    rule = f"models of synthetic rows keep at least {LEAST_SKILL:.0%} of the skill of models of real rows"
    name = "prediction models"
    if kept is None:
        because = evaluation.utility.mean_gap.reason or "no column can be predicted from the real rows"
        return Use(name=name, fitness=Fitness.NOT_KNOWN, because=because, rule=rule)

    fitness = Fitness.FIT if kept.share >= LEAST_SKILL else Fitness.NOT_FIT
    because = f"models that learned from synthetic rows keep {max(kept.share, 0):.0%} of the skill, on unseen real rows"
    return Use(name=name, fitness=fitness, because=because, rule=rule)


def _judge_sharing(evaluation: Evaluation) -> Use:
    privacy = evaluation.scores.privacy
    rule = f"every privacy test was made, no hard rule failed, and privacy scores at least {LEAST_PRIVACY:g}"
    name = "sharing under a contract"
    if privacy.failed:
        fitness = Fitness.NOT_FIT
        because = "a hard rule of privacy failed"
    elif privacy.score.value is None:
        fitness = Fitness.NOT_KNOWN
        because = privacy.score.reason or "privacy could not be measured"
    else:
        fitness = Fitness.FIT if privacy.score.value >= LEAST_PRIVACY else Fitness.NOT_FIT
        because = f"privacy scores {privacy.score.value:g} of 10"

    return Use(name=name, fitness=fitness, because=because, rule=rule)


def list_names(uses: tuple[Use, ...], fitness: Fitness) -> Iterator[str]:
    """Names of the uses with this answer."""
    return (use.name for use in uses if use.fitness is fitness)
