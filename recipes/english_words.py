"""The English words that people write in small letters, as hashes: `ss_ray/pii/text/english_words.npz`.

    python -m recipes.english_words --folder copies

The words and their frequencies are symspellpy's (MIT), which has them from Google's book n-grams and SCOWL. That list
does not say which words are names. So the public texts for training decide: a word stays if most of its uses are in
small letters, and one that they do not have stays if it is on no list of names.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np

from recipes.documents import Document
from recipes.labelled_sets import read_set
from ss_ray.pii.columns.features import text_hash
from ss_ray.pii.text.word_lists import BANDS, ENGLISH_WORDS, is_known

TEXTS = ("wnut17-train", "btc-train", "gum-train", "goemotions-train")
RANKS = (3_000, 15_000, 50_000)
"""Last rank of each band."""
_DICTIONARY = "frequency_dictionary_en_82_765.txt"
_NAMES = ("first_name", "last_name")
# Uses in small letters that make a word of no dictionary one: "gonna".
_MIN_USES = 8
_INSIDE = re.compile(r"(?<=[a-z,;] )[A-Za-z][a-z]+(?![\w'’@./])")


def count_cases(documents: Iterable[Document]) -> tuple[Counter[str], Counter[str]]:
    """Uses of each word in small letters outside of names, and with a capital, behind another word."""
    small = Counter[str]()
    capital = Counter[str]()
    for document in documents:
        for match in _INSIDE.finditer(document.text):
            is_name = any(start <= match.start() < end for start, end, _ in document.spans)
            chosen = capital if is_name or match[0][0].isupper() else small
            chosen[match[0].lower()] += 1
    return small, capital


def choose_words(small: Counter[str], capital: Counter[str]) -> list[list[str]]:
    """The words of each band."""
    text = files("symspellpy").joinpath(_DICTIONARY).read_text(encoding="utf-8-sig")
    ranked = [line.split()[0] for line in text.splitlines() if line.strip()]
    bands: list[list[str]] = [[] for _ in RANKS]

    for rank, word in enumerate(ranked[: RANKS[-1]]):
        # Most small towns whose names are words ("bile") are in no text.
        is_name = is_known(word, _NAMES)
        is_small = small[word] > capital[word] or (small[word] == capital[word] and not is_name)
        if word.isalpha() and is_small:
            band = next(band for band, last in enumerate(RANKS) if rank < last)
            bands[band].append(word)

    listed = set(ranked)
    bands[1] += [
        word
        for word, uses in small.items()
        if word not in listed and uses >= _MIN_USES and uses > 2 * capital[word] and not is_known(word, _NAMES[:1])
    ]
    return bands


def main() -> None:
    """Count, choose and write the words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, required=True, help="local copies of the public texts")
    parser.add_argument("--out", type=Path, default=ENGLISH_WORDS)
    arguments = parser.parse_args()

    documents = (document for name in TEXTS for document in read_set(name, arguments.folder))
    bands = choose_words(*count_cases(documents))
    hashes = {name: np.unique([text_hash(word) for word in words]) for name, words in zip(BANDS, bands, strict=True)}
    arrays = {name: array.astype(np.uint32) for name, array in hashes.items()}
    np.savez_compressed(arguments.out, allow_pickle=False, **arrays)
    print({name: len(array) for name, array in arrays.items()})


if __name__ == "__main__":
    main()
