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
from functools import reduce
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    ConstraintParameters,
    DeterminesConstraint,
    PresentConstraint,
    SumConstraint,
    UniqueConstraint,
    columns_of,
)
from ss_ray.constraints.check import (
    Hashes,
    Mask,
    allowed,
    check_declared,
    constraint_name,
    looked_up,
    numbers,
    plain,
    repeats,
    row_hashes,
    violations,
    with_first_pairs,
)
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type

Construction = SumConstraint | DeterminesConstraint | PresentConstraint
"""Constraints that can be made true."""


_SLACK = 1e-9
"""Distance from the bounds, relative, at which the storage type decides what is inside."""


@dataclass(frozen=True, kw_only=True)
class LearnedMapping:
    """What real rows say of a functional dependency. Holds real values: it is internal to a run.

    Attributes:
        pairs: One row per determinant with the determined value it comes with most often, missing where it never
            has one. Columns: the determinants, then the determined one; Parquet keeps them.
        contradictions: Real rows that have another value.
    """

    pairs: pa.Table
    contradictions: int


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
        constructions: Those that can be made true, in the order in which they are.
        schema: Of the tables.
        pairs: What determinants decide, by name of the constraint.
    """

    constraints: tuple[ConstraintParameters, ...]
    constructions: tuple[Construction, ...]
    schema: TableSchema
    pairs: Mapping[str, pa.Table]

    @property
    def rules_identifiers(self) -> bool:
        """Whether a constraint looks at identifiers, which must then stay as they were checked."""
        identifiers = {column.name for column in self.schema.of_kind(Kind.IDENTIFIER)}
        return any(identifiers & set(columns_of(constraint)) for constraint in self.constraints)

    def enforce(self, table: pa.Table, groups: npt.ArrayLike | None = None, seen: Seen | None = None) -> Enforced:
        """The rows of a table without those that break a constraint.

        Args:
            table: Rows that satisfy the schema; so do those that are returned.
            groups: (rows,) unit of each row: a row that breaks a constraint takes its whole unit with it. None: each
                row is a unit.
            seen: Of the tables before this one, where constraints hold over all of them; None: this is the first.
        """
        seen = seen or Seen()
        table, changed, pairs = self._construct(table, {**self.pairs, **seen.pairs})
        kept, rejected = self._reject(table, _units(groups, table.num_rows), seen.keys, pairs)
        repaired = _zeros(self.constructions)
        for constraint, cells in zip(self.constructions, changed, strict=True):
            repaired[constraint_name(constraint)] += int((cells & kept).sum())

        released = table.filter(pa.array(kept))
        keys = {
            constraint_name(c): np.union1d(_keys_of(c, seen.keys), key_hashes(c, released))
            for c in self.constraints
            if isinstance(c, UniqueConstraint)
        }
        return Enforced(
            table=released, kept=kept, rejected=rejected, repaired=repaired, seen=Seen(keys=keys, pairs=pairs)
        )

    def _construct(
        self, table: pa.Table, pairs: dict[str, pa.Table]
    ) -> tuple[pa.Table, list[Mask], dict[str, pa.Table]]:
        """The table with all constructions made, the cells each of them changed, and the pairs with the new ones."""
        changed = []
        for constraint in self.constructions:
            name = constraint_name(constraint)
            if isinstance(constraint, DeterminesConstraint):
                pairs[name] = with_first_pairs(constraint, pairs.get(name), table)
            table, cells = _made_true(constraint, table, self.schema, pairs.get(name))
            changed.append(cells)

        return table, changed, pairs

    def _reject(
        self, table: pa.Table, units: npt.NDArray[np.intp], keys: Mapping[str, Hashes], pairs: Mapping[str, pa.Table]
    ) -> tuple[Mask, dict[str, int]]:
        """Which rows are left, and how many each constraint cost."""
        kept = np.ones(table.num_rows, bool)
        rejected = _zeros(self.constraints)
        for constraint in self.constraints:
            name = constraint_name(constraint)
            if isinstance(constraint, UniqueConstraint):
                hashes, complete = row_hashes(table, constraint.columns)
                compared = kept & complete
                broken = repeats(hashes, compared) | (compared & np.isin(hashes, _keys_of(constraint, keys)))
            else:
                broken = violations(constraint, table, pairs.get(name))

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
        constraints: As declared.
        schema: Of the tables.
        mappings: What real rows say of `determines` constraints, by their names; without one, the first synthetic row
            of a determinant decides.
        fixed: Columns that are never changed: rows are rejected instead.

    Raises:
        ConfigError: See `check_declared`.
    """
    check_declared(constraints, schema)
    exact = [settled(c, schema) if isinstance(c, SumConstraint) else c for c in constraints]
    return Enforcer(
        constraints=tuple(sorted(exact, key=lambda c: isinstance(c, UniqueConstraint))),
        constructions=_in_order([c for c in exact if _is_constructed(c) and _target(c) not in fixed]),
        schema=schema,
        pairs={name: mapping.pairs for name, mapping in (mappings or {}).items()},
    )


def learn_mapping(constraint: DeterminesConstraint, tables: Iterable[pa.Table]) -> LearnedMapping:
    """What each determinant of real rows decides: the value it comes with most often, the first of equals.

    Args:
        constraint: Which columns decide.
        tables: All rows in storage types, in blocks.
    """
    names = [*constraint.columns, constraint.determined]
    blocks = [_counted(pa.table({name: plain(table, name) for name in names}), names) for table in tables]
    counts = pa.concat_tables(blocks).group_by(names, use_threads=False).aggregate([("rows", "sum")])
    is_missing = counts.column(constraint.determined).is_null()
    order = [("missing", "ascending"), ("rows_sum", "descending")]
    counts = counts.append_column("missing", is_missing.cast(pa.int8())).sort_by(order)
    hashes, complete = row_hashes(counts, constraint.columns)
    is_other = repeats(hashes, complete)
    has_value = ~counts.column("missing").to_numpy().astype(bool)

    return LearnedMapping(
        pairs=counts.select(names).filter(pa.array(complete & ~is_other)),
        contradictions=int(counts.column("rows_sum").to_numpy()[is_other & has_value].sum()),
    )


def key_hashes(constraint: UniqueConstraint, table: pa.Table) -> Hashes:
    """(rows with all columns of the key,) hash of each key, the same in every table of the schema.

    A last check over shards: together they repeat no key if no hash repeats.
    """
    hashes, complete = row_hashes(table, constraint.columns)
    return hashes[complete]


def settled(constraint: SumConstraint, schema: TableSchema) -> SumConstraint:
    """The constraint with the tolerance that its total's schema gives it where none is declared."""
    if constraint.tolerance:
        return constraint

    digits = _decimals(schema[constraint.total])
    if digits is None:
        tolerance = float(np.finfo(np.float64).tiny)
    else:
        tolerance = 0.5 * 10.0**-digits

    return constraint.model_copy(update={"tolerance": tolerance})


def _in_order(constructions: Sequence[Construction]) -> tuple[Construction, ...]:
    """Each after those that write what it reads; where they wait for each other, as they were declared."""
    left = list(constructions)
    ordered = []
    while left:
        written = [_target(constraint) for constraint in left]
        free = (i for i, c in enumerate(left) if not _inputs(c) & {*written[:i], *written[i + 1 :]})
        ordered.append(left.pop(next(free, 0)))

    return tuple(ordered)


def _is_constructed(constraint: ConstraintParameters) -> TypeGuard[Construction]:
    if isinstance(constraint, PresentConstraint):
        return constraint.otherwise == "absent"
    return isinstance(constraint, SumConstraint | DeterminesConstraint)


def _target(constraint: Construction) -> str:
    """The column that is written."""
    match constraint:
        case SumConstraint(total=total):
            return total
        case DeterminesConstraint(determined=determined):
            return determined

    return constraint.column


def _inputs(constraint: Construction) -> set[str]:
    """The columns that must be right before; a column is removed where it is absent once nothing else writes it."""
    match constraint:
        case SumConstraint(parts=parts):
            return set(parts)
        case DeterminesConstraint(columns=columns):
            return set(columns)

    return {constraint.when.column, constraint.column}


def _made_true(
    constraint: Construction, table: pa.Table, schema: TableSchema, pairs: pa.Table | None
) -> tuple[pa.Table, Mask]:
    """The table with other values in the target of broken rows, where the schema allows them; and in which rows."""
    column = schema[_target(constraint)]
    old = plain(table, column.name)
    match constraint:
        case SumConstraint():
            new = _totals(constraint, table, column)
        case DeterminesConstraint():
            new = looked_up(constraint, with_first_pairs(constraint, pairs, table), table)[0]
        case _:
            new = pa.nulls(len(old), old.type)

    broken = violations(constraint, table, pairs) & old.is_valid().to_numpy(zero_copy_only=False)
    cells = broken & allowed(column, new)
    if not cells.any():
        return table, cells

    filled = pc.if_else(pa.array(cells), new, old).cast(arrow_type(column))
    return table.set_column(table.column_names.index(column.name), column.name, filled), cells


def _totals(constraint: SumConstraint, table: pa.Table, column: ColumnSchema) -> pa.Array:
    """(rows,) sum of the parts in the total's decimals and type; the total as it is where that is out of bounds."""
    old = plain(table, column.name)
    digits = _decimals(column)
    sums = reduce(np.add, [numbers(plain(table, part)) for part in constraint.parts])
    if column.kind is Kind.FLOAT:
        sums = sums.astype(np.float64)

    if digits is not None and sums.dtype.kind == "f":
        sums = np.round(sums, digits)

    low = float(column.minimum or 0)
    high = float(column.maximum or 0)
    # Sums that are not inside after all are not allowed in the end.
    slack = _SLACK * max(abs(low), abs(high))
    inside = (sums >= low - slack) & (sums <= high + slack)
    totals = pa.array(np.where(inside, sums, 0)).cast(old.type, safe=False)

    return pc.if_else(pa.array(inside), totals, old)


def _decimals(column: ColumnSchema) -> int | None:
    """Digits after the point of a number; None for full precision."""
    if column.kind is Kind.INTEGER:
        return 0

    type_ = arrow_type(column)
    if pa.types.is_decimal(type_):
        return type_.scale

    return column.decimals


def _counted(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    counts = rows.group_by(names, use_threads=False).aggregate([([], "count_all")])
    return counts.rename_columns([*names, "rows"])


def _units(groups: npt.ArrayLike | None, num_rows: int) -> npt.NDArray[np.intp]:
    """(rows,) number of each row's unit."""
    if groups is None:
        return np.arange(num_rows)
    return pd.factorize(np.asarray(groups), use_na_sentinel=False)[0]


def _keys_of(constraint: UniqueConstraint, keys: Mapping[str, Hashes]) -> Hashes:
    return keys.get(constraint_name(constraint), np.zeros(0, np.uint64))


def _zeros(constraints: Iterable[ConstraintParameters]) -> dict[str, int]:
    return {constraint_name(constraint): 0 for constraint in constraints}
