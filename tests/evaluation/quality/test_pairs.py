import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import Table, prepare, scored_columns
from ss_ray.evaluation.quality.pairs import compare_pairs, rank_correlations
from ss_ray.evaluation.utility.utility import shuffle_columns
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


@pytest.fixture(scope="module")
def tables(train, holdout, fresh, schema):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    return [prepare(frame, columns) for frame in (train, holdout, fresh.head(1000))]


def test_a_fresh_sample_is_as_far_as_the_holdout(tables):
    pairs = compare_pairs(*tables, no_holdout="", seed=0)
    assert pairs.mean.value == pytest.approx(pairs.baseline.value, abs=0.01)
    assert pairs.columns == 8
    assert len(pairs.worst) == 10


def test_the_pair_whose_dependence_is_broken_is_named_first(tables):
    real, unseen, made = tables
    broken = made.values | {"income": np.random.default_rng(0).permutation(made.values["income"])}
    other = Table(columns=made.columns, values=broken, rows=made.rows)
    pairs = compare_pairs(real, unseen, other, no_holdout="", seed=0)
    first, second = pairs.worst[:2]
    assert (first.first, first.second, first.measure) == ("age", "income", "rank correlation")
    assert (second.first, second.second, second.measure) == ("income", "class", "binned contingency")
    assert min(first.distance.value, second.distance.value) > 0.25 > 5 * first.baseline.value


def test_independent_columns_are_seen(tables):
    real, unseen, made = tables
    pairs = compare_pairs(real, unseen, shuffle_columns(made, seed=0), no_holdout="", seed=0)
    assert pairs.mean.value > 1.3 * pairs.baseline.value


def test_two_columns_of_categories_by_hand():
    schema = make_schema(a=Kind.CATEGORY, b=Kind.CATEGORY)
    frames = [pd.DataFrame({"a": list("xxyy"), "b": b}) for b in (list("uuvv"), list("uvuv"))]
    columns = scored_columns(frames[0], schema, max_columns=9, seed=0)
    real, made = (prepare(frame, columns) for frame in frames)
    pairs = compare_pairs(real, None, made, no_holdout="there is no holdout", seed=0)
    assert pairs.mean.value == pytest.approx(0.5)
    assert pairs.baseline.reason == pairs.worst[0].baseline.reason == "there is no holdout"


def test_rank_correlation_ignores_the_shape_of_values():
    values = {"n": np.array([1.0, 2.0, 3.0, np.nan]), "m": np.array([1.0, 10.0, 1e6, 5.0])}
    columns = scored_columns(pd.DataFrame(values), make_schema(n=Kind.FLOAT, m=Kind.FLOAT), max_columns=9, seed=0)
    assert rank_correlations(prepare(pd.DataFrame(values), columns), columns)[0, 1] > 0.9


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_small_tables(tables, rows):
    real, unseen, made = tables
    pairs = compare_pairs(real, unseen, made.take(np.arange(rows)), no_holdout="", seed=0)
    assert (pairs.mean.reason is not None) == (rows == 0)
    one = Table(columns=real.columns[:1], values=real.values, rows=real.rows)
    assert "fewer than two columns" in compare_pairs(one, None, one, no_holdout="", seed=0).mean.reason
