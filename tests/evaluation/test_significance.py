import numpy as np
import pytest

from ss_ray.evaluation.significance import exceed_p_value, mean_p_value, rate_p_value, share, wilson


def test_wilson_interval_of_the_literature():
    centre, half = wilson(0, 10)  # no success in ten: 0 to 0.2775
    assert (centre - half, centre + half) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_a_share_has_an_interval_inside_0_and_1_even_without_noise():
    metric = share(np.ones(10, dtype=bool))
    assert metric.value == 1.0
    assert metric.interval == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert share(np.zeros(0, dtype=bool)).reason


def test_hits_that_all_fall_on_one_of_two_equal_sides():
    assert rate_p_value(10, 50, 0, 50).value == pytest.approx(0.5**10)
    assert rate_p_value(0, 50, 0, 50).value == 1.0
    assert rate_p_value(0, 0, 3, 50).reason


def test_exceeding_the_largest_of_a_sample_is_a_matter_of_ranks():
    # one value above all nine others of its kind: one of ten ranks
    assert exceed_p_value(1, 1, 1, 9).value == pytest.approx(0.1)
    assert exceed_p_value(0, 5, 1, 9).value == 1.0


def test_a_difference_without_noise_is_sure():
    assert mean_p_value(0.1, 0.0, 9).value == 0.0
    assert mean_p_value(0.0, 0.0, 9).value == 1.0
    assert mean_p_value(1.96, 1.0, 9).value == pytest.approx(0.025, abs=1e-4)


@pytest.mark.slow
def test_the_rank_test_keeps_its_error():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(2000):
        values, reference = rng.random(200), np.sort(rng.random(150))[::-1]
        p_values.append(exceed_p_value(int((values > reference[1]).sum()), 200, 2, 150).value)
    assert np.mean(np.array(p_values) < 0.05) < 0.065
