"""One prediction task: its outcome, the fit of a model, and the score of its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from ss_ray.evaluation.columns import ScoredColumn, Table, missing
from ss_ray.evaluation.models import (
    MOST_ROUNDS,
    Encoder,
    encode_labels,
    fit_classifier,
    fit_encoder,
    fit_regressor,
    frequent_codes,
    roc_auc,
)

MAX_CLASSES = 20
"""Classes of a classification; further categories become one more class, "other"."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Prediction of one column from all others.

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
        if self.type == "regression":
            return "R2"
        return "ROC-AUC"


def make_task(train: Table, target: ScoredColumn) -> Task:
    """The task to predict a column of the real training table."""
    if not target.nominal:
        return Task(target=target.name, type="regression", classes={})
    classes = frequent_codes(train.values[target.name], MAX_CLASSES)
    return Task(target=target.name, type="classification", classes=classes)


def outcomes(task: Task, table: Table) -> NDArray[np.float64]:
    """Outcomes to predict, (rows,): a number or a class number; NaN where the target is missing."""
    values = table.values[task.target]
    if task.type == "regression":
        return np.asarray(values, dtype=np.float64)
    codes = encode_labels(values, task.classes)
    return np.where(np.isnan(codes) & ~missing(values), float(len(task.classes)), codes)


def with_outcome(task: Task, table: Table) -> Table:
    """The rows whose target is not missing."""
    return table.take(np.flatnonzero(~np.isnan(outcomes(task, table))))


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted model.

    Attributes:
        task: Predicted column and its kind.
        encoder: Columns -> features.
        estimator: Fitted estimator of scikit-learn; None where only one class was there to learn.
        classes: (classes,) class numbers that it has seen; empty in a regression.
    """

    task: Task
    encoder: Encoder
    estimator: Any | None
    classes: NDArray[np.int64]

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows,) predicted numbers, or (rows, classes of the task + 1) class probabilities."""
        if self.task.type == "regression" and self.estimator is not None:
            return np.asarray(self.estimator.predict(features))

        probabilities = np.zeros((len(features), len(self.task.classes) + 1))
        if self.estimator is None:
            probabilities[:, self.classes] = 1.0
        else:
            probabilities[:, self.classes] = self.estimator.predict_proba(features)

        return probabilities


def fit_model(task: Task, train: Table, fit: Table, *, seed: int, most_rounds: int = MOST_ROUNDS) -> Model:
    """A model fitted on `fit`.

    Args:
        task: Column to predict; `fit` has no missing outcome.
        train: Real training rows that fix the encoding of the columns.
        fit: Rows to learn from, real or synthetic; at least one.
        seed: Seed of the trees.
        most_rounds: Boosting rounds at most.
    """
    encoder = fit_encoder(train.without(task.target))
    features = encoder.encode(fit)
    wanted = outcomes(task, fit)
    if task.type == "regression":
        regressor = fit_regressor(features, wanted, encoder, seed=seed, most_rounds=most_rounds)
        return Model(task=task, encoder=encoder, estimator=regressor, classes=np.zeros(0, dtype=np.int64))

    classes = wanted.astype(np.int64)
    present = np.unique(classes)
    several = len(present) > 1
    if several:
        classifier = fit_classifier(features, classes, encoder, seed=seed, most_rounds=most_rounds)
    else:
        classifier = None

    return Model(task=task, encoder=encoder, estimator=classifier, classes=present)


def fit_predict(
    task: Task, train: Table, fit: Table, test: Table, *, seed: int, most_rounds: int = MOST_ROUNDS
) -> NDArray[np.float64]:
    """Predictions for `test` by `fit_model`, in the form of `Model.predict`."""
    model = fit_model(task, train, fit, seed=seed, most_rounds=most_rounds)
    return model.predict(model.encoder.encode(test))


def score(task: Task, wanted: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """R2 or macro one-vs-rest ROC-AUC over the classes that occur in `wanted`; NaN where it is not defined."""
    if task.type == "regression":
        if len(wanted) > 1 and np.ptp(wanted) > 0:
            return float(r2_score(wanted, predicted))
        return float("nan")

    classes = np.unique(wanted).astype(int)
    if len(classes) < 2:
        return float("nan")
    if len(classes) == 2 and len(task.classes) == 2:
        return roc_auc(wanted == 1, predicted[:, 1])

    return float(np.mean([roc_auc(wanted == k, predicted[:, k]) for k in classes]))
