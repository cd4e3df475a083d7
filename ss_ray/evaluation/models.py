"""The learner behind discriminator and utility: gradient boosting on one fixed encoding of the real training table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ss_ray.evaluation.columns import ScoredColumn, Table, Values

MAX_CATEGORIES = 200
"""Categories a tree may tell apart per column; the trees take at most 255."""
FEWEST_ROUNDS = 20
FEWEST_CLASS_ROUNDS = 10
"""Of a classifier of many classes, each of which takes a tree a round."""
MOST_ROUNDS = 60
LEAVES = 15
"""Of a tree. More leaves and rounds take three times as long, and tell no more of small differences of tables."""
FEW_LEAVES = 8
"""Of a tree of a model of FEWEST_ROUNDS at most, which learns from few rows or has many trees a round."""
FULL_LEAF = 20
ROWS_OF_CATEGORIES = 200
"""Rows from which categories are split as such; in fewer rows, by the ranks of their frequencies."""
SMALLEST_LEAF = 3
"""Rows of a leaf at least, where there are so few rows that full leaves would be too large."""
LEARNED = 9.0
"""Rounds times learning rate, which is at most FASTEST: fewer rounds take larger steps."""
FASTEST = 0.2
CLASS_RATE = 0.1
"""Learning rate for three classes and more: larger steps overshoot on rare classes."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Table -> feature matrix; fitted once, on real training rows.

    Attributes:
        columns: One feature each.
        codes: Nominal column -> category -> code, the most frequent first. Other categories become NaN.
    """

    columns: tuple[ScoredColumn, ...]
    codes: Mapping[str, Mapping[str, int]]

    @property
    def categorical(self) -> list[bool]:
        """Whether each feature is a category code."""
        return [c.nominal for c in self.columns]

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Features, shape (rows, columns), NaN for missing values and categories that are not in `codes`."""
        features = np.full((table.rows, len(self.columns)), np.nan)
        for j, column in enumerate(self.columns):
            values = table.values[column.name]
            if column.nominal:
                features[:, j] = encode_labels(values, self.codes[column.name])
            else:
                features[:, j] = values

        return features


def fit_encoder(train: Table) -> Encoder:
    """An encoder of the columns of this table."""
    codes = {c.name: frequent_codes(train.values[c.name], MAX_CATEGORIES) for c in train.columns if c.nominal}
    return Encoder(columns=train.columns, codes=codes)


def frequent_codes(values: Values, limit: int) -> dict[str, int]:
    """Codes 0, 1, ... of the `limit` most frequent categories; ties in alphabetical order."""
    names, counts = np.unique(np.array([v for v in values if v is not None], dtype=str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:limit]
    return {str(names[i]): code for code, i in enumerate(order)}


def encode_labels(values: Values, codes: Mapping[str, int]) -> NDArray[np.float64]:
    """Codes of category labels, NaN where missing or unknown."""
    places = pd.Index(list(codes), dtype=object).get_indexer(
        pd.Index(values, dtype=object)
    )  # -1 picks the NaN at the end
    return np.array([*codes.values(), np.nan], dtype=np.float64)[places]


def fit_classifier(
    features: NDArray[np.float64],
    classes: NDArray[np.int64],
    encoder: Encoder,
    *,
    seed: int,
    most_rounds: int = MOST_ROUNDS,
) -> HistGradientBoostingClassifier:
    """Fit a boosted classifier; many classes get fewer rounds, because each class takes a tree per round."""
    rounds = max(
        FEWEST_CLASS_ROUNDS, min(_limit_rounds(features, most_rounds), 2 * most_rounds // len(np.unique(classes)))
    )
    settings = _make_settings(encoder, rounds, len(features), seed)
    # Larger steps overshoot on rare classes.
    if len(np.unique(classes)) > 2:
        settings["learning_rate"] = CLASS_RATE

    model = HistGradientBoostingClassifier(**settings)
    return model.fit(_without_empty(features), classes)


def fit_regressor(
    features: NDArray[np.float64],
    values: NDArray[np.float64],
    encoder: Encoder,
    *,
    seed: int,
    most_rounds: int = MOST_ROUNDS,
) -> HistGradientBoostingRegressor:
    """A boosted regressor."""
    model = HistGradientBoostingRegressor(
        **_make_settings(encoder, _limit_rounds(features, most_rounds), len(features), seed)
    )
    return model.fit(_without_empty(features), values)


def _make_settings(encoder: Encoder, rounds: int, rows: int, seed: int) -> dict[str, Any]:
    return {
        # The trees look at no category of less than ten rows; as ranks, all are looked at.
        "categorical_features": encoder.categorical if rows >= ROWS_OF_CATEGORIES else None,
        "max_iter": rounds,
        "learning_rate": min(FASTEST, LEARNED / rounds),
        "max_leaf_nodes": LEAVES if rounds > FEWEST_ROUNDS else FEW_LEAVES,
        # With fewer than two full leaves nothing is ever split, and any table would look like any other.
        "min_samples_leaf": min(FULL_LEAF, max(SMALLEST_LEAF, rows // LEAVES)),
        # Early stopping would set rows aside, and make small tables incomparable.
        "early_stopping": False,
        "random_state": seed,
    }


def _limit_rounds(features: NDArray[np.float64], most: int) -> int:
    """Boosting rounds: small tables have no use for many."""
    return max(FEWEST_ROUNDS, min(most, len(features) // 10))


def _without_empty(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features with a constant in the columns without any value, which the binning of scikit-learn 1.9 refuses."""
    return np.where(np.isnan(features).all(axis=0), 0.0, features)


def roc_auc(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Probability that a positive scores above a negative, ties half; NaN if either class is empty."""
    n_positive = int(positive.sum())
    n_negative = int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")

    # The rank sum of Mann and Whitney, which counts ties half.
    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def roc_points(
    positive: NDArray[np.bool_], score: NDArray[np.float64], limit: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates of at most `limit` thresholds, from (0, 0) to (1, 1); both sides have rows."""
    order = np.argsort(-score, kind="stable")
    # Equal scores are one threshold.
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    shown = last[np.unique(np.linspace(0, len(last) - 1, limit - 1).round().astype(int))]
    hits = positive[order]
    rates = [np.append(0.0, side.cumsum()[shown] / side.sum()) for side in (~hits, hits)]

    return rates[0], rates[1]


def auc_std_error(auc: float, n_positive: int, n_negative: int) -> float:
    """Standard error of an area under the ROC curve.

    Source: Hanley & McNeil 1982, Radiology 143(1), equation 1.
    """
    q1 = auc / (2 - auc)
    q2 = 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_positive - 1) * (q1 - auc**2) + (n_negative - 1) * (q2 - auc**2)
    return float(np.sqrt(max(variance, 0.0) / (n_positive * n_negative)))
