"""What a synthetic table is fit for: a fixed list of uses, each with one stated rule on the figures of the evaluation.

A use is "fit" or "not fit" by its rule alone. Where a figure that the rule needs was not measured, the answer is "not
known", never "fit".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

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


Fitness = Literal["fit", "not fit", "not known"]
Answer = tuple[Fitness, str]
"""Whether a table is fit for a use, and the figure that decides, in words, as the end of "because ..."."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use of the table, judged.

    Attributes:
        name: Name of the use, as the end of "fit for ...".
        rule: Rule with its threshold, as the end of "needed: ...".
        fitness: Answer of the rule; "not known" where a figure that it needs was not measured.
        because: Figure that decides, in words, as the end of "because ...".
    """

    name: str
    rule: str
    fitness: Fitness
    because: str


def judge_uses(evaluation: Evaluation, guarantee: Certificate | None) -> tuple[Use, ...]:
    """Every use with its answer, the least demanding one first.

    Args:
        evaluation: Measurements of the table.
        guarantee: The certificate; None without differential privacy.
    """
    uses = []
    for name, (rule, judge) in RULES.items():
        fitness, because = judge(evaluation)
        uses.append(Use(name=name, rule=rule, fitness=fitness, because=because))

    return (*uses, judge_publication(guarantee, failed=evaluation.scores.privacy.failed))


def judge_publication(guarantee: Certificate | None, *, failed: bool | None) -> Use:
    """Whether the table may be published, by its certificate.

    Args:
        guarantee: The certificate; None without differential privacy.
        failed: Whether a hard rule of privacy failed; None where that is not known.
    """
    fitness: Fitness = "not fit"
    if failed:
        because = "a hard rule of privacy failed"
    elif guarantee is None:
        because = "no differential privacy bounds what the table reveals about one person"
    else:
        fitness = _compare_with_limit(MOST_EPSILON, guarantee.epsilon)
        because = f"the certificate has an epsilon of {guarantee.epsilon:.2f}"

    rule = f"a certificate with an epsilon of at most {MOST_EPSILON:g}, and no hard rule that failed"
    return Use(name="publication", rule=rule, fitness=fitness, because=because)


def _judge_tests(evaluation: Evaluation) -> Answer:
    """Tests of software need the right format alone, and a table that may be copied to where the tests run."""
    failed = evaluation.scores.privacy.failed
    if failed is None:
        return "not known", "privacy could not be measured"
    if failed:
        return "not fit", "a hard rule of privacy failed, so the table must stay where the real rows are"
    return "fit", "its columns have the types and the spelling of the real ones, and no hard rule of privacy failed"


def _judge_columns(evaluation: Evaluation) -> Answer:
    quality = evaluation.scores.quality
    if quality.limits:
        return "not fit", quality.limits[0]
    return _judge_score("column distributions", quality.distribution)


def _judge_relations(evaluation: Evaluation) -> Answer:
    verdict = evaluation.scores.verdict.score
    if verdict.value is not None and verdict.value < LEAST_QUALITY:
        return "not fit", f"the verdict on quality is {verdict.value:g} of 10"
    return _judge_score("correlations", evaluation.scores.quality.correlation)


def _judge_score(part: str, score: Score) -> Answer:
    if score.value is None:
        return "not known", score.reason or "it was not measured"
    return _compare_with_limit(score.value, GOOD_PART), f"{part} score {score.value:g} of 10"


def _judge_models(evaluation: Evaluation) -> Answer:
    kept = measure_kept_skill(evaluation.utility)
    if kept is None:
        return "not known", evaluation.utility.mean_gap.reason or "no column can be predicted from the real rows"

    name = evaluation.utility.target
    main = measure_kept_skill(evaluation.utility, only=name)
    if main is not None and main.share + main.std_error < LEAST_SKILL:
        share = min(max(main.share, 0.0), 1.0)
        return "not fit", f"a model of {name!r} that learned from synthetic rows keeps {share:.0%} of the skill"

    share = min(max(kept.share, 0.0), 1.0)
    columns = "one column" if kept.columns == 1 else f"{kept.columns} columns"
    because = (
        f"models that learned from synthetic rows keep {share:.0%} of the skill on unseen real rows, over {columns}"
    )
    return _compare_with_limit(kept.share, LEAST_SKILL), because


def _judge_sharing(evaluation: Evaluation) -> Answer:
    privacy = evaluation.scores.privacy
    if privacy.failed:
        return "not fit", "a hard rule of privacy failed"
    if privacy.score.value is None:
        return "not known", privacy.score.reason or "privacy could not be measured"
    return _compare_with_limit(privacy.score.value, LEAST_PRIVACY), f"privacy scores {privacy.score.value:g} of 10"


def _compare_with_limit(value: float, least: float) -> Fitness:
    return "fit" if value >= least else "not fit"


def list_names(uses: tuple[Use, ...], fitness: Fitness) -> Iterator[str]:
    """Names of the uses with this answer."""
    return (use.name for use in uses if use.fitness == fitness)


RULES: dict[str, tuple[str, Callable[[Evaluation], Answer]]] = {
    "software tests": ("no hard rule of privacy failed", _judge_tests),
    "statistics of single columns": (
        f"a score of at least {GOOD_PART:g} for column distributions, and no column that loses its missing values",
        _judge_columns,
    ),
    "relations between columns": (
        f"a score of at least {GOOD_PART:g} for correlations, and a verdict on quality of at least {LEAST_QUALITY:g}",
        _judge_relations,
    ),
    "prediction models": (
        f"models of synthetic rows keep at least {LEAST_SKILL:.0%} of the skill of models of real rows",
        _judge_models,
    ),
    "sharing under a contract": (
        f"every privacy test was made, no hard rule failed, and privacy scores at least {LEAST_PRIVACY:g}",
        _judge_sharing,
    ),
}
"""Use -> its rule in words, and the function that applies it."""
