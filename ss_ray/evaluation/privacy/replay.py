"""Replay: values of training rows that reappear in the synthetic table, in their own column or inside its texts.

Common values meet by chance: a first name that many people bear identifies none of them. So what is tested are values
that identify: those that one real row holds, among training and holdout rows together. Each of them was as likely to
be in a training row as in a holdout row, so a table made without a look at training rows replays both alike. Values
are compared as 64-bit hashes and never kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import ScoredColumn, labels, missing, numbers
from ss_ray.evaluation.metrics import Metric, not_measured, unavailable
from ss_ray.evaluation.privacy.copies import comparable
from ss_ray.evaluation.privacy_tests import ALL_TESTS, SWITCHED_OFF, PrivacyTests
from ss_ray.evaluation.significance import rate_p_value, share
from ss_ray.evaluation.words import Hashes, Words, occurring, read_words
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, TableSchema

MIN_IDENTIFYING = 20
"""Identifying training values below which a column without personal data is not tested."""
MAX_TEXTS = 5000
"""Synthetic texts of each column that are searched for personal values."""
MAX_VALUES = 5000
"""Personal values of each side that are looked for in texts, per column."""
MIN_VALUE_LETTERS = 5
"""Shorter values are not looked for in texts: they are parts of too many words."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Shares of values that reappear in one place.

    Attributes:
        train: Share of distinct training values that reappear, 0 to 1.
        holdout: Share of distinct values of holdout rows alone that reappear. They are rarer values than those of
            `train`, so this is no fair measure of chance; the next two are.
        identifying: Share of the training values held by one real row that reappear.
        identifying_holdout: Share of the holdout values held by one real row that reappear.
        p_value: Probability that at least as many identifying training values reappear by chance.
    """

    train: Metric
    holdout: Metric
    identifying: Metric
    identifying_holdout: Metric
    p_value: Metric


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Replay of the values of one column.

    Attributes:
        column: Name of the column.
        entity_type: Entity type of the column's personal data ("EMAIL_ADDRESS"); None where it was not declared
            personal.
        in_column: Values in the same synthetic column.
        in_texts: Values inside any synthetic text column; looked for where they are personal.
    """

    column: str
    entity_type: str | None
    in_column: Replayed
    in_texts: Replayed


@dataclass(frozen=True, kw_only=True)
class Originals:
    """Training and holdout rows before personal data were replaced; sensitive, never leaves the process."""

    train: pd.DataFrame
    holdout: pd.DataFrame | None


def replays(
    real: Originals,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    *,
    pii: Mapping[str, str],
    originals: Originals,
    seed: int,
    tests: PrivacyTests = ALL_TESTS,
) -> tuple[Replay, ...]:
    """Replay of personal columns, then of all others but texts.

    Args:
        real: Rows that the generator learned from, and holdout rows treated alike.
        synthetic: Generated rows, in the columns of the schema.
        schema: Columns of these.
        pii: Column -> entity type of the personal columns.
        originals: Original values of personal columns, from before replacement.
        seed: Seed of the choice of texts and values.
        tests: Whether anything is searched, and which columns as personal ones.
    """
    searched = tests.personal(pii)
    others = [c for c in schema.columns if c.name not in {**pii, **searched} and c.kind is not Kind.TEXT]
    if not tests.replay:
        names = {**pii, **searched, **dict.fromkeys(c.name for c in others)}
        return tuple(_skip_column(name, kind, SWITCHED_OFF) for name, kind in names.items())

    if searched:
        texts = _read_texts(synthetic, schema, seed)
    else:
        texts = None

    personal = [_personal_replay(c, kind, originals, synthetic, texts, seed) for c, kind in searched.items()]
    rest = [_skip_column(c, kind, "its type was left out") for c, kind in pii.items() if c not in searched]

    return (*personal, *rest, *(_other_replay(c, real, synthetic) for c in others))


def _skip_column(column: str, entity_type: str | None, reason: str) -> Replay:
    none = not_measured(Replayed, reason)
    return Replay(column=column, entity_type=entity_type, in_column=none, in_texts=none)


def count_replayed(train: Hashes, holdout: Hashes | None, synthetic: Hashes) -> Replayed:
    """Compare the values of real rows, repeated as often as they occur, with the values of synthetic rows."""
    if not len(train):
        return not_measured(Replayed, "there are no training values")

    known = np.unique(train)
    seen = share(np.isin(known, synthetic))
    if holdout is None:
        none = unavailable("there is no holdout to compare with")
        return Replayed(train=seen, holdout=none, identifying=none, identifying_holdout=none, p_value=none)

    distinct, counts = np.unique(np.concatenate([train, holdout]), return_counts=True)
    # Only a value that one real row alone holds identifies the row. It was as likely to be in a training as in a
    # holdout row.
    single = distinct[counts == 1]
    ours = np.isin(single, known)
    hits = np.isin(single, synthetic)

    return Replayed(
        train=seen,
        holdout=share(np.isin(np.setdiff1d(holdout, known), synthetic)),
        identifying=share(hits[ours]),
        identifying_holdout=share(hits[~ours]),
        p_value=rate_p_value(int(hits[ours].sum()), int(ours.sum()), int(hits[~ours].sum()), int((~ours).sum())),
    )


def _personal_replay(
    column: str, entity_type: str, originals: Originals, synthetic: pd.DataFrame, texts: Words | None, seed: int
) -> Replay:
    """Personal values are compared as text, without regard to case."""
    if column not in originals.train.columns:
        none = not_measured(Replayed, "the original rows lack the column")
        return Replay(column=column, entity_type=entity_type, in_column=none, in_texts=none)

    train = _spell_values(originals.train[column])
    if originals.holdout is None:
        holdout = None
    else:
        holdout = _spell_values(originals.holdout[column])

    in_column = not_measured(Replayed, "the synthetic table lacks the column")
    if column in synthetic.columns:
        unseen = None if holdout is None else _hash_strings(holdout)
        in_column = count_replayed(_hash_strings(train), unseen, _hash_strings(_spell_values(synthetic[column])))

    in_texts = _replay_in_texts(train, holdout, texts, seed)
    return Replay(column=column, entity_type=entity_type, in_column=in_column, in_texts=in_texts)


def _other_replay(column: ColumnSchema, real: Originals, synthetic: pd.DataFrame) -> Replay:
    train, made = (_hash_cells(frame[column.name], column) for frame in (real.train, synthetic))
    if real.holdout is None:
        holdout = None
    else:
        holdout = _hash_cells(real.holdout[column.name], column)

    in_texts = not_measured(Replayed, "the column was not declared personal")
    in_column = count_replayed(train, holdout, made)
    if holdout is not None and len(train) and in_column.identifying.sample_size < MIN_IDENTIFYING:
        in_column = not_measured(
            Replayed, f"fewer than {MIN_IDENTIFYING} training values are held by one real row alone"
        )

    return Replay(column=column.name, entity_type=None, in_column=in_column, in_texts=in_texts)


def _hash_cells(series: pd.Series, column: ColumnSchema) -> Hashes:
    """Hashes of the values that are present, floats to the digits in which copies are compared."""
    if column.kind not in ORDERED_KINDS:
        return _hash_strings(labels(series.dropna()))
    values = numbers(series, column.kind)
    scored = ScoredColumn(name=column.name, kind=column.kind, nominal=False)
    return np.asarray(pd.util.hash_array(comparable(values[~missing(values)], scored)), dtype=np.uint64)


def _spell_values(series: pd.Series) -> NDArray[np.object_]:
    spelled = labels(series.dropna())
    return np.array([str(value).strip().casefold() for value in spelled], dtype=object)


def _hash_strings(values: NDArray[np.object_]) -> Hashes:
    return np.asarray(pd.util.hash_array(values), dtype=np.uint64)


def _read_texts(synthetic: pd.DataFrame, schema: TableSchema, seed: int) -> Words | None:
    """Words of the synthetic text columns; None where there are no texts."""
    rng = np.random.default_rng([seed, 9])
    found = []
    for column in schema.of_kind(Kind.TEXT):
        present = labels(synthetic[column.name].dropna())
        found += [str(text) for text in present[rng.permutation(len(present))[:MAX_TEXTS]]]

    if found:
        return read_words(found)

    return None


def _replay_in_texts(
    train: NDArray[np.object_], holdout: NDArray[np.object_] | None, texts: Words | None, seed: int
) -> Replayed:
    if texts is None:
        return not_measured(Replayed, "there are no synthetic texts")

    rng = np.random.default_rng([seed, 10])
    # Values of both sides are looked for alike, or the comparison would be unfair.
    looked_for = np.union1d(_draw_values(train, rng), _draw_values(holdout if holdout is not None else train[:0], rng))
    if not len(looked_for):
        return not_measured(Replayed, "no value is long enough to be looked for in texts")

    wanted = _hash_strings(looked_for)
    found = wanted[occurring(looked_for.tolist(), texts)]
    known = _hash_strings(train)
    unseen = None if holdout is None else _hash_strings(holdout)

    return count_replayed(
        known[np.isin(known, wanted)], None if unseen is None else unseen[np.isin(unseen, wanted)], found
    )


def _draw_values(values: NDArray[np.object_], rng: np.random.Generator) -> NDArray[np.object_]:
    """At most MAX_VALUES distinct values that are long enough."""
    # Short values occur in texts by chance.
    distinct = [v for v in pd.unique(values) if sum(map(str.isalnum, v)) >= MIN_VALUE_LETTERS]
    return np.array(distinct, dtype=object)[rng.permutation(len(distinct))[:MAX_VALUES]]
