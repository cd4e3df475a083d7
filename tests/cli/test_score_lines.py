"""Scores on the command line: one verdict at the top, and a reason for every figure that is missing."""

from __future__ import annotations

from dataclasses import replace

from ss_ray.cli.summaries import generation_summary, score_lines
from ss_ray.config.constraints import OrderConstraint, RangeConstraint
from ss_ray.evaluation.stage import EvaluationResult
from ss_ray.generation.results import SyntheticTable
from ss_ray.pipelines.generate import GenerationReport
from ss_ray.pipelines.kept_constraints import KeptConstraints

MEASURED = EvaluationResult(
    quality_score=5.9,
    quality_grade="Poor",
    quality_verdict=1.9,
    quality_limits=("a model predicts worse than guessing",),
    privacy_grade="Good",
    discriminator_auc=0.99,
    utility_target="price",
    utility_real=0.6,
    utility_synthetic=-3.7,
    copied_share=0.0,
    copied_share_holdout=0.0,
    closer_to_train_share=0.5,
)
SMALL = "too small to tell: 12 holdout rows, at least 20 are needed"


def test_the_verdict_is_the_first_line_and_a_capped_score_is_never_called_good() -> None:
    lines = score_lines(MEASURED)
    assert lines[0] == "Verdict          quality Poor, privacy Good"
    assert "Quality (SQS)    5.9 of 10, but Poor: capped at 1.9" in lines
    assert "Quality capped   a model predicts worse than guessing" in lines


def test_a_figure_that_is_missing_says_why() -> None:
    nothing = EvaluationResult(
        quality_score=None,
        quality_grade=None,
        privacy_grade=None,
        discriminator_auc=None,
        utility_target=None,
        utility_real=None,
        utility_synthetic=None,
        copied_share=None,
        copied_share_holdout=None,
        closer_to_train_share=None,
        unavailable=dict.fromkeys(("quality", "privacy", "utility", "discriminator"), SMALL),
    )
    text = "\n".join(score_lines(nothing))
    assert "n/a" not in text
    assert text.count(SMALL) == 4


def test_an_auc_below_guessing_is_explained() -> None:
    lines = score_lines(replace(MEASURED, discriminator_auc=0.45))
    assert "Discriminator    AUC 0.450 (0.5: cannot tell from real, and what is below it is chance)" in lines


def test_rules_of_the_real_rows_are_counted_and_the_most_broken_ones_named() -> None:
    broken = (("order(a <= b)", 0.125), ("sum(c = a + b)", 0.0004))
    assert score_lines(replace(MEASURED, found_rules=5, broken_rules=broken))[-3:] == [
        "Rules            5 found in the real rows, synthetic rows break 2 of them (constraints: auto keeps them)",
        "Broken           order(a <= b): 12.5% of the rows",
        "Broken           sum(c = a + b): less than 0.1% of the rows",
    ]
    kept = score_lines(replace(MEASURED, found_rules=5))[-1]
    assert kept == "Rules            5 found in the real rows, synthetic rows break none of them"
    assert "Rules" not in "".join(score_lines(MEASURED))


def test_the_summary_of_new_rows_names_the_constraints_that_hold_and_those_that_do_not() -> None:
    order = OrderConstraint(low="start", high="end")
    bounds = RangeConstraint(column="age", minimum=18)
    report = GenerationReport(
        run_dir="more",
        synthetic="more/release/synthetic",
        csv=None,
        certificate=None,
        constraints=KeptConstraints(of_run=(order,), added=(bounds,), dropped=()),
        result=SyntheticTable(num_rows=10, num_files=1, rejected={}, repaired={}, incomplete=""),
        stage_seconds={},
    )
    lines = generation_summary(report, 3.0).splitlines()
    assert "Constraints      of the run: order(start <= end)" in lines
    assert "Constraints      added: range(age)" in lines

    dropped = replace(report, constraints=KeptConstraints(of_run=(), added=(), dropped=(order,)))
    assert "Constraints      of the run, dropped: order(start <= end)" in generation_summary(dropped, 3.0)
    nothing = replace(report, constraints=KeptConstraints(of_run=(), added=(), dropped=()))
    assert "Constraints      none" in generation_summary(nothing, 3.0).splitlines()
