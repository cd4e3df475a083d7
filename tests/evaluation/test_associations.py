import numpy as np
import pytest

from ss_ray.evaluation.associations import association_matrix, correlation_ratios, pearson, theils_u
from ss_ray.evaluation.columns import prepare, scored_columns


def test_theils_u_tells_the_direction():
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3])
    matrix = theils_u([x, y])
    assert matrix[0, 1] == pytest.approx(1.0)  # y determines x
    assert matrix[1, 0] == pytest.approx(0.5)  # x tells one of the two bits of y


def test_theils_u_of_independent_and_constant_columns_is_zero():
    x, y, constant = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=int)
    np.testing.assert_allclose(theils_u([x, y, constant]), np.eye(3), atol=1e-12)


def test_correlation_ratios():
    codes = np.array([0, 0, 1, 1, 0])
    columns = (
        [1, 1, 2, 2, np.nan],
        [1, 2, 1, 2, np.nan],
        [1e9] * 5,
        [np.nan] * 5,
        [1e300, 1e300, -1e300, -1e300, 1e300],
    )
    np.testing.assert_allclose(correlation_ratios(codes, np.array(columns).T), [1, 0, 0, 0, 1], atol=1e-7)


def test_pearson_leaves_missing_values_out_pairwise():
    values = np.array([[1.0, 2.0, 5.0], [2.0, 4.0, 5.0], [3.0, np.nan, 5.0], [4.0, 8.0, 5.0]])
    matrix = pearson(values)
    assert matrix[0, 1] == pytest.approx(1.0)
    assert matrix[0, 2] == 0.0
    assert matrix[2, 2] == 1.0


def test_the_matrix_of_mixed_columns_shows_their_dependence(train, schema):
    table = prepare(train, scored_columns(train, schema, max_columns=9, seed=0))
    names = [c.name for c in table.columns]
    matrix = association_matrix(table)
    assert np.diag(matrix).tolist() == [1.0] * len(names)
    assert np.all(np.abs(matrix) <= 1.0)
    assert matrix[names.index("age"), names.index("income")] > 0.7
    assert matrix[names.index("class"), names.index("income")] > 0.5
    assert abs(matrix[names.index("<b>x</b>"), names.index("income")]) < 0.1
