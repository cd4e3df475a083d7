"""NeMo's scores; the faults are those of sections 5.3 to 5.5 of the reference on NeMo Safe Synthesizer."""

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.nemo_attributes import attribute_score, decimals
from ss_ray.evaluation.privacy.nemo_encoding import binary_digits, encode
from ss_ray.evaluation.privacy.nemo_privacy import dps, membership_points, nemo_privacy
from ss_ray.evaluation.scores import Score, to_score
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

MIXED = make_schema(
    age=Kind.INTEGER,
    income=Kind.FLOAT,
    score=Kind.FLOAT,
    visits=Kind.INTEGER,
    city=Kind.CATEGORY,
    job=Kind.CATEGORY,
    married=Kind.CATEGORY,
    plan=Kind.CATEGORY,
)


def draw(rows, seed):
    """The mixed table on which the published package was run."""
    rng = np.random.default_rng(seed)
    k = rng.integers(0, 4, rows)
    return pd.DataFrame(
        {
            "age": np.clip((40 + 8 * k + rng.normal(0, 8, rows)), 18, 90).astype(int),
            "income": np.round(np.exp(9 + 0.3 * k + rng.normal(0, 0.5, rows)), 2),
            "score": np.round(rng.normal(k, 1), 3),
            "visits": rng.poisson(3 + 2 * k),
            "city": np.array([f"c{i}" for i in range(30)])[(rng.zipf(1.5, rows) + k) % 30],
            "job": np.array(list("abcdefghij"))[(k * 2 + rng.integers(0, 4, rows)) % 10],
            "married": np.where(rng.random(rows) < 0.2 + 0.15 * k, "yes", "no"),
            "plan": np.array(["free", "basic", "pro"])[np.minimum(rng.integers(0, k + 1), 2)],
        }
    )


@pytest.fixture(scope="module")
def train():
    return draw(5000, 1)


@pytest.mark.parametrize(
    ("copied", "membership", "attributes"),
    [(1.0, 3.8, 8.7), (0.5, 5.1, 9.0), (0.1, 8.8, 9.4), (0.0, 9.5, 9.5)],  # 0.1.16 on these files
)
def test_scores_are_those_of_the_published_package(train, copied, membership, attributes):
    count = int(5000 * copied)
    fresh = draw(5000, 3)
    made = train if copied == 1 else pd.concat([fresh.iloc[count:], train.sample(count, random_state=0)])
    found = nemo_privacy(EvaluationTables(train, draw(300, 2), made.reset_index(drop=True), MIXED))
    assert found.membership.value == pytest.approx(membership, abs=0.2)
    assert found.attributes.value == pytest.approx(attributes, abs=0.2)
    assert found.dps.value == pytest.approx((membership + attributes) / 2, abs=0.2)


def test_a_score_of_zero_counts_in_the_dps():
    assert dps(to_score(0.0), to_score(9.8)).value == pytest.approx(4.9)


def test_without_holdout_there_is_no_dps(train):
    found = nemo_privacy(EvaluationTables(train.head(50), None, train.head(50), MIXED))
    assert found.attributes.value is not None
    assert "no holdout" in found.dps.reason


def test_decimals_are_those_of_the_shortest_spelling():
    assert [decimals(v) for v in (0.1, 3.0, -2.25, 0.0, 1e20, 1e-3)] == [1, 0, 2, 0, 0, 3]


@pytest.mark.parametrize("values", [[0.1, 0.7], [0.0, 5.0], [-3.5, -8.5]])
def test_guesses_of_fractions_zeros_and_negative_numbers_can_be_right(values):
    choice = np.random.default_rng(0).integers(0, 2, 500)
    frame = pd.DataFrame(
        {"k": choice.astype(str), "l": choice.astype(str), "m": choice.astype(str), "x": np.array(values)[choice]}
    )
    frame["rare"] = [str(i) for i in range(500)]
    schema = make_schema(k=Kind.CATEGORY, l=Kind.CATEGORY, m=Kind.CATEGORY, x=Kind.FLOAT, rare=Kind.CATEGORY)
    only = frame.drop(columns="rare")
    assert (
        attribute_score(only, only, make_schema(k=Kind.CATEGORY, l=Kind.CATEGORY, m=Kind.CATEGORY, x=Kind.FLOAT)).value
        == 0.0
    )
    assert attribute_score(frame, frame, schema).value > 5.0


def test_few_combinations_of_known_columns_are_used_again():
    """By NeMo four columns give four attacks, so that the score is one of few values."""
    rng = np.random.default_rng(1)
    frames = [pd.DataFrame({n: rng.choice(["a", "b", "c"], 400) for n in "klmn"}) for _ in range(2)]
    schema = make_schema(**dict.fromkeys("klmn", Kind.CATEGORY))
    score = attribute_score(*frames, schema).value
    chance = 10 * (1 - (1 / 3) / 0.7)  # equal weights, guesses at random
    assert score == pytest.approx(chance, abs=1.5)


def test_members_that_are_all_found_score_low_and_guessing_scores_high(train):
    strangers, real = draw(200, 2), train.head(2000)
    assert membership_points(real, strangers, real, MIXED) < 2.0
    assert membership_points(real, strangers, draw(2000, 3), MIXED) > 2.7


def test_categories_become_binary_digits_and_numbers_quantiles():
    assert binary_digits(np.array([1, 2, 5])).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    column = MIXED["score"]
    found = encode(pd.Series([3.0, None, -1.0]), column)[:, 0]
    assert found.tolist() == pytest.approx([1.0, 0.5, 0.0])  # missing is 0, which lies between


@pytest.mark.parametrize(("kinds", "reason"), [({"t": Kind.TEXT}, "no column"), ({"c": Kind.CATEGORY}, "one column")])
def test_every_gap_has_a_reason(kinds, reason):
    frame = pd.DataFrame({name: ["a b", "c d"] for name in kinds})
    found = nemo_privacy(EvaluationTables(frame, frame, frame, make_schema(**kinds)))
    assert reason in found.attributes.reason
    assert isinstance(found.dps, Score)
    assert reason in found.dps.reason
    assert (
        "no rows"
        in nemo_privacy(EvaluationTables(frame, frame, frame.head(0), make_schema(c=Kind.CATEGORY))).dps.reason
    )
