"""Agreement of two rows in bits, and the search for pairs of rows that are worth a comparison.

A shared value that one real row in a thousand has is worth 10 bits; a number that is nearer than all but 1 % of the
real rows is worth 6.6. Columns are taken for independent, so bits of related columns add up to too much: they are
compared with the bits of other pairs, and never read as probabilities. Pairs are found by blocks of columns that
agree, so that large tables need no comparison of all rows with all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Ints, ScoredColumn, Table
from ss_ray.evaluation.privacy.copies import comparable

NUM_BLOCKS = 4
"""Blocks into which the columns are dealt; a copy of which fewer cells were changed agrees in one of them entirely."""
COARSE_BINS = 32
"""Quantile bins of numbers in the blocks that find jittered copies."""
MAX_BUCKET = 40
"""Training rows that may share the values of a block; combinations of more rows are common, and tell nothing."""
MAX_PAIRS = 4_000_000
"""Pairs that are compared at most."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RowPairs:
    """Pairs of a row and a training row, as positions in the concatenated tables, (pairs,) each."""

    query: Ints
    target: Ints

    def where(self, kept: NDArray[np.bool_]) -> RowPairs:
        """The pairs at some places."""
        return RowPairs(self.query[kept], self.target[kept])


@dataclass(frozen=True)
class Space:
    """Rows of the concatenated training, holdout and synthetic tables, column by column.

    Attributes:
        columns: Scored columns of the tables.
        codes: (columns, rows) codes of equal values; missing values are equal.
        quantiles: (rows,) place of each value of an ordered column among the real ones, 0 to 1, NaN where missing;
            None for nominal columns.
        bits: (columns, rows) what a value is worth: minus the binary logarithm of its share of the real rows.
        num_real: Number of real rows, training and holdout together.
    """

    columns: tuple[ScoredColumn, ...]
    codes: list[Ints]
    quantiles: list[Floats | None]
    bits: list[Floats]
    num_real: int

    @classmethod
    def of(cls, train: Table, holdout: Table, synthetic: Table) -> Space:
        """The rows of three tables with the same columns."""
        num_real = train.rows + holdout.rows
        codes: list[Ints] = []
        quantiles: list[Floats | None] = []
        bits: list[Floats] = []

        for column in train.columns:
            values = np.concatenate([table.values[column.name] for table in (train, holdout, synthetic)])
            code = pd.factorize(comparable(values, column), use_na_sentinel=False)[0].astype(np.int64)
            # Bits count how rare a value is among real rows; synthetic rows do not make it more common.
            counts = np.bincount(code[:num_real], minlength=int(code.max(initial=0)) + 1)
            codes.append(code)
            bits.append(-np.log2(np.maximum(counts, 1) / num_real)[code])
            quantiles.append(None if column.nominal else _rank_values(values.astype(np.float64), num_real))

        return cls(train.columns, codes, quantiles, bits, num_real)

    def agreement(self, pairs: RowPairs) -> Floats:
        """(pairs,) bits."""
        total = np.zeros(len(pairs.query))
        for column in range(len(self.columns)):
            total += self._agreement_of(column, pairs.query, pairs.target)
        return total

    def agreements(self, queries: Ints, targets: Ints) -> Floats:
        """(targets, queries) bits of all pairs."""
        total = np.zeros((len(targets), len(queries)), np.float32)
        for column in range(len(self.columns)):
            total += self._agreement_of(column, queries[None, :], targets[:, None])
        return total.astype(np.float64)

    def _agreement_of(self, column: int, query: Ints, target: Ints) -> Floats:
        worth = self.bits[column][target]
        equal = self.codes[column][query] == self.codes[column][target]
        quantiles = self.quantiles[column]
        if quantiles is None:
            return np.where(equal, worth, 0.0)

        distance = np.abs(quantiles[query] - quantiles[target])
        # A number that is nearer than all but 1 % of the real rows is worth log2(100) bits.
        near = -np.log2(np.clip(2 * distance + 1 / self.num_real, None, 1.0))
        return np.where(equal, worth, np.minimum(np.nan_to_num(near, nan=0.0), worth))

    def equal_cells(self, pairs: RowPairs) -> Ints:
        """(pairs,) number of columns in which the two rows are equal."""
        return np.sum([code[pairs.query] == code[pairs.target] for code in self.codes], axis=0).astype(np.int64)

    def block_keys(self) -> Iterator[NDArray[np.uint64]]:
        """(rows,) hashes of the exact and the coarse values of blocks of columns."""
        entropy = [float(bits[: self.num_real].mean()) for bits in self.bits]
        # Dealt by entropy, each block gets columns that tell rows apart.
        order = np.argsort(entropy)[::-1]
        coarse = [self._bin_column(column) for column in range(len(self.columns))]
        num_blocks = min(NUM_BLOCKS, len(order))

        for cells in (self.codes, coarse):
            # Columns are dealt twice in different orders, so that changed cells rarely hit every block.
            for dealt in (order, np.roll(order, 1)[::-1]):
                for block in range(num_blocks):
                    frame = pd.DataFrame({str(column): cells[column] for column in dealt[block::num_blocks]})
                    yield np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)

    def _bin_column(self, column: int) -> Ints:
        quantiles = self.quantiles[column]
        if quantiles is None:
            return self.codes[column]
        return np.nan_to_num(quantiles * COARSE_BINS, nan=-1.0).astype(np.int64)


def _rank_values(values: Floats, num_real: int) -> Floats:
    """Mid-rank of each value among the real values, 0 to 1; NaN where missing."""
    real = values[:num_real]
    known = np.sort(real[~np.isnan(real)])
    places = (np.searchsorted(known, values) + np.searchsorted(known, values, "right")) / 2
    return np.where(np.isnan(values), np.nan, places / max(1, len(known)))


def find_pairs(space: Space, queries: Ints, num_train: int) -> RowPairs:
    """Pairs of a query and another training row that agree in a whole block of columns that few rows share."""
    found: list[Ints] = []
    for keys in space.block_keys():
        train = pd.DataFrame({"key": keys[:num_train], "target": np.arange(num_train)})
        sizes = train.groupby("key")["target"].transform("size")
        wanted = pd.DataFrame({"key": keys[queries], "query": queries})
        # Combinations that many rows share are common, and tell nothing.
        pairs = wanted.merge(train[sizes <= MAX_BUCKET], on="key")
        found.append((pairs["query"] * num_train + pairs["target"]).to_numpy(np.int64))

    every, num_blocks = np.unique(np.concatenate(found), return_counts=True)
    # Rather those that agree in several blocks.
    if len(every) > MAX_PAIRS:
        every = every[np.argsort(-num_blocks, kind="stable")[:MAX_PAIRS]]

    query = every // num_train
    target = every % num_train
    return RowPairs(query, target).where(query != target)
