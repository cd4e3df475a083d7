"""Lists that know a word: names, places, and English words that people write in small letters.

The lists of names and places are the column model's. The English words are in `english_words.npz`, three bands of
falling frequency as sorted 32-bit hashes; `recipes/english_words.py` made them. A name that is a word as well ("mark")
is in both; a name that hardly anybody writes as a word ("helen") is no English word here.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ss_ray.pii.columns.column_model import load_column_model
from ss_ray.pii.columns.features import text_hash

ENGLISH_WORDS = Path(__file__).with_name("english_words.npz")
BANDS = ("common", "usual", "rare")
"""Bands of English words: the 3,000 most frequent ones, up to rank 15,000, and up to 50,000."""
_PLACES = ("city", "state", "country")

Hashes = npt.NDArray[np.uint32]


@lru_cache(maxsize=1 << 15)
def is_known(words: str, lists: tuple[str, ...]) -> bool:
    """Whether one of the lists of names or places ("first_name", "city", ...) holds the words, in any case."""
    hashed = np.array([text_hash(words)], np.uint32)
    gazetteers = load_column_model().gazetteers
    return any(bool(gazetteers.knows(name, hashed)[0]) for name in lists)


@lru_cache(maxsize=1 << 15)
def english_band(word: str) -> int:
    """Band of an English word in any case: 1 to 3 for the entries of BANDS, 0 for no English word.

    Example:
        >>> english_band("water"), english_band("Xqwzt")
        (1, 0)
    """
    hashed = np.uint32(text_hash(word))
    for band, entries in enumerate(_load_english(), start=1):
        place = np.searchsorted(entries, hashed)
        if place < len(entries) and entries[place] == hashed:
            return band
    return 0


def describe_word(word: str) -> int:
    """The lists that hold a word, in 0 to 31: 1 first names, 2 last names, 4 places, and 8 times the English band."""
    kinds = (("first_name",), ("last_name",), _PLACES)
    names = sum(is_known(word, lists) << bit for bit, lists in enumerate(kinds))
    return names + 8 * english_band(word)


@cache
def _load_english() -> tuple[Hashes, ...]:
    with np.load(ENGLISH_WORDS, allow_pickle=False) as arrays:
        return tuple(arrays[name] for name in BANDS)
