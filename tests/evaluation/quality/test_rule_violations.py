import numpy as np
import pandas as pd
import pytest

from ss_ray.config.constraints import DeterminesConstraint, FormatConstraint, OrderConstraint, RangeConstraint
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.quality.rule_violations import CheckedRules, rule_violations
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

SCHEMA = make_schema(low=Kind.INTEGER, high=Kind.INTEGER, city=Kind.CATEGORY, state=Kind.CATEGORY)
TRAIN = pd.DataFrame(
    {"low": [1.0, 2.0, None, 4.0], "high": [2, 2, 3, 5], "city": list("abab"), "state": ["A", "B", "A", "B"]}
)
MADE = TRAIN.assign(low=[1.0, 3.0, None, 9.0], state=["A", "A", "A", "B"])


def violations(constraint, synthetic=MADE, holdout=None):
    tables = EvaluationTables(TRAIN, holdout, synthetic, SCHEMA)
    return rule_violations(CheckedRules(declared=[constraint]), tables, no_holdout="there is no holdout")[0]


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
    assert rule_violations(CheckedRules(), EvaluationTables(TRAIN, None, MADE, SCHEMA), no_holdout="") == ()
    assert violations(OrderConstraint(low="low", high="high"), MADE.head(0)).synthetic.reason == "the table has no rows"


def stays(rows: int) -> pd.DataFrame:
    """Stays in a clinic: the end is never before the begin, and a ward is in one building."""
    rng = np.random.default_rng(2)
    begin = rng.integers(0, 500, rows)
    ward = rng.integers(0, 9, rows)
    end = begin + rng.integers(0, 30, rows)
    building = np.array(list("ABC"))[ward % 3]
    return pd.DataFrame({"low": begin, "high": end, "city": ward.astype(str), "state": building})


def test_relations_of_the_real_rows_are_found_and_the_rows_that_break_them_counted():
    real = stays(400)
    made = real.assign(high=real["high"].where(np.arange(400) % 4 > 0, real["low"] - 1))
    tables = EvaluationTables(real, stays(100), made, SCHEMA)
    found = rule_violations(CheckedRules(finds=True), tables, no_holdout="")
    shares = {rule.constraint: rule.synthetic.value for rule in found}
    assert shares == {"order(low <= high)": 0.25, "determines(city -> state)": 0.0}
    assert all(rule.is_found and rule.train.value == 0 and rule.holdout.value == 0 for rule in found)
    assert next(iter(shares)) == "order(low <= high)"


def test_a_declared_rule_is_not_found_again_and_nothing_is_found_unasked():
    order = OrderConstraint(low="low", high="high")
    tables = EvaluationTables(stays(400), None, stays(400), SCHEMA)
    both = rule_violations(CheckedRules(declared=[order], finds=True), tables, no_holdout="there is no holdout")
    assert [(rule.constraint, rule.is_found) for rule in both] == [
        ("order(low <= high)", False),
        ("determines(city -> state)", True),
    ]
    assert len(rule_violations(CheckedRules(declared=[order]), tables, no_holdout="")) == 1
