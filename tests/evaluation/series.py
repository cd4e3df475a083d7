"""Sequences whose dynamics are known: an autoregressive number, a chain of states, and a constant per sequence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema

BY = SequenceColumns(group="patient", order="day")
SCHEMA = make_schema(
    patient=Kind.IDENTIFIER, day=Kind.INTEGER, pulse=Kind.FLOAT, state=Kind.CATEGORY, sex=Kind.CATEGORY
)


def draw_series(groups: int, seed: int) -> pd.DataFrame:
    """Rows of `groups` patients, 15 to 30 each, in order."""
    rng = np.random.default_rng(seed)
    return pd.concat([_one(f"{seed}-{i}", rng) for i in range(groups)], ignore_index=True)


def _one(name: str, rng: np.random.Generator) -> pd.DataFrame:
    rows = int(rng.integers(15, 30))
    pulse, state = np.zeros(rows), np.zeros(rows, dtype=int)
    for i in range(1, rows):
        pulse[i] = 0.9 * pulse[i - 1] + rng.normal()
        state[i] = (state[i - 1] + (rng.random() < 0.3)) % 3
    day = np.cumsum(rng.choice([1, 2, 7], rows))
    return pd.DataFrame(
        {
            "patient": name,
            "day": day,
            "pulse": pulse + 60,
            "state": np.array(["calm", "ill", "well"])[state],
            "sex": rng.choice(["f", "m"]),
        }
    )


def shuffle_within(frame: pd.DataFrame, column: str, seed: int = 0) -> pd.DataFrame:
    """The values of one column of each patient in another order."""
    rng = np.random.default_rng(seed)
    mixed = frame.groupby("patient", sort=False)[column].transform(lambda values: rng.permutation(values.to_numpy()))
    return frame.assign(**{column: mixed})
