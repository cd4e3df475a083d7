"""Texts that a column cuts off at a length, as `varchar(128)` does.

Such a text has no end that could be learned, and its last word may be broken. So a model learns it without both, and
what it writes is cut at the same length.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MIN_CUT = 40
"""Characters at which texts are cut off at least."""
MIN_TEXTS = 5
MIN_SHARE = 0.02
"""Texts, and share of the texts, that have the largest length at least; each counts once."""
SPIKE = 4
"""So many times more texts have the largest length than one character less."""
_LAST_WORD = re.compile(r"\s+\S*$")
_OPEN_PLACEHOLDER = re.compile(r"\s*\[(?:\[[^\]]*\]?)?$")


def find_cut(texts: pa.ChunkedArray) -> int:
    """The number of characters at which a column cuts its texts off; 0 where the longest texts have many lengths.

    Args:
        texts: Texts of the column; missing and repeated ones do not matter.
    """
    # A long note that many rows repeat is one text.
    lengths = np.array(pc.utf8_length(pc.unique(texts.drop_null())))
    largest = int(lengths.max(initial=0))
    ends, before = (int((lengths == length).sum()) for length in (largest, largest - 1))
    is_cut = largest >= MIN_CUT and ends >= max(MIN_TEXTS, MIN_SHARE * len(lengths)) and ends >= SPIKE * before
    return largest if is_cut else 0


def is_cut(texts: pa.ChunkedArray | pa.Array, cut: int) -> NDArray[np.bool_]:
    """(texts,) bool whether a text was cut off at a number of characters; nothing is cut off at 0."""
    if not cut:
        return np.zeros(len(texts), bool)
    found: NDArray[np.bool_] = np.array(pc.fill_null(pc.greater_equal(pc.utf8_length(texts), cut), False))
    return found


def whole_words(text: str) -> str:
    """A text without its last word, which may be broken, and the space before it.

    Example:
        >>> whole_words("seen at home with her so")
        'seen at home with her'
    """
    return _LAST_WORD.sub("", text)


def without_broken_words(texts: pa.ChunkedArray | pa.Array, cut: int) -> list[str]:
    """The texts, those that were cut off without their last words; none may be missing."""
    return [
        whole_words(text) if no_end else text
        for text, no_end in zip(texts.to_pylist(), is_cut(texts, cut), strict=True)
    ]


def cut_text(text: str, cut: int) -> str:
    """The first characters of a text, without a placeholder that would be broken.

    Example:
        >>> cut_text("seen by [[person.last_name]] at home", 31), cut_text("seen by [[person.last_name]]", 20)
        ('seen by [[person.last_name]] at', 'seen by')
    """
    return _OPEN_PLACEHOLDER.sub("", text[:cut]) if len(text) > cut else text
