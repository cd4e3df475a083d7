"""`determines`: columns decide the value of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.constraints import (
    DeterminesConstraint,
)
from ss_ray.constraints.cells import (
    Mask,
    is_present,
    plain,
    repeats,
    row_hashes,
    to_mask,
)
from ss_ray.constraints.rule import Construction
from ss_ray.constraints.suggestions import (
    MIN_EXPECTED,
    SAMPLE_ROWS,
    CodedColumns,
    Codes,
    Suggestion,
    chance_of_equal,
    without_indirect,
)
from ss_ray.schema import ColumnSchema, Kind


class DeterminesRule(Construction[DeterminesConstraint]):
    """A functional dependency: rows that agree in some columns agree in another (city -> state)."""

    parameters = DeterminesConstraint

    def violations(self, constraint: DeterminesConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
        """Rows with another value than their determinants decide; those without a pair decide by their first row."""
        decided, found = looked_up(constraint, with_first_pairs(constraint, pairs, table), table)
        values = plain(table, constraint.determined)
        return found & is_present(values) & ~to_mask(pc.equal(values, decided))

    def target(self, constraint: DeterminesConstraint) -> str:
        """The determined column."""
        return constraint.determined

    def inputs(self, constraint: DeterminesConstraint) -> set[str]:
        """The determinants."""
        return set(constraint.columns)

    def construct(
        self, constraint: DeterminesConstraint, table: pa.Table, column: ColumnSchema, pairs: pa.Table | None
    ) -> pa.Array:
        """(rows,) values that the determinants decide."""
        return looked_up(constraint, with_first_pairs(constraint, pairs, table), table)[0]

    def suggestions(self, columns: CodedColumns, earlier: Sequence[Suggestion]) -> Iterator[Suggestion]:
        """Columns that decide others; of columns that decide each other the first, and nothing twice over a third."""
        names = [name for name, count in columns.distinct.items() if 2 <= count <= columns.num_rows / 2]
        if len(names) < 2:
            return

        decides = _find_dependencies(columns, names)
        is_twin = decides & decides.T
        # No earlier column decides it and is decided by it.
        leads = ~np.logical_or.reduce(np.triu(is_twin, 1))
        direct = without_indirect(decides & leads & leads[:, None], columns.complete(names))

        for i, first in enumerate(names):
            for j in np.flatnonzero(leads[i] & (direct[i] | (is_twin[i] & ~leads))).tolist():
                yield _make_suggestion(columns, first, names[j])


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


def learn_mapping(constraint: DeterminesConstraint, tables: Iterable[pa.Table]) -> LearnedMapping:
    """What each determinant of real rows decides: the value it comes with most often, the first of equals.

    Args:
        constraint: Determinants, and the column that they decide.
        tables: All rows in storage types, in blocks.
    """
    names = [*constraint.columns, constraint.determined]
    blocks = [_count_rows(pa.table({name: plain(table, name) for name in names}), names) for table in tables]
    counts = pa.concat_tables(blocks).group_by(names, use_threads=False).aggregate([("rows", "sum")])
    is_missing = counts.column(constraint.determined).is_null()
    # A determinant that has a value somewhere decides by it, and not by its missing ones.
    order = [("missing", "ascending"), ("rows_sum", "descending")]
    counts = counts.append_column("missing", is_missing.cast(pa.int8())).sort_by(order)
    hashes, complete = row_hashes(counts, constraint.columns)
    is_other = repeats(hashes, complete)
    has_value = ~counts.column("missing").to_numpy().astype(bool)

    return LearnedMapping(
        pairs=counts.select(names).filter(pa.array(complete & ~is_other)),
        contradictions=int(counts.column("rows_sum").to_numpy()[is_other & has_value].sum()),
    )


def looked_up(constraint: DeterminesConstraint, pairs: pa.Table, table: pa.Table) -> tuple[pa.Array, Mask]:
    """(rows,) what each row's determinants decide, missing where nothing; and whether they are among the pairs."""
    known, _ = row_hashes(pairs, constraint.columns)
    hashes, complete = row_hashes(table, constraint.columns)
    places = pd.Index(known).get_indexer(pd.Index(hashes))
    found = complete & (places >= 0)
    return plain(pairs, constraint.determined).take(pa.array(places, pa.int64(), mask=~found)), found


def with_first_pairs(constraint: DeterminesConstraint, pairs: pa.Table | None, table: pa.Table) -> pa.Table:
    """The pairs, and the first row with a value of every determinant that is not among them."""
    names = (*constraint.columns, constraint.determined)
    rows = pa.table({name: plain(table, name) for name in names})
    hashes, complete = row_hashes(rows, constraint.columns)
    new = complete & is_present(plain(rows, constraint.determined))
    if pairs is not None:
        new &= ~looked_up(constraint, pairs, table)[1]

    firsts = rows.filter(pa.array(new & ~repeats(hashes, new)))
    if pairs is None:
        return firsts

    return pa.concat_tables([pairs.select(names).cast(rows.schema), firsts])


def _count_rows(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    counts = rows.group_by(names, use_threads=False).aggregate([([], "count_all")])
    return counts.rename_columns([*names, "rows"])


def _make_suggestion(columns: CodedColumns, first: str, second: str) -> Suggestion:
    rows = int(columns.present(first).sum())
    reason = f"each of the {columns.distinct[first]:,} values of {first} comes with one {second}, in {rows:,} rows"
    constraint = DeterminesConstraint(columns=(first,), determined=second)
    return Suggestion(constraint=constraint, support=rows, reason=reason)


def _find_dependencies(columns: CodedColumns, names: Sequence[str]) -> Mask:
    """(columns, columns) whether all rows of a value of the first have one value, or none, of the second."""
    codes = np.column_stack([columns.codes[name] for name in names])
    sample = codes[:SAMPLE_ROWS]
    decides = np.zeros((len(names), len(names)), bool)

    for i, name in enumerate(names):
        if not _may_decide(columns, name):
            continue

        # Most columns fall on the first rows; the few left are compared on all.
        candidates = np.flatnonzero(_is_constant_in(sample[:, i], sample))
        holds = candidates[_is_constant_in(codes[:, i], codes[:, candidates])]
        rows = codes[codes[:, i] >= 0]
        # Rows that could contradict.
        more = len(rows) - columns.distinct[name]
        decides[i, holds] = [more * (1 - chance_of_equal(rows[:, j])) >= MIN_EXPECTED for j in holds]

    np.fill_diagonal(decides, False)
    return decides


def _may_decide(columns: CodedColumns, name: str) -> bool:
    """Columns of few values for the rows; identifiers of more, and no measures."""
    kind = columns.schema[name].kind
    return kind is Kind.IDENTIFIER or (kind is not Kind.FLOAT and columns.distinct[name] <= columns.num_rows / 5)


def _is_constant_in(group: Codes, codes: Codes) -> Mask:
    """(columns,) whether each column has one code in all rows of each group; rows of group -1 do not count."""
    rows = np.flatnonzero(group >= 0)
    _, first, place = np.unique(group[rows], return_index=True, return_inverse=True)
    return np.logical_and.reduce(codes[rows] == codes[rows[first[place]]])
