"""Texts as vectors whose angles tell how alike they are.

Without a download: latent semantic analysis, that is word frequencies (TF-IDF) of all texts reduced to the directions
in which these differ most. It knows which words occur together, not what they mean, so a paraphrase in
other words is far away. Where a sentence-transformers model is named, that model embeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from ss_ray.errors import ResourceError
from ss_ray.evaluation.quality.text_structure import MAX_CHARACTERS, words
from ss_ray.packaged_models import find_model

DIMENSIONS = 64
MAX_WORDS = 20_000
"""Words that are told apart, the most frequent."""
PACKAGE = "sentence-transformers"

Embed = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts -> (texts, dimensions) of length 1, or 0 for a text of which nothing is known."""


def fit_embedding(texts: Sequence[str], model: str | None, *, seed: int) -> Embed | None:
    """An embedding of texts, fitted on those of all tables alike, or loaded.

    Args:
        texts: Texts of all tables together.
        model: "minilm", or the folder or Hugging Face id of a sentence-transformers model; None is latent semantic
            analysis.
        seed: Seed of the reduction.

    Returns:
        None where no two texts share enough words to tell directions.

    Raises:
        ResourceError: The package or the model is not there.
    """
    if model is None:
        return _fit_words(texts, seed=seed)
    return _load_model(model)


def _fit_words(texts: Sequence[str], *, seed: int) -> Embed | None:
    vectorizer = TfidfVectorizer(tokenizer=_split_words, token_pattern=None, lowercase=False, max_features=MAX_WORDS)
    if not any(_split_words(text) for text in texts):
        return None

    weights = vectorizer.fit_transform(texts)
    size = min(DIMENSIONS, min(weights.shape) - 1)
    if size < 1:
        return None

    # Equal texts have no variance to explain.
    with np.errstate(invalid="ignore"):
        reduction = TruncatedSVD(size, n_iter=2, random_state=seed).fit(weights)

    return partial(_embed_words, vectorizer, reduction)


def _split_words(text: str) -> list[str]:
    return words(text[:MAX_CHARACTERS])


def _embed_words(vectorizer: TfidfVectorizer, reduction: TruncatedSVD, texts: Sequence[str]) -> NDArray[np.float64]:
    return _normalise_rows(reduction.transform(vectorizer.transform(texts)))


def _load_model(model: str) -> Embed:
    install = f"install the package {PACKAGE} (pip install 'ss-ray[text]')"
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise ResourceError(f"the text embedding {model!r} needs a package: {install}, or leave it out") from None

    try:
        loaded = SentenceTransformer(find_model(model))
    except (OSError, ValueError) as error:
        # What its loader raises for no folder, no network, or no such id.
        raise ResourceError(f"{PACKAGE} cannot load the text embedding {model!r}: {type(error).__name__}") from error

    return partial(_embed_sentences, loaded.encode)


def _embed_sentences(encode: Callable[..., NDArray[np.float32]], texts: Sequence[str]) -> NDArray[np.float64]:
    vectors = encode([text[:MAX_CHARACTERS] for text in texts], show_progress_bar=False)
    return _normalise_rows(np.asarray(vectors, dtype=np.float64))


def _normalise_rows(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 1e-12, lengths, np.inf))
