"""`range`: a column stays within bounds."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from ss_ray.config.constraints import (
    RangeConstraint,
)
from ss_ray.constraints.cells import (
    Mask,
    bounds_faults,
    is_present,
    is_within,
    plain,
    schema_ends,
    to_limit,
)
from ss_ray.constraints.conditions import holds
from ss_ray.constraints.rule import ConstraintKind
from ss_ray.schema import TableSchema


class RangeRule(ConstraintKind[RangeConstraint]):
    """A column stays within bounds, everywhere or where a condition holds."""

    parameters = RangeConstraint

    def faults(self, constraint: RangeConstraint, schema: TableSchema) -> Iterator[str]:
        """Columns without an order, and bounds that no value is between."""
        column = schema[constraint.column]
        yield from bounds_faults(constraint.minimum, constraint.maximum, column)
        ends = schema_ends(column)
        if ends is None or constraint.when is not None:
            return

        is_above = constraint.minimum is not None and to_limit(constraint.minimum, column) > ends[1]
        if is_above or (constraint.maximum is not None and to_limit(constraint.maximum, column) < ends[0]):
            yield f"no value of column {column.name!r} is in this range"

    def violations(self, constraint: RangeConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows with a value beyond the bounds, where the condition holds."""
        array = plain(table, constraint.column)
        broken = is_present(array) & ~is_within(array, constraint.minimum, constraint.maximum)
        if constraint.when is None:
            return broken
        return broken & holds(constraint.when, table)
