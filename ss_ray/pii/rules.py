"""Typings and policy -> the frozen plan of what is replaced, and the schema of the table afterwards."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii.cells import is_textual
from ss_ray.pii.classify import ColumnTyping
from ss_ray.pii.detect import THRESHOLD
from ss_ray.pii.entities import FREE_TEXT, UNKNOWN, parse_entity_type, parse_entity_types
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type

OnUndetected = Literal["mask", "stop"]

_SEARCHED_KINDS = frozenset({Kind.TEXT, Kind.IDENTIFIER})


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """A column whose cells are replaced as a whole.

    Attributes:
        name: The column.
        entity_type: Of its stand-ins; UNKNOWN hides the cells.
        confidence: In [0, 1]; 1 where a person declared the type.
        explanation: Why, in words without any value.
    """

    name: str
    entity_type: str
    confidence: float
    explanation: str


@dataclass(frozen=True, kw_only=True)
class PiiPlan:
    """What is replaced. Publishable: no field depends on a cell value beyond the types found.

    Attributes:
        columns: Columns replaced cell by cell.
        text_columns: String columns in which findings and the row's own values are replaced.
        texts_with_findings: Those text columns in which the sample held findings already.
        entities: Entity types that may be replaced; findings of other types stay.
        locale: Faker locale of the stand-ins.
        threshold: Smallest score of a finding in text, in (0, 1].
        on_undetected: What happened to columns that seem personal but could not be confirmed.
    """

    columns: tuple[ColumnRule, ...]
    text_columns: tuple[str, ...]
    texts_with_findings: tuple[str, ...] = ()
    entities: tuple[str, ...] = parse_entity_types(None)
    locale: str = "en_US"
    threshold: float = THRESHOLD
    on_undetected: OnUndetected = "mask"


def make_pii_plan(
    typings: Mapping[str, ColumnTyping],
    schema: TableSchema,
    *,
    declared: Mapping[str, str] | None = None,
    entities: Sequence[str] | None = None,
    lock_columns: Sequence[str] = (),
    locale: str = "en_US",
    threshold: float = THRESHOLD,
    on_undetected: OnUndetected = "mask",
) -> PiiPlan:
    """The plan for a table.

    A column is replaced by its declared type, else by its typing if the type is allowed. String columns that are
    not replaced as a whole are searched as text if they are text or identifiers, or if the sample held findings;
    so a column whose type is not allowed is still searched for the types that are.

    Args:
        typings: From `classify_table`.
        schema: Of the table before the replacement.
        declared: Entity type by column name, as a person wrote it; goes before the typing and `entities`.
        entities: Types that may be replaced, as NeMo names or our own; None allows all.
        lock_columns: Columns that never change.
        locale: Faker locale of the stand-ins.
        threshold: Smallest score of a finding in text, in (0, 1].
        on_undetected: "mask" hides columns of type UNKNOWN, "stop" refuses the table.

    Raises:
        ConfigError: An unknown column or entity type, or a column both declared and locked.
        PrivacyError: There is a column of type UNKNOWN, and on_undetected is "stop".
    """
    chosen = {name: parse_entity_type(type_) for name, type_ in (declared or {}).items()}
    allowed = parse_entity_types(entities)
    _check_names(schema, chosen, lock_columns)
    open_columns = [column for column in schema.columns if column.name not in lock_columns]
    rules = tuple(rule for column in open_columns if (rule := _rule(column.name, chosen, typings, allowed)))
    if on_undetected == "stop":
        _refuse_unknown(rules, chosen)
    typed = {rule.name for rule in rules}
    with_findings = {name for name, typing in typings.items() if typing.entity_type == FREE_TEXT}
    texts = tuple(c.name for c in open_columns if c.name not in typed and _is_searched(c, typings))
    return PiiPlan(
        columns=rules,
        text_columns=texts,
        texts_with_findings=tuple(name for name in texts if name in with_findings),
        entities=allowed,
        locale=locale,
        threshold=threshold,
        on_undetected=on_undetected,
    )


def updated_schema(schema: TableSchema, plan: PiiPlan) -> TableSchema:
    """The schema of the table after the replacement; no value, bound or pattern of an original stays in it.

    Replaced columns become identifiers of their entity type. A column that is hidden but holds no strings becomes
    one without any value (`replace_table` makes its cells missing). Categories with findings become texts.
    """
    by_name = {rule.name: rule for rule in plan.columns}
    columns = []
    for column in schema.columns:
        if column.name in by_name:
            columns.append(_replaced(column, by_name[column.name].entity_type))
        elif column.name in plan.texts_with_findings:
            columns.append(replace(column, kind=Kind.TEXT, values=None, pattern=None))
        else:
            columns.append(column)
    return TableSchema(columns=tuple(columns))


def _replaced(column: ColumnSchema, entity_type: str) -> ColumnSchema:
    emptied = replace(
        column,
        decimals=None,
        format=None,
        minimum=None,
        maximum=None,
        values=None,
        pattern=_shape(column.pattern) if column.pattern else None,
        max_length=None,
    )
    if entity_type == UNKNOWN and not is_textual(arrow_type(column)):
        return replace(emptied, kind=Kind.CATEGORY, values=(), nullable=True)
    return replace(emptied, kind=Kind.IDENTIFIER, entity_type=entity_type)


def _shape(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """A pattern in which every position of digits or letters takes all of them: where the separators are, no more."""
    return tuple(_whole_alphabet(characters) for characters in pattern)


def _whole_alphabet(characters: str) -> str:
    if characters.isdigit():
        return string.digits
    if characters.isalnum():
        return string.digits + string.ascii_uppercase
    return characters


def _rule(
    name: str, chosen: Mapping[str, str], typings: Mapping[str, ColumnTyping], allowed: tuple[str, ...]
) -> ColumnRule | None:
    """What becomes of an unlocked column, or None if its cells are not replaced as a whole."""
    if name in chosen:
        return ColumnRule(name=name, entity_type=chosen[name], confidence=1.0, explanation="declared by the user")
    typing = typings.get(name)
    if typing is None or typing.suspected not in allowed:
        return None
    return ColumnRule(
        name=name, entity_type=typing.entity_type, confidence=typing.confidence, explanation=typing.explanation
    )


def _is_searched(column: ColumnSchema, typings: Mapping[str, ColumnTyping]) -> bool:
    """Whether an unreplaced column is searched as text."""
    return is_textual(arrow_type(column)) and (column.kind in _SEARCHED_KINDS or column.name in typings)


def _refuse_unknown(rules: tuple[ColumnRule, ...], chosen: Mapping[str, str]) -> None:
    names = [rule.name for rule in rules if rule.entity_type == UNKNOWN and rule.name not in chosen]
    if names:
        raise PrivacyError(
            f"the headers of {', '.join(map(repr, names))} name personal data that the values do not confirm; "
            'declare the entity type of each, lock it, or choose on_undetected: "mask"',
            column=names[0],
        )


def _check_names(schema: TableSchema, chosen: Mapping[str, str], lock_columns: Sequence[str]) -> None:
    for name in (*chosen, *lock_columns):
        if name not in schema.names:
            raise ConfigError(f"the PII rules name the column {name!r}, which the table does not have", column=name)
    for name in chosen:
        if name in lock_columns:
            raise ConfigError(f"column {name!r} is both locked and declared as personal; choose one", column=name)
