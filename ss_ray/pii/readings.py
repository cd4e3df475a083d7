r"""Other readings of a text, in which the edges of numbers and addresses show.

The patterns of recognizers end at word edges (`\b`), and to a regular expression an underscore, a Chinese character
and a letter are parts of a word. So "mail_anna@example.com_", an SSN between Japanese words and "SSNx219-09-9998" have
no edge where a person sees one. A reading replaces such characters by spaces. Positions stay those of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_FORMAT = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
"""Characters without width, which hide a number from a pattern and from nobody who copies it."""
_GLUED = re.compile(r"[A-Za-z](?=\d)|(?<=\d)[A-Za-z]")
MIN_GLUED_DIGITS = 9
"""Digits of a text from which letters beside numbers are looked at: those of the shortest number that is sought."""
GLUED_TYPES = frozenset({"US_SSN", "CREDIT_CARD", "PHONE_NUMBER"})
"""Types that are sought beside letters. Other types hold letters themselves."""
_GLUED_FORM = re.compile(r"\d{15,19}|[\d+(][\d+()]*(?:[-./ ()]+\d+)+")
"""Numbers that are believed beside letters: 15 digits and more, or groups with separators."""


@dataclass(frozen=True)
class Reading:
    """A text as it is read once more.

    Attributes:
        text: The text to search.
        places: Position in the original text of each character; None where the two have the same positions.
        glued: Text before letters beside digits were replaced, where only numbers of GLUED_TYPES count; else None.
    """

    text: str
    places: Sequence[int] | None = None
    glued: str | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the reading in the original text."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1

    def accepts(self, start: int, end: int, entity_type: str) -> bool:
        """Whether a match counts: beside letters, numbers of an unmistakable form that hold no replaced letter."""
        if self.glued is None:
            return True
        found = self.text[start:end]
        is_whole = found == self.glued[start:end]
        return entity_type in GLUED_TYPES and is_whole and _GLUED_FORM.fullmatch(found) is not None


def other_readings(text: str) -> Iterator[Reading]:
    """Readings that differ from the text; none for most texts."""
    if _FORMAT.search(text):
        yield _without_format_characters(text)

    plain = text if text.isascii() else _NOT_ASCII.sub(lambda match: _plain(match[0]), text)
    if plain != text:
        yield Reading(plain)

    if "_" in plain:
        yield Reading(plain.replace("_", " "))

    if sum(map(str.isdigit, plain)) >= MIN_GLUED_DIGITS and _GLUED.search(plain):
        yield Reading(_GLUED.sub(" ", plain), glued=plain)


def _without_format_characters(text: str) -> Reading:
    places = [place for place, character in enumerate(text) if not _FORMAT.match(character)]
    return Reading("".join(text[place] for place in places), places)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """The ASCII character that one character stands for ("１" for "1"); a space where there is none."""
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 and folded.isascii() else " "
