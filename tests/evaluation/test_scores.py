import math

import pytest

from ss_ray.evaluation.metrics import measured, unavailable
from ss_ray.evaluation.quality.similarity import Similarity
from ss_ray.evaluation.quality.text_fidelity import TextSimilarity
from ss_ray.evaluation.scores import (
    Grade,
    correlation_score,
    deep_structure_score,
    distribution_score,
    grade,
    score_quality,
    text_semantic_score,
    text_structure_score,
    to_score,
)


@pytest.mark.parametrize(
    ("convert", "raw", "expected"),
    [  # section 5.2 of the reference on NeMo Safe Synthesizer
        (distribution_score, 0.995, 0.0),
        (distribution_score, 0.01, 10.0),
        (distribution_score, 0.1, 7.44 * 0.01 - 1.6646 + 10.305),
        (distribution_score, 0.5887, 3.0839),
        (distribution_score, 0.02, 9.97506),
        (correlation_score, 0.47, 0.0),
        (correlation_score, 0.005, 10.0),
        (correlation_score, 0.1, 6.86732),
        (correlation_score, 0.46, 1.60833),
        (text_structure_score, 0.81, 1.5),
        (text_structure_score, 0.1, 10.0),
        (text_structure_score, 0.2, 9.0),
        (text_semantic_score, 0.37, 3.7),
        (deep_structure_score, 0.0, 10.0),
        (deep_structure_score, 0.25, 10 * math.exp(-0.4)),
    ],
)
def test_conversions_are_those_of_nemo(convert, raw, expected):
    assert convert(raw) == pytest.approx(expected, abs=1e-4)


def test_scores_stay_between_0_and_10():
    for convert in (distribution_score, correlation_score, deep_structure_score):
        assert all(0.0 <= convert(raw / 100) <= 10.0 for raw in range(101))


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.0, "Poor"), (2.0, "Moderate"), (5.9, "Good"), (6.0, "Very Good"), (8.0, "Excellent"), (10.0, "Excellent")],
)
def test_grades_take_two_points_each(value, word):
    assert grade(value) == Grade(word)


def test_scores_are_clipped_and_rounded_before_they_are_graded():
    assert to_score(7.96).grade is Grade.EXCELLENT
    assert to_score(12.0).value == 10.0


def similarity(distribution, correlation, deep):
    return Similarity(
        distribution=distribution, correlation=correlation, correlation_off_diagonal=correlation, deep_structure=deep
    )


def test_a_zero_part_counts_in_the_sqs():
    quality = score_quality(similarity(measured(0.0, 9), measured(1.0, 9), measured(0.0, 9)))
    assert quality.correlation.value == 0.0
    assert quality.sqs.value == round(10 * (0.84 + 0.86) / 2.70, 1)


def test_a_part_that_is_not_available_is_left_out_with_its_reason():
    quality = score_quality(similarity(measured(0.0, 9), unavailable("only one column"), measured(0.0, 9)))
    assert quality.sqs.value == 10.0
    assert quality.correlation.reason == "only one column"


def test_no_part_gives_no_score():
    none = unavailable("no column can be scored")
    assert score_quality(similarity(none, none, none)).sqs.reason == "no column can be scored"


def text(semantic, structure):
    none = unavailable("not looked at")
    return TextSimilarity(
        structure=structure, semantic=semantic, lengths=none, vocabulary=none, duplicates=none, discriminator=none
    )


PERFECT = similarity(measured(0.0, 9), measured(0.0, 9), measured(0.0, 9))


def test_text_columns_weigh_as_many_as_they_are():
    texts = [text(measured(0.5, 9), measured(0.2, 9)), text(measured(0.3, 9), measured(0.2, 9))]
    quality = score_quality(PERFECT, texts, tabular_columns=3)
    assert quality.text_semantic.value == 4.0
    assert quality.text_structure.value == 9.0
    assert quality.sqs.value == round((3 * 10 + 2 * (0.7 * 4 + 0.3 * 9)) / 5, 1)


def test_texts_without_meanings_are_scored_by_structure():
    quality = score_quality(PERFECT, [text(unavailable("no holdout"), measured(0.2, 9))], tabular_columns=1)
    assert quality.sqs.value == 9.5
    assert quality.text_semantic.reason == "no holdout"


def test_a_table_of_texts_alone_has_a_score():
    none = unavailable("no column can be scored")
    quality = score_quality(similarity(none, none, none), [text(measured(1.0, 9), measured(0.0, 9))], tabular_columns=1)
    assert quality.sqs.value == 10.0
    assert quality.distribution.reason == "no column can be scored"


def test_a_table_without_texts_is_scored_by_its_columns_alone():
    quality = score_quality(PERFECT, tabular_columns=8)
    assert quality.sqs.value == 10.0
    assert quality.text_structure.reason == "there is no text column"


def test_what_no_part_sees_caps_the_score_and_not_the_parts():
    perfect = similarity(measured(0.0, 9), measured(0.0, 9), measured(0.0, 9))
    quality = score_quality(perfect, limits=("half of 'age' is lost",))
    assert quality.sqs == to_score(5.9)
    assert quality.sqs.grade is Grade.GOOD
    assert quality.distribution.value == 10.0
    assert quality.limits == ("half of 'age' is lost",)
