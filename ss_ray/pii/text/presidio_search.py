"""The searches of Presidio's recognizers, without the objects that explain each match.

A recognizer of Presidio makes an explanation and two dictionaries for each match, and parses each phone number a second
time for its explanation. Here the same patterns and validators give spans alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ss_ray.pii.text.labelled import Span


def lean_search(recognizer: Any) -> Any:
    """A search that finds what a recognizer finds; the recognizer itself where it searches in a way of its own.

    Args:
        recognizer: Recognizer object of Presidio, or one of ours.
    """
    from presidio_analyzer import PatternRecognizer
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    if type(recognizer) is PhoneRecognizer:
        return PhoneSearch(recognizer)
    if isinstance(recognizer, PatternRecognizer) and type(recognizer).analyze is PatternRecognizer.analyze:
        return PatternSearch(recognizer)
    return recognizer


class PatternSearch:
    """Matches of a recognizer's patterns that its validator does not refuse; a match that it confirms has score 1."""

    def __init__(self, recognizer: Any):
        self.supported_entities = tuple(recognizer.supported_entities)
        self.patterns = recognizer.patterns
        self._validate = recognizer.validate_result
        self._invalidate = recognizer.invalidate_result

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Matches in a text."""
        for pattern in self.patterns:
            for match in pattern.compiled_regex.finditer(text):
                start, end = match.span()
                score = self._score_match(text[start:end], pattern.score)
                if score > 0:
                    yield Span(start, end, score)

    def _score_match(self, found: str, score: float) -> float:
        if not found:
            return 0.0

        is_valid = self._validate(found)
        if is_valid is False or self._invalidate(found):
            return 0.0
        return 1.0 if is_valid else score


class PhoneSearch:
    """Numbers that libphonenumber holds valid in one of the recognizer's countries."""

    def __init__(self, recognizer: Any):
        self.supported_entities = tuple(recognizer.supported_entities)
        self._regions = tuple(recognizer.supported_regions)
        self._leniency = recognizer.leniency
        self._score = recognizer.SCORE

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Phone numbers of a text."""
        from phonenumbers import PhoneNumberMatcher

        for region in self._regions:
            for match in PhoneNumberMatcher(text, region, leniency=self._leniency):
                yield Span(match.start, match.end, self._score)
