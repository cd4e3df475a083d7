"""Completions of a language model to rows: which records count, and why the others do not.

Every line is a record. A record is refused for its first fault, a row of a bad group for its group's, so the rows kept
and the counts add up to the records read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.codec.json.cells import storage_type
from ss_ray.codec.json.checks import REASONS, read_cells
from ss_ray.codec.json.validation import Validation
from ss_ray.codec.sequence_columns import Sequences, order_ranks
from ss_ray.schema import ColumnSchema

Fault = tuple[str, str]
Numbers = npt.NDArray[np.int64]
MALFORMED: Fault = ("", "malformed")
"""A line that is no JSON object."""
WRONG_COLUMNS: Fault = ("", "columns")
"""An object whose keys are not the columns."""
EMPTY: Fault = ("", "empty")
"""A completion without records; counted as one."""
BAD_GROUP: Fault = ("", "group")
"""A record without fault in a group that is refused."""
_FINE = 0


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Rows out of completions.

    Attributes:
        table: The learned columns in the types of their entries; of an identifier, whether there is one.
        sources: (rows,) index of the completion that each row comes from, ascending.
        rejected: Number of records refused, by column and reason; "" where it is not one column's fault.
        repaired: Number of records changed, by column and reason ("range", "order").
        num_records: Records read: rows of `table` and those refused.
    """

    table: pa.Table
    sources: Numbers
    rejected: Mapping[Fault, int]
    repaired: Mapping[Fault, int]
    num_records: int

    def group_numbers(self) -> Numbers:
        """(rows,) 0 for the rows of the first completion that has any, 1 for the second, and so on."""
        changed = np.diff(self.sources, prepend=self.sources[:1]) != 0
        return changed.cumsum().astype(np.int64)


class _Faults:
    """The first fault of each record, as an index of the faults met."""

    def __init__(self, num_records: int) -> None:
        self.of_record = np.zeros(num_records, np.int64)
        self.kinds: dict[Fault, int] = {("", ""): _FINE}

    def add(self, records: npt.NDArray[Any], fault: Fault) -> None:
        """Give a fault to those records (mask or indices) that have none."""
        selected = np.zeros(len(self.of_record), bool)
        selected[records] = True
        # A record is counted by its first fault alone.
        selected &= self.of_record == _FINE
        if selected.any():
            self.of_record[selected] = self.kinds.setdefault(fault, len(self.kinds))

    def counts(self) -> dict[Fault, int]:
        """Records of each fault."""
        numbers = np.bincount(self.of_record, minlength=len(self.kinds)).tolist()
        return {fault: n for fault, n in zip(self.kinds, numbers, strict=True) if n and fault != ("", "")}


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Columns read from objects, one per record; a record that is no such object is missing everywhere."""

    arrays: dict[str, pa.Array]
    faults: _Faults
    repaired: dict[str, npt.NDArray[np.bool_]]


def parse_records(
    texts: Sequence[str],
    shared: Sequence[ColumnSchema],
    columns: Sequence[ColumnSchema],
    sequences: Sequences | None,
    validation: Validation,
) -> Parsed:
    """The records of completions.

    Args:
        texts: One completion each.
        shared: Columns of the line that starts a group; none for rows by themselves.
        columns: Columns of a record.
        sequences: Grouping and order columns; None where each row stands for itself.
        validation: Treatment of faults.
    """
    # Not splitlines, which also splits at separators that JSON strings may hold.
    split = [text.removesuffix("\n").split("\n") if text else [] for text in texts]
    if shared:
        heads = [lines[0] if lines else "" for lines in split]
    else:
        heads = []

    rows = [lines[1:] for lines in split] if shared else split
    # A completion without records counts as one.
    filled = [lines or [""] for lines in rows]
    sources = np.repeat(np.arange(len(texts)), [len(lines) for lines in filled])
    found = _read_objects([line for lines in filled for line in lines], columns, validation)
    head = _read_objects(heads, shared, validation)
    empty = np.array([not lines for lines in rows], bool)
    found.faults.of_record[empty[sources]] = _FINE
    found.faults.add(empty[sources], EMPTY)
    if shared:
        _refuse_heads(found.faults, head.faults, sources)

    order = np.arange(len(sources))
    repaired = Counter[Fault]()
    if sequences is not None:
        order = _check_groups(found, sources, sequences, validation, repaired)

    kept = order[found.faults.of_record[order] == _FINE]
    for name, moved in found.repaired.items():
        repaired[name, "range"] += int(moved[kept].sum())

    for name, moved in head.repaired.items():
        repaired[name, "range"] += int(moved[sources[kept]].sum())

    return Parsed(
        table=_build_table(found, head, sources, kept),
        sources=sources[kept],
        rejected=found.faults.counts(),
        repaired={fault: n for fault, n in repaired.items() if n},
        num_records=len(sources),
    )


def _build_table(found: _Columns, head: _Columns, sources: Numbers, kept: Numbers) -> pa.Table:
    """The kept rows; shared values of a group are repeated on each of its rows."""
    rows = pa.array(kept)
    groups = pa.array(sources[kept])
    arrays = {name: array.take(groups) for name, array in head.arrays.items()}
    arrays |= {name: array.take(rows) for name, array in found.arrays.items()}
    if arrays:
        return pa.table(arrays)

    # A table without columns would lose its number of rows.
    return pa.table({"": pa.nulls(len(kept))})


def _read_objects(lines: Sequence[str], columns: Sequence[ColumnSchema], validation: Validation) -> _Columns:
    """Objects on lines as typed columns."""
    names = [column.name for column in columns]
    has_decimals = any(pa.types.is_decimal(storage_type(column)) for column in columns)
    # A float would round the digits of a decimal column.
    decoder = json.JSONDecoder(parse_float=Decimal if has_decimals else None)
    objects = [_parse_object(line, decoder) for line in lines]
    faults = _Faults(len(lines))
    faults.add(np.array([value is None for value in objects], bool), MALFORMED)
    # The order of the keys is free; the grammar fixes it, but a model without one may not keep to it.
    expected = set(names)
    records = [value if value is not None and value.keys() == expected else None for value in objects]
    usable = np.array([value is not None for value in records], bool)
    faults.add(~usable, WRONG_COLUMNS)
    arrays = {}
    repaired = {}

    for column in columns:
        values = [None if record is None else record[column.name] for record in records]
        cells = read_cells(values, column, clamp=not validation.enforce_numeric_range)
        for fault in np.unique(cells.faults).tolist():
            if fault:
                faults.add(usable & (cells.faults == fault), (column.name, REASONS[fault]))

        arrays[column.name] = cells.array
        repaired[column.name] = cells.repaired

    return _Columns(arrays=arrays, faults=faults, repaired=repaired)


def _parse_object(line: str, decoder: json.JSONDecoder) -> dict[str, Any] | None:
    try:
        value = decoder.decode(line)
    except (ValueError, RecursionError, DecimalException):
        # No JSON or too many digits; brackets; an exponent.
        return None

    if isinstance(value, dict):
        return value

    return None


def _refuse_heads(faults: _Faults, heads: _Faults, sources: Numbers) -> None:
    """A record of a group whose first line is bad has that line's fault."""
    for fault, code in heads.kinds.items():
        if code != _FINE:
            faults.add((heads.of_record == code)[sources], fault)


def _check_groups(
    found: _Columns, sources: Numbers, sequences: Sequences, validation: Validation, repaired: Counter[Fault]
) -> Numbers:
    """Refuse groups for a bad row or a wrong order; the order of records that puts the rows of each group right."""
    faults = found.faults
    num_groups = int(sources.max()) + 1 if len(sources) else 0
    if not validation.ignore_invalid_records:
        bad = np.bincount(sources, faults.of_record != _FINE, minlength=num_groups) > 0
        faults.add(bad[sources], BAD_GROUP)

    if sequences.order is None or sequences.order not in found.arrays:
        return np.arange(len(sources))

    ranks = order_ranks(found.arrays[sequences.order])
    kept = np.flatnonzero(faults.of_record == _FINE)
    falls = (np.diff(ranks[kept]) < 0) & (np.diff(sources[kept]) == 0)
    unordered = np.isin(sources, sources[kept[1:][falls]])
    if validation.fix_unordered_records:
        repaired[sequences.order, "order"] += int((unordered & (faults.of_record == _FINE)).sum())
        return np.lexsort((ranks, sources))

    faults.add(unordered, (sequences.order, "order"))
    return np.arange(len(sources))
