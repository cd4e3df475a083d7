"""The steps of a policy on a table: columns dropped, renamed and added, rows dropped, cells updated.

Rules apply in their order, each to the result of the one before, as in the reference. An expression is evaluated once
for all cells that it cannot tell apart, whole batches at a time. Where an expression of a rule that aims at a column
fails, the cell is hidden.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.pii import Names, PolicyColumn, PolicyRow, PolicyStep
from ss_ray.errors import ConfigError
from ss_ray.pii.cells import as_texts, encode, from_texts, is_textual, with_cells
from ss_ray.pii.entities import parse_entity_type
from ss_ray.pii.policy.sandbox import Outcome, Rule, Sandbox
from ss_ray.pii.policy.templates import Expression, needs, parts
from ss_ray.pii.rules import ColumnView
from ss_ray.pii.stand_ins.pseudonyms import MASK
from ss_ray.pii.statistics import FAILED
from ss_ray.pii.texts import NewText, RowContext

_TEXT_RULE = re.compile(r"\s*(?:\{\{)?\s*this\s*\|\s*fake_entities\s*(?:\(\s*\))?\s*(?:\}\})?\s*")

ReplaceTexts = Callable[[Sequence[tuple[str, RowContext]], str], list[NewText]]


@dataclass(frozen=True)
class PolicyState:
    """A table between two rules.

    Attributes:
        table: Table after the rules so far.
        columns: Columns of the table, in order.
        rows: Context of each row before the first rule, (num_rows,).
        numbers: Number of each row in the whole source, (num_rows,).
        changed: Cells that rules changed, by column and entity type or FAILED.
    """

    table: pa.Table
    columns: tuple[ColumnView, ...]
    rows: Sequence[RowContext]
    numbers: Sequence[int]
    changed: Counter[tuple[str, str]]


def check_policy(steps: Sequence[PolicyStep]) -> None:
    """Read every expression, before any work.

    Raises:
        ConfigError: One cannot be read, or a rule has nothing to match or to do.
    """
    for number, step in enumerate(steps):
        where = f"replace_pii.steps.{number}"
        for source in _list_sources(step):
            needs(Expression(source))

        rows = step.rows
        columns = step.columns
        for rule in (*((rows and rows.drop) or ()), *((rows and rows.update) or ())):
            if not (rule.name or rule.condition or rule.entity or rule.type):
                raise ConfigError(f"{where}: a rule of rows needs a name, condition, entity or type")

        for rule in (rows and rows.update) or ():
            if rule.value is None:
                raise ConfigError(f"{where}.rows.update: a rule needs a value")

        for change in (*((columns and columns.add) or ()), *((columns and columns.rename) or ())):
            if not isinstance(change.name, str):
                raise ConfigError(f"{where}.columns: to add or rename a column takes its name")

        for change in (columns and columns.drop) or ():
            if not (change.name or change.condition or change.entity or change.type):
                raise ConfigError(f"{where}.columns.drop needs a name, condition, entity or type")

        for change in (columns and columns.rename) or ():
            if not change.value:
                raise ConfigError(f"{where}.columns.rename: {change.name!r} needs a value, its new name")


def check_row_local(steps: Sequence[PolicyStep]) -> None:
    """Refuse steps whose result for a row depends on other rows: under differential privacy one person would move all.

    Args:
        steps: Steps that passed `check_policy`.

    Raises:
        ConfigError: An expression uses the number of the row, or draws that follow on those for the rows before.
    """
    for number, step in enumerate(steps):
        for source in _list_sources(step):
            found = needs(Expression(source))
            names = (["index"] if found.index else []) + list(found.unkeyed)
            if names:
                raise ConfigError(
                    f"replace_pii.steps.{number}: with differential privacy an expression may not use "
                    f"{', '.join(names)}: what becomes of a row would depend on the rows before it; use the row's own "
                    "cells (this, row), or fake and random, which follow from the cell"
                )


def _list_sources(step: PolicyStep) -> Iterator[str]:
    """Every expression of a step as it was written."""
    yield from (value for value in (step.vars or {}).values() if isinstance(value, str))
    rows = step.rows
    columns = step.columns
    for rule in (*((rows and rows.drop) or ()), *((rows and rows.update) or ())):
        yield from (source for source in (rule.condition, rule.value, rule.foreach) if source is not None)

    for change in (*((columns and columns.add) or ()), *((columns and columns.drop) or ())):
        yield from (source for source in (change.condition, change.value) if source is not None)


def apply_policy(
    state: PolicyState, steps: Sequence[PolicyStep], sandbox: Sandbox, replace_texts: ReplaceTexts
) -> PolicyState:
    """The table after all steps.

    Args:
        state: Table before the first step.
        steps: Steps of the policy, in order.
        sandbox: Evaluates the expressions.
        replace_texts: Function behind `this | fake_entities` where the row is known; it also takes the header of the
            texts.

    Raises:
        ConfigError: An expression takes too long, or a rule names a column that is not there.
    """
    for step in steps:
        shared = {"vars": step_variables(step, sandbox)}
        state = _with_columns(state, step, sandbox, shared)
        for rule in (*((step.rows and step.rows.drop) or ()), *((step.rows and step.rows.update) or ())):
            _check_there(rule.name, state.columns)

        for rule in (step.rows and step.rows.drop) or ():
            state = _without_rows(state, rule, sandbox, shared)

        for column in state.columns:
            for rule in (step.rows and step.rows.update) or ():
                state = _apply_rule(state, column, rule, sandbox, shared, replace_texts)

    return state


def step_variables(step: PolicyStep, sandbox: Sandbox) -> dict[str, Any]:
    """Variables of a step: texts are expressions, evaluated once; lists and maps are literal.

    Raises:
        ConfigError: One fails.
    """
    found: dict[str, Any] = {}
    for name, value in (step.vars or {}).items():
        if not isinstance(value, str):
            found[name] = value
            continue

        cell = {"this": None, "column": {"name": f"vars.{name}"}}
        outcome = sandbox.evaluate(Rule(value=Expression(value)), {"vars": found}, [cell])[0]
        if outcome.failed:
            raise ConfigError(f"replace_pii.steps: the expression of the variable {name!r} fails")

        found[name] = _number_or_text(outcome.value)

    return found


def _with_columns(state: PolicyState, step: PolicyStep, sandbox: Sandbox, shared: Mapping[str, Any]) -> PolicyState:
    changes = step.columns
    table = state.table
    columns = list(state.columns)

    for change in (changes and changes.drop) or ():
        _check_there(change.name, columns)
        gone = [column for column in columns if _is_meant(change, column, sandbox, shared)]
        table = table.drop_columns([column.name for column in gone])
        columns = [column for column in columns if column not in gone]

    for change in (changes and changes.rename) or ():
        _check_there(change.name, columns)
        columns = [replace(c, name=change.value or "") if c.name == change.name else c for c in columns]
        table = table.rename_columns([column.name for column in columns])

    for change in (changes and changes.add) or ():
        added = ColumnView(name=str(change.name), origin=None, entity_type=None, type="other")
        if added.name in table.column_names:
            raise ConfigError(f"replace_pii.steps: there is a column {added.name!r} already")

        if change.position is None:
            place = len(columns)
        else:
            place = min(change.position, len(columns))

        columns.insert(place, added)
        table = table.add_column(place, pa.field(added.name, pa.string()), pa.nulls(table.num_rows, pa.string()))
        state = replace(state, table=table, columns=tuple(columns))
        if change.value is not None:
            rule = PolicyRow(name=added.name, value=change.value)
            table = _apply_rule(state, added, rule, sandbox, shared, None).table

    if len({column.name for column in columns}) < len(columns):
        raise ConfigError("replace_pii.steps: a renamed column gets the name of another one")

    return replace(state, table=table, columns=tuple(columns))


def _is_meant(rule: PolicyColumn | PolicyRow, column: ColumnView, sandbox: Sandbox, shared: Mapping[str, Any]) -> bool:
    """Whether a rule's name, entity, type and the constant parts of its condition fit a column."""
    entity_names = _list_names(rule.entity)
    if column.is_locked:
        return False
    if rule.name is not None and column.name not in _list_names(rule.name):
        return False
    if rule.entity is not None and column.entity_type not in {parse_entity_type(name) for name in entity_names}:
        return False
    if rule.type is not None and column.type not in _list_names(rule.type):
        return False

    constant, _ = _split_condition(rule.condition)
    if not constant:
        return True

    conditions = Rule(conditions=tuple(constant))
    return sandbox.evaluate(conditions, {**shared, "column": column.shown()}, [{"this": None}])[0].matches


def _without_rows(state: PolicyState, rule: PolicyRow, sandbox: Sandbox, shared: Mapping[str, Any]) -> PolicyState:
    """The rows for which no column meets the rule."""
    drops = [False] * state.table.num_rows
    for column in state.columns:
        if not _is_meant(rule, column, sandbox, shared):
            continue
        _, conditions = _split_condition(rule.condition)
        found = _evaluate_rule(state, column, _add_conditions(rule, conditions), sandbox, shared)
        drops = [drop or outcome.matches for drop, outcome in zip(drops, found, strict=True)]

    kept = [row for row, drop in enumerate(drops) if not drop]
    if len(kept) == len(drops):
        return state

    rows = [state.rows[row] for row in kept]
    numbers = [state.numbers[row] for row in kept]
    return replace(state, table=state.table.take(pa.array(kept, pa.int64())), rows=rows, numbers=numbers)


def _apply_rule(
    state: PolicyState,
    column: ColumnView,
    rule: PolicyRow,
    sandbox: Sandbox,
    shared: Mapping[str, Any],
    replace_texts: ReplaceTexts | None,
) -> PolicyState:
    """The table after one rule has changed the cells of one column."""
    if not _is_meant(rule, column, sandbox, shared):
        return state

    _, conditions = _split_condition(rule.condition)
    if replace_texts is not None and rule.value is not None and _TEXT_RULE.fullmatch(rule.value):
        found = _evaluate_rule(state, column, _add_conditions(rule, conditions), sandbox, shared)
        met = [outcome.matches for outcome in found]
        outcomes = _text_outcomes(state, column, met, replace_texts)
    else:
        asked = replace(
            _add_conditions(rule, conditions),
            value=Expression(rule.value or ""),
            foreach=Expression(rule.foreach) if rule.foreach else None,
            fallback=rule.fallback_value,
        )
        outcomes = _evaluate_rule(state, column, asked, sandbox, shared)

    return _apply_outcomes(state, column, outcomes)


def _text_outcomes(
    state: PolicyState, column: ColumnView, met: Sequence[bool], replace_texts: ReplaceTexts
) -> list[Outcome]:
    texts = [None if value is None else str(value) for value in state.table.column(column.name).to_pylist()]
    chosen = [
        (text, row) for text, row, meets in zip(texts, state.rows, met, strict=True) if meets and text is not None
    ]
    done = iter(replace_texts(chosen, column.name))

    return [
        Outcome(True, next(done).text) if meets and text is not None else Outcome(False)
        for text, meets in zip(texts, met, strict=True)
    ]


def _apply_outcomes(state: PolicyState, column: ColumnView, outcomes: Sequence[Outcome]) -> PolicyState:
    before = state.table.column(column.name)
    hidden = MASK if is_textual(before.type) else None
    new = [hidden if outcome.failed else outcome.value for outcome in outcomes]
    made = from_texts([text if o.matches else None for text, o in zip(new, outcomes, strict=True)], before.type,
                      column=column.name)  # fmt: skip
    after = pc.if_else(pa.array([outcome.matches for outcome in outcomes], pa.bool_()), made, before)
    texts = _row_texts(before)
    counts = Counter(
        (column.name, FAILED if outcome.failed else column.entity_type or column.type)
        for outcome, text, old in zip(outcomes, new, texts, strict=True)
        if outcome.matches and text != old
    )
    table = with_cells(state.table, column.name, after)

    return replace(state, table=table, changed=state.changed + counts)


def _evaluate_rule(
    state: PolicyState, column: ColumnView, rule: Rule, sandbox: Sandbox, shared: Mapping[str, Any]
) -> list[Outcome]:
    """(num_rows,) outcome of each cell; cells that the expressions cannot tell apart are evaluated once."""
    used = [expression for expression in (*rule.conditions, rule.value, rule.foreach) if expression is not None]
    wanted = [needs(expression) for expression in used]
    if not used:
        return [Outcome(True)] * state.table.num_rows

    fields: list[str] = sorted({name for need in wanted for name in need.row or ()})
    if any(need.row is None for need in wanted):
        fields = state.table.column_names

    _check_there(tuple(fields), state.columns)
    values = {name: _json_cells(state.table.column(name)) for name in {column.name, *fields}}
    has_index = any(need.index for need in wanted)
    places: list[int] = []
    cells: list[dict[str, Any]] = []
    known: dict[str, int] = {}

    for row in range(state.table.num_rows):
        cell = {"this": values[column.name][row], "row": {name: values[name][row] for name in fields}}
        cell |= {"index": state.numbers[row]} if has_index else {}
        key = json.dumps(cell)
        if key not in known:
            known[key] = len(cells)
            cells.append(cell)

        places.append(known[key])

    found = sandbox.evaluate(rule, {**shared, "column": column.shown()}, cells)
    return [found[place] for place in places]


def _add_conditions(rule: PolicyRow, conditions: Sequence[Expression]) -> Rule:
    """The part of a rule that depends on cells."""
    constant, _ = _split_condition(rule.condition)
    names_column = any(needs(part).column for part in conditions)
    is_aimed = bool(rule.name or rule.entity or rule.type or constant or names_column)
    return Rule(conditions=tuple(conditions), is_aimed=is_aimed)


def _split_condition(condition: str | None) -> tuple[list[Expression], list[Expression]]:
    """The parts of a condition that are the same for all cells of a column, and the others."""
    constant: list[Expression] = []
    other: list[Expression] = []
    for part in parts(condition) if condition else ():
        (constant if needs(part).is_constant else other).append(part)
    return constant, other


def _json_cells(column: pa.ChunkedArray) -> list[Any]:
    """The cells of a column in types that JSON can hold: dates in ISO 8601, decimals as texts."""
    return [_json_value(value) for value in column.to_pylist()]


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if value != value:
        return None

    return value


def _row_texts(column: pa.ChunkedArray) -> list[str | None]:
    indices, values = encode(column)
    texts = as_texts(values)
    return [None if place is None else texts[place] for place in indices.to_pylist()]


def _number_or_text(value: str | None) -> float | str | None:
    try:
        if value is not None:
            return float(value)
        return None
    except ValueError:
        return value


def _list_names(names: Names | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, str):
        return (names,)
    return tuple(names)


def _check_there(names: Names | None, columns: Sequence[ColumnView]) -> None:
    known = {column.name for column in columns}
    for name in _list_names(names):
        if name not in known:
            raise ConfigError(f"replace_pii.steps: there is no column {name!r}", column=name)
