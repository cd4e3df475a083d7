"""Structure of texts (characters, words and sentences), regardless of their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from ss_ray.evaluation.quality.similarity import histogram_counts, js_distance

SENTENCE = regex.compile(r"[^.。︀?？؟⸮!！…:।෴]*\w[^.。︀?？؟⸮!！…:।෴]*")
"""A sentence with at least one word. Source of the signs: NeMo Safe Synthesizer, text structure similarity."""
WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]|[^\W\p{Han}\p{Hiragana}\p{Katakana}]+")
"""A word, or a character of a script that has no spaces."""
MAX_CHARACTERS = 10_000
"""Start of a text that is looked at."""


@dataclass(frozen=True, kw_only=True)
class TextShapes:
    """Numbers of some texts, (texts,) each.

    Attributes:
        characters: Length of each text.
        sentences: Sentences in each.
        words_per_sentence: Mean over the sentences of each.
        characters_per_word: Mean over the words of each; 0 without words.
    """

    characters: NDArray[np.float64]
    sentences: NDArray[np.float64]
    words_per_sentence: NDArray[np.float64]
    characters_per_word: NDArray[np.float64]


def text_shapes(texts: Sequence[str]) -> TextShapes:
    """Shapes of texts, each of at most MAX_CHARACTERS."""
    starts = [text[:MAX_CHARACTERS] for text in texts]
    sentences = np.array([len(SENTENCE.findall(text)) for text in starts], dtype=np.float64)
    found = [words(text) for text in starts]
    counts = np.array([len(part) for part in found], dtype=np.float64)
    letters = np.array([sum(map(len, part)) for part in found], dtype=np.float64)

    return TextShapes(
        characters=np.array([len(text) for text in texts], dtype=np.float64),
        sentences=sentences,
        words_per_sentence=counts / np.maximum(sentences, 1.0),
        characters_per_word=letters / np.maximum(counts, 1.0),
    )


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


def structure_distance(x: TextShapes, y: TextShapes) -> float:
    """Mean Jensen-Shannon distance (base 2) of sentences, words per sentence and characters per word, 0 to 1.

    Source: NeMo Safe Synthesizer, text structure similarity.
    """
    pairs = (
        (x.sentences, y.sentences),
        (x.words_per_sentence, y.words_per_sentence),
        (x.characters_per_word, y.characters_per_word),
    )
    return float(np.mean([js_distance(*histogram_counts(a, b)) for a, b in pairs]))


def length_distance(x: TextShapes, y: TextShapes) -> float:
    """Jensen-Shannon distance (base 2) of the lengths in characters, 0 to 1."""
    return js_distance(*histogram_counts(x.characters, y.characters))
