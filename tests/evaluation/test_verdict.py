import pandas as pd
import pytest

from ss_ray.evaluation.attacks import evaluate_privacy
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.scores import Grade
from ss_ray.evaluation.verdict import is_leaking, judge_privacy, share_score


def judge(train, holdout, synthetic, schema):
    return judge_privacy(evaluate_privacy(train, holdout, synthetic, schema))


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
    privacy = evaluate_privacy(narrow[0], narrow[1], narrow[2], schema)
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
