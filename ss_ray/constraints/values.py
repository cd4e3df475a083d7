"""`values`: a column has one of some values."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    ValuesConstraint,
)
from ss_ray.constraints.cells import (
    Mask,
    allowed,
    declared,
    is_present,
    plain,
    to_mask,
    value_type,
)
from ss_ray.constraints.conditions import holds
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.schema import TableSchema


class ValuesRule(ConstraintKind[ValuesConstraint]):
    """A column has one of some values, everywhere or where a condition holds."""

    parameters = ValuesConstraint

    def faults(self, constraint: ValuesConstraint, schema: TableSchema) -> Iterator[str]:
        """Values that the column never has."""
        column = schema[constraint.column]
        array = declared(constraint.values, value_type(column))
        if not allowed(column, array).any():
            yield f"column {column.name!r} never has any of the values"

    def violations(self, constraint: ValuesConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows with a value that is none of them, where the condition holds."""
        array = plain(table, constraint.column)
        inside = to_mask(pc.is_in(array, value_set=declared(constraint.values, array.type)))
        broken = is_present(array) & ~inside
        if constraint.when is None:
            return broken
        return broken & holds(constraint.when, table)
