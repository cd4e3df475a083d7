import numpy as np
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.quality.discriminator import discriminate, discriminator_auc
from ss_ray.evaluation.utility.utility import shuffle_columns


def tables(schema, *frames):
    columns = scored_columns(frames[0], schema, max_columns=99, seed=0)
    return [prepare(frame, columns) for frame in frames]


def test_broken_dependences_are_found_though_every_column_is_right(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout.head(250), fresh.head(250))
    broken = discriminator_auc(real, unseen, shuffle_columns(made, seed=0), max_rows=400, seed=0)
    assert broken.value > 0.75


def test_the_area_under_the_curve_is_the_auc(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout.head(250), fresh.head(250))
    found = discriminate(real, unseen, shuffle_columns(made, seed=0), max_rows=400, seed=0)
    x, y = found.curve.false_positive, found.curve.true_positive
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert len(x) == len(y) <= 100
    assert np.trapezoid(y, x) == pytest.approx(found.auc.value, abs=0.01)


def test_too_few_rows_are_told(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout, fresh.head(3))
    found = discriminate(real, unseen, made, max_rows=400, seed=0)
    assert found.auc.reason == "too small to tell: 3 synthetic rows, at least 20 are needed"
    assert found.curve.false_positive == ()


def test_a_column_that_is_missing_everywhere_else_does_not_break_it(train, fresh, schema):
    real, unseen, made = tables(
        schema, train, train.head(30).assign(city=None, income=None), fresh.head(30).assign(city=None, income=None)
    )
    assert 0.0 <= discriminator_auc(real, unseen, made, max_rows=60, seed=0).value <= 1.0
