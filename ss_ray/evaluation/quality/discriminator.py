"""Discriminator: a classifier between synthetic and real rows. Its AUC is the most demanding measure of fidelity.

0.5 means that it cannot, 1.0 that it always can. It sees all columns at once, so it also finds broken dependences,
impossible combinations and wrong rounding, which distances of single columns miss.

Rows of one group, such as the visits of one person, share what they say of the person. A classifier that has learned
from some of them knows the others by it, even if both tables are real. So a group is never learned from and tested on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Ints, Table
from ss_ray.evaluation.metrics import MIN_ROWS, Metric, measured, not_measured, too_small
from ss_ray.evaluation.models import Encoder, auc_std_error, fit_classifier, fit_encoder, roc_auc, roc_points

FOLDS = 3
FOLDS_OF_FEW = 5
FEW = 2000
"""Rows of each side below which more folds are made: every model then learns from more of the rows."""
CURVE_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class RocCurve:
    """A ROC curve from (0, 0) to (1, 1), at most CURVE_POINTS points; empty where there is none.

    Attributes:
        false_positive: Share of real rows that are called synthetic, ascending.
        true_positive: Share of synthetic rows that are called synthetic.
    """

    false_positive: tuple[float, ...] = ()
    true_positive: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Discrimination:
    """Success of a classifier at telling synthetic from real rows, out of fold.

    Attributes:
        auc: In [0, 1], with the standard error of Hanley and McNeil; 0.5 is best.
        curve: ROC curve of the classifier.
    """

    auc: Metric
    curve: RocCurve


def discriminator_auc(train: Table, real: Table, synthetic: Table, *, max_rows: int, seed: int) -> Metric:
    """The AUC of `discriminate`."""
    return discriminate(train, real, synthetic, max_rows=max_rows, seed=seed).auc


def discriminate(train: Table, real: Table, synthetic: Table, *, max_rows: int, seed: int) -> Discrimination:
    """ROC-AUC of a boosted classifier that tells `synthetic` from `real`, out of fold.

    Args:
        train: Real rows that fix the encoding of the columns.
        real: Real rows, ideally ones that the generator has not seen.
        synthetic: Rows to tell from them; real ones for the baseline.
        max_rows: Most rows used of each side; both sides have equally many.
        seed: Seed of sampling, folds and trees.
    """
    n = min(real.rows, synthetic.rows, max_rows)
    if not train.columns:
        return not_measured(Discrimination, "no column can be scored")
    if n < MIN_ROWS:
        return not_measured(Discrimination, too_small({"real": real.rows, "synthetic": synthetic.rows}))

    # Fitted on the training table: it must know neither side better than the other.
    encoder = fit_encoder(train)
    rng = np.random.default_rng([seed, 3])
    drawn = [table.take(rng.permutation(table.rows)[:n]) for table in (real, synthetic)]
    labels = np.repeat([0, 1], n)
    # With more folds, each model learns from more of few rows.
    most = FOLDS_OF_FEW if n < FEW else FOLDS
    folds = [_draw_folds(table, most, rng) for table in drawn]
    if not all(fold.any() for fold in folds):
        return not_measured(Discrimination, "all rows of a table are of one group")

    features = np.vstack([encoder.encode(table) for table in drawn])
    scores = _out_of_fold(features, labels, np.concatenate(folds), encoder, seed=seed)
    auc = roc_auc(labels == 1, scores)
    x, y = roc_points(labels == 1, scores, CURVE_POINTS)

    return Discrimination(
        auc=measured(auc, n, seed=seed, std_error=auc_std_error(auc, *(_count_units(table) for table in drawn))),
        curve=RocCurve(false_positive=tuple(x.round(4).tolist()), true_positive=tuple(y.round(4).tolist())),
    )


def _count_units(table: Table) -> int:
    """Number of groups, or of rows without any: rows of one group say much the same."""
    return table.rows if table.groups is None else len(np.unique(table.groups))


def _draw_folds(table: Table, folds: int, rng: np.random.Generator) -> Ints:
    """(rows,) number of the fold of each row, the same for the rows of a group."""
    groups = np.arange(table.rows) if table.groups is None else np.unique(table.groups, return_inverse=True)[1]
    return (rng.permutation(int(groups.max()) + 1) % folds)[groups]


def _out_of_fold(
    features: NDArray[np.float64], labels: Ints, folds: Ints, encoder: Encoder, *, seed: int
) -> NDArray[np.float64]:
    """Probability of label 1 for each row, from a model that has not seen its fold."""
    scores = np.zeros(len(labels))
    for fold in np.unique(folds):
        test = folds == fold
        model = fit_classifier(features[~test], labels[~test], encoder, seed=seed)
        scores[test] = model.predict_proba(features[test])[:, 1]

    return scores
