from dataclasses import replace

import pytest

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import measured
from ss_ray.evaluation.report.readers import PiiRow, judge_by_certificate, judge_for_readers
from ss_ray.evaluation.report.uses import MOST_EPSILON, judge_publication, judge_uses
from ss_ray.evaluation.scores import to_score
from tests.privacy.test_certificate import certify, make_plan

PII = (
    PiiRow(column="ssn", entity_type="US_SSN", replaced=12),
    PiiRow(column="city", entity_type="CITY", replaced=0),
)


@pytest.fixture(scope="module")
def certificate():
    plan = make_plan()
    return certify(plan, plan.charge(plan.num_steps))


def answers(evaluation, guarantee=None):
    return {use.name: use.fitness for use in judge_uses(evaluation, guarantee)}


def sentences(verdict, topic):
    return " ".join(next(f.sentences for f in verdict.findings if f.topic == topic))


def with_scores(evaluation, **scores):
    return replace(evaluation, scores=replace(evaluation.scores, **scores))


def test_a_copy_of_the_training_rows_is_fit_for_nothing_that_leaves(train, holdout, schema):
    copied = evaluate(EvaluationTables(train.head(300), holdout.head(300), train.head(300), schema), target="class")
    found = answers(copied)
    assert found["software tests"] == "not fit"
    assert found["sharing under a contract"] == "not fit"
    assert found["publication"] == "not fit"
    manager, officer, _ = judge_for_readers(copied, PII, None)
    assert "Not fit for: software tests, because a hard rule of privacy failed" in manager.headline
    assert officer.headline.startswith("Do not release: ")


def test_nothing_is_fit_to_leave_where_privacy_could_not_be_measured(train, fresh, schema):
    alone = evaluate(EvaluationTables(train.head(100), None, fresh.head(100), schema), target=None)
    found = answers(alone)
    assert found["software tests"] == "not known"
    assert found["sharing under a contract"] == "not known"
    assert found["prediction models"] == "not known"
    assert "Not known: software tests, because privacy" in judge_for_readers(alone, (), None)[0].headline


def test_a_failed_rule_outweighs_a_certificate(certificate):
    assert judge_publication(certificate, failed=False).fitness == "fit"
    assert judge_publication(certificate, failed=True).fitness == "not fit"
    large = replace(certificate, epsilon=MOST_EPSILON + 0.1)
    assert judge_publication(large, failed=False).fitness == "not fit"


@pytest.mark.parametrize(("score", "fitness"), [(6.0, "fit"), (5.9, "not fit")])
def test_columns_are_trusted_from_the_stated_score(evaluation, score, fitness):
    quality = replace(evaluation.scores.quality, distribution=to_score(score), limits=())
    assert answers(with_scores(evaluation, quality=quality))["statistics of single columns"] == fitness


def test_lost_missing_values_outweigh_a_good_score(evaluation):
    quality = replace(evaluation.scores.quality, distribution=to_score(10.0), limits=("'age' lost its gaps",))
    manager = judge_for_readers(with_scores(evaluation, quality=quality), PII, None)[0]
    assert "'age' lost its gaps" in sentences(manager, "Not fit for")


def test_the_officer_reads_plain_words_and_what_was_kept(evaluation):
    officer = judge_for_readers(evaluation, PII, None)[1]
    assert "2 columns with personal data: US social security number and city." in sentences(officer, "Found")
    assert "12 values were replaced" in sentences(officer, "Removed")
    assert "Nothing was replaced in 'city'." in sentences(officer, "Removed")
    assert sentences(officer, "Proved") == "Nothing: differential privacy was off."


def test_the_officer_is_told_that_nobody_looked(evaluation):
    officer = judge_for_readers(evaluation, None, None)[1]
    assert "Nobody looked" in sentences(officer, "Found")
    assert "nobody looked for it" in sentences(officer, "Not covered")


def test_a_guarantee_is_told_with_its_limits(evaluation, certificate):
    officer = judge_for_readers(evaluation, PII, certificate)[1]
    assert f"({certificate.epsilon:.2f}, " in sentences(officer, "Proved")
    assert all(text[1:].rstrip(".") in sentences(officer, "Not covered") for text in certificate.not_covered)


def test_the_statistician_is_told_which_columns_are_far(evaluation):
    columns = list(evaluation.fidelity.columns)
    place = next(i for i, column in enumerate(columns) if column.name == "income")
    columns[place] = replace(columns[place], distance=measured(0.9, 200), distance_baseline=measured(0.1, 200))
    far = replace(evaluation, fidelity=replace(evaluation.fidelity, columns=tuple(columns)))
    statistician = judge_for_readers(far, PII, None)[2]
    assert "'income' (0.90)" in sentences(statistician, "Cannot")
    assert "too narrow" in sentences(statistician, "Cannot")
    assert "'id' and 'remark'" in sentences(statistician, "Not compared")


@pytest.mark.parametrize(("error", "topic"), [(0.05, "Can be estimated"), (0.06, "Cannot")])
def test_associations_are_estimated_up_to_the_stated_error(evaluation, error, topic):
    likeness = replace(evaluation.fidelity.synthetic, correlation_off_diagonal=measured(error, 200))
    found = replace(evaluation, fidelity=replace(evaluation.fidelity, synthetic=likeness))
    assert "Associations of two columns" in sentences(judge_for_readers(found, PII, None)[2], topic)


def test_the_officer_reads_every_finding(evaluation):
    privacy = replace(evaluation.scores.privacy, reasons=tuple(f"finding {i}" for i in range(12)))
    officer = judge_for_readers(with_scores(evaluation, privacy=privacy), PII, None)[1]
    assert "Finding 11." in sentences(officer, "Tested")


def test_the_page_that_may_leave_claims_nothing_about_real_rows(certificate):
    manager, officer, statistician = judge_by_certificate(certificate)
    assert "By its certificate alone" in manager.headline
    assert "hard rules failed" not in officer.headline
    assert "not stated here" in statistician.headline
