"""Common values: those that at least k privacy units of the training rows share, and that may therefore be released.

    facts = merge_value_facts(value_facts(block, units, schema, k) for each block of training rows)
    schema = common_schema(schema, facts, k)           # values and bounds of training rows that k units have
    block = hold_back(block, units, before, schema, donors)    # all other values replaced by common ones

A category that fewer than k units have is not in the schema. A row that has it gets the value of a donor, another row
that is chosen by the row's unit and by the value, so that one value of one unit is replaced by one value everywhere.
Numbers and dates lie between the k-th smallest and the k-th largest unit; where their values are listed, a rare one
becomes the nearest common one. Text, identifiers, truth values and declared columns stay as they are.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.config.model import ColumnParameters
from ss_ray.schema import (
    ORDERED_KINDS,
    ColumnSchema,
    Kind,
    Scalar,
    TableSchema,
    is_outside,
    plain_cells,
    typed_values,
)
from ss_ray.tables.facts import ColumnFacts
from ss_ray.tables.kinds import longest_pattern
from ss_ray.tables.spellings.dates import iso_strings

MIN_LISTED_SHARE = 0.5
"""Share of the cells of a number that common values must cover, or the values are listed no more."""
MAX_DONORS = 5_000
"""Rows from which values are taken in place of rare ones."""

Units = npt.NDArray[np.uint64]
"""(rows,) hash of the privacy unit of each row."""
Bound = tuple[Any, int]
"""A value and the unit that has it."""


@dataclass(frozen=True, kw_only=True)
class ValueFacts:
    """Units of each value of one column; at most k units are remembered per value.

    Attributes:
        holders: Value -> hashes of units that have it, k at most; empty where the schema lists no values.
        cells: Value -> cells that hold it; empty where the schema lists no values.
        lows: The k smallest values of different units, ascending, each with its unit.
        highs: The k largest values of different units, descending, each with its unit.
    """

    holders: dict[Scalar, frozenset[int]] = field(default_factory=dict)
    cells: dict[Scalar, int] = field(default_factory=dict)
    lows: tuple[Bound, ...] = ()
    highs: tuple[Bound, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """Values of one column that are not released.

    Attributes:
        column: Name of the column.
        values: Distinct values that fewer than k units have; 0 where bounds alone were narrowed.
        cells: Training cells that were replaced.
    """

    column: str
    values: int
    cells: int


TableFacts = Mapping[str, ValueFacts]


def limited_columns(schema: TableSchema, exempt: Collection[str]) -> tuple[ColumnSchema, ...]:
    """Columns whose values are held back where they are rare.

    Args:
        schema: Columns of the training rows.
        exempt: Columns that group and order the rows, and columns whose values are public.
    """
    kinds = (*ORDERED_KINDS, Kind.CATEGORY)
    return tuple(column for column in schema.columns if column.kind in kinds and column.name not in exempt)


def described_columns(schema: TableSchema) -> tuple[ColumnSchema, ...]:
    """Columns whose bounds and lengths are those of the training rows, though their values are never listed."""
    return schema.of_kind(Kind.IDENTIFIER, Kind.TEXT)


def trained_schema(schema: TableSchema, facts: Mapping[str, ColumnFacts]) -> TableSchema:
    """The schema with the bounds, lengths and characters of identifiers and texts that the training rows have.

    Args:
        schema: Schema of all real rows.
        facts: Facts of `described_columns` in the training rows.
    """
    columns = []
    for column in schema.columns:
        found = facts.get(column.name)
        if found is not None and found.values:
            column = _trained_column(column, found)
        columns.append(column)

    return replace(schema, columns=tuple(columns))


def _trained_column(column: ColumnSchema, facts: ColumnFacts) -> ColumnSchema:
    if column.minimum is not None and facts.bounds is not None:
        low, high = facts.bounds
        column = replace(column, minimum=low, maximum=high)

    if column.max_length is not None:
        column = replace(column, max_length=min(column.max_length, facts.max_length))

    seen = longest_pattern(facts)
    if column.pattern is None or seen is None or len(seen) != len(column.pattern):
        return column

    # A whole alphabet names no value; any narrower one may come from a single row.
    narrowed = tuple(known if _is_class(known) else own for known, own in zip(column.pattern, seen, strict=True))
    return replace(column, pattern=narrowed)


def _is_class(characters: str) -> bool:
    """Whether a position takes all digits, or all digits and letters, regardless of the rows."""
    return characters in (string.digits, string.digits + string.ascii_uppercase)


def value_facts(table: pa.Table, units: Units, columns: Sequence[ColumnSchema], k: int) -> dict[str, ValueFacts]:
    """Facts of a block of training rows.

    Args:
        table: Typed rows of the block.
        units: (rows,) hashes of their privacy units.
        columns: Columns to look at.
        k: Units of which a value is common, at least 1.
    """
    return {column.name: _column_facts(table.column(column.name), units, column, k) for column in columns}


def merge_value_facts(parts: Iterable[TableFacts], k: int) -> dict[str, ValueFacts]:
    """Facts of all blocks together."""
    merged: dict[str, ValueFacts] = {}
    for part in parts:
        for name, facts in part.items():
            if name in merged:
                merged[name] = _merge_facts(merged[name], facts, k)
            else:
                merged[name] = facts

    return merged


def common_schema(
    schema: TableSchema, facts: TableFacts, k: int, declared: Mapping[str, ColumnParameters] = MappingProxyType({})
) -> TableSchema:
    """The schema with the values and bounds that k units of the training rows have.

    Args:
        schema: Columns of the training rows.
        facts: Facts of the limited columns, by name.
        k: Units of which a value is common.
        declared: Declared parameters of columns; a declared bound stays.
    """
    columns = []
    for column in schema.columns:
        if column.name in facts:
            column = _common_column(column, facts[column.name], k, declared.get(column.name, ColumnParameters()))
        columns.append(column)

    return replace(schema, columns=tuple(columns))


def held_back(before: TableSchema, after: TableSchema, replaced: Mapping[str, int]) -> tuple[HeldBack, ...]:
    """Values that are not released, by column.

    Args:
        before: Schema with all values.
        after: Schema with the common ones.
        replaced: Column -> training cells that were replaced.
    """
    return tuple(
        HeldBack(column=name, values=_num_lost(before[name], after[name]), cells=cells)
        for name, cells in replaced.items()
    )


def _num_lost(before: ColumnSchema, after: ColumnSchema) -> int:
    if before.values is None or after.values is None:
        return 0
    return len(set(before.values) - set(after.values))


def donors_of(sample: pa.Table, schema: TableSchema, groups: Sequence[Sequence[str]]) -> dict[str, pa.Table]:
    """Donor rows by column: rows in which all columns of the column's group hold common values.

    Args:
        sample: Training rows from which donors are taken.
        schema: Schema with the common values.
        groups: Columns that are replaced together; every categorical column is in one group.
    """
    donors: dict[str, pa.Table] = {}
    for group in groups:
        rare = reduce(np.logical_or, (is_outside(schema[name], sample.column(name)) for name in group))
        table = sample.select(list(group)).filter(pa.array(~rare))
        donors |= dict.fromkeys(group, table)

    return donors


def hold_back(
    table: pa.Table, units: Units, schema: TableSchema, columns: Sequence[ColumnSchema], donors: Mapping[str, pa.Table]
) -> tuple[pa.Table, Counter[str]]:
    """Replace rare values by common ones; also returns the number of replaced cells by column.

    Args:
        table: Typed rows of a part.
        units: (rows,) hashes of their privacy units.
        schema: Common values and bounds.
        columns: Columns that may hold rare values.
        donors: Rows to take categories from, from `donors_of`.
    """
    rare = {column.name: is_outside(schema[column.name], table.column(column.name)) for column in columns}
    result = table
    replaced = Counter[str]()

    for column in columns:
        name = column.name
        is_hit = rare[column.name]
        if column.kind is Kind.CATEGORY:
            # Columns that a rule relates are replaced together, or the row would break the rule.
            is_hit = reduce(np.logical_or, (rare[other] for other in donors[name].column_names))

        if not is_hit.any():
            continue

        replaced[name] = int(is_hit.sum())
        if column.spelling_of is not None:
            result = _set_column(result, name, _common_spellings(table.column(name), is_hit, schema[name]))
        elif column.kind is Kind.CATEGORY:
            result = _set_column(result, name, _donate_values(table, units, is_hit, donors[name], name))
        else:
            result = _set_column(result, name, _nearest_common(table.column(name), is_hit, schema[name]))

    return result, replaced


# Facts.


def _column_facts(array: pa.ChunkedArray, units: Units, column: ColumnSchema, k: int) -> ValueFacts:
    array = plain_cells(array)
    own = units[array.is_valid().to_numpy(zero_copy_only=False)]
    encoded = array.drop_null().combine_chunks().dictionary_encode()
    values = _to_scalars(encoded.dictionary)
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)

    lows: tuple[Bound, ...] = ()
    highs: tuple[Bound, ...] = ()
    if column.kind in ORDERED_KINDS:
        rank = np.empty(len(values), np.int64)
        rank[sorted(range(len(values)), key=lambda code: values[code])] = np.arange(len(values))
        order = np.argsort(rank[codes], kind="stable")
        lows, highs = (
            _first_units(((values[codes[place]], int(own[place])) for place in places), k)
            for places in (order, order[::-1])
        )

    if column.values is None:
        return ValueFacts(lows=lows, highs=highs)

    # A unit counts once for each value, however many of its rows have it.
    pairs = pd.DataFrame({"code": codes, "unit": own}).drop_duplicates().sort_values(["code", "unit"])
    first = pairs[pairs.groupby("code").cumcount() < k]
    holders: dict[Scalar, set[int]] = {}
    for code, unit in zip(first["code"].tolist(), first["unit"].tolist(), strict=True):
        holders.setdefault(values[code], set()).add(unit)

    return ValueFacts(
        holders={value: frozenset(found) for value, found in holders.items()},
        cells=dict(zip(values, np.bincount(codes, minlength=len(values)).tolist(), strict=True)),
        lows=lows,
        highs=highs,
    )


def _merge_facts(a: ValueFacts, b: ValueFacts, k: int) -> ValueFacts:
    holders = dict(a.holders)
    for value, units in b.holders.items():
        # k units are enough to know that a value is common, and keep the facts small.
        holders[value] = frozenset(sorted(holders.get(value, frozenset()) | units)[:k])

    cells = dict(a.cells)
    for value, count in b.cells.items():
        cells[value] = cells.get(value, 0) + count

    return ValueFacts(
        holders=holders,
        cells=cells,
        lows=_first_units(sorted((*a.lows, *b.lows)), k),
        highs=_first_units(sorted((*a.highs, *b.highs), reverse=True), k),
    )


def _first_units(bounds: Iterable[Bound], k: int) -> tuple[Bound, ...]:
    """The first k bounds that are of different units."""
    found: dict[int, Any] = {}
    for value, unit in bounds:
        found.setdefault(unit, value)
        if len(found) == k:
            break

    return tuple((value, unit) for unit, value in found.items())


# Schema.


def _common_column(column: ColumnSchema, facts: ValueFacts, k: int, declared: ColumnParameters) -> ColumnSchema:
    if column.values is not None:
        common = tuple(value for value in column.values if len(facts.holders.get(value, ())) >= k)
        covered = sum(facts.cells[value] for value in common)
        total = sum(facts.cells.values())
        if column.kind is Kind.CATEGORY:
            lengths = [len(value) for value in common if isinstance(value, str)]
            if column.max_length is not None:
                max_length = max(lengths, default=0)
            else:
                max_length = None
            # A rare code goes missing: no other code can take its place.
            lost = column.spelling_of is not None and len(common) < len(column.values)
            return replace(column, values=common, max_length=max_length, nullable=column.nullable or lost or not common)

        # Listed values that cover little of the column would distort it; bounds describe it better.
        if common and covered >= MIN_LISTED_SHARE * total:
            return replace(column, values=common, minimum=common[0], maximum=common[-1])

    if not facts.lows or column.minimum is None:
        return column

    # The k-th smallest unit, so that no bound is the value of fewer than k units.
    low = facts.lows[-1][0]
    high = facts.highs[-1][0]
    # Fewer than 2k units have a value: the two ends meet in the middle.
    if low > high:
        low = high = facts.lows[len(facts.lows) // 2][0]

    # Declared bounds are public.
    if declared.minimum is not None:
        low = column.minimum

    if declared.maximum is not None:
        high = column.maximum

    return replace(column, values=None, minimum=low, maximum=high)


# Rows.


def _common_spellings(array: pa.ChunkedArray, is_hit: npt.NDArray[np.bool_], column: ColumnSchema) -> pa.ChunkedArray:
    """Spellings in which a rare format has become the most frequent one, and a rare code a missing cell."""
    main = column.formats[0]
    is_format = pc.fill_null(pc.is_in(array, pa.array(column.formats, pa.string())), False)
    instead = pc.if_else(is_format, pa.scalar(main if main in (column.values or ()) else None, pa.string()), None)
    return pc.if_else(pa.array(is_hit), instead, array)


def _donate_values(
    table: pa.Table, units: Units, is_hit: npt.NDArray[np.bool_], donors: pa.Table, name: str
) -> pa.ChunkedArray:
    """A column with donors' values where the row is hit, chosen by the unit and by all values of the group."""
    array = table.column(name)
    # No row holds common values alone, so the cell goes missing.
    if not donors.num_rows:
        return pc.if_else(pa.array(is_hit), pa.scalar(None, array.type), array)

    cells = pd.DataFrame({other: plain_cells(table.column(other)).to_pandas() for other in donors.column_names})
    # The hash makes one value of one unit always become the same common value.
    hashes = pd.util.hash_pandas_object(cells[is_hit], index=False).to_numpy(np.uint64) ^ units[is_hit]
    chosen = np.zeros(len(array), np.int64)
    chosen[is_hit] = (pd.util.hash_array(hashes) % np.uint64(donors.num_rows)).astype(np.int64)
    given = donors.column(name).combine_chunks().take(pa.array(chosen))

    return pc.if_else(pa.array(is_hit), given, array.combine_chunks())


def _nearest_common(array: pa.ChunkedArray, rare: npt.NDArray[np.bool_], column: ColumnSchema) -> pa.Array:
    """A column of numbers or dates with the nearest common value in place of each rare value."""
    type_ = array.type
    flat = array.combine_chunks()
    ends = (column.minimum, column.maximum) if column.values is None else column.values
    allowed = typed_values(plain_cells(array).type, *(value for value in ends if value is not None))
    places = _to_numbers(allowed)
    wanted = _to_numbers(plain_cells(array).combine_chunks())
    if column.values is None:
        index = (wanted > places[0]).astype(np.int64) * (len(places) - 1)
    else:
        right = np.clip(np.searchsorted(places, wanted), 1, max(1, len(places) - 1))
        left = right - 1
        right = np.minimum(right, len(places) - 1)
        index = np.where(np.abs(wanted - places[left]) <= np.abs(places[right] - wanted), left, right)

    # These entries are not used; any valid index will do.
    index[~rare] = 0
    return pc.if_else(pa.array(rare), allowed.take(pa.array(index)).cast(type_), flat)


def _to_numbers(array: pa.Array) -> npt.NDArray[np.float64]:
    """Numbers or ticks of dates, (cells,); 0 for missing."""
    if pa.types.is_temporal(array.type):
        array = array.cast(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
    return np.asarray(array.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False))


def _to_scalars(values: pa.Array) -> list[Any]:
    """Values in the spelling of a schema: dates in ISO 8601."""
    return list((iso_strings(values) if pa.types.is_temporal(values.type) else values).to_pylist())


def _set_column(table: pa.Table, name: str, array: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(place), array)
