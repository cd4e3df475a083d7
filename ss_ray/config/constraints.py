"""Rules that no row of a synthetic table breaks: the entries of `constraints` in the configuration.

A rule compares values, so a missing one breaks none of them, unless the rule is about missing values (`present`).
Whether the columns exist and can be compared is not known here; `constraints.check` says so once there is a schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ss_ray.config.base import Bound, Cell, Section

Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class Condition(Section):
    """Some rows: those where one column compares as said. A missing value compares as false."""

    column: Name = Field(description="Column that is compared.")
    equals: Cell | None = Field(None, description="The value it has; dates in ISO 8601.")
    one_of: Annotated[tuple[Cell, ...], Field(min_length=1)] | None = Field(None, description="The values it may have.")
    is_missing: bool | None = Field(None, description="true: it has no value; false: it has one.")
    minimum: Bound | None = Field(None, description="Smallest value (inclusive); dates in ISO 8601.")
    maximum: Bound | None = Field(None, description="Largest value (inclusive); dates in ISO 8601.")

    @model_validator(mode="after")
    def _check_columns(self) -> Condition:
        has_bounds = self.minimum is not None or self.maximum is not None
        ways = [self.equals is not None, self.one_of is not None, self.is_missing is not None, has_bounds]
        if sum(ways) != 1:
            raise ValueError("a condition needs one of equals, one_of, is_missing, or bounds")
        return self


class Constraint(Section):
    """What all constraints have in common."""

    type: str

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        raise NotImplementedError

    @property
    def condition(self) -> Condition | None:
        """The condition that limits the constraint to some rows; None where it has none."""
        return None

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """A stable, readable name without values, by which broken rows are counted: "order(admitted <= discharged)"."""
        return f"{self.type}({self.content})"


class ColumnConstraint(Constraint):
    """A constraint on one column."""

    column: Name

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the column, and of the column of the condition."""
        if self.condition is None:
            return (self.column,)
        return self.column, self.condition.column

    @property
    def content(self) -> str:
        """The column, and the column of the condition."""
        if self.condition is None:
            return self.column
        return f"{self.column} when {self.condition.column}"


class ConditionalConstraint(ColumnConstraint):
    """A constraint on one column, in all rows or in those where a condition holds."""

    when: Condition | None = None

    @property
    def condition(self) -> Condition | None:
        """The condition that limits the constraint to some rows; None where it has none."""
        return self.when


class UniqueConstraint(Constraint):
    """A key: no two rows have the same values in all of these columns."""

    type: Literal["unique"] = Field("unique", description="No two rows have the same key.")
    columns: Names = Field(description="Columns of the key; rows with a missing value in one are not compared.")

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return self.columns

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return ", ".join(self.columns)

    @model_validator(mode="after")
    def _check_columns(self) -> UniqueConstraint:
        _check_distinct(self.columns)
        return self


class OrderConstraint(Constraint):
    """One column is never above another: admitted before discharged."""

    type: Literal["order"] = Field("order", description="One column is never above another.")
    low: Name = Field(description="Column with the smaller value: a number, or a date.")
    high: Name = Field(description="Column with the larger value; a date counts as its midnight beside a datetime.")
    strict: bool = Field(False, description="Whether equal values are forbidden, too.")

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return self.low, self.high

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return f"{self.low} {'<' if self.strict else '<='} {self.high}"

    @model_validator(mode="after")
    def _check_columns(self) -> OrderConstraint:
        _check_distinct((self.low, self.high))
        return self


class SumConstraint(Constraint):
    """Columns add up to another: net + tax = gross."""

    type: Literal["sum"] = Field("sum", description="Columns add up to another.")
    parts: Names = Field(description="Numeric columns that are added.")
    total: Name = Field(description="Numeric column with their sum; computed from the parts where it is wrong.")
    tolerance: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="Largest absolute difference allowed; 0: half a unit of the total's last decimal.",
    )

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return *self.parts, self.total

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return f"{' + '.join(self.parts)} = {self.total}"

    @model_validator(mode="after")
    def _check_columns(self) -> SumConstraint:
        _check_distinct((*self.parts, self.total))
        return self


class ProductConstraint(Constraint):
    """Columns multiply to another: quantity x price = amount."""

    type: Literal["product"] = Field("product", description="Columns multiply to another.")
    factors: Annotated[tuple[Name, ...], Field(min_length=2)] = Field(
        description="Numeric columns that are multiplied."
    )
    total: Name = Field(description="Numeric column with their product; computed from the factors where it is wrong.")
    tolerance: float = Field(
        0,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="Largest difference allowed, as a share of the product; 0: half a unit of the last decimal.",
    )

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return *self.factors, self.total

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return f"{' x '.join(self.factors)} = {self.total}"

    @model_validator(mode="after")
    def _check_columns(self) -> ProductConstraint:
        _check_distinct((*self.factors, self.total))
        return self


class OneOfConstraint(Constraint):
    """Exactly one of some columns is set: the dummy columns of a category, or credit and debit."""

    type: Literal["one_of"] = Field("one_of", description="Exactly one of some columns is set.")
    columns: Annotated[tuple[Name, ...], Field(min_length=2)] = Field(description="Columns, one of which is set.")
    set_by: Literal["value", "truth"] = Field(
        "value", description="A cell is set if it has a value (value), or if it is true or 1 (truth)."
    )

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return self.columns

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return f"{self.set_by} in {', '.join(self.columns)}"

    @model_validator(mode="after")
    def _check_columns(self) -> OneOfConstraint:
        _check_distinct(self.columns)
        return self


class DeterminesConstraint(Constraint):
    """A functional dependency: rows that agree in some columns agree in another (city -> state)."""

    type: Literal["determines"] = Field("determines", description="Columns that decide the value of another.")
    columns: Names = Field(description="Columns that decide; rows with a missing value in one are not compared.")
    determined: Name = Field(description="Column that they decide; its missing values are not compared.")

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Names of the columns that the constraint reads."""
        return *self.columns, self.determined

    @property
    def content(self) -> str:
        """The columns and how they are related, without values."""
        return f"{', '.join(self.columns)} -> {self.determined}"

    @model_validator(mode="after")
    def _check_columns(self) -> DeterminesConstraint:
        _check_distinct((*self.columns, self.determined))
        return self


class ValuesConstraint(ConditionalConstraint):
    """A column has one of some values, everywhere or where a condition holds."""

    type: Literal["values"] = Field("values", description="A column has one of some values.")
    column: Name = Field(description="Column that is compared.")
    values: Annotated[tuple[Cell, ...], Field(min_length=1)] = Field(description="All values it may have.")
    when: Condition | None = Field(None, description="Rows it is about; null: all.")


class FormatConstraint(ColumnConstraint):
    """Every string of a column matches a regular expression."""

    type: Literal["format"] = Field("format", description="Strings match a regular expression.")
    column: Name = Field(description="Column of strings.")
    pattern: Name = Field(description="Regular expression that the whole string matches.")


class PresentConstraint(ConditionalConstraint):
    """A column has a value where a condition holds."""

    type: Literal["present"] = Field("present", description="A column has a value where a condition holds.")
    column: Name = Field(description="Column that has values.")
    when: Condition = Field(description="Rows in which it has one.")
    otherwise: Literal["absent", "any"] = Field(
        "absent", description="In all other rows it is missing (absent), or as it comes (any)."
    )

    @model_validator(mode="after")
    def _check_columns(self) -> PresentConstraint:
        _check_distinct((self.column, self.when.column))
        return self


class RangeConstraint(ConditionalConstraint):
    """A column stays within bounds, everywhere or where a condition holds."""

    type: Literal["range"] = Field("range", description="A column stays within bounds.")
    column: Name = Field(description="Column of numbers or dates.")
    minimum: Bound | None = Field(None, description="Smallest value allowed (inclusive); dates in ISO 8601.")
    maximum: Bound | None = Field(None, description="Largest value allowed (inclusive); dates in ISO 8601.")
    when: Condition | None = Field(None, description="Rows it is about; null: all.")

    @model_validator(mode="after")
    def _check_columns(self) -> RangeConstraint:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a range needs a minimum, a maximum, or both")
        return self


ConstraintParameters = Annotated[
    UniqueConstraint
    | OrderConstraint
    | SumConstraint
    | ProductConstraint
    | OneOfConstraint
    | DeterminesConstraint
    | ValuesConstraint
    | FormatConstraint
    | PresentConstraint
    | RangeConstraint,
    Field(discriminator="type"),
]


def _check_distinct(columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        raise ValueError("a constraint cannot name a column twice")
