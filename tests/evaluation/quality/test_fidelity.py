import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from ss_ray.config.constraints import RangeConstraint
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.quality.fidelity import Fidelity, evaluate_fidelity
from ss_ray.evaluation.quality.rule_violations import CheckedRules
from ss_ray.evaluation.scores import score_quality
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.schema import Kind
from tests.evaluation.people import PEOPLE, make_schema
from tests.evaluation.remarks import draw_remarks
from tests.evaluation.series import BY, SCHEMA, draw_series


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
    assert fidelity.columns[1].distance_baseline.value == pytest.approx(fidelity.columns[1].distance.value, abs=0.15)
    assert fidelity.tabular_columns == len(PEOPLE) - 1


def test_missing_rates_stand_side_by_side(fidelity):
    age = fidelity.columns[1]
    assert age.missing_real.value == pytest.approx(0.1, abs=0.05)
    assert age.missing_synthetic.value == pytest.approx(0.1, abs=0.05)
    assert 0 < fidelity.missing_difference.value < 0.03
    assert 0 < fidelity.missing_difference_baseline.value < 0.03
    assert fidelity.missing_patterns.value == pytest.approx(fidelity.missing_patterns_baseline.value, abs=0.1)


def test_a_perfect_generator_is_as_close_as_the_holdout(fidelity):
    assert fidelity.synthetic.distribution.value == pytest.approx(fidelity.baseline.distribution.value, abs=0.04)
    assert fidelity.discriminator_reference == "holdout"
    assert fidelity.pairs.mean.value == pytest.approx(fidelity.pairs.baseline.value, abs=0.02)
    for name in ("alpha_precision", "beta_recall", "categories", "outside"):
        made, unseen = getattr(fidelity.coverage, name), getattr(fidelity.coverage_baseline, name)
        assert made.value == pytest.approx(unseen.value, abs=0.1), name
        assert made.sample_size == unseen.sample_size == 200
    for auc in (fidelity.discriminator, fidelity.discriminator_baseline):
        assert auc.value == pytest.approx(0.5, abs=4 * auc.std_error)
        assert auc.sample_size == 200


def test_without_holdout_the_discriminator_says_that_it_saw_training_rows(train, fresh, schema):
    fidelity = evaluate_fidelity(EvaluationTables(train.head(200), None, fresh.head(200).assign(city="Ulm"), schema))
    assert fidelity.discriminator_reference == "train"
    assert fidelity.discriminator.value > 0.6
    assert fidelity.discriminator_baseline.reason == "there is no holdout"
    assert fidelity.baseline.correlation.reason == "there is no holdout"


def test_the_matrices_name_their_columns(fidelity):
    size = len(fidelity.associations.columns)
    assert size == 8
    assert {len(row) for row in fidelity.associations.real} == {size}
    assert fidelity.associations.synthetic[0][0] == 1.0


def test_plots_have_their_points(fidelity):
    assert len(fidelity.components.real) == len(fidelity.components.synthetic) == 200
    assert fidelity.discriminator_curve.true_positive[-1] == 1.0


def test_constraints_sequences_and_texts_are_measured_where_they_are_asked_for(train, fresh, schema):
    rule = RangeConstraint(column="age", minimum=30)
    by = SequenceColumns(group="first name", order="joined")
    result = evaluate_fidelity(
        EvaluationTables(train.head(100), train.iloc[100:200], fresh.head(100), schema),
        rules=CheckedRules(declared=[rule]),
        sequences=by,
    )
    assert result.rules[0].constraint == "range(age)"
    assert result.rules[0].synthetic.value == pytest.approx(result.rules[0].train.value, abs=0.15)
    assert result.sequences is not None
    assert result.sequences.synthetic.lengths.value is not None
    assert [t.column for t in result.texts] == ["remark"]
    assert TypeAdapter(Fidelity).validate_json(TypeAdapter(Fidelity).dump_json(result)) == result


def test_nothing_is_asked_for_by_default(fidelity):
    assert fidelity.rules == ()
    assert fidelity.sequences is None


def test_a_series_without_groups_is_measured():
    frames = [draw_series(4, seed) for seed in (1, 2, 3)]
    result = evaluate_fidelity(EvaluationTables(*frames, SCHEMA), sequences=BY)
    assert result.sequences is not None
    assert result.sequences.baseline.autocorrelation.value is not None


def test_small_holdouts_do_not_limit_the_synthetic_rows(train, holdout, fresh, schema):
    few = evaluate_fidelity(EvaluationTables(train.head(300), holdout.head(50), fresh.head(300), schema))
    assert few.coverage.alpha_precision.sample_size == 200
    assert few.coverage_baseline.alpha_precision.sample_size == 50
    none = evaluate_fidelity(EvaluationTables(train.head(300), holdout.head(0), fresh.head(300), schema))
    assert none.coverage_baseline.outside.reason == "the holdout has no rows"
    assert none.discriminator_reference == "train"


@pytest.mark.parametrize(
    "values", [{"x": [None] * 40, "t": [None] * 40}, {"x": [1.0], "t": ["One text."]}, {"x": [], "t": []}]
)
def test_small_tables_have_reasons_everywhere(values):
    schema = make_schema(x=Kind.FLOAT, t=Kind.TEXT)
    real = pd.DataFrame({"x": np.arange(40.0), "t": draw_remarks(40, 1)})
    made = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in values.items()})
    for train, synthetic in ((real, made), (made, real), (made, made)):
        result = evaluate_fidelity(
            EvaluationTables(train, None, synthetic, schema), sequences=SequenceColumns(group=None, order="x")
        )
        metrics = [m for m in vars(result).values() if isinstance(m, Metric)]
        assert all((m.value is None) == (m.reason is not None) for m in metrics)
        assert result.texts[0].baseline.structure.reason == "there is no holdout"


def test_the_faults_of_nemo_are_not_copied(train, holdout, fresh, schema):
    """A column of another type is not perfect, lost nulls of numbers are seen, and so is lost dependence."""
    other_type = evaluate_fidelity(
        EvaluationTables(train.head(300), None, fresh.head(300).assign(income="many"), schema)
    )
    income = next(c for c in other_type.columns if c.name == "income")
    assert income.distance.value > 0.5
    filled = evaluate_fidelity(EvaluationTables(train.head(300), None, fresh.head(300).assign(age=40.0), schema))
    assert filled.missing_difference.value > 0.005
    real, unseen = train.head(500), holdout.head(400)
    whole = evaluate_fidelity(EvaluationTables(real, unseen, fresh.head(500), schema))
    mixed = fresh.apply(lambda column: column.sample(frac=1, random_state=len(column.name)).to_numpy()).head(500)
    independent = evaluate_fidelity(EvaluationTables(real, unseen, mixed, schema))
    assert score_quality(independent.synthetic).sqs.value > 5  # the composite forgives it, as NeMo's does
    assert independent.pairs.mean.value > 1.1 * independent.pairs.baseline.value
    assert independent.coverage.alpha_precision.value < whole.coverage.alpha_precision.value - 0.1
    assert independent.discriminator.value > 0.8 > whole.discriminator.value


def test_text_columns_beyond_the_limit_are_told():
    names = [f"t{i}" for i in range(12)]
    frame = pd.DataFrame({name: ["One text."] * 3 for name in names})
    result = evaluate_fidelity(EvaluationTables(frame, None, frame, make_schema(**dict.fromkeys(names, Kind.TEXT))))
    assert [t.column for t in result.texts] == names
    assert "first 10 text columns" in result.texts[-1].synthetic.structure.reason
