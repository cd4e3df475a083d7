"""NeMo's attribute inference protection: three known columns of a training row, and a guess of all others.

What was not taken over is listed in `nemo_privacy`.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.associations import entropy
from ss_ray.evaluation.columns import labels, missing, numbers
from ss_ray.evaluation.privacy.nemo_encoding import Features, attacked_columns, encode, is_number
from ss_ray.evaluation.privacy_tests import NEMO_KNOWN_COLUMNS
from ss_ray.evaluation.scores import Score, to_score
from ss_ray.schema import ColumnSchema, Kind, TableSchema

NEIGHBOURS = 5
MIN_ATTACKED = 200
ATTACKED_SHARE = 0.01
WORST_ACCURACY = 0.7
MAX_COMBINED = 100
"""Columns of which all combinations are listed; of more, neighbouring columns are combined."""
MAX_COMBINATIONS = 200_000
"""Likewise, of which no more are listed."""
Values = NDArray[np.object_] | NDArray[np.float64]


def attribute_score(
    train: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema, known: int = NEMO_KNOWN_COLUMNS
) -> Score:
    """The score of two tables that are not empty, by an attacker who knows so many columns of a row."""
    columns = attacked_columns(schema)
    if len(columns) < 2:
        return Score(value=None, grade=None, reason="with one column there is nothing known to guess from")

    # NeMo's seed and sizes.
    attacked = train.sample(max(int(len(train) * ATTACKED_SHARE), MIN_ATTACKED), random_state=1, replace=True)
    rights = _Attack(attacked, synthetic, columns).run(known)
    weights = _weigh_columns([_measure_entropy(train[c.name]) for c in columns])
    scores = [
        10 * (1 - min(round(float(np.mean(right)), 2) * weight * len(columns), WORST_ACCURACY) / WORST_ACCURACY)
        for right, weight in zip(rights, weights, strict=True)
        if right
    ]
    if not scores:
        return Score(value=None, grade=None, reason="no value could be guessed")

    return to_score(float(np.mean(scores)))


class _Attack:
    """Columns of the attacked and the synthetic rows, encoded once."""

    def __init__(self, attacked: pd.DataFrame, synthetic: pd.DataFrame, columns: tuple[ColumnSchema, ...]) -> None:
        self.columns, self.size = columns, len(attacked)
        both = [pd.concat([attacked[c.name], synthetic[c.name]], ignore_index=True) for c in columns]
        values = [_extract_values(series, c) for series, c in zip(both, columns, strict=True)]
        features = [encode(series, c) for series, c in zip(both, columns, strict=True)]
        self.wanted = [v[: self.size] for v in values]
        self.made = [v[self.size :] for v in values]
        self.queries = [f[: self.size] for f in features]
        self.reference = [f[self.size :] for f in features]
        self.complete = [~missing(v) for v in self.made]

    def run(self, known_columns: int) -> list[list[bool]]:
        """Right and wrong guesses per column."""
        rights: list[list[bool]] = [[] for _ in self.columns]
        combined = _choose_combinations(len(self.columns), known_columns)
        for row in range(self.size):
            known = combined[row % len(combined)]
            near = self._find_neighbours(row, known)
            for column in set(range(len(self.columns))) - set(known) if len(near) else ():
                truth = self.wanted[column][row]
                if not pd.isna(truth):
                    rights[column].append(self._is_right(column, near, truth))

        return rights

    def _find_neighbours(self, row: int, known: tuple[int, ...]) -> NDArray[np.intp]:
        """Positions of the closest synthetic rows that have all known columns; empty if the attacked row lacks one."""
        if any(pd.isna(self.wanted[c][row]) for c in known):
            return np.zeros(0, dtype=np.intp)

        usable = np.flatnonzero(np.logical_and.reduce([self.complete[c] for c in known]))
        parts = [_squared_distances(self.reference[c], self.queries[c][row]) for c in known]
        distance = np.sum(parts, axis=0)[usable]
        size = min(NEIGHBOURS, len(usable))
        if size:
            near = np.argpartition(distance, size - 1)[:size]
        else:
            near = usable[:0]

        return usable[near[np.argsort(distance[near], kind="stable")]]

    def _is_right(self, column: int, near: NDArray[np.intp], truth: float | str) -> bool:
        """Whether the mean (numbers) or the most frequent value (others) of these rows equals the truth."""
        values = self.made[column][near]
        values = values[~missing(values)]
        if not len(values):
            return False
        if not is_number(self.columns[column]):
            return bool(Counter(values).most_common(1)[0][0] == truth)

        allowed = 0.01 * abs(float(truth))
        if self.columns[column].kind is Kind.FLOAT:
            allowed *= 10.0 ** -decimals(float(truth))

        return bool(abs(float(np.mean(values.astype(float))) - float(truth)) <= allowed)


def decimals(value: float) -> int:
    """Digits after the point in the shortest spelling of a number."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    if isinstance(exponent, int):
        return max(-exponent, 0)
    return 0


def _squared_distances(reference: Features, query: Features) -> Features:
    return np.asarray(((reference - query) ** 2).sum(axis=1))


def _choose_combinations(columns: int, known: int) -> list[tuple[int, ...]]:
    size = min(known, columns - 1)
    if columns > MAX_COMBINED or comb(columns, size) > MAX_COMBINATIONS:
        return [tuple(range(i, i + size)) for i in range(columns - size + 1)]

    combined = list(combinations(range(columns), size))
    # NeMo's seed and generator, so that its scores can be compared.
    np.random.RandomState(5).shuffle(combined)
    return combined


def _extract_values(series: pd.Series, column: ColumnSchema) -> Values:
    if is_number(column):
        return numbers(series, column.kind)
    return labels(series)


def _measure_entropy(series: pd.Series) -> float:
    """In nats, of the values that are present, with two decimals."""
    return round(entropy(pd.factorize(series.dropna())[0].astype(np.int64)), 2)


def _weigh_columns(entropies: list[float]) -> NDArray[np.float64]:
    """Shares of the columns in the score: their entropies less the smallest; equal where all are the same."""
    excess = np.array(entropies) - min(entropies)
    if excess.sum():
        return excess / excess.sum()
    return np.full(len(excess), 1 / len(excess))
