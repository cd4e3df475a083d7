import math

from ss_ray.evaluation.metrics import measured, unavailable


def test_a_number_that_is_not_finite_is_not_available():
    assert measured(math.nan, 10) == unavailable("the computation gave no finite number")


def test_zero_is_a_value():
    metric = measured(0.0, 10)
    assert metric.value == 0.0
    assert metric.reason is None


def test_interval_is_two_sided_95_percent():
    assert measured(0.5, 10, std_error=0.1).interval == (0.5 - 0.196, 0.5 + 0.196)
    assert measured(0.5, 10).interval is None
    assert measured(0.5, 10, std_error=0.1, bounds=(0.2, 0.6)).interval == (0.2, 0.6)
