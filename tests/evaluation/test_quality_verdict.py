"""The verdict on quality: the SQS, or the lowest cap with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ss_ray.evaluation.metrics import Metric, measured, not_measured, too_small, unavailable
from ss_ray.evaluation.quality.sequence_fidelity import SequenceFidelity, SequenceSimilarity
from ss_ray.evaluation.quality.text_fidelity import TextFidelity, TextSimilarity
from ss_ray.evaluation.quality_verdict import judge_quality
from ss_ray.evaluation.scores import QualityScores, to_score
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.evaluation.utility.several_targets import TargetUtility
from ss_ray.evaluation.utility.utility import Utility

NONE = unavailable("not needed here")


def quality(sqs: float) -> QualityScores:
    score = to_score(sqs)
    return QualityScores(
        sqs=score, distribution=score, correlation=score, deep_structure=score, text_semantic=score,
        text_structure=score,
    )  # fmt: skip


def r2(real: float, synthetic: float, error: float = 0.01) -> Utility:
    """Utility of one predicted number."""
    marks = (measured(real, 200, std_error=error), measured(synthetic, 200, std_error=error))
    gap = measured(max(real, 0.0) - max(synthetic, 0.0), 200, std_error=error)
    target = TargetUtility(target="price", task="regression", measure="R2", real=marks[0], synthetic=marks[1], gap=gap)
    return Utility(
        target="price", target_reason="declared", task="regression", measure="R2", train_rows=200, real=marks[0],
        synthetic=marks[1], floor=NONE, gap=gap, importance_agreement=NONE, importance_baseline=NONE,
        targets=(target,), mean_gap=gap,
    )  # fmt: skip


def auc(value: float, error: float = 0.01) -> Metric:
    return measured(value, 200, std_error=error)


def text(semantic: float, discriminator: float, mark: tuple[float, float] | None = None) -> TextFidelity:
    base = not_measured(TextSimilarity, "not needed here")
    if mark is not None:
        base = replace(base, semantic=measured(mark[0], 200), discriminator=auc(mark[1]))
    made = replace(base, semantic=measured(semantic, 200), discriminator=auc(discriminator))
    return TextFidelity(column="review", embedding=None, synthetic=made, baseline=base, train_duplicates=NONE)


def test_a_good_table_keeps_its_score():
    verdict = judge_quality(quality(8.9), (auc(0.56), NONE), r2(0.9, 0.85), [text(0.9, 0.6)])
    assert (verdict.score.value, verdict.score.grade, verdict.reasons) == (8.9, "Excellent", ())


def test_gibberish_of_a_model_that_was_hardly_trained_is_poor():
    verdict = judge_quality(quality(5.9), (auc(0.99), NONE), r2(0.6, -3.7), [])
    assert verdict.score.grade == "Poor"
    assert "predicts 'price' worse than guessing (R2 -3.70, on real rows 0.60)" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("value", "grade"), [(0.6, "Excellent"), (0.8, "Very Good"), (0.9, "Good"), (0.99, "Moderate")]
)
def test_rows_that_a_model_tells_from_real_ones_cap_the_score(value: float, grade: str):
    verdict = judge_quality(quality(9.0), (auc(value), NONE), r2(0.9, 0.9), [])
    assert verdict.score.grade == grade
    assert bool(verdict.reasons) == (grade != "Excellent")


@pytest.mark.parametrize(("kept", "grade"), [(0.8, "Excellent"), (0.6, "Very Good"), (0.3, "Good"), (0.2, "Moderate")])
def test_skill_that_is_lost_caps_the_score(kept: float, grade: str):
    assert judge_quality(quality(9.0), (auc(0.5), NONE), r2(0.8, 0.8 * kept, 0.001), []).score.grade == grade


@pytest.mark.parametrize(
    ("semantic", "discriminator", "grade"),
    [(0.7, 0.7, "Excellent"), (0.5, 0.7, "Very Good"), (0.3, 0.7, "Good"), (0.15, 0.7, "Moderate"), (0.7, 1.0, "Good")],
)
def test_texts_without_the_meaning_of_real_ones_cap_the_score(semantic: float, discriminator: float, grade: str):
    verdict = judge_quality(quality(9.0), (auc(0.5), NONE), r2(0.9, 0.9), [text(semantic, discriminator)])
    assert verdict.score.grade == grade


def test_noise_of_a_small_sample_is_no_reason_for_a_cap():
    assert judge_quality(quality(9.0), (auc(0.9, error=0.1), NONE), r2(0.8, 0.5, error=0.3), []).reasons == ()


def test_what_cannot_be_predicted_from_real_rows_cannot_be_lost():
    assert judge_quality(quality(9.0), (auc(0.5), NONE), r2(0.05, -0.5), []).reasons == ()


def test_a_low_score_is_not_raised_to_a_cap():
    verdict = judge_quality(quality(1.2), (auc(0.99), NONE), r2(0.8, 0.0), [])
    assert verdict.score.value == 1.2
    assert verdict.reasons == ()


def test_without_a_score_there_is_no_verdict():
    missing = replace(quality(5.0), sqs=replace(to_score(0.0), value=None, grade=None, reason="no column"))
    assert judge_quality(missing, (NONE, NONE), r2(0.5, 0.5), []).score.reason == "no column"


def test_rows_and_texts_that_differ_no_more_than_real_ones_do_are_no_reason_for_a_cap():
    marked = text(0.3, 1.0, mark=(0.35, 0.99))
    assert judge_quality(quality(9.0), (auc(0.9), auc(0.88)), r2(0.9, 0.9), [marked]).reasons == ()
    worse = text(0.3, 1.0, mark=(0.9, 0.5))
    assert len(judge_quality(quality(9.0), (auc(0.9), auc(0.5)), r2(0.9, 0.9), [worse]).reasons) == 3


def test_a_table_that_is_too_small_for_whole_rows_is_good_at_best():
    small = unavailable(too_small({"holdout": 12}))
    nothing = replace(r2(0.5, 0.5), task=None, synthetic=small, real=small, targets=())
    verdict = judge_quality(quality(9.0), (small, NONE), nothing, [])
    assert verdict.score.grade == "Good"
    assert "too small to tell: 12 holdout rows, at least 20 are needed" in verdict.reasons[0]
    # A table of one column has nothing to predict, and its rows were compared.
    assert judge_quality(quality(9.0), (auc(0.5), NONE), nothing, []).reasons == ()


@pytest.mark.parametrize(
    ("in_order", "lengths", "reason"),
    [
        (0.82, 0.1, "82% of the groups are in order, and 100% of the real ones"),
        (1.0, 0.6, "groups have other numbers of rows than real ones: the distance is 0.60 of 1"),
        (0.95, 0.2, None),
    ],
)
def test_torn_groups_cap_the_verdict(in_order: float, lengths: float, reason: str | None) -> None:
    none = not_measured(SequenceSimilarity, "not needed here")
    groups = SequenceFidelity(
        columns=SequenceColumns(group="who", order="day"),
        synthetic=replace(none, in_order=measured(in_order, 200), lengths=measured(lengths, 200)),
        baseline=replace(none, lengths=measured(0.1, 200)),
        train_in_order=measured(1.0, 200),
        constant_columns=(),
    )
    verdict = judge_quality(quality(9.0), (auc(0.5), NONE), r2(0.9, 0.9), [], groups)
    assert verdict.reasons == (() if reason is None else (reason,))
    assert verdict.score.grade == ("Excellent" if reason is None else "Good")
