"""Does the synthetic table give away training rows? Every number stands beside the same number of unseen real rows.

A synthetic row may equal or resemble a training row by chance, as an unseen real row may. Only what training rows
suffer beyond the holdout counts. Identifiers are left out (they are made afresh), text columns are checked for verbatim
copies only. The distances are averages over samples: they cannot show that no single person is exposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table, prepare, scored_columns
from ss_ray.evaluation.copies import Copies, row_copies, row_keys, text_copies
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.models import auc_std_error, roc_auc
from ss_ray.evaluation.nearest import Neighbours, Points, nearest, to_points
from ss_ray.schema import Kind, TableSchema

MAX_QUERIES = 2000
"""Rows whose nearest record is looked up, per question."""
REFERENCE_FACTOR = 4
"""Reference rows of each table, in multiples of max_rows: the more, the fewer near copies go unseen."""
MIN_ROWS = 20
"""Distinct rows of each table below which distances are not reported."""
TIE = 1e-6
"""Distances that differ by less are equal (they are float32 means over the columns)."""


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """All numbers on resemblance to training rows. Distances are in [0, 1], see `nearest`.

    Attributes:
        copies: Of whole rows first, then of each text column.
        closer_to_train: Share of distinct synthetic rows closer to a training row than to any of equally many holdout
            rows, ties half; an honest generator gives 0.5. With a cluster-robust standard error.
        distance_to_train: Median distance of distinct synthetic rows to the closest training row.
        distance_to_holdout: Median distance of the same rows to the closest of equally many holdout rows.
        distance_of_holdout: Median distance of holdout rows to the closest training row.
        membership_auc: How well the distance to the closest synthetic row tells training from holdout rows; 0.5 is
            not at all.
    """

    copies: tuple[Copies, ...]
    closer_to_train: Metric
    distance_to_train: Metric
    distance_to_holdout: Metric
    distance_of_holdout: Metric
    membership_auc: Metric


def evaluate_privacy(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    *,
    max_rows: int = 5000,
    max_columns: int = 250,
    seed: int = 0,
) -> Privacy:
    """Look for training rows in the synthetic table, by equality and by distance.

    Args:
        train: Real rows that the generator learned from.
        holdout: Real rows that it has not seen; None where there are none.
        synthetic: Generated rows.
        schema: Columns of all three tables.
        max_rows: The nearest of REFERENCE_FACTOR times as many rows of each table is looked up, for MAX_QUERIES rows
            of the other side. Copies are counted over all rows.
        max_columns: Columns sampled.
        seed: Fixes all sampling.
    """
    columns = scored_columns(train, schema, max_columns=max_columns, seed=seed)
    real, made = prepare(train, columns), prepare(synthetic, columns)
    unseen = None if holdout is None else prepare(holdout, columns)
    texts = [
        text_copies(c.name, train[c.name], None if holdout is None else holdout[c.name], synthetic[c.name])
        for c in schema.of_kind(Kind.TEXT)
    ]
    copies = (row_copies(real, unseen, made), *texts)
    if unseen is None:
        return _without_distances(copies, "there is no holdout to compare with")
    return _with_distances(copies, real, unseen, made, max_rows=max_rows, seed=seed)


def _with_distances(
    copies: Sequence[Copies], train: Table, holdout: Table, synthetic: Table, *, max_rows: int, seed: int
) -> Privacy:
    """Privacy with the distances among distinct synthetic rows and equally many training and holdout rows."""
    if not train.columns:
        return _without_distances(copies, "no column can be compared")
    rng = np.random.default_rng([seed, 4])
    distinct = synthetic.take(np.unique(row_keys(synthetic), return_index=True)[1])
    limit = REFERENCE_FACTOR * max_rows
    size = min(train.rows, holdout.rows, limit)
    if min(size, distinct.rows) < MIN_ROWS:
        found = f"training {train.rows}, holdout {holdout.rows}, synthetic {distinct.rows}"
        return _without_distances(copies, f"it needs {MIN_ROWS} distinct rows of each table; there are: {found}")
    drawn = (_draw(train, size, rng), _draw(holdout, size, rng), _draw(distinct, limit, rng))
    real, unseen, made = to_points(train, *drawn)
    queries = made.take(np.arange(min(made.rows, MAX_QUERIES)))
    to_train, to_holdout = nearest(queries, real), nearest(queries, unseen)
    between = nearest(unseen.take(np.arange(min(size, MAX_QUERIES))), real)
    return Privacy(
        copies=tuple(copies),
        closer_to_train=closer_to_train(to_train, to_holdout, seed=seed),
        distance_to_train=_median(to_train, seed),
        distance_to_holdout=_median(to_holdout, seed),
        distance_of_holdout=_median(between, seed),
        membership_auc=membership_auc(real, unseen, made, seed=seed),
    )


def _draw(table: Table, size: int, rng: np.random.Generator) -> Table:
    """At most `size` rows in random order."""
    return table.take(rng.permutation(table.rows)[:size])


def closer_to_train(to_train: Neighbours, to_holdout: Neighbours, *, seed: int) -> Metric:
    """Share of queries closer to their training than to their holdout neighbour, ties half.

    Queries that share a nearest real row are not independent, so the standard error sums their deviations per nearest
    row (cluster-robust, with the usual correction for few clusters).
    """
    difference = to_train.distance - to_holdout.distance
    closer = np.where(np.abs(difference) <= TIE, 0.5, difference < 0)
    share = float(closer.mean())
    nearest_row = np.where(difference <= 0, to_train.index, -1 - to_holdout.index)
    clusters = np.unique(nearest_row, return_inverse=True)[1]
    sums = np.bincount(clusters, weights=closer - share)
    correction = len(sums) / max(len(sums) - 1, 1)
    error = np.sqrt(correction * float((sums**2).sum())) / len(closer)
    return measured(share, len(closer), seed=seed, std_error=float(error))


def membership_auc(train: Points, holdout: Points, synthetic: Points, *, seed: int) -> Metric:
    """AUC of the guess that the real rows closest to a synthetic row were trained on."""
    size = min(train.rows, holdout.rows, MAX_QUERIES)
    members, strangers = (nearest(p.take(np.arange(size)), synthetic).distance for p in (train, holdout))
    auc = roc_auc(np.repeat([True, False], size), -np.concatenate([members, strangers]).astype(np.float64))
    return measured(auc, size, seed=seed, std_error=auc_std_error(auc, size, size))


def _median(neighbours: Neighbours, seed: int) -> Metric:
    distance: NDArray[np.float32] = neighbours.distance
    return measured(float(np.median(distance)), len(distance), seed=seed)


def _without_distances(copies: Sequence[Copies], reason: str) -> Privacy:
    none = unavailable(reason)
    return Privacy(
        copies=tuple(copies),
        closer_to_train=none,
        distance_to_train=none,
        distance_to_holdout=none,
        distance_of_holdout=none,
        membership_auc=none,
    )
