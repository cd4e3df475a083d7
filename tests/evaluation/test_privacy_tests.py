"""What is switched off is not measured, fails nothing, and costs the grade."""

import pytest

from ss_ray.config.model import EvaluationParameters
from ss_ray.errors import DataError
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.attacks import evaluate_privacy
from ss_ray.evaluation.privacy.verdict import judge_privacy
from ss_ray.evaluation.privacy_tests import PrivacyTests, check_columns, plan_tests
from tests.evaluation.privacy.leaks import PATIENTS, PII, draw_patients, jittered

TRAIN, HOLDOUT, FRESH = draw_patients(400, 1), draw_patients(300, 2), draw_patients(400, 3)


def measure(synthetic, pii=PII, **tests):
    return evaluate_privacy(EvaluationTables(TRAIN, HOLDOUT, synthetic, PATIENTS), pii=pii, tests=PrivacyTests(**tests))


def test_defaults_are_all_tests():
    assert plan_tests(EvaluationParameters()) == PrivacyTests()
    assert plan_tests(EvaluationParameters(pii_replay_entities=[], pii_replay_columns=[])) == PrivacyTests()
    assert PrivacyTests().left_out(PII) == ()


@pytest.mark.parametrize(
    ("switch", "part", "rule"),
    [
        ("membership", lambda p: (p.membership_auc, p.nemo.membership), "membership_inference"),
        ("attributes", lambda p: (p.gdpr_risks.inference.risk, p.nemo.attributes), "attribute_inference"),
        ("replay", lambda p: [r.in_column.train for r in p.replays], "replay"),
    ],
)
def test_a_part_that_is_off_has_no_number_and_fails_nothing(switch, part, rule):
    found = measure(TRAIN, **{switch: False})
    assert len(part(found)) >= 2
    assert all(m.value is None and m.reason == "it was switched off" for m in part(found))
    verdict = judge_privacy(found)
    assert verdict.failed
    assert rule not in verdict.hard_fails
    assert "copies" in verdict.hard_fails


@pytest.mark.parametrize("switch", ["membership", "attributes", "replay"])
def test_a_partial_verdict_has_no_grade_and_names_what_is_missing(switch):
    verdict = judge_privacy(measure(FRESH, **{switch: False}))
    assert verdict.failed is False
    assert verdict.score.value is None
    assert "partial" in verdict.score.reason
    assert len(verdict.missing) == 1
    assert verdict.missing[0] in verdict.reasons[0]


def test_a_leak_that_only_the_missing_part_sees_is_not_called_good():
    """The full verdict is Poor; without the part that finds it there is no grade at all."""
    leaked = FRESH.assign(mail=TRAIN["mail"].to_numpy())
    assert judge_privacy(measure(leaked)).hard_fails == ("replay",)
    assert judge_privacy(measure(leaked, replay=False)).score.grade is None


def test_columns_are_left_out_of_membership_inference():
    near = jittered(TRAIN, FRESH)
    whole, some = measure(near), measure(near, membership_without=("age", "income", "score"))
    assert whole.membership_auc.value > 0.6
    assert some.membership_auc.value < whole.membership_auc.value
    assert some.nemo.membership.value is not None
    assert some.left_out == ("membership inference by 'age', 'income', 'score'",)
    none = measure(FRESH, membership_without=PATIENTS.names)
    assert none.membership_auc.reason == none.nemo.membership.reason == "all columns are left out of it"


def test_replay_is_looked_for_in_the_columns_asked_for():
    by = {(r.column, r.entity_type): r.in_column for r in measure(FRESH, replay_columns=("city",)).replays}
    assert ("mail", "EMAIL_ADDRESS") in by
    assert by["city", "UNKNOWN"].train.value > 0.5
    other = measure(FRESH, replay_entities=("FIRST_NAME",))
    by = {(r.column, r.entity_type): r.in_column for r in other.replays}
    assert by["mail", "EMAIL_ADDRESS"].train.reason == "its type was left out"
    assert other.left_out == ("the replay of values of 'mail'",)
    assert measure(FRESH, replay_entities=("EMAIL_ADDRESS",)).left_out == ()


def test_entities_have_nemos_names_too():
    assert plan_tests(EvaluationParameters(pii_replay_entities=["email"])).replay_entities == ("EMAIL_ADDRESS",)


def test_the_attacker_knows_as_many_columns_as_are_asked_for():
    few, many = (measure(TRAIN, known_columns=known).nemo.attributes.value for known in (1, 3))
    assert many < few


@pytest.mark.parametrize(
    "parameters",
    [
        {"target": "nothing"},
        {"mia_excluded_columns": ["nothing"]},
        {"pii_replay_columns": ["age", "nothing"]},
        {"time_series": {"autocorrelation": {"value_columns": ["nothing"]}}},
    ],
)
def test_a_column_that_is_not_there_is_named_before_anything_is_measured(parameters):
    with pytest.raises(DataError, match="'nothing'"):
        check_columns(EvaluationParameters.model_validate(parameters), PATIENTS)
    check_columns(EvaluationParameters(), PATIENTS)
