"""Texts as arrays of words, so that spans of words can be compared without a loop over texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_WORDS = 300
"""Words of each text that are looked at, the first ones."""
WORD = re.compile(r"\w+")
BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier of the hash of a span; 64 bits make a collision among millions unlikely."""
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words of many texts in one sequence; sensitive where the texts are.

    Attributes:
        hashes: Hashes of the words, without regard to case, (words,).
        text: Position of the text that each word is in, ascending, (words,).
        texts: Number of texts.
    """

    hashes: Hashes
    text: NDArray[np.int64]
    texts: int

    def spans(self, length: int) -> Hashes:
        """Hashes of all spans of `length` words within one text."""
        return span_hashes(self.hashes, length)[self._is_inside(length)]

    def _is_inside(self, length: int) -> NDArray[np.bool_]:
        last = len(self.text) - length + 1
        if last > 0:
            return np.asarray(self.text[:last] == self.text[length - 1 :])
        return np.zeros(0, dtype=bool)


def read_words(texts: Iterable[str]) -> Words:
    """Words of texts: runs of letters, digits and underscores."""
    found = [WORD.findall(text.casefold())[:MAX_WORDS] for text in texts]
    flat = np.array([word for words in found for word in words], dtype=object)
    text = np.repeat(np.arange(len(found)), [len(words) for words in found])
    return Words(hashes=pd.util.hash_array(flat), text=text, texts=len(found))


def span_hashes(words: Hashes, length: int) -> Hashes:
    """Hashes of all spans of `length` words, (len(words) - length + 1,); empty where there are too few words."""
    size = max(len(words) - length + 1, 0)
    total = np.zeros(size, dtype=np.uint64)
    for offset in range(length):
        total = total * BASE + words[offset : offset + size]
    return total


def occurring(values: Sequence[str], texts: Words) -> NDArray[np.bool_]:
    """Whether the words of each value occur in a row in some text, (values,); those without any word do not."""
    words = read_words(values)
    lengths = np.bincount(words.text, minlength=len(values))
    starts = np.cumsum(lengths) - lengths
    found = np.zeros(len(values), dtype=bool)

    for length in np.unique(lengths[lengths > 0]):
        which = np.flatnonzero(lengths == length)
        spans = span_hashes(words.hashes, int(length))[starts[which]]
        found[which] = np.isin(spans, texts.spans(int(length)))

    return found
