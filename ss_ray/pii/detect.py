"""Text -> findings: where personal data stands in a text, by Presidio's pattern recognizers and their validators.

No language model and no network: names and addresses in free text are not found here. The only file that
imports Presidio.

Scores, which decide what a threshold lets through (without an NLP engine Presidio adds nothing for context words):

    EMAIL_ADDRESS, CREDIT_CARD, IBAN_CODE  1.0   domain, Luhn digit or check digits agree; otherwise no finding
    IP_ADDRESS                             0.6   parses as an address; the bare "::" scores 0.1
    US_SSN                                 0.5   123-45-6789 with equal separators; 0.6 after the word SSN;
                                           0.05  nine bare digits. Area 000 and 666, group 00, serial 0000: no finding
    PHONE_NUMBER                           0.4   a number that libphonenumber holds valid in one of the regions,
                                                 (212) 555-0147 and +44 20 7946 0958 by their shape alone

`THRESHOLD` lies below phone numbers and above the weak patterns, so nine bare digits, a customer number more
often than not, need the word SSN before them or a column header that says so.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ss_ray.errors import ConfigError
from ss_ray.pii.entities import PATTERN_TYPES

THRESHOLD = 0.3

# What Presidio 2.2.366 lacks, as (name, pattern, score). Cards still need their Luhn digit.
_MORE_PATTERNS = {
    "CREDIT_CARD": (
        ("Mastercard, series 2", r"\b2[2-7]\d{2}(?:[- ]?\d{4}){3}\b", 0.3),
        ("19 digits", r"\b[46]\d{3}(?:[- ]?\d{4}){3}[- ]?\d{3}\b", 0.3),
    ),
    "PHONE_NUMBER": (
        (
            "North American shape",
            r"(?<![\w-])(?:(?:\+|00)?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}"
            r"(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w-])",
            0.4,
        ),
        ("International shape", r"(?<!\w)\+\d{1,3}[ .-]?(?:\(0\))?(?:[ .-]?\d){7,12}(?!\w)", 0.4),
    ),
    "US_SSN": (
        (
            "SSN after its name",
            r"(?<=\b(?:ssn|social security(?: number| no\.?)?)(?: is)?[\s:#-]{1,3})\d{9}\b",
            0.6,
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text.

    Attributes:
        start: First character, an index into the Python string.
        end: One past the last character.
        entity_type: For example "EMAIL_ADDRESS".
        score: Certainty in (0, 1], see the module.
    """

    start: int
    end: int
    entity_type: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Finds the chosen entity types. Building one takes milliseconds after Presidio's import (about a second).

    Attributes:
        entities: What to look for; types that no pattern finds (FIRST_NAME, ...) are ignored.
        threshold: Smallest score of a finding, in (0, 1].
        phone_regions: Countries whose national phone formats are known, ISO 3166 codes. Each costs time.
    """

    entities: tuple[str, ...] = tuple(sorted(PATTERN_TYPES))
    threshold: float = THRESHOLD
    phone_regions: tuple[str, ...] = ("US",)
    _recognizers: tuple[_Recognizer, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"the detection threshold is {self.threshold}; it must lie in (0, 1]")
        object.__setattr__(self, "_recognizers", _recognizers(self.entities, self.phone_regions))

    def __reduce__(self) -> tuple[Any, ...]:
        # Recognizers are rebuilt where the detector arrives: a second is cheaper than shipping the suffix list.
        return _rebuild, (self.entities, self.threshold, self.phone_regions)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Findings in ascending order, none of which overlap."""
        found: list[Finding] = []
        for recognizer in self._recognizers:
            if recognizer.may_match(text):
                found += recognizer.find(text)
        return without_overlaps(finding for finding in found if finding.score >= self.threshold)

    def find_each(self, texts: Iterable[str]) -> dict[str, tuple[Finding, ...] | None]:
        """Findings by text; identical texts are analysed once. None where the analysis failed: hide that text."""
        return {text: self._find_or_none(text) for text in dict.fromkeys(texts)}

    def _find_or_none(self, text: str) -> tuple[Finding, ...] | None:
        try:
            return self.find(text)
        except Exception:  # noqa: BLE001 - whatever failed, the caller hides the text; its message may quote the text
            return None


def without_overlaps(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in ascending order; those that overlap become one that covers them all.

    The longest gives the type and the score, the more certain one if they are equally long. Keeping its span
    alone would leave a fragment of the others in the text.
    """
    merged: list[tuple[int, int, Finding]] = []  # start and end of a group, and its winner
    for finding in sorted(findings, key=lambda f: (f.start, f.end)):
        if merged and finding.start < merged[-1][1]:
            start, end, winner = merged[-1]
            merged[-1] = start, max(end, finding.end), max(winner, finding, key=_rank)
        else:
            merged.append((finding.start, finding.end, finding))
    return tuple(Finding(start, end, winner.entity_type, winner.score) for start, end, winner in merged)


def _rank(finding: Finding) -> tuple[int, float]:
    return finding.end - finding.start, finding.score


def _rebuild(entities: tuple[str, ...], threshold: float, phone_regions: tuple[str, ...]) -> Detector:
    return Detector(entities=entities, threshold=threshold, phone_regions=phone_regions)


@dataclass(frozen=True)
class _Recognizer:
    """One of Presidio's recognizers, with a cheap test that spares most texts its patterns."""

    entity_type: str
    may_match: Callable[[str], bool]
    presidio: Any
    timeout_seconds: float

    def find(self, text: str) -> list[Finding]:
        started = time.monotonic()
        results = self.presidio.analyze(text, [self.entity_type])
        # Presidio skips a pattern that times out and returns the rest; a text searched by half must not pass.
        if time.monotonic() - started >= self.timeout_seconds:
            raise TimeoutError(f"the search for {self.entity_type} took over {self.timeout_seconds} seconds")
        return [Finding(r.start, r.end, self.entity_type, r.score) for r in results]


def _recognizers(entities: tuple[str, ...], phone_regions: tuple[str, ...]) -> tuple[_Recognizer, ...]:
    """Presidio's recognizers of the entity types, without its registry and NLP engine."""
    with _without_modules("torch", "transformers"):
        from presidio_analyzer import pattern_recognizer
        from presidio_analyzer import predefined_recognizers as presidio

    builders: dict[str, tuple[Callable[[str], bool], Callable[[], Any]]] = {
        "CREDIT_CARD": (_has_digits, lambda: _extended(presidio.CreditCardRecognizer, "CREDIT_CARD")),
        "EMAIL_ADDRESS": (lambda text: "@" in text, _offline_email_recognizer),
        "IBAN_CODE": (_has_digits, presidio.IbanRecognizer),
        "IP_ADDRESS": (lambda text: "." in text or ":" in text, presidio.IpRecognizer),
        "PHONE_NUMBER": (_has_digits, lambda: presidio.PhoneRecognizer(supported_regions=phone_regions)),
        "US_SSN": (_has_digits, lambda: _extended(presidio.UsSsnRecognizer, "US_SSN")),
    }
    chosen = [(name, *builders[name]) for name in entities if name in builders]
    if "PHONE_NUMBER" in entities:
        chosen.append(("PHONE_NUMBER", _has_digits, _phone_shape_recognizer))
    timeout = float(pattern_recognizer.REGEX_TIMEOUT_SECONDS)
    return tuple(_Recognizer(name, may_match, build(), timeout) for name, may_match, build in chosen)


def _extended(recognizer: Any, entity_type: str) -> Any:
    """A recognizer of Presidio's with its own patterns and ours."""
    return recognizer(patterns=[*recognizer.PATTERNS, *_more_patterns(entity_type)])


def _phone_shape_recognizer() -> Any:
    from presidio_analyzer import PatternRecognizer

    return PatternRecognizer(supported_entity="PHONE_NUMBER", patterns=_more_patterns("PHONE_NUMBER"))


def _more_patterns(entity_type: str) -> list[Any]:
    from presidio_analyzer import Pattern

    return [Pattern(name, regex, score) for name, regex, score in _MORE_PATTERNS[entity_type]]


def _has_digits(text: str) -> bool:
    return re.search(r"\d", text) is not None


def _offline_email_recognizer() -> Any:
    """Presidio's recognizer with the suffix list that tldextract ships.

    Presidio asks tldextract's global extractor, which fetches the list from the network at its first use.
    """
    from presidio_analyzer.predefined_recognizers import EmailRecognizer
    from tldextract import TLDExtract

    extract = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(extract(pattern_text).fqdn)

    return OfflineEmailRecognizer()


@contextmanager
def _without_modules(*names: str) -> Iterator[None]:
    """Pretend that optional packages are missing; those that are imported already stay.

    Presidio 2.2.366 imports transformers and torch for engines that are not used here: 9 s and 300 MB a worker
    instead of 1.4 s and 100 MB. Both can be imported as usual afterwards.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
