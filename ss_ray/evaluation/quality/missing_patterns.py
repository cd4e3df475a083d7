"""Distribution of the patterns of missing columns. Columns that are missing together form a pattern."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.quality.similarity import js_distance

MAX_PATTERNS = 50
"""Patterns that are told apart, the most frequent of the training table; the others are one more."""


def pattern_distance(train: pd.DataFrame, other: pd.DataFrame, *, seed: int) -> Metric:
    """Jensen-Shannon distance (base 2) of the patterns of missing values, 0 (same) to 1 (disjoint).

    Args:
        train: Real rows; all of its columns count, of whatever kind.
        other: Rows with the same columns.
        seed: Seed of the samples.
    """
    if not len(train) or not len(other) or not len(train.columns):
        return unavailable("one of the tables has no cells")

    x = _number_patterns(train)
    y = _number_patterns(other[list(train.columns)])
    names, counts = np.unique(x, return_counts=True)
    known = names[np.argsort(-counts, kind="stable")[:MAX_PATTERNS]]
    counted = [np.append([(part == name).sum() for name in known], (~np.isin(part, known)).sum()) for part in (x, y)]

    return measured(js_distance(*(part.astype(float) for part in counted)), min(len(train), len(other)), seed=seed)


def _number_patterns(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """(rows,) number of each row's combination of missing columns."""
    flags = frame.isna().set_axis(range(frame.shape[1]), axis=1)
    return np.asarray(pd.util.hash_pandas_object(flags, index=False), dtype=np.uint64)
