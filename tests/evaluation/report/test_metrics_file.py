import json

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.report.metrics_file import metrics_json


def test_what_a_program_looks_for_is_at_the_top(evaluation):
    found = json.loads(metrics_json(evaluation))
    assert list(found)[:4] == ["schema_version", "quality_grade", "privacy_grade", "hard_fails"]
    assert found["synthetic_data_quality_score"] == evaluation.scores.quality.sqs.value
    assert found["data_privacy_score"] == evaluation.privacy.nemo.dps.value
    assert found["fidelity"]["discriminator"]["value"] == evaluation.fidelity.discriminator.value
    assert found["privacy"]["copies"][0]["synthetic"]["sample_size"] == 200


def test_a_copy_is_named_and_what_is_not_there_is_null(train, holdout, schema):
    copied = json.loads(
        metrics_json(
            evaluate(EvaluationTables(train.head(300), holdout.head(300), train.head(300), schema), target=None)
        )
    )
    assert copied["privacy_grade"] == "Poor"
    assert "copies" in copied["hard_fails"]
    bare = json.loads(metrics_json(evaluate(EvaluationTables(train.head(1), None, train.head(1), schema), target=None)))
    assert bare["privacy_grade"] is None
    assert bare["privacy"]["membership_auc"]["reason"]
