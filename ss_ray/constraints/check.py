"""Constraints against a schema, before any work, and against the rows of a table.

    check_declared(constraints, schema)      # ConfigError for what cannot be meant
    violations(constraint, table)            # (rows,) True where a row breaks it

Rows are compared by 64-bit hashes of their values: equal values always have equal hashes, in every table.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import regex

from ss_ray.config.base import Bound, Cell
from ss_ray.config.constraints import (
    Condition,
    ConstraintParameters,
    DeterminesConstraint,
    FormatConstraint,
    OrderConstraint,
    PresentConstraint,
    RangeConstraint,
    SumConstraint,
    UniqueConstraint,
    ValuesConstraint,
    columns_of,
    condition_of,
)
from ss_ray.errors import ConfigError
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.facts import MAX_DECIMALS

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
PATTERN_SECONDS = 1.0
BATCH_SECONDS = 60.0
"""Longest match of one string, and of all distinct strings of a batch together."""
_ROUNDING = 8
"""Errors of a float's last place that a sum may collect."""
_NUMBERS = (Kind.INTEGER, Kind.FLOAT)
_DATES = (Kind.DATE, Kind.DATETIME)


def constraint_name(constraint: ConstraintParameters) -> str:
    """A stable, readable name without values, by which broken rows are counted: "order(admitted <= discharged)"."""
    match constraint:
        case UniqueConstraint(columns=columns):
            inner = ", ".join(columns)
        case OrderConstraint(low=low, high=high, strict=strict):
            inner = f"{low} {'<' if strict else '<='} {high}"
        case SumConstraint(parts=parts, total=total):
            inner = f"{' + '.join(parts)} = {total}"
        case DeterminesConstraint(columns=columns, determined=determined):
            inner = f"{', '.join(columns)} -> {determined}"
        case _:
            when = condition_of(constraint)
            inner = constraint.column + (f" when {when.column}" if when else "")

    return f"{constraint.type}({inner})"


def check_declared(constraints: Iterable[ConstraintParameters], schema: TableSchema) -> None:
    """Refuse what cannot be checked on this table, or never hold.

    Raises:
        ConfigError: A column does not exist or cannot be compared, a declared value is not of its column's type, a
            regular expression is invalid, or no row of the schema can satisfy the constraint.
    """
    for index, constraint in enumerate(constraints):
        fault = next(_faults(constraint, schema), None)
        if fault is not None:
            raise ConfigError(f"constraints.{index}, {constraint_name(constraint)}: {fault}")


def violations(constraint: ConstraintParameters, table: pa.Table, pairs: pa.Table | None = None) -> Mask:
    """(rows,) whether each row breaks the constraint.

    Args:
        constraint: One that `check_declared` accepts for the table's schema.
        table: Rows in storage types. Of rows with one key, all but the first break `unique`.
        pairs: Of `determines`: what determinants decide, each in one row; see `enforce.learn_mapping`. Those that are
            not among them decide what their first row with a value says.

    Raises:
        ConfigError: A pattern takes over PATTERN_SECONDS for one string, or BATCH_SECONDS for all.
    """
    match constraint:
        case UniqueConstraint(columns=columns):
            return repeats(*row_hashes(table, columns))
        case OrderConstraint():
            return _out_of_order(plain(table, constraint.low), plain(table, constraint.high), constraint.strict)
        case SumConstraint():
            return _unbalanced(constraint, table)
        case DeterminesConstraint():
            return _undetermined(constraint, table, pairs)
        case FormatConstraint():
            array = plain(table, constraint.column)
            return _valid(array) & ~_matches(constraint, array)
        case PresentConstraint():
            present = _valid(plain(table, constraint.column))
            expected = holds(constraint.when, table)
            if constraint.otherwise == "any":
                return expected & ~present
            return expected != present

    array = plain(table, constraint.column)
    if isinstance(constraint, ValuesConstraint):
        inside = to_mask(pc.is_in(array, value_set=declared(constraint.values, array.type)))
    else:
        inside = _within(array, constraint.minimum, constraint.maximum)

    broken = _valid(array) & ~inside
    if constraint.when is None:
        return broken

    return broken & holds(constraint.when, table)


def holds(condition: Condition, table: pa.Table) -> Mask:
    """(rows,) whether a condition is true."""
    array = plain(table, condition.column)
    if condition.is_missing is not None:
        return _valid(array) != condition.is_missing

    values = _spelled(condition)
    if values:
        return to_mask(pc.is_in(array, value_set=declared(values, array.type)))

    return _valid(array) & _within(array, condition.minimum, condition.maximum)


def plain(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, its dictionary looked up."""
    array = table.column(name).combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    return array


def row_hashes(table: pa.Table, columns: Sequence[str]) -> tuple[Hashes, Mask]:
    """(rows,) hash of the values in these columns, and (rows,) whether all of them are there."""
    hashes = np.zeros(table.num_rows, np.uint64)
    complete = np.ones(table.num_rows, bool)
    for name in columns:
        encoded = plain(table, name).dictionary_encode()
        # The last one for missing values.
        known = np.append(_value_hashes(encoded.dictionary), np.uint64(0))
        codes = pc.fill_null(encoded.indices, len(known) - 1).to_numpy(zero_copy_only=False)
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + known[codes]
        complete &= _valid(encoded)

    return hashes, complete


def repeats(hashes: Hashes, compared: Mask) -> Mask:
    """(rows,) whether an earlier one of the rows that are compared has the same hash."""
    broken = np.zeros(len(hashes), bool)
    broken[compared] = pd.Series(hashes[compared]).duplicated().to_numpy()
    return broken


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
    new = complete & _valid(plain(rows, constraint.determined))
    if pairs is not None:
        new &= ~looked_up(constraint, pairs, table)[1]

    firsts = rows.filter(pa.array(new & ~repeats(hashes, new)))
    if pairs is None:
        return firsts

    return pa.concat_tables([pairs.select(names).cast(rows.schema), firsts])


def allowed(column: ColumnSchema, array: pa.Array) -> Mask:
    """(rows,) whether the schema allows each value, and a missing one."""
    # Bounds and values of decimals are floats.
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())

    inside = np.ones(len(array), bool)
    if column.values is not None:
        inside = to_mask(pc.is_in(array, value_set=declared(column.values, array.type)))
    elif column.kind in ORDERED_KINDS:
        inside = _within(array, column.minimum, column.maximum)

    return np.where(_valid(array), inside, column.nullable)


def numbers(array: pa.Array) -> npt.NDArray[Any]:
    """(rows,) int64 of integers and float64 of all other numbers; 0 for missing."""
    if pa.types.is_integer(array.type):
        type_ = pa.int64()
    else:
        type_ = pa.float64()
    return pc.fill_null(array.cast(type_), 0).to_numpy(zero_copy_only=False)


def declared(values: Sequence[Cell], type_: pa.DataType) -> pa.Array:
    """Declared values in the type of a column's cells.

    Raises:
        ConfigError: One cannot be read as that type.
    """
    try:
        return _converted(values, type_)
    except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
        # Their messages quote the value.
        is_yes_or_no = any(isinstance(value, bool) for value in values)
        if is_yes_or_no:
            hint = "; YAML reads yes, no, on and off without quotes as true or false"
        else:
            hint = ""
        raise ConfigError(f"a declared value cannot be read as {type_}{hint}") from None


def to_mask(array: pa.Array) -> Mask:
    """(rows,) of booleans, missing ones as false."""
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False).astype(bool)


def _converted(values: Sequence[Cell], type_: pa.DataType) -> pa.Array:
    if any(isinstance(value, bool) != pa.types.is_boolean(type_) for value in values):
        raise ValueError("booleans are no numbers and no strings")

    if pa.types.is_temporal(type_):
        texts = pa.array([str(value).removesuffix("Z") for value in values], pa.string())
        if pa.types.is_timestamp(type_):
            return texts.cast(pa.timestamp(type_.unit)).cast(type_)
        return texts.cast(type_)

    if pa.types.is_decimal(type_):
        return pa.array([Decimal(str(value)) for value in values], type_)
    if pa.types.is_integer(type_) and any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError("not a whole number")
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return pa.array([str(value) for value in values], type_)

    return pa.array(values, type_)


def _value_hashes(values: pa.Array) -> Hashes:
    if pa.types.is_null(values.type):
        return np.zeros(len(values), np.uint64)

    if pa.types.is_decimal(values.type):
        values = values.cast(pa.string())
    elif pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.int64())

    data = values.to_numpy(zero_copy_only=False)
    if data.dtype.kind == "f":
        # -0.0 is 0.0.
        data = data + data.dtype.type(0)

    hashes: Hashes = pd.util.hash_array(data, categorize=False)
    return hashes


def _valid(array: pa.Array) -> Mask:
    return array.is_valid().to_numpy(zero_copy_only=False)


def _comparable(array: pa.Array) -> pd.Series[Any]:
    """(rows,) numbers, or moments of any resolution; dates are midnights, and a time zone is that of UTC."""
    if pa.types.is_temporal(array.type):
        moments = array.to_pandas(date_as_object=False)
        if moments.dt.tz is not None:
            return moments.dt.tz_convert("UTC")
        return moments.dt.tz_localize("UTC")

    return pd.Series(numbers(array))


def _out_of_order(low: pa.Array, high: pa.Array, strict: bool) -> Mask:
    if any(pa.types.is_decimal(a.type) for a in (low, high)) and not any(
        pa.types.is_floating(a.type) for a in (low, high)
    ):
        # exact, however many digits.
        return to_mask((pc.greater_equal if strict else pc.greater)(low, high))

    a = _comparable(low)
    b = _comparable(high)
    return _valid(low) & _valid(high) & ((a >= b) if strict else (a > b)).to_numpy()


def _within(array: pa.Array, minimum: Bound | None, maximum: Bound | None) -> Mask:
    """(rows,) whether values are between bounds; anything for missing ones."""
    values = _comparable(array)
    inside = np.ones(len(array), bool)
    if minimum is not None:
        inside &= (values >= _comparable(_bound(minimum, array.type))[0]).to_numpy()

    if maximum is not None:
        inside &= (values <= _comparable(_bound(maximum, array.type))[0]).to_numpy()

    return inside


def _bound(value: Bound, type_: pa.DataType) -> pa.Array:
    """(1,) a bound in the column's type; of numbers a float where that type does not hold it."""
    try:
        return declared([value], type_)
    except ConfigError:
        if pa.types.is_temporal(type_) or isinstance(value, str):
            raise
        return pa.array([float(value)])


def _unbalanced(constraint: SumConstraint, table: pa.Table) -> Mask:
    arrays = [plain(table, name) for name in columns_of(constraint)]
    valid = np.logical_and.reduce([_valid(array) for array in arrays])
    *parts, total = [numbers(array) for array in arrays]
    size = reduce(np.add, [np.abs(values) for values in (*parts, total)])
    is_whole = all(pa.types.is_integer(array.type) for array in arrays)
    is_single = any(pa.types.is_float32(array.type) for array in arrays)
    if is_whole:
        slack = 0.0
    else:
        slack = _ROUNDING * float(np.finfo(np.float32 if is_single else np.float64).eps)

    tolerance = constraint.tolerance or _half_unit(arrays[-1])
    return valid & (np.abs(reduce(np.add, parts) - total) > tolerance + slack * size)


def _half_unit(array: pa.Array) -> float:
    """Half a unit of the last decimal that any value has; 0 for floats of full precision."""
    if pa.types.is_integer(array.type):
        return 0.5
    if pa.types.is_decimal(array.type):
        return 0.5 * 10.0**-array.type.scale

    values = array.drop_null().to_numpy(zero_copy_only=False)
    for decimals in range(MAX_DECIMALS + 1):
        values = values[np.round(values, decimals) != values]
        if not len(values):
            return 0.5 * 10.0**-decimals

    return 0.0


def _undetermined(constraint: DeterminesConstraint, table: pa.Table, pairs: pa.Table | None) -> Mask:
    decided, found = looked_up(constraint, with_first_pairs(constraint, pairs, table), table)
    values = plain(table, constraint.determined)
    return found & _valid(values) & ~to_mask(pc.equal(values, decided))


def _matches(constraint: FormatConstraint, array: pa.Array) -> Mask:
    """(rows,) whether the whole of each string matches; False for missing ones."""
    compiled = regex.compile(constraint.pattern)
    encoded = array.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    until = time.monotonic() + BATCH_SECONDS

    try:
        fits = [compiled.fullmatch(text, timeout=_seconds_left(until)) is not None for text in texts]
    except TimeoutError:
        raise ConfigError(
            f"{constraint_name(constraint)}: the pattern takes over {PATTERN_SECONDS:g} second for one string, or "
            f"{BATCH_SECONDS:g} for {len(texts):,} of them; simplify it"
        ) from None

    return to_mask(pa.array(fits, pa.bool_()).take(encoded.indices))


def _seconds_left(until: float) -> float:
    """Seconds that the next string may take.

    Raises:
        TimeoutError: There are none.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(PATTERN_SECONDS, left)


def _spelled(condition: Condition) -> tuple[Cell, ...]:
    """The values of `equals` or `one_of`."""
    return condition.one_of or (() if condition.equals is None else (condition.equals,))


def _faults(constraint: ConstraintParameters, schema: TableSchema) -> Iterator[str]:
    """What is wrong with a constraint on this schema, in words without values."""
    unknown = [name for name in columns_of(constraint) if name not in schema.names]
    if unknown:
        yield f"there is no column {', '.join(map(repr, unknown))}; the table has {', '.join(map(repr, schema.names))}"
        return

    when = condition_of(constraint)
    try:
        if when is not None:
            yield from _condition_faults(when, schema[when.column])

        match constraint:
            case OrderConstraint():
                yield from _order_faults(constraint, schema[constraint.low], schema[constraint.high])
            case SumConstraint():
                yield from _sum_faults(constraint, schema)
            case ValuesConstraint():
                yield from _values_faults(constraint, schema[constraint.column])
            case FormatConstraint():
                yield from _format_faults(constraint, schema[constraint.column])
            case PresentConstraint():
                yield from _present_faults(constraint, schema[constraint.column])
            case RangeConstraint():
                yield from _range_faults(constraint, schema[constraint.column])
    except ConfigError as error:
        # A declared value that is not of the column's type.
        yield str(error)


def _condition_faults(condition: Condition, column: ColumnSchema) -> Iterator[str]:
    values = _spelled(condition)
    if values:
        array = declared(values, value_type(column))
        if column.kind in (Kind.CATEGORY, Kind.BOOLEAN) and not allowed(column, array).any():
            yield f"its condition never holds: column {column.name!r} has none of the values"
    elif condition.is_missing is None:
        yield from _bounds_faults(condition.minimum, condition.maximum, column)


def _bounds_faults(minimum: Bound | None, maximum: Bound | None, column: ColumnSchema) -> Iterator[str]:
    if column.kind not in ORDERED_KINDS:
        yield f"column {column.name!r} is of kind {column.kind.value}; only numbers and dates have bounds"
        return

    low, high = (None if bound is None else _limit(bound, column) for bound in (minimum, maximum))
    if low is not None and high is not None and low > high:
        yield "its minimum is above its maximum"


def _range_faults(constraint: RangeConstraint, column: ColumnSchema) -> Iterator[str]:
    yield from _bounds_faults(constraint.minimum, constraint.maximum, column)
    ends = _ends(column)
    if ends is None or constraint.when is not None:
        return

    is_above = constraint.minimum is not None and _limit(constraint.minimum, column) > ends[1]
    if is_above or (constraint.maximum is not None and _limit(constraint.maximum, column) < ends[0]):
        yield f"no value of column {column.name!r} is in this range"


def _order_faults(constraint: OrderConstraint, low: ColumnSchema, high: ColumnSchema) -> Iterator[str]:
    are_dates = low.kind in _DATES and high.kind in _DATES
    if not are_dates and not (low.kind in _NUMBERS and high.kind in _NUMBERS):
        kinds = f"kind {low.kind.value} and kind {high.kind.value}"
        yield f"{kinds} cannot be compared; only numbers with numbers, and dates with dates"
        return

    zones = [column.arrow_type.count("tz=") for column in (low, high) if column.kind is Kind.DATETIME]
    if len(set(zones)) > 1:
        yield "one column has a time zone and the other has none; convert one of them"

    lowest = _ends(low)
    highest = _ends(high)
    if lowest is None or highest is None:
        return

    if lowest[0] > highest[1] or (constraint.strict and lowest[0] == highest[1]):
        yield f"every value of {low.name!r} is above those of {high.name!r}; are they the wrong way round?"


def _sum_faults(constraint: SumConstraint, schema: TableSchema) -> Iterator[str]:
    columns = [schema[name] for name in columns_of(constraint)]
    other = next((column for column in columns if column.kind not in _NUMBERS), None)
    if other is not None:
        yield f"column {other.name!r} is of kind {other.kind.value}; only numbers add up"
        return

    ends = [_ends(column) for column in columns]
    if all(end is not None for end in ends):
        *parts, total = [(float(end[0]), float(end[1])) for end in ends if end is not None]
        slack = (constraint.tolerance or 0.5) + 1e-9 * max(map(abs, total))
        if sum(p[0] for p in parts) > total[1] + slack or sum(p[1] for p in parts) < total[0] - slack:
            yield f"the parts never add up to a value of {constraint.total!r}"


def _values_faults(constraint: ValuesConstraint, column: ColumnSchema) -> Iterator[str]:
    array = declared(constraint.values, value_type(column))
    if not allowed(column, array).any():
        yield f"column {column.name!r} never has any of the values"


def _format_faults(constraint: FormatConstraint, column: ColumnSchema) -> Iterator[str]:
    type_ = value_type(column)
    if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        yield f"column {column.name!r} is stored as {column.arrow_type}; only strings have a format"
        return

    try:
        regex.compile(constraint.pattern)
    except regex.error as error:
        yield f"invalid regular expression: {error}"
        return

    if column.values and not _matches(constraint, declared(column.values, type_)).any():
        yield f"no value of column {column.name!r} has this format"


def _present_faults(constraint: PresentConstraint, column: ColumnSchema) -> Iterator[str]:
    if column.values == ():
        yield f"column {column.name!r} has no values"
    if constraint.otherwise == "absent" and not column.nullable:
        yield f"column {column.name!r} is never missing, so it cannot be absent; set otherwise to any"


def value_type(column: ColumnSchema) -> pa.DataType:
    """Type of a column's cells."""
    type_ = arrow_type(column)
    if pa.types.is_dictionary(type_):
        return type_.value_type
    return type_


def _ends(column: ColumnSchema) -> tuple[Any, Any] | None:
    """Smallest and largest value of the schema, comparable with those of other columns; None without bounds."""
    if column.kind not in ORDERED_KINDS or column.minimum is None or column.maximum is None:
        return None
    return _limit(column.minimum, column), _limit(column.maximum, column)


def _limit(bound: Bound, column: ColumnSchema) -> Any:
    """A bound of a column as a number or a moment."""
    return _comparable(_bound(bound, value_type(column)))[0]
