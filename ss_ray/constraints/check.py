"""Constraints against a schema, before any work, and against the rows of a table.

check_declared(constraints, schema)      # ConfigError for what cannot be meant
violations(constraint, table)            # (rows,) True where a row breaks it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from ss_ray.config.constraints import (
    ConstraintParameters,
)
from ss_ray.constraints.cells import (
    Mask,
)
from ss_ray.constraints.conditions import condition_faults
from ss_ray.constraints.registry import rule_of
from ss_ray.errors import ConfigError
from ss_ray.schema import TableSchema


def check_declared(constraints: Iterable[ConstraintParameters], schema: TableSchema) -> None:
    """Refuse what cannot be checked on this table, or never hold.

    Raises:
        ConfigError: A column does not exist or cannot be compared, a declared value is not of its column's type, a
            regular expression is invalid, or no row of the schema can satisfy the constraint.

    Example:
        >>> from ss_ray.config.constraints import OrderConstraint
        >>> from ss_ray.schema import ColumnSchema, Kind
        >>> schema = TableSchema(columns=(ColumnSchema(name="first", kind=Kind.INTEGER, arrow_type="int64"),))
        >>> check_declared([OrderConstraint(low="first", high="last")], schema)
        Traceback (most recent call last):
            ...
        ss_ray.errors.ConfigError: constraints.0, order(first <= last): there is no column 'last'; the table has 'first'
    """
    for index, constraint in enumerate(constraints):
        fault = next(_find_faults(constraint, schema), None)
        if fault is not None:
            raise ConfigError(f"constraints.{index}, {constraint.name}: {fault}")


def violations(constraint: ConstraintParameters, table: pa.Table, pairs: pa.Table | None = None) -> Mask:
    """(rows,) whether each row breaks the constraint.

    Args:
        constraint: A constraint that `check_declared` accepts for the table's schema.
        table: Rows in storage types. Of rows with one key, all but the first break `unique`.
        pairs: Determinants of a `determines` constraint and the values that they decide, each in one row; see
            `determines.learn_mapping`. Determinants that are not among them decide by their first row with a value.

    Raises:
        ConfigError: A pattern takes too long.

    Example:
        >>> from ss_ray.config.constraints import OrderConstraint
        >>> order = OrderConstraint(low="admitted", high="discharged")
        >>> violations(order, pa.table({"admitted": [1, 5], "discharged": [3, 2]}))
        array([False,  True])
    """
    return rule_of(constraint).violations(constraint, table, pairs)


def _find_faults(constraint: ConstraintParameters, schema: TableSchema) -> Iterator[str]:
    """Reasons why a constraint cannot be used on this schema, in words without values."""
    # Every other fault needs the columns to exist.
    unknown = [name for name in constraint.read_columns if name not in schema.names]
    if unknown:
        yield f"there is no column {', '.join(map(repr, unknown))}; the table has {', '.join(map(repr, schema.names))}"
        return

    when = constraint.condition
    try:
        if when is not None:
            yield from condition_faults(when, schema[when.column])

        yield from rule_of(constraint).faults(constraint, schema)
    except ConfigError as error:
        # A declared value that is not of the column's type.
        yield str(error)
