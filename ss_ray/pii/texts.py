"""Replacement in texts: of the detector's findings, and of mentions of the row's own columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.columns.codes import holds_words, is_certain
from ss_ray.pii.identities.plan import IdentityColumn
from ss_ray.pii.identities.templates import TemplateWriter
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stand_ins.dates import shifted_date
from ss_ray.pii.stand_ins.operators import Replacement
from ss_ray.pii.stand_ins.person import NOBODY, Person
from ss_ray.pii.stand_ins.places import kind_of_place
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home
from ss_ray.pii.statistics import UNREADABLE
from ss_ray.pii.text.detect import Detector, Finding, without_overlaps
from ss_ray.pii.text.language import foreign_language
from ss_ray.pii.text.mentions import Mention, spans
from ss_ray.pii.text.ner_engines import BUILTIN
from ss_ray.pii.text.prose import TextKind, kind_of_text
from ss_ray.pii.text.windows import WINDOW

_NAMED = frozenset(
    {
        entities.PERSON,
        entities.LOCATION,
        entities.CITY,
        entities.STATE,
        entities.COUNTRY,
        entities.ORGANIZATION,
        entities.NRP,
        entities.JOB_TITLE,
        entities.TITLE,
    }
)
"""Types that a model finds by words and context."""
_ALLOWED_BY = {
    entities.PERSON: (entities.PERSON, entities.FIRST_NAME, entities.LAST_NAME),
    entities.STREET_ADDRESS: (entities.STREET_ADDRESS, entities.ADDRESS),
    entities.CITY: (entities.CITY, entities.LOCATION, entities.ADDRESS),
    entities.STATE: (entities.STATE, entities.LOCATION, entities.ADDRESS),
    entities.COUNTRY: (entities.COUNTRY, entities.LOCATION),
    entities.POSTCODE: (entities.POSTCODE, entities.ADDRESS),
}
"""Types by whose permission a finding may be replaced: whoever asks for first names means the names in texts, too."""


MIN_SENTENCE_WORDS = 6
"""Words of a cell of a category from which it is read by the model of names."""
_IMITATING = (Operator.PSEUDONYM, Operator.DATE_SHIFT)
"""Operators whose results look like the values."""
_BESIDE_KEPT = frozenset({entities.PERSON, entities.STREET_ADDRESS})
"""Types that a model finds beside the value of a category. Towns and companies are such values themselves."""
_EDGE = " \t\r\n,;:/|()[]-"


def searched_types(plan: PiiPlan) -> tuple[str, ...]:
    """Types for the detector to search for, such that all types with an operator are found in texts."""
    wanted = set(plan.searched)
    more = {found for found, by in _ALLOWED_BY.items() if wanted.intersection(by)}
    more |= {entities.LOCATION} if more & {entities.CITY, entities.STATE, entities.COUNTRY} else set()
    return tuple(sorted(wanted | more))


@dataclass(frozen=True)
class RowContext:
    """Context that a row gives to its texts.

    Attributes:
        mentions: Values of its columns to look for.
        person: Whom it is about.
        days: Number of days by which the person's dates move.
        home: Place that its columns name.
    """

    mentions: tuple[Mention, ...] = ()
    person: Person = NOBODY
    days: int = 0
    home: Home = ANYWHERE

    @property
    def elsewhere(self) -> RowContext:
        """Context of places that the row's columns do not name."""
        return replace(self, home=self.home.elsewhere)


@dataclass(frozen=True)
class NewText:
    """A text after the replacement.

    Attributes:
        text: With stand-ins; `MASK` where the original could not be analysed.
        counts: Spans replaced, by entity type.
        made: Stand-ins by entity type.
        drops_row: Whether a finding asks to drop the row.
        unread: Language (ISO 639-1) because of which no names were looked for; None where they were.
        template: The text with placeholders, from which a model learns.
    """

    text: str
    counts: Counter[str] = field(default_factory=Counter)
    made: dict[str, set[str]] = field(default_factory=dict)
    drops_row: bool = False
    unread: str | None = None
    template: str = ""


@dataclass(frozen=True)
class TextReplacer:
    """Replaces texts by one plan under one key. It lives as long as a worker, and caches findings.

    Attributes:
        plan: Plan of the replacement, from `make_pii_plan`.
        pseudonyms: Makes the stand-ins.
        identities: Columns with parts of identities, by name, which the templates of texts refer to.
    """

    plan: PiiPlan
    pseudonyms: Pseudonyms
    identities: Mapping[str, IdentityColumn] = field(default_factory=dict)

    @cached_property
    def detector(self) -> Detector:
        """Finds the types that anything is done with.

        Raises:
            ConfigError: A custom entity type has a pattern that is none.
            ResourceError: The model that the plan names cannot be loaded.
        """
        return self._make_detector(self.plan.ner_model)

    def _make_detector(self, ner_model: str | None) -> Detector:
        plan = self.plan
        return Detector(
            entities=searched_types(plan),
            threshold=plan.threshold,
            thresholds=plan.thresholds,
            custom=plan.custom,
            ner_model=ner_model,
        )

    @cached_property
    def replacement(self) -> Replacement:
        """Applies the plan's operators."""
        return Replacement(self.pseudonyms, self.plan.operators, self.plan.max_shift_days)

    def replace_each(self, pairs: Iterable[tuple[str, RowContext]], header: str = "") -> list[NewText]:
        """Each text of a row after the replacement; the same text in the same context is done once.

        Args:
            pairs: Texts, and what their rows tell.
            header: Header of the texts' column; its words count as context.
        """
        pairs = list(pairs)
        findings = self._find_each([text for text, _ in pairs], header)
        done: dict[tuple[str, RowContext], NewText] = {}

        for pair in pairs:
            if pair not in done:
                new = self._replace_findings(pair[0], findings[pair[0]], pair[1])
                done[pair] = replace(new, unread=self._unread_language(pair[0], header))

        return [done[pair] for pair in pairs]

    def _find_each(self, texts: Sequence[str], header: str) -> dict[str, tuple[Finding, ...] | None]:
        """Findings by text of a column."""
        if not self.plan.holds_codes(header):
            return self._find_with_names(texts, header)

        notes = [text for text in texts if holds_words(text)]
        codes = (text for text in texts if not holds_words(text))
        return self._find_in_codes(codes, _split_header(header)) | self._find_with_names(notes, header)

    def _unread_language(self, text: str, header: str) -> str | None:
        """Language because of which the packaged model does not read a text; None for what it reads, and for codes."""
        if self.plan.ner_model != BUILTIN or self.plan.holds_codes(header) or kind_of_text(text) is TextKind.CODES:
            return None
        return foreign_language(text[:WINDOW], self.plan.languages.get(header))

    def _find_with_names(self, texts: Iterable[str], header: str) -> dict[str, tuple[Finding, ...] | None]:
        """Findings by text of the patterns and of the model of names, which reads the texts that are for it."""
        return self.detector.find_each(texts, _split_header(header), self.plan.languages.get(header))

    def _find_in_codes(self, codes: Iterable[str], words: Sequence[str]) -> dict[str, tuple[Finding, ...] | None]:
        """Findings of the patterns in codes, without those that may be chance."""
        found = self._pattern_detector.find_each(codes, words)
        return {text: its and tuple(f for f in its if is_certain(f, text)) for text, its in found.items()}

    def suspects(
        self, cells: Iterable[str], header: str, own_type: str | None
    ) -> dict[str, tuple[Finding, ...] | None]:
        """Cells of a category or of a kept type that may hold something beside their own value, with the findings.

        All cells are searched by patterns. A cell with a finding, and a cell of MIN_SENTENCE_WORDS words, is read by
        the model of names too, which finds persons and addresses in it. None stands for a cell that defied analysis.

        Args:
            cells: Distinct cells of the column.
            header: Name of the column; its words count as context.
            own_type: Entity type of the column, which stays; None where it has none.
        """
        words = _split_header(header)
        if self.plan.holds_codes(header):
            return {text: its for text, its in self._find_each(list(cells), header).items() if its is None or its}

        found: dict[str, tuple[Finding, ...] | None] = {}
        for text, findings in self._pattern_detector.find_each(cells, words).items():
            if findings is None:
                others = None
            else:
                others = _drop_own_value(text, findings, own_type)
            # The model of names is slow, so only cells that may hold a sentence are read by it.
            if others is None or others or len(text.split()) >= MIN_SENTENCE_WORDS:
                found[text] = others

        # The model is not loaded for nothing.
        by_names = self._find_with_names(found, header) if found else {}
        for text, read in by_names.items():
            others = found[text]
            if read is None or others is None:
                found[text] = None
            else:
                # A model takes the value of a category for a name too easily to be believed on the whole cell.
                names = (f for f in read if _is_beside(f, text))
                found[text] = without_overlaps([*others, *names])

        return found

    def replace_suspects(
        self, pairs: Iterable[tuple[str, RowContext]], suspects: Mapping[str, tuple[Finding, ...] | None]
    ) -> list[NewText]:
        """Each suspect cell after the replacement of its findings, and of mentions of the row's own columns.

        Args:
            pairs: Cells, and what their rows tell.
            suspects: Findings by cell, from `suspects`.
        """
        pairs = list(pairs)
        done = {pair: self._replace_findings(pair[0], suspects[pair[0]], pair[1]) for pair in dict.fromkeys(pairs)}
        return [done[pair] for pair in pairs]

    @cached_property
    def _pattern_detector(self) -> Detector:
        """The detector without a model of names."""
        return self._make_detector(None)

    def replace(self, text: str) -> str | None:
        """A text without a row; None where it cannot be analysed."""
        findings = self.detector.find_each([text])[text]
        if findings is None:
            return None
        return self._replace_findings(text, findings, RowContext()).text

    def find(self, text: str) -> tuple[Finding, ...]:
        """Findings that would be replaced in a text, by the kinds of places that they name.

        Raises:
            ValueError: It cannot be analysed.
        """
        findings = self.detector.find_each([text])[text]
        if findings is None:
            raise ValueError("the text cannot be analysed")
        return tuple(refined for f in findings if (refined := self._refine_finding(f, text)) is not None)

    def _replace_findings(self, text: str, findings: tuple[Finding, ...] | None, row: RowContext) -> NewText:
        if findings is None:
            return NewText(MASK, Counter({UNREADABLE: 1}))

        mentioned = list(spans(text, row.mentions))
        refined = (found for f in findings if (found := self._refine_finding(f, text)) is not None)
        chosen = list(_drop_mentioned(text, refined, [f for f, _ in mentioned]))
        pieces = []
        template = []
        writer = TemplateWriter(self.identities)
        end = 0
        new = NewText("")

        for f in without_overlaps([*(f for f, _ in mentioned), *chosen]):
            mention = _mention_in(f, mentioned)
            role = mention.role if mention is not None and f.entity_type == entities.PERSON else ""
            before, value, after = _split_edges(text[f.start : f.end])
            # Of another place that a text names, only the country is that of the row.
            context = row if mention is not None else row.elsewhere
            stand_in = self._replace_span(f.entity_type, value, role, context)
            column = mention.column if mention is not None else ""
            placeholder = self._write_placeholder(writer, f.entity_type, value, column, role)
            pieces += [text[end : f.start], before, stand_in, after]
            template += [text[end : f.start], before, placeholder or stand_in, after]
            end = f.end
            new.counts[f.entity_type] += 1
            new.made.setdefault(f.entity_type, set()).add(stand_in)

        drops = any(self.plan.operator(entity_type) is Operator.DROP_ROW for entity_type in new.counts)
        rest = text[end:]
        return replace(new, text="".join([*pieces, rest]), template="".join([*template, rest]), drops_row=drops)

    def _write_placeholder(
        self, writer: TemplateWriter, entity_type: str, value: str, column: str, role: str
    ) -> str | None:
        """What a model reads in the place of a finding; None where it is the finding's stand-in."""
        is_default = entity_type not in self.plan.operators
        is_imitated = is_default or self.plan.operator(entity_type) in _IMITATING
        if column not in self.identities and not is_imitated:
            return None
        return writer.write(entity_type, value, column, role)

    def _refine_finding(self, finding: Finding, text: str) -> Finding | None:
        """A finding with the kind of place that it names; None where nothing is to be done with it."""
        type_ = finding.entity_type
        if type_ == entities.LOCATION and entities.LOCATION not in self.plan.operators:
            type_ = kind_of_place(text[finding.start : finding.end])

        allowed = {finding.entity_type, *_ALLOWED_BY.get(type_, (type_,))}.intersection(self.plan.entities)
        if not allowed or self.plan.operator(type_) is Operator.KEEP:
            return None

        return Finding(finding.start, finding.end, type_, finding.score)

    def _replace_span(self, entity_type: str, value: str, role: str, row: RowContext) -> str:
        operator = self.plan.operator(entity_type)
        if operator in (Operator.DROP_ROW, Operator.DROP_COLUMN):
            # The row goes; in a text there is no column of its own to drop.
            return MASK
        # A date of the row's columns, which move though dates of the text stay.
        if operator is Operator.KEEP and entity_type == entities.DATE_TIME:
            return shifted_date(value, row.days) or value
        if role and operator is Operator.PSEUDONYM:
            return self.pseudonyms.names.word(value, role, row.person)

        return self.replacement.replace(entity_type, value, row.person, row.days, row.home)


def _split_edges(value: str) -> tuple[str, str, str]:
    """What stands before a value, the value, what stands behind it: spaces are the text's, as in "with W. Fischer".

    So is a parenthesis that is not closed, as in "by phone (301-555-0147)".
    """
    inner = value.strip()
    if inner.startswith("(") and ")" not in inner:
        inner = inner[1:]

    before, _, after = value.partition(inner)
    return before, inner, after


def _mention_in(finding: Finding, mentioned: Sequence[tuple[Finding, Mention]]) -> Mention | None:
    """The value of the row's columns that a finding is, or holds beside a few signs; words of names come first."""
    exact = [mention for f, mention in mentioned if (f.start, f.end) == (finding.start, finding.end)]
    if exact:
        return max(exact, key=lambda mention: bool(mention.role))

    same = (pair for pair in mentioned if pair[1].entity_type == finding.entity_type)
    return next((mention for f, mention in same if finding.start <= f.start and f.end <= finding.end), None)


def _split_header(header: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", header.casefold())


def _drop_own_value(text: str, findings: Iterable[Finding], own_type: str | None) -> tuple[Finding, ...]:
    """Findings that are not the column's own value: neither of its type nor, for a company, its web address."""
    return tuple(
        f
        for f in findings
        if f.entity_type != own_type
        and not (own_type == entities.ORGANIZATION and f.entity_type == entities.URL and _is_web_address(f, text))
    )


def _is_web_address(finding: Finding, text: str) -> bool:
    """Whether a cell is the address of a site alone, without a page or an account on it."""
    host = re.sub(r"^[a-z]+://", "", text.strip(), flags=re.IGNORECASE).rstrip("/")
    return _covers_text(finding, text) and "/" not in host and "@" not in host


def _is_beside(finding: Finding, text: str) -> bool:
    """Whether a model's finding is a name or an address that stands beside a category's own value.

    A single word is no name there: "Globex" and "Black" are values.
    """
    is_name = finding.entity_type in _BESIDE_KEPT and " " in text[finding.start : finding.end]
    return is_name and not _covers_text(finding, text)


def _covers_text(finding: Finding, text: str) -> bool:
    """Whether nothing but punctuation stands beside a finding."""
    rest = text[: finding.start] + text[finding.end :]
    return not any(map(str.isalnum, rest))


def _drop_mentioned(text: str, findings: Iterable[Finding], mentions: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without the words of the row's columns, where the columns say better whose or what the words are.

    A name that a model takes for a town keeps its role; an e-mail address with a name in it stays whole. What is left
    of a finding beside such words counts if it has a letter or a digit: of "Surname, First" the comma is nobody.
    """
    known = without_overlaps(mentions)
    for finding in findings:
        start = finding.start
        inside = [f for f in known if f.start < finding.end and finding.start < f.end]
        if finding.entity_type not in _NAMED or not inside:
            yield finding
            continue

        for cut in (*inside, Finding(finding.end, finding.end, "", 0.0)):
            rest = text[start : cut.start]
            # Of "Surname, First" the comma is nobody.
            if any(map(str.isalnum, rest)):
                first = start + len(rest) - len(rest.lstrip(_EDGE))
                yield Finding(first, first + len(rest.strip(_EDGE)), finding.entity_type, finding.score)
            start = max(start, cut.end)
