"""Facts of the columns in a block of rows, and the sum of the facts of two blocks.

Facts are small whatever the size of the table: counts of up to MAX_DISTINCT values, bounds, the formats that fit
every value so far, and a sketch of the number of distinct values (the SKETCH_SIZE smallest hashes: Bar-Yossef et al.
2002). They do not depend on how the rows were cut into blocks. Nothing is decided here; `infer` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.tables.check_digits import find_check
from ss_ray.tables.nested import are_nested
from ss_ray.tables.patterns import Patterns, merge_patterns, string_patterns
from ss_ray.tables.spellings.dates import iso_strings
from ss_ray.tables.spellings.missing import blank_missing_words
from ss_ray.tables.spellings.readings import Readings, column_readings, merge_readings
from ss_ray.tables.spellings.ticks import as_ticks, is_ticks

MAX_DISTINCT = 4096
SKETCH_SIZE = 1024
MAX_DECIMALS = 9
YEARS = (1, 9999)

Number = int | float
Bounds = tuple[Any, Any]
Counts = dict[str | Number | bool, int]


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """Facts of one column.

    Attributes:
        arrow_type: Arrow type as read; "string" for every column of a text format.
        rows: Number of cells.
        missing: Number of missing cells.
        missing_words: Occurrences of the strings that would be missing in a column of numbers or dates ("NA", "").
        counts: Occurrences by value (dates in ISO 8601); None beyond MAX_DISTINCT distinct values.
        sketch: The smallest hashes of distinct values, ascending.
        bounds: Smallest and largest value of a typed column (dates in ISO 8601); None for strings, and without values.
        readings: Ways in which the strings can be read; None for a typed column, and without values.
        decimals: Numbers only: most digits after a point; None for more than MAX_DECIMALS.
        max_length: Longest string in characters.
        spaces: Spaces in all strings together.
        check: Check that all strings pass ("iban"), see `tables.check_digits`; None for none.
        is_nested: Whether every string is a JSON object or list, see `tables.nested`.
        patterns: Characters seen at each position, by length of string; None for too many lengths.
    """

    arrow_type: str
    rows: int
    missing: int
    missing_words: dict[str, int] = field(default_factory=dict)
    counts: Counts | None = field(default_factory=dict)
    sketch: tuple[int, ...] = ()
    bounds: Bounds | None = None
    readings: Readings | None = None
    decimals: int | None = 0
    max_length: int = 0
    spaces: int = 0
    check: str | None = None
    is_nested: bool = False
    patterns: Patterns | None = field(default_factory=dict)

    @property
    def values(self) -> int:
        """Cells that are not missing."""
        return self.rows - self.missing

    @property
    def distinct(self) -> float:
        """Number of distinct values, estimated within about 3 % where there are over SKETCH_SIZE."""
        if len(self.sketch) < SKETCH_SIZE:
            return len(self.sketch)
        return (SKETCH_SIZE - 1) / (self.sketch[-1] / 2.0**64)


def table_facts(table: pa.Table) -> dict[str, ColumnFacts]:
    """Facts of every column of a block.

    Raises:
        DataError: A column's type cannot be synthesized.

    Example:
        >>> facts = table_facts(pa.table({"age": ["34", "51", "NA"]}))["age"]
        >>> facts.rows, facts.missing_words, facts.readings["point"].cells
        (3, {'NA': 1}, 2)
    """
    return {name: column_facts(table.column(name), name) for name in table.column_names}


def column_facts(array: pa.ChunkedArray, name: str) -> ColumnFacts:
    """Facts of a block of one column.

    Raises:
        DataError: The column's type cannot be synthesized.
    """
    type_ = _value_type(array.type, name)
    if pa.types.is_dictionary(array.type):
        # Only dictionaries of strings are kept as a storage type.
        is_kept = pa.types.is_string(type_) or pa.types.is_large_string(type_)
        if is_kept:
            storage = pa.dictionary(pa.int32(), type_)
        else:
            storage = type_
        return replace(column_facts(array.cast(type_), name), arrow_type=str(storage))

    if pa.types.is_floating(type_):
        # -0.0 is 0.0.
        array = pc.if_else(pc.is_nan(array), None, pc.add(array, pa.scalar(0, type_)))

    facts = ColumnFacts(arrow_type=str(type_), rows=len(array), missing=array.null_count)
    if is_ticks(type_):
        array = as_ticks(array)
        type_ = array.type
    if not facts.values:
        return facts

    encoded = array.drop_null().value_counts()
    values = encoded.field("values")
    counts = encoded.field("counts")
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return _string_facts(facts, values.cast(pa.string()), counts)
    if pa.types.is_boolean(type_):
        return _with_counts(replace(facts, bounds=(False, True)), values, counts)
    if pa.types.is_temporal(type_):
        return _temporal_facts(facts, values, counts, name)

    return _number_facts(facts, values, counts, name)


def merge_facts(a: ColumnFacts, b: ColumnFacts) -> ColumnFacts:
    """Facts of two blocks of one column together."""
    # A block without values has default facts, which would overrule those of the other.
    if not (a.values and b.values):
        full = a if a.values else b
        return replace(full, rows=a.rows + b.rows, missing=a.missing + b.missing)

    return ColumnFacts(
        arrow_type=a.arrow_type,
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        missing_words=_add_counts(a.missing_words, b.missing_words),
        counts=_merge_counts(a.counts, b.counts),
        sketch=tuple(sorted({*a.sketch, *b.sketch})[:SKETCH_SIZE]),
        bounds=_merge_bounds(a.bounds, b.bounds),
        readings=_merge_readings(a.readings, b.readings),
        decimals=_most_decimals(a.decimals, b.decimals),
        max_length=max(a.max_length, b.max_length),
        spaces=a.spaces + b.spaces,
        check=a.check if a.check == b.check else None,
        is_nested=a.is_nested and b.is_nested,
        patterns=merge_patterns(a.patterns, b.patterns),
    )


def merge_tables(parts: Sequence[Mapping[str, ColumnFacts]]) -> dict[str, ColumnFacts]:
    """Facts of all blocks of a table together.

    Raises:
        DataError: Files disagree on a column's type.

    Example:
        >>> first = table_facts(pa.table({"age": ["34", "51"]}))
        >>> second = table_facts(pa.table({"age": ["29"]}))
        >>> facts = merge_tables([first, second])["age"]
        >>> facts.rows, facts.readings["point"].cells
        (3, 3)
    """
    for name in parts[0]:
        found = sorted({part[name].arrow_type for part in parts if part[name].arrow_type != "null"})
        if len(found) > 1:
            raise DataError(
                f"column {name!r} has type {found[0]} in one file and {found[1]} in another; "
                "write all files with one schema",
                column=name,
            )

    return {name: reduce(merge_facts, _typed_first([part[name] for part in parts])) for name in parts[0]}


def _typed_first(parts: list[ColumnFacts]) -> list[ColumnFacts]:
    """Files without any value may not know the type of the column: those that do name it."""
    return sorted(parts, key=lambda facts: facts.arrow_type == "null")


def _value_type(type_: pa.DataType, name: str) -> pa.DataType:
    """The type of the values, also of a dictionary's."""
    if pa.types.is_dictionary(type_):
        value_type = type_.value_type
    else:
        value_type = type_

    is_number = pa.types.is_integer(value_type) or pa.types.is_float32(value_type) or pa.types.is_float64(value_type)
    is_text = pa.types.is_string(value_type) or pa.types.is_large_string(value_type)
    is_date = pa.types.is_date(value_type) or pa.types.is_timestamp(value_type) or is_ticks(value_type)
    is_other = pa.types.is_boolean(value_type) or pa.types.is_decimal(value_type) or pa.types.is_null(value_type)
    if is_number or is_text or is_date or is_other:
        return value_type

    raise DataError(
        f"column {name!r} has type {type_}, which cannot be synthesized; convert it to numbers, dates or text",
        column=name,
    )


def _string_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    words = blank_missing_words(values)
    is_missing = words.is_null()
    missing = pc.filter(values, is_missing).to_pylist()
    facts = replace(
        facts,
        missing_words=dict(zip(missing, pc.filter(counts, is_missing).to_pylist(), strict=True)),
        max_length=pc.max(pc.utf8_length(values)).as_py(),
        spaces=pc.sum(pc.multiply(pc.count_substring(values, " "), counts)).as_py(),
        check=find_check(values.to_pylist()),
        is_nested=are_nested(values),
        patterns=string_patterns(values),
    )
    facts = _with_counts(facts, values, counts)
    present = words.is_valid()
    if not pc.any(present).as_py():
        return facts

    # Space around a value is no part of it.
    readings = column_readings(words.filter(present), counts.filter(present).to_numpy().astype(np.int64))
    return replace(facts, readings=readings)


def _number_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array, name: str) -> ColumnFacts:
    if pa.types.is_integer(values.type):
        # Units of a column are 64-bit signed integers.
        if pc.max(values).as_py() > np.iinfo(np.int64).max:
            raise DataError(f"column {name!r} has integers beyond 64 signed bits; convert it to text", column=name)
        return _with_counts(replace(facts, bounds=_find_bounds(values)), values, counts)

    if pa.types.is_decimal(values.type):
        facts = replace(facts, decimals=values.type.scale)
    else:
        facts = replace(facts, decimals=_count_decimals(values))

    values = values.cast(pa.float64())
    if not pc.all(pc.is_finite(values)).as_py():
        raise DataError(f"column {name!r} has infinite values; replace them or leave them empty", column=name)

    return _with_counts(replace(facts, bounds=_find_bounds(values)), values, counts)


def _temporal_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array, name: str) -> ColumnFacts:
    years = _find_bounds(pc.year(values))
    if years[0] < YEARS[0] or years[1] > YEARS[1]:
        raise DataError(f"column {name!r} has dates outside the years 1 to 9999; leave such dates empty", column=name)

    spelled = iso_strings(values)
    return _with_counts(replace(facts, bounds=_find_bounds(spelled)), spelled, counts)


def _count_decimals(values: pa.Array) -> int | None:
    """Most digits after the point that a float needs; None for more than MAX_DECIMALS."""
    numbers = values.to_numpy(zero_copy_only=False)
    for digits in range(MAX_DECIMALS + 1):
        # Only the numbers that need more digits are looked at again.
        numbers = numbers[np.round(numbers, digits) != numbers]
        if not len(numbers):
            return digits

    return None


def _find_bounds(values: pa.Array) -> Bounds:
    ends = pc.min_max(values).as_py()
    return ends["min"], ends["max"]


def _with_counts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    """Facts with the counts of the values; equal values are added (decimals may be equal as floats)."""
    sketch = _sketch_values(values)
    # Counting exactly is the costly check, so it comes last.
    if len(values) > MAX_DISTINCT and len(sketch) == SKETCH_SIZE and pc.count_distinct(values).as_py() > MAX_DISTINCT:
        return replace(facts, counts=None, sketch=sketch)

    pairs: Counts = {}
    for value, count in zip(values.to_pylist(), counts.to_pylist(), strict=True):
        pairs[value] = pairs.get(value, 0) + count

    return replace(facts, counts=pairs, sketch=sketch)


def _sketch_values(values: pa.Array) -> tuple[int, ...]:
    data = values.to_numpy(zero_copy_only=False)
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(data, categorize=False)
    # The smallest hashes of a union are among the smallest of its parts, so sketches merge without loss.
    return tuple(np.unique(hashes)[:SKETCH_SIZE].tolist())


def _merge_bounds(a: Bounds | None, b: Bounds | None) -> Bounds | None:
    if a is None or b is None:
        return a or b
    return min(a[0], b[0]), max(a[1], b[1])


def _merge_readings(a: Readings | None, b: Readings | None) -> Readings | None:
    if a is None or b is None:
        return a or b
    return merge_readings(a, b)


def _most_decimals(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return None
    return max(a, b)


def _add_counts(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {**a, **{word: a.get(word, 0) + count for word, count in b.items()}}


def _merge_counts(a: Counts | None, b: Counts | None) -> Counts | None:
    if a is None or b is None:
        return None

    total = dict(a)
    for value, count in b.items():
        total[value] = total.get(value, 0) + count

    if len(total) <= MAX_DISTINCT:
        return total

    return None
