r"""Other readings of a text, in which the edges of numbers and addresses show.

The patterns of recognizers end at word edges (`\b`), and to a regular expression an underscore, a Chinese character
and a letter are parts of a word. So "mail_anna@example.com_", an SSN between Japanese words and "SSNx219-09-9998" have
no edge where a person sees one. Nor does a pattern see through characters without width, or through the encodings of
web pages and JSON ("anna%40example.com"). A reading undoes this, and knows where its characters stand in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NEAR = 2
"""Characters between a number and a sign that may belong to it."""
_DIGIT_OR_AT = re.compile(r"[\d@]")
_ADDRESS_CLUE = re.compile(r"[\d@/\\]|\w\.\w")
_NO_WIDTH = re.compile(r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Characters without width, which hide a number from a pattern and from nobody who copies it."""
_LOOKALIKES = str.maketrans(
    "аАВсСеЕНіІјЈКМоОрРѕЅТуУхХԁԛԝΑΒΕΖΗΙΚΜΝοΟΡΤΥΧ", "aABcCeEHiIjJKMoOpPsSTyYxXdqwABEZHIKMNoOPTYX"
)
"""Cyrillic and Greek letters that look like Latin ones."""
_WORD = re.compile(r"[^\W\d_]+")
_HAS_LATIN = re.compile(r"[A-Za-z]")
_ENCODED = re.compile(
    r"%(?:25)?(?P<url>[2-7][0-9A-Fa-f])|&#(?P<decimal>\d{2,3});|&#[xX](?P<hex>[2-7][0-9A-Fa-f]);|&(?P<name>commat|"
    r"period|"
    r"lowbar|colon|sol|dash|hyphen);|\\u00(?P<json>[2-7][0-9A-Fa-f])|\\x(?P<escape>[2-7][0-9A-Fa-f])|=(?P<mail>40|2E)"
)
"""One character of ASCII in the encodings of URLs, web pages, JSON, programs and mail."""
_NAMED = {"commat": "@", "period": ".", "lowbar": "_", "colon": ":", "sol": "/", "dash": "-", "hyphen": "-"}
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
        places: Position in the original text of each character, and of the end; None where the two have the same.
        glued: Text before letters beside digits were replaced, where only numbers of GLUED_TYPES count; else None.
    """

    text: str
    places: Sequence[int] | None = None
    glued: str | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the reading in the original text."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end]

    def accepts(self, start: int, end: int, entity_type: str) -> bool:
        """Whether a match counts: beside letters, numbers of an unmistakable form that hold no replaced letter."""
        if self.glued is None:
            return True
        found = self.text[start:end]
        is_whole = found == self.glued[start:end]
        return entity_type in GLUED_TYPES and is_whole and _GLUED_FORM.fullmatch(found) is not None


def other_readings(text: str) -> Iterator[Reading]:
    """Readings that differ from the text; none for most texts."""
    bare = Reading(text)
    if _NO_WIDTH.search(text) or _ENCODED.search(text):
        bare = _decode_text(text)
        yield bare

    if bare.text.isascii():
        latin = plain = bare.text
    else:
        latin = _WORD.sub(lambda match: _to_latin(match[0]), bare.text)
        plain = _NOT_ASCII.sub(lambda match: _to_ascii(match[0]), latin)

    if plain != bare.text and (latin != bare.text or _hides_edge(bare.text)):
        yield Reading(plain, bare.places)

    if "_" in plain:
        yield Reading(plain.replace("_", " "), bare.places)

    if sum(map(str.isdigit, plain)) >= MIN_GLUED_DIGITS and _GLUED.search(plain):
        yield Reading(_GLUED.sub(" ", plain), bare.places, glued=plain)


def _hides_edge(text: str) -> bool:
    """Whether a character beyond ASCII stands at a number or an address, or for a letter or digit of ASCII itself.

    An accent in a name hides nothing, so most texts with accents are read once.
    """
    for match in _NOT_ASCII.finditer(text):
        near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
        if _to_ascii(match[0]).isalnum() or _DIGIT_OR_AT.search(near):
            return True

    return any(not word.isascii() and _ADDRESS_CLUE.search(word) for word in text.split())


def _decode_text(text: str) -> Reading:
    """The text without characters that have no width, and with encoded characters as such."""
    characters: list[str] = []
    places: list[int] = []
    place = 0

    while place < len(text):
        match = _ENCODED.match(text, place)
        if match or not _NO_WIDTH.match(text, place):
            characters.append(_decode_match(match) if match else text[place])
            places.append(place)
        place = match.end() if match else place + 1

    return Reading("".join(characters), [*places, len(text)])


def _decode_match(match: re.Match[str]) -> str:
    if match["name"]:
        return _NAMED[match["name"]]

    if match["decimal"]:
        code = int(match["decimal"])
        if 32 <= code < 127:
            return chr(code)
        return " "

    return chr(int(match["url"] or match["hex"] or match["json"] or match["escape"] or match["mail"], 16))


def _to_latin(word: str) -> str:
    """A word of Latin letters and others that look like them, in Latin letters alone: "Young" with a Cyrillic o."""
    if word.isascii() or not _HAS_LATIN.search(word):
        return word
    latin = word.translate(_LOOKALIKES)
    return latin if latin.isascii() else word


@lru_cache(maxsize=4096)
def _to_ascii(character: str) -> str:
    """ASCII equivalent of one character ("１" gives "1"); a space if there is none."""
    folded = unicodedata.normalize("NFKC", character)
    if len(folded) == 1 and folded.isascii():
        return folded
    return " "
