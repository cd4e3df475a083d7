"""Conditions of constraints: in which rows they hold, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.base import Cell
from ss_ray.config.constraints import (
    Condition,
)
from ss_ray.constraints.cells import (
    Mask,
    allowed,
    bounds_faults,
    declared,
    is_present,
    is_within,
    plain,
    to_mask,
    value_type,
)
from ss_ray.schema import ColumnSchema, Kind


def holds(condition: Condition, table: pa.Table) -> Mask:
    """(rows,) whether a condition is true."""
    array = plain(table, condition.column)
    if condition.is_missing is not None:
        return is_present(array) != condition.is_missing

    values = condition_values(condition)
    if values:
        return to_mask(pc.is_in(array, value_set=declared(values, array.type)))

    return is_present(array) & is_within(array, condition.minimum, condition.maximum)


def condition_values(condition: Condition) -> tuple[Cell, ...]:
    """The values of `equals` or `one_of`."""
    return condition.one_of or (() if condition.equals is None else (condition.equals,))


def condition_faults(condition: Condition, column: ColumnSchema) -> Iterator[str]:
    """Reasons why a condition on a column never holds, or cannot be checked, in words without values."""
    values = condition_values(condition)
    if values:
        array = declared(values, value_type(column))
        if column.kind in (Kind.CATEGORY, Kind.BOOLEAN) and not allowed(column, array).any():
            yield f"its condition never holds: column {column.name!r} has none of the values"
    elif condition.is_missing is None:
        yield from bounds_faults(condition.minimum, condition.maximum, column)
