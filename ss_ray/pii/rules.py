"""The frozen plan of the replacement from typings and policy, and the schema of the table afterwards."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pyarrow as pa

from ss_ray.config.pii import Operator, PiiParameters, PolicyStep
from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii.cells import is_number_type, is_textual
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.entities import (
    BY_NAME,
    CODES,
    COORDINATE,
    CREDIT_CARD,
    DATE_OF_BIRTH,
    DATE_TIME,
    FREE_TEXT,
    LATITUDE,
    LONGITUDE,
    UNKNOWN,
    CustomEntity,
    custom_entities,
    nemo_name,
    parse_entity_type,
    parse_entity_types,
)
from ss_ray.pii.stand_ins.dates import MAX_SHIFT_DAYS
from ss_ray.pii.stand_ins.homes import HomeColumns, find_home_columns
from ss_ray.pii.stand_ins.lexicon import DEFAULT_LOCALE
from ss_ray.pii.stand_ins.people import PersonColumns, find_person_columns
from ss_ray.pii.stand_ins.pseudonyms import FRESH_TYPES, PERMUTED_TYPES
from ss_ray.pii.text.detect import THRESHOLD
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.facts import ColumnFacts
from ss_ray.tables.kinds import infer_column
from ss_ray.tables.spellings.dates import period_of

OnUndetected = Literal["mask", "stop"]
DECLARED = "declared by the user"

_TYPES = {
    Kind.INTEGER: "numeric",
    Kind.FLOAT: "numeric",
    Kind.TIME: "numeric",
    Kind.DURATION: "numeric",
    Kind.BOOLEAN: "binary",
    Kind.CATEGORY: "categorical",
}
_SEARCHED_KINDS = frozenset({Kind.TEXT, Kind.IDENTIFIER})


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """Replacement of one column.

    Attributes:
        name: Name of the column.
        entity_type: Entity type of the cells; UNKNOWN hides them.
        operator: Operator that is applied to the cells.
        confidence: In [0, 1]; 1 where a person declared the type.
        explanation: Why, in words without any value.
        formats: Cells that are formats of another column's values, and stay.
    """

    name: str
    entity_type: str
    operator: Operator
    confidence: float
    explanation: str
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CodeColumn:
    """A column of codes, in which no names are looked for.

    Attributes:
        name: Name of the column.
        reason: Why its values are codes, in words without any value.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ColumnView:
    """A column as the expressions of a policy see it.

    Attributes:
        name: Its name after the renames so far.
        origin: Its name in the source; None for a column that a step adds.
        entity_type: Ours; None where it has none that may be replaced.
        type: "text", "numeric", "categorical", "binary" or "other".
        is_locked: Whether no rule may touch it.
    """

    name: str
    origin: str | None
    entity_type: str | None
    type: str
    is_locked: bool = False

    def shown(self) -> dict[str, str | None]:
        """The view as JSON."""
        return {"name": self.name, "entity": self.entity_type and nemo_name(self.entity_type), "type": self.type}


@dataclass(frozen=True, kw_only=True)
class PiiPlan:
    """Plan of the replacement. Publishable: no field depends on a cell value beyond the types found.

    Attributes:
        columns: Columns replaced cell by cell.
        kept: Columns whose type is known and left as it is.
        text_columns: String columns in which findings and the row's own values are replaced.
        checked_columns: All other string columns that are not replaced as a whole and not locked. Their cells are
            searched by patterns, for everything but the column's own type; names are looked for where a cell is a
            sentence or holds such a finding.
        code_columns: Columns of `text_columns` and `checked_columns` that hold codes. They are searched by patterns
            only, and what a pattern may find by chance stays.
        languages: Language (ISO 639-1) of the columns whose texts are mostly of one that is not English.
        number_columns: Columns of numbers, no identifiers, whose cells go missing where they are card numbers.
        locked: Columns that no rule may touch.
        texts_with_findings: Text columns in whose sample there were findings.
        entities: Entity types that may be replaced; findings of other types stay.
        operators: Operator by entity type, where it is not the type's default.
        custom: Entity types that the configuration adds.
        person: Columns that tell of the person of a row.
        homes: Columns that tell of the place of a row, by column of places.
        injective: Whether names of people and places are composed where lists run out.
        locale: Faker locale of the stand-ins.
        threshold: Smallest score of a finding in text, in (0, 1].
        thresholds: Smallest score of a finding for single entity types, in (0, 1].
        ner_model: Name of the model that finds names and places in text; None for patterns only.
        max_shift_days: Largest move of a person's dates, either way.
        on_undetected: Action on columns that seem personal but could not be confirmed.
        steps: A policy in place of the operators; but columns of type UNKNOWN are hidden all the same.
        views: Columns as the policy's expressions see them, in table order.
    """

    columns: tuple[ColumnRule, ...]
    kept: tuple[ColumnRule, ...] = ()
    text_columns: tuple[str, ...]
    checked_columns: tuple[str, ...] = ()
    code_columns: tuple[CodeColumn, ...] = ()
    languages: dict[str, str] = field(default_factory=dict)
    number_columns: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    texts_with_findings: tuple[str, ...] = ()
    entities: tuple[str, ...] = parse_entity_types(None)
    operators: dict[str, Operator] = field(default_factory=dict)
    custom: tuple[CustomEntity, ...] = ()
    person: PersonColumns = field(default_factory=PersonColumns)
    homes: dict[str, HomeColumns] = field(default_factory=dict)
    injective: bool = False
    locale: str = DEFAULT_LOCALE
    threshold: float = THRESHOLD
    thresholds: dict[str, float] = field(default_factory=dict)
    ner_model: str | None = "builtin"
    max_shift_days: int = MAX_SHIFT_DAYS
    on_undetected: OnUndetected = "mask"
    steps: tuple[PolicyStep, ...] = ()
    views: tuple[ColumnView, ...] = ()

    def operator(self, entity_type: str) -> Operator:
        """Operator of an entity type."""
        known = BY_NAME.get(entity_type)
        return self.operators.get(entity_type, known.operator if known else Operator.LABEL)

    @property
    def searched(self) -> tuple[str, ...]:
        """Entity types to look for in texts: those that anything is done with."""
        return tuple(type_ for type_ in self.entities if self.operator(type_) is not Operator.KEEP)

    def own_type(self, column: str) -> str | None:
        """Entity type of a kept column; None where it has none."""
        return next((rule.entity_type for rule in self.kept if rule.name == column), None)

    def holds_codes(self, column: str) -> bool:
        """Whether a column is one of `code_columns`."""
        return any(codes.name == column for codes in self.code_columns)

    @property
    def drops_rows(self) -> bool:
        """Whether rows may be left out."""
        types = (*self.entities, *(rule.entity_type for rule in self.columns))
        return any(self.operator(type_) is Operator.DROP_ROW for type_ in types)

    @property
    def dropped_columns(self) -> tuple[str, ...]:
        """Columns that the table has no more afterwards."""
        return tuple(rule.name for rule in self.columns if rule.operator is Operator.DROP_COLUMN)


def make_pii_plan(
    typings: Mapping[str, ColumnTyping],
    schema: TableSchema,
    asked: PiiParameters,
    *,
    declared: Mapping[str, str] | None = None,
    languages: Mapping[str, str] | None = None,
) -> PiiPlan:
    """The plan for a table.

    A column is replaced by its declared type, else by its typing if the type is allowed. Every other string column is
    searched, whatever its type, unless it is locked: as text if it is text or an identifier, or if the sample held
    findings, else by patterns. `keep` covers a column's own type alone.

    Args:
        typings: Type of each column, from `classify_table`.
        schema: Schema of the table before the replacement.
        asked: Section `replace_pii` of the configuration.
        declared: Entity type by column name, as a person wrote it; goes before the typing and the types asked for.
        languages: Language of the columns whose texts are mostly not English.

    Raises:
        ConfigError: An unknown column or entity type, or a column both declared and locked.
        PrivacyError: There is a column of type UNKNOWN, and on_undetected is "stop".
    """
    settings = asked.globals
    custom = custom_entities(asked)
    own = [entity.name for entity in custom]
    chosen = {name: parse_entity_type(type_, own) for name, type_ in (declared or {}).items()}
    allowed = parse_entity_types(settings.classify.entities, own)
    lock_columns = settings.lock_columns or ()
    _check_names(schema, chosen, lock_columns, asked.person_id)
    plan = _make_settings(asked, custom, allowed)
    rules = [rule for column in schema.columns if (rule := _make_rule(column, chosen, typings, allowed, plan))]
    types = {rule.name: rule.entity_type for rule in rules}
    free = _move_together([rule for rule in rules if rule.name not in lock_columns], plan, schema, lock_columns)
    # Before any row is read: a column that may be personal must not pass unnoticed.
    if plan.on_undetected == "stop":
        _refuse_unknown(free, chosen)

    acted = {rule.name for rule in free if rule.operator is not Operator.KEEP}
    rest = [column for column in schema.columns if column.name not in (*acted, *lock_columns)]
    texts = tuple(column.name for column in rest if _is_searched(column, typings))
    checked = tuple(column.name for column in rest if column.name not in texts and is_textual(arrow_type(column)))

    return replace(
        plan,
        views=_make_views(schema, types, texts, allowed, lock_columns) if plan.steps else (),
        columns=tuple(rule for rule in free if rule.name in acted),
        kept=tuple(rule for rule in rules if rule.name not in acted and rule.name not in texts),
        text_columns=texts,
        checked_columns=checked,
        languages={name: code for name, code in (languages or {}).items() if name in (*texts, *checked)},
        code_columns=_make_code_columns(typings, (*texts, *checked)),
        number_columns=_number_columns(schema, (*acted, *lock_columns)) if CREDIT_CARD in plan.searched else (),
        locked=tuple(lock_columns),
        texts_with_findings=tuple(n for n in texts if n in typings and typings[n].entity_type == FREE_TEXT),
        person=find_person_columns(types, asked.person_id, use_country=settings.locales is None),
        homes=find_home_columns(types, {rule.name: rule.operator for rule in rules}),
    )


def _move_together(
    rules: Sequence[ColumnRule], plan: PiiPlan, schema: TableSchema, locked: Sequence[str]
) -> tuple[ColumnRule, ...]:
    """The rules; where a date of birth moves, all dates of its row move by the same days, so that none precedes it."""
    moves = (Operator.DATE_SHIFT, Operator.PSEUDONYM)
    is_asked = bool(plan.steps) or DATE_TIME in plan.operators
    if is_asked or not any(rule.entity_type == DATE_OF_BIRTH and rule.operator in moves for rule in rules):
        return tuple(rules)

    by_name = {rule.name: rule for rule in rules}
    for column in schema.columns:
        rule = by_name.get(column.name)
        is_free = rule is None or (rule.entity_type, rule.operator) == (DATE_TIME, Operator.KEEP)
        if is_free and _has_days(column) and column.name not in locked:
            by_name[column.name] = ColumnRule(
                name=column.name,
                entity_type=DATE_TIME,
                operator=Operator.DATE_SHIFT,
                confidence=rule.confidence if rule else 1.0,
                explanation="moves with the date of birth of its row",
            )

    return tuple(by_name[column.name] for column in schema.columns if column.name in by_name)


def _has_days(column: ColumnSchema) -> bool:
    """Whether a column holds days or points in time: months, quarters and years have no days to move."""
    return column.kind in (Kind.DATE, Kind.DATETIME) and period_of(column.format) == "day"


def _make_code_columns(typings: Mapping[str, ColumnTyping], searched: Sequence[str]) -> tuple[CodeColumn, ...]:
    return tuple(
        CodeColumn(name=name, reason=typings[name].explanation)
        for name in searched
        if name in typings and typings[name].entity_type == CODES
    )


def _make_settings(asked: PiiParameters, custom: tuple[CustomEntity, ...], allowed: tuple[str, ...]) -> PiiPlan:
    """A plan with the requested settings and without any column yet."""
    settings = asked.globals
    own = [entity.name for entity in custom]
    operators = {parse_entity_type(name, own): operator for name, operator in asked.operators.items()}

    return PiiPlan(
        columns=(),
        text_columns=(),
        entities=parse_entity_types(settings.ner.ner_entities, own) if settings.ner.ner_entities else allowed,
        operators={entity.name: entity.operator for entity in custom} | operators,
        custom=custom,
        injective=asked.injective,
        locale=(settings.locales or (DEFAULT_LOCALE,))[0],
        threshold=settings.ner.ner_threshold,
        thresholds={parse_entity_type(name, own): score for name, score in asked.thresholds.items()},
        ner_model=settings.ner.model,
        max_shift_days=asked.max_date_shift_days,
        on_undetected=asked.on_undetected,
        steps=asked.steps or (),
    )


def _make_views(
    schema: TableSchema,
    types: Mapping[str, str],
    texts: Sequence[str],
    allowed: Sequence[str],
    lock_columns: Sequence[str],
) -> tuple[ColumnView, ...]:
    """Columns as a policy sees them: types only where they may be replaced."""
    return tuple(
        ColumnView(
            name=column.name,
            origin=column.name,
            entity_type=types.get(column.name) if types.get(column.name) in allowed else None,
            type="text" if column.name in texts else _TYPES.get(column.kind, "other"),
            is_locked=column.name in lock_columns,
        )
        for column in schema.columns
    )


def updated_schema(schema: TableSchema, plan: PiiPlan, facts: Mapping[str, ColumnFacts] | None = None) -> TableSchema:
    """The schema of the table after the replacement; no value, bound or pattern of an original stays in it.

    Names, contacts and ids become identifiers, whose values no model learns. Places, dates, ages and what an operator
    made coarser are described anew by their replaced values. A column that is hidden but holds no strings becomes one
    without any value (`replace_table` makes its cells missing). Categories with findings become texts.

    Args:
        schema: Schema before the replacement.
        plan: Plan of the replacement.
        facts: Facts of the replaced columns, and of all columns where rows were dropped; a replaced column without
            facts is one without any value.
    """
    by_name = {rule.name: rule for rule in plan.columns}
    columns = []
    for column in schema.columns:
        rule = by_name.get(column.name)
        if rule is not None and rule.operator is not Operator.DROP_COLUMN:
            columns.append(_describe_replaced(column, rule, (facts or {}).get(column.name)))
        # With stand-ins inside, the listed values of a category are no longer its values.
        elif rule is None and column.name in plan.text_columns and column.kind is Kind.CATEGORY:
            columns.append(replace(column, kind=Kind.TEXT, values=None, pattern=None))
        elif rule is None:
            columns.append(_described_anew(column, facts))

    return TableSchema(columns=tuple(columns))


def policy_schema(
    schema: TableSchema, plan: PiiPlan, origins: Mapping[str, str | None], facts: Mapping[str, ColumnFacts]
) -> TableSchema:
    """The schema of the table after a policy: names, contacts and ids as in `updated_schema`, the rest by its facts.

    Args:
        schema: Schema before the replacement.
        plan: Plan of the replacement.
        origins: The columns of the table now, with their names before; None for those that the policy added.
        facts: Facts of the columns after the replacement.
    """
    rules = {rule.name: rule for rule in plan.columns}
    columns: list[ColumnSchema] = []
    for name, origin in origins.items():
        if origin is None:
            columns += infer_column(name, facts[name], is_text=False)
            continue
        before = replace(schema[origin], name=name)
        rule = rules.get(origin)
        columns.append(_describe_replaced(before, rule, facts[name]) if rule else _described_anew(before, facts))

    return TableSchema(columns=tuple(columns))


def _described_anew(column: ColumnSchema, facts: Mapping[str, ColumnFacts] | None) -> ColumnSchema:
    """A column that no rule is about: as it was, or as its facts tell where there are any."""
    found = (facts or {}).get(column.name)
    if found is None or column.kind in _SEARCHED_KINDS:
        return column
    return _restate_column(column, _infer_typed(column, found))


def _infer_typed(column: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    """The column as facts of typed cells tell it; such cells have one spelling."""
    return infer_column(column.name, replace(facts, arrow_type=column.arrow_type), is_text=False)[0]


def _largest_of_length(column: ColumnSchema) -> int | None:
    """Largest number with as many digits as the largest value, after which new numbers begin; None for other types.

    Stand-ins of whole numbers keep the number of digits, so neither they nor the originals lie above it.
    """
    if column.maximum is None or not pa.types.is_integer(arrow_type(column)):
        return None
    return 10 ** len(str(abs(int(column.maximum)))) - 1


def _describe_replaced(column: ColumnSchema, rule: ColumnRule, facts: ColumnFacts | None) -> ColumnSchema:
    emptied = replace(column, minimum=None, maximum=None, values=None, pattern=None, max_length=None)
    if rule.operator is Operator.PSEUDONYM and rule.entity_type in FRESH_TYPES | PERMUTED_TYPES:
        return replace(
            emptied,
            kind=Kind.IDENTIFIER,
            pattern=_widen_pattern(column.pattern) if column.pattern else None,
            maximum=_largest_of_length(column),
            entity_type=rule.entity_type if rule.entity_type in FRESH_TYPES else None,
        )
    if rule.operator is Operator.REDACT and is_textual(arrow_type(column)):
        return replace(emptied, kind=Kind.IDENTIFIER, entity_type=UNKNOWN, decimals=None, format=None)
    if facts is None or not facts.values:
        return replace(emptied, kind=Kind.CATEGORY, values=(), nullable=True, decimals=None, format=None)

    now = _infer_typed(column, facts)
    # Coordinates were moved; the model learns where they lie.
    is_place = rule.entity_type in (LATITUDE, LONGITUDE, COORDINATE)
    if now.kind is Kind.TEXT and rule.operator is Operator.PSEUDONYM and not is_place:
        return replace(emptied, kind=Kind.IDENTIFIER, entity_type=rule.entity_type, decimals=None, format=None)

    return _restate_column(column, now)


def _restate_column(before: ColumnSchema, now: ColumnSchema) -> ColumnSchema:
    """Description of the replaced values in the types of the column before."""
    is_same = now.kind == before.kind
    return replace(
        now,
        format=before.format if is_same else now.format,
        decimals=before.decimals if is_same else now.decimals,
        missing=before.missing,
        spelling_of=before.spelling_of,
        formats=before.formats,
        nullable=before.nullable or now.nullable,
    )


def _widen_pattern(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """A pattern with the whole alphabet at every position of digits or letters: only the separators stay."""
    return tuple(_whole_alphabet(characters) for characters in pattern)


def _whole_alphabet(characters: str) -> str:
    if characters.isdigit():
        return string.digits
    if characters.isascii() and characters.isalpha():
        return string.ascii_lowercase if characters.islower() else string.ascii_uppercase
    if characters.isalnum():
        return string.digits + string.ascii_uppercase
    return characters


def _make_rule(
    column: ColumnSchema,
    chosen: Mapping[str, str],
    typings: Mapping[str, ColumnTyping],
    allowed: tuple[str, ...],
    plan: PiiPlan,
) -> ColumnRule | None:
    """Type and operator of a column, or None for an ordinary column or a text."""
    name = column.name
    if name in chosen:
        type_ = chosen[name]
        return ColumnRule(
            name=name, entity_type=type_, operator=plan.operator(type_), confidence=1.0, explanation=DECLARED
        )

    typing = typings.get(name)
    if typing is None or typing.entity_type in (FREE_TEXT, CODES):
        return None

    is_allowed = typing.suspected in allowed or typing.entity_type == UNKNOWN == typing.suspected
    return ColumnRule(
        name=name,
        entity_type=typing.entity_type,
        operator=plan.operator(typing.entity_type) if is_allowed else Operator.KEEP,
        confidence=typing.confidence,
        explanation=typing.explanation,
        formats=column.formats if column.spelling_of is not None else (),
    )


def _is_searched(column: ColumnSchema, typings: Mapping[str, ColumnTyping]) -> bool:
    """Whether an unreplaced column is searched as text, by the model of names too: text, ids, those with findings."""
    if not is_textual(arrow_type(column)):
        return False

    typing = typings.get(column.name)
    if typing is None or typing.entity_type == CODES:
        return column.kind in _SEARCHED_KINDS

    known = BY_NAME.get(typing.entity_type)
    return typing.entity_type == FREE_TEXT or known is None or known.operator is not Operator.KEEP


def _number_columns(schema: TableSchema, without: Sequence[str]) -> tuple[str, ...]:
    """Columns of numbers that are values. Identifiers of 16 digits pass the check of a card now and then."""
    kinds = (Kind.INTEGER, Kind.FLOAT, Kind.CATEGORY)
    columns = (column for column in schema.of_kind(*kinds) if column.name not in without)
    return tuple(column.name for column in columns if is_number_type(arrow_type(column)))


def _refuse_unknown(rules: Sequence[ColumnRule], chosen: Mapping[str, str]) -> None:
    names = [rule.name for rule in rules if rule.entity_type == UNKNOWN and rule.name not in chosen]
    if names:
        raise PrivacyError(
            f"{', '.join(map(repr, names))} look personal, by header or by values, and are of no type that the values "
            'confirm; declare the entity type of each, lock it, or choose on_undetected: "mask"',
            column=names[0],
        )


def _check_names(
    schema: TableSchema, chosen: Mapping[str, str], lock_columns: Sequence[str], identity: str | None
) -> None:
    for name in (*chosen, *lock_columns, *((identity,) if identity else ())):
        if name not in schema.names:
            raise ConfigError(f"the PII rules name the column {name!r}, which the table does not have", column=name)

    for name in chosen:
        if name in lock_columns:
            raise ConfigError(f"column {name!r} is both locked and declared as personal; choose one", column=name)
