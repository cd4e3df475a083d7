import pytest

from ss_ray.evaluation.fidelity import evaluate_fidelity
from ss_ray.schema import Kind

from .people import PEOPLE


@pytest.fixture(scope="module")
def fidelity(evaluation):
    return evaluation.fidelity


def test_every_column_is_listed_with_a_distance_or_a_reason(fidelity):
    assert [c.name for c in fidelity.columns] == list(PEOPLE)
    unscored = {c.name: c.distance.reason for c in fidelity.columns if c.distance.value is None}
    assert set(unscored) == {"id", "remark"}
    assert "made afresh" in unscored["id"]
    assert "free text" in unscored["remark"]
    assert fidelity.columns[1].kind is Kind.INTEGER


def test_missing_rates_stand_side_by_side(fidelity):
    age = fidelity.columns[1]
    assert age.missing_real.value == pytest.approx(0.1, abs=0.05)
    assert age.missing_synthetic.value == pytest.approx(0.1, abs=0.05)
    assert 0 < fidelity.missing_difference.value < 0.03


def test_a_perfect_generator_is_as_close_as_the_holdout(fidelity):
    assert fidelity.synthetic.distribution.value == pytest.approx(fidelity.baseline.distribution.value, abs=0.04)
    assert fidelity.discriminator_reference == "holdout"
    for auc in (fidelity.discriminator, fidelity.discriminator_baseline):
        assert auc.value == pytest.approx(0.5, abs=4 * auc.std_error)
        assert auc.sample_size == 200


def test_without_holdout_the_discriminator_says_that_it_saw_training_rows(train, fresh, schema):
    fidelity = evaluate_fidelity(train.head(200), None, fresh.head(200).assign(city="Ulm"), schema)
    assert fidelity.discriminator_reference == "train"
    assert fidelity.discriminator.value > 0.6
    assert fidelity.discriminator_baseline.reason == "there is no holdout"
    assert fidelity.baseline.correlation.reason == "there is no holdout"


def test_the_matrices_name_their_columns(fidelity):
    size = len(fidelity.associations.columns)
    assert size == 8
    assert {len(row) for row in fidelity.associations.real} == {size}
    assert fidelity.associations.synthetic[0][0] == 1.0
