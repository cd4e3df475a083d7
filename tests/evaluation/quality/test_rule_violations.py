import pandas as pd
import pytest

from ss_ray.config.constraints import DeterminesConstraint, FormatConstraint, OrderConstraint, RangeConstraint
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.quality.rule_violations import rule_violations
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

SCHEMA = make_schema(low=Kind.INTEGER, high=Kind.INTEGER, city=Kind.CATEGORY, state=Kind.CATEGORY)
TRAIN = pd.DataFrame(
    {"low": [1.0, 2.0, None, 4.0], "high": [2, 2, 3, 5], "city": list("abab"), "state": ["A", "B", "A", "B"]}
)
MADE = TRAIN.assign(low=[1.0, 3.0, None, 9.0], state=["A", "A", "A", "B"])


def violations(constraint, synthetic=MADE, holdout=None):
    return rule_violations(
        [constraint], EvaluationTables(TRAIN, holdout, synthetic, SCHEMA), no_holdout="there is no holdout"
    )[0]


def test_rows_that_break_a_constraint_are_counted():
    found = violations(OrderConstraint(low="low", high="high"), holdout=TRAIN.head(2))
    assert found.constraint == "order(low <= high)"
    assert (found.synthetic.value, found.synthetic_rows) == (0.5, 2)
    assert (found.train.value, found.train_rows) == (0.0, 0)
    assert found.holdout.value == 0.0


def test_what_determines_what_is_read_off_training_rows():
    found = violations(DeterminesConstraint(columns=("city",), determined="state"))
    assert found.synthetic.value == 0.25
    assert found.train.value == 0.0
    assert found.holdout.reason == "there is no holdout"


@pytest.mark.parametrize(
    "constraint",
    [
        RangeConstraint(column="salary", minimum=1),
        FormatConstraint(column="low", pattern="x"),
        OrderConstraint(low="low", high="high"),
    ],
)
def test_what_cannot_be_checked_is_told(constraint):
    found = violations(constraint, MADE.assign(low=["a", "b", "c", "d"]))
    assert found.synthetic.reason
    assert found.synthetic_rows is None


def test_no_constraints_and_no_rows():
    assert rule_violations([], EvaluationTables(TRAIN, None, MADE, SCHEMA), no_holdout="") == ()
    assert violations(OrderConstraint(low="low", high="high"), MADE.head(0)).synthetic.reason == "the table has no rows"
