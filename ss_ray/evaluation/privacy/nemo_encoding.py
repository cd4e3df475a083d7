"""Columns in the encoding of the NeMo report's attacks: binary digits of category numbers, quantiles of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import QuantileTransformer

from ss_ray.evaluation.columns import labels, numbers
from ss_ray.schema import WHOLE_KINDS, ColumnSchema, Kind, TableSchema

Features = NDArray[np.float32]
QUANTILES = 1000
SUBSAMPLE = 10_000
"""Rows that the quantiles are fitted on; both numbers are scikit-learn's defaults, which NeMo keeps."""


def attacked_columns(schema: TableSchema) -> tuple[ColumnSchema, ...]:
    """All columns but texts."""
    return tuple(c for c in schema.columns if c.kind is not Kind.TEXT)


def is_number(column: ColumnSchema) -> bool:
    """Whether NeMo takes the column for a number: dates and booleans are categories to it."""
    return column.kind in WHOLE_KINDS | {Kind.FLOAT}


def encode(values: pd.Series, column: ColumnSchema) -> Features:
    """Features of one column, (rows, digits or 1), in [0, 1]; missing numbers are 0 before they become quantiles."""
    if not is_number(column):
        return binary_digits(pd.factorize(labels(values), use_na_sentinel=False)[0] + 1)

    known = np.nan_to_num(numbers(values, column.kind), nan=0.0)[:, None]
    transformer = QuantileTransformer(
        n_quantiles=min(QUANTILES, len(known)), subsample=max(SUBSAMPLE, QUANTILES), random_state=0
    )
    return np.asarray(transformer.fit_transform(known), dtype=np.float32)


def binary_digits(codes: NDArray[np.int64]) -> Features:
    """Binary digits of whole numbers from 1, (rows, digits)."""
    digits = np.arange(max(int(codes.max(initial=1)).bit_length(), 1))
    return np.asarray((codes[:, None] >> digits) & 1, dtype=np.float32)
