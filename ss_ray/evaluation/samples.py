"""The rows that fidelity is measured on: a seeded sample of each table, as frames and as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ss_ray.evaluation.columns import Table, prepare, sample, scored_columns
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits

COMMON_ROWS = 200
"""Holdouts of fewer rows do not limit how many synthetic rows are compared: their own numbers are rough anyway."""
NO_HOLDOUT = "there is no holdout"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Sampled rows of each table; sensitive, never leaves the process.

    Attributes:
        frames: All columns of training, synthetic and holdout rows, in this order.
        real: Scored columns of the training rows.
        made: Sampled synthetic rows.
        unseen: Sampled holdout rows; None where there are none.
        no_holdout: Reason why there are no holdout rows, in words.
        common: Rows at which synthetic and holdout table are compared where more rows would give better numbers.
        seed: Seed of the samples.
    """

    frames: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]
    real: Table
    made: Table
    unseen: Table | None
    no_holdout: str
    common: int
    seed: int

    def of_common_size(self, table: Table) -> Table:
        """At most `common` rows, drawn at random."""
        if table.rows <= self.common:
            return table
        rng = np.random.default_rng([self.seed, 24])
        return table.take(np.sort(rng.choice(table.rows, self.common, replace=False)))


def draw_samples(tables: EvaluationTables, limits: SampleLimits) -> Samples:
    """At most max_rows rows of each table, and of synthetic and holdout rows no more than there are training rows.

    An empty holdout is none.

    Raises:
        DataError: A table lacks a column of the schema.
    """
    seed = limits.seed
    scored = scored_columns(tables.train, tables.schema, max_columns=limits.max_columns, seed=seed)
    size = min(limits.max_rows, len(tables.train), len(tables.synthetic))
    real = sample(tables.train, size, seed=seed)
    made = sample(tables.synthetic, size, seed=seed)
    if tables.holdout is None or not len(tables.holdout):
        unseen = None
    else:
        unseen = sample(tables.holdout, size, seed=seed)

    return Samples(
        frames=(real, made, unseen),
        real=prepare(real, scored),
        made=prepare(made, scored),
        unseen=None if unseen is None else prepare(unseen, scored),
        no_holdout=NO_HOLDOUT if tables.holdout is None else "the holdout has no rows",
        common=min(size, max(len(unseen), COMMON_ROWS)) if unseen is not None else size,
        seed=seed,
    )
