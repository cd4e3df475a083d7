"""Constraints that a table seems to obey, for a person to judge.

A suggestion holds in every row, and would be broken in MIN_EXPECTED rows or more if its columns had nothing to do with
each other. What follows from other suggestions, or from bounds and values of the schema, is left out. Most pairs of
columns fall on SAMPLE_ROWS rows; the few left are checked on all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from ss_ray.config.constraints import (
    Condition,
    ConstraintParameters,
    DeterminesConstraint,
    FormatConstraint,
    OrderConstraint,
    PresentConstraint,
    SumConstraint,
    UniqueConstraint,
)
from ss_ray.constraints.check import Mask, numbers, plain, row_hashes, violations
from ss_ray.constraints.enforce import settled
from ss_ray.schema import ORDERED_KINDS, Kind, TableSchema

MIN_ROWS = 20
MIN_EXPECTED = 20.0
"""Rows that would break a constraint by chance: none of 20 expected ones once in 500 million times."""
MIN_BROKEN_SHARE = 0.01
"""Share of rows that would break an order by chance; below it one column simply has larger values."""
SAMPLE_ROWS = 1000
MAX_SUM_COLUMNS = 40
MAX_CONDITION_VALUES = 12
MAX_KEYS = 3
MAX_KEY_LENGTH = 64
_ROUNDING = 1e-6
"""Relative error of a sum of single floats; all rows are checked by their own precision in the end."""
_NEAR = 0.01
"""Distance of a weight from 0 or 1 that least squares may leave."""
_RUNS = (("[0-9]", "9"), ("[A-Z]", "A"), ("[a-z]", "a"))
"""Alphabets of formats, and the letter that stands for a run of each."""

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A constraint that no row breaks.

    Attributes:
        constraint: To be copied into the configuration. A condition holds values of the table, all else only names.
        support: Rows that back it: those that have all the values it compares.
        reason: Why it is suggested, in one line without values.
    """

    constraint: ConstraintParameters
    support: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """The columns of a table as numbers: what all searches read.

    Attributes:
        schema: Of the columns that are searched: equal ones once, and none without values.
        table: All rows.
        codes: Number of each row's value by column, -1 for missing.
        distinct: Distinct values by column.
        chance: Probability that two rows have the same value, by column.
    """

    schema: TableSchema
    table: pa.Table
    codes: dict[str, Codes]
    distinct: dict[str, int]
    chance: dict[str, float]

    @property
    def num_rows(self) -> int:
        return int(self.table.num_rows)

    def present(self, *names: str) -> Mask:
        """(rows,) whether all of these columns have a value."""
        return np.logical_and.reduce([self.codes[name] >= 0 for name in names])

    def complete(self, names: Sequence[str]) -> Mask:
        """(names,) whether each column has a value in all rows."""
        return np.array([self.present(name).all() for name in names], bool)


def suggest(schema: TableSchema, table: pa.Table) -> tuple[Suggestion, ...]:
    """Constraints that no row of a table breaks and that chance does not explain; none for under MIN_ROWS rows.

    Args:
        schema: Of the table.
        table: Rows in storage types.
    """
    if table.num_rows < MIN_ROWS:
        return ()

    twins, columns = _columns(schema, table)
    sums = list(_sums(columns))
    return (
        *_keys(columns),
        *_twins(twins, schema, columns),
        *sums,
        *_orders(columns, sums),
        *_dependencies(columns),
        *_presences(columns),
        *_formats(columns),
    )


def to_yaml(suggestions: Sequence[Suggestion]) -> str:
    """A `constraints:` section of a configuration file, with the reasons as comments."""
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


def _columns(schema: TableSchema, table: pa.Table) -> tuple[dict[str, str], _Columns]:
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

    return twins, _Columns(
        schema=TableSchema(columns=tuple(c for c in schema.columns if c.name in codes)),
        table=table,
        codes=codes,
        distinct={name: int(code.max()) + 1 for name, code in codes.items()},
        chance={name: _chance(code[code >= 0]) for name, code in codes.items()},
    )


def _twins(twins: dict[str, str], schema: TableSchema, columns: _Columns) -> Iterator[Suggestion]:
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


def _keys(columns: _Columns) -> list[Suggestion]:
    """Columns without a repeated value where chance would repeat one; else pairs of an identifier and a column."""
    if single := [name for name in columns.codes if _is_key(columns, name)]:
        return [_key(columns, name) for name in single]

    identifiers = [c.name for c in columns.schema.of_kind(Kind.IDENTIFIER)]
    others = [c.name for c in columns.schema.columns if c.kind not in (Kind.IDENTIFIER, Kind.FLOAT, Kind.TEXT)]
    pairs = [*combinations(identifiers, 2), *product(identifiers, others)]
    found = [_key(columns, *pair) for pair in pairs if _is_key_pair(columns, *pair)]

    return found[:MAX_KEYS]


def _key(columns: _Columns, *names: str) -> Suggestion:
    reason = f"{' and '.join(names)} {'repeat' if len(names) > 1 else 'repeats'} in no row of {columns.num_rows:,}"
    return Suggestion(constraint=UniqueConstraint(columns=names), support=columns.num_rows, reason=reason)


def _is_key(columns: _Columns, name: str) -> bool:
    column = columns.schema[name]
    if columns.distinct[name] < columns.num_rows:
        return False

    if column.kind in (Kind.INTEGER, Kind.DATE):
        if column.kind is Kind.INTEGER:
            values = numbers(plain(columns.table, name))
        else:
            values = _days(columns.table, name)
        return columns.num_rows**2 / 2 / (float(values.max()) - float(values.min()) + 1) >= MIN_EXPECTED

    return column.kind is Kind.IDENTIFIER or (column.kind is Kind.TEXT and _is_word(columns, name))


def _is_word(columns: _Columns, name: str) -> bool:
    """Whether texts may be names of things: short, and without spaces."""
    array = plain(columns.table, name)
    longest = pc.max(pc.utf8_length(array)).as_py()
    return longest <= MAX_KEY_LENGTH and not pc.any(pc.match_substring(array, " ")).as_py()


def _days(table: pa.Table, name: str) -> npt.NDArray[Any]:
    return numbers(plain(table, name).cast(pa.date32()).cast(pa.int32()))


def _is_key_pair(columns: _Columns, first: str, second: str) -> bool:
    if not columns.present(first, second).all():
        return False

    expected = columns.num_rows**2 / 2 * columns.chance[first] * columns.chance[second]
    if columns.distinct[first] * columns.distinct[second] < columns.num_rows or expected < MIN_EXPECTED:
        return False

    pairs = columns.codes[first].astype(np.int64) * columns.distinct[second] + columns.codes[second]
    return len(np.unique(pairs)) == columns.num_rows


def _orders(columns: _Columns, sums: Sequence[Suggestion]) -> Iterator[Suggestion]:
    """Pairs of numbers or dates of one kind, in one order in all rows, over ranges that overlap."""
    implied = {pair for suggestion in sums for pair in _implied_orders(suggestion.constraint, columns)}
    for same in _comparable(columns):
        names = [name for name in same if columns.distinct[name] > 2]
        values = _sample(columns, names)
        for i, j in np.argwhere(_ordered(columns, names, values)).tolist():
            if (names[i], names[j]) not in implied:
                yield _order(columns, names[i], names[j], values[:, i], values[:, j])


def _comparable(columns: _Columns) -> Iterator[list[str]]:
    """Names of columns of one kind; numbers of the same decimals, since others are of another unit."""

    def family(name: str) -> tuple[str, ...]:
        column = columns.schema[name]
        if column.kind is Kind.DATETIME:
            unit = column.arrow_type
        else:
            unit = str(column.decimals)

        return column.kind.value, unit

    names = sorted((c.name for c in columns.schema.of_kind(*ORDERED_KINDS)), key=family)
    yield from (list(same) for _, same in groupby(names, key=family))


def _ordered(columns: _Columns, names: Sequence[str], values: Floats) -> Mask:
    """(columns, columns) pairs whose order holds in all rows, and not by chance, without those that follow."""
    holds = np.array([~np.logical_or.reduce(values[:, i : i + 1] > values) for i in range(len(names))], bool)
    holds = holds.reshape(len(names), len(names))
    np.fill_diagonal(holds, False)
    # Equal wherever both have a value.
    holds &= ~np.tril(holds & holds.T)

    for i, j in np.argwhere(holds).tolist():
        support = int(columns.present(names[i], names[j]).sum())
        chance = _share_above(values[:, i], values[:, j])
        holds[i, j] = chance >= MIN_BROKEN_SHARE and chance * support >= MIN_EXPECTED

    checked = np.zeros_like(holds)
    complete = columns.complete(names)
    # Those that follow need no check.
    while (left := np.argwhere(_direct(holds, complete) & ~checked)).size:
        for i, j in left.tolist():
            holds[i, j] = not violations(OrderConstraint(low=names[i], high=names[j]), columns.table).any()
            checked[i, j] = True

    return _direct(holds, complete)


def _direct(holds: Mask, complete: Mask) -> Mask:
    """A relation without what follows from it over a third column that has a value in all rows."""
    steps = holds.astype(np.float32)
    return holds & ~(steps @ (steps * complete[:, None]) > 0)


def _order(columns: _Columns, low: str, high: str, lows: Floats, highs: Floats) -> Suggestion:
    support = int(columns.present(low, high).sum())
    above = _share_above(lows, highs)
    equal = 1 - above - _share_above(highs, lows)
    strict = OrderConstraint(low=low, high=high, strict=True)
    is_strict = equal * support >= MIN_EXPECTED and not violations(strict, columns.table).any()

    return Suggestion(
        constraint=strict if is_strict else OrderConstraint(low=low, high=high),
        support=support,
        reason=f"{low} is {'below' if is_strict else 'at most'} {high} in all {support:,} rows; "
        f"by chance it would not be in {above:.0%}",
    )


def _share_above(low: Floats, high: Floats) -> float:
    """Probability that a value of the first column is above one of any row of the second."""
    low = low[~np.isnan(low)]
    high = np.sort(high[~np.isnan(high)])
    if len(low) and len(high):
        return float(np.searchsorted(high, low).mean() / len(high))
    return 0.0


def _implied_orders(constraint: ConstraintParameters, columns: _Columns) -> Iterator[tuple[str, str]]:
    """Parts cannot be above their total where no part is negative."""
    if not isinstance(constraint, SumConstraint):
        return
    if all(float(columns.schema[part].minimum or 0) >= 0 for part in constraint.parts):
        yield from ((part, constraint.total) for part in constraint.parts)


def _sample(columns: _Columns, names: Sequence[str]) -> Floats:
    """(rows, columns) numbers and moments of up to SAMPLE_ROWS rows from all over the table, NaN for missing."""
    rows = np.unique(np.linspace(0, columns.num_rows - 1, SAMPLE_ROWS).astype(np.int64))
    some = columns.table.select(names).take(pa.array(rows))
    return np.array([_as_floats(plain(some, name)) for name in names]).reshape(len(names), len(rows)).T


def _as_floats(array: pa.Array) -> Floats:
    missing = array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_temporal(array.type):
        array = array.cast(pa.int64())

    return np.where(missing, np.nan, numbers(array).astype(np.float64))


def _sums(columns: _Columns) -> Iterator[Suggestion]:
    """Columns that add up to another: every pair of parts, then more parts by least squares."""
    numeric = [c.name for c in columns.schema.of_kind(Kind.INTEGER, Kind.FLOAT) if columns.distinct[c.name] > 1]
    names = np.array(numeric[:MAX_SUM_COLUMNS])
    if len(names) < 3:
        return

    values = _sample(columns, names.tolist())
    decimals = [columns.schema[name].decimals or 0 for name in names.tolist()]
    totals: set[int] = set()

    for pair, total in _pairs_that_add_up(values, 0.5 * 10.0 ** -np.array(decimals)):
        if (suggestion := _sum(columns, tuple(names[pair].tolist()), str(names[total]))) is not None:
            totals.add(total)
            yield suggestion

    others = np.array([i for i in range(len(names)) if i not in totals])
    for total in others.tolist():
        parts = _parts_of(values, others[others != total], total)
        if len(parts) > 2:
            suggestion = _sum(columns, tuple(names[parts].tolist()), str(names[total]))
        else:
            suggestion = None

        if suggestion is not None:
            yield suggestion


def _pairs_that_add_up(values: Floats, tolerances: Floats) -> Iterator[tuple[list[int], int]]:
    """Places of two columns and of one that is their sum on the sample, within its tolerance."""
    for i, j in combinations(range(values.shape[1]), 2):
        a = values[:, i : i + 1]
        b = values[:, j : j + 1]
        differs = np.abs(a + b - values) > tolerances + _ROUNDING * (np.abs(a) + np.abs(b))
        yield from (([i, j], k) for k in np.flatnonzero(~differs.any(axis=0)).tolist() if k not in (i, j))


def _parts_of(values: Floats, candidates: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Places of columns whose sum is the total on the sample, by least squares; none where that is no plain sum."""
    rows = values[~np.isnan(values[:, [*candidates.tolist(), total]]).any(axis=1)]
    if len(rows) <= len(candidates):
        return candidates[:0]

    weights = np.linalg.lstsq(rows[:, candidates], rows[:, total], rcond=None)[0]
    is_part = np.abs(weights - 1) < _NEAR
    if (is_part | (np.abs(weights) < _NEAR)).all():
        return candidates[is_part]

    return candidates[:0]


def _sum(columns: _Columns, parts: tuple[str, ...], total: str) -> Suggestion | None:
    constraint = SumConstraint(parts=parts, total=total)
    decimals = [columns.schema[name].decimals or 0 for name in (*parts, total)]
    if max(decimals) > decimals[-1] or violations(settled(constraint, columns.schema), columns.table).any():
        return None

    nonzero = [numbers(plain(columns.table, part)) != 0 for part in parts]
    telling = np.logical_and.reduce([columns.present(*parts, total), np.sum(nonzero, axis=0) > 1])
    if telling.sum() * (1 - columns.chance[total]) < MIN_EXPECTED:
        return None

    support = int(columns.present(*parts, total).sum())
    reason = f"{' + '.join(parts)} is {total} in all {support:,} rows, in {int(telling.sum()):,} with several parts"
    return Suggestion(constraint=constraint, support=support, reason=reason)


def _dependencies(columns: _Columns) -> Iterator[Suggestion]:
    """Columns that decide others; of columns that decide each other the first, and nothing twice over a third."""
    names = [name for name, count in columns.distinct.items() if 2 <= count <= columns.num_rows / 2]
    if len(names) < 2:
        return

    decides = _decides(columns, names)
    is_twin = decides & decides.T
    # No earlier column decides it and is decided by it.
    leads = ~np.logical_or.reduce(np.triu(is_twin, 1))
    direct = _direct(decides & leads & leads[:, None], columns.complete(names))

    for i, first in enumerate(names):
        for j in np.flatnonzero(leads[i] & (direct[i] | (is_twin[i] & ~leads))).tolist():
            yield _dependency(columns, first, names[j])


def _dependency(columns: _Columns, first: str, second: str) -> Suggestion:
    rows = int(columns.present(first).sum())
    reason = f"each of the {columns.distinct[first]:,} values of {first} comes with one {second}, in {rows:,} rows"
    constraint = DeterminesConstraint(columns=(first,), determined=second)
    return Suggestion(constraint=constraint, support=rows, reason=reason)


def _decides(columns: _Columns, names: Sequence[str]) -> Mask:
    """(columns, columns) whether all rows of a value of the first have one value, or none, of the second."""
    codes = np.column_stack([columns.codes[name] for name in names])
    sample = codes[:SAMPLE_ROWS]
    decides = np.zeros((len(names), len(names)), bool)

    for i, name in enumerate(names):
        if not _may_decide(columns, name):
            continue

        candidates = np.flatnonzero(_is_constant_in(sample[:, i], sample))
        holds = candidates[_is_constant_in(codes[:, i], codes[:, candidates])]
        rows = codes[codes[:, i] >= 0]
        # Rows that could contradict.
        more = len(rows) - columns.distinct[name]
        decides[i, holds] = [more * (1 - _chance(rows[:, j])) >= MIN_EXPECTED for j in holds]

    np.fill_diagonal(decides, False)
    return decides


def _chance(codes: Codes) -> float:
    """Probability that two rows have the same code."""
    counts = np.bincount(codes + 1)
    return float(((counts / counts.sum()) ** 2).sum())


def _may_decide(columns: _Columns, name: str) -> bool:
    """Columns of few values for the rows; identifiers of more, and no measures."""
    kind = columns.schema[name].kind
    return kind is Kind.IDENTIFIER or (kind is not Kind.FLOAT and columns.distinct[name] <= columns.num_rows / 5)


def _is_constant_in(group: Codes, codes: Codes) -> Mask:
    """(columns,) whether each column has one code in all rows of each group; rows of group -1 do not count."""
    rows = np.flatnonzero(group >= 0)
    _, first, place = np.unique(group[rows], return_index=True, return_inverse=True)
    return np.logical_and.reduce(codes[rows] == codes[rows[first[place]]])


def _presences(columns: _Columns) -> Iterator[Suggestion]:
    """Columns that have values exactly where another has some value, or any."""
    gaps = {name: columns.codes[name] >= 0 for name in columns.codes if (columns.codes[name] < 0).sum() >= MIN_ROWS}
    gaps = {name: present for name, present in gaps.items() if present.sum() >= MIN_ROWS}
    first: dict[bytes, str] = {}

    for name, present in gaps.items():
        twin = first.setdefault(present.tobytes(), name)
        if twin != name:
            condition = Condition(column=twin, is_missing=False)
            yield _presence(name, condition, present, f"where {twin} has one")
        elif (found := _explained(columns, name, present)) is not None:
            yield _presence(name, found, present, f"at certain values of {found.column}")


def _presence(name: str, when: Condition, present: Mask, place: str) -> Suggestion:
    reason = f"{name} has a value exactly {place}: {int(present.sum()):,} of {len(present):,} rows"
    return Suggestion(constraint=PresentConstraint(column=name, when=when), support=len(present), reason=reason)


def _explained(columns: _Columns, name: str, present: Mask) -> Condition | None:
    """The condition of fewest values of a category or boolean that holds where the column is present; None without."""
    found: list[Condition] = []
    for other in columns.schema.of_kind(Kind.CATEGORY, Kind.BOOLEAN):
        codes = columns.codes[other.name]
        filled = np.bincount(codes[present] + 1, minlength=columns.distinct[other.name] + 1)
        rows = np.bincount(codes + 1, minlength=columns.distinct[other.name] + 1)
        if other.name == name or filled[0] or ((filled > 0) & (filled < rows)).any():
            continue

        values = _values_of(columns, other.name, np.flatnonzero(filled[1:]))
        if len(values) <= MAX_CONDITION_VALUES:
            found.append(_spelled(other.name, values))

    return min(found, key=lambda condition: len(condition.one_of or (0,)), default=None)


def _spelled(name: str, values: Sequence[Any]) -> Condition:
    if len(values) == 1:
        return Condition(column=name, equals=values[0])
    return Condition(column=name, one_of=tuple(sorted(values)))


def _values_of(columns: _Columns, name: str, codes: npt.NDArray[np.intp]) -> list[Any]:
    return plain(columns.table, name).dictionary_encode().dictionary.take(pa.array(codes)).to_pylist()


def _formats(columns: _Columns) -> Iterator[Suggestion]:
    """Strings of one shape that has digits or signs: runs of digits, capitals, small letters, and signs."""
    for column in columns.schema.of_kind(Kind.TEXT, Kind.IDENTIFIER):
        array = plain(columns.table, column.name).drop_null()
        is_string = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
        if not is_string or column.entity_type is not None or columns.distinct[column.name] < MIN_ROWS:
            continue

        pattern = _pattern(pc.unique(array))
        if pattern is not None:
            reason = f"all {columns.distinct[column.name]:,} strings of {column.name} have this shape"
            constraint = FormatConstraint(column=column.name, pattern=pattern)
            yield Suggestion(constraint=constraint, support=len(array), reason=reason)


def _pattern(texts: pa.Array) -> str | None:
    """The regular expression of strings of one shape; None for others."""
    shapes = texts
    for alphabet, sign in _RUNS:
        shapes = pc.replace_substring_regex(shapes, f"{alphabet}+", sign)

    shape = shapes[0].as_py()
    if pc.count_distinct(shapes).as_py() > 1 or not re.search("[^Aa]", shape) or not re.fullmatch("[!-~]+", shape):
        return None

    runs = re.compile("".join(f"({_alphabet(sign)}+)" if _alphabet(sign) else re.escape(sign) for sign in shape))
    found = [match.groups() for text in texts.to_pylist() if (match := runs.fullmatch(text))]
    columns = iter(zip(*found, strict=True))

    return "".join(_run(sign, next(columns)) if _alphabet(sign) else re.escape(sign) for sign in shape)


def _run(sign: str, runs: Sequence[str]) -> str:
    """The regular expression of one run: letters that never change as they are, else how many of its alphabet."""
    if len(set(runs)) == 1 and sign != "9":
        return runs[0]

    low = min(map(len, runs))
    high = max(map(len, runs))
    times = f"{low}" if low == high else f"{low},{high}"

    return _alphabet(sign) + ("" if times == "1" else f"{{{times}}}")


def _alphabet(sign: str) -> str:
    return next((alphabet for alphabet, letter in _RUNS if letter == sign), "")
