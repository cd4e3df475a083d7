import numpy as np
import pytest

from ss_ray.evaluation.associations import association_matrix
from ss_ray.evaluation.columns import ScoredColumn, prepare, scored_columns
from ss_ray.evaluation.quality.similarity import EMPTY_SIDE_DISTANCE, column_distance, js_distance, similarity
from ss_ray.evaluation.utility.utility import shuffle_columns
from ss_ray.schema import Kind

NUMBER = ScoredColumn(name="n", kind=Kind.FLOAT, nominal=False)
NAME = ScoredColumn(name="n", kind=Kind.CATEGORY, nominal=True)


def test_js_distance_is_0_for_the_same_and_1_for_disjoint_counts():
    assert js_distance(np.array([1.0, 3.0]), np.array([2.0, 6.0])) == 0.0
    assert js_distance(np.array([1.0, 0.0]), np.array([0.0, 5.0])) == pytest.approx(1.0)


def test_js_distance_of_half_overlapping_counts():
    # by hand: JSD = h(1/4) - h(1/2)/2 = 0.8113 - 0.5 bits; its root
    assert js_distance(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(np.sqrt(0.311278), abs=1e-5)


def test_missing_values_do_not_count_and_an_empty_side_is_special():
    some, none = np.array(["a", "b", None], dtype=object), np.array([None, None], dtype=object)
    assert column_distance(some, np.array(["a", "b"], dtype=object), NAME) == 0.0
    assert column_distance(some, none, NAME) == EMPTY_SIDE_DISTANCE


@pytest.mark.parametrize("values", [[5.0, 5.0, 5.0], [1e308, -1e307, 0.0], [1e16, 1e16 + 2, 1e16], [1e-320, 0.0, 0.0]])
def test_extreme_numbers_have_a_distance(values):
    assert column_distance(np.array(values), np.array(values), NUMBER) == 0.0


def test_a_fresh_sample_is_closer_than_shuffled_columns(train, fresh, schema):
    columns = scored_columns(train, schema, max_columns=9, seed=0)
    real, made = prepare(train, columns), prepare(fresh, columns)
    good, bad = (similarity(real, t, association_matrix(real), seed=0) for t in (made, shuffle_columns(made, seed=0)))
    assert bad.distribution.value == pytest.approx(good.distribution.value)  # columns by themselves are unchanged
    assert bad.correlation.value > 3 * good.correlation.value
    assert bad.correlation_off_diagonal.value == pytest.approx(bad.correlation.value * 8 / 7)  # 8 columns
    assert bad.deep_structure.value > good.deep_structure.value


def test_one_column_has_no_pairs(train, fresh, schema):
    columns = scored_columns(train, schema, max_columns=1, seed=0)
    real = prepare(train, columns)
    result = similarity(real, prepare(fresh, columns), association_matrix(real), seed=0)
    assert result.correlation.reason == "there is only one column to score, so no pair"
    assert result.distribution.value < 0.2
