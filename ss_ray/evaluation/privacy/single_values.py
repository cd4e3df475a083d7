"""Values of one person: holdout values that no attacker could know, and training values that were released.

A value that one holdout row alone has is unknown to an honest generator. It reappears no more often than in another
sample of the same people, or the holdout was not unseen. A value that one training unit alone has is another matter:
whoever knows the person recognises it, so its release is a finding even where chance explains it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from ss_ray.evaluation.columns import labels
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.metrics import Metric, measured, not_measured
from ss_ray.evaluation.significance import share
from ss_ray.schema import Kind

SINGLE_KINDS = (Kind.CATEGORY, Kind.TEXT)
"""Kinds whose values are words. A number of one person meets another by chance."""
MIN_WORDS = 8
"""Words from which a text is long: nobody writes the same ones by chance, unless the texts are forms."""


@dataclass(frozen=True, kw_only=True)
class UnseenValues:
    """The column whose holdout-only values reappear most.

    Attributes:
        column: Name of the column; empty where no column has such values.
        reappearing: Share of the values that one holdout row alone has, and no training row, in the synthetic table.
        chance: Largest share that another sample of that size would have.
        p_value: Probability of so many by chance, corrected for the number of columns.
    """

    column: str
    reappearing: Metric
    chance: Metric
    p_value: Metric


@dataclass(frozen=True, kw_only=True)
class ReleasedSingles:
    """Values of one training unit that occur verbatim in the synthetic table.

    Attributes:
        column: Name of the column.
        values: Distinct values that exactly one training unit has and the synthetic table, too.
        of: Distinct values that exactly one training unit has.
        long_texts: Released values of at least MIN_WORDS words, in a column in which no two real rows share such a
            text; 0 in other columns, where chance repeats texts.
    """

    column: str
    values: int
    of: int
    long_texts: int = 0


def unseen_values(tables: EvaluationTables) -> UnseenValues:
    """Look for values that only the holdout has."""
    if tables.holdout is None:
        return not_measured(UnseenValues, "there is no holdout to compare with", column="")

    train, holdout, synthetic = tables.train, tables.holdout, tables.synthetic
    # A value that occurs once is rarer than it looks (Good 1953, Biometrika 40, 237-264): a fresh sample of m rows
    # holds the value of one of N rows with a probability of at most 1 - exp(-m / N) on average.
    chance = 1 - float(np.exp(-len(synthetic) / max(1, len(train) + len(holdout))))
    found = []
    for column in tables.schema.of_kind(*SINGLE_KINDS):
        values, counts = np.unique(_list_words(holdout[column.name]), return_counts=True)
        only = np.setdiff1d(values[counts == 1], _list_words(train[column.name]))
        if len(only):
            hits = np.isin(only, _list_words(synthetic[column.name]))
            p_value = float(binomtest(int(hits.sum()), len(hits), chance, alternative="greater").pvalue)
            found.append((p_value, column.name, hits))

    if not found:
        return not_measured(UnseenValues, "no column has words that only holdout rows hold", column="")

    p_value, name, hits = min(found, key=lambda entry: entry[0])
    return UnseenValues(
        column=name,
        reappearing=share(hits),
        chance=measured(chance, len(synthetic)),
        # The best of several columns is reported, so its p-value is corrected for their number.
        p_value=measured(min(1.0, len(found) * p_value), len(hits)),
    )


def released_singles(
    tables: EvaluationTables,
    *,
    group: str | None,
    without: Collection[str],
) -> tuple[ReleasedSingles, ...]:
    """Count the released values of one training unit by column; columns without any are left out.

    Args:
        tables: Real and generated rows.
        group: Column whose values are the units; None where each row is one.
        without: Columns that are public, or hold stand-ins.
    """
    train = tables.train
    if group is not None and group in train.columns:
        units = train[group]
    else:
        units = pd.Series(np.arange(len(train)))

    found = []
    for column in tables.schema.of_kind(*SINGLE_KINDS):
        if column.name in without or column.name == group:
            continue

        present = train[column.name].notna().to_numpy()
        pairs = pd.DataFrame({"value": _list_words(train[column.name]), "unit": units.to_numpy()[present]})
        holders = pairs.drop_duplicates().groupby("value").size()
        single = holders.index[holders == 1].to_numpy()
        made = set(_list_words(tables.synthetic[column.name]))
        released = [value for value in single if value in made]
        if released:
            if tables.holdout is None:
                unseen = np.empty(0, dtype=object)
            else:
                unseen = _list_words(tables.holdout[column.name])

            is_repeated = _repeats_long_texts(holders, unseen)
            if is_repeated:
                long_texts = 0
            else:
                long_texts = sum(_is_long(value) for value in released)

            found.append(
                ReleasedSingles(column=column.name, values=len(released), of=len(single), long_texts=long_texts)
            )

    return tuple(found)


def _repeats_long_texts(holders: pd.Series, unseen: NDArray[np.str_]) -> bool:
    """Whether two real rows share a long text: two training units, or a training and an unseen row."""
    long = holders[[_is_long(value) for value in holders.index]]
    return bool((long > 1).any() or np.isin(unseen, long.index.to_numpy().astype(str)).any())


def _is_long(text: object) -> bool:
    return len(str(text).split()) >= MIN_WORDS


def _list_words(series: pd.Series) -> NDArray[np.str_]:
    return labels(series.dropna()).astype(str)
