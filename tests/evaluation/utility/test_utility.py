import pytest

from ss_ray.errors import DataError
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits
from ss_ray.evaluation.utility.utility import evaluate_utility


def test_a_fresh_sample_is_as_useful_as_real_rows(train, holdout, fresh, schema):
    utility = evaluate_utility(
        EvaluationTables(train, holdout, fresh, schema), target="class", limits=SampleLimits(max_rows=600)
    )
    assert utility.measure == "ROC-AUC"
    assert utility.real.value > 0.9
    assert utility.gap.value == pytest.approx(0.0, abs=4 * utility.gap.std_error)
    assert utility.floor.value == pytest.approx(0.5, abs=0.15)
    assert utility.target_reason == "declared in the configuration"
    assert utility.importance_agreement.value > 0.5
    assert utility.importance_baseline.value > 0.5
    assert len(utility.targets) == 5
    assert utility.mean_gap.value == pytest.approx(0.0, abs=0.05)


def test_independent_columns_are_near_the_floor(train, holdout, fresh, schema):
    shuffled = fresh.apply(lambda column: column.sample(frac=1, random_state=len(column.name)).to_numpy())
    utility = evaluate_utility(
        EvaluationTables(train, holdout, shuffled, schema), target="income", limits=SampleLimits(max_rows=600)
    )
    assert utility.measure == "R2"
    assert utility.real.value > 0.7
    assert utility.synthetic.value < 0.2
    assert utility.synthetic.value == pytest.approx(utility.floor.value, abs=0.3)
    assert utility.mean_gap.value > 0.2


def test_without_holdout_there_is_no_fair_test(train, fresh, schema):
    utility = evaluate_utility(EvaluationTables(train, None, fresh, schema), target=None)
    assert utility.target is None
    assert "there is no holdout" in utility.synthetic.reason
    assert "there is no holdout" in utility.mean_gap.reason
    assert utility.targets == ()


def test_an_unknown_target_is_an_error(train, fresh, schema):
    with pytest.raises(DataError, match="no column 'salary'"):
        evaluate_utility(EvaluationTables(train, None, fresh, schema), target="salary")


def test_a_target_that_synthetic_rows_lack_is_told(train, holdout, fresh, schema):
    utility = evaluate_utility(EvaluationTables(train, holdout, fresh.assign(city=None), schema), target="city")
    assert "0 synthetic rows with a known target, at least 20" in utility.synthetic.reason


def test_a_target_with_one_synthetic_class_teaches_nothing(train, holdout, fresh, schema):
    utility = evaluate_utility(
        EvaluationTables(train, holdout, fresh.assign(city="Ulm"), schema),
        target="city",
        limits=SampleLimits(max_rows=300),
    )
    assert utility.synthetic.value == 0.5
