"""Texts that fit their rows: what the words of real texts say of the other columns, and how generated texts find rows.

    matcher = fit_matcher(rows, texts=("review",), shown=("rating", "class"), seed=1)
    matcher.match(generated, seed=2)     # the same rows and the same texts; some texts have changed places

A model that writes a text of thirty words may lose what its rating is. Classifiers of the columns by the words of the
text, fitted on real rows, say how well each pair of a row and a text goes together. Pairs of generated rows exchange
their texts where both go together better afterwards, until the texts say so much of their rows that somebody who
learns from them learns nearly as much as from real ones. Every text stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ss_ray.codec.prose import count_words
from ss_ray.location import Location
from ss_ray.training.arrays import load_named_arrays, save_named_arrays
from ss_ray.training.text_features import TextFeatures, fit_features

MATCHER_FILE = "matching.npz"
MAX_ROWS = 5_000
"""Rows that the classifiers are fitted on at most."""
MIN_ROWS = 100
"""Rows that they need: fewer tell nothing that holds for other rows."""
BINS = 4
"""Classes of a column with numbers or dates, of equally many rows each."""
MAX_CLASSES = 24
"""Values of a category at most: the words of few texts tell nothing of a rare one."""
MAX_COLUMNS = 8
"""Columns that are looked at, those of which the texts tell most."""
MIN_GAIN = 0.02
"""Nats by which a text must tell of a column on held-out rows."""
TAUGHT = 1.5
"""Nats that texts must tell of a column, in multiples of what real ones tell the classifier on held-out rows.

The classifier knows less than real texts tell. Texts that tell only as much by its measure would teach another one less
than real texts do.
"""
HELD_OUT = 0.25
"""Share of the rows that tell how much texts say of rows that they were not fitted on."""
MIN_CLASS_ROWS = 5
"""Rows of a class that is learned."""
UNSEEN = -20.0
"""Score of a class that no real row has: it goes together with no text."""
PENALTIES = (0.25, 2.0)
"""Strengths of the penalty on the weights that are tried; the one is kept that tells most on held-out rows."""
MAX_ITERATIONS = 100
MIN_STATED = 0.01
"""Share of the texts that state a cell of their rows, beside what they state by chance."""
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<!\d)\d{2,}(?!\d)")
SWEEPS = 60
"""Rounds of exchanges at most."""
NEIGHBOURS = 64
"""Places between two texts, in the order of their lengths, that change places at most."""


@dataclass(frozen=True, kw_only=True)
class ColumnReader:
    """What the words of a text say of a column.

    Attributes:
        name: Name of the column.
        values: Values of the column as text, one class each; () where it is cut into bins.
        edges: Inner edges of the bins, ascending; () where it has values.
        weights: Weights of the features of texts, (classes, features) float32.
        intercepts: Scores of the classes without any feature, (classes,) float32.
        target: Mean logarithm of the probability that texts must give to the class of their row.
    """

    name: str
    values: tuple[str, ...]
    edges: tuple[float, ...]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    target: float

    def classes(self, table: pa.Table) -> NDArray[np.int64]:
        """(rows,) class of each row; the last one is that of missing and unknown values."""
        return _classes_of(table.column(self.name), self.values, self.edges)

    def log_likelihoods(self, measured: Any) -> NDArray[np.float64]:
        """(texts, classes) logarithm of the probability of each class, given the features of the texts."""
        scores = np.asarray(measured @ self.weights.T, dtype=np.float64) + self.intercepts
        scores -= scores.max(axis=1, keepdims=True)
        likelihoods: NDArray[np.float64] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return likelihoods


@dataclass(frozen=True, kw_only=True)
class TextMatcher:
    """Brings generated texts to rows that they go together with.

    Attributes:
        texts: Names of the columns with texts, which move together.
        features: Features of texts that the classifiers look at.
        readers: Classifiers of the other columns.
    """

    texts: tuple[str, ...]
    features: TextFeatures
    readers: tuple[ColumnReader, ...]

    def match(self, table: pa.Table, seed: Sequence[int]) -> pa.Table:
        """The rows, some of which have exchanged their texts.

        Args:
            table: Generated rows with their texts.
            seed: Numbers that the choice of pairs follows from.
        """
        if table.num_rows < 2:
            return table

        texts = join_texts(table, self.texts)
        numbers = _own_numbers(table)
        measured = self.features.measure(texts)
        fits = [
            _Fit(told=reader.log_likelihoods(measured), classes=reader.classes(table), target=reader.target)
            for reader in self.readers
        ]
        # A text that states a number of its row belongs there.
        is_free = ~np.array([bool(stated & own) for stated, own in zip(map(_numbers_in, texts), numbers, strict=True)])
        owners = _exchange_texts(fits, _by_length(table, self.texts, is_free), np.random.default_rng(list(seed)))
        moved = table.select(self.texts).take(owners)
        for name in self.texts:
            table = table.set_column(table.column_names.index(name), name, moved.column(name))

        return table

    def save(self, file: Location) -> None:
        """Write the matcher into one file."""
        arrays: dict[str, NDArray[Any]] = {f"weights{i}": reader.weights for i, reader in enumerate(self.readers)}
        arrays |= {f"intercepts{i}": reader.intercepts for i, reader in enumerate(self.readers)}
        arrays |= {"kept": self.features.kept, "feature_weights": self.features.weights}
        facts = [[r.name, r.values, r.edges, r.target] for r in self.readers]
        save_named_arrays([self.texts, facts], arrays, file)


def load_matcher(file: Location) -> TextMatcher | None:
    """The matcher that was written into a file; None where there is no file."""
    if not file.exists():
        return None

    (texts, facts), arrays = load_named_arrays(file)
    readers = (
        ColumnReader(
            name=name,
            values=tuple(values),
            edges=tuple(edges),
            weights=arrays[f"weights{i}"],
            intercepts=arrays[f"intercepts{i}"],
            target=target,
        )
        for i, (name, values, edges, target) in enumerate(facts)
    )
    features = TextFeatures(kept=arrays["kept"], weights=arrays["feature_weights"])
    return TextMatcher(texts=tuple(texts), features=features, readers=tuple(readers))


def fit_matcher(rows: pa.Table, texts: Sequence[str], shown: Sequence[str], *, seed: int) -> TextMatcher | None:
    """The matcher of a table; None where its texts tell nothing of its columns.

    Args:
        rows: Real rows, in which no row is repeated.
        texts: Names of the columns with texts.
        shown: Names of the other columns that a text may tell of.
        seed: Seed of the choice of the rows.
    """
    present = [pc.is_valid(rows.column(name)) for name in texts]
    rows = rows.filter(reduce(pc.or_, present))
    if rows.num_rows > MAX_ROWS:
        rows = rows.take(np.sort(np.random.default_rng(seed).choice(rows.num_rows, MAX_ROWS, replace=False)))
    if rows.num_rows < MIN_ROWS:
        return None

    fitted = fit_features(join_texts(rows, texts))
    if fitted is None:
        return None

    features, measured = fitted
    is_held_out = np.random.default_rng(seed).random(rows.num_rows) < HELD_OUT
    found = [_fit_reader(rows.column(name), name, measured, is_held_out) for name in shown]
    told = sorted((pair for pair in found if pair is not None), key=lambda pair: -pair[0])[:MAX_COLUMNS]
    if not told:
        return None

    return TextMatcher(texts=tuple(texts), features=features, readers=tuple(reader for _, reader in told))


def told_columns(rows: pa.Table, texts: Sequence[str], shown: Sequence[str], matcher: TextMatcher | None) -> list[str]:
    """Columns of which the texts tell something, the one of which they tell most at the end; all if of none.

    Args:
        rows: Real rows of the table.
        texts: Names of the columns with texts.
        shown: Names of the other columns that a text may tell of.
        matcher: Matcher of these rows.
    """
    told = [reader.name for reader in reversed(matcher.readers)] if matcher else []
    some = rows.slice(0, MAX_ROWS)
    words = [set(_WORD.findall(text.lower())) for text in join_texts(some, texts)]
    stated = [name for name in shown if name not in told and _is_stated(some.column(name), words)]
    return [*stated, *told] or list(shown)


def _is_stated(column: pa.ChunkedArray, words: Sequence[set[str]]) -> bool:
    """Whether texts have the words of their rows' cells more often than those of the rows before."""
    cells = [set(_WORD.findall(str(cell).lower())) if cell is not None else set() for cell in column.to_pylist()]
    own, other = (
        sum(bool(cell) and cell <= text for cell, text in zip(cells, shifted, strict=True))
        for shifted in (words, [*words[1:], *words[:1]])
    )
    return own - other > MIN_STATED * len(cells)


def join_texts(table: pa.Table, texts: Sequence[str]) -> list[str]:
    """The texts of each row as one."""
    columns = [table.column(name).to_pylist() for name in texts]
    return [" ".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _fit_reader(
    column: pa.ChunkedArray, name: str, measured: Any, is_held_out: NDArray[np.bool_]
) -> tuple[float, ColumnReader] | None:
    """A column's classifier, with the nats that it gains on held-out rows; None where it gains none."""
    from sklearn.linear_model import LogisticRegression

    values, edges = _choose_classes(column)
    classes = _classes_of(column, values, edges)
    known, counts = np.unique(classes[~is_held_out], return_counts=True)
    known = known[counts >= MIN_CLASS_ROWS]
    if len(known) < 2:
        return None

    fitted = ~is_held_out & np.isin(classes, known)
    tested = is_held_out & np.isin(classes, known)
    places = np.searchsorted(known, classes[tested])
    candidates = []
    for strength in PENALTIES:
        model = LogisticRegression(C=1 / strength, max_iter=MAX_ITERATIONS, tol=1e-3)
        told = model.fit(measured[fitted], classes[fitted]).predict_log_proba(measured[tested])
        candidates.append((float(told[np.arange(len(places)), places].mean()), model))

    reached, model = max(candidates, key=lambda candidate: candidate[0])
    shares = np.bincount(np.searchsorted(known, classes[fitted])) / fitted.sum()
    # What is known of the column without any text.
    base = float(np.log(shares)[places].mean())
    gain = reached - base
    if gain < MIN_GAIN:
        return None

    return gain, _reader_of(model, name, values, edges, target=min(0.0, base + TAUGHT * gain))


def _reader_of(model: Any, name: str, values: tuple[str, ...], edges: tuple[float, ...], target: float) -> ColumnReader:
    """The classifier with weights for every class, also for those that no row has."""
    number = (len(values) if values else len(edges) + 1) + 1
    weights = np.zeros((number, model.coef_.shape[1]), np.float32)
    intercepts = np.full(number, UNSEEN, np.float32)
    intercepts[model.classes_] = 0.0
    # Of two classes, the weights are those of the second against the first.
    rows = model.classes_[1:] if len(model.classes_) == 2 else model.classes_
    weights[rows] = model.coef_
    intercepts[rows] = model.intercept_

    return ColumnReader(name=name, values=values, edges=edges, weights=weights, intercepts=intercepts, target=target)


def _choose_classes(column: pa.ChunkedArray) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Values of a column with few of them, or the inner edges of bins of one with many."""
    present = column.drop_null()
    distinct = pc.unique(present)
    if len(distinct) <= MAX_CLASSES:
        return tuple(sorted(map(str, distinct.to_pylist()))), ()

    numbers = _as_numbers(present)
    if numbers is None:
        counts = sorted(present.value_counts().to_pylist(), key=lambda count: -count["counts"])
        return tuple(sorted(str(count["values"]) for count in counts[:MAX_CLASSES])), ()

    return (), tuple(np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS)).tolist())


def _classes_of(column: pa.ChunkedArray, values: tuple[str, ...], edges: tuple[float, ...]) -> NDArray[np.int64]:
    """(rows,) class of each cell; the last one is that of missing and unknown cells."""
    if values:
        places = {value: place for place, value in enumerate(values)}
        return np.array([places.get(str(cell), len(values)) for cell in column.to_pylist()], np.int64)

    numbers = _as_numbers(column)
    assert numbers is not None
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right"))


def _as_numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """(rows,) cells as numbers, NaN where one is missing; None for texts."""
    type_ = column.type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_dictionary(type_):
        return None
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        column = column.cast(pa.timestamp("s")).cast(pa.int64())
    elif not (pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)):
        column = column.cast(pa.int64())

    numbers: NDArray[np.float64] = column.cast(pa.float64()).to_numpy().astype(np.float64)
    return numbers


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """How well texts and rows go together in one column.

    Attributes:
        told: (texts, classes) logarithms of the probabilities of the classes.
        classes: (rows,) class of each row.
        target: Mean that is wanted over the rows.
    """

    told: NDArray[np.float64]
    classes: NDArray[np.int64]
    target: float

    def missing(self, owners: NDArray[np.int64]) -> float:
        """Nats that all rows together lack, with the text of row `owners[i]` in row i."""
        return float(self.target * len(owners) - self.told[owners, self.classes].sum())

    def gains(
        self, owners: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(pairs,) nats that each exchange brings."""
        now = self.told[owners[first], self.classes[first]] + self.told[owners[second], self.classes[second]]
        then = self.told[owners[second], self.classes[first]] + self.told[owners[first], self.classes[second]]
        gained: NDArray[np.float64] = then - now
        return gained


def _own_numbers(table: pa.Table) -> list[set[str]]:
    """Whole numbers of two digits and more in the cells of each row."""
    columns = [table.column(field.name).to_pylist() for field in table.schema if pa.types.is_integer(field.type)]
    return [{str(cell) for cell in row if cell is not None and cell > 9} for row in zip(*columns, strict=True)] or [
        set() for _ in range(table.num_rows)
    ]


def _numbers_in(text: str) -> set[str]:
    """Whole numbers of two digits and more in a text."""
    return set(_NUMBER.findall(text))


def _by_length(table: pa.Table, texts: Sequence[str], is_free: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Free rows by number of words, one array for each pattern of missing texts."""
    counts = np.stack([count_words(table.column(name)).fill_null(-1).to_numpy() for name in texts])
    _, patterns = np.unique(counts > 0, axis=1, return_inverse=True)
    words = counts.clip(min=0).sum(axis=0)
    order = np.lexsort((words, patterns.reshape(-1)))
    order = order[is_free[order]]
    _, starts = np.unique(patterns.reshape(-1)[order], return_index=True)
    return [rows for rows in np.split(order, starts[1:]) if len(rows)]


def _exchange_texts(
    fits: Sequence[_Fit], orders: Sequence[NDArray[np.int64]], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(rows,) which row's text each row has in the end.

    Args:
        fits: How well texts and rows go together, by column.
        orders: Rows among which texts may be exchanged, by the length of their texts.
        rng: Source of the pairs.
    """
    owners = np.arange(len(fits[0].classes))
    for _ in range(SWEEPS):
        # A column of which the texts tell enough has no say, until they tell too little again.
        short = [fit for fit in fits if fit.missing(owners) > 0]
        if not short or not orders:
            break

        first, second = _draw_pairs(orders, rng)
        gains = np.stack([fit.gains(owners, first, second) for fit in short])
        chosen = np.flatnonzero(gains.sum(axis=0) > 0)
        # As few as give the column that lacks least what it lacks.
        enough = [
            int(np.searchsorted(np.cumsum(gain[chosen]), fit.missing(owners)))
            for fit, gain in zip(short, gains, strict=True)
        ]
        chosen = chosen[: min(enough) + 1]
        owners[first[chosen]], owners[second[chosen]] = owners[second[chosen]], owners[first[chosen]]

    return owners


def _draw_pairs(
    orders: Sequence[NDArray[np.int64]], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that may exchange their texts, each in one pair at most, in random order."""
    first, second = [], []
    for order in orders:
        distance = int(rng.integers(1, max(2, min(NEIGHBOURS, len(order)))))
        places = np.arange(len(order) - distance)
        starts = places[(places + int(rng.integers(distance))) // distance % 2 == 0]
        first.append(order[starts])
        second.append(order[starts + distance])

    shuffled = rng.permutation(sum(map(len, first)))
    return np.concatenate(first)[shuffled], np.concatenate(second)[shuffled]
