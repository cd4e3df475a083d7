"""Verbatim copies of training rows, and of training texts, in the synthetic table.

A row that equals a training row is no proof of a leak: in a table of few distinct rows every honest row is a "copy".
So the copies among synthetic rows are tested against the copies among holdout rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import ScoredColumn, Table, Values, labels
from ss_ray.evaluation.metrics import Metric, not_measured, unavailable
from ss_ray.evaluation.significance import rate_p_value, share
from ss_ray.schema import Kind

SIGNIFICANT_DIGITS = 6
"""Digits in which two floating point numbers must agree to be equal."""
OVERLAP_ALPHA = 1e-6
OVERLAP_EXCESS = 0.1
"""Significance and share beyond chance at which a holdout is said to hold training rows."""
NO_COLUMN = "no column can be compared"
Keys = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Copies of training values.

    Attributes:
        column: Text column whose values are compared; None where whole rows are (scored columns).
        synthetic: Share of synthetic rows that equal a training row, 0 to 1.
        holdout: Share of holdout rows that equal a training row: what chance alone gives.
        repeated: Share of training rows that equal another training row: what chance alone gives, without a holdout.
        p_value: Probability of this many copies, or more, if synthetic rows were copies as often as holdout rows;
            without a holdout, as training rows are of each other.
        overlap_p_value: Probability that at least as many holdout rows equal a training row, if they did so as often as
            training rows equal each other.
    """

    column: str | None
    synthetic: Metric
    holdout: Metric
    repeated: Metric
    p_value: Metric
    overlap_p_value: Metric

    @property
    def has_overlap(self) -> bool:
        """Whether the holdout holds training rows: more equal rows than chance explains within the training table."""
        p_value = self.overlap_p_value.value
        # In a large table a tiny difference is significant, so the excess must also be large.
        excess = (self.holdout.value or 0.0) - (self.repeated.value or 0.0)
        return p_value is not None and p_value < OVERLAP_ALPHA and excess > OVERLAP_EXCESS


def no_copies(column: str | None, reason: str) -> Copies:
    """A result without any value."""
    return not_measured(Copies, reason, column=column)


def row_copies(train: Table, holdout: Table | None, synthetic: Table) -> Copies:
    """Copies of whole rows: all scored columns are equal."""
    if not train.columns:
        return no_copies(None, NO_COLUMN)
    unseen = None if holdout is None else row_keys(holdout)
    return count_copies(None, row_keys(train), unseen, row_keys(synthetic))


def text_copies(column: str, train: pd.Series, holdout: pd.Series | None, synthetic: pd.Series) -> Copies:
    """Copies of the texts of one column, without missing texts."""
    unseen = None if holdout is None else text_keys(holdout)
    return count_copies(column, text_keys(train), unseen, text_keys(synthetic))


def count_copies(column: str | None, train: Keys, holdout: Keys | None, synthetic: Keys) -> Copies:
    """Shares of keys that are among the training keys, and a test whether the synthetic share is too high."""
    made = np.isin(synthetic, train)
    again = _find_repeated(train)
    unseen = np.isin(np.empty(0, np.uint64) if holdout is None else holdout, train)
    no_holdout = unavailable("there is no holdout to compare with")
    # Without a holdout, repetitions within the training table stand for chance.
    chance = again if holdout is None else unseen

    return Copies(
        column=column,
        synthetic=share(made),
        holdout=no_holdout if holdout is None else share(unseen),
        repeated=share(again),
        p_value=_p_value(made, chance),
        overlap_p_value=no_holdout if holdout is None else _p_value(unseen, again),
    )


def _p_value(found: NDArray[np.bool_], chance: NDArray[np.bool_]) -> Metric:
    return rate_p_value(int(found.sum()), len(found), int(chance.sum()), len(chance))


def _find_repeated(keys: Keys) -> NDArray[np.bool_]:
    """(keys,) whether each occurs more than once."""
    _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[places] > 1)


def row_keys(table: Table) -> Keys:
    """A 64-bit key per row, equal for equal rows; floats are compared in SIGNIFICANT_DIGITS digits, (rows,)."""
    cells = {str(j): comparable(table.values[c.name], c) for j, c in enumerate(table.columns)}
    return np.asarray(pd.util.hash_pandas_object(pd.DataFrame(cells), index=False), dtype=np.uint64)


def text_keys(series: pd.Series) -> Keys:
    """A 64-bit key per text that is present."""
    return np.asarray(pd.util.hash_array(labels(series.dropna())), dtype=np.uint64)


def comparable_keys(values: Values, column: ScoredColumn) -> Keys:
    """A 64-bit key per cell, equal for equal values, (rows,)."""
    return np.asarray(pd.util.hash_array(comparable(values, column)), dtype=np.uint64)


def comparable(values: Values, column: ScoredColumn) -> Values:
    """Values in a form where copies are equal: floats in SIGNIFICANT_DIGITS digits, all others unchanged."""
    if column.nominal or column.kind is not Kind.FLOAT:
        return values

    # The logarithm of 0 is not finite.
    magnitude = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    unit = 10.0 ** (magnitude - SIGNIFICANT_DIGITS + 1)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        rounded = np.round(values / unit) * unit

    # -0.0 and 0.0 are one.
    return np.where(np.isfinite(rounded), rounded, values) + 0.0
