"""Each column of the table by itself: distribution, missing and distinct values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ss_ray.evaluation.columns import Table, why_not_scored
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.quality.similarity import column_distance
from ss_ray.evaluation.samples import Samples
from ss_ray.schema import ColumnSchema, Kind

GROSS = 0.1
"""Share of a column's cells that may be lost, or missing in one table alone, before quality is capped."""
STANDARD_ERRORS = 3.0


@dataclass(frozen=True, kw_only=True)
class ColumnFidelity:
    """Fidelity of one column, scored or not.

    Attributes:
        name: Name of the column.
        kind: Kind of the column in the schema.
        distance: Jensen-Shannon distance (base 2) of train and synthetic, 0 (same) to 1 (disjoint).
        distance_baseline: Distance of the holdout column to the training column.
        missing_real: Share of missing values in the training table, 0 to 1.
        missing_synthetic: Share of missing cells in the synthetic table.
        missing_holdout: Share of missing cells in the holdout.
        distinct_real: Distinct values in the training table.
        distinct_synthetic: Distinct values in the synthetic table.
    """

    name: str
    kind: Kind
    distance: Metric
    distance_baseline: Metric
    missing_real: Metric
    missing_synthetic: Metric
    missing_holdout: Metric
    distinct_real: int
    distinct_synthetic: int


def column_fidelity(tables: EvaluationTables, column: ColumnSchema, samples: Samples) -> ColumnFidelity:
    """Fidelity of one column: distances on the sampled rows, missing and distinct values on all rows."""
    name = column.name
    train = tables.train
    synthetic = tables.synthetic

    if samples.unseen is None:
        baseline = unavailable(samples.no_holdout)
    else:
        baseline = _measure_distance(train, column, samples.real, samples.unseen, seed=samples.seed)

    if tables.holdout is None:
        missing_holdout = unavailable(samples.no_holdout)
    else:
        missing_holdout = _missing_rate(tables.holdout[name])

    return ColumnFidelity(
        name=name,
        kind=column.kind,
        distance=_measure_distance(train, column, samples.real, samples.made, seed=samples.seed),
        distance_baseline=baseline,
        missing_real=_missing_rate(train[name]),
        missing_synthetic=_missing_rate(synthetic[name]),
        missing_holdout=missing_holdout,
        distinct_real=int(train[name].nunique()),
        distinct_synthetic=int(synthetic[name].nunique()),
    )


def quality_limits(columns: Sequence[ColumnFidelity], lost: Mapping[str, float]) -> tuple[str, ...]:
    """A sentence for each column whose cells are lost or missing as no part of the SQS sees it.

    Args:
        columns: Columns of the synthetic table.
        lost: Column -> share of its synthetic cells that are not of its type.
    """
    return tuple(sentence for column in columns if (sentence := _describe_limit(column, lost.get(column.name, 0.0))))


def _describe_limit(column: ColumnFidelity, lost: float) -> str | None:
    if lost > GROSS:
        return f"{lost:.0%} of the synthetic cells of {column.name!r} are not of its type, and count as missing"

    real = column.missing_real
    made = column.missing_synthetic
    if real.value is None or made.value is None:
        return None

    both = (real.value * real.sample_size + made.value * made.sample_size) / (real.sample_size + made.sample_size)
    noise = (both * (1 - both) * (1 / real.sample_size + 1 / made.sample_size)) ** 0.5
    if abs(made.value - real.value) <= GROSS + STANDARD_ERRORS * noise:
        return None

    return (
        f"{made.value:.0%} of the synthetic cells of {column.name!r} are missing, and {real.value:.0%} of the real ones"
    )


def missing_difference(pairs: Sequence[tuple[Metric, Metric]]) -> Metric:
    """Mean absolute difference of the missing rates of each column in two tables, 0 to 1."""
    known = [abs(a.value - b.value) for a, b in pairs if a.value is not None and b.value is not None]
    if not known:
        lacking = next((m.reason for pair in pairs for m in pair if m.reason is not None), None)
        return unavailable(lacking or "the table has no columns")
    return measured(float(np.mean(known)), min(min(a.sample_size, b.sample_size) for a, b in pairs))


def _measure_distance(train: pd.DataFrame, column: ColumnSchema, real: Table, other: Table, *, seed: int) -> Metric:
    scored = next((c for c in real.columns if c.name == column.name), None)
    if scored is None:
        return unavailable(why_not_scored(train, column) or "it is not among the sampled columns")
    if not min(real.rows, other.rows):
        return unavailable("one of the tables has no rows")

    value = column_distance(real.values[column.name], other.values[column.name], scored)
    return measured(value, min(real.rows, other.rows), seed=seed)


def _missing_rate(series: pd.Series) -> Metric:
    if len(series):
        return measured(float(series.isna().mean()), len(series))
    return unavailable("the table has no rows")
