"""The verdict on quality: the SQS, capped where another measurement contradicts it, with the reasons in words.

The SQS compares columns, pairs and principal components. A model that was trained for a moment can score well there
and make rows that nobody would take for real ones. The verdict is therefore at most as good as the discriminator, the
usefulness and the meaning of the texts allow. The SQS itself is not changed: it stays comparable with NeMo's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ss_ray.evaluation.metrics import TOO_SMALL, Metric
from ss_ray.evaluation.quality.sequence_fidelity import SequenceFidelity
from ss_ray.evaluation.quality.text_fidelity import TextFidelity
from ss_ray.evaluation.scores import QualityScores, Score, text_semantic_score, to_score
from ss_ray.evaluation.utility.several_targets import TargetUtility
from ss_ray.evaluation.utility.utility import Utility

TOP_OF_POOR = 1.9
TOP_OF_MODERATE = 3.9
TOP_OF_GOOD_VERDICT = 5.9
TOP_OF_VERY_GOOD = 7.9

AUC_LIMITS = ((0.95, TOP_OF_MODERATE), (0.85, TOP_OF_GOOD_VERDICT), (0.75, TOP_OF_VERY_GOOD))
"""Discriminator AUC above which the verdict is capped, and its highest score then."""
SKILL_LIMITS = ((0.25, TOP_OF_MODERATE), (0.5, TOP_OF_GOOD_VERDICT), (0.75, TOP_OF_VERY_GOOD))
"""Share of the real rows' skill below which the verdict is capped, and its highest score then."""
TEXT_LIMITS = ((2.0, TOP_OF_MODERATE), (4.0, TOP_OF_GOOD_VERDICT), (6.0, TOP_OF_VERY_GOOD))
"""Score of the meaning of texts below which the verdict is capped, and its highest score then."""
TEXT_AUC_LIMIT = 0.95
PRACTICAL_DIFFERENCE = 0.1
"""Difference from unseen real rows in an AUC or a similarity that matters."""
LENGTHS_DIFFERENCE = 0.3
"""Distance of the lengths of groups beyond that of unseen real ones that matters."""
MIN_SKILL = 0.1
"""Skill of real rows below which a column cannot be predicted, so that nothing can be lost."""
STANDARD_ERRORS = 2.0
"""Distance in standard errors from a limit at which the verdict is capped: small samples are not punished for noise."""


@dataclass(frozen=True, kw_only=True)
class QualityVerdict:
    """The grade of quality and the reasons for it.

    Attributes:
        score: The SQS, or the lowest cap; without a value where there is no SQS.
        reasons: Measurements that cap the score, a sentence each; empty where the score is the SQS.
    """

    score: Score
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KeptSkill:
    """Skill of models that learned from synthetic rows, as a share of the skill of models that learned from real rows.

    Attributes:
        share: The share; 1 loses nothing, and chance may bring it above 1 or below 0.
        std_error: Standard error of the share.
        columns: Number of predicted columns.
    """

    share: float
    std_error: float
    columns: int


@dataclass(frozen=True, kw_only=True)
class _Cap:
    """A highest score, and the reason for it in words."""

    limit: float
    reason: str


def judge_quality(
    quality: QualityScores,
    discriminators: tuple[Metric, Metric],
    utility: Utility,
    texts: Sequence[TextFidelity],
    sequences: SequenceFidelity | None = None,
) -> QualityVerdict:
    """The SQS, capped where the discriminator, the usefulness, the meaning of texts or torn groups contradict it.

    Args:
        quality: The SQS of the synthetic table.
        discriminators: AUC of a model that tells synthetic from real rows, and of one that tells unseen real rows from
            training rows.
        utility: Scores of models that learned from synthetic and from real rows.
        texts: Fidelity of each text column.
        sequences: Fidelity of groups of rows; None where each row stands by itself.
    """
    sqs = quality.sqs
    if sqs.value is None:
        return QualityVerdict(score=sqs)

    caps = (
        *_cap_small_table(discriminators[0], utility),
        *_cap_by_discriminator(*discriminators),
        *_cap_by_utility(utility),
        *_cap_by_texts(texts),
        *(_cap_by_groups(sequences) if sequences is not None else ()),
    )
    binding = sorted((cap for cap in caps if cap.limit < sqs.value), key=lambda cap: cap.limit)
    if not binding:
        return QualityVerdict(score=sqs, reasons=quality.limits)

    return QualityVerdict(score=to_score(binding[0].limit), reasons=(*(cap.reason for cap in binding), *quality.limits))


def _cap_small_table(auc: Metric, utility: Utility) -> Iterator[_Cap]:
    """The cap of a table that is too small for every measurement of whole rows."""
    made = utility.synthetic
    if auc.value is None and made.value is None and (auc.reason or "").startswith(TOO_SMALL):
        yield _Cap(
            limit=TOP_OF_GOOD_VERDICT,
            reason=f"only single columns and pairs were compared, the table is {auc.reason}",
        )


def _cap_by_discriminator(auc: Metric, baseline: Metric) -> Iterator[_Cap]:
    """The cap of a table whose rows a model tells from real ones, better than real ones from each other."""
    if auc.value is None or not _is_worse(auc, baseline):
        return

    least = auc.value - STANDARD_ERRORS * (auc.std_error or 0.0)
    limit = next((limit for bar, limit in AUC_LIMITS if least > bar), None)
    if limit is not None:
        yield _Cap(
            limit=limit,
            reason=f"a model tells synthetic from real rows with an AUC of {auc.value:.2f}; 0.5 is guessing",
        )


def _is_worse(auc: Metric, baseline: Metric) -> bool:
    """Whether an AUC is above that of real rows against real ones by an amount that matters."""
    if auc.value is None or baseline.value is None:
        return True
    return auc.value - baseline.value > PRACTICAL_DIFFERENCE


def _cap_by_utility(utility: Utility) -> Iterator[_Cap]:
    """The caps of a table from which models learn much less than from real rows."""
    main = utility.synthetic
    real = _measure_skill(utility.task, utility.real)
    if real is not None and real > MIN_SKILL and main.value is not None:
        error = STANDARD_ERRORS * (main.std_error or 0.0)
        worst = 0.0 if utility.task == "regression" else 0.5
        if main.value + error < worst:
            yield _Cap(
                limit=TOP_OF_POOR,
                reason=f"a model trained on synthetic rows predicts {utility.target!r} worse than guessing "
                f"({utility.measure} {main.value:.2f}, on real rows {utility.real.value:.2f})",
            )

    kept = measure_kept_skill(utility)
    if kept is None:
        return

    best = kept.share + STANDARD_ERRORS * kept.std_error
    limit = next((limit for bar, limit in SKILL_LIMITS if best < bar), None)
    if limit is not None:
        columns = "one column" if kept.columns == 1 else f"{kept.columns} columns"
        yield _Cap(
            limit=limit,
            reason=f"models trained on synthetic rows keep {max(kept.share, 0):.0%} of the skill of models trained on "
            f"real rows, over {columns}",
        )


def measure_kept_skill(utility: Utility, only: str | None = None) -> KeptSkill | None:
    """The share of the real rows' skill that models of synthetic rows keep; None where no column can be predicted.

    Args:
        utility: Scores of models that learned from synthetic and from real rows.
        only: Column whose models count alone; None takes all.
    """
    wanted = [target for target in utility.targets if only in (None, target.target)]
    known = [target for target in wanted if _is_predictable(target)]
    if not known:
        return None

    skills = [_measure_skill(target.task, target.real) or 0.0 for target in known]
    kept = sum(skill - (target.gap.value or 0.0) for skill, target in zip(skills, known, strict=True)) / sum(skills)
    noise = sum((target.gap.std_error or 0.0) ** 2 for target in known) ** 0.5 / sum(skills)

    return KeptSkill(share=kept, std_error=noise, columns=len(known))


def _is_predictable(target: TargetUtility) -> bool:
    """Whether a model learns something of the column from real rows, and the loss is known."""
    skill = _measure_skill(target.task, target.real)
    return skill is not None and skill > MIN_SKILL and target.gap.value is not None


def _measure_skill(task: str | None, score: Metric) -> float | None:
    """Twice the AUC above 0.5, or R2, at least 0."""
    if score.value is None or task is None:
        return None
    if task == "classification":
        return max(0.0, 2.0 * (score.value - 0.5))
    return max(0.0, score.value)


def _cap_by_groups(found: SequenceFidelity) -> Iterator[_Cap]:
    """The caps of a table whose groups are out of order, or not as long as real ones."""
    made, real = found.synthetic.in_order.value, found.train_in_order.value
    if made is not None and real is not None and real - made > PRACTICAL_DIFFERENCE:
        yield _Cap(
            limit=TOP_OF_GOOD_VERDICT,
            reason=f"{made:.0%} of the groups are in order, and {real:.0%} of the real ones",
        )

    lengths, usual = found.synthetic.lengths.value, found.baseline.lengths.value
    if lengths is not None and lengths - (usual or 0.0) > LENGTHS_DIFFERENCE:
        yield _Cap(
            limit=TOP_OF_GOOD_VERDICT,
            reason=f"groups have other numbers of rows than real ones: the distance is {lengths:.2f} of 1",
        )


def _cap_by_texts(texts: Sequence[TextFidelity]) -> Iterator[_Cap]:
    """The caps of text columns whose texts mean something else than real ones, or nothing."""
    for text in texts:
        made = text.synthetic
        mark = text.baseline
        # Real texts of another sample may differ as much, where there are few.
        if made.semantic.value is not None and (
            mark.semantic.value is None or mark.semantic.value - made.semantic.value > PRACTICAL_DIFFERENCE
        ):
            score = text_semantic_score(made.semantic.value)
            limit = next((limit for bar, limit in TEXT_LIMITS if score < bar), None)
            if limit is not None:
                yield _Cap(
                    limit=limit, reason=f"the texts of {text.column!r} score {score:.1f} of 10 for their meaning"
                )

        auc = made.discriminator
        if not _is_worse(auc, mark.discriminator):
            continue

        if auc.value is not None and auc.value - STANDARD_ERRORS * (auc.std_error or 0.0) > TEXT_AUC_LIMIT:
            yield _Cap(
                limit=TOP_OF_GOOD_VERDICT,
                reason=f"a model tells the texts of {text.column!r} from real ones with an AUC of {auc.value:.2f}",
            )
