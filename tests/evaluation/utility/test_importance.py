import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import Table, prepare, scored_columns
from ss_ray.evaluation.utility.importance import agreement, agreement_of_halves, importances
from ss_ray.evaluation.utility.prediction import fit_model, make_task
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

SCHEMA = make_schema(**dict.fromkeys("abcdy", Kind.FLOAT))


def draw(seed, weights):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 4))
    return pd.DataFrame(x, columns=list("abcd")).assign(y=x @ weights + 0.1 * rng.normal(size=600))


def setting(*frames):
    columns = scored_columns(frames[0], SCHEMA, max_columns=9, seed=0)
    tables = [prepare(frame, columns) for frame in frames]
    return make_task(tables[0], columns[4]), tables


def test_columns_are_as_important_as_their_weights():
    task, (real, test) = setting(draw(1, [3, 2, 1, 0]), draw(2, [3, 2, 1, 0]))
    found = importances(fit_model(task, real, real, seed=0), test, seed=0)
    assert found.argsort().tolist() == [3, 2, 1, 0]
    assert found[3] == 0.0


def test_models_of_other_dependences_disagree():
    task, (real, same, other, test) = setting(
        draw(1, [3, 2, 1, 0]), draw(2, [3, 2, 1, 0]), draw(3, [0, 1, 2, 3]), draw(4, [3, 2, 1, 0])
    )
    models = [fit_model(task, real, table, seed=0) for table in (real, same, other)]
    assert agreement(models[0], models[1], test, seed=0).value == pytest.approx(1.0)
    assert agreement(models[0], models[2], test, seed=0).value < -0.5
    assert agreement_of_halves(task, real, real, test, seed=0).value == pytest.approx(1.0)


def test_too_few_columns_and_no_importance_are_told():
    task, (real, test) = setting(draw(1, [3, 2, 1, 0]), draw(2, [3, 2, 1, 0]))
    constant = Table(columns=real.columns, values=real.values | {"y": np.ones(real.rows)}, rows=real.rows)
    model = fit_model(task, real, constant, seed=0)
    assert "uses no column" in agreement(model, model, test, seed=0).reason
    narrow = [table.without("a").without("b") for table in (real, test)]
    model = fit_model(task, narrow[0], narrow[0], seed=0)
    assert "it needs 3 columns" in agreement(model, model, narrow[1], seed=0).reason
