"""Semantic similarity: texts have the subjects of real texts, and are no closer to training texts than these are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def semantic_similarity(train: NDArray[np.float64], other: NDArray[np.float64], holdout: NDArray[np.float64]) -> float:
    """exp(-over) exp(-under), exp(-2) to 1 (best).

    Args:
        train: Embeddings of training texts, (texts, dimensions), of length 1.
        other: Vectors of the texts in question. `over` tells how much closer they are to training texts than these are
            to each other, `under` how much further from holdout texts than these are from each other: one-sided
            Kolmogorov-Smirnov statistics of the largest cosines.
        holdout: Vectors of unseen real texts.

    Source: NeMo Safe Synthesizer, text semantic similarity.
    """
    over = _one_sided_statistic(_find_closest(train, train, own=True), _find_closest(other, train))
    under = _one_sided_statistic(_find_closest(other, holdout), _find_closest(holdout, holdout, own=True))
    return float(np.exp(-over - under))


def _find_closest(
    texts: NDArray[np.float64], reference: NDArray[np.float64], *, own: bool = False
) -> NDArray[np.float64]:
    """Largest cosine of each text with a reference text; with `own`, with another text of the same list."""
    cosines = texts @ reference.T
    if own:
        np.fill_diagonal(cosines, 0.0)
    # Copies differ in the last digits.
    return np.asarray(np.round(cosines.max(axis=1), 9))


def _one_sided_statistic(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> float:
    """One-sided Kolmogorov-Smirnov statistic: how far the first sample lies below the second, 0 to 1."""
    points = np.concatenate([lower, upper])
    shares = [np.searchsorted(np.sort(part), points, "right") / len(part) for part in (lower, upper)]
    return float(max((shares[0] - shares[1]).max(), 0.0))
