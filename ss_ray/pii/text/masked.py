"""Identifiers of which most characters are masked already: "XXX-XX-2409", "****1234", "xxxx-xxxx-xxxx-1234".

What is left of them still tells people apart, so it is found with its mask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.text.labelled import Span

_MASK = "[xX*•●·]"
_SEPARATOR = r"[ \u00a0./–-]"
_PATTERN = re.compile(
    rf"(?<![\w*•●·])(?:\d{{1,6}}{_SEPARATOR}?)?"
    rf"(?:{_MASK}{{2,6}}(?:{_SEPARATOR}{_MASK}{{2,6}}){{1,5}}{_SEPARATOR}?|[*•●·]{{3,19}} ?|[xX]{{3,19}}-|[xX]{{4,19}}"
    rf"|#{{4,19}}[ -]?)"
    r"\d{2,6}(?![\w*]|[.,:]\d)"
)
_SSN = re.compile(rf"{_MASK}{{3}}{_SEPARATOR}?{_MASK}{{2}}{_SEPARATOR}?\d{{4}}")
_CARD = re.compile(
    rf"(?:[\dxX*•●·]{{4}}{_SEPARATOR}?){{3}}\d{{4}}|[xX*•●·]{{4}}{_SEPARATOR}[xX*•●·]{{6}}{_SEPARATOR}\d{{5}}"
)


class MaskedIds:
    """Finds masked identifiers of one entity type. It has Presidio's interface as far as a `Recognizer` uses it."""

    def __init__(self, entity_type: str):
        self.supported_entities = (entity_type,)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Masked identifiers of a text, with their masks."""
        for match in _PATTERN.finditer(text):
            if _type_of(match[0]) == self.supported_entities[0] and sum(map(str.isdigit, match[0])) >= 3:
                yield Span(*match.span(), 0.6)


class MaskedNames:
    """Finds first names and surnames of which the first letters are left: "T***** L****"."""

    supported_entities = ("PERSON",)
    _pattern = re.compile(r"(?<![\w*])[^\W\d_a-z]\*{2,19}(?: [^\W\d_a-z]\*{2,19}){1,3}(?![\w*])")

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Masked names of a text."""
        for match in self._pattern.finditer(text):
            yield Span(*match.span(), 0.6)


def _type_of(masked: str) -> str:
    if _SSN.fullmatch(masked):
        return "US_SSN"
    if _CARD.fullmatch(masked):
        return "CREDIT_CARD"
    return "ACCOUNT_NUMBER"


MASKED_TYPES = ("US_SSN", "CREDIT_CARD", "ACCOUNT_NUMBER")


def has_mask(text: str) -> bool:
    """Whether a text has two characters of a mask side by side."""
    return any(mask in text for mask in ("**", "xx", "XX", "••", "●●", "··", "####"))
