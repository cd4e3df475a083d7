"""Mentions in a text of values from the row's own columns: names, numbers, addresses, e-mails, dates.

A name counts as mentioned when it stands between characters that are no letters, in any case ("Anna", "ANNA's",
"anna_smith"), with or without accents, whatever apostrophe or hyphen; a number when its digits stand in order with at
most three other characters between any two; a date in any spelling that we read. The single words of a name of several
("Dr. Rosa Fernandez", "Mary Ann", "van der Berg") count on their own where they begin with a capital, because "will"
and "may" are words. The words of an organisation in a column of names ("Radiology Center") do not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ss_ray.pii import entities
from ss_ray.pii.stand_ins.dates import spellings
from ss_ray.pii.stand_ins.formats import digits_of
from ss_ray.pii.stand_ins.names import name_words
from ss_ray.pii.stand_ins.pseudonyms import normalise
from ss_ray.pii.text.detect import Finding

MIN_NAME_LENGTH = 2
MIN_PART_LENGTH = 3
MIN_VALUE_LENGTH = 5
MIN_DIGITS = 7

_NUMBER_TYPES = frozenset({entities.PHONE_NUMBER, entities.FAX_NUMBER, entities.US_SSN, entities.CREDIT_CARD})
_DATE_TYPES = frozenset({entities.DATE_OF_BIRTH, entities.DATE_TIME})
_ORGANISATIONS = frozenset(
    {"hospital", "center", "centre", "clinic", "department", "lab", "labs", "unit", "university"}
)
_FOLDS = {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "ß": "ss"}
_ASCII_FOLDS = str.maketrans("`\t\n\r\v\f", "'     ")


@dataclass(frozen=True, eq=False)
class Mention:
    """A value that a text may mention.

    Attributes:
        entity_type: Entity type of the column that holds the value.
        probe: String that a folded text, or the digits of a text, must contain for the pattern to match.
        regex: Finds the value in a folded text.
        capital: Whether only places that begin with a capital count.
        role: "first" or "last" for one word of a full name; "" for a whole value.
        column: Name of the column that holds the value; "" where it does not matter.
    """

    entity_type: str
    probe: str
    regex: str
    capital: bool = False
    role: str = ""
    column: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The regex, compiled at its first use: few values are mentioned."""
        return re.compile(self.regex)


def mentions_of(entity_type: str, value: str, column: str = "") -> tuple[Mention, ...]:
    """Mentions to search for in the texts of a row, given a cell of this type; empty if the cell is too short."""
    return tuple(replace(mention, column=column) for mention in _find_mentions(entity_type, value))


def _find_mentions(entity_type: str, value: str) -> tuple[Mention, ...]:
    if entity_type in _NUMBER_TYPES:
        return _number_mentions(entity_type, value)
    if entity_type in _DATE_TYPES:
        return tuple(
            _make_mention(entity_type, way) for way in sorted(spellings(value)) if len(way) >= MIN_VALUE_LENGTH
        )

    is_name = entity_type in entities.NAME_TYPES
    if len(value.strip()) < (MIN_NAME_LENGTH if is_name else MIN_VALUE_LENGTH) or not any(map(str.isalnum, value)):
        return ()

    if is_name:
        parts = _parts_of_name(entity_type, value)
    else:
        parts = ()

    return (_make_mention(entity_type, value), *parts)


def spans(text: str, mentions: Iterable[Mention]) -> Iterator[tuple[Finding, Mention]]:
    """Spans of the text that mention one of the values."""
    folded, places = fold(text)
    digits = digits_of(text)
    for mention in mentions:
        if mention.probe in (digits if mention.entity_type in _NUMBER_TYPES else folded):
            for match in mention.pattern.finditer(folded):
                start = places[match.start()]
                end = places[match.end() - 1] + 1
                while end < len(text) and unicodedata.combining(text[end]):
                    end += 1
                if not mention.capital or text[start].isupper():
                    yield Finding(start, end, mention.entity_type, 1.0), mention


def fold(text: str) -> tuple[str, Sequence[int]]:
    """A text without differences of case, accents, apostrophes, hyphens and white space, and each character's place."""
    if text.isascii():
        return text.lower().translate(_ASCII_FOLDS), range(len(text))

    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if unicodedata.combining(part) or unicodedata.category(part) == "Cf":
                continue
            folded.append(_FOLDS.get(part) or _fold_separator(part))
            places.append(place)

    return "".join(folded), places


def _fold_separator(character: str) -> str:
    if character.isspace():
        return " "
    if unicodedata.category(character) == "Pd":
        return "-"
    return character


def _number_mentions(entity_type: str, value: str) -> tuple[Mention, ...]:
    digits = normalise(entity_type, value)
    if not digits.isdecimal() or len(digits) < MIN_DIGITS:
        return ()
    return (Mention(entity_type, digits, r"(?<!\d)" + r"\D{0,3}".join(digits) + r"(?!\d)"),)


def _parts_of_name(entity_type: str, value: str) -> tuple[Mention, ...]:
    """The words of a name, each with its role, and a full name in the other order."""
    words = name_words(value, {entities.FIRST_NAME: "first", entities.LAST_NAME: "last"}.get(entity_type))
    if len(words) < 2 and entity_type != entities.PERSON and len(value.split()) < 2:
        return ()
    if not _ORGANISATIONS.isdisjoint(word.casefold() for word, _ in words):
        return ()

    single = tuple(
        replace(_make_mention(entities.PERSON, word), capital=True, role=role)
        for word, role in words
        if len(word) >= MIN_PART_LENGTH and word[0].isupper()
    )
    if entity_type != entities.PERSON or len(words) != 2:
        return single

    (one, _), (other, _) = words
    return (*single, _make_mention(entities.PERSON, f"{one} {other}"), _make_mention(entities.PERSON, f"{other} {one}"))


def _make_mention(entity_type: str, value: str) -> Mention:
    """A value that does not stand next to a letter, or for other types than names next to a letter or digit."""
    folded = " ".join(fold(value)[0].split())
    if entity_type in entities.NAME_TYPES:
        edge = r"[^\W\d_]"
    else:
        edge = r"\w"

    regex = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", folded))
    # Chinese, Japanese and Korean are written without spaces, so any character may stand next to theirs.
    before = "" if _is_wide(folded[:1]) else rf"(?<!{edge})"
    after = "" if _is_wide(folded[-1:]) else rf"(?!{edge})"
    # The longest word is the rarest, so it rules out most texts before the pattern runs.
    probe = max(re.split(r"[\s-]+", folded), key=len)

    return Mention(entity_type, probe, f"{before}{regex}{after}")


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) == "W"
