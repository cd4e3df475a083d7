"""Memorised text: the longest run of words that a synthetic text shares with any training text.

Texts of one kind share phrases, so the runs that holdout texts share with training texts are the measure of chance. A
longer run than almost all of theirs, and of at least MIN_SPAN words, is called memorised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import labels
from ss_ray.evaluation.metrics import Metric, measured, unavailable
from ss_ray.evaluation.significance import exceed_p_value, rate_p_value, share
from ss_ray.evaluation.words import read_words

MAX_TEXTS = 2000
"""Texts of each table that are compared, per column."""
MAX_SPAN = 64
"""Words up to which a run is measured; a power of two. Longer ones count as this."""
MIN_SPAN = 8
"""Words of a run from which it may be called memorised."""
LONGEST = 0.01
"""Share of holdout texts, those with the longest runs, that set the bar."""
Spans = NDArray[np.int64]
"""Longest run of each text in words, (texts,)."""


@dataclass(frozen=True, kw_only=True)
class SpanLengths:
    """Longest runs of words shared with training texts: median, 95th percentile and largest, in words."""

    median: Metric
    percentile_95: Metric
    largest: Metric


@dataclass(frozen=True, kw_only=True)
class Memorised:
    """Memorised texts of one column.

    Attributes:
        column: Name of the text column.
        spans: Longest runs of synthetic texts, in words.
        holdout_spans: Longest runs of holdout texts, in words.
        bar: Words that a memorised run exceeds or, for MIN_SPAN, reaches less one.
        synthetic: Share of synthetic texts with a memorised run.
        holdout: Share of holdout texts with one.
        p_value: Probability that at least as many synthetic texts have a memorised run by chance.
    """

    column: str
    spans: SpanLengths
    holdout_spans: SpanLengths
    bar: Metric
    synthetic: Metric
    holdout: Metric
    p_value: Metric


def memorised_texts(
    column: str, train: pd.Series, holdout: pd.Series | None, synthetic: pd.Series, *, seed: int
) -> Memorised:
    """Compare samples of the texts that are present."""
    rng = np.random.default_rng([seed, 8])
    known, made = (_sample_texts(side, rng) for side in (train, synthetic))
    unseen = [] if holdout is None else _sample_texts(holdout, rng)
    if not known or not made:
        return _without_bar(column, "there are no texts to compare", spans=None, seed=seed)

    spans, holdout_spans = np.split(longest_spans([*made, *unseen], known), [len(made)])
    if not unseen:
        if holdout is None:
            reason = "there is no holdout to compare with"
        else:
            reason = "the holdout has no texts"
        return _without_bar(column, reason, spans=spans, seed=seed)

    rank = int(LONGEST * len(holdout_spans))
    bar = max(int(np.sort(holdout_spans)[::-1][rank]), MIN_SPAN - 1)
    return Memorised(
        column=column,
        spans=_summarise_lengths(spans, seed),
        holdout_spans=_summarise_lengths(holdout_spans, seed),
        bar=measured(bar, len(holdout_spans), seed=seed),
        synthetic=share(spans > bar, seed=seed),
        holdout=share(holdout_spans > bar, seed=seed),
        p_value=_p_value(spans, holdout_spans, bar, rank),
    )


def longest_spans(texts: list[str], known: list[str]) -> Spans:
    """Words of the longest run that each text shares with any known text, up to MAX_SPAN."""
    words = read_words([*known, *texts])
    ends = np.searchsorted(words.text, np.arange(words.texts), "right")
    codes = pd.factorize(words.hashes)[0] + words.texts
    # Every text ends in a mark that occurs once, so no run crosses the end of a text.
    sequence = np.insert(codes, ends, np.arange(words.texts))
    text = np.insert(words.text, ends, np.arange(words.texts))
    ranks = _rank_runs(sequence)
    # In suffix order, the known suffix that shares most words with a suffix is the last known one before it or the
    # first one after it.
    order = np.argsort(ranks[-1], kind="stable")
    is_known = text[order] < len(known)
    longest = np.zeros(words.texts, dtype=np.int64)

    for neighbour in (_last_known(is_known), len(order) - 1 - _last_known(is_known[::-1])[::-1]):
        usable = ~is_known & (neighbour >= 0) & (neighbour < len(order))
        shared = _count_shared_words(ranks, order[usable], order[neighbour[usable]])
        np.maximum.at(longest, text[order[usable]], shared)

    return longest[len(known) :]


def _last_known(is_known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Position of the last True at or before each position; -1 where there is none."""
    return np.maximum.accumulate(np.where(is_known, np.arange(len(is_known)), -1))


def _rank_runs(sequence: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Ranks of the runs of 1, 2, 4 ... MAX_SPAN words that begin at each position, by prefix doubling.

    Source: Manber & Myers 1993, SIAM Journal on Computing 22(5), 935-948.
    """
    ranks = [np.unique(sequence, return_inverse=True)[1].astype(np.int64)]
    length = 1
    while length < MAX_SPAN:
        later = np.full(len(sequence), -1, dtype=np.int64)
        later[:-length] = ranks[-1][length:]
        pairs = ranks[-1] * (len(sequence) + 1) + later + 1
        ranks.append(np.unique(pairs, return_inverse=True)[1].astype(np.int64))
        length *= 2

    return ranks


def _count_shared_words(
    ranks: list[NDArray[np.int64]], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Words that the runs at two positions have in common from their beginning, (positions,), up to MAX_SPAN."""
    size = len(ranks[0])
    total = np.zeros(len(one), dtype=np.int64)
    for power in range(len(ranks) - 1, -1, -1):
        inside = np.maximum(one, other) + total < size
        a, b = (np.minimum(start + total, size - 1) for start in (one, other))
        equal = inside & (ranks[power][a] == ranks[power][b])
        total = np.where(equal & (total + 2**power <= MAX_SPAN), total + 2**power, total)

    return total


def _sample_texts(texts: pd.Series, rng: np.random.Generator) -> list[str]:
    present = labels(texts.dropna())
    return [str(text) for text in present[rng.permutation(len(present))[:MAX_TEXTS]]]


def _p_value(spans: Spans, holdout: Spans, bar: int, rank: int) -> Metric:
    """By rank where the holdout sets the bar, by the rates where MIN_SPAN does."""
    if bar >= MIN_SPAN:
        return exceed_p_value(int((spans > bar).sum()), len(spans), rank + 1, len(holdout))
    return rate_p_value(int((spans > bar).sum()), len(spans), int((holdout > bar).sum()), len(holdout))


def _summarise_lengths(spans: Spans, seed: int) -> SpanLengths:
    middle, high, largest = (measured(v, len(spans), seed=seed) for v in np.quantile(spans, [0.5, 0.95, 1.0]))
    return SpanLengths(median=middle, percentile_95=high, largest=largest)


def _without_bar(column: str, reason: str, *, spans: Spans | None, seed: int) -> Memorised:
    none = unavailable(reason)
    nothing = SpanLengths(median=none, percentile_95=none, largest=none)
    return Memorised(
        column=column,
        spans=nothing if spans is None else _summarise_lengths(spans, seed),
        holdout_spans=nothing,
        bar=none,
        synthetic=none,
        holdout=none,
        p_value=none,
    )
