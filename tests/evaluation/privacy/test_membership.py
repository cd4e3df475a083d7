import numpy as np
import pytest

from ss_ray.evaluation.nearest import Points
from ss_ray.evaluation.privacy.membership import judge_attack, membership


def points(values):
    return Points(
        quantiles=np.array(values, dtype=np.float32).reshape(1, -1), codes=np.zeros((0, len(values)), np.int32)
    )


def test_rates_and_area_by_hand():
    members, strangers = np.arange(200) % 2 * 1.0, np.zeros(200)  # half of the members stand out
    attack = judge_attack(members, strangers, seed=0)
    assert attack.auc.value == pytest.approx(0.75)
    assert attack.tpr_at_1_percent.value == pytest.approx(0.5)
    assert attack.tpr_at_1_percent.interval == pytest.approx((0.43, 0.57), abs=0.02)
    assert attack.tpr_p_value.value < 1e-9


def test_rates_at_few_false_alarms_need_holdout_rows():
    attack = judge_attack(np.arange(50.0), np.arange(50.0), seed=0)
    assert "100 holdout rows" in attack.tpr_at_1_percent.reason
    assert "1,000 holdout rows" in attack.tpr_at_01_percent.reason
    assert "100 holdout rows" in attack.tpr_p_value.reason
    assert attack.auc.value == pytest.approx(0.5)


def test_at_most_one_in_a_hundred_strangers_is_called_a_member():
    strangers = np.arange(100.0)
    attack = judge_attack(np.array([97.5, 98.5, 99.5, 10.0]), strangers, seed=0)
    assert attack.tpr_at_1_percent.value == pytest.approx(0.5)  # 98.5 and 99.5: only 99 of the strangers is higher


def test_the_same_seed_gives_the_same_intervals():
    rng = np.random.default_rng(0)
    members, strangers = rng.normal(0.3, 1, 500), rng.normal(0, 1, 500)
    one, other = (judge_attack(members, strangers, seed=4) for _ in range(2))
    assert one == other
    low, high = one.auc.interval
    assert low < one.auc.value < high
    assert high - low == pytest.approx(4 * one.auc.std_error, rel=0.15)


def test_calibration_finds_members_that_distance_alone_does_not():
    rng = np.random.default_rng(1)
    dense, sparse = rng.random(1000) * 0.05, 0.1 + 0.9 * rng.random(1000)
    train = np.concatenate([sparse[:300], dense[:300]])
    holdout = np.concatenate([sparse[300:600], dense[300:600]])
    made = np.concatenate([sparse[:300] + 0.0005 * rng.random(300), dense[600:]])  # members of the sparse part leak
    order = rng.permutation(600)
    found = membership(points(train[order]), points(holdout[order]), points(made), seed=0)
    assert found.calibrated.auc.value > found.distance.auc.value
    assert found.calibrated.auc_p_value.value < 1e-9
