"""Constraints that a run finds by itself: `constraints: auto`.

They are suggestions about relations between columns, in all training rows. Formats, values and ranges are left to the
schema; identifiers, texts and personal columns are made anew, so that nothing relates them to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pyarrow as pa

from ss_ray.config.constraints import (
    Constraint,
    ConstraintParameters,
    DeterminesConstraint,
    OneOfConstraint,
    OrderConstraint,
    PresentConstraint,
    ProductConstraint,
    SumConstraint,
    UniqueConstraint,
)
from ss_ray.constraints.check import check_declared, violations
from ss_ray.constraints.registry import rule_of
from ss_ray.constraints.suggest import suggest
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, TableSchema

RELATIONS: tuple[type[Constraint], ...] = (
    UniqueConstraint,
    SumConstraint,
    ProductConstraint,
    OrderConstraint,
    DeterminesConstraint,
    OneOfConstraint,
    PresentConstraint,
)
KEY_ROOM = 2
"""Keys that the values of a composite key have room for, in multiples of the rows to generate, at least."""

ReadColumns = Callable[[Sequence[str]], pa.Table]


def find_relations(schema: TableSchema, rows: pa.Table, read_columns: ReadColumns) -> tuple[ConstraintParameters, ...]:
    """Relations between columns that no training row breaks and that chance does not explain.

    Args:
        schema: Schema of the training rows.
        rows: Some of the training rows, to find relations in.
        read_columns: Function that returns some columns of all training rows, to check them.
    """
    columns = tuple(column for column in schema.columns if _is_learned(column))
    learned = TableSchema(columns=columns)
    suggestions = suggest(learned, rows.select(list(learned.names)))
    found = (suggestion.constraint for suggestion in suggestions if isinstance(suggestion.constraint, RELATIONS))
    return tuple(constraint for constraint in found if _holds_everywhere(constraint, schema, read_columns))


def usable_constraints(
    constraints: Sequence[ConstraintParameters], schema: TableSchema, num_records: int
) -> tuple[ConstraintParameters, ...]:
    """The constraints that rows of a schema can keep.

    Args:
        constraints: Constraints that were found.
        schema: Schema of the rows to generate, such as one without the values that are held back.
        num_records: Number of rows to generate: a key that has no room for so many is no constraint on them.
    """
    return tuple(
        constraint
        for constraint in constraints
        if _is_usable(constraint, schema) and _has_room(constraint, schema, num_records)
    )


def _is_learned(column: ColumnSchema) -> bool:
    return column.kind not in (Kind.IDENTIFIER, Kind.TEXT) and column.entity_type is None


def _holds_everywhere(constraint: ConstraintParameters, schema: TableSchema, read_columns: ReadColumns) -> bool:
    if not _is_usable(constraint, schema):
        return False

    table = read_columns(constraint.read_columns)
    return not violations(rule_of(constraint).settle(constraint, schema), table).any()


def _has_room(constraint: ConstraintParameters, schema: TableSchema, num_records: int) -> bool:
    """Whether the columns of a key have enough values for so many rows."""
    if not isinstance(constraint, UniqueConstraint):
        return True

    room = math.prod(_count_values(schema[name]) for name in constraint.columns)
    return room >= KEY_ROOM * num_records


def _count_values(column: ColumnSchema) -> float:
    """Number of values that a column may have; infinite where it is not known."""
    if column.values is not None:
        return len(column.values)
    if column.kind is Kind.INTEGER and column.minimum is not None and column.maximum is not None:
        return float(column.maximum) - float(column.minimum) + 1
    return math.inf


def _is_usable(constraint: ConstraintParameters, schema: TableSchema) -> bool:
    try:
        check_declared([constraint], schema)
    except ConfigError:
        return False
    return True
