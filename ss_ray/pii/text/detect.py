"""Search for personal data in texts. It is local: no setting makes it use the network.

Two sources are put together: patterns with their validators (`recognizers.py`), and a model that reads names,
addresses, organisations and dates (`ner.py`; the small one that ships with the package unless another is named).
Where they overlap the longer finding gives the type. A model's score is 0.85 times its probability, half of that for
numbers (phones, postcodes), of which a pattern with a check digit knows more.

`THRESHOLD` lies below phone numbers and above the weak patterns, so nine bare digits, a customer number more
often than not, need the word SSN before them or a column header that says so.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, starmap
from typing import Any, NamedTuple

from ss_ray.errors import ConfigError
from ss_ray.pii.entities import CustomEntity
from ss_ray.pii.text.birth_dates import is_birth_label
from ss_ray.pii.text.medical_terms import is_medical_term
from ss_ray.pii.text.name_patterns import is_thing
from ss_ray.pii.text.ner_engines import BUILTIN, BUILTIN_TYPES, NerEngine, load_engine
from ss_ray.pii.text.prose import is_believed, is_read
from ss_ray.pii.text.recognizers import PATTERN_TYPES, custom_recognizers, pattern_recognizers
from ss_ray.pii.text.search import RecognizerSet, matches
from ss_ray.pii.text.titles import find_titled
from ss_ray.pii.text.windows import Window, windows

__all__ = ["PATTERN_TYPES", "TEXT_TYPES", "THRESHOLD", "Detector", "Finding", "without_overlaps"]

THRESHOLD = 0.3
TEXT_TYPES = PATTERN_TYPES | BUILTIN_TYPES
"""All types that the detector can find, with the model that ships with the package."""

# Score of a pattern from which a model does not overrule it.
_CERTAIN = 0.5
# Types that eponyms and drugs are taken for.
_NAMED = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
# Characters: keys and tokens are long, and patterns linear.
_PATTERN_WINDOW, _PATTERN_OVERLAP = 100_000, 20_000
# Number of windows that a model reads at once.
_BATCH = 512


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
    """Finds the chosen entity types. Building one takes about two seconds in a fresh process.

    Attributes:
        entities: Entity types to search for, besides the custom types; types that nothing finds (FIRST_NAME, ...) are
            ignored.
        threshold: Smallest score of a finding, in (0, 1].
        thresholds: Smallest score by entity type; it takes precedence over `threshold`.
        phone_regions: Countries whose national phone formats are known, ISO 3166 codes. Each costs time.
        custom: Types that the configuration adds.
        ner_model: "builtin"; None for patterns only; the name or path of a spaCy pipeline; "transformers:NAME" for a
            token classification model and "gliner:NAME" for a GLiNER model, by name or path. They have to be there:
            nothing is downloaded.

    Raises:
        ConfigError: A threshold outside of its range, a custom type that is wrong, or no such kind of model.
        ResourceError: The model or its package cannot be loaded.

    Example:
        >>> detector = Detector(entities=("EMAIL_ADDRESS", "US_SSN"), ner_model=None)
        >>> text = "Write to ann@example.com about the invoice."
        >>> [(text[found.start : found.end], found.entity_type) for found in detector.find(text)]
        [('ann@example.com', 'EMAIL_ADDRESS')]
    """

    entities: tuple[str, ...] = tuple(sorted(TEXT_TYPES))
    threshold: float = THRESHOLD
    thresholds: Mapping[str, float] = field(default_factory=dict)
    phone_regions: tuple[str, ...] = ("US",)
    custom: tuple[CustomEntity, ...] = ()
    ner_model: str | None = BUILTIN
    _recognizers: RecognizerSet = field(init=False, repr=False, compare=False)
    _engine: NerEngine | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for value in (self.threshold, *self.thresholds.values()):
            if not 0 < value <= 1:
                raise ConfigError(f"the detection threshold is {value}; it must lie in (0, 1]")

        own = [*pattern_recognizers(self.entities, self.phone_regions), *custom_recognizers(self.custom)]
        object.__setattr__(self, "_recognizers", RecognizerSet(own))
        # The model takes memory and seconds to load, so it is loaded only if it can find one of the types.
        wanted = self.ner_model is not None and (self.ner_model != BUILTIN or BUILTIN_TYPES & set(self.entities))
        object.__setattr__(self, "_engine", load_engine(self.ner_model) if self.ner_model and wanted else None)

    def __hash__(self) -> int:
        return hash(
            (self.entities, self.threshold, tuple(sorted(self.thresholds.items())), self.custom, self.ner_model)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Recognizers and models are loaded where the detector arrives: two seconds are cheaper than shipping them.
        settings = (
            self.entities,
            self.threshold,
            dict(self.thresholds),
            self.phone_regions,
            self.custom,
            self.ner_model,
        )
        return _rebuild_detector, settings

    def find(self, text: str, context: Sequence[str] = (), usual_language: str | None = None) -> tuple[Finding, ...]:
        """Findings in ascending order and without overlaps.

        Args:
            text: Text of any length.
            context: Words that stand beside the text, such as its column's header; they count as context words.
            usual_language: Language of the texts beside it, where that is not English.
        """
        parts = list(windows(text))
        read = self._read_windows([part.of(text) for part in parts], usual_language)
        return self._join_findings(text, parts, read, context)

    def find_each(
        self, texts: Iterable[str], context: Sequence[str] = (), usual_language: str | None = None
    ) -> dict[str, tuple[Finding, ...] | None]:
        """Findings by text; identical texts are analysed once. None where the analysis failed: hide that text."""
        found: dict[str, tuple[Finding, ...] | None] = {}
        # Equal texts are read once.
        waiting = iter(dict.fromkeys(texts))
        # The model reads several windows at once, which is faster than one by one.
        while batch := list(islice(waiting, _BATCH)):
            parts = [list(windows(text)) for text in batch]
            try:
                flat = [part.of(text) for text, its in zip(batch, parts, strict=True) for part in its]
                read = iter(self._read_windows(flat, usual_language))
            except Exception:  # noqa: BLE001 - the model failed on one of them: which, shows reading them one by one
                found.update((text, _or_none(partial(self.find, text, context, usual_language))) for text in batch)
                continue

            for text, its in zip(batch, parts, strict=True):
                found[text] = _or_none(partial(self._join_findings, text, its, list(islice(read, len(its))), context))

        return found

    def _read_windows(self, parts: list[str], usual_language: str | None) -> list[list[Finding]]:
        """Findings of the model in each window; none in codes and, by the packaged model, in other languages."""
        if self._engine is None:
            return [[] for _ in parts]

        wanted = set(self.entities)
        is_builtin = self.ner_model == BUILTIN
        prose = [part for part in parts if is_read(part, english_only=is_builtin, usual_language=usual_language)]
        read = dict(zip(prose, self._engine.find_each(prose), strict=True))
        return [
            [
                Finding(s, e, kind, score)
                for s, e, kind, score in _tidy_spans(text, read.get(text, ()))
                if kind in wanted and (not is_builtin or is_believed(text, s, e, kind, score))
            ]
            for text in parts
        ]

    def _join_findings(
        self, text: str, parts: list[Window], read: list[list[Finding]], context: Sequence[str]
    ) -> tuple[Finding, ...]:
        """The findings of a text from those of the model in its windows and from patterns."""
        by_model = [f for part, found in zip(parts, read, strict=True) for f in _place_findings(found, part)]
        by_model = [f for f in by_model if not _is_no_name(text, f)]
        by_model = _with_namesakes(text, by_model)
        by_pattern = [
            f
            for part in windows(text, _PATTERN_WINDOW, _PATTERN_OVERLAP)
            for f in _place_findings(
                starmap(Finding, matches(self._recognizers, text[part.start : part.end], context)), part
            )
        ]
        if "PERSON" in self.entities:
            by_pattern += starmap(Finding, find_titled(text))

        return without_overlaps(
            finding
            for finding in (*by_pattern, *_drop_contradicted(text, by_model, by_pattern))
            if finding.score >= self.thresholds.get(finding.entity_type, self.threshold)
            and not (finding.entity_type in _NAMED and is_medical_term(text, finding.start, finding.end))
        )


def _is_no_name(text: str, finding: Finding) -> bool:
    """Whether a model took a drug or a device for a person, or the label of a date of birth for a name."""
    if finding.entity_type == "PERSON" and is_thing(text, finding.start, finding.end):
        return True
    return is_birth_label(text[finding.start : finding.end])


def _place_findings(found: Iterable[Finding], part: Window) -> Iterator[Finding]:
    """The findings of a window in the text's indices, those that are the window's to report."""
    for f in found:
        start = f.start + part.start
        end = f.end + part.start
        if part.counts(start, end):
            yield Finding(start, end, f.entity_type, f.score)


def _or_none(find: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...] | None:
    try:
        return find()
    except Exception:  # noqa: BLE001 - whatever failed, the caller hides the text; its message may quote the text
        return None


def without_overlaps(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in ascending order; overlapping findings become one that covers them all.

    The longest gives the type and the score, the more certain one if they are equally long. Keeping its span
    alone would leave a fragment of the others in the text.
    """
    # Start and end of a group, and its winner.
    merged: list[tuple[int, int, Finding]] = []
    for finding in sorted(findings, key=lambda f: (f.start, f.end)):
        if merged and finding.start < merged[-1][1]:
            start, end, winner = merged[-1]
            # The group keeps the span of all its findings: the winner's alone would leave a fragment of the others in
            # the text.
            merged[-1] = start, max(end, finding.end), max(winner, finding, key=_rank_finding)
        else:
            merged.append((finding.start, finding.end, finding))

    return tuple(Finding(start, end, winner.entity_type, winner.score) for start, end, winner in merged)


def _with_namesakes(text: str, by_model: list[Finding]) -> list[Finding]:
    """Findings of a model, and other occurrences of the parts of its certain full names, as persons."""
    sure = [f for f in by_model if f.entity_type == "PERSON" and f.score >= _SURE]
    # "Maria Lopez called. Lopez was angry": the second Lopez is hers, whatever the model took it for.
    parts = {word for f in sure if len(words := text[f.start : f.end].split()) > 1 for word in words}
    # Names in small letters are left out, of which many are words.
    # A word that stands once is the name's own, and compiling a pattern costs more than reading the text.
    again = (w for w in parts if _NAME.fullmatch(w) and not w[0].islower() and text.count(w) > 1)
    names = sorted(again, key=len, reverse=True)[:_MAX_NAMES]
    if not names:
        return by_model

    found = re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", text)
    people = [Finding(m.start(), m.end(), "PERSON", _SURE) for m in found]
    spans = {(p.start, p.end) for p in people}

    return [f for f in by_model if (f.start, f.end) not in spans or f.entity_type == "PERSON"] + people


def _drop_contradicted(text: str, by_model: list[Finding], by_pattern: list[Finding]) -> Iterator[Finding]:
    """Findings of a model without those that a certain pattern contradicts: "8.8.4.4" is no organisation."""
    if not by_model or not by_pattern:
        yield from by_model
        return

    certain = without_overlaps(pattern for pattern in by_pattern if pattern.score >= _CERTAIN)
    starts = [pattern.start for pattern in certain]
    ends = [pattern.end for pattern in certain]

    for f in by_model:
        start = f.start
        pieces = list[tuple[int, int]]()
        for p in certain[bisect_right(ends, f.start) : bisect_left(starts, f.end)]:
            if p.entity_type != f.entity_type or p.end - p.start > f.end - f.start:
                pieces.append((start, p.start))
                start = p.end

        if not pieces:
            yield f
            continue

        for piece in (*pieces, (start, f.end)):
            if piece[0] < piece[1] and len(_SUBSTANCE.findall(text, *piece)) > 1:
                yield Finding(*_trim_span(text, *piece, f.entity_type), f.entity_type, f.score)


def _rank_finding(finding: Finding) -> tuple[int, float]:
    return finding.end - finding.start, finding.score


def _rebuild_detector(
    entities: tuple[str, ...],
    threshold: float,
    thresholds: Mapping[str, float],
    phone_regions: tuple[str, ...],
    custom: tuple[CustomEntity, ...],
    ner_model: str | None,
) -> Detector:
    return Detector(
        entities=entities,
        threshold=threshold,
        thresholds=thresholds,
        phone_regions=phone_regions,
        custom=custom,
        ner_model=ner_model,
    )


class _Span(NamedTuple):
    start: int
    end: int
    kind: str
    score: float


_TITLE = re.compile(
    r"(?:mr|mrs|ms|miss|mx|dr|prof|professor|doctor|sir|lady|rev|fr|hon|capt|sgt|lt|col|herr|frau|mme|monsieur|madame"
    r"|señora?)\b\.?\s+(?=\w)",
    re.IGNORECASE,
)
# Score of a person whose name is looked for again.
_SURE = 0.6
# Number of names of one text that are looked for again.
_MAX_NAMES = 200
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-]){2,}")
_WORDS = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE", "JOB_TITLE"})
_SUBSTANCE = re.compile(r"[^\W_]")
_EDGE = " \t\r\n\v\f,;:!?\"'“”„«»()[]{}<>|*_~/\\-–—&"
_ABBREVIATED = re.compile(r"\b(?:\w|Jr|Sr)$")
_POSSESSIVE = re.compile(r"['’`´]s?$", re.IGNORECASE)
_BETWEEN_STREETS = re.compile(r"[\s,;.\-–]{0,4}")


def _tidy_spans(text: str, spans: Iterable[tuple[int, int, str, float]]) -> list[_Span]:
    """Spans of a model without surrounding characters, and with the parts of an address joined."""
    made: list[_Span] = []
    for span in (_Span(*span) for span in spans):
        for start, end in _split_lines(text, span):
            start, end = _trim_span(text, start, end, span.kind)
            last = made[-1] if made else None
            if start >= end or not _has_content(text[start:end], span.kind):
                continue

            if (
                last
                and last.kind == span.kind == "STREET_ADDRESS"
                and _BETWEEN_STREETS.fullmatch(text[last.end : start])
            ):
                made[-1] = last._replace(end=end, score=max(last.score, span.score))
            else:
                made.append(_Span(start, end, span.kind, span.score))

    return made


def _has_content(part: str, kind: str) -> bool:
    """Whether a finding of a word type has a letter, and any other a letter or digit: "½" is no company, "¿" no age."""
    return any(map(str.isalpha if kind in _WORDS else str.isalnum, part))


def _split_lines(text: str, span: _Span) -> list[tuple[int, int]]:
    """The lines of a span: only an address goes on after a line break."""
    if span.kind == "STREET_ADDRESS" or "\n" not in text[span.start : span.end]:
        return [(span.start, span.end)]
    return [
        (span.start + m.start(), span.start + m.end()) for m in re.finditer(r"[^\r\n]+", text[span.start : span.end])
    ]


def _trim_span(text: str, start: int, end: int, kind: str) -> tuple[int, int]:
    part = text[start:end]
    if kind == "PERSON":
        while title := _TITLE.match(part.lstrip(_EDGE)):
            start += len(part) - len(part.lstrip(_EDGE)) + title.end()
            part = text[start:end]
        part = _POSSESSIVE.sub("", part.rstrip(_EDGE + "."))
        if text[start + len(part) :][:1] == "." and _ABBREVIATED.search(part):
            part += "."

    if kind not in {"ORGANIZATION", "PHONE_NUMBER", "STREET_ADDRESS"}:
        kept = part.rstrip(_EDGE)
    else:
        kept = part.rstrip()

    lead = len(kept) - len(kept.lstrip(_EDGE if kind != "PHONE_NUMBER" else " \n"))
    return start + lead, start + len(kept)
