"""Fidelity of sequences of rows: their lengths, their pace, their transitions, and their constant columns.

For tables with a grouping column, an order column, or both. Each number stands beside that of the holdout, of as many
sequences. Whole sequences are compared, so the tables must not be samples of single rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.columns import Ints, ScoredColumn, missing
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric, measured, not_measured, unavailable
from ss_ray.evaluation.models import encode_labels, frequent_codes
from ss_ray.evaluation.privacy_tests import SWITCHED_OFF
from ss_ray.evaluation.quality.autocorrelation import NEMO_LIMITS, LagLimits, profile, profile_similarity
from ss_ray.evaluation.quality.similarity import category_counts, histogram_counts, js_distance
from ss_ray.evaluation.sequence_rows import SequenceColumns, SequenceRows, to_sequences

COMMON_SEQUENCES = 50
"""Holdouts of fewer sequences do not limit how many synthetic ones are compared: their own numbers are rough anyway."""
MAX_STATES = 20
"""Categories of a transition matrix; the others are one more, and missing another."""
FEW_VALUES = 50
"""Distinct values up to which a distribution is compared value by value, not in bins."""
NO_ORDER = "there is no order column"
NO_NEIGHBOURS = "no sequence has two rows"


@dataclass(frozen=True, kw_only=True)
class SequenceSimilarity:
    """Similarity of the sequences of one table to those of the training table.

    Attributes:
        lengths: Jensen-Shannon distance (base 2) of the rows per sequence, 0 (same) to 1 (disjoint).
        gaps: Jensen-Shannon distance (base 2) of the distances between neighbours on the order column, 0 to 1.
        transitions: Mean total variation of the rows of the transition matrices of nominal columns, weighted by how
            often training rows leave each state, 0 (same) to 1. A state that is never left counts 1.
        autocorrelation: Mean similarity of the autocorrelation profiles of ordered columns, 0 to 1 (same); NeMo's score
            is ten times it.
        constant: Share of the columns with one value in each training sequence that have one in each of these.
        in_order: Share of the sequences whose rows came in ascending order.
    """

    lengths: Metric
    gaps: Metric
    transitions: Metric
    autocorrelation: Metric
    constant: Metric
    in_order: Metric


@dataclass(frozen=True, kw_only=True)
class SequenceFidelity:
    """All numbers on sequences.

    Attributes:
        columns: Grouping and order columns of the sequences.
        synthetic: Synthetic against training sequences.
        baseline: Holdout against training sequences.
        train_in_order: Share of the training sequences whose rows came in ascending order.
        constant_columns: Columns with one value in each training sequence.
    """

    columns: SequenceColumns
    synthetic: SequenceSimilarity
    baseline: SequenceSimilarity
    train_in_order: Metric
    constant_columns: tuple[str, ...]


def evaluate_sequences(
    tables: EvaluationTables,
    scored: tuple[ScoredColumn, ...],
    by: SequenceColumns,
    *,
    no_holdout: str,
    seed: int,
    lags: LagLimits | None = NEMO_LIMITS,
) -> SequenceFidelity:
    """Compare synthetic and holdout sequences with the training sequences.

    Args:
        tables: Rows of whole sequences.
        scored: Columns that are compared.
        by: Grouping and order columns of the sequences.
        no_holdout: Why there is no holdout, in words.
        seed: Seed of the choice of sequences.
        lags: Limits on the columns and lags of the autocorrelation; None measures none.

    Raises:
        DataError: The schema has no such column.
    """
    for name in (by.group, by.order):
        if name is not None:
            # Raises an error that names the column.
            tables.schema[name]

    real, made = (to_sequences(frame, tables.schema, by, scored) for frame in (tables.train, tables.synthetic))
    constants = constant_columns(real)
    if tables.holdout is None:
        common = len(made.lengths)
        baseline = not_measured(SequenceSimilarity, no_holdout)
    else:
        unseen = to_sequences(tables.holdout, tables.schema, by, scored)
        # More sequences give better numbers, so both tables are compared at one size, unless the holdout is so small
        # that its own numbers are noise.
        common = max(len(unseen.lengths), COMMON_SEQUENCES)
        baseline = compare_sequences(real, unseen, constants, seed=seed, lags=lags)

    return SequenceFidelity(
        columns=by,
        synthetic=compare_sequences(real, made.some(common, seed=seed), constants, seed=seed, lags=lags),
        baseline=baseline,
        train_in_order=_in_order(real),
        constant_columns=constants,
    )


def no_sequences(by: SequenceColumns, reason: str) -> SequenceFidelity:
    """A result without any number."""
    none = not_measured(SequenceSimilarity, reason)
    return SequenceFidelity(
        columns=by, synthetic=none, baseline=none, train_in_order=unavailable(reason), constant_columns=()
    )


def compare_sequences(
    train: SequenceRows,
    other: SequenceRows,
    constants: tuple[str, ...],
    *,
    seed: int,
    lags: LagLimits | None = NEMO_LIMITS,
) -> SequenceSimilarity:
    """Compare one table's sequences with the training sequences, whose constant columns are given."""
    if not min(len(train.group), len(other.group)):
        return not_measured(SequenceSimilarity, "one of the tables has no sequence")

    size = min(len(train.lengths), len(other.lengths))
    return SequenceSimilarity(
        lengths=_compare_lengths(train, other, size),
        gaps=_compare_gaps(train, other, size),
        transitions=_compare_transitions(train, other, constants, size),
        autocorrelation=unavailable(SWITCHED_OFF)
        if lags is None
        else _compare_autocorrelation(train, other, constants, lags, seed=seed),
        constant=_measure_constant(other, constants),
        in_order=_in_order(other),
    )


def constant_columns(sequences: SequenceRows) -> tuple[str, ...]:
    """Columns with one value (or only missing) in each sequence; empty if no sequence has two rows."""
    rows = sequences.neighbours()
    return tuple(
        c.name for c in sequences.table.columns if len(rows) and not _find_changes(sequences, c.name, rows).any()
    )


def transition_distance(train: SequenceRows, other: SequenceRows, column: ScoredColumn) -> float:
    """Total variation of the successors of each state of a nominal column, weighted by training rows, in [0, 1]."""
    codes = frequent_codes(train.table.values[column.name], MAX_STATES)
    real, made = (_transition_counts(part, column.name, codes) for part in (train, other))
    leaving = real.sum(axis=1)
    left = made.sum(axis=1)
    x, y = (m / np.maximum(m.sum(axis=1, keepdims=True), 1.0) for m in (real, made))
    # A state that the other table never leaves counts as the largest distance.
    distances = np.where(left > 0, np.abs(x - y).sum(axis=1) / 2, 1.0)

    return float(np.average(distances, weights=leaving))


def _transition_counts(sequences: SequenceRows, name: str, codes: dict[str, int]) -> NDArray[np.float64]:
    """(states, states): how often each state follows each other state."""
    values = sequences.table.values[name]
    # One more state for all other categories, and one for missing values.
    size = len(codes) + 2
    known = np.nan_to_num(encode_labels(values, codes), nan=len(codes))
    states = np.where(missing(values), len(codes) + 1, known).astype(np.int64)
    rows = sequences.neighbours()
    counts = np.bincount(states[rows] * size + states[rows + 1], minlength=size * size)

    return counts.reshape(size, size).astype(np.float64)


def _compare_lengths(train: SequenceRows, other: SequenceRows, size: int) -> Metric:
    if len(train.lengths) < 2:
        return unavailable("the training table is one sequence")
    return measured(value_distance(train.lengths.astype(float), other.lengths.astype(float)), size)


def _compare_gaps(train: SequenceRows, other: SequenceRows, size: int) -> Metric:
    if train.places is None or other.places is None:
        return unavailable("there is no order column with numbers or dates")

    gaps = [_gaps_of(part.places, part.neighbours()) for part in (train, other)]  # type: ignore[arg-type]
    if not min(map(len, gaps)):
        return unavailable(NO_NEIGHBOURS)

    return measured(value_distance(*gaps), size)


def _gaps_of(places: NDArray[np.float64], rows: Ints) -> NDArray[np.float64]:
    """Distances of neighbours, in the unit of the order column, dates in days to the microsecond."""
    gaps = np.round(places[rows + 1] - places[rows], 10)
    return gaps[~np.isnan(gaps)]


def value_distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Jensen-Shannon distance (base 2) of two samples of numbers, value by value where they are few, else in bins."""
    few = len(np.unique(np.concatenate([x, y]))) <= FEW_VALUES
    return js_distance(*(category_counts(x, y) if few else histogram_counts(x, y)))


def _compare_transitions(train: SequenceRows, other: SequenceRows, constants: tuple[str, ...], size: int) -> Metric:
    columns = [c for c in train.table.columns if c.nominal and c.name not in constants]
    if not len(train.neighbours()) or not len(other.neighbours()):
        return unavailable(NO_NEIGHBOURS)
    if not columns:
        return unavailable("no column of categories changes within a sequence")
    return measured(float(np.mean([transition_distance(train, other, c) for c in columns])), size)


def _compare_autocorrelation(
    train: SequenceRows, other: SequenceRows, constants: tuple[str, ...], lags: LagLimits, *, seed: int
) -> Metric:
    asked = lags.columns or tuple(c.name for c in train.table.columns)
    columns = [c.name for c in train.table.columns if not c.nominal and c.name not in constants and c.name in asked]
    real, made = (part.some(lags.max_groups, seed=seed) for part in (train, other))
    if not columns:
        return unavailable("no column of numbers or dates that is asked for changes within a sequence")

    found = np.array([profile_similarity(profile(real, n, lags), profile(made, n, lags)) for n in columns])
    if np.isnan(found).all():
        return unavailable("no sequence is long enough for a lag")

    return measured(float(np.nanmean(found)), min(len(real.lengths), len(made.lengths)), seed=seed)


def _measure_constant(other: SequenceRows, constants: tuple[str, ...]) -> Metric:
    rows = other.neighbours()
    if not constants:
        return unavailable("no column has one value in each training sequence")
    if not len(rows):
        return unavailable(NO_NEIGHBOURS)

    stay = [not _find_changes(other, name, rows).any() for name in constants]
    return measured(float(np.mean(stay)), len(other.lengths))


def _find_changes(sequences: SequenceRows, name: str, rows: Ints) -> NDArray[np.bool_]:
    """Whether the next row of each of these rows has another value."""
    values = sequences.table.values[name]
    now = values[rows]
    later = values[rows + 1]
    return np.asarray((now != later) & ~(missing(now) & missing(later)))


def _in_order(sequences: SequenceRows) -> Metric:
    if sequences.in_order is None:
        return unavailable(NO_ORDER)
    if not len(sequences.in_order):
        return unavailable("the table has no sequence")

    share = float(sequences.in_order.mean())
    error = float(np.sqrt(share * (1 - share) / len(sequences.in_order)))
    return measured(share, len(sequences.in_order), std_error=error)
