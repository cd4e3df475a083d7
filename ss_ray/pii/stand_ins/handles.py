"""User names, and what stands before the @ of an e-mail address: where the names of a row's person stand in them.

"debra.oneal", "JanvanderBerg", "j.q.public" and "smithj" hold names of several words, particles and initials. They are
found by the names that the row has, so that no list of names has to know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.stand_ins.person import Person

MIN_OWN = 2
"""Letters that a name has at least, to be looked for in a handle."""
MAX_INITIALS = 2
"""Initials before and behind names."""
_LETTERS = re.compile(r"[^\W\d_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})


@dataclass(frozen=True, kw_only=True)
class OwnName:
    """A name of the person.

    Attributes:
        text: The name as the row has it.
        role: "first" or "last".
        letters: Its folded letters alone: "oneal" for "O'Neal", "vanderberg" for "van der Berg".
    """

    text: str
    role: str
    letters: str


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

    letters = _LetterRuns(folded)
    segments: list[Segment] = []
    done = 0
    start = 0
    while start < len(letters.places):
        parts = letters.match_names(start, names)
        if not parts:
            start = letters.next_end(start)
            continue

        for length, name in parts:
            first = letters.places[start]
            segments.append(Segment(text=handle[done:first]))
            done = letters.places[start + length - 1] + 1
            segments.append(Segment(text=handle[first:done], name=name, is_initial=name is None))
            start += length

    segments.append(Segment(text=handle[done:]))
    return [segment for segment in segments if segment.text]


@lru_cache(maxsize=4096)
def own_names(person: Person) -> tuple[OwnName, ...]:
    """The names of a person in each of their spellings, the longest first: whole, and each word of them."""
    names: dict[str, OwnName] = {}
    for role, texts in (("last", person.family_names), ("first", person.given_names)):
        for text in texts:
            for part in (text,) if text.isalpha() else (text, *_LETTERS.findall(text)):
                for letters in _spell_name(part):
                    if len(letters) >= MIN_OWN:
                        names.setdefault(letters, OwnName(text=part, role=role, letters=letters))

    return tuple(sorted(names.values(), key=lambda name: -len(name.letters)))


def _spell_name(name: str) -> Iterator[str]:
    """The folded letters of a name, also with its umlauts as two letters."""
    # The common case, a single word, needs no search for words.
    if name.isascii() and name.isalpha():
        yield name.lower()
        return

    yield "".join(_LETTERS.findall(fold_name(name)))
    if not name.isascii():
        yield "".join(_LETTERS.findall(fold_name(name.casefold().translate(_UMLAUTS))))


class _LetterRuns:
    """The letters of a folded handle without what stands between them.

    Attributes:
        letters: Letters of the handle in order, joined.
        places: Place of each letter in the handle.
        ends: Numbers of letters behind which another character or nothing stands.
        barriers: Numbers of letters behind which a digit stands, which no name goes over.
    """

    def __init__(self, folded: str) -> None:
        runs = list(_LETTERS.finditer(folded))
        self.places = [place for run in runs for place in range(run.start(), run.end())]
        self.letters = "".join(run[0] for run in runs)
        self.ends = list(accumulate(len(run[0]) for run in runs))
        self.barriers = [
            end
            for end, run, after in zip(self.ends, runs, runs[1:], strict=False)
            if any(map(str.isdecimal, folded[run.end() : after.start()]))
        ]

    def next_end(self, start: int) -> int:
        """The number of letters at the end of the run in which a letter stands."""
        return next(end for end in self.ends if end > start)

    def match_names(self, start: int, names: tuple[OwnName, ...]) -> list[tuple[int, OwnName | None]]:
        """Lengths and names of the parts from the start of a run to the end of one; [] where other letters are left."""
        run_end = self.next_end(start)
        for initials in range(min(MAX_INITIALS, run_end - start) + 1):
            parts = self._match_from(start + initials, names)
            if parts:
                return [(1, None)] * initials + parts
        return []

    def _match_from(self, start: int, names: tuple[OwnName, ...]) -> list[tuple[int, OwnName | None]]:
        parts: list[tuple[int, OwnName | None]] = []
        place = start
        name = self._find_name(place, names)
        while name is not None:
            parts.append((len(name.letters), name))
            place += len(name.letters)
            if place in self.ends:
                return parts

            name = self._find_name(place, names)
            if name is None and place + 1 not in self.ends and (name := self._find_name(place + 1, names)):
                parts.append((1, None))
                place += 1

        left = self.next_end(place) - place if place < len(self.letters) else 0
        return [*parts, *[(1, None)] * left] if parts and left <= MAX_INITIALS else []

    def _find_name(self, place: int, names: tuple[OwnName, ...]) -> OwnName | None:
        """The longest name whose letters stand at a place, with no digit between them."""
        for name in names:
            end = place + len(name.letters)
            if self.letters.startswith(name.letters, place) and not any(place < at < end for at in self.barriers):
                return name
        return None
