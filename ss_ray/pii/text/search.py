"""A search of one entity type in texts, and the cheap conditions under which it runs: characters and words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ss_ray.pii.text.readings import GLUED_TYPES, other_readings
from ss_ray.pii.text.reversed_labels import has_link

# Number of characters before a match that count as its context.
_CONTEXT_CHARS = 120
_CONTEXT_WORDS = 6
# Presidio's LemmaContextAwareEnhancer.
_CONTEXT_GAIN, _CONTEXT_FLOOR = 0.35, 0.4
WORD = re.compile(r"[^\W\d_]+")
"""A word of letters."""
_DIGITS = re.compile(r"\d+")
# Where a word begins inside of a program's name: "dbUser".
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PHONE_CLUE = re.compile(r"(?<!\d)\d(?:[^\w@,;:]{0,3}\d){6,14}(?!\d)")


@dataclass(frozen=True)
class Clue:
    """Properties of a text that are cheap to compute.

    Attributes:
        text: Text that is searched.
        words: Its words of letters, in small letters.
        digits: Number of digits in the text.
    """

    text: str
    words: frozenset[str]
    digits: int

    @cached_property
    def has_phone_form(self) -> bool:
        """Whether seven digits stand together, with a few other characters between them."""
        return _PHONE_CLUE.search(self.text) is not None

    @cached_property
    def has_reversed_link(self) -> bool:
        """Whether a value may stand before its label."""
        return has_link(self.text)

    @classmethod
    def of(cls, text: str) -> Clue:
        """The clues of a text."""
        words = WORD.findall(text.lower())
        if _HUMP.search(text):
            words += WORD.findall(_HUMP.sub(" ", text).lower())

        return cls(text, frozenset(words), sum(map(len, _DIGITS.findall(text))))


class Match(NamedTuple):
    """A span that a recognizer found."""

    start: int
    end: int
    entity_type: str
    score: float


@dataclass(frozen=True)
class Recognizer:
    """A recognizer of Presidio, with the conditions for running it and for accepting its matches.

    Attributes:
        entity_type: Entity type of ours that its findings get.
        presidio: Search with the interface of a recognizer of Presidio, as far as it is used here.
        may_match: Whether a text can hold what it looks for; cheap.
        keywords: Words of which the text, or its context, must hold one; empty for any text.
        context: Words and phrases that raise a score where they stand before the match.
        needs_context: Whether a match without context counts for nothing.
        accepts: A last look at a match: the text, its first character and one past its last.
        min_digits: Number of digits that a text needs for a match; looked at before anything else.
    """

    entity_type: str
    presidio: Any
    may_match: Callable[[Clue], bool] = field(default=lambda clue: True)
    keywords: frozenset[str] = frozenset()
    context: tuple[str, ...] = ()
    needs_context: bool = False
    accepts: Callable[[str, int, int], bool] = field(default=lambda text, start, end: True)
    min_digits: int = 0

    def find(self, text: str, given: Sequence[str] = ()) -> Iterator[Match]:
        """Matches with their scores; `given` are words that stand beside the text, a column's header.

        Raises:
            SearchTimeoutError: A pattern took too long.
        """
        for result in self.presidio.analyze(text, self.presidio.supported_entities):
            if not self.accepts(text, result.start, result.end):
                continue

            score = result.score
            if (self.context and score < 1) or self.needs_context:
                if _has_context(text, result.start, self.context, given):
                    score = min(1.0, max(score + _CONTEXT_GAIN, _CONTEXT_FLOOR))
                elif self.needs_context:
                    continue

            yield Match(result.start, result.end, self.entity_type, score)


def matches(recognizers: RecognizerSet, text: str, given: Sequence[str] = ()) -> list[Match]:
    """All matches in a text and in its other readings, in which words and numbers have edges that patterns see.

    Raises:
        SearchTimeoutError: A pattern took too long, so the text is searched by half.
    """
    found = _matches_of_reading(recognizers, text, given)

    for reading in other_readings(text):
        # Beside letters numbers alone are looked for, so no other recognizer has to run.
        chosen = recognizers.of_glued if reading.glued is not None else recognizers
        for match in _matches_of_reading(chosen, reading.text, given):
            if reading.accepts(match.start, match.end, match.entity_type):
                start, end = reading.span(match.start, match.end)
                found.append(match._replace(start=start, end=end))

    return found


def _matches_of_reading(recognizers: RecognizerSet, text: str, given: Sequence[str]) -> list[Match]:
    """Matches in one reading."""
    clue = Clue.of(text)
    if given:
        words = clue.words.union(*(WORD.findall(word.lower()) for word in given))
    else:
        words = clue.words

    return [m for recognizer in recognizers.candidates(clue, words) for m in recognizer.find(text, given)]


class RecognizerSet:
    """Recognizers indexed by their keywords."""

    def __init__(self, recognizers: Iterable[Recognizer]):
        self.all = tuple(recognizers)
        self._always = [r for r in self.all if not r.keywords]
        self._by_word: dict[str, list[Recognizer]] = {}

        for recognizer in self.all:
            for word in recognizer.keywords:
                self._by_word.setdefault(word, []).append(recognizer)

    @cached_property
    def of_glued(self) -> RecognizerSet:
        """The recognizers of types that are looked for beside letters."""
        return RecognizerSet(r for r in self.all if r.entity_type in GLUED_TYPES)

    def candidates(self, clue: Clue, words: frozenset[str]) -> list[Recognizer]:
        """The recognizers worth running on a text."""
        named = {id(r): r for word in sorted(words & self._by_word.keys()) for r in self._by_word[word]}
        return [r for r in (*self._always, *named.values()) if clue.digits >= r.min_digits and r.may_match(clue)]


def _has_context(text: str, start: int, context: Sequence[str], given: Sequence[str]) -> bool:
    """Whether a word or phrase stands in the few words before a match, or was given as context."""
    before = " ".join(WORD.findall(text[max(0, start - _CONTEXT_CHARS) : start].lower())[-_CONTEXT_WORDS:])
    near = " ".join((" ", before, *(" ".join(WORD.findall(word.lower())) for word in given), " "))
    return any(f" {phrase}" in near for phrase in context)
