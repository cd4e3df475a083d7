"""Suggested constraints, and the columns in which they are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.config.constraints import (
    ConstraintParameters,
)
from ss_ray.constraints.cells import (
    Mask,
    numbers,
    plain,
)
from ss_ray.schema import TableSchema

MIN_ROWS = 20
MIN_EXPECTED = 20.0
"""Rows that would break a constraint by chance: none of 20 expected ones once in 500 million times."""
SAMPLE_ROWS = 1000

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A constraint that no row breaks.

    Attributes:
        constraint: To be copied into the configuration. A condition holds values of the table, all else only names.
        support: Rows that back it: those that have all the values it compares.
        reason: Why it is suggested, in one line without values.
    """

    constraint: ConstraintParameters
    support: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class CodedColumns:
    """The columns of a table as numbers: what all searches read.

    Attributes:
        schema: Schema of the columns that are searched: equal columns once, and no column without values.
        table: All rows of the table.
        codes: Number of each row's value by column, -1 for missing.
        distinct: Distinct values by column.
        chance: Probability that two rows have the same value, by column.
    """

    schema: TableSchema
    table: pa.Table
    codes: dict[str, Codes]
    distinct: dict[str, int]
    chance: dict[str, float]

    @property
    def num_rows(self) -> int:
        """Rows of the table."""
        return int(self.table.num_rows)

    def present(self, *names: str) -> Mask:
        """(rows,) whether all of these columns have a value."""
        return np.logical_and.reduce([self.codes[name] >= 0 for name in names])

    def complete(self, names: Sequence[str]) -> Mask:
        """(names,) whether each column has a value in all rows."""
        return np.array([self.present(name).all() for name in names], bool)


def chance_of_equal(codes: Codes) -> float:
    """Probability that two rows have the same code."""
    counts = np.bincount(codes + 1)
    return float(((counts / counts.sum()) ** 2).sum())


def sample_numbers(columns: CodedColumns, names: Sequence[str]) -> Floats:
    """(rows, columns) numbers and moments of up to SAMPLE_ROWS rows from all over the table, NaN for missing."""
    # Rows from all over the table: tables are often sorted.
    rows = np.unique(np.linspace(0, columns.num_rows - 1, SAMPLE_ROWS).astype(np.int64))
    some = columns.table.select(names).take(pa.array(rows))
    return np.array([_as_floats(plain(some, name)) for name in names]).reshape(len(names), len(rows)).T


def _as_floats(array: pa.Array) -> Floats:
    missing = array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_temporal(array.type):
        array = array.cast(pa.int64())

    return np.where(missing, np.nan, numbers(array).astype(np.float64))


def without_indirect(holds: Mask, complete: Mask) -> Mask:
    """A relation without what follows from it over a third column that has a value in all rows."""
    steps = holds.astype(np.float32)
    return holds & ~(steps @ (steps * complete[:, None]) > 0)
