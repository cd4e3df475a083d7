"""Rows as sequences for the evaluation: whose rows belong together, in which order, and which columns count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Ints, ScoredColumn, Table, labels, missing, numbers, prepare
from ss_ray.schema import ORDERED_KINDS, Kind, TableSchema


@dataclass(frozen=True, kw_only=True)
class SequenceColumns:
    """Columns that define sequences of rows; at least one of the two is set.

    Attributes:
        group: Column whose value the rows of one sequence share; None where the whole table is one sequence.
        order: Column that the rows of a sequence ascend by; None where they are in order as they come.
    """

    group: str | None
    order: str | None


@dataclass(frozen=True, kw_only=True)
class SequenceRows:
    """Rows of one table in order, sequence after sequence; sensitive, never leaves the process.

    Attributes:
        table: Scored columns but the two that make the sequences.
        group: (rows,) number of the sequence of each row, ascending from 0.
        places: (rows,) value of the order column, dates in days; None without one that is a number or a date.
        in_order: (sequences,) whether the rows came in ascending order; None where no order column tells.
    """

    table: Table
    group: Ints
    places: NDArray[np.float64] | None
    in_order: NDArray[np.bool_] | None

    @property
    def lengths(self) -> Ints:
        """Rows of each sequence, (sequences,)."""
        if len(self.group):
            return np.bincount(self.group)
        return np.zeros(0, dtype=np.int64)

    def neighbours(self, lag: int = 1) -> Ints:
        """Positions of the rows that have a row of their sequence `lag` rows further on."""
        if lag < len(self.group):
            return np.flatnonzero(self.group[:-lag] == self.group[lag:])
        return np.zeros(0, np.int64)

    def some(self, limit: int, *, seed: int) -> SequenceRows:
        """At most `limit` whole sequences, drawn at random."""
        count = len(self.lengths)
        if count <= limit:
            return self

        chosen = np.random.default_rng([seed, 21]).choice(count, limit, replace=False)
        rows = np.flatnonzero(np.isin(self.group, chosen))
        return SequenceRows(
            table=self.table.take(rows),
            group=np.unique(self.group[rows], return_inverse=True)[1],
            places=None if self.places is None else self.places[rows],
            in_order=None if self.in_order is None else self.in_order[np.sort(chosen)],
        )


def to_sequences(
    frame: pd.DataFrame, schema: TableSchema, by: SequenceColumns, columns: tuple[ScoredColumn, ...]
) -> SequenceRows:
    """The rows of a frame in sequences; rows without a group are left out.

    Args:
        frame: Rows in the order in which they were stored.
        schema: Schema of the frame.
        by: Grouping and order columns of the sequences; both are in the schema.
        columns: Scored columns of the training table.
    """
    if by.group is None:
        group = np.zeros(len(frame), np.int64)
    else:
        group = pd.factorize(labels(frame[by.group]))[0]

    if by.order is None:
        ranks = np.zeros(len(frame))
    else:
        ranks = _order_keys(frame[by.order], schema[by.order].kind)

    # stable: rows that are equal stay as they were.
    rows = np.lexsort((ranks, group))
    rows = rows[group[rows] >= 0]
    kept = tuple(c for c in columns if c.name not in (by.group, by.order))
    is_axis = by.order is not None and schema[by.order].kind in ORDERED_KINDS

    return SequenceRows(
        table=prepare(frame, kept).take(rows),
        group=group[rows].astype(np.int64),
        places=ranks[rows] if is_axis else None,
        in_order=None if by.order is None else _in_order(group, ranks),
    )


def _order_keys(series: pd.Series, kind: Kind) -> NDArray[np.float64]:
    """Numbers that ascend as the values do; NaN, which sorts last, where missing."""
    if kind in ORDERED_KINDS:
        return numbers(series, kind)

    names = labels(series)
    gone = missing(names)
    codes = np.unique(np.where(gone, "", names).astype(str), return_inverse=True)[1].astype(np.float64)

    return np.where(gone, np.nan, codes)


def _in_order(group: Ints, ranks: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(sequences,) whether the places of a sequence never descend; missing places are skipped."""
    known = (group >= 0) & ~np.isnan(ranks)
    rows = np.flatnonzero(known)[np.argsort(group[known], kind="stable")]
    falls = (np.diff(ranks[rows]) < 0) & (np.diff(group[rows]) == 0)
    fallen = np.zeros(int(group.max(initial=-1)) + 1, dtype=bool)
    fallen[group[rows][1:][falls]] = True
    return ~fallen
