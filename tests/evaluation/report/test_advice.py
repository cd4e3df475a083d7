from dataclasses import replace

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.report.advice import next_steps


def test_a_good_table_leaves_the_decision_to_a_person(evaluation):
    scores = replace(evaluation.scores.privacy, failed=False, reasons=("fine",))
    good = replace(evaluation, scores=replace(evaluation.scores, privacy=scores))
    good = replace(good, utility=replace(good.utility, gap=measured(0.0, 10)))
    good = replace(good, fidelity=replace(good.fidelity, discriminator=measured(0.5, 10)))
    assert len(next_steps(good)) == 1
    assert "for a person to decide" in next_steps(good)[0]


def test_a_copy_must_not_leave(train, holdout, schema):
    found = evaluate(EvaluationTables(train.head(300), holdout.head(300), train.head(300), schema), target="class")
    assert next_steps(found)[0].startswith("Do not release this table.")


def test_without_holdout_more_is_asked_for(train, fresh, schema):
    alone = EvaluationTables(train.head(100), None, fresh.head(100), schema)
    assert next_steps(evaluate(alone, target=None))[0].startswith("Keep rows")


def test_columns_that_differ_are_named_and_a_useless_table_is_told(train, holdout, schema):
    odd = train.head(300).assign(age=999.0, city="Nowhere")
    steps = " ".join(
        next_steps(evaluate(EvaluationTables(train.head(300), holdout.head(300), odd, schema), target="class"))
    )
    assert "'age'" in steps
    assert "'city'" in steps
