r"""AIM, a private synthesizer of marginals, the peer of private training; its environment is made by `make env-peers`.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false .venv-aim-peer/bin/python benchmarks/aim.py --data train.csv \
        --out synthetic.csv --epsilon 8 --delta 1e-5 --seed 0

The mechanism is written from the paper (McKenna, Mullins, Sheldon, Miklau, VLDB 2022, arXiv:2201.12677, algorithms 2 to
4); Private-PGM of the package mbi 2.0 fits the model to what was measured. The workload is all pairs of columns, so
single columns and pairs are measured. What differs from the paper: warm-started fits stop when they no longer improve,
and repeated measurements of the same columns are fitted as their mean.

The comparison favours AIM. The values of categories and the bins of numbers are taken from the rows, as is the number
of rows to make, and none of it is paid for with epsilon. A number is drawn uniformly between the ends of its bin. A
missing value is a category. Columns of dates or of free text are categories too, and hardly useful as such.

Prints one JSON line. Those of results/aim.jsonl are of 20,000 rows of Adult, with --model-megabytes 20: the 80 of the
paper take too long on one core.

Keys: epsilon, delta, rounds, train_cpu_seconds, rows_per_cpu_second, peak_memory_mb.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from string import ascii_letters
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from peers import cpu_seconds

Columns = tuple[int, ...]
"""Numbers of the columns of a marginal, in order."""
Table = NDArray[np.float64]
"""Rows in each cell of a marginal, an axis for each column."""
Tables = Mapping[Columns, Table]

NUM_BINS = 32
"""Bins of a column of numbers."""
ROUNDS_PER_COLUMN = 16
"""The paper's T/d: rounds that the budget lasts for, if noise is never lowered."""
MEASURED_SHARE = 0.9
"""The paper's alpha: share of the budget for measurements; the rest is for the choice of what is measured."""
FIT_STEPS = 1000
"""Most steps of a fit."""
FIT_TOLERANCE = 1e-3
"""Relative improvement over 50 steps below which the fit of a round ends."""
LAST_FIT_TOLERANCE = 1e-4
SMALLEST_SHARE = 1e-9
"""Share of the budget that is a rounding error."""
SMALLEST_COUNT = 1e-30
"""Rows below which a cell counts as empty."""


def main() -> None:
    """Parse the command line, learn, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="CSV file of the rows to learn from")
    parser.add_argument("--out", required=True, help="CSV file to write")
    parser.add_argument("--epsilon", type=float, default=8.0)
    parser.add_argument("--delta", type=float, default=1e-5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model-megabytes", type=float, default=80.0, help="largest model, at 8 bytes a cell")
    parser.add_argument("--verbose", action="store_true", help="one line a round, on the standard error")
    asked = parser.parse_args()

    warnings.simplefilter("ignore")
    train = pd.read_csv(asked.data)
    started = cpu_seconds()
    rng = np.random.default_rng(asked.seed)
    coded = [code_column(column) for _, column in train.items()]
    learner = Learner(coded, rho_of(asked.epsilon, asked.delta), asked.model_megabytes, rng, asked.verbose)
    model = learner.learn()
    trained = cpu_seconds()
    synthetic = generate(model, train, coded, rng)
    generated = cpu_seconds()

    synthetic.to_csv(asked.out, index=False)
    print(
        json.dumps(
            {
                "epsilon": asked.epsilon,
                "delta": asked.delta,
                "rounds": learner.rounds,
                "train_cpu_seconds": trained - started,
                "rows_per_cpu_second": len(train) / (generated - trained),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A column as small integers.

    Attributes:
        codes: (rows,) from 0 to size - 1.
        size: Number of values or bins, with the missing value if there is one.
        decode: Function from codes to values, which draws where a code stands for many.
    """

    codes: NDArray[np.int64]
    size: int
    decode: Callable[[NDArray[np.int64], np.random.Generator], Any]


def code_column(column: pd.Series) -> Coded:
    """Bins of a column of numbers, or the values of any other."""
    is_number = is_numeric_dtype(column) and not is_bool_dtype(column)
    return _code_numbers(column) if is_number else _code_categories(column)


def _code_categories(column: pd.Series) -> Coded:
    codes, values = pd.factorize(column, use_na_sentinel=False)

    def decode(drawn: NDArray[np.int64], rng: np.random.Generator) -> Any:
        return values.take(drawn)

    return Coded(codes=codes, size=len(values), decode=decode)


def _code_numbers(column: pd.Series) -> Coded:
    present = column.dropna().to_numpy(np.float64)
    is_whole = bool((present == np.round(present)).all())
    values, counts = np.unique(present, return_counts=True)
    firsts = bin_starts(counts, NUM_BINS)
    lows, highs = values[firsts], values[np.append(firsts[1:], len(values)) - 1]
    codes = np.searchsorted(lows, column.to_numpy(np.float64, na_value=np.inf), side="right") - 1
    codes[column.isna().to_numpy()] = len(lows)

    def decode(drawn: NDArray[np.int64], rng: np.random.Generator) -> Any:
        is_missing = drawn == len(lows)
        known = np.where(is_missing, 0, drawn)
        if not is_whole:
            return np.where(is_missing, np.nan, rng.uniform(lows[known], highs[known]))
        numbers = rng.integers(lows[known].astype(np.int64), highs[known].astype(np.int64), endpoint=True)
        return pd.Series(numbers, dtype="Int64").mask(is_missing)

    return Coded(codes=codes, size=len(lows) + bool(column.isna().any()), decode=decode)


def bin_starts(counts: NDArray[np.int64], num_bins: int) -> NDArray[np.int64]:
    """Where each bin starts among values in order: quantiles, but a frequent value has a bin of its own.

    Args:
        counts: (values,) rows of each value.
        num_bins: Most bins.
    """
    if len(counts) <= num_bins:
        return np.arange(len(counts))

    starts, held, left = [0], 0, int(counts.sum())
    for position, count in enumerate(counts):
        # An even share of the rows that the bins before this one left over.
        share = left / (num_bins - len(starts) + 1)
        if held and len(starts) < num_bins and (held >= share or count >= share):
            starts.append(position)
            left -= held
            held = 0
        held += int(count)

    return np.array(starts)


def rho_of(epsilon: float, delta: float) -> float:
    """Largest rho for which rho-zCDP implies (epsilon, delta).

    Source: Canonne, Kamath, Steinke 2020, arXiv:2004.00010, proposition 12 with corollary 13.
    """
    from scipy.optimize import brentq, minimize_scalar

    def log_delta(rho: float) -> float:
        def bound(log_order: float) -> float:
            above_one = math.exp(log_order)
            order = 1 + above_one
            loss = above_one * (order * rho - epsilon)
            return loss - log_order + order * math.log1p(-1 / order)

        return float(minimize_scalar(bound, bounds=(-10, 15), method="bounded", options={"xatol": 1e-10}).fun)

    return float(brentq(lambda rho: log_delta(rho) - math.log(delta), 1e-9, epsilon + 1, xtol=1e-13))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one round spends.

    Attributes:
        sigma: Standard deviation of the noise of a measurement, in rows.
        epsilon: Parameter of the exponential mechanism that chooses what to measure.
    """

    sigma: float
    epsilon: float

    @property
    def rho(self) -> float:
        """The zCDP of the round: of the choice and of the measurement."""
        return self.epsilon**2 / 8 + 1 / (2 * self.sigma**2)

    @property
    def noise_of_a_cell(self) -> float:
        """Expected absolute value of the noise."""
        return math.sqrt(2 / math.pi) * self.sigma


def budget_of(rho: float, rounds: int = 1) -> Budget:
    """The budget of each of some rounds that together spend rho."""
    return Budget(
        sigma=math.sqrt(rounds / (2 * MEASURED_SHARE * rho)),
        epsilon=math.sqrt(8 * (1 - MEASURED_SHARE) * rho / rounds),
    )


def anneal(budget: Budget) -> Budget:
    """Half the noise: four times the cost."""
    return Budget(sigma=budget.sigma / 2, epsilon=budget.epsilon * 2)


class Learner:
    """AIM on one table.

    Attributes:
        rounds: Marginals chosen and measured, beside the single columns at the start.
    """

    def __init__(
        self, coded: Sequence[Coded], rho: float, model_megabytes: float, rng: np.random.Generator, is_verbose: bool
    ) -> None:
        from mbi import Domain

        self.rounds = 0
        self._rho = rho
        self._model_megabytes = model_megabytes
        self._rng = rng
        self._is_verbose = is_verbose
        # Columns are numbers: their sets have the same order in each process, those of names do not.
        self._domain = Domain(range(len(coded)), [column.size for column in coded])
        self._singles: list[Columns] = [(column,) for column in range(len(coded))]
        self._pairs: list[Columns] = list(combinations(range(len(coded)), 2))
        self._truth = {columns: _count(coded, columns) for columns in (*self._singles, *self._pairs)}
        self._weights = {columns: sum(len({*columns} & {*wanted}) for wanted in self._pairs) for columns in self._truth}
        self._measured: dict[Columns, tuple[Table, float]] = {}

    def learn(self) -> Any:
        """The model, of mbi; all of rho is spent."""
        budget = budget_of(self._rho, ROUNDS_PER_COLUMN * len(self._singles))
        for columns in self._singles:
            self._measure(columns, budget.sigma)
        left = self._rho - len(self._singles) / (2 * budget.sigma**2)
        model = self._fit(None)
        tables = pair_tables(model)

        while left > SMALLEST_SHARE * self._rho:
            # The last round spends what is left.
            budget = budget_of(left) if left <= 2 * budget.rho else budget
            left -= budget.rho
            chosen = self._choose(budget, 1 - left / self._rho, tables)
            self._measure(chosen, budget.sigma)
            before = tables[chosen]
            model = self._fit(model)
            tables = pair_tables(model)
            changed = float(np.abs(tables[chosen] - before).sum())
            self._tell(chosen, budget, 1 - left / self._rho, changed)
            budget = anneal(budget) if changed <= budget.noise_of_a_cell * before.size else budget
            self.rounds += 1

        if left < -SMALLEST_SHARE * self._rho:
            raise AssertionError(f"{-left} of {self._rho} too much was spent")
        return self._fit(model, LAST_FIT_TOLERANCE)

    def _choose(self, budget: Budget, spent: float, tables: Tables) -> Columns:
        """The exponential mechanism: what the model has wrong by more than the noise of measuring it."""
        allowed = self._allowed(self._model_megabytes * spent)
        scores = np.array(
            [
                self._weights[columns]
                * (np.abs(self._truth[columns] - tables[columns]).sum() - budget.noise_of_a_cell * tables[columns].size)
                for columns in allowed
            ]
        )
        sensitivity = max(self._weights[columns] for columns in allowed)
        noise = self._rng.gumbel(size=len(scores))
        return allowed[int(np.argmax(budget.epsilon / (2 * sensitivity) * scores + noise))]

    def _allowed(self, megabytes: float) -> list[Columns]:
        """Marginals with which the model is small enough; those that it has already always are."""
        from mbi.junction_tree import hypothetical_model_size

        return [
            columns
            for columns in self._truth
            if columns in self._measured
            or hypothetical_model_size(self._domain, [*self._measured, columns]) <= megabytes
        ]

    def _measure(self, columns: Columns, sigma: float) -> None:
        """Add noise; what was measured before counts by its precision."""
        noisy = self._truth[columns] + self._rng.normal(scale=sigma, size=self._truth[columns].shape)
        if columns in self._measured:
            earlier, earlier_sigma = self._measured[columns]
            weight, earlier_weight = sigma**-2, earlier_sigma**-2
            noisy = (weight * noisy + earlier_weight * earlier) / (weight + earlier_weight)
            sigma = (weight + earlier_weight) ** -0.5
        self._measured[columns] = noisy, sigma

    def _fit(self, model: Any, tolerance: float = FIT_TOLERANCE) -> Any:
        """The model that Private-PGM fits to all measurements, from an earlier one on."""
        from mbi import LinearMeasurement
        from mbi.estimation import MirrorDescent, minimum_variance_unbiased_total
        from mbi.marginal_loss import from_linear_measurements

        measurements = [
            LinearMeasurement(noisy.astype(np.float32).ravel(), columns, stddev=sigma)
            for columns, (noisy, sigma) in self._measured.items()
        ]
        loss = from_linear_measurements(measurements, self._domain)
        return MirrorDescent().estimate(
            self._domain,
            # Its first step is too careful by far, and is halved where it is not careful enough.
            replace(loss, lipschitz=loss.lipschitz / 10),
            minimum_variance_unbiased_total(measurements),
            iters=FIT_STEPS,
            warm_start=model,
            tol=tolerance,
            patience=1,
        )

    def _tell(self, chosen: Columns, budget: Budget, spent: float, changed: float) -> None:
        if self._is_verbose:
            told = f"{self.rounds} {chosen} sigma {budget.sigma:.2f} spent {spent:.3f} changed {changed:.0f}"
            print(told, f"CPU {cpu_seconds():.0f} s", file=sys.stderr, flush=True)


def generate(model: Any, train: pd.DataFrame, coded: Sequence[Coded], rng: np.random.Generator) -> pd.DataFrame:
    """As many rows as were learned from."""
    # The rows of mbi's models come from numpy's global generator.
    np.random.seed(rng.integers(2**32))
    drawn = model.synthetic_data(len(train)).data
    named = zip(train.columns, coded, strict=True)
    return pd.DataFrame(
        {name: column.decode(drawn[place].astype(np.int64), rng) for place, (name, column) in enumerate(named)}
    )


def _count(coded: Sequence[Coded], columns: Columns) -> Table:
    shape = [coded[column].size for column in columns]
    cells = np.ravel_multi_index([coded[column].codes for column in columns], shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape).astype(np.float64)


def pair_tables(model: Any) -> dict[Columns, Table]:
    """What a model expects for each column and each pair of columns.

    mbi would compile each of them anew for each model; here, what is known of a column is passed along the tree.
    """
    tree = Tree(model)
    tables: dict[Columns, Table] = {}
    for first in model.domain.attributes:
        tables[first,] = tree.within((first,))
        found = dict(tree.tables_with(first))
        for second in model.domain.attributes:
            if second > first:
                independent = np.outer(tables[first,], tree.within((second,))) / float(model.total)
                tables[first, second] = found.get(second, independent)

    return tables


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A clique on the way from a column through the tree.

    Attributes:
        clique: Columns of the clique.
        before: The clique on the way before it; none at the start.
        common: Columns of both, without the column that the way starts from.
        known: Table of the column that the way starts from, and of the common ones.
    """

    clique: Columns
    before: Columns = ()
    common: Columns = ()
    known: Table


class Tree:
    """The junction tree of a model, and what the model expects in each of its cliques."""

    def __init__(self, model: Any) -> None:
        from mbi.junction_tree import make_junction_tree

        self._edges = make_junction_tree(model.domain, model.cliques)[0]
        self._beliefs = tree_beliefs(model, self._edges)
        self._sums: dict[Columns, Table] = {}

    def within(self, columns: Columns) -> Table:
        """Table of columns that are together in a clique, with its axes in their order."""
        if columns not in self._sums:
            clique = self._smallest_with(columns)
            self._sums[columns] = sum_product([(clique, self._beliefs[clique])], columns)
        return self._sums[columns]

    def tables_with(self, first: int) -> Iterator[tuple[int, Table]]:
        """Other column, and the table of the first and of it, for the columns that the tree connects with the first."""
        root = self._smallest_with((first,))
        waiting = [Reached(clique=root, known=self.within((first,)))]
        while waiting:
            reached = waiting.pop()
            for second in {*reached.clique} - {*reached.before, first}:
                yield second, self._join(first, reached, (second,))

            for after in self._edges.neighbors(reached.clique):
                if after != reached.before:
                    common = tuple(sorted({*reached.clique} & {*after} - {first}))
                    known = self._join(first, reached, common)
                    waiting.append(Reached(clique=after, before=reached.clique, common=common, known=known))

    def _join(self, first: int, reached: Reached, columns: Columns) -> Table:
        """Table of a column and of some columns of the clique that was reached from it."""
        if first in reached.clique:
            return self.within((first, *columns))

        given = reached.known / np.maximum(self.within(reached.common), SMALLEST_COUNT)
        union = tuple(sorted({*reached.common, *columns}))
        return sum_product([((first, *reached.common), given), (union, self.within(union))], (first, *columns))

    def _smallest_with(self, columns: Columns) -> Columns:
        """The clique with the fewest cells that has some columns."""
        cliques = [clique for clique in self._beliefs if {*columns} <= {*clique}]
        return min(cliques, key=lambda clique: self._beliefs[clique].size)


def tree_beliefs(model: Any, edges: Any) -> dict[Columns, Table]:
    """What a model expects in each clique of its tree: two messages over each edge, as logarithms."""
    from mbi.junction_tree import message_passing_order
    from scipy.special import logsumexp

    beliefs = {clique: np.zeros([model.domain[column] for column in clique]) for clique in edges.nodes}
    for columns in model.cliques:
        clique = min((clique for clique in beliefs if {*columns} <= {*clique}), key=lambda clique: beliefs[clique].size)
        beliefs[clique] += _broadcast(np.asarray(model.potentials[columns].values, np.float64), columns, clique)

    messages: dict[tuple[Columns, Columns], Table] = {}
    for sender, receiver in message_passing_order(edges):
        common = tuple(column for column in sender if column in receiver)
        others = tuple(axis for axis, column in enumerate(sender) if column not in receiver)
        # A clique does not hear again what it told.
        message = logsumexp(beliefs[sender], axis=others) - messages.get((receiver, sender), 0.0)
        beliefs[receiver] += _broadcast(message, common, receiver)
        messages[sender, receiver] = message

    return {clique: float(model.total) * np.exp(belief - logsumexp(belief)) for clique, belief in beliefs.items()}


def _broadcast(values: Table, columns: Columns, clique: Columns) -> Table:
    """The same table with an axis of length one for each column of a clique that it has not; both are in order."""
    lengths = dict(zip(columns, values.shape, strict=True))
    return values.reshape([lengths.get(column, 1) for column in clique])


def sum_product(tables: Sequence[tuple[Columns, Table]], kept: Columns) -> Table:
    """Product of tables, each with the columns of its axes, summed over the columns that are not kept."""
    letters = {
        column: ascii_letters[place] for place, column in enumerate({c for columns, _ in tables for c in columns})
    }
    *factors, result = ["".join(letters[column] for column in columns) for columns in (*(c for c, _ in tables), kept)]
    return np.asarray(np.einsum(f"{','.join(factors)}->{result}", *(table for _, table in tables)))


if __name__ == "__main__":
    main()
