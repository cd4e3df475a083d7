"""Where a text mentions a value that the row's own columns hold: names, numbers, addresses, e-mails.

A name counts as mentioned when it stands between characters that are no letters, in any case ("Anna", "ANNA's",
"anna_smith"); a number when its digits stand in order with at most three other characters between any two. The
given and family name in a full name ("Dr. Rosa Fernandez") count on their own where they begin with a capital,
because "will" and "may" are words. The words of an organisation in a column of names ("Radiology Center") do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ss_ray.pii import entities
from ss_ray.pii.detect import Finding
from ss_ray.pii.formats import digits_of
from ss_ray.pii.names import name_words
from ss_ray.pii.pseudonyms import normalise

MIN_NAME_LENGTH = 2
MIN_PART_LENGTH = 3
MIN_VALUE_LENGTH = 5
MIN_DIGITS = 7

_NUMBER_TYPES = frozenset({entities.PHONE_NUMBER, entities.US_SSN, entities.CREDIT_CARD})
_ORGANISATIONS = frozenset(
    {"hospital", "center", "centre", "clinic", "department", "lab", "labs", "unit", "university"}
)


@dataclass(frozen=True, eq=False)
class Mention:
    """A value that a text may mention.

    Attributes:
        entity_type: Of the column that holds it.
        probe: What a folded text, or the digits of a text, must contain for the pattern to have a chance.
        regex: Finds the value in a text, in any case.
        capital: Whether only places that begin with a capital count.
        role: "first" or "last" for one word of a full name; "" for a whole value.
    """

    entity_type: str
    probe: str
    regex: str
    capital: bool = False
    role: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The regex, compiled at its first use: few values are mentioned."""
        return re.compile(self.regex, re.IGNORECASE)


def mentions_of(entity_type: str, value: str) -> tuple[Mention, ...]:
    """What to look for in the texts of a row whose column of this type holds the value; empty if it is too short."""
    if entity_type in _NUMBER_TYPES:
        return _number_mentions(entity_type, value)
    is_name = entity_type in entities.NAME_TYPES
    if len(value.strip()) < (MIN_NAME_LENGTH if is_name else MIN_VALUE_LENGTH) or not any(map(str.isalnum, value)):
        return ()
    parts = _parts_of_name(value) if entity_type == entities.PERSON else ()
    edge = r"[^\W\d_]" if is_name else r"\w"
    return (Mention(entity_type, fold(value), _whole_words(value, edge)), *parts)


def spans(text: str, mentions: Iterable[Mention]) -> Iterator[tuple[Finding, Mention]]:
    """Every place of the text that mentions one of the values."""
    folded, digits = fold(text), digits_of(text)
    for mention in mentions:
        if mention.probe in (digits if mention.entity_type in _NUMBER_TYPES else folded):
            for match in mention.pattern.finditer(text):
                if not mention.capital or match[0][0].isupper():
                    yield Finding(match.start(), match.end(), mention.entity_type, 1.0), mention


def fold(text: str) -> str:
    """A text without differences of case, white space and composed or decomposed accents."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def _number_mentions(entity_type: str, value: str) -> tuple[Mention, ...]:
    digits = normalise(entity_type, value)
    if not digits.isdecimal() or len(digits) < MIN_DIGITS:
        return ()
    return (Mention(entity_type, digits, r"(?<!\d)" + r"\D{0,3}".join(digits) + r"(?!\d)"),)


def _parts_of_name(value: str) -> tuple[Mention, ...]:
    """The words of a full name, each with its role."""
    words = name_words(value)
    if not _ORGANISATIONS.isdisjoint(word.casefold() for word, _ in words):
        return ()
    return tuple(
        Mention(entities.PERSON, fold(word), _whole_words(word, r"[^\W\d_]"), capital=True, role=role)
        for word, role in words
        if len(word) >= MIN_PART_LENGTH and word[0].isupper()
    )


def _whole_words(value: str, edge: str) -> str:
    """A pattern for the value in composed and decomposed spelling, not next to a character of the class `edge`.

    Chinese, Japanese and Korean are written without spaces, so any character may stand next to theirs.
    """
    words = value.split()
    spellings = {unicodedata.normalize(form, " ".join(words)) for form in ("NFC", "NFD")} | {" ".join(words)}
    regexes = (r"\s+".join(map(re.escape, spelling.split())) for spelling in sorted(spellings))
    before = "" if _is_wide(words[0][0]) else rf"(?<!{edge})"
    after = "" if _is_wide(words[-1][-1]) else rf"(?!{edge})"
    return rf"{before}(?:{'|'.join(regexes)}){after}"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) == "W"
