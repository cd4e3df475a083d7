"""What a block of rows says about its columns, and how the facts of two blocks add up.

Facts are small whatever the size of the table: counts of up to MAX_DISTINCT values, bounds, the formats that fit
every value so far, and a sketch of the number of distinct values (the SKETCH_SIZE smallest hashes: Bar-Yossef et al.
2002). Nothing is decided here; `infer` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError
from ss_ray.tables.cells import (
    BOOLEANS,
    DATE_FORMATS,
    DATETIME_FORMATS,
    FLOAT_PATTERN,
    INTEGER_PATTERN,
    blank_missing_words,
    matching_date_format,
    parse_dates,
)

MAX_DISTINCT = 4096
SKETCH_SIZE = 1024
MAX_PATTERN_LENGTH = 64
MAX_DECIMALS = 9

Number = int | float
Bounds = tuple[Any, Any]
Counts = dict[str | Number | bool, int]


@dataclass(frozen=True, kw_only=True)
class ColumnFacts:
    """Facts of one column.

    Attributes:
        arrow_type: As read; "string" for every column of a text format.
        rows: Cells seen.
        missing: Of which missing.
        counts: Occurrences by value (dates in ISO 8601); None beyond MAX_DISTINCT distinct values.
        sketch: The smallest hashes of distinct values, ascending.
        fits: The readings that fit every value ("integer", "float", "boolean:True/False", "date:%Y-%m-%d") with the
            smallest and largest value under each (dates in ISO 8601); None while there is no value.
        decimals: Most digits after a point; None for exponents or more than MAX_DECIMALS.
        min_decimals: Fewest digits after a point.
        max_length: Longest string in characters.
        spaces: Spaces in all strings together.
        pattern: Characters seen at each position; None once lengths differ.
    """

    arrow_type: str
    rows: int
    missing: int
    counts: Counts | None = field(default_factory=dict)
    sketch: tuple[int, ...] = ()
    fits: dict[str, Bounds] | None = None
    decimals: int | None = 0
    min_decimals: int | None = None
    max_length: int = 0
    spaces: int = 0
    pattern: tuple[frozenset[str], ...] | None = None

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
    """Facts of every column of a block."""
    return {name: column_facts(table.column(name), name) for name in table.column_names}


def column_facts(array: pa.ChunkedArray, name: str) -> ColumnFacts:
    """Facts of a block of one column.

    Raises:
        DataError: The column's type cannot be synthesized.
    """
    type_ = array.type
    if pa.types.is_floating(type_):
        array = pc.if_else(pc.is_nan(array), None, array)
    if pa.types.is_dictionary(type_):
        array = array.cast(type_.value_type)
    facts = ColumnFacts(arrow_type=str(type_), rows=len(array), missing=array.null_count)
    encoded = array.drop_null().value_counts()
    values, counts = encoded.field("values"), encoded.field("counts")
    if not len(values):
        return facts
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return _string_facts(facts, values.cast(pa.string()), counts)
    if pa.types.is_boolean(array.type):
        return _with_counts(replace(facts, fits={"boolean:": (False, True)}), values, counts)
    if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
        return _temporal_facts(facts, values, counts)
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        return _number_facts(facts, values, counts, name)
    raise DataError(
        f"column {name!r} has type {type_}, which cannot be synthesized; convert it to numbers, dates or text",
        column=name,
    )


def merge_facts(a: ColumnFacts, b: ColumnFacts) -> ColumnFacts:
    """Facts of two blocks of one column together."""
    if not (a.values and b.values):
        full = a if a.values else b
        return replace(full, rows=a.rows + b.rows, missing=a.missing + b.missing)
    return ColumnFacts(
        arrow_type=a.arrow_type,
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        counts=_merge_counts(a.counts, b.counts),
        sketch=tuple(sorted({*a.sketch, *b.sketch})[:SKETCH_SIZE]),
        fits=_merge_fits(a.fits, b.fits),
        decimals=None if a.decimals is None or b.decimals is None else max(a.decimals, b.decimals),
        min_decimals=min((d for d in (a.min_decimals, b.min_decimals) if d is not None), default=None),
        max_length=max(a.max_length, b.max_length),
        spaces=a.spaces + b.spaces,
        pattern=_merge_patterns(a.pattern, b.pattern),
    )


def merge_tables(parts: Sequence[dict[str, ColumnFacts]]) -> dict[str, ColumnFacts]:
    """Facts of all blocks of a table together."""
    return {name: reduce(merge_facts, (part[name] for part in parts)) for name in parts[0]}


def _string_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    words = blank_missing_words(values).drop_null()
    lengths = pc.utf8_length(values)
    facts = replace(
        facts,
        max_length=pc.max(lengths).as_py(),
        spaces=int(pc.sum(pc.multiply(pc.count_substring(values, " "), counts.cast(pa.int32()))).as_py()),
        pattern=_pattern(values) if pc.min(lengths).as_py() == pc.max(lengths).as_py() <= MAX_PATTERN_LENGTH else None,
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
        numbers = words.cast(pa.int64())
    except pa.ArrowInvalid:  # digits beyond 64 bits: a code, not a number
        return None
    bounds = _bounds(numbers)
    return replace(facts, fits={"integer": bounds, "float": bounds}, min_decimals=0)


def _fit_floats(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    if not pc.all(pc.match_substring_regex(words, FLOAT_PATTERN)).as_py():
        return None
    try:
        numbers = words.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    if not pc.all(pc.is_finite(numbers)).as_py():
        return None
    digits = [len(word.partition(".")[2]) for word in words.to_pylist()]
    plain = not pc.any(pc.match_substring_regex(words, "[eE]")).as_py() and max(digits) <= MAX_DECIMALS
    decimals = max(digits) if plain else None
    return replace(facts, fits={"float": _bounds(numbers)}, decimals=decimals, min_decimals=min(digits))


def _fit_booleans(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    spelled = set(words.to_pylist()) if len(words) <= 2 else set()
    fits = {f"boolean:{name}": (False, True) for name, pair in BOOLEANS.items() if spelled and spelled <= set(pair)}
    return replace(facts, fits=fits) if fits else None


def _fit_dates(facts: ColumnFacts, words: pa.Array) -> ColumnFacts | None:
    if not pc.match_substring_regex(words, "[0-9]{2}")[0].as_py():
        return None
    for kind, formats in (("date", DATE_FORMATS), ("datetime", DATETIME_FORMATS)):
        fitting = matching_date_format(words, formats)
        if fitting:
            return replace(facts, fits={f"{kind}:{format_}": _date_bounds(words, format_, kind) for format_ in fitting})
    return None


def _date_bounds(words: pa.Array, format_: str, kind: str) -> Bounds:
    dates = parse_dates(words, format_)
    return _iso(dates.min(), kind), _iso(dates.max(), kind)


def _number_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array, name: str) -> ColumnFacts:
    if pa.types.is_integer(values.type):
        if pc.max(values).as_py() > np.iinfo(np.int64).max:
            raise DataError(f"column {name!r} has integers beyond 64 signed bits; convert it to text", column=name)
        facts = replace(facts, fits={"integer": _bounds(values)}, min_decimals=0)
        return _with_counts(facts, values, counts)
    if pa.types.is_decimal(values.type):
        facts = replace(facts, decimals=values.type.scale, min_decimals=values.type.scale)
        values = values.cast(pa.float64())
    else:
        values = values.cast(pa.float64()) if values.type != pa.float16() else values.cast(pa.float32())
        facts = replace(facts, decimals=_decimals(values, facts.arrow_type), min_decimals=0)
    if not pc.all(pc.is_finite(values)).as_py():
        raise DataError(f"column {name!r} has infinite values; replace them or leave them empty", column=name)
    return _with_counts(replace(facts, fits={"float": _bounds(values)}), values, counts)


def _temporal_facts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    kind = "date" if pa.types.is_date(values.type) else "datetime"
    bounds = _iso(pd.Timestamp(pc.min(values).as_py()), kind), _iso(pd.Timestamp(pc.max(values).as_py()), kind)
    facts = replace(facts, fits={f"{kind}:": bounds})
    return _with_counts(facts, values.cast(pa.string()), counts)


def _iso(moment: pd.Timestamp, kind: str) -> str:
    return moment.strftime("%Y-%m-%d") if kind == "date" else moment.isoformat()


def _decimals(values: pa.Array, arrow_type: str) -> int | None:
    """Digits after the point that every float needs; None for more than MAX_DECIMALS."""
    dtype = np.float32 if arrow_type == "float" else np.float64
    numbers = values.to_numpy(zero_copy_only=False).astype(dtype)
    return next((d for d in range(MAX_DECIMALS + 1) if (np.round(numbers, d) == numbers).all()), None)


def _bounds(numbers: pa.Array) -> Bounds:
    ends = pc.min_max(numbers).as_py()
    return ends["min"], ends["max"]


def _with_counts(facts: ColumnFacts, values: pa.Array, counts: pa.Array) -> ColumnFacts:
    few = len(values) <= MAX_DISTINCT
    pairs = dict(zip(values.to_pylist(), counts.to_pylist(), strict=True)) if few else None
    return replace(facts, counts=pairs, sketch=_sketch(values))


def _sketch(values: pa.Array) -> tuple[int, ...]:
    data = values.to_numpy(zero_copy_only=False)
    hashes: npt.NDArray[np.uint64] = pd.util.hash_array(data, categorize=False)
    return tuple(np.unique(hashes)[:SKETCH_SIZE].tolist())


def _pattern(values: pa.Array) -> tuple[frozenset[str], ...]:
    rows = np.array(values.to_pylist(), dtype=np.str_)
    if not rows.dtype.itemsize:
        return ()
    characters = rows.view("U1").reshape(len(rows), -1)
    return tuple(frozenset(np.unique(characters[:, i]).tolist()) for i in range(characters.shape[1]))


def _merge_fits(a: dict[str, Bounds] | None, b: dict[str, Bounds] | None) -> dict[str, Bounds] | None:
    """The readings that fit both blocks, each with its bounds over both."""
    if a is None or b is None:
        return a if b is None else b
    return {fit: (min(a[fit][0], b[fit][0]), max(a[fit][1], b[fit][1])) for fit in a if fit in b}


def _merge_patterns(
    a: tuple[frozenset[str], ...] | None, b: tuple[frozenset[str], ...] | None
) -> tuple[frozenset[str], ...] | None:
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x | y for x, y in zip(a, b, strict=True))


def _merge_counts(a: Counts | None, b: Counts | None) -> Counts | None:
    if a is None or b is None:
        return None
    total = Counter(a) + Counter(b)
    return dict(total) if len(total) <= MAX_DISTINCT else None
