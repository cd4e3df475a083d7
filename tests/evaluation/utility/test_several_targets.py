import numpy as np
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.metrics import unavailable
from ss_ray.evaluation.utility.several_targets import TargetUtility, mean_gap, utility_of_targets
from ss_ray.evaluation.utility.utility import shuffle_columns


@pytest.fixture(scope="module")
def tables(train, holdout, fresh, schema):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    return [prepare(frame, columns) for frame in (train.head(500), holdout.head(400), fresh.head(500))]


def test_a_fresh_sample_has_no_gap_on_average(tables):
    targets = utility_of_targets(*tables, seed=0)
    assert len(targets) == 5
    assert {"income", "class"} <= {t.target for t in targets}
    assert mean_gap(targets).value == pytest.approx(0.0, abs=0.05)


def test_independent_columns_have_a_gap(tables):
    real, unseen, made = tables
    targets = utility_of_targets(real, unseen, shuffle_columns(made, seed=0), seed=0)
    assert mean_gap(targets).value > 0.2
    assert all(t.gap.value <= 1.0 for t in targets)


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_few_synthetic_rows_have_reasons(tables, rows):
    real, unseen, made = tables
    targets = utility_of_targets(real, unseen, made.take(np.arange(rows)), seed=0)
    assert "too small to tell: " in mean_gap(targets).reason


def test_no_target_has_a_reason():
    assert mean_gap(()).reason == "no column can be predicted"
    none = unavailable("too few")
    target = TargetUtility(target="t", task="regression", measure="R2", real=none, synthetic=none, gap=none)
    assert mean_gap([target]).reason == "too few"


def test_the_main_target_stands_there_with_its_own_figures(evaluation):
    utility = evaluation.utility
    main = next(t for t in utility.targets if t.target == utility.target)
    assert (main.real, main.synthetic) == (utility.real, utility.synthetic)
    assert len(utility.targets) > 1
