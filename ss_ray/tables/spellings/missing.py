"""Cells that spell a missing value among numbers, truth values and times; among other strings they are values."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MISSING_WORDS = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "?", "-")


def blank_missing_words(values: pa.Array) -> pa.Array:
    """Strings without surrounding space, missing where they spell a missing value."""
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, pa.array([*MISSING_WORDS, ""], trimmed.type)), None, trimmed)


def is_missing_word(value: object) -> bool:
    """Whether `blank_missing_words` would make it missing."""
    return isinstance(value, str) and value.strip() in (*MISSING_WORDS, "")
