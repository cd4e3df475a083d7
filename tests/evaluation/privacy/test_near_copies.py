import numpy as np
import pytest

from ss_ray.evaluation.nearest import Neighbours
from ss_ray.evaluation.privacy.near_copies import near_copies, quantiles


def neighbours(distance, second=None):
    distances = np.array(distance, dtype=np.float32)
    others = distances + 1 if second is None else np.array(second, dtype=np.float32)
    return Neighbours(distance=distances, index=np.arange(len(distances)), second=others)


def test_the_bar_is_set_by_the_closest_holdout_rows():
    result = near_copies(neighbours([0.001] * 10 + [0.9] * 90), neighbours(np.linspace(0.01, 1, 100)), seed=0)
    assert result.distance.value == pytest.approx(0.06)
    assert result.holdout.value == pytest.approx(0.05)
    assert result.synthetic.value == pytest.approx(0.1)
    assert result.p_value.value < 0.2


def test_distances_that_tie_accuse_no_one():
    result = near_copies(neighbours([0.0] * 100), neighbours([0.0] * 100), seed=0)
    assert result.synthetic.value == result.holdout.value == 0.0
    assert result.p_value.value == 1.0


def test_rows_of_a_dense_place_are_near_but_not_relatively_near():
    rng = np.random.default_rng(0)
    holdout = rng.random(1000) + 0.1
    dense = 0.01 * (rng.random(1000) + 0.1)
    result = near_copies(neighbours(dense, 2 * dense), neighbours(holdout, 2 * holdout), seed=0)
    assert result.synthetic.value == 1.0
    assert result.p_value.value < 1e-9
    assert result.relative_p_value.value > 0.3


def test_there_are_101_quantiles_from_the_smallest_to_the_largest():
    found = quantiles(np.linspace(0, 1, 11, dtype=np.float32))
    assert len(found) == 101
    assert (found[0], found[50], found[100]) == pytest.approx((0.0, 0.5, 1.0))
