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
from ss_ray.tables.cells import BOOLEANS, FLOAT_PATTERN, INTEGER_PATTERN, LONG_INTEGER_PATTERN, blank_missing_words
from ss_ray.tables.dates import DATE_FORMATS, DATETIME_FORMATS, iso_strings, read_dates
from ss_ray.tables.patterns import Patterns, merge_patterns, string_patterns

MAX_DISTINCT = 4096
SKETCH_SIZE = 1024
MAX_DECIMALS = 9
LONG_INTEGER = 10**15
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
        missing_words: Strings that would be missing in a column of numbers or dates ("NA", "").
        counts: Occurrences by value (dates in ISO 8601); None beyond MAX_DISTINCT distinct values.
        sketch: The smallest hashes of distinct values, ascending.
        fits: The readings that fit every value ("integer", "float", "boolean:True/False", "date:%Y-%m-%d") with the
            smallest and largest value under each (dates in ISO 8601); None while there is no value.
        decimals: Numbers only: most digits after a point; None for exponents or more than MAX_DECIMALS.
        min_decimals: Numbers only: fewest digits after a point.
        max_length: Longest string in characters.
        spaces: Spaces in all strings together.
        patterns: Characters seen at each position, by length of string; None for too many lengths.
    """

    arrow_type: str
    rows: int
    missing: int
    missing_words: int = 0
    counts: Counts | None = field(default_factory=dict)
    sketch: tuple[int, ...] = ()
    fits: dict[str, Bounds] | None = None
    decimals: int | None = 0
    min_decimals: int | None = None
    max_length: int = 0
    spaces: int = 0
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
        >>> facts.rows, facts.missing_words, facts.fits
        (3, 1, {'integer': (34, 51), 'float': (34.0, 51.0)})
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
    if not facts.values:
        return facts

    encoded = array.drop_null().value_counts()
    values = encoded.field("values")
    counts = encoded.field("counts")
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return _string_facts(facts, values.cast(pa.string()), counts)
    if pa.types.is_boolean(type_):
        return _with_counts(replace(facts, fits={"boolean:": (False, True)}), values, counts)
    if pa.types.is_temporal(type_):
        return _temporal_facts(facts, values, counts, name)

    return _number_facts(facts, values, counts, name)


def merge_facts(a: ColumnFacts, b: ColumnFacts) -> ColumnFacts:
    """Facts of two blocks of one column together."""
    # A block without values has default facts, which would overrule those of the other.
    if not (a.values and b.values):
        full = a if a.values else b
        return replace(full, rows=a.rows + b.rows, missing=a.missing + b.missing)

    fits = _merge_fits(a.fits, b.fits)
    is_number = fits is None or not fits.keys().isdisjoint(("integer", "float"))
    return ColumnFacts(
        arrow_type=a.arrow_type,
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        missing_words=a.missing_words + b.missing_words,
        counts=_merge_counts(a.counts, b.counts),
        sketch=tuple(sorted({*a.sketch, *b.sketch})[:SKETCH_SIZE]),
        fits=fits,
        decimals=_most_decimals(a.decimals, b.decimals) if is_number else 0,
        min_decimals=_least_decimals(a.min_decimals, b.min_decimals) if is_number else None,
        max_length=max(a.max_length, b.max_length),
        spaces=a.spaces + b.spaces,
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
        >>> facts.rows, facts.fits["integer"]
        (3, (29, 51))
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
    is_date = pa.types.is_date(value_type) or pa.types.is_timestamp(value_type)
    is_other = pa.types.is_boolean(value_type) or pa.types.is_decimal(value_type) or pa.types.is_null(value_type)
    if is_number or is_text or is_date or is_other:
        return value_type

    raise DataError(
        f"column {name!r} has type {type_}, which cannot be synthesized; convert it to numbers, dates or text",
        column=name,
    )


def _string_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    all_words = blank_missing_words(values)
    words = all_words.drop_null()
    facts = replace(
        facts,
        missing_words=pc.sum(pc.filter(counts, all_words.is_null())).as_py() or 0,
        max_length=pc.max(pc.utf8_length(values)).as_py(),
        spaces=pc.sum(pc.multiply(pc.count_substring(values, " "), counts)).as_py(),
        patterns=string_patterns(values),
    )
    facts = _with_counts(facts, values, counts)
    if not len(words):
        return facts

    for fitted in (_fit_integers, _fit_floats, _fit_booleans, _fit_dates):
        found = fitted(facts, words)
        if found is not None:
            return found

    return replace(facts, fits={})


def _fit_integers(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    if not pc.all(pc.match_substring_regex(words, INTEGER_PATTERN)).as_py():
        return None

    try:
        low, high = _find_bounds(words.cast(pa.int64()))
    except pa.ArrowInvalid:
        # Digits beyond 64 bits: a code, not a number.
        return None

    # Every reading that fits is kept; `infer` chooses when all blocks are seen.
    fits: dict[str, Bounds] = {"integer": (low, high)}
    # A float64 holds whole numbers exactly up to about 15 digits.
    if low > -LONG_INTEGER and high < LONG_INTEGER:
        fits["float"] = (float(low), float(high))

    return replace(facts, fits=fits, min_decimals=0)


def _fit_floats(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    if not pc.all(pc.match_substring_regex(words, FLOAT_PATTERN)).as_py():
        return None
    # A float would round digits that a code needs.
    if pc.any(pc.match_substring_regex(words, LONG_INTEGER_PATTERN)).as_py():
        return None

    try:
        numbers = words.cast(pa.float64())
    except pa.ArrowInvalid:
        return None

    if not pc.all(pc.is_finite(numbers)).as_py():
        return None

    digits = pc.utf8_length(pc.replace_substring_regex(words, r"^[^.]*\.?", ""))
    least, most = _find_bounds(digits)
    is_plain = most <= MAX_DECIMALS and not pc.any(pc.match_substring_regex(words, "[eE]")).as_py()
    # Adding 0.0 turns -0.0 into 0.0.
    bounds = _find_bounds(pc.add(numbers, 0.0))

    return replace(facts, fits={"float": bounds}, decimals=most if is_plain else None, min_decimals=least)


def _fit_booleans(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    # A few values rule out most columns before all values are compared.
    spelled = set(words[:32].to_pylist())
    fits: dict[str, Bounds] = {
        f"boolean:{name}": (False, True) for name, pair in BOOLEANS.items() if spelled <= set(pair)
    }
    if fits and spelled == set(words.to_pylist()):
        return replace(facts, fits=fits)

    return None


def _fit_dates(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    for kind, formats in (("date", DATE_FORMATS), ("datetime", DATETIME_FORMATS)):
        found = read_dates(words, formats)
        if found:
            return replace(facts, fits={f"{kind}:{f}": _date_bounds(dates, kind, f) for f, dates in found.items()})
    return None


def _date_bounds(dates: pd.Series, kind: str, format_: str) -> Bounds:
    ends = pa.array([dates.min().to_pydatetime(), dates.max().to_pydatetime()], pa.timestamp("us"))
    return tuple(iso_strings(ends.cast(text_date_type(kind, format_))).to_pylist())


def text_date_type(kind: str, format_: str) -> pa.DataType:
    """Storage type of dates of a text file."""
    if kind == "date":
        return pa.date32()
    if format_.endswith("Z"):
        return pa.timestamp("us", "UTC")
    return pa.timestamp("us")


def _number_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array, name: str) -> ColumnFacts:
    if pa.types.is_integer(values.type):
        # Units of a column are 64-bit signed integers.
        if pc.max(values).as_py() > np.iinfo(np.int64).max:
            raise DataError(f"column {name!r} has integers beyond 64 signed bits; convert it to text", column=name)
        facts = replace(facts, fits={"integer": _find_bounds(values)}, min_decimals=0)
        return _with_counts(facts, values, counts)

    if pa.types.is_decimal(values.type):
        facts = replace(facts, decimals=values.type.scale, min_decimals=values.type.scale)
    else:
        facts = replace(facts, decimals=_count_decimals(values), min_decimals=0)

    values = values.cast(pa.float64())
    if not pc.all(pc.is_finite(values)).as_py():
        raise DataError(f"column {name!r} has infinite values; replace them or leave them empty", column=name)

    return _with_counts(replace(facts, fits={"float": _find_bounds(values)}), values, counts)


def _temporal_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array, name: str) -> ColumnFacts:
    years = _find_bounds(pc.year(values))
    if years[0] < YEARS[0] or years[1] > YEARS[1]:
        raise DataError(f"column {name!r} has dates outside the years 1 to 9999; leave such dates empty", column=name)

    if pa.types.is_date(values.type):
        kind = "date"
    else:
        kind = "datetime"

    spelled = iso_strings(values)
    return _with_counts(replace(facts, fits={f"{kind}:": _find_bounds(spelled)}), spelled, counts)


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


def _merge_fits(a: dict[str, Bounds] | None, b: dict[str, Bounds] | None) -> dict[str, Bounds] | None:
    """The readings that fit both blocks, each with its bounds over both."""
    if a is None or b is None:
        if b is None:
            return a
        return b
    # A reading survives only if it fits both blocks.
    return {fit: (min(a[fit][0], b[fit][0]), max(a[fit][1], b[fit][1])) for fit in a if fit in b}


def _most_decimals(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return None
    return max(a, b)


def _least_decimals(a: int | None, b: int | None) -> int | None:
    return min((d for d in (a, b) if d is not None), default=None)


def _merge_counts(a: Counts | None, b: Counts | None) -> Counts | None:
    if a is None or b is None:
        return None

    total = dict(a)
    for value, count in b.items():
        total[value] = total.get(value, 0) + count

    if len(total) <= MAX_DISTINCT:
        return total

    return None
