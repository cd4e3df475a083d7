"""What a schema of another tool declares, in this package's terms."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from ss_ray.config.files import parse_config


@dataclass(kw_only=True)
class DeclaredTable:
    """Declarations of a table, gathered while a schema is read.

    Attributes:
        columns: Parameters of `data.columns` by column.
        constraints: Entries of `constraints`.
        unread: Rules that have no counterpart here, one sentence each.
    """

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    constraints: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def declare(self, column: str, **values: Any) -> None:
        """Add parameters of a column; None stands for a parameter that is not declared."""
        given = {name: value for name, value in values.items() if value is not None}
        self.columns.setdefault(column, {}).update(given)

    def bound(self, column: str, name: str, value: Any, *, is_strict: bool = False) -> None:
        """Add a bound of a column.

        Args:
            column: Name of the column.
            name: minimum or maximum.
            value: Number, or time in ISO 8601; None without a bound.
            is_strict: Whether the bound itself is not allowed.
        """
        if value is None:
            return

        step = 1 if name == "minimum" else -1
        if is_strict and self.columns.get(column, {}).get("kind") == "integer":
            value += step
        elif is_strict:
            self.skip(column, f"the {name} itself is not allowed; here it is")
        self.declare(column, **{name: plain_value(value)})

    def constrain(self, type_: str, **values: Any) -> None:
        """Add a constraint, once."""
        entry = {"type": type_, **values}
        if entry not in self.constraints:
            self.constraints.append(entry)

    def skip(self, column: str, reason: str) -> None:
        """Note a rule that is not read."""
        self.unread.append(f"{column}: {reason}")

    def to_yaml(self) -> str:
        """Sections of a configuration file, with the unread rules as comments.

        Raises:
            ConfigError: The schema declares something impossible.
        """
        columns = {name: values for name, values in self.columns.items() if values}
        sections: dict[str, Any] = {}
        if columns:
            sections["data"] = {"columns": columns}
        if self.constraints:
            sections["constraints"] = self.constraints
        parse_config(sections)

        notes = "".join(f"# not read: {sentence}\n" for sentence in self.unread)
        return notes + yaml.safe_dump(sections, sort_keys=False, allow_unicode=True, width=10**6)


def plain_value(value: Any) -> Any:
    """A bound or a value as configurations hold it: dates and times in ISO 8601."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep="T")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def plain_values(values: Iterable[Any] | None) -> list[Any] | None:
    """Allowed values as configurations hold them; None where none are declared, a missing value left out."""
    if values is None:
        return None
    return [plain_value(value) for value in values if value is not None]
