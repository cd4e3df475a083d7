"""What texts are compared by: words, pairs of words, and pieces of words, hashed, so that none of them is stored.

    features, measured = fit_features(real_texts)     # None where they have nothing in common
    features.measure(texts)     # (texts, features) sparse, in rows of length 1

A feature that few real texts have is left out. A rare one weighs more than one that most texts have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HASHED = 1 << 15
"""Places that words and pairs of words are hashed to, and as many for pieces of words."""
MIN_TEXTS = 3
"""Texts that have a feature at least: what fewer have tells of one person."""


@dataclass(frozen=True, kw_only=True)
class TextFeatures:
    """The features of texts that are looked at.

    Attributes:
        kept: (features,) int64 ascending places of the features among all hashed ones.
        weights: (features,) float64 inverse document frequencies: what a feature weighs.
    """

    kept: NDArray[np.int64]
    weights: NDArray[np.float64]

    def measure(self, texts: Sequence[str]) -> Any:
        """(texts, features) sparse float64 weights of the features that a text has, in rows of length 1."""
        return self.weigh(_hash_texts(texts))

    def weigh(self, hashed: Any) -> Any:
        """The same of texts that are hashed already."""
        from sklearn.preprocessing import normalize

        return normalize(hashed[:, self.kept].multiply(self.weights).tocsr())


def fit_features(texts: Sequence[str]) -> tuple[TextFeatures, Any] | None:
    """The features that several of the real texts have, and these texts as `TextFeatures.measure` has them.

    None where the texts have nothing in common.
    """
    hashed = _hash_texts(texts)
    counts = np.asarray((hashed > 0).sum(axis=0)).reshape(-1)
    kept = np.flatnonzero(counts >= MIN_TEXTS)
    if not len(kept):
        return None

    features = TextFeatures(kept=kept, weights=1 + np.log((1 + len(texts)) / (1 + counts[kept])))
    return features, features.weigh(hashed)


def _hash_texts(texts: Sequence[str]) -> Any:
    """(texts, 2 x HASHED) sparse float64 whether a text has a word or pair, and a piece, each half of length 1."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(n_features=HASHED, binary=True, alternate_sign=False, ngram_range=(1, 2))
    pieces = HashingVectorizer(
        n_features=HASHED, binary=True, alternate_sign=False, analyzer="char_wb", ngram_range=(3, 5)
    )
    return hstack([words.transform(texts), pieces.transform(texts)]).tocsr()
