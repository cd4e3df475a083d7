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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from ss_ray.pii.stand_ins.handles import Segment, split_handle
from ss_ray.pii.stand_ins.keyed import Stream, permuted
from ss_ray.pii.stand_ins.lexicon import (
    DEFAULT_LOCALE,
    Lexicon,
    Sex,
    family_names,
    fold_name,
    is_latin,
    lexicon,
    locale_of_script,
    sexes,
)
from ss_ray.pii.stand_ins.person import NOBODY, Person

# Domains that RFC 2606 reserves.
EMAIL_DOMAINS = ("example.com", "example.org", "example.net")
MIN_JOINED = 3
"""Letters that each part of "mariagarcia" must have."""
CACHE_SIZE = 65_536
MIN_DIGITS = 3
"""Digits that a user name has at least; else some are added, so that few people share one."""

TITLES = frozenset("mr mrs ms miss mx dr prof sir madam st rev fr sr sra srta herr frau hr fru mme mlle".split())
SUFFIXES = frozenset("jr sr ii iii iv phd md dds esq rn msc bsc mba".split())
PARTICLES = frozenset("van von der den de del della di da do dos das la le el al bin ibn ben af av zu zur y e".split())
CONJUNCTIONS = frozenset({"and", "und", "et", "y", "e", "en"})
"""Words between two names, which stay."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d+")
_HANDLE_PARTS = re.compile(r"\d+|[^\W\d_]+|[\W_]+")
_NOT_IN_ADDRESSES = str.maketrans("", "", " \0'")
_WORD_LETTERS = re.compile(r"[^\W\d_]+")
_SEPARATOR = re.compile(r"[\W_]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Names:
    """Stand-ins of names under one key.

    Attributes:
        key: Secret key of the stand-ins.
        locale: Locale of the names whose script or row gives no other one.
        injective: Whether names are composed of two, so that hardly any two originals share one.
    """

    key: bytes = field(repr=False)
    locale: str
    injective: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        # What it remembers stays where it is.
        return Names, (self.key, self.locale, self.injective)

    def first_name(self, value: str, person: Person = NOBODY) -> str:
        """Every word a first name: "Mary Ann" becomes two."""
        return self._replace_words(value, person, role="first")

    def last_name(self, value: str, person: Person = NOBODY) -> str:
        """One last name, also for "van der Berg"."""
        return self._replace_words(value, person, role="last")

    def full_name(self, value: str, person: Person = NOBODY) -> str:
        """Titles stay, first and last names are replaced in their places, particles ("van der") disappear."""
        return self._replace_words(value, person, role=None)

    def _replace_words(self, value: str, person: Person, role: str | None) -> str:
        # The common case, a single word, needs no search for words.
        if role is not None and value.isascii() and value.isalpha():
            return self.word(value, role, person)

        value = composed(value)
        # Spaces around a name are the text's, as in "with W. Fischer".
        before = value[: len(value) - len(value.lstrip())]
        after = value[len(value.rstrip()) :]
        value = value.strip()
        if not is_latin(value) and role is None and " " not in value:
            return f"{before}{self._replace_unspaced(value, person)}{after}"

        pieces = []
        end = 0
        for place, word, word_role in assign_roles(value, role, person):
            pieces.append(value[end : place.start()] if word_role != "skip" else value[end : place.start()].rstrip())
            end = place.end()
            if word_role == "keep":
                pieces.append(word)
            elif word_role == "digits":
                pieces.append(permuted(self.key, "NAME", word))
            elif word_role != "skip":
                pieces.append(self.word(word, word_role, person))

        return before + "".join([*pieces, value[end:]]).strip() + after

    def _replace_unspaced(self, value: str, person: Person) -> str:
        """A whole name of a script without spaces, last name first."""
        first = self.word(value, "first", person)
        if len(value) > 1:
            return f"{self.word(value, 'last', person)}{first}"
        return first

    def word(self, word: str, role: str, person: Person = NOBODY) -> str:
        """The stand-in of one word as a "first" or a "last" name, in the word's case."""
        folded = fold_name(word)
        is_own = person is not NOBODY and (folded in person.given or folded in person.family)
        if is_own:
            locale = person.locale
            sex = person.sex
            identity = person.identity
        else:
            locale = None
            sex = None
            identity = ""

        return _like_case(self._draw_cached(folded, role, locale or self.locale, sex, identity), word)

    @cached_property
    def _draw_cached(self) -> Callable[[str, str, str, Sex | None, str], str]:
        """The stand-in of a folded word, remembered."""
        return lru_cache(maxsize=CACHE_SIZE)(self._draw_word)

    def _draw_word(self, folded: str, role: str, locale: str, sex: Sex | None, identity: str) -> str:
        lex = self._choose_lexicon(folded, locale)
        letter = _choose_letter(self.key, folded[:1], lex.locale, identity)
        if len(folded) == 1 and lex.is_latin:
            return letter

        if role == "last":
            table = lex.last_names
        else:
            table = lex.first_names(sexes().get(folded) or sex)

        # The first letter of a word decides that of its stand-in, so initials agree.
        names = table.get(letter) or lex.all_names(table)
        stream = Stream(self.key, role, folded, identity)
        drawn = stream.choice(names)
        # No name stays as it was, unless the list has no other.
        while fold_name(drawn) == folded and len(names) > 1:
            drawn = stream.choice(names)

        if self.injective and lex.is_latin:
            return f"{drawn}-{stream.choice(lex.all_names(table))}"
        return drawn

    def _choose_lexicon(self, word: str, locale: str) -> Lexicon:
        script = locale_of_script(word)
        if script is not None:
            return lexicon(script)
        # A Latin name gets a Latin stand-in, whatever the country of its row.
        return next(lex for name in (locale, self.locale, DEFAULT_LOCALE) if (lex := lexicon(name)).is_latin)

    def email_address(self, value: str, person: Person = NOBODY) -> str:
        """An address whose local part agrees with the person's stand-in, at a domain that is nobody's."""
        local, _, domain = composed(value).strip().partition("@")
        handle = fold_to_ascii(self._replace_handle(local, person)) or "user"
        return f"{handle}@{_choose_domain(self.key, domain.casefold())}"

    def user_name(self, value: str, person: Person = NOBODY) -> str:
        """A user name that agrees with the person's stand-in."""
        return self._replace_handle(composed(value).strip(), person)

    def _replace_handle(self, handle: str, person: Person) -> str:
        stream = Stream(self.key, "handle", handle.casefold())
        segments = [Segment(text=handle)] if _is_plain_handle(handle, person) else split_handle(handle, person)
        roles = frozenset(segment.name.role for segment in segments if segment.name)
        pieces = [piece for segment in segments for piece in self._replace_segment(segment, person, roles, stream)]
        # Without digits, many people would share a user name.
        missing = MIN_DIGITS - sum(len(piece) for piece in pieces if piece.isdecimal())
        return "".join(pieces) + stream.digits(missing, first="123456789")

    def _replace_segment(self, segment: Segment, person: Person, roles: frozenset[str], stream: Stream) -> list[str]:
        if segment.is_initial:
            return [_like_case(self._replace_initial(segment.text, person), segment.text)]
        if segment.name is None and not any(map(str.isalnum, segment.text)):
            return [segment.text]
        if segment.name is None:
            return self._replace_unknown(segment.text, person, roles, stream)

        stand_in = self._replace_words(segment.name.text, person, segment.name.role)
        if stand_in.isalpha():
            return [_like_case(stand_in, segment.text)]

        separator = _SEPARATOR.search(segment.text)
        words = _WORD_LETTERS.findall(stand_in)
        return [_like_case((separator[0] if separator else "").join(words), segment.text)]

    def _replace_initial(self, letter: str, person: Person) -> str:
        """The first letter of the stand-in of the name that begins with a letter, else that of any such name."""
        for names, role in ((person.given_names, "first"), (person.family_names, "last")):
            for name in names:
                if fold_name(name).startswith(fold_name(letter)):
                    return self._replace_words(name, person, role)[:1]
        return self.word(letter, "first", person)

    def _replace_unknown(self, handle: str, person: Person, taken: frozenset[str], stream: Stream) -> list[str]:
        """The pieces of a part of a handle in which no name of the row stands: names are known by the lists.

        Args:
            handle: Part of the handle.
            person: Facts of the row about its person.
            taken: Roles of the names in the other parts.
            stream: Source of the digits.
        """
        pieces: list[str] = []
        parts = _HANDLE_PARTS.findall(handle if handle.islower() else _CAMEL.sub("\0", handle))
        split = {
            part: split_joined(part, person) for part in parts if any(map(str.isalnum, part)) and not part.isdecimal()
        }
        roles = iter(_handle_roles([word for part in parts for word in split.get(part, ())], person, taken))

        for part in parts:
            if part.isdecimal():
                pieces.append(stream.digits(len(part), first="123456789"))
            elif part in split:
                pieces += [self.word(word, next(roles), person) for word, _ in split[part]]
            else:
                pieces.append(part.replace("\0", ""))

        return pieces


def _is_plain_handle(handle: str, person: Person) -> bool:
    """Whether a handle is made of the single words of the person's names and of initials before them.

    Such handles, which are most, need no search for names.
    """
    if person.locale or person.identity or not handle.islower():
        return False
    own = person.given | person.family
    return all(len(run) == 1 or run in own or run[1:] in own for run in _WORD_LETTERS.findall(handle))


def composed(text: str) -> str:
    """A text in which a letter and its accent are one character."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text)


def role_of(folded: str, person: Person = NOBODY) -> str:
    """Whether a word alone is a first or a last name: as the row says, else as Faker's lists do."""
    if folded in person.given:
        return "first"
    if folded in person.family or folded not in sexes():
        return "last"
    return "first"


def split_joined(word: str, person: Person = NOBODY) -> list[tuple[str, str]]:
    """The names in a word of a user name with their roles: "mgarcia" and "mariagarcia" are two."""
    folded = fold_name(word)
    if len(folded) != len(word) or folded in person.given or folded in person.family or _is_known(folded):
        return [(word, role_of(folded, person))]

    # The longest first part wins: "mariagarcia" is Maria, not Mari.
    for cut in range(len(word) - 1, 0, -1):
        head = folded[:cut]
        tail = folded[cut:]
        if _is_compound(head, tail, person):
            return [(word[:cut], "first"), (word[cut:], "last")]
        if tail in person.given and head in person.family:
            return [(word[:cut], "last"), (word[cut:], "first")]

    return [(word, "last")]


def _is_known(folded: str) -> bool:
    return folded in sexes() or folded in family_names()


def _handle_roles(words: list[tuple[str, str]], person: Person, taken: frozenset[str]) -> list[str]:
    """The roles of the names in a user name: the row knows them, or the first of several is the first name.

    Beside a name whose role is known, other words are names of the other role: a table without last names then gives
    an address the same stand-in as one with them.
    """
    if len(taken) == 1:
        return ["last" if "first" in taken else "first"] * len(words)
    if len(words) < 2:
        return [role for _, role in words]

    folded = [fold_name(word) for word, _ in words]
    # The lists of names tell a last name first: "garcia.maria".
    is_reversed = folded[0] not in sexes() and folded[-1] in sexes() and len(folded[0]) > 1
    roles = ["last" if is_reversed else "first", *("first" for _ in words[2:]), "first" if is_reversed else "last"]
    own = person.given | person.family

    return [role_of(word, person) if word in own else role for word, role in zip(folded, roles, strict=True)]


def _is_compound(head: str, tail: str, person: Person) -> bool:
    if tail in person.family or (len(head) == 1 and tail in family_names()):
        return head in person.given or len(head) == 1
    return min(len(head), len(tail)) >= MIN_JOINED and (
        head in person.given or (len(head) > MIN_JOINED and head in sexes())
    )


def name_words(value: str, role: str | None = None) -> list[tuple[str, str]]:
    """The words of a name with their roles, "first" or "last"; without titles, particles and initials.

    Args:
        value: A full name, or only first or last names.
        role: Role of all its words, where the value is not a full name.
    """
    if value.isascii() and value.isalpha():
        if len(value) > 1:
            return [(value, role or role_of(value.lower()))]
        return []

    return [
        (word, found)
        for _, word, found in assign_roles(composed(value), role)
        if found in ("first", "last") and (len(word) > 1 or not word.isascii())
    ]


def split_full_name(value: str) -> tuple[str, str]:
    """The first names and the last names of a full name as it spells them; a last name keeps its particles."""
    value = composed(value)
    spans: dict[str, list[tuple[int, int]]] = {"first": [], "last": []}
    particle = None
    for place, word, role in assign_roles(value, None):
        if role == "skip":
            particle = place.start() if particle is None else particle
        elif role in spans and len(word) > 1:
            is_particled = role == "last" and particle is not None
            spans[role].append((particle if is_particled and particle is not None else place.start(), place.end()))
            particle = None

    first, last = (value[its[0][0] : its[-1][1]] if its else "" for its in spans.values())
    return first, last


def assign_roles(value: str, role: str | None, person: Person = NOBODY) -> Iterator[tuple[re.Match[str], str, str]]:
    """Each word of a name: "first", "last", "keep" for titles, "skip" for particles, "digits"."""
    words = list(_WORD.finditer(value))
    names = [m for m in words if not m[0].isdecimal() and fold_name(m[0]) not in TITLES | SUFFIXES]
    own = person.given | person.family
    full = [
        m
        for m in names
        if (len(m[0]) > 1 or not m[0].isascii())
        and ((m is names[0] and role != "last") or m[0].casefold() not in PARTICLES or fold_name(m[0]) in own)
    ] or names
    joined = {m.start() for m in names if _is_conjunction(m, names)}
    full = [m for m in full if m.start() not in joined]
    # "Garcia, Maria": a comma between two names puts the last name first, and so does the slash of "Garcia/Maria".
    comma = -1 if joined else max(value.find(","), value.find("/"))
    is_reversed = comma > 0 and any(m.start() > comma for m in full) and any(m.end() <= comma for m in full)

    for place in words:
        word = place[0]
        if word.isdecimal():
            yield place, word, "digits"
        elif place.start() in joined:
            yield place, word, "keep"
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


def _is_conjunction(place: re.Match[str], names: list[re.Match[str]]) -> bool:
    """Whether a word joins two names: "Olga and Ingrid Garcia", "Ana y Luis Soto"."""
    return place[0] in CONJUNCTIONS and place is not names[0] and place is not names[-1]


@lru_cache(maxsize=4096)
def _choose_domain(key: bytes, domain: str) -> str:
    return Stream(key, "domain", domain).choice(EMAIL_DOMAINS)


@lru_cache(maxsize=4096)
def _choose_letter(key: bytes, letter: str, locale: str, identity: str) -> str:
    """The first letter of what takes the place of words that begin with this one."""
    letters = lexicon(locale).letters
    stream = Stream(key, "letter", letter, identity)
    if letters:
        return stream.choice(letters)
    return stream.choice("abcdefghijklmnoprstvw")


def _like_case(name: str, word: str) -> str:
    if word.isupper() and (len(word) > 1 or len(name) == 1):
        return name.upper()
    if word.islower():
        return name.lower()
    return name


def fold_to_ascii(text: str) -> str:
    """The letters of a name as an address of e-mail may hold them."""
    folded = fold_name(text)
    if folded.isascii():
        plain = folded
    else:
        plain = folded.encode("ascii", "ignore").decode()

    # An address holds no spaces and apostrophes.
    return plain.translate(_NOT_IN_ADDRESSES)
