"""Constraints that a table seems to obey, for a person to judge.

A suggestion holds in every row, and would be broken in MIN_EXPECTED rows or more if its columns had nothing to do with
each other. What follows from other suggestions, or from bounds and values of the schema, is left out. Most pairs of
columns fall on SAMPLE_ROWS rows; the few left are checked on all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from ss_ray.config.constraints import (
    ConstraintParameters,
    DeterminesConstraint,
    SumConstraint,
)
from ss_ray.constraints.cells import (
    plain,
    row_hashes,
)
from ss_ray.constraints.registry import RULES
from ss_ray.constraints.suggestions import (
    MIN_ROWS,
    CodedColumns,
    Codes,
    Suggestion,
    chance_of_equal,
)
from ss_ray.schema import Kind, TableSchema


def suggest(schema: TableSchema, table: pa.Table) -> tuple[Suggestion, ...]:
    """Constraints that no row of a table breaks and that chance does not explain; none for under MIN_ROWS rows.

    Args:
        schema: Schema of the table.
        table: Rows in storage types.

    Example:
        >>> from ss_ray.tables.facts import table_facts
        >>> from ss_ray.tables.infer import infer_schema
        >>> admitted = [day * 7 % 50 for day in range(100)]
        >>> discharged = [day + nights % 3 for nights, day in enumerate(admitted)]
        >>> table = pa.table({"admitted": admitted, "discharged": discharged})
        >>> suggestions = suggest(infer_schema(table_facts(table), {}, is_text=False), table)
        >>> [suggestion.constraint.name for suggestion in suggestions]
        ['order(admitted <= discharged)']
    """
    if table.num_rows < MIN_ROWS:
        return ()

    twins, columns = _coded_columns(schema, table)
    suggestions = list(_suggest_twins(twins, schema, columns))
    # In the order of the registry: an order that follows from a sum is not suggested again.
    for rule in RULES.values():
        suggestions += rule.suggestions(columns, suggestions)

    return tuple(suggestions)


def to_yaml(suggestions: Sequence[Suggestion]) -> str:
    """A `constraints:` section of a configuration file, with the reasons as comments.

    Example:
        >>> from ss_ray.config.constraints import OrderConstraint
        >>> order = OrderConstraint(low="admitted", high="discharged")
        >>> suggestion = Suggestion(constraint=order, support=100, reason="admitted is never above discharged")
        >>> print(to_yaml([suggestion]), end="")
        constraints:
          # admitted is never above discharged
          - {type: order, low: admitted, high: discharged}
    """
    lines = ["constraints:" if suggestions else "constraints: []"]
    for suggestion in suggestions:
        given = suggestion.constraint.model_dump(mode="json", exclude_defaults=True)
        entry = {"type": suggestion.constraint.type, **given}
        text = yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
        lines += [f"  # {_one_line(suggestion.reason)}", f"  - {text.rstrip()}"]

    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """Text that ends no comment, whatever the names of columns hold."""
    return "".join(character if character.isprintable() else " " for character in text)


def _coded_columns(schema: TableSchema, table: pa.Table) -> tuple[dict[str, str], CodedColumns]:
    """For each column that repeats an earlier one, which; and all others that have values."""
    first: dict[bytes, str] = {}
    twins: dict[str, str] = {}
    codes: dict[str, Codes] = {}

    for name in schema.names:
        hashes, complete = row_hashes(table, [name])
        twin = first.setdefault(hashes.tobytes(), name)
        if twin != name:
            twins[name] = twin
        elif complete.any():
            encoded = plain(table, name).dictionary_encode()
            codes[name] = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)

    return twins, CodedColumns(
        schema=TableSchema(columns=tuple(c for c in schema.columns if c.name in codes)),
        table=table,
        codes=codes,
        distinct={name: int(code.max()) + 1 for name, code in codes.items()},
        chance={name: chance_of_equal(code[code >= 0]) for name, code in codes.items()},
    )


def _suggest_twins(twins: dict[str, str], schema: TableSchema, columns: CodedColumns) -> Iterator[Suggestion]:
    """Columns that repeat another one; numbers as a sum of one part, so that they are equal for unseen values, too."""
    for name, first in twins.items():
        if first not in columns.codes or columns.distinct[first] < 2:
            continue

        is_number = schema[name].kind in (Kind.INTEGER, Kind.FLOAT)
        constraint: ConstraintParameters
        if is_number:
            constraint = SumConstraint(parts=(first,), total=name)
        else:
            constraint = DeterminesConstraint(columns=(first,), determined=name)

        support = int(columns.present(first).sum())
        yield Suggestion(constraint=constraint, support=support, reason=f"{name} is {first} in all rows")
