"""One prediction task: what is predicted, how a model is fitted, and how its predictions are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from ss_ray.evaluation.columns import ScoredColumn, Table, missing
from ss_ray.evaluation.models import encode_labels, fit_classifier, fit_encoder, fit_regressor, frequent_codes, roc_auc

MAX_CLASSES = 20
"""Classes of a classification; further categories become one more class, "other"."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Predict one column from all others.

    Attributes:
        target: Name of the predicted column.
        type: Classification for nominal columns, regression for ordered ones.
        classes: Category -> class number of the most frequent categories; empty in a regression.
    """

    target: str
    type: Literal["classification", "regression"]
    classes: Mapping[str, int]

    @property
    def measure(self) -> str:
        """Name of the score; 1 is best."""
        return "R2" if self.type == "regression" else "ROC-AUC"


def make_task(train: Table, target: ScoredColumn) -> Task:
    """The task to predict a column of the real training table."""
    if not target.nominal:
        return Task(target=target.name, type="regression", classes={})
    classes = frequent_codes(train.values[target.name], MAX_CLASSES)
    return Task(target=target.name, type="classification", classes=classes)


def outcomes(task: Task, table: Table) -> NDArray[np.float64]:
    """What is to be predicted, (rows,): a number or a class number; NaN where the target is missing."""
    values = table.values[task.target]
    if task.type == "regression":
        return np.asarray(values, dtype=np.float64)
    codes = encode_labels(values, task.classes)
    return np.where(np.isnan(codes) & ~missing(values), float(len(task.classes)), codes)


def with_outcome(task: Task, table: Table) -> Table:
    """The rows whose target is not missing."""
    return table.take(np.flatnonzero(~np.isnan(outcomes(task, table))))


def fit_predict(task: Task, train: Table, fit: Table, test: Table, *, seed: int) -> NDArray[np.float64]:
    """Predictions for `test` by a model fitted on `fit`.

    Args:
        task: What to predict; `fit` and `test` have no missing outcome.
        train: Real training rows that fix the encoding of the columns.
        fit: Rows to learn from, real or synthetic; at least one.
        test: Rows to predict.
        seed: Fixes the trees.

    Returns:
        (rows,) predicted numbers, or (rows, classes + 1) class probabilities.
    """
    encoder = fit_encoder(train.without(task.target))
    features, wanted, unseen = encoder.encode(fit), outcomes(task, fit), encoder.encode(test)
    if task.type == "regression":
        return np.asarray(fit_regressor(features, wanted, encoder, seed=seed).predict(unseen))
    probabilities = np.zeros((test.rows, len(task.classes) + 1))
    present = np.unique(wanted).astype(int)
    if len(present) == 1:
        probabilities[:, present] = 1.0
        return probabilities
    model = fit_classifier(features, wanted.astype(np.int64), encoder, seed=seed)
    probabilities[:, present] = model.predict_proba(unseen)
    return probabilities


def score(task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """R2 or macro one-vs-rest ROC-AUC over the classes that occur in `wanted`; NaN where it is not defined."""
    if task.type == "regression":
        return float(r2_score(wanted, predicted)) if len(wanted) > 1 and np.ptp(wanted) > 0 else float("nan")
    classes = np.unique(wanted).astype(int)
    if len(classes) < 2:
        return float("nan")
    if len(classes) == 2 and len(task.classes) == 2:
        return roc_auc(wanted == 1, predicted[:, 1])
    return float(np.mean([roc_auc(wanted == k, predicted[:, k]) for k in classes]))
