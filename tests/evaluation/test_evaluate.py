"""The entry point on tables of odd shapes: nothing crashes, every gap has its reason in words."""

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from ss_ray.evaluation.evaluate import Evaluation, combine, evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.scores import Score
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

DAY = datetime.date(2024, 2, 29)
ODD = {
    "one column": ({"n": Kind.INTEGER}, {"n": list(range(50))}),
    "one boolean": ({"b": Kind.BOOLEAN}, {"b": [True, False, None, True, True] * 10}),
    "constants": ({"n": Kind.FLOAT, "c": Kind.CATEGORY}, {"n": [3.5] * 50, "c": ["x"] * 50}),
    "all missing": ({"n": Kind.FLOAT, "c": Kind.CATEGORY}, {"n": [None] * 50, "c": ["x", "y"] * 25}),
    "nothing scored": ({"i": Kind.IDENTIFIER, "t": Kind.TEXT}, {"i": list("ab") * 25, "t": ["text"] * 50}),
    "dates": (
        {"d": Kind.DATE, "t": Kind.DATETIME},
        {
            "d": [DAY + datetime.timedelta(days=i) for i in range(49)] + [None],
            "t": pd.date_range("2024-01-01", periods=50, freq="h"),
        },
    ),
    "huge and tiny": (
        {"n": Kind.FLOAT, "m": Kind.FLOAT},
        {"n": [1e300, -1e300] * 25, "m": [1e-310 * i for i in range(50)]},
    ),
    "odd names": (
        {"first name": Kind.CATEGORY, "class": Kind.CATEGORY, "<b>x</b>": Kind.FLOAT, "{{ x }}": Kind.INTEGER},
        {
            "first name": ["Ann", "Bob"] * 25,
            "class": ["<i>", "&amp;"] * 25,
            "<b>x</b>": [i / 7 for i in range(50)],
            "{{ x }}": list(range(50)),
        },
    ),
}


def numbers_in(value: object) -> list[Metric | Score]:
    """All metrics and scores of a value of dataclasses and tuples."""
    if isinstance(value, Metric | Score):
        return [value]
    if isinstance(value, tuple):
        return [n for item in value for n in numbers_in(item)]
    parts = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    return [n for part in parts for n in numbers_in(getattr(value, part.name))]


@pytest.mark.parametrize("name", ODD)
def test_odd_tables_are_evaluated(name):
    kinds, values = ODD[name]
    frame = pd.DataFrame(values)
    shuffled = frame.sample(frac=1, random_state=0)
    result = evaluate(EvaluationTables(frame, shuffled.head(25), shuffled.tail(30), make_schema(**kinds)), target=None)
    assert all((n.value is None) == (n.reason is not None) for n in numbers_in(result))
    assert TypeAdapter(Evaluation).validate_json(TypeAdapter(Evaluation).dump_json(result)) == result


@pytest.mark.parametrize("rows", [0, 1])
def test_a_synthetic_table_of_no_or_one_row(train, holdout, fresh, schema, rows):
    result = evaluate(EvaluationTables(train.head(60), holdout.head(60), fresh.head(rows), schema), target="class")
    assert result.utility.synthetic.reason
    assert result.fidelity.discriminator.reason
    assert result.scores.privacy.score.reason


def test_an_empty_holdout_is_told(train, fresh, schema):
    result = evaluate(EvaluationTables(train.head(60), train.head(0), fresh.head(60), schema), target="class")
    assert result.scores.privacy.failed is None
    assert result.utility.real.reason


def test_without_holdout_likeness_is_measured_and_the_rest_has_reasons(train, fresh, schema):
    result = evaluate(EvaluationTables(train.head(200), None, fresh.head(200), schema), target=None)
    assert result.scores.quality.sqs.value > 7
    assert result.scores.quality_baseline.sqs.reason == "there is no holdout"
    assert result.scores.privacy.reasons == ("not available, because there is no holdout to compare with",)
    assert "holdout" in result.utility.target_reason


def test_the_same_seed_gives_the_same_evaluation(train, holdout, fresh, schema):
    tables = (train.head(30), holdout.head(21), fresh.head(25), schema)
    assert evaluate(EvaluationTables(*tables), target="class", limits=SampleLimits(seed=3)) == evaluate(
        EvaluationTables(*tables), target="class", limits=SampleLimits(seed=3)
    )


def test_the_input_is_not_changed(train, fresh, schema):
    before = train.head(60).copy(deep=True)
    frame = before.copy(deep=True)
    evaluate(EvaluationTables(frame, None, fresh.head(60), schema), target=None)
    pd.testing.assert_frame_equal(frame, before)


def fidelity_of(train, holdout, synthetic, schema, lost=None):
    result = evaluate(EvaluationTables(train.head(300), holdout.head(300), synthetic.head(300), schema), target="class")
    return combine(result.fidelity, result.utility, result.privacy, lost=lost).scores


def test_lost_cells_and_missing_shares_that_differ_grossly_cap_the_quality(train, holdout, fresh, schema):
    fair = fidelity_of(train, holdout, fresh, schema, lost={"age": 0.1, "city": 0.0})
    assert fair.quality.limits == ()
    assert fair.quality.sqs.value > 7
    lost = fidelity_of(train, holdout, fresh, schema, lost={"age": 0.11})
    assert lost.quality.sqs.value == 5.9
    assert lost.quality.limits == ("11% of the synthetic cells of 'age' are not of its type, and count as missing",)
    gone = fresh.assign(income=fresh["income"].where(fresh.index % 2 == 0))
    assert (
        "'income' are missing, and 0% of the real ones" in fidelity_of(train, holdout, gone, schema).quality.limits[0]
    )
    filled = fidelity_of(train.assign(age=train["age"].where(train.index % 2 == 0)), holdout, fresh, schema)
    assert len(filled.quality.limits) == 1


def test_the_mark_of_unseen_rows_is_by_the_parts_that_both_have():
    """A holdout of fewer than 400 texts has no meaning of its own, which takes half of it for the other table."""
    frames = [draw_texts(rows, seed) for rows, seed in ((500, 1), (300, 2), (500, 3))]
    found = evaluate(EvaluationTables(*frames, make_schema(n=Kind.FLOAT, t=Kind.TEXT)), target=None)
    text = found.fidelity.texts[0]
    assert text.synthetic.semantic.value is not None
    assert text.baseline.semantic.value is None
    scores = found.scores
    assert scores.quality.text_semantic.value is not None
    assert scores.quality_comparable.text_semantic.value is None
    assert scores.quality_comparable.text_semantic.reason == scores.quality_baseline.text_semantic.reason
    assert scores.quality_comparable.text_structure == scores.quality.text_structure


def draw_texts(rows, seed):
    rng = np.random.default_rng(seed)
    words = np.array([f"word{i}" for i in range(100)])
    return pd.DataFrame({"n": rng.normal(size=rows), "t": [" ".join(rng.choice(words, 9)) for _ in range(rows)]})
