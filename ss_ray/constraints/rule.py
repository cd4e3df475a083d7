"""A kind of constraint: everything that the package knows about it, apart from its parameters.

Each kind has a module of its own; `registry` lists them. A new kind needs its parameters in `config.constraints`, a
module here, and a line in the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

import pyarrow as pa

from ss_ray.config.constraints import Constraint
from ss_ray.constraints.cells import Mask
from ss_ray.constraints.suggestions import CodedColumns, Suggestion
from ss_ray.schema import ColumnSchema, TableSchema

C = TypeVar("C", bound=Constraint)


class ConstraintKind(ABC, Generic[C]):
    """One kind of constraint.

    Attributes:
        parameters: Class of its entries in the configuration.
    """

    parameters: ClassVar[type[Constraint]]

    def faults(self, constraint: C, schema: TableSchema) -> Iterator[str]:
        """Reasons why a constraint cannot be checked on a schema, or never holds, in words without values.

        Args:
            constraint: Parameters, whose columns exist.
            schema: Schema of the table.

        Raises:
            ConfigError: A declared value is not of its column's type.
        """
        return iter(())

    @abstractmethod
    def violations(self, constraint: C, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """(rows,) whether each row breaks the constraint.

        Args:
            constraint: Parameters without faults.
            table: Rows in storage types.
            pairs: Determinants and the values that they decide; None where the first rows decide.
        """

    def settle(self, constraint: C, schema: TableSchema) -> C:
        """The constraint, with defaults that follow from the schema filled in."""
        return constraint

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterable[Suggestion]:
        """Constraints of this kind that a table seems to obey.

        Args:
            columns: Columns of the table.
            earlier: Suggestions of the kinds before this one in the registry.
        """
        return ()


class Construction(ConstraintKind[C]):
    """A kind of constraint that can be made true by writing one column."""

    def is_constructed(self, constraint: C) -> bool:
        """Whether this very constraint can be made true."""
        return True

    @abstractmethod
    def target(self, constraint: C) -> str:
        """Name of the column that is written."""

    @abstractmethod
    def inputs(self, constraint: C) -> set[str]:
        """Names of the columns that must be right before."""

    @abstractmethod
    def construct(self, constraint: C, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None) -> pa.Array:
        """(rows,) values of the target that make the constraint true.

        Args:
            constraint: Parameters without faults.
            table: Rows in storage types.
            column: Schema of the target.
            pairs: Determinants and the values that they decide; None where the first rows decide.
        """
