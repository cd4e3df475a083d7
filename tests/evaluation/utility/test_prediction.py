import numpy as np
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.utility.prediction import Task, make_task, outcomes, score

THREE = Task(target="t", type="classification", classes={"a": 0, "b": 1, "c": 2})


def test_macro_auc_averages_the_classes_that_occur():
    predicted = np.eye(4)[[0, 1, 1]]
    assert score(THREE, np.array([0.0, 1.0, 1.0]), predicted) == 1.0
    assert np.isnan(score(THREE, np.array([0.0, 0.0]), predicted[:2]))


def test_r2_of_the_mean_is_zero():
    task = Task(target="t", type="regression", classes={})
    assert score(task, np.array([1.0, 3.0]), np.array([2.0, 2.0])) == 0.0
    assert np.isnan(score(task, np.array([1.0, 1.0]), np.array([2.0, 2.0])))


def test_unknown_categories_are_one_more_class_and_missing_ones_none(train, schema):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    real = prepare(train, columns)
    task = make_task(real, next(c for c in columns if c.name == "city"))
    other = prepare(train.head(3).assign(city=["Ulm", "Paris", None]), columns)
    assert outcomes(task, other)[:2].tolist() == [0.0, 4.0]
    assert np.isnan(outcomes(task, other)[2])
    assert task.measure == "ROC-AUC"


@pytest.mark.parametrize(("name", "kind"), [("age", "regression"), ("member", "classification")])
def test_the_task_follows_the_column(train, schema, name, kind):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    task = make_task(prepare(train, columns), next(c for c in columns if c.name == name))
    assert task.type == kind
