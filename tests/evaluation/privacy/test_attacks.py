import time

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.nearest import Neighbours
from ss_ray.evaluation.privacy.attacks import closer_to_train, evaluate_privacy, one_row_each
from tests.evaluation.privacy.leaks import PATIENTS, PII, draw_patients


def neighbours(distance, index):
    distances = np.array(distance, dtype=np.float32)
    return Neighbours(distance=distances, index=np.array(index), second=np.ones_like(distances))


def test_ties_count_half():
    to_train, to_holdout = neighbours([0.1, 0.2, 0.3], [0, 1, 2]), neighbours([0.2, 0.2, 0.1], [0, 1, 2])
    assert closer_to_train(to_train, to_holdout, seed=0).value == pytest.approx(0.5)


def test_queries_that_share_a_neighbour_count_as_one():
    apart = closer_to_train(neighbours([0.0] * 4 + [1.0] * 4, range(8)), neighbours([0.5] * 8, range(8)), seed=0)
    shared = closer_to_train(neighbours([0.0] * 4 + [1.0] * 4, [0] * 8), neighbours([0.5] * 8, [0] * 8), seed=0)
    assert shared.std_error > 2 * apart.std_error


def test_a_fresh_sample_is_as_close_to_train_as_to_the_holdout(train, holdout, fresh, schema):
    privacy = evaluate_privacy(EvaluationTables(train, holdout, fresh, schema))
    for share in (privacy.closer_to_train, privacy.membership_auc):
        assert share.value == pytest.approx(0.5, abs=3 * share.std_error)
    assert privacy.copies[0].synthetic.value == 0.0
    assert privacy.distance_to_train.value == pytest.approx(privacy.distance_of_holdout.value, rel=0.1)


def test_a_copy_of_train_is_seen_by_every_attack(train, holdout, schema):
    privacy = evaluate_privacy(EvaluationTables(train, holdout, train, schema))
    assert [c.synthetic.value for c in privacy.copies] == [1.0, 1.0]
    assert privacy.copies[1].column == "remark"
    assert privacy.closer_to_train.value > 0.9
    assert privacy.membership_auc.value > 0.9
    assert privacy.distance_to_train.value == 0.0


def test_noisy_copies_are_seen_by_distance_though_none_is_equal(train, holdout, schema):
    rng = np.random.default_rng(0)
    noisy = train.assign(income=train["income"] + rng.normal(0, 100, len(train)))
    privacy = evaluate_privacy(EvaluationTables(train, holdout, noisy, schema))
    assert privacy.copies[0].synthetic.value == 0.0
    assert privacy.closer_to_train.value > 0.9


def test_too_few_rows_are_told(train, holdout, fresh, schema):
    privacy = evaluate_privacy(EvaluationTables(train, holdout, fresh.head(5), schema))
    reason = "too small to tell: 5 distinct synthetic rows, at least 20 are needed"
    assert privacy.closer_to_train.reason == reason
    assert privacy.copies[0].synthetic.sample_size == 5


def test_a_generator_that_repeats_one_row_has_too_few_distinct_ones(train, holdout, fresh, schema):
    repeated = pd.concat([fresh.head(1)] * 100)
    assert (
        ": 1 distinct synthetic rows"
        in evaluate_privacy(EvaluationTables(train, holdout, repeated, schema)).membership_auc.reason
    )


def test_rows_of_one_person_count_once(train):
    rows = one_row_each(pd.DataFrame({"p": ["a", "b", "a", None, "c", None]}), "p", 0)
    assert len(rows) == 4
    assert sorted(set(rows)) == list(rows)
    assert len(one_row_each(train, None, 0)) == len(one_row_each(train, "no such column", 0)) == len(train)


def test_groups_bound_what_distances_rest_on(train, holdout, fresh, schema):
    frames = [frame.head(400).assign(id=np.arange(400) // 10) for frame in (train, holdout, fresh)]
    privacy = evaluate_privacy(EvaluationTables(*frames, schema, "id"))
    assert privacy.closer_to_train.sample_size == 40
    assert privacy.copies[0].synthetic.sample_size == 400
    assert privacy.membership.distance.tpr_at_1_percent.reason


def test_distances_have_101_quantiles_for_a_plot(train, holdout, fresh, schema):
    small = [frame.head(60) for frame in (train, holdout, fresh)]
    found = evaluate_privacy(EvaluationTables(*small, schema)).distances
    assert [len(q) for q in (found.to_train, found.to_holdout, found.of_holdout)] == [101] * 3
    assert evaluate_privacy(EvaluationTables(small[0], None, small[2], schema)).distances.to_train == ()


@pytest.mark.slow
def test_five_thousand_rows_take_less_than_three_seconds():
    frames = draw_patients(5000, 1), draw_patients(1500, 2), draw_patients(5000, 3)
    start = time.process_time()
    evaluate_privacy(EvaluationTables(*frames, PATIENTS), pii=PII)
    assert time.process_time() - start < 6  # 2 s on a machine that does nothing else
