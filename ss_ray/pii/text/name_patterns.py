"""Names in forms that need no model: couples, joined first names, "Surname, First", names glued to what follows.

Where a form alone proves nothing ("Olga & Ingrid Garcia" may be a company), the words have to be first and last names
of the lists from which the stand-ins are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.stand_ins.lexicon import family_names, fold_name, sexes
from ss_ray.pii.stand_ins.places import kind_of_place
from ss_ray.pii.text.labelled import Span, span_of

SCORE = 0.6

_TITLES = (
    r"Mrs|Mr|Ms|Miss|Mx|Dr|Drs|Prof|Sir|Lady|Lord|Rev|Herrn?|Frau|Fr|Hr|M|Mme|Mlle|Monsieur|Madame|Sr|Sra|Srta|Señora?|"
    r"Señor|Don|Doña|Sig|Sig\.ra|Signora?|Dott|Senhora?|Dhr|Mevr|Mw|Meneer|Mevrouw|Familie|Family"
)
_AND = r"(?:&|\+|/|and|und|et|y|e|en|&amp;)"
_NAME = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’-][^\W\d_]+){0,3}"
_PARTICLES = r"(?:(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|zu|zur|ter|ten|bin|al|el)[ ]){0,3}"
_INITIALS = r"(?:[^\W\d_]\. ?){1,3}"

_COUPLE = re.compile(
    rf"(?<!\w)(?:{_TITLES})\b\.? {_AND} (?:{_TITLES})\b\.?(?: (?:{_TITLES})\b\.?)? "
    rf"(?P<name>(?:{_INITIALS})?{_PARTICLES}{_NAME}(?: {_NAME}){{0,2}})"
)
_TITLED_INITIALS = re.compile(rf"(?<!\w)(?:{_TITLES})\b\.? (?P<name>{_INITIALS}{_PARTICLES}{_NAME})")
_JOINED = re.compile(
    rf"(?<![\w&])(?P<name>(?P<one>{_NAME})(?:, (?P<two>{_NAME}))? {_AND} (?P<three>{_NAME})"
    rf" (?P<last>{_PARTICLES}{_NAME}))"
)
_REVERSED = re.compile(rf"(?<!\w)(?P<name>(?P<last>{_NAME}), ?(?P<first>{_NAME})(?: [^\W\d_]\.)?)(?![\w-]| {_AND} )")
_SLASHED = re.compile(rf"(?<![\w/])(?P<name>(?P<last>{_NAME})/(?P<first>{_NAME}))(?![\w/])")
_GLUED = re.compile(
    r"(?<![\w])(?P<name>(?P<first>[^\W\d_a-zß-öø-ÿ][^\W\d_]+) (?P<last>[^\W\d_a-zß-öø-ÿ][^\W\d_]+))(?=[-–—/)\]|"
    r"_:;>][^\W\d_]*)"
)
_JOINING = ("&", "+", " and ", " und ", " et ", " y ", " e ", " en ")
_FORMS = (*_JOINING, "/", ",", ")", "]", "-", "_", ":", ";", ">", "|")


def has_form(text: str) -> bool:
    """Whether a text has a sign or a word that joins names."""
    return any(form in text for form in _FORMS)


class TitledNames:
    """Finds the names of couples behind their titles, and initials with a surname behind a title."""

    supported_entities = ("PERSON",)
    keywords = frozenset(re.findall(r"[^\W\d_]+", _TITLES.replace("?", "").lower())) - {"m", "ra"} | {
        "señor",
        "signor",
        "senhor",
        "herr",
    }

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Names of a text."""
        for pattern in (_COUPLE, _TITLED_INITIALS):
            yield from (span_of(match, "name", SCORE) for match in pattern.finditer(text))


class ListedNames:
    """Finds names by a form and the lists of names. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("PERSON",)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Names of a text."""
        joined = _JOINED.finditer(text) if any(sign in text for sign in _JOINING) else ()
        for match in joined:
            given = [match[group] for group in ("one", "two", "three") if match[group]]
            if all(_is_first_name(word) and fold_name(word) not in _MONTHS for word in given) and _may_be_family_name(
                match["last"]
            ):
                yield span_of(match, "name", SCORE)

        reversed_forms = [pattern for sign, pattern in ((",", _REVERSED), ("/", _SLASHED)) if sign in text]
        for match in (match for pattern in reversed_forms for match in pattern.finditer(text)):
            if _is_reversed_name(match["last"], match["first"]):
                yield span_of(match, "name", SCORE)

        for match in _GLUED.finditer(text):
            if _is_first_name(match["first"]) and _is_family_name(match["last"]):
                yield span_of(match, "name", SCORE)


_THING_BEFORE = re.compile(
    r"\b(?:firmware|software|version|model|part|sku|device|drug|tablets?|dose of|taking|prescribed|mg of|driver)"
    r"(?: (?:number|no\.?|name))?[ :]{1,2}$",
    re.IGNORECASE,
)
_DOSE_BEHIND = re.compile(
    r"[ -]?(?:[A-Z]?\d{1,4}(?:[.,]\d+)? ?(?:mg|mcg|µg|g|ml|iu|units?|%)\b|"
    r"(?:tablets?|capsules?|injection|firmware|v\d)\b)",
    re.IGNORECASE,
)


def is_thing(text: str, start: int, end: int) -> bool:
    """Whether what stands beside a name shows that it is a drug's or a device's: "Lisinopril 20 mg"."""
    return bool(_DOSE_BEHIND.match(text, end) or _THING_BEFORE.search(text, max(0, start - 24), start))


def _is_first_name(word: str) -> bool:
    return fold_name(word) in sexes()


def _is_family_name(word: str) -> bool:
    return fold_name(word.split()[-1]) in family_names()


def _may_be_family_name(words: str) -> bool:
    """Whether a word behind two first names is their surname, and no word for a firm or a family."""
    return fold_name(words.split()[-1]) not in _NO_SURNAMES


def _is_reversed_name(last: str, first: str) -> bool:
    """Whether a surname and a first name stand in this order: no list of first names, no town and its state."""
    if not _is_family_name(last) or not _is_first_name(first) or fold_name(first) in _MONTHS:
        return False
    is_list = _is_first_name(last) and _is_family_name(first)
    return not is_list and kind_of_place(first) == "CITY"


_MONTHS = frozenset("april may june july august januar juni juli avril mai april abril".split())
_NO_SURNAMES = frozenset(
    """
    company partners associates group ltd limited inc llc llp corp gmbh ag sons brothers co hotel school church street
    road avenue hospital clinic center centre university college bank foundation institute club inn house family
    collection garden gardens boutique salon studio studios shop store cafe bar design designs law consulting services
    solutions show sales restaurant grill kitchen bakery florist florists photography media music films capital day
    week county team session meeting project department office report project plan party
    """.split()
)
