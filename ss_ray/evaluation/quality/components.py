"""Real and synthetic rows as points of a plane, for a view of the whole table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table
from ss_ray.evaluation.quality.similarity import principal_components

MAX_POINTS = 1000
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Components:
    """First two principal components, fitted on training rows, of at most MAX_POINTS rows of each table.

    A point of `real` is one training row: internal, as the whole evaluation is.

    Attributes:
        real: Components of the training rows.
        synthetic: Components of the generated rows.
        reason: Why there are no points; None where there are some.
    """

    real: tuple[Point, ...] = ()
    synthetic: tuple[Point, ...] = ()
    reason: str | None = None


def components(train: Table, synthetic: Table, *, seed: int) -> Components:
    """Points of both tables; `seed` draws the rows."""
    if len(train.columns) < 2:
        return Components(reason="there are fewer than two columns to score")
    if not min(train.rows, synthetic.rows):
        return Components(reason="one of the tables has no rows")

    x, y = principal_components(train, synthetic)
    if x.shape[1] < 2:
        return Components(reason="there are too few rows for two components")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Components(reason="the computation gave no finite number")

    rng = np.random.default_rng([seed, 23])
    return Components(real=_sample_points(x, rng), synthetic=_sample_points(y, rng))


def _sample_points(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[Point, ...]:
    shown = values[rng.permutation(len(values))[:MAX_POINTS]]
    return tuple((float(a), float(b)) for a, b in shown.round(4))
