"""A person-level table of a known distribution, and generators that leak its training rows in different ways."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

WORDS = [f"word{i}" for i in range(400)]
PATIENTS = make_schema(
    mail=Kind.IDENTIFIER,
    age=Kind.INTEGER,
    income=Kind.FLOAT,
    score=Kind.FLOAT,
    city=Kind.CATEGORY,
    plan=Kind.CATEGORY,
    note=Kind.TEXT,
)
PII = {"mail": "EMAIL_ADDRESS"}


def draw_patients(rows: int, seed: int) -> pd.DataFrame:
    """Rows of the true distribution; mails and notes are those of one row each."""
    rng = np.random.default_rng([seed, 77])
    group = rng.integers(0, 3, rows)
    words = rng.integers(0, len(WORDS), (rows, 15))
    return pd.DataFrame(
        {
            "mail": [f"p{rng.integers(10**9)}@mail.org" for _ in range(rows)],
            "age": np.clip(40 + 10 * group + rng.normal(0, 8, rows), 18, 90).astype(int),
            "income": np.round(np.exp(9 + 0.4 * group + rng.normal(0, 0.5, rows)), 2),
            "score": np.round(rng.normal(group, 1.0), 3),
            "city": np.array([f"c{i}" for i in range(20)])[(rng.zipf(1.6, rows) + group) % 20],
            "plan": np.array(["free", "basic", "pro"])[np.minimum(group, rng.integers(0, 3, rows))],
            "note": [" ".join(WORDS[w] for w in line) for line in words],
        }
    )


def with_copies(train: pd.DataFrame, fresh: pd.DataFrame, share: float) -> pd.DataFrame:
    """Fresh rows, of which a share is replaced by training rows; mails and notes stay fresh."""
    count = int(share * len(fresh))
    copied = train.sample(count, random_state=0).assign(
        mail=fresh["mail"].to_numpy()[:count], note=fresh["note"].to_numpy()[:count]
    )
    return pd.concat([fresh.iloc[count:], copied], ignore_index=True)


def jittered(train: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Training rows with a little Gaussian noise on their numbers; mails and notes are fresh."""
    rng = np.random.default_rng(3)
    rows = len(train)
    return train.assign(
        age=train["age"] + rng.integers(-1, 2, rows),
        income=train["income"] * np.exp(rng.normal(0, 0.01, rows)),
        score=train["score"] + rng.normal(0, 0.02, rows),
        mail=fresh["mail"].to_numpy()[:rows],
        note=fresh["note"].to_numpy()[:rows],
    )


def independent(fresh: pd.DataFrame) -> pd.DataFrame:
    """Fresh columns in orders of their own: nothing depends on anything."""
    return pd.DataFrame({n: fresh[n].sample(frac=1, random_state=i).to_numpy() for i, n in enumerate(fresh)})
