import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.utility.target import choose_target, declared_target
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def table(frame, schema):
    return prepare(frame, scored_columns(frame, schema, max_columns=99, seed=0))


def test_a_predictable_column_is_chosen_and_the_others_tried_are_named(train, schema):
    choice = choose_target(table(train, schema), seed=0)
    assert choice.column.name in ("income", "class")
    assert "chosen automatically" in choice.reason
    assert "'income'" in choice.reason


def test_a_column_that_another_determines_is_not_chosen():
    rng = np.random.default_rng(0)
    code = rng.integers(0, 4, 400)
    frame = pd.DataFrame({"code": code.astype(str), "name": [f"n{c}" for c in code], "x": code + rng.normal(size=400)})
    schema = make_schema(code=Kind.CATEGORY, name=Kind.CATEGORY, x=Kind.FLOAT)
    assert choose_target(table(frame, schema), seed=0).column.name == "x"


@pytest.mark.parametrize("name", ["remark", "id"])
def test_a_declared_target_that_is_not_scored_is_refused_in_words(train, schema, name):
    choice = declared_target(table(train, schema), name)
    assert choice.column is None
    assert name in choice.reason


def test_a_constant_target_is_refused(train, schema):
    assert declared_target(table(train.assign(city="Ulm"), schema), "city").column is None
