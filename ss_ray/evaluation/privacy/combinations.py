"""Replay of combinations: values of several columns that one real row alone has together, and that reappear together.

Seven columns may each be harmless and single a person out together. Which ones a table leaks is not known beforehand,
so they are searched for on one half of the real rows, and tested on the other half, which makes the test honest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Table
from ss_ray.evaluation.metrics import Metric, measured, not_measured
from ss_ray.evaluation.privacy.copies import Keys, comparable_keys
from ss_ray.evaluation.significance import rate_p_value, share

MIN_IDENTIFYING = 20
"""Combinations of one real row, on each side, below which a set of columns is not tested."""
MAX_COLUMNS = 20
"""Columns that are searched, those with the most distinct values that are no key."""
MAX_SIZE = 7
NUM_BEAMS = 3
"""Sets of columns that are made larger at a time."""


@dataclass(frozen=True, kw_only=True)
class Combination:
    """The set of columns whose identifying combinations reappear most.

    Attributes:
        columns: Names of the columns.
        train: Share of the combinations of one training row that reappear, 0 to 1.
        holdout: Share of the combinations of one holdout row that reappear.
        p_value: Probability of such an excess by chance, on rows that the search has not seen, corrected for the
            number of sets that were tested.
    """

    columns: tuple[str, ...]
    train: Metric
    holdout: Metric
    p_value: Metric


def replayed_combination(train: Table, holdout: Table | None, synthetic: Table, *, seed: int) -> Combination:
    """Search for the columns whose combinations reappear more often for training rows than for holdout rows.

    Args:
        train: Rows that the generator learned from.
        holdout: Rows that it has not seen; None where there are none.
        synthetic: Generated rows, in the columns of `train`.
        seed: Seed that divides the rows into halves.
    """
    if holdout is None:
        return not_measured(Combination, "there is no holdout to compare with", columns=())

    search = _Search.of(train, holdout, synthetic, np.random.default_rng([seed, 21]))
    candidates = search.candidates()
    tested = [found for columns in candidates if (found := search.test(columns, len(candidates))) is not None]
    if not tested:
        return not_measured(Combination, f"no columns have {MIN_IDENTIFYING} combinations of one real row", columns=())

    return min(tested, key=lambda found: (found.p_value.value or 0.0, -(found.train.value or 0.0)))


@dataclass(frozen=True)
class _Search:
    """Hashes of the columns, and which real rows are searched.

    Attributes:
        names: Names of the columns.
        keys: (columns, rows) hashes of all rows: training, holdout, synthetic.
        sides: Number of training, holdout and synthetic rows.
        is_searched: (real rows,) whether a row takes part in the search; the others take part in the test.
    """

    names: tuple[str, ...]
    keys: list[Keys]
    sides: tuple[int, int, int]
    is_searched: NDArray[np.bool_]

    @classmethod
    def of(cls, train: Table, holdout: Table, synthetic: Table, rng: np.random.Generator) -> _Search:
        tables = (train, holdout, synthetic)
        keys = [
            np.concatenate([comparable_keys(table.values[column.name], column) for table in tables])
            for column in train.columns
        ]
        num_real = train.rows + holdout.rows
        distinct = np.array([len(np.unique(key[:num_real])) for key in keys])
        # Columns of many values identify most.
        chosen = np.sort(np.argsort(-distinct, kind="stable")[:MAX_COLUMNS])

        return cls(
            names=tuple(train.columns[place].name for place in chosen),
            keys=[keys[place] for place in chosen],
            sides=(train.rows, holdout.rows, synthetic.rows),
            # One half is searched and the other tested, so that the best set is not chosen by the rows that judge it.
            is_searched=rng.random(num_real) < 0.5,
        )

    def candidates(self) -> list[tuple[int, ...]]:
        """The best sets of 2 to MAX_SIZE columns by the excess on the rows that are searched."""
        numbers = range(len(self.names))
        beams: list[tuple[int, ...]] = [(number,) for number in numbers]
        found: list[tuple[int, ...]] = []

        for _ in range(2, min(MAX_SIZE, len(self.names)) + 1):
            larger = {tuple(sorted({*beam, number})) for beam in beams for number in numbers if number not in beam}
            # A beam search: all sets of up to MAX_SIZE columns would be too many.
            beams = sorted(larger, key=lambda columns: (-self._compute_excess(columns), columns))[:NUM_BEAMS]
            found += beams[:1]

        return found

    def _compute_excess(self, columns: Sequence[int]) -> float:
        """Standard errors by which more training combinations reappear, on the rows that are searched."""
        hits, size, chance_hits, chance_size = self._count_matches(columns, self.is_searched)
        if min(size, chance_size) < MIN_IDENTIFYING:
            # Rather those that are nearly enough.
            return min(size, chance_size) / MIN_IDENTIFYING - 2.0

        rate = (hits + chance_hits) / (size + chance_size)
        # The floor keeps rates of 0 and 1 from dividing by zero.
        error = np.sqrt(max(rate * (1 - rate), 1e-9) * (1 / size + 1 / chance_size))
        return float((hits / size - chance_hits / chance_size) / error)

    def test(self, columns: tuple[int, ...], num_tests: int) -> Combination | None:
        """The combination on the rows that were not searched; None where too few are identifying."""
        hits, size, chance_hits, chance_size = self._count_matches(columns, ~self.is_searched)
        if min(size, chance_size) < MIN_IDENTIFYING:
            return None

        p_value = rate_p_value(hits, size, chance_hits, chance_size).value or 0.0
        return Combination(
            columns=tuple(self.names[number] for number in columns),
            train=share(np.arange(size) < hits),
            holdout=share(np.arange(chance_size) < chance_hits),
            p_value=measured(min(1.0, num_tests * p_value), size),
        )

    def _count_matches(self, columns: Sequence[int], rows: NDArray[np.bool_]) -> tuple[int, int, int, int]:
        """Counts of reappearing and of all unique combinations, of the training rows and then of the holdout rows."""
        keys = self.keys[columns[0]].copy()
        for number in columns[1:]:
            # Multiplied by an odd constant, so that the order of the columns matters.
            keys = keys * np.uint64(0x9E3779B97F4A7C15) ^ self.keys[number]

        num_train, num_holdout, _ = self.sides
        real, made = np.split(keys, [num_train + num_holdout])
        _, inverse, counts = np.unique(real, return_inverse=True, return_counts=True)
        is_single = (counts[inverse] == 1) & rows
        hit = np.isin(real, made) & is_single
        of_train = np.arange(len(real)) < num_train

        return (
            int((hit & of_train).sum()),
            int((is_single & of_train).sum()),
            int((hit & ~of_train).sum()),
            int((is_single & ~of_train).sum()),
        )
