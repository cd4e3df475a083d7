"""Counts of the replacement by column and entity type, with examples of stand-ins and never of originals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.entities import BY_NAME, UNKNOWN
from ss_ray.pii.identifiers import ENTITY_TYPES
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.survivors import ScanResult

MAX_EXAMPLES = 3
MAX_EXAMPLE_LENGTH = 60
NEAR_ORIGINAL = frozenset(
    {
        entities.AGE,
        entities.LATITUDE,
        entities.LONGITUDE,
        entities.COORDINATE,
        entities.DATE_OF_BIRTH,
        entities.DATE_TIME,
    }
)
"""Types whose stand-ins lie near their originals, so none is shown."""
SEARCHED = "found in text"
POLICY = "policy"
FAILED = "failed expression"
"""Stands for the type of cells that were hidden because an expression of a policy failed."""
UNREADABLE = "unreadable text"
"""Stands for the type of texts that defied analysis and were masked."""

# Column and entity type.
Place = tuple[str, str]


@dataclass(frozen=True)
class Counts:
    """Counts of a part of a table; those of several parts add up in any order.

    Attributes:
        rows: Number of rows read.
        dropped_rows: Number of rows that an operator or a rule dropped.
        cells: Cells that are not missing, by column.
        replaced: Cells, or spans of texts, by column and entity type.
        touched: Cells in which something was replaced, by column and entity type.
        examples: Stand-ins by column and entity type.
        unread: Texts in which no names are looked for because of their language, by column and language.
    """

    rows: int = 0
    dropped_rows: int = 0
    cells: Counter[str] = field(default_factory=Counter)
    replaced: Counter[Place] = field(default_factory=Counter)
    touched: Counter[Place] = field(default_factory=Counter)
    examples: Mapping[Place, frozenset[str]] = field(default_factory=dict)
    unread: Counter[Place] = field(default_factory=Counter)


def add_counts(parts: Iterable[Counts]) -> Counts:
    """The counts of all parts together."""
    rows = dropped = 0
    cells: Counter[str] = Counter()
    replaced: Counter[Place] = Counter()
    touched: Counter[Place] = Counter()
    examples: dict[Place, frozenset[str]] = {}
    unread: Counter[Place] = Counter()

    for part in parts:
        rows = rows + part.rows
        dropped = dropped + part.dropped_rows
        cells.update(part.cells)
        replaced.update(part.replaced)
        touched.update(part.touched)
        unread.update(part.unread)
        for place, found in part.examples.items():
            examples[place] = few(found | examples.get(place, frozenset()))

    return Counts(rows, dropped, cells, replaced, touched, examples, unread)


def few(values: Iterable[str]) -> frozenset[str]:
    """A few of the examples; the choice does not depend on how the table was divided."""
    return frozenset(nsmallest(MAX_EXAMPLES, {value for value in values if len(value) <= MAX_EXAMPLE_LENGTH}))


@dataclass(frozen=True, kw_only=True)
class TypeStatistics:
    """Replacement of one entity type in one column. Internal: counts are of real rows.

    Attributes:
        column: Name of the column.
        entity_type: Entity type of the cells or of the spans found in them.
        operator: Operator that was applied; POLICY for a rule of a policy.
        found_by: Why the column is of the type, or that its text was searched.
        confidence: Confidence in the column's type in [0, 1]; None for spans in text.
        cells: Cells of the column that are not missing.
        touched: Number of cells in which something was replaced.
        replaced: Cells or spans replaced.
        examples: Up to MAX_EXAMPLES stand-ins.
    """

    column: str
    entity_type: str
    operator: str
    found_by: str
    confidence: float | None
    cells: int
    touched: int
    replaced: int
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the column's cells in which something was replaced, in [0, 1]."""
        if self.cells:
            return self.touched / self.cells
        return 0.0


def type_statistics(counts: Counts, plan: PiiPlan) -> tuple[TypeStatistics, ...]:
    """Counts joined with the plan, by column and entity type."""
    rules = {rule.name: rule for rule in plan.columns}

    def operator(entity_type: str) -> str:
        if entity_type in (UNREADABLE, FAILED, UNKNOWN):
            return Operator.REDACT
        if plan.steps:
            return POLICY
        return plan.operator(entity_type)

    def found_by(column: str) -> str:
        if column in rules:
            return rules[column].explanation
        return POLICY if plan.steps else SEARCHED

    return tuple(
        TypeStatistics(
            column=column,
            entity_type=entity_type,
            operator=operator(entity_type),
            found_by=found_by(column),
            confidence=rules[column].confidence if column in rules else None,
            cells=counts.cells[column],
            touched=counts.touched[column, entity_type],
            replaced=replaced,
            examples=tuple(sorted(counts.examples.get((column, entity_type), ()))),
        )
        for (column, entity_type), replaced in sorted(counts.replaced.items())
    )


@dataclass(frozen=True, kw_only=True)
class UnreadTexts:
    """Texts of one column in a language that the model of names does not know. Internal: a count of real rows.

    Attributes:
        column: Name of the column.
        language: Language code, ISO 639-1.
        texts: Number of texts that were searched by patterns and titles only.
    """

    column: str
    language: str
    texts: int


def unread_texts(counts: Counts) -> tuple[UnreadTexts, ...]:
    """Texts in languages that names are not looked for in, by column and language."""
    return tuple(
        UnreadTexts(column=column, language=language, texts=texts)
        for (column, language), texts in sorted(counts.unread.items())
    )


@dataclass(frozen=True, kw_only=True)
class SafeHarborItem:
    """One of HIPAA's 18 Safe Harbor identifiers (45 CFR 164.514(b)(2)(i)).

    Attributes:
        letter: A to R.
        identifier: Name of the identifier, in words.
        treatment: "not found", "replaced", or "kept: look at it".
        where: Columns with their types and operators.
        scanned: Columns in which a second scanner, that shares nothing with the detector, found such an identifier in
            the input, with the number of cells of the output that still hold one.
    """

    letter: str
    identifier: str
    treatment: str
    where: tuple[str, ...]
    scanned: tuple[str, ...] = ()


SAFE_HARBOR = {
    "A": "Names",
    "B": "Geographic subdivisions smaller than a state",
    "C": "Dates but the year, and ages over 89",
    "D": "Telephone numbers",
    "E": "Fax numbers",
    "F": "E-mail addresses",
    "G": "Social security numbers",
    "H": "Medical record numbers",
    "I": "Health plan beneficiary numbers",
    "J": "Account numbers",
    "K": "Certificate and license numbers",
    "L": "Vehicle identifiers and license plates",
    "M": "Device identifiers and serial numbers",
    "N": "URLs",
    "O": "IP addresses",
    "P": "Biometric identifiers",
    "Q": "Full-face photographs",
    "R": "Any other unique identifying number, characteristic or code",
}
NO_IMAGES = "not applicable: a table holds no images"


def safe_harbor(treated: Iterable[tuple[str, str, str]], scan: ScanResult | None = None) -> tuple[SafeHarborItem, ...]:
    """The checklist of the 18 identifiers.

    It says what was found and what was done, not that a table is de-identified: that needs a person's judgement.

    Args:
        treated: Column, entity type and operator of everything that was found.
        scan: Counts of the second scanner, which has the last word on the identifiers that it knows; None without.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for column, entity_type, operator in treated:
        if entity_type in BY_NAME:
            letter = BY_NAME[entity_type].safe_harbor
        else:
            # Types of the configuration fall under HIPAA's last letter, any other unique identifier.
            letter = "R"
        if letter is not None:
            found.setdefault(letter, []).append((f"{column}: {entity_type}, {operator}", operator))

    scanned = _group_by_letter(scan) if scan else {}
    return tuple(
        SafeHarborItem(
            letter=letter,
            identifier=identifier,
            treatment=NO_IMAGES
            if letter == "Q"
            else _describe_treatment([operator for _, operator in found.get(letter, ())], bool(scanned.get(letter))),
            where=tuple(sorted({where for where, _ in found.get(letter, ())})),
            scanned=tuple(scanned.get(letter, ())),
        )
        for letter, identifier in SAFE_HARBOR.items()
    )


def _group_by_letter(scan: ScanResult) -> dict[str, list[str]]:
    """Findings of the second scanner by Safe Harbor letter and column."""
    found: dict[str, list[str]] = {}
    for column in scan.columns:
        letter = BY_NAME[ENTITY_TYPES[column.kind]].safe_harbor or "R"
        found.setdefault(letter, []).append(
            f"{column.column}: {column.found} cells of the input hold a value of the kind {column.kind!r}, "
            f"{column.survived} cells of the output hold one of the input"
        )

    return found


def _describe_treatment(operators: list[str], is_scanned: bool) -> str:
    if Operator.KEEP in operators:
        return "kept: look at it"
    if operators or is_scanned:
        return "replaced"
    return "not found"
