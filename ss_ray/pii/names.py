"""Names of people, and what is made of them: e-mail addresses, user names, initials.

The words of a name are replaced one by one, each by a function of the word alone, so a person keeps one persona
without any table of persons: "Maria Garcia", "GARCIA, MARIA", "Mr. Garcia", "M. Garcia" and "maria.garcia@hospital.org"
agree in columns, in texts and in other tables under the same key. A word's first letter decides the first letter of its
stand-in, so initials agree, too. What a row says about its person (`Person`) may choose sex, locale, or a persona of
its own.

Different names may get one stand-in, as Faker's lists are short; e-mail addresses and user names get digits against
that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ss_ray.pii.keyed import Stream, permuted
from ss_ray.pii.lexicon import Lexicon, Sex, family_names, fold_name, is_latin, lexicon, locale_of_script, sexes

EMAIL_DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606: nobody's
MIN_JOINED = 3
"""Letters that each part of "mariagarcia" must have."""
MIN_DIGITS = 3
"""Digits that a user name has at least; else some are added, so that few people share one."""

TITLES = frozenset("mr mrs ms miss mx dr prof sir madam st rev fr sr sra srta herr frau hr fru mme mlle".split())
SUFFIXES = frozenset("jr sr ii iii iv phd md dds esq rn msc bsc mba".split())
PARTICLES = frozenset("van von der den de del della di da do dos das la le el al bin ibn ben af av zu zur y e".split())

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d+")
_HANDLE_PARTS = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Person:
    """What a row says about the person it is about.

    Attributes:
        given: Folded words of their first names.
        family: Folded words of their last names.
        sex: As a column tells it.
        locale: Of Faker, from the country that a column tells.
        identity: What all rows of the person share, the value of `person_id`; "" leaves their names to themselves.
    """

    given: frozenset[str] = frozenset()
    family: frozenset[str] = frozenset()
    sex: Sex | None = None
    locale: str | None = None
    identity: str = ""


NOBODY = Person()


@dataclass(frozen=True)
class Names:
    """Stand-ins of names under one key.

    Attributes:
        key: Secret.
        locale: Of names whose script or row does not say otherwise.
    """

    key: bytes = field(repr=False)
    locale: str

    def first_name(self, value: str, person: Person = NOBODY) -> str:
        """Every word a first name: "Mary Ann" becomes two."""
        return self._words(value, person, role="first")

    def last_name(self, value: str, person: Person = NOBODY) -> str:
        """One last name, also for "van der Berg"."""
        return self._words(value, person, role="last")

    def full_name(self, value: str, person: Person = NOBODY) -> str:
        """Titles stay, first and last names are replaced in their places, particles ("van der") disappear."""
        return self._words(value, person, role=None)

    def _words(self, value: str, person: Person, role: str | None) -> str:
        value = composed(value)
        if not is_latin(value) and role is None and " " not in value.strip():
            return self._unspaced(value.strip(), person)
        pieces, end = [], 0
        for place, word, word_role in _roles(value, role, person):
            pieces.append(value[end : place.start()] if word_role != "skip" else value[end : place.start()].rstrip())
            end = place.end()
            if word_role == "keep":
                pieces.append(word)
            elif word_role == "digits":
                pieces.append(permuted(self.key, "NAME", word))
            elif word_role != "skip":
                pieces.append(self.word(word, word_role, person))
        return "".join([*pieces, value[end:]]).strip()

    def _unspaced(self, value: str, person: Person) -> str:
        """A whole name of a script without spaces, last name first."""
        first = self.word(value, "first", person)
        return f"{self.word(value, 'last', person)}{first}" if len(value) > 1 else first

    def word(self, word: str, role: str, person: Person = NOBODY) -> str:
        """The stand-in of one word as a "first" or a "last" name, in the word's case."""
        folded = fold_name(word)
        is_own = folded in person.given or folded in person.family
        lex, sex, identity = self._lexicon(word, person if is_own else NOBODY), None, person.identity if is_own else ""
        if len(folded) == 1 and lex.is_latin:
            return _like_case(self._letter(folded, lex, identity), word)
        if role == "first":
            sex = (person.sex if is_own else None) or sexes().get(folded)
        table = lex.last_names if role == "last" else lex.first_names(sex)
        names = table.get(self._letter(folded[0], lex, identity)) or lex.all_names(table)
        stream = Stream(self.key, role, folded, identity)
        drawn = stream.choice(names)
        while fold_name(drawn) == folded and len(names) > 1:
            drawn = stream.choice(names)
        return _like_case(drawn, word)

    def _lexicon(self, word: str, person: Person) -> Lexicon:
        script = locale_of_script(word)
        if script is not None:
            return lexicon(script)
        own = lexicon(person.locale or self.locale)
        return own if own.is_latin else lexicon(self.locale) if lexicon(self.locale).is_latin else lexicon("en_US")

    def _letter(self, letter: str, lex: Lexicon, identity: str) -> str:
        return _letter(self.key, letter, lex.locale, identity)

    def email_address(self, value: str, person: Person = NOBODY) -> str:
        """An address whose local part agrees with the person's stand-in, at a domain that is nobody's."""
        local, _, domain = composed(value).strip().partition("@")
        domain = Stream(self.key, "domain", domain.casefold()).choice(EMAIL_DOMAINS)
        return f"{_ascii(self._handle(local, person)) or 'user'}@{domain}"

    def user_name(self, value: str, person: Person = NOBODY) -> str:
        """A user name that agrees with the person's stand-in."""
        return self._handle(composed(value).strip(), person)

    def _handle(self, handle: str, person: Person) -> str:
        pieces: list[str] = []
        for part in _HANDLE_PARTS.findall(_CAMEL.sub("\0", handle)):
            if part.isdecimal():
                pieces.append(permuted(self.key, "HANDLE", part))
            elif part[0].isalpha():
                pieces += [self.word(word, role, person) for word, role in split_joined(part, person)]
            else:
                pieces.append(part.replace("\0", ""))
        missing = MIN_DIGITS - sum(character.isdecimal() for character in handle)
        return "".join(pieces) + Stream(self.key, "handle", handle.casefold()).digits(missing, first="123456789")


def composed(text: str) -> str:
    """A text in which a letter and its accent are one character."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def role_of(folded: str, person: Person = NOBODY) -> str:
    """Whether a word alone is a first or a last name: as the row says, else as Faker's lists do."""
    if folded in person.given:
        return "first"
    return "last" if folded in person.family or folded not in sexes() else "first"


def split_joined(word: str, person: Person = NOBODY) -> list[tuple[str, str]]:
    """The names in a word of a user name with their roles: "mgarcia" and "mariagarcia" are two."""
    folded = fold_name(word)
    if len(folded) != len(word) or folded in person.given or folded in person.family or _is_known(folded):
        return [(word, role_of(folded, person))]
    for cut in range(len(word) - 1, 0, -1):
        head, tail = folded[:cut], folded[cut:]
        if _joins(head, tail, person):
            return [(word[:cut], "first"), (word[cut:], "last")]
        if tail in person.given and head in person.family:
            return [(word[:cut], "last"), (word[cut:], "first")]
    return [(word, "last")]


def _is_known(folded: str) -> bool:
    return folded in sexes() or folded in family_names()


def _joins(head: str, tail: str, person: Person) -> bool:
    if tail in person.family or (len(head) == 1 and tail in family_names()):
        return head in person.given or len(head) == 1
    return min(len(head), len(tail)) >= MIN_JOINED and (
        head in person.given or (len(head) > MIN_JOINED and head in sexes())
    )


def name_words(value: str) -> list[tuple[str, str]]:
    """The words of a name with their roles, "first" or "last"; without titles, particles and initials."""
    found = ((word, role) for _, word, role in _roles(composed(value), None, NOBODY))
    return [(word, role) for word, role in found if role in ("first", "last") and (len(word) > 1 or not word.isascii())]


def _roles(value: str, role: str | None, person: Person) -> Iterator[tuple[re.Match[str], str, str]]:
    """Each word of a name: "first", "last", "keep" for titles, "skip" for particles, "digits"."""
    words = list(_WORD.finditer(value))
    names = [m for m in words if not m[0].isdecimal() and fold_name(m[0]) not in TITLES | SUFFIXES]
    full = [m for m in names if len(m[0]) > 1 and m[0].casefold() not in PARTICLES] or names
    comma = value.find(",")
    is_reversed = comma > 0 and any(m.start() > comma for m in full) and any(m.end() <= comma for m in full)
    for place in words:
        word = place[0]
        if word.isdecimal():
            yield place, word, "digits"
        elif place not in names:
            yield place, word, role or ("keep" if names else "last")
        elif place not in full and len(word) > 1:
            yield place, word, "skip"
        elif role is not None:
            yield place, word, role
        elif fold_name(word) in person.given | person.family:
            yield place, word, role_of(fold_name(word), person)
        elif is_reversed:
            yield place, word, "last" if place.end() <= comma else "first"
        elif len(full) == 1:
            yield place, word, role_of(fold_name(word), person)
        elif place is full[0] or place is full[-1]:
            yield place, word, "first" if place is full[0] else "last"
        else:
            yield place, word, role_of(fold_name(word), person)


@lru_cache(maxsize=4096)
def _letter(key: bytes, letter: str, locale: str, identity: str) -> str:
    """The first letter of what takes the place of words that begin with this one."""
    letters = lexicon(locale).letters
    stream = Stream(key, "letter", letter, identity)
    return stream.choice(letters) if letters else stream.choice("abcdefghijklmnoprstvw")


def _like_case(name: str, word: str) -> str:
    if word.isupper() and (len(word) > 1 or len(name) == 1):
        return name.upper()
    return name.lower() if word.islower() else name


def _ascii(text: str) -> str:
    return "".join(character for character in fold_name(text) if character.isascii() and character not in " \0'")
