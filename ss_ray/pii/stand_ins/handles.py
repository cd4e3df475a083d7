"""User names, and what stands before the @ of an e-mail address: where the names of a row's person stand in them.

"debra.oneal", "JanvanderBerg", "j.q.public" and "smithj" hold names of several words, particles and initials. They are
found by the names that the row has, so that no list of names has to know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.stand_ins.person import Person

MIN_OWN = 2
"""Letters that a name has at least, to be looked for in a handle."""
_LETTERS = re.compile(r"[^\W\d_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})


@dataclass(frozen=True, kw_only=True)
class OwnName:
    """A name of the person.

    Attributes:
        text: The name as the row has it.
        role: "first" or "last".
        regex: Matches its spellings in a folded handle.
    """

    text: str
    role: str
    regex: str


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a handle: a name or an initial of the person, or anything else.

    Attributes:
        text: Letters and signs of the handle.
        name: Name that it spells; None where it spells none.
        is_initial: Whether it is a single letter beside a name.
    """

    text: str
    name: OwnName | None = None
    is_initial: bool = False


def split_handle(handle: str, person: Person) -> list[Segment]:
    """The segments of a handle in order; together they are the handle."""
    names = own_names(person)
    folded = fold_name(handle)
    if not names or len(folded) != len(handle):
        return [Segment(text=handle)]

    segments = []
    end = 0
    for place in _own_pattern(names).finditer(folded):
        segments.append(Segment(text=handle[end : place.start()]))
        segments += _split_own(handle, place, names)
        end = place.end()

    segments.append(Segment(text=handle[end:]))
    return [segment for segment in segments if segment.text]


def _split_own(handle: str, place: re.Match[str], names: tuple[OwnName, ...]) -> Iterator[Segment]:
    """The names and initials of a run of letters in which the person's names stand."""
    either = "|".join(name.regex for name in names)
    for part in re.finditer(rf"{either}|[^\W\d_]|[\W\d_]+", place[0]):
        text = handle[place.start() + part.start() : place.start() + part.end()]
        name = next((name for name in names if re.fullmatch(name.regex, part[0])), None)
        is_initial = name is None and text.isalpha()
        yield Segment(text=text, name=name, is_initial=is_initial)


@lru_cache(maxsize=4096)
def own_names(person: Person) -> tuple[OwnName, ...]:
    """The names of a person, the longest first: whole, and each word of them."""
    names: dict[str, OwnName] = {}
    for role, texts in (("last", person.family_names), ("first", person.given_names)):
        for text in texts:
            for part in (text, *_LETTERS.findall(text)):
                if len(part) >= MIN_OWN:
                    names.setdefault(fold_name(part), OwnName(text=part, role=role, regex=_spell_name(part)))

    return tuple(sorted(names.values(), key=lambda name: -len(name.text)))


@lru_cache(maxsize=4096)
def _own_pattern(names: tuple[OwnName, ...]) -> re.Pattern[str]:
    """Names that follow each other, with at most two initials before, one between, and two behind them."""
    either = "|".join(name.regex for name in names)
    letter = r"[^\W\d_]"
    return re.compile(
        rf"(?<!{letter}){letter}{{0,2}}?(?:{either})(?:{letter}?(?:{either}))*{letter}{{0,2}}(?!{letter})"
    )


def _spell_name(name: str) -> str:
    """The regex of a name without case, accents and separators: "O'Neal" is "oneal", "van der Berg" is "vanderberg"."""
    words = _LETTERS.findall(name)
    plain = r"[\W_]?".join(fold_name(word) for word in words)
    spelled = r"[\W_]?".join(fold_name(word.casefold().translate(_UMLAUTS)) for word in words)
    return plain if plain == spelled else f"(?:{spelled}|{plain})"
