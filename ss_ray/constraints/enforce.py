"""Tables without a row that breaks a constraint: what can be made true is, and the other rows are rejected.

    enforcer = make_enforcer(constraints, schema, mappings)
    done = enforcer.enforce(table)                        # done.table breaks nothing
    done = enforcer.enforce(next_table, seen=done.seen)   # nor do both tables together

Made true: totals are added up, determined values looked up, and absent ones removed; each only in rows that break the
constraint, and only where the schema allows the result. These steps follow each other by what they read and write.
Then every constraint is checked again, so it holds in the end whatever the constraints do to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import ConstraintParameters, DeterminesConstraint, UniqueConstraint
from ss_ray.constraints.cells import Hashes, Mask, allowed, plain, repeats, row_hashes
from ss_ray.constraints.check import check_declared, violations
from ss_ray.constraints.determines import LearnedMapping, with_first_pairs
from ss_ray.constraints.registry import rule_of
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.unique import key_hashes
from ss_ray.schema import Kind, TableSchema, arrow_type


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What earlier tables have fixed for those that follow.

    Attributes:
        keys: Hashes of the keys in use, ascending, by name of the `unique` constraint.
        pairs: Determinants and what they decide, by name of the `determines` constraint; see `LearnedMapping`.
    """

    keys: Mapping[str, Hashes] = field(default_factory=dict)
    pairs: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Enforced:
    """Rows that break no constraint, and what it took.

    Attributes:
        table: The rows that are kept, in order.
        kept: (rows,) which of the given rows they are.
        rejected: Rows rejected by name of the constraint; each counts once, for the first constraint that its unit
            breaks.
        repaired: Cells of kept rows that were changed, by name of the constraint.
        seen: To be given with the next table.
    """

    table: pa.Table
    kept: Mask
    rejected: dict[str, int]
    repaired: dict[str, int]
    seen: Seen


@dataclass(frozen=True, kw_only=True)
class Enforcer:
    """Constraints on tables of one schema; `make_enforcer` builds it.

    Attributes:
        constraints: In the order in which they are checked, keys last.
        constructions: Constraints that can be made true, in the order in which they are.
        schema: Schema of the tables.
        pairs: Determinants and the values that they decide, by name of the constraint.
    """

    constraints: tuple[ConstraintParameters, ...]
    constructions: tuple[ConstraintParameters, ...]
    schema: TableSchema
    pairs: Mapping[str, pa.Table]

    @property
    def rules_identifiers(self) -> bool:
        """Whether a constraint looks at identifiers, which must then stay as they were checked."""
        identifiers = {column.name for column in self.schema.of_kind(Kind.IDENTIFIER)}
        return any(identifiers & set(constraint.read_columns) for constraint in self.constraints)

    def enforce(self, table: pa.Table, groups: npt.ArrayLike | None = None, seen: Seen | None = None) -> Enforced:
        """The rows of a table without those that break a constraint.

        Args:
            table: Rows that satisfy the schema; so do those that are returned.
            groups: (rows,) unit of each row: a row that breaks a constraint takes its whole unit with it. None: each
                row is a unit.
            seen: Keys and pairs of the tables before this one, where constraints hold over all of them; None: this is
                the first.
        """
        seen = seen or Seen()
        table, changed, pairs = self._make_true(table, {**self.pairs, **seen.pairs})
        kept, rejected = self._reject_rows(table, _number_units(groups, table.num_rows), seen.keys, pairs)
        repaired = _count_nothing(self.constructions)
        for constraint, cells in zip(self.constructions, changed, strict=True):
            repaired[constraint.name] += int((cells & kept).sum())

        released = table.filter(pa.array(kept))
        keys = {
            c.name: np.union1d(_keys_of(c, seen.keys), key_hashes(c, released))
            for c in self.constraints
            if isinstance(c, UniqueConstraint)
        }
        return Enforced(
            table=released, kept=kept, rejected=rejected, repaired=repaired, seen=Seen(keys=keys, pairs=pairs)
        )

    def _make_true(
        self, table: pa.Table, pairs: dict[str, pa.Table]
    ) -> tuple[pa.Table, list[Mask], dict[str, pa.Table]]:
        """The table with all constructions made, the cells each of them changed, and the pairs with the new ones."""
        changed = []
        # In an order in which each construction reads columns that are right already.
        for constraint in self.constructions:
            name = constraint.name
            if isinstance(constraint, DeterminesConstraint):
                pairs[name] = with_first_pairs(constraint, pairs.get(name), table)
            table, cells = _made_true(constraint, table, self.schema, pairs.get(name))
            changed.append(cells)

        return table, changed, pairs

    def _reject_rows(
        self, table: pa.Table, units: npt.NDArray[np.intp], keys: Mapping[str, Hashes], pairs: Mapping[str, pa.Table]
    ) -> tuple[Mask, dict[str, int]]:
        """Which rows are left, and how many each constraint cost."""
        kept = np.ones(table.num_rows, bool)
        rejected = _count_nothing(self.constraints)
        for constraint in self.constraints:
            name = constraint.name
            # Keys hold over all tables, so that rows are compared with earlier ones too.
            if isinstance(constraint, UniqueConstraint):
                hashes, complete = row_hashes(table, constraint.columns)
                compared = kept & complete
                broken = repeats(hashes, compared) | (compared & np.isin(hashes, _keys_of(constraint, keys)))
            else:
                broken = violations(constraint, table, pairs.get(name))

            # A unit without one of its rows would be a group that the model has not made.
            removed = kept & np.isin(units, units[kept & broken])
            rejected[name] += int(removed.sum())
            kept &= ~removed

        return kept, rejected


def make_enforcer(
    constraints: Sequence[ConstraintParameters],
    schema: TableSchema,
    mappings: Mapping[str, LearnedMapping] | None = None,
    fixed: frozenset[str] = frozenset(),
) -> Enforcer:
    """The enforcer of constraints on tables of a schema.

    Args:
        constraints: Constraints as the request declares them.
        schema: Schema of the tables.
        mappings: Learned determinant -> value tables for `determines` constraints, by name; without one, the first
            synthetic row of a determinant decides.
        fixed: Columns that are never changed: rows are rejected instead.

    Raises:
        ConfigError: See `check_declared`.

    Example:
        >>> from ss_ray.config.constraints import OrderConstraint
        >>> from ss_ray.schema import ColumnSchema
        >>> columns = [ColumnSchema(name=name, kind=Kind.INTEGER, arrow_type="int64") for name in ("first", "last")]
        >>> enforcer = make_enforcer([OrderConstraint(low="first", high="last")], TableSchema(columns=tuple(columns)))
        >>> enforced = enforcer.enforce(pa.table({"first": [1, 5], "last": [3, 2]}))
        >>> enforced.table.to_pydict(), enforced.rejected
        ({'first': [1], 'last': [3]}, {'order(first <= last)': 1})
    """
    check_declared(constraints, schema)
    exact = [rule_of(constraint).settle(constraint, schema) for constraint in constraints]
    return Enforcer(
        constraints=tuple(sorted(exact, key=lambda c: isinstance(c, UniqueConstraint))),
        constructions=_in_order([constraint for constraint in exact if _is_constructed(constraint, fixed)]),
        schema=schema,
        pairs={name: mapping.pairs for name, mapping in (mappings or {}).items()},
    )


def _is_constructed(constraint: ConstraintParameters, fixed: frozenset[str]) -> bool:
    """Whether a constraint is made true: its kind can, and its target may be changed."""
    rule = rule_of(constraint)
    return isinstance(rule, Construction) and rule.is_constructed(constraint) and rule.target(constraint) not in fixed


def _in_order(constructions: Sequence[ConstraintParameters]) -> tuple[ConstraintParameters, ...]:
    """Each after those that write what it reads; where they wait for each other, as they were declared."""
    left = list(constructions)
    ordered = []
    while left:
        written = [_construction_of(constraint).target(constraint) for constraint in left]
        free = (
            index
            for index, constraint in enumerate(left)
            if not _construction_of(constraint).inputs(constraint) & {*written[:index], *written[index + 1 :]}
        )
        # Constructions that wait for each other are made as they were declared, and checked again in the end.
        ordered.append(left.pop(next(free, 0)))

    return tuple(ordered)


def _construction_of(constraint: ConstraintParameters) -> Construction[Any]:
    rule = rule_of(constraint)
    if not isinstance(rule, Construction):
        raise TypeError(f"{constraint.type} constraints cannot be made true")
    return rule


def _made_true(
    constraint: ConstraintParameters, table: pa.Table, schema: TableSchema, pairs: pa.Table | None
) -> tuple[pa.Table, Mask]:
    """The table with other values in the target of broken rows, where the schema allows them; and in which rows."""
    rule = _construction_of(constraint)
    column = schema[rule.target(constraint)]
    old = plain(table, column.name)
    new = rule.construct(constraint, table, column, pairs)
    broken = violations(constraint, table, pairs) & old.is_valid().to_numpy(zero_copy_only=False)
    cells = broken & allowed(column, new)
    if not cells.any():
        return table, cells

    filled = pc.if_else(pa.array(cells), new, old).cast(arrow_type(column))
    return table.set_column(table.column_names.index(column.name), column.name, filled), cells


def _number_units(groups: npt.ArrayLike | None, num_rows: int) -> npt.NDArray[np.intp]:
    """(rows,) number of each row's unit."""
    if groups is None:
        return np.arange(num_rows)
    return pd.factorize(np.asarray(groups), use_na_sentinel=False)[0]


def _keys_of(constraint: UniqueConstraint, keys: Mapping[str, Hashes]) -> Hashes:
    return keys.get(constraint.name, np.zeros(0, np.uint64))


def _count_nothing(constraints: Iterable[ConstraintParameters]) -> dict[str, int]:
    return {constraint.name: 0 for constraint in constraints}
