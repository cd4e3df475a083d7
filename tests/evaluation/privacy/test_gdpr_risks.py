import numpy as np
import pytest

from ss_ray.evaluation.columns import ScoredColumn, Table
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.nearest import to_points
from ss_ray.evaluation.privacy.attributes import attribute_inference
from ss_ray.evaluation.privacy.gdpr_risks import LINK_NEIGHBOURS, gdpr_risks, linkability, make_risk
from ss_ray.evaluation.privacy.predicates import multivariate, univariate
from ss_ray.schema import Kind

NAMES = ("job", "x", "y", "z")
COLUMNS = tuple(
    ScoredColumn(name=n, kind=Kind.CATEGORY if n == "job" else Kind.FLOAT, nominal=n == "job") for n in NAMES
)


def table(rows, seed):
    rng = np.random.default_rng(seed)
    values = {n: rng.random(rows) for n in NAMES[1:]}
    values["job"] = rng.choice(["a", "b", "c"], rows).astype(object)
    return Table(columns=COLUMNS, values=values, rows=rows)


def risks(train, holdout, synthetic):
    points = tuple(to_points(train, train, holdout, synthetic))
    attributes = attribute_inference(NAMES, *points, seed=0)
    return gdpr_risks((train, holdout, synthetic), points, attributes, seed=0)


def test_the_risk_is_the_share_of_the_controls_failures():
    risk = make_risk(measured(0.6, 10**6), measured(0.2, 10**6), measured(0.1, 9), seed=0)
    assert risk.risk.value == pytest.approx(0.5, abs=1e-4)
    assert risk.p_value.value < 1e-12


def test_an_honest_table_has_no_risk():
    found = risks(table(400, 1), table(400, 2), table(400, 3))
    assert all(abs(r.risk.value) < 3.5 * r.risk.std_error for r in found.risks.values())
    assert all(r.p_value.value > 0.01 for r in found.risks.values())


def test_a_copy_has_all_risks():
    train = table(400, 1)
    found = risks(train, table(400, 2), train)
    assert all(r.risk.interval[0] > 0.3 for r in found.risks.values())
    assert all(r.attack.value > r.naive.value for r in found.risks.values())


def test_predicates_of_one_column_are_values_that_occur_once():
    train, holdout = table(300, 1), table(300, 2)
    leaked = Table(columns=COLUMNS, values=table(300, 3).values | {"x": train.values["x"]}, rows=300)
    found = univariate(train, holdout, leaked, 10_000, np.random.default_rng(0))
    assert len(found.train) == pytest.approx(3 * 300 + 3 * 2, abs=6)  # values, and both extremes of each column
    assert found.train.mean() == pytest.approx(1 / 3, abs=0.02)
    assert found.holdout.mean() < 0.02


def test_predicates_of_several_columns_single_out_a_synthetic_row():
    train, holdout, made = to_points(*[table(200, s) for s in (1, 1, 2, 3)])
    copied = multivariate(train, holdout, train, 200, np.random.default_rng(0))
    assert copied.train.all()
    assert copied.holdout.mean() < 0.7
    assert not multivariate(train, holdout, made, 200, np.random.default_rng(0)).train.all()


def test_halves_are_linked_by_a_common_neighbour():
    train, holdout = table(300, 1), table(300, 2)
    points = to_points(train, train, holdout, train)
    found = linkability(*points, seed=0)
    assert found.attack.value == 1.0
    chance = LINK_NEIGHBOURS**2 / 300
    assert found.naive.value == pytest.approx(chance, rel=0.1)


def test_too_small_tables_have_reasons():
    found = risks(table(5, 1), table(5, 2), table(4, 3))
    assert "predicates" in found.singling_out_together.risk.reason
    assert "synthetic rows" in found.linkability.risk.reason
