import numpy as np
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.models import auc_std_error, fit_encoder, frequent_codes, roc_auc, roc_points
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def test_roc_auc_counts_ties_half():
    positive = np.array([True, True, False, False])
    assert roc_auc(positive, np.array([3.0, 2.0, 1.0, 0.0])) == 1.0
    assert roc_auc(positive, np.array([1.0, 1.0, 1.0, 1.0])) == 0.5
    assert np.isnan(roc_auc(np.array([True]), np.array([1.0])))


def test_auc_std_error_of_hanley_and_mcneil():
    # at AUC 0.5 the formula is the null variance of the Mann-Whitney statistic: (n + m + 1) / (12 n m)
    assert auc_std_error(0.5, 100, 80) == pytest.approx(np.sqrt(181 / (12 * 100 * 80)), rel=0.01)


def test_frequent_categories_get_the_first_codes_and_others_none():
    assert frequent_codes(np.array(["b", "a", "b", None, "c"], dtype=object), 2) == {"b": 0, "a": 1}


def test_encoding_is_that_of_the_training_table(train, fresh):
    schema = make_schema(city=Kind.CATEGORY)
    columns = scored_columns(train, schema, max_columns=9, seed=0)
    encoder = fit_encoder(prepare(train, columns))
    features = encoder.encode(prepare(fresh.head(2).assign(city=["Ulm", "Paris"]), columns))
    assert features[0, 0] == 0.0
    assert np.isnan(features[1, 0])


def test_equal_scores_are_one_point_of_the_curve():
    positive = np.array([True, False, True, False])
    x, y = roc_points(positive, np.array([0.9, 0.5, 0.5, 0.1]), 100)
    assert x.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert y.tolist() == [0.0, 0.5, 1.0, 1.0]
    many = np.random.default_rng(0).random(5000)
    assert len(roc_points(many > 0.5, many, 100)[0]) == 100
