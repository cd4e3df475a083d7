from dataclasses import replace

import pandas as pd
import pytest
from scipy.stats import norm

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.privacy.attacks import evaluate_privacy
from ss_ray.evaluation.privacy.rules import RULES, STANDARD_ERRORS, TOTAL_ERROR, is_leaking, rule_error
from ss_ray.evaluation.privacy.verdict import judge_privacy, share_score
from ss_ray.evaluation.scores import Grade
from ss_ray.schema import TableSchema
from tests.evaluation.privacy.leaks import PATIENTS, PII, draw_patients, independent, jittered, with_copies
from tests.evaluation.test_evaluate import numbers_in


def judge(train, holdout, synthetic, schema):
    return judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, synthetic, schema)))


def test_a_copy_of_train_is_poor(train, holdout, schema):
    verdict = judge(train, holdout, train, schema)
    assert verdict.score.grade is Grade.POOR
    assert verdict.failed
    assert any("100.0% of the synthetic rows equal a training row" in reason for reason in verdict.reasons)


def test_ten_percent_copies_fail(train, holdout, fresh, schema):
    mixed = pd.concat([fresh.iloc[120:], train.sample(120, random_state=0)])
    verdict = judge(train, holdout, mixed, schema)
    assert verdict.failed
    assert verdict.score.grade is Grade.POOR


def test_copied_texts_fail_even_if_rows_differ(train, holdout, fresh, schema):
    verdict = judge(train, holdout, fresh.assign(remark=train["remark"].to_numpy()), schema)
    assert verdict.failed
    assert len(verdict.reasons) == 1
    assert "'remark'" in verdict.reasons[0]


def test_a_fresh_draw_passes(train, holdout, fresh, schema):
    verdict = judge(train, holdout, fresh, schema)
    assert verdict.failed is False
    assert verdict.score.grade in (Grade.GOOD, Grade.VERY_GOOD, Grade.EXCELLENT)
    assert len(verdict.reasons) >= 3


def test_a_table_of_few_distinct_rows_is_not_accused_of_copying(train, holdout, fresh, schema):
    narrow = [frame.assign(income=1.0, joined=None, age=30.0, remark=None) for frame in (train, holdout, fresh)]
    narrow = [frame.assign(**{"<b>x</b>": 0.0}) for frame in narrow]
    privacy = evaluate_privacy(EvaluationTables(narrow[0], narrow[1], narrow[2], schema))
    assert privacy.copies[0].synthetic.value > 0.8
    assert not judge_privacy(privacy).failed


def test_without_holdout_there_is_no_verdict(train, fresh, schema):
    verdict = judge(train, None, fresh, schema)
    assert verdict.failed is None
    assert verdict.score.grade is None
    assert verdict.reasons[0].startswith("not available, because")


def test_small_samples_cannot_be_excellent(train, holdout, fresh, schema):
    verdict = judge(train.head(50), holdout.head(50), fresh.head(50), schema)
    assert verdict.failed is False
    assert verdict.score.value <= 5.9
    assert "too small" in verdict.reasons[-1]


@pytest.mark.parametrize(
    ("share", "std_error", "leaks"), [(0.56, 0.01, True), (0.56, 0.03, False), (0.54, 0.001, False), (0.3, 0.01, False)]
)
def test_a_leak_is_beyond_noise_and_large_enough_to_matter(share, std_error, leaks):
    assert is_leaking(measured(share, 100, std_error=std_error)) is leaks


def test_share_score_is_linear_between_fair_and_worst():
    assert [share_score(s) for s in (0.4, 0.5, 0.6, 0.9)] == pytest.approx([10.0, 10.0, 0.0, 0.0])
    assert share_score(0.55) == pytest.approx(5.0)


@pytest.fixture(scope="module")
def patients():
    """Training rows, holdout rows, fresh rows."""
    return draw_patients(1000, 1), draw_patients(600, 2), draw_patients(1000, 3)


def judge_patients(train, holdout, synthetic):
    return judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, synthetic, PATIENTS), pii=PII))


LEAKS = {  # name -> (synthetic table, rules that must fail)
    "a copy": (
        lambda train, fresh: train,
        {"copies", "near_copies", "membership_inference", "replay", "memorised_text", "attribute_inference"},
    ),
    "50 % copies": (lambda train, fresh: with_copies(train, fresh, 0.5), {"copies", "near_copies", "gdpr_risks"}),
    "10 % copies": (lambda train, fresh: with_copies(train, fresh, 0.1), {"copies", "near_copies"}),
    "near copies": (jittered, {"near_copies", "membership_inference", "attribute_inference", "gdpr_risks"}),
    "a leaked column": (lambda train, fresh: fresh.assign(income=train["income"]), {"replay", "gdpr_risks"}),
    "replayed mails": (lambda train, fresh: fresh.assign(mail=train["mail"]), {"replay"}),
    "replayed texts": (lambda train, fresh: fresh.assign(note=train["note"]), {"copies", "memorised_text"}),
    "mails in texts": (
        lambda train, fresh: fresh.assign(note=[f"please write to {m} about it" for m in train["mail"]]),
        {"replay"},
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_fails_the_table_by_the_rules_that_see_it(patients, name):
    train, holdout, fresh = patients
    make, rules = LEAKS[name]
    verdict = judge_patients(train, holdout, make(train, fresh))
    assert verdict.failed
    assert verdict.score.grade is Grade.POOR
    assert rules <= set(verdict.hard_fails)
    assert len(verdict.reasons) >= len(verdict.hard_fails)


@pytest.mark.parametrize("make", [lambda fresh: fresh, independent, lambda fresh: fresh[fresh["age"].between(45, 60)]])
def test_tables_made_without_training_rows_pass(patients, make):
    train, holdout, fresh = patients
    verdict = judge_patients(train, holdout, make(fresh))
    assert verdict.hard_fails == ()
    assert verdict.failed is False


@pytest.mark.slow
def test_twenty_fresh_draws_of_twenty_pass():
    failed = {
        seed: verdict.reasons
        for seed in range(20)
        if (verdict := judge_patients(*(draw_patients(rows, 1000 * seed + rows) for rows in (800, 400, 801)))).failed
    }
    assert failed == {}


def test_the_errors_of_the_rules_add_up():
    assert rule_error() * len(RULES) == pytest.approx(TOTAL_ERROR)
    assert norm.sf(STANDARD_ERRORS) < rule_error()


@pytest.mark.parametrize("rows", [(1, 1, 1), (50, 20, 50), (50, 1, 50), (50, 0, 3)])
def test_small_tables_are_judged_or_told_why_not(patients, rows):
    train, holdout, fresh = (frame.head(n) for frame, n in zip(patients, rows, strict=True))
    privacy = evaluate_privacy(EvaluationTables(train, holdout, fresh, PATIENTS), pii=PII)
    verdict = judge_privacy(privacy)
    assert not verdict.failed
    assert all((n.value is None) == (n.reason is not None) for n in numbers_in(privacy))
    assert (verdict.score.value is None) == (min(rows) < 20)


@pytest.mark.parametrize("column", PATIENTS.names)
def test_tables_of_one_column_are_judged_or_told_why_not(patients, column):
    schema = TableSchema(columns=(PATIENTS[column],))
    train, holdout, fresh = (frame[[column]].head(60) for frame in patients)
    for made in (fresh, fresh.head(1), fresh.assign(**{column: None})):
        privacy = evaluate_privacy(EvaluationTables(train, holdout, made, schema))
        assert not judge_privacy(privacy).failed
        assert all((n.value is None) == (n.reason is not None) for n in numbers_in(privacy))
    assert not judge_privacy(
        evaluate_privacy(EvaluationTables(train.assign(**{column: None}), holdout, fresh, schema))
    ).failed


def test_a_copy_fails_without_a_holdout_too(train, fresh, schema):
    verdict = judge(train, None, train, schema)
    assert verdict.failed
    assert "copies" in verdict.hard_fails
    assert "among training rows themselves it is 0.0%" in verdict.reasons[0]


def test_a_holdout_of_training_rows_gives_no_verdict(train, holdout, fresh, schema):
    """What everybody shares is no sign: a table of few distinct rows keeps its verdict."""
    for mixed in (train, pd.concat([train.head(500), holdout.head(500)])):
        verdict = judge(train, mixed, fresh, schema)
        assert verdict.failed is None
        assert "holds training rows" in verdict.reasons[0]


TEXTS = TableSchema(columns=(PATIENTS["mail"], PATIENTS["note"]))


@pytest.mark.parametrize("copied", [0.1, 1.0])
def test_copied_texts_fail_a_table_of_texts_alone(patients, copied):
    train, holdout, fresh = (frame[["mail", "note"]] for frame in patients)
    made = fresh.assign(note=[*train["note"].head(int(copied * 1000)), *fresh["note"].tail(int(1000 - copied * 1000))])
    verdict = judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, made, TEXTS)))
    assert verdict.failed
    assert {"copies", "memorised_text"} <= set(verdict.hard_fails)


def test_a_table_of_texts_alone_says_what_was_not_tested(patients):
    train, holdout, fresh = (frame[["mail", "note"]] for frame in patients)
    verdict = judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, fresh, TEXTS)))
    assert verdict.failed is False
    assert verdict.score.grade is None
    assert verdict.missing == ("copies of rows", "distances of rows", "membership inference", "attribute inference")
    assert "0.0% of the texts of 'note' are copies" in " ".join(verdict.reasons)
    alone = judge_privacy(evaluate_privacy(EvaluationTables(train, None, fresh, TEXTS)))
    assert alone.failed is None


@pytest.mark.parametrize(
    ("share", "std_error", "least", "most"),
    [(0.61, 0.07, 3.9, 3.9), (0.75, 0.07, 0.0, 0.0), (0.55, 0.07, 5.0, 5.0), (0.61, 0.001, 0.0, 0.0)],
)
def test_a_share_that_few_rows_give_by_chance_is_no_reason_for_poor(
    train, holdout, fresh, schema, share, std_error, least, most
):
    privacy = evaluate_privacy(EvaluationTables(train.head(60), holdout.head(60), fresh.head(60), schema))
    found = replace(
        privacy,
        closer_to_train=measured(share, 60, std_error=std_error),
        membership_auc=measured(0.5, 60, std_error=0.001),
    )
    assert least <= judge_privacy(found).score.value <= most
