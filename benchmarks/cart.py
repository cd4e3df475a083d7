"""A synthesizer of trees, as official statistics uses it (CART of synthpop, Nowok et al. 2016): the peer to beat.

    synthetic = synthesize(train, leaf_rows=20, seed=0)

Columns are made one after another: a tree predicts a column from those before it, and the value is that of a training
row in the leaf. It keeps no constraint, and its values are those of training rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_numeric_dtype
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

TIMES = ("date", "datetime", "datetime64", "decimal", "time", "timedelta", "timedelta64")
"""Kinds of values beside numbers that have an order, as pandas calls them."""


def synthesize(train: pd.DataFrame, *, leaf_rows: int, seed: int) -> pd.DataFrame:
    """As many rows as the table has.

    Args:
        train: Table of numbers, dates and texts that repeat.
        leaf_rows: Fewest rows in a leaf.
        seed: Seed of the trees and of the draws.
    """
    rng = np.random.default_rng(seed)
    made = {}
    real = drawn = np.zeros((len(train), 0))

    for name, column in train.items():
        values = column.to_numpy()
        codes = code_column(column)
        if real.shape[1]:
            make = DecisionTreeRegressor if is_ordered(column) else DecisionTreeClassifier
            tree = make(min_samples_leaf=leaf_rows, random_state=seed).fit(real, codes)
            chosen = _draw_from_leaves(tree.apply(real), tree.apply(drawn), rng)
        else:
            chosen = rng.integers(0, len(train), len(train))

        made[name] = values[chosen]
        real, drawn = np.column_stack([real, codes]), np.column_stack([drawn, codes[chosen]])

    return pd.DataFrame(made)


def is_ordered(column: pd.Series) -> bool:
    """Whether the values of a column are more than two numbers or times."""
    is_number = is_numeric_dtype(column) or infer_dtype(column, skipna=True) in TIMES
    return bool(is_number and column.nunique() > 2)


def code_column(column: pd.Series) -> NDArray[np.float64]:
    """(rows,) numbers for the values: themselves, or their place in order; what is missing is below all."""
    if is_ordered(column) and is_numeric_dtype(column):
        numbers = column.astype("float64")
    else:
        numbers = (column if is_ordered(column) else column.astype(str).where(column.notna())).rank(method="dense")

    return np.asarray(numbers.fillna(numbers.min() - 1), np.float64)


def _draw_from_leaves(
    leaves: NDArray[np.int64], wanted: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(rows,) for each wanted leaf the number of a training row in it."""
    order = np.argsort(leaves, kind="stable")
    first = np.searchsorted(leaves[order], wanted, side="left")
    stop = np.searchsorted(leaves[order], wanted, side="right")
    return order[first + (rng.random(len(wanted)) * (stop - first)).astype(int)]
