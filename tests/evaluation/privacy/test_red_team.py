"""The red team: generators that leak training rows in a dozen ways all fail, and honest samples pass."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.attacks import evaluate_privacy
from ss_ray.evaluation.privacy.verdict import PrivacyVerdict, judge_privacy
from ss_ray.evaluation.scores import Grade
from ss_ray.schema import Kind
from tests.evaluation.census import CENSUS, EVENTS, draw_census, draw_events
from tests.evaluation.people import PEOPLE, draw_people, make_schema
from tests.evaluation.privacy.leaks import PATIENTS, PII, draw_patients

pytestmark = pytest.mark.slow

TRAIN, HOLDOUT = 2000, 1000
KINDS = {"employer": Kind.CATEGORY, "age": Kind.INTEGER, "hours": Kind.INTEGER, "pay": Kind.INTEGER}
QUASI = ["age", "school", "marital", "job", "race", "sex", "country"]
FIXED = [name for name in CENSUS.names if name not in ("note", "joined")]


@pytest.fixture(scope="module")
def census() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Training rows, holdout rows, fresh rows."""
    return draw_census(TRAIN, 1), draw_census(HOLDOUT, 2), draw_census(TRAIN, 3)


def judge_census(train, holdout, synthetic) -> PrivacyVerdict:
    return judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, synthetic, CENSUS)))


def strangest(train: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows whose values are rarest, as an attacker would choose them."""
    shares = [train[name].map(train[name].value_counts(normalize=True)) for name in FIXED if name != "weight"]
    return train.loc[sum(-np.log2(share) for share in shares).nlargest(count).index]


def among(fresh: pd.DataFrame, leaked: pd.DataFrame) -> pd.DataFrame:
    """Fresh rows with leaked ones in place of the first; the texts stay fresh."""
    leaked = leaked.assign(note=fresh["note"].to_numpy()[: len(leaked)])
    return pd.concat([leaked, fresh.iloc[len(leaked) :]], ignore_index=True)


def with_changed_cells(rows: pd.DataFrame, train: pd.DataFrame, cells: int) -> pd.DataFrame:
    """Rows with some cells of other rows."""
    rng = np.random.default_rng(7)
    changed = rows.copy()
    for place in range(len(changed)):
        for name in rng.choice(FIXED, cells, replace=False):
            changed.iat[place, changed.columns.get_loc(name)] = train[name].iloc[rng.integers(len(train))]
    return changed


def small_country(train: pd.DataFrame) -> pd.DataFrame:
    counts = train["country"].value_counts()
    return train[train["country"] == counts[(counts >= 10) & (counts <= 40)].index[0]]


def permuted(train: pd.DataFrame, kept: list[str]) -> pd.DataFrame:
    """Training rows of which some columns stay together and every other column is in an order of its own."""
    return pd.DataFrame(
        {
            name: train[name].to_numpy() if name in kept else train[name].sample(frac=1, random_state=i).to_numpy()
            for i, name in enumerate(train)
        }
    )


def swapped_halves(train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    half = FIXED[: len(FIXED) // 2]
    other = train[half].sample(frac=1, random_state=1).reset_index(drop=True)
    return train.reset_index(drop=True).assign(**{name: other[name] for name in half}, note=fresh["note"].to_numpy())


def jittered(train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return train.assign(
        age=train["age"] + rng.integers(-1, 2, len(train)),
        weight=np.round(train["weight"] * np.exp(rng.normal(0, 0.01, len(train)))).astype(int),
        hours=train["hours"] + rng.integers(-1, 2, len(train)),
        note=fresh["note"].to_numpy(),
    )


def with_one_word_changed(train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the texts are training texts with one word changed."""
    rng = np.random.default_rng(4)
    texts = []
    for text in train["note"].head(len(train) // 10):
        words = text.split()
        words[rng.integers(len(words))] = "else"
        texts.append(" ".join(words))
    return fresh.assign(note=[*texts, *fresh["note"].iloc[len(texts) :]])


def shifted(train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    days = train["joined"] + datetime.timedelta(days=30)
    return train.assign(joined=days, note=fresh["note"].to_numpy())


Leak = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
LEAKS: dict[str, tuple[Leak, str]] = {  # name -> (synthetic table of train and fresh rows, a rule that fails)
    "copies of 5 outliers": (lambda train, fresh: among(fresh, strangest(train, 5)), "disclosed_rows"),
    "copies of 10 outliers": (lambda train, fresh: among(fresh, strangest(train, 10)), "disclosed_rows"),
    "copies of 25 outliers": (lambda train, fresh: among(fresh, strangest(train, 25)), "disclosed_rows"),
    "outliers with one cell changed": (
        lambda train, fresh: among(fresh, with_changed_cells(strangest(train, 15), train, 1)),
        "disclosed_rows",
    ),
    "outliers with a quarter of the cells changed": (
        lambda train, fresh: among(fresh, with_changed_cells(strangest(train, 25), train, 3)),
        "disclosed_rows",
    ),
    "texts of ten persons verbatim": (
        lambda train, fresh: fresh.assign(note=[*train["note"].head(10), *fresh["note"].iloc[10:]]),
        "memorised_text",
    ),
    "a small country with a number changed": (
        lambda train, fresh: among(fresh, small_country(train).assign(hours=lambda rows: rows["hours"] + 1)),
        "disclosed_rows",
    ),
    "one subgroup": (lambda train, fresh: among(fresh, small_country(train)), "disclosed_rows"),
    "a twentieth of the rows with two cells changed": (
        lambda train, fresh: among(fresh, with_changed_cells(train.head(TRAIN // 20), train, 2)),
        "disclosed_rows",
    ),
    "quasi-identifiers verbatim": (lambda train, fresh: permuted(train, QUASI), "combinations"),
    "swapped halves": (swapped_halves, "combinations"),
    "jittered numbers": (jittered, "near_copies"),
    "shifted dates": (shifted, "disclosed_rows"),
    "texts with one word changed": (with_one_word_changed, "memorised_text"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_targeted_leak_fails(census, name):
    train, holdout, fresh = census
    make, rule = LEAKS[name]
    verdict = judge_census(train, holdout, make(train, fresh))
    assert verdict.failed
    assert verdict.score.grade is Grade.POOR
    assert rule in verdict.hard_fails


def test_the_rows_of_one_person_fail():
    train, holdout, fresh = draw_events(300, 1), draw_events(150, 2), draw_events(300, 3)
    persons = [train[train["person"] == f"1-{number}"].assign(person=f"copy-{number}") for number in (5, 17, 23)]
    leaked = pd.concat([fresh, *persons], ignore_index=True)
    verdict = judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, leaked, EVENTS, "person")))
    assert verdict.failed
    assert "disclosed_rows" in verdict.hard_fails
    honest = judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, fresh, EVENTS, "person")))
    assert not honest.failed


def test_a_vocabulary_of_the_holdout_fails():
    """A generator that draws its words from all rows, as if the holdout were for training."""
    rng = np.random.default_rng(1)
    schema = make_schema(**KINDS)

    def draw(rows: int, employers: list[str]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "employer": rng.choice(employers, rows),
                "age": rng.integers(18, 70, rows),
                "hours": rng.integers(1, 80, rows),
                "pay": rng.integers(1000, 9000, rows),
            }
        )

    train, holdout = draw(1000, [f"firm{i}" for i in range(40)]), draw(400, [f"firm{i}" for i in range(40)])
    holdout.loc[:39, "employer"] = [f"rare{i}" for i in range(40)]
    fresh = draw(300, [f"firm{i}" for i in range(40)])
    assert not judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, fresh, schema))).failed
    fresh.loc[:39, "employer"] = [f"rare{i}" for i in range(40)]
    verdict = judge_privacy(evaluate_privacy(EvaluationTables(train, holdout, fresh, schema)))
    assert "unseen_values" in verdict.hard_fails


def test_one_disclosed_row_caps_the_grade_and_is_listed_by_its_number(census):
    train, holdout, fresh = census
    privacy = evaluate_privacy(EvaluationTables(train, holdout, among(fresh, strangest(train, 1)), CENSUS))
    verdict = judge_privacy(privacy)
    assert not verdict.failed
    assert verdict.score.value <= 3.9
    assert any("(number 0)" in reason for reason in verdict.reasons)
    (row,) = privacy.disclosure.rows
    assert (row.row, row.training_row) == (0, int(strangest(train, 1).index[0]))
    assert row.equal_cells == 13
    assert judge_census(train, holdout, fresh).score.value > 3.9


def numbered_forms(rows: int) -> list[str]:
    return [f"the patient was seen and is well {number % 300}" for number in range(rows)]


def test_one_long_text_verbatim_caps_the_grade(census):
    train, holdout, fresh = census
    copied = fresh.assign(note=[train["note"].iloc[3], *fresh["note"].iloc[1:]])
    verdict = judge_census(train, holdout, copied)
    assert not verdict.failed
    assert verdict.score.value <= 3.9
    forms = [
        side.assign(note=[f"the patient was seen and is well {i % 300}" for i in range(len(side))]) for side in census
    ]
    assert judge_census(*forms).score.value > 3.9  # texts of a form repeat by chance


def test_a_released_value_of_one_person_is_a_finding_unless_it_is_public(census):
    train, holdout, fresh = census
    train = train.assign(work=["Lighthouse keeper", *train["work"].iloc[1:]])
    released = fresh.assign(work=["Lighthouse keeper", *fresh["work"].iloc[1:]])
    reasons = " ".join(judge_census(train, holdout, released).reasons)
    assert "values of 'work' that exactly one training unit has" in reasons
    assert "Lighthouse" not in reasons
    privacy = evaluate_privacy(EvaluationTables(train, holdout, released, CENSUS), public=("work",))
    assert "work" not in {column.column for column in privacy.singles}


HONEST = {
    "census": (lambda rows, seed: draw_census(rows, seed), CENSUS, None, {}),
    "patients": (draw_patients, PATIENTS, None, PII),
    "people": (lambda rows, seed: draw_people(rows, seed), make_schema(**PEOPLE), None, {}),
    "events": (lambda rows, seed: draw_events(rows // 6, seed), EVENTS, "person", {}),
}


def failed_honest_samples(name: str, seeds: range) -> dict[int, tuple[str, ...]]:
    """Seed -> reasons of the honest samples that fail."""
    draw, schema, group, pii = HONEST[name]
    failed = {}
    for seed in seeds:
        sides = (draw(rows, 1000 * seed + rows) for rows in (900, 450, 901))
        verdict = judge_privacy(evaluate_privacy(EvaluationTables(*sides, schema, group), pii=pii))
        if verdict.failed:
            failed[seed] = verdict.reasons
    return failed


@pytest.mark.parametrize("name", HONEST)
def test_honest_samples_pass(name):
    """Two in a hundred may fail; of 5 one does with a probability below 0.1, so a seed is fixed that has none."""
    assert failed_honest_samples(name, range(5)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_at_most_one_honest_sample_of_seventy_five_fails(name):
    """297 of 300 over the four tables; at the stated error of 2 % a table has two or more failures in 44 % of cases,

    so the seeds are fixed and the count is a measurement, not a test of chance.
    """
    assert len(failed_honest_samples(name, range(100, 175))) <= 1
