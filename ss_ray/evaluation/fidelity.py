"""Does the synthetic table look like the real one? Columns one by one, in pairs, and all together.

The NeMo-compatible distances are in `similarity`. Beside them stand numbers that are harder to please: missing rates,
the discriminator, and each number of a fresh real sample (the holdout) as the mark to reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.associations import association_matrix
from ss_ray.evaluation.columns import ScoredColumn, Table, prepare, sample, scored_columns, why_not_scored
from ss_ray.evaluation.discriminator import discriminator_auc
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.similarity import Similarity, column_distance, no_similarity, similarity
from ss_ray.schema import ColumnSchema, Kind, TableSchema

DISCRIMINATOR_ROWS = 10_000
"""Most rows of each side that the discriminator sees."""
MATRIX_COLUMNS = 50
NO_HOLDOUT = "there is no holdout"


@dataclass(frozen=True, kw_only=True)
class ColumnFidelity:
    """One column of the table, scored or not.

    Attributes:
        name: Column name.
        kind: As in the schema.
        distance: Jensen-Shannon distance (base 2) of train and synthetic, 0 (same) to 1 (disjoint).
        missing_real: Share of missing values in the training table, 0 to 1.
        missing_synthetic: Likewise in the synthetic table.
        distinct_real: Distinct values in the training table.
        distinct_synthetic: Distinct values in the synthetic table.
    """

    name: str
    kind: Kind
    distance: Metric
    missing_real: Metric
    missing_synthetic: Metric
    distinct_real: int
    distinct_synthetic: int


@dataclass(frozen=True, kw_only=True)
class Associations:
    """Association matrices (see `associations`), row by row, of the first MATRIX_COLUMNS scored columns."""

    columns: tuple[str, ...]
    real: tuple[tuple[float, ...], ...]
    synthetic: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """All numbers on likeness.

    Attributes:
        columns: Every column of the schema, in order.
        synthetic: Synthetic against training table.
        baseline: Holdout against training table: what a fresh real sample reaches.
        missing_difference: Mean absolute difference of the missing rates, 0 to 1.
        discriminator: AUC of synthetic against real rows; 0.5 is best.
        discriminator_baseline: The same for train against holdout rows.
        discriminator_reference: Which real rows the discriminator saw: "train" only where there is no holdout.
        associations: For the heat maps.
    """

    columns: tuple[ColumnFidelity, ...]
    synthetic: Similarity
    baseline: Similarity
    missing_difference: Metric
    discriminator: Metric
    discriminator_baseline: Metric
    discriminator_reference: Literal["holdout", "train"]
    associations: Associations


def evaluate_fidelity(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    *,
    max_rows: int = 5000,
    max_columns: int = 250,
    seed: int = 0,
) -> Fidelity:
    """Compare synthetic with real rows, column by column, in pairs and as a whole.

    Args:
        train: Real rows that the generator learned from.
        holdout: Real rows that it has not seen; None where there are none.
        synthetic: Generated rows.
        schema: Columns of all three tables.
        max_rows: Rows sampled of each table; the discriminator takes up to DISCRIMINATOR_ROWS.
        max_columns: Columns sampled.
        seed: Fixes all sampling.
    """
    scored = scored_columns(train, schema, max_columns=max_columns, seed=seed)
    size = min(max_rows, len(train), len(synthetic))
    real, made = (prepare(sample(frame, size, seed=seed), scored) for frame in (train, synthetic))
    columns = tuple(_column(train, synthetic, column, real, made, seed=seed) for column in schema.columns)
    associations = association_matrix(real)
    discriminator, floor = _discriminate(train, holdout, synthetic, scored, seed=seed)
    return Fidelity(
        columns=columns,
        synthetic=similarity(real, made, associations, seed=seed),
        baseline=_baseline(real, holdout, associations, size, seed=seed),
        missing_difference=_missing_difference(columns),
        discriminator=discriminator,
        discriminator_baseline=floor,
        discriminator_reference="train" if holdout is None else "holdout",
        associations=_associations(associations, made),
    )


def _column(
    train: pd.DataFrame, synthetic: pd.DataFrame, column: ColumnSchema, real: Table, made: Table, *, seed: int
) -> ColumnFidelity:
    """Distance on the sampled rows; missing and distinct values on all."""
    scored = next((c for c in real.columns if c.name == column.name), None)
    if scored is None:
        distance = unavailable(why_not_scored(train, column) or "it is not among the sampled columns")
    elif not min(real.rows, made.rows):
        distance = unavailable("one of the tables has no rows")
    else:
        value = column_distance(real.values[column.name], made.values[column.name], scored)
        distance = measured(value, min(real.rows, made.rows), seed=seed)
    return ColumnFidelity(
        name=column.name,
        kind=column.kind,
        distance=distance,
        missing_real=_missing_rate(train[column.name]),
        missing_synthetic=_missing_rate(synthetic[column.name]),
        distinct_real=int(train[column.name].nunique()),
        distinct_synthetic=int(synthetic[column.name].nunique()),
    )


def _missing_rate(series: pd.Series) -> Metric:
    return measured(float(series.isna().mean()), len(series)) if len(series) else unavailable("the table has no rows")


def _missing_difference(columns: Sequence[ColumnFidelity]) -> Metric:
    pairs = [(c.missing_real, c.missing_synthetic) for c in columns]
    known = [abs(a.value - b.value) for a, b in pairs if a.value is not None and b.value is not None]
    if not known:
        return unavailable("one of the tables has no rows")
    return measured(float(np.mean(known)), min(min(a.sample_size, b.sample_size) for a, b in pairs))


def _baseline(
    real: Table, holdout: pd.DataFrame | None, associations: NDArray[np.float64], size: int, *, seed: int
) -> Similarity:
    if holdout is None:
        return no_similarity(NO_HOLDOUT)
    return similarity(real, prepare(sample(holdout, size, seed=seed), real.columns), associations, seed=seed)


def _discriminate(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    scored: Sequence[ScoredColumn],
    *,
    seed: int,
) -> tuple[Metric, Metric]:
    """AUC of synthetic against real rows, and of real against real rows."""
    size = DISCRIMINATOR_ROWS
    real, made = (prepare(sample(frame, size, seed=seed), scored) for frame in (train, synthetic))
    if holdout is None:
        return discriminator_auc(real, real, made, max_rows=size, seed=seed), unavailable(NO_HOLDOUT)
    unseen = prepare(sample(holdout, size, seed=seed), scored)
    return (
        discriminator_auc(real, unseen, made, max_rows=size, seed=seed),
        discriminator_auc(real, unseen, real, max_rows=min(size, made.rows), seed=seed),
    )


def _associations(real: NDArray[np.float64], made: Table) -> Associations:
    shown = made.columns[:MATRIX_COLUMNS]
    synthetic = association_matrix(Table(columns=shown, values=made.values, rows=made.rows))
    matrices = [np.round(m[: len(shown), : len(shown)], 4).tolist() for m in (real, synthetic)]
    rows = [tuple(tuple(row) for row in matrix) for matrix in matrices]
    return Associations(columns=tuple(c.name for c in shown), real=rows[0], synthetic=rows[1])
