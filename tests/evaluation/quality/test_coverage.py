import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.quality.coverage import category_coverage, coverage, outside_share, support_agreement
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

TOWNS = [f"town{i}" for i in range(60)]


def draw(rows, seed):
    """Two modes, and sixty towns of which most are rare."""
    rng = np.random.default_rng(seed)
    mode = rng.random(rows) < 0.5
    shares = np.r_[0.4, 0.3, np.full(58, 0.3 / 58)]
    return pd.DataFrame(
        {
            "x": np.where(mode, -5.0, 5.0) + rng.normal(size=rows),
            "y": np.where(mode, 5.0, -5.0) + rng.normal(size=rows),
            "z": rng.normal(size=rows),
            "town": rng.choice(TOWNS, rows, p=shares),
        }
    )


SCHEMA = make_schema(x=Kind.FLOAT, y=Kind.FLOAT, z=Kind.FLOAT, town=Kind.CATEGORY)
TRAIN, FRESH = draw(1500, 1), draw(1500, 2)


def measure(synthetic, train=TRAIN, schema=SCHEMA):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    return coverage(prepare(train, columns), prepare(synthetic, columns), size=1500, seed=0)


def test_a_fresh_sample_covers_the_table():
    result = measure(FRESH)
    assert result.alpha_precision.value > 0.93
    assert result.beta_recall.value > 0.93
    assert result.rare_categories.value > 0.9
    assert result.outside.value < 0.005
    assert result.alpha_precision.std_error < 0.03


def test_lost_modes_are_seen_by_recall():
    lost = FRESH[FRESH["x"] < 0]
    result = measure(pd.concat([lost, lost + {"x": 0.001, "y": 0.001, "z": 0.001, "town": ""}]))
    assert result.beta_recall.value < 0.75


def test_a_repeated_row_recalls_nothing():
    assert measure(pd.concat([FRESH.head(1)] * 1500)).beta_recall.value < 0.1


def test_noise_is_seen_by_precision():
    rng = np.random.default_rng(0)
    noise = pd.DataFrame({c: rng.uniform(TRAIN[c].min(), TRAIN[c].max(), 1500) for c in "xyz"})
    result = measure(noise.assign(town=rng.choice(TOWNS, 1500)))
    assert result.alpha_precision.value < 0.7
    assert result.outside.value == 0.0


def test_lost_rare_categories_are_seen():
    common = FRESH.assign(town=FRESH["town"].where(FRESH["town"].isin(TOWNS[:2]), "town0"))
    result = measure(common)
    assert result.rare_categories.value == 0.0
    assert result.categories.value == pytest.approx(2 / TRAIN["town"].nunique())


def test_cells_outside_the_training_table_are_counted():
    schema = make_schema(n=Kind.FLOAT, c=Kind.CATEGORY)
    train = pd.DataFrame({"n": [0.0, 1.0, 2.0, None], "c": ["a", "b", "a", "b"]})
    other = pd.DataFrame({"n": [0.5, 3.0, None, 1.0], "c": ["a", "b", "z", None]})
    columns = scored_columns(train, schema, max_columns=9, seed=0)
    share = outside_share(prepare(train, columns), prepare(other, columns))
    assert share.value == pytest.approx(3 / 8)  # 3.0, "z", and the missing category: no training category is missing


def test_tables_of_ties_alone_can_reach_the_best_agreement():
    same = np.array([0.0] * 70 + [0.25] * 30)
    assert support_agreement(same, same) == pytest.approx(1.0, abs=1e-3)
    assert support_agreement(same, np.full(100, 0.5)) == pytest.approx(0.0, abs=1e-6)


def test_without_categories_there_is_no_coverage_of_them():
    columns = scored_columns(TRAIN, make_schema(x=Kind.FLOAT), max_columns=9, seed=0)
    found = category_coverage(prepare(TRAIN, columns), prepare(FRESH, columns))
    assert [metric.reason for metric in found] == ["no column has categories"] * 2


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_few_rows_are_told(rows):
    result = measure(FRESH.head(rows))
    assert result.alpha_precision.reason
    assert (result.outside.reason is None) == (rows > 0)
