import numpy as np
import pandas as pd
import pytest

from ss_ray.errors import DataError
from ss_ray.evaluation.columns import scored_columns
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.quality.autocorrelation import NEMO_LIMITS, LagLimits, Profile, profile, profile_similarity
from ss_ray.evaluation.quality.sequence_fidelity import evaluate_sequences, value_distance
from ss_ray.evaluation.sequence_rows import SequenceColumns, to_sequences
from tests.evaluation.series import BY, SCHEMA, draw_series, shuffle_within

TRAIN, HOLDOUT, FRESH = draw_series(80, 1), draw_series(60, 2), draw_series(80, 3)


def measure(synthetic, holdout=HOLDOUT, by=BY, lags=NEMO_LIMITS):
    scored = scored_columns(TRAIN, SCHEMA, max_columns=9, seed=0)
    tables = (TRAIN, holdout, synthetic)
    return evaluate_sequences(
        EvaluationTables(*tables, SCHEMA), scored, by, no_holdout="there is no holdout", seed=0, lags=lags
    )


def test_a_fresh_sample_is_like_the_holdout():
    found = measure(FRESH)
    for name in ("lengths", "gaps", "transitions", "autocorrelation"):
        made, unseen = getattr(found.synthetic, name), getattr(found.baseline, name)
        assert made.value == pytest.approx(unseen.value, abs=0.12), name
    assert found.synthetic.autocorrelation.value > 0.85
    assert found.synthetic.in_order.value == found.train_in_order.value == 1.0
    assert found.constant_columns == ("sex",)
    assert found.synthetic.constant.value == 1.0


def test_as_many_sequences_are_compared_as_the_holdout_has():
    found = measure(FRESH)
    assert found.synthetic.lengths.sample_size == found.baseline.lengths.sample_size == 60
    assert measure(FRESH, holdout=draw_series(3, 4)).synthetic.lengths.sample_size == 50


def test_shuffled_numbers_lose_their_autocorrelation():
    assert measure(shuffle_within(FRESH, "pulse")).synthetic.autocorrelation.value < 0.3


def test_shuffled_states_lose_their_transitions():
    found = measure(shuffle_within(FRESH, "state"))
    assert found.synthetic.transitions.value > 0.25
    assert found.synthetic.transitions.value > 3 * found.baseline.transitions.value


def test_a_constant_that_changes_is_seen():
    assert measure(FRESH.assign(sex=FRESH["state"])).synthetic.constant.value == 0.0


def test_rows_out_of_order_are_counted_and_sorted():
    mixed = FRESH.sample(frac=1, random_state=0)
    found = measure(mixed, holdout=None)
    assert found.synthetic.in_order.value == 0.0
    sorted_ = measure(FRESH, holdout=None)
    assert found.synthetic.autocorrelation.value == pytest.approx(sorted_.synthetic.autocorrelation.value)


def test_another_pace_and_other_lengths_are_seen():
    found = measure(FRESH.assign(day=FRESH["day"] * 3).groupby("patient").head(5))
    assert found.synthetic.gaps.value > 0.8
    assert found.synthetic.lengths.value > 0.9


def test_one_long_series_has_no_lengths():
    found = measure(FRESH, by=SequenceColumns(group=None, order="day"))
    assert found.synthetic.lengths.reason == "the training table is one sequence"
    assert found.synthetic.autocorrelation.value is not None


def test_without_order_rows_stay_as_they_come():
    found = measure(FRESH, by=SequenceColumns(group="patient", order=None))
    assert found.synthetic.in_order.reason == "there is no order column"
    assert "no order column" in found.synthetic.gaps.reason
    assert found.synthetic.autocorrelation.value > 0.85


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_have_reasons(rows):
    found = measure(FRESH.head(rows), holdout=None)
    assert found.baseline.autocorrelation.reason == "there is no holdout"
    assert found.synthetic.autocorrelation.reason or found.synthetic.autocorrelation.value == 0.0
    assert (found.synthetic.transitions.reason is None) == (rows > 1)


def test_rows_without_group_or_place():
    gaps = FRESH.assign(patient=FRESH["patient"].where(FRESH.index > 9), day=FRESH["day"].where(FRESH.index % 7 > 0))
    assert measure(gaps).synthetic.transitions.value is not None
    assert "no sequence" in measure(FRESH.assign(patient=None)).synthetic.lengths.reason


def test_an_unknown_column_is_an_error():
    with pytest.raises(DataError, match="'time'"):
        measure(FRESH, by=SequenceColumns(group="patient", order="time"))


def test_the_profile_of_one_sequence_is_its_correlation_at_each_lag():
    values = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 9.0, 7.0, 8.0, 2.0])
    frame = TRAIN.head(9).assign(pulse=values, day=range(9), patient="p")
    columns = scored_columns(TRAIN, SCHEMA, max_columns=9, seed=0)
    found = profile(to_sequences(frame, SCHEMA, BY, columns), "pulse")
    expected = [np.corrcoef(values[:-lag], values[lag:])[0, 1] for lag in range(1, 5)]
    np.testing.assert_allclose(found.correlation, expected, atol=1e-9)
    assert found.support.tolist() == [8, 7, 6, 5]


def test_a_constant_has_no_profile_and_is_unlike_one_that_has():
    some = Profile(correlation=np.array([0.9, 0.8]), support=np.array([100, 99]))
    none = Profile(correlation=np.array([np.nan, np.nan]), support=np.array([0, 0]))
    assert profile_similarity(some, none) == 0.0
    assert np.isnan(profile_similarity(none, some))
    assert profile_similarity(some, some) == 1.0
    columns = scored_columns(TRAIN, SCHEMA, max_columns=9, seed=0)
    flat = to_sequences(TRAIN.assign(pulse=1e9), SCHEMA, BY, columns)
    assert np.isnan(profile(flat, "pulse").correlation).all()


def test_many_values_are_compared_in_bins():
    rng = np.random.default_rng(0)
    assert value_distance(rng.normal(size=900), rng.normal(size=900)) < 0.2
    assert value_distance(np.array([1.0, 1.0]), np.array([2.0])) == pytest.approx(1.0)


def test_dates_make_gaps_in_days():
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(TRAIN["day"], unit="D")
    frame = TRAIN.assign(day=days.dt.date)
    schema = SCHEMA.with_column(type(SCHEMA.columns[1])(name="day", kind="date", arrow_type="date32[day]"))
    sequences = to_sequences(frame, schema, BY, ())
    assert set(np.diff(sequences.places)[sequences.neighbours()]) == {1.0, 2.0, 7.0}


def test_the_autocorrelation_that_is_asked_for_is_compared():
    def found(lags):
        return measure(shuffle_within(FRESH, "pulse"), lags=lags).synthetic.autocorrelation

    assert found(None).reason == "it was switched off"
    assert found(LagLimits(columns=("pulse",))) == found(NEMO_LIMITS)
    assert "that is asked for" in found(LagLimits(columns=("state",))).reason
    assert found(LagLimits(max_groups=10)).sample_size == 10
    assert found(LagLimits(min_points=31)).reason == "no sequence is long enough for a lag"


def test_the_largest_lag_bounds_the_profile():
    columns = scored_columns(TRAIN, SCHEMA, max_columns=9, seed=0)
    sequences = to_sequences(TRAIN, SCHEMA, BY, columns)
    assert len(profile(sequences, "pulse", LagLimits(max_lag=3)).correlation) == 3
