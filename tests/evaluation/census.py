"""Two populations with what real tables have: rare groups, heavy tails, weights that hardly repeat, dates, persons."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

CENSUS = make_schema(
    age=Kind.INTEGER,
    work=Kind.CATEGORY,
    weight=Kind.INTEGER,
    school=Kind.CATEGORY,
    marital=Kind.CATEGORY,
    job=Kind.CATEGORY,
    race=Kind.CATEGORY,
    sex=Kind.CATEGORY,
    gain=Kind.INTEGER,
    hours=Kind.INTEGER,
    country=Kind.CATEGORY,
    joined=Kind.DATE,
    income=Kind.CATEGORY,
    note=Kind.TEXT,
)
WORDS = [f"word{i}" for i in range(600)]
EVENTS = make_schema(
    person=Kind.IDENTIFIER,
    ward=Kind.CATEGORY,
    event=Kind.CATEGORY,
    dose=Kind.FLOAT,
    day=Kind.INTEGER,
    pulse=Kind.INTEGER,
)


def draw_census(rows: int, seed: int) -> pd.DataFrame:
    """Rows of the true distribution."""
    rng = np.random.default_rng([seed, 5])
    level = rng.choice(16, rows, p=_zipf(16, 0.8))
    age = np.clip(rng.gamma(6, 6.5, rows) + 14, 17, 90).astype(int)
    job = (level // 2 + rng.choice(8, rows, p=_zipf(8, 1.2))) % 12
    country = rng.choice(40, rows, p=_zipf(40, 2.2))
    rich = rng.random(rows) < 1 / (1 + np.exp(2.2 - 0.25 * (8 - level / 2) - 0.03 * (age - 38)))
    gain = np.where(rng.random(rows) < 0.08 + 0.1 * rich, np.round(np.exp(rng.normal(8, 1, rows))), 0)
    days = rng.integers(0, 5000, rows)
    return pd.DataFrame(
        {
            "age": age,
            "work": _names("work", rng.choice(8, rows, p=_zipf(8, 1.8))),
            "weight": np.round(np.exp(rng.normal(12, 0.6, rows))).astype(int),
            "school": _names("school", level),
            "marital": _names("marital", np.where(age < 28, rng.integers(0, 2, rows), rng.integers(1, 7, rows))),
            "job": _names("job", job),
            "race": _names("race", rng.choice(5, rows, p=_zipf(5, 2.5))),
            "sex": np.where(rng.random(rows) < 0.67, "m", "f"),
            "gain": gain.astype(int),
            "hours": np.clip(np.where(rng.random(rows) < 0.5, 40, rng.normal(40, 12, rows)), 1, 99).astype(int),
            "country": _names("country", country),
            "joined": [datetime.date(2005, 1, 1) + datetime.timedelta(days=int(day)) for day in days],
            "income": np.where(rich, "high", "low"),
            "note": [" ".join(WORDS[w] for w in line) for line in rng.choice(600, (rows, 24), p=_zipf(600, 0.9))],
        }
    )


def draw_events(persons: int, seed: int) -> pd.DataFrame:
    """Some rows of each person, which resemble each other."""
    rng = np.random.default_rng([seed, 6])
    rows = []
    for person in range(persons):
        ward, pulse, dose = rng.choice(6, p=_zipf(6, 1.0)), rng.normal(75, 12), rng.gamma(2, 30)
        day = 0
        for _ in range(rng.integers(3, 12)):
            day += int(rng.integers(1, 20))
            event = int(rng.choice(15, p=_zipf(15, 1.0)))
            rows.append(
                (f"{seed}-{person}", f"w{ward}", f"e{event}", round(dose * rng.uniform(0.8, 1.2), 1), day, pulse)
            )
    frame = pd.DataFrame(rows, columns=list(EVENTS.names))
    return frame.assign(pulse=np.round(frame["pulse"] + rng.normal(0, 5, len(frame))).astype(int))


def _zipf(size: int, power: float) -> np.ndarray:
    weights = 1 / np.arange(1, size + 1) ** power
    return weights / weights.sum()


def _names(word: str, codes: np.ndarray) -> np.ndarray:
    return np.array([f"{word}{code}" for code in codes], dtype=object)
