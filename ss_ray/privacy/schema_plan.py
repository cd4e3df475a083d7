"""The questions about a private table, and the budget of each: a function of public facts alone.

Public are names, order, kinds, storage types, decimals and date formats, and what the user declares. Everything else
of a column is stripped before the plan is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from ss_ray.codec.ordinals import Scale, bound_units, float_scale, from_units
from ss_ray.config.model import ColumnParameters
from ss_ray.errors import PrivacyError
from ss_ray.privacy.bins import FANOUT, INT64, Cell, Ends, dyadic_cells, equal_parts
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.histograms import (
    UNIT_LIMIT,
    CategoryQuery,
    CellQuery,
    PresenceQuery,
    Query,
    noise_multiplier_of,
    threshold_of,
)
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, TableSchema, arrow_type
from ss_ray.tables.declare import declare_column
from ss_ray.tables.facts import ColumnFacts
from ss_ray.tables.spellings.dates import SECONDS_PER_DAY, TICKS_PER_SECOND, iso_strings

Method = Literal["keys", "values", "presence", "cells", "split"]
NUM_SPLITS = 2
"""Rounds after the first; declared bounds save one of them."""
WEIGHTS: dict[Method, int] = {"keys": 2, "values": 1, "presence": 1, "cells": 1, "split": 1}
"""Shares of rho. Categories that nobody declared need the most: those below their threshold are lost."""
CLIPPED_DECIMALS = 6
"""Up to so many decimals floats are counted in multiples of the last one, which ends at 1e9 or beyond."""
# Days of the years 1 to 9999, counted from 1970.
DAYS = (-719162, 2932896)
# Nanoseconds from 1970, in either direction, that Arrow reads back from text.
NANOSECONDS = 2**63 - 10**9


@dataclass(frozen=True, kw_only=True)
class SchemaBudget:
    """Budget of all measurements of a schema together.

    Attributes:
        rho: Rho of zero-concentrated differential privacy, above 0; mu-GDP with mu = sqrt(2 rho).
        delta: Probability that any category held by one unit alone is released; above 0 if there are such columns.
    """

    rho: float
    delta: float


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One planned histogram.

    Attributes:
        column: Public part of the schema, with what is declared.
        method: Method of counting.
        charge: Charge of the measurement.
        threshold: Threshold of method "keys": noisy counts below it are not released.
    """

    column: ColumnSchema
    method: Method
    charge: Charge
    threshold: int | None = None


def public_column(column: ColumnSchema) -> ColumnSchema:
    """The column without anything that was read off its values."""
    return replace(
        column,
        nullable=False,
        minimum=None,
        maximum=None,
        values=(False, True) if column.kind is Kind.BOOLEAN else None,
        pattern=None,
        max_length=None,
        source="private",
    )


def known_column(column: ColumnSchema, given: ColumnParameters | None) -> ColumnSchema:
    """The public part of a column with its declarations; undeclared bounds are those of the storage type."""
    public = public_column(column)
    if column.kind in ORDERED_KINDS:
        public = _widen_column(public)

    if given is None:
        return public

    # Of a column with values, nothing else.
    any_facts = ColumnFacts(arrow_type=column.arrow_type, rows=1, missing=0)
    # The skeleton has them.
    given = given.model_copy(update={"kind": None, "format": None})
    known = declare_column((public,), any_facts, given, is_text=False)[0]
    is_complete = given.values is not None or all(declared_ends(given))

    return replace(known, source="declared" if is_complete else "private")


def plan_queries(
    skeleton: TableSchema, declared: Mapping[str, ColumnParameters], budget: SchemaBudget
) -> tuple[Measurement, ...]:
    """All histograms with their noise, from public facts alone: the charges add up to the budget.

    Columns in their order, each with its first histogram and then its splits; where no histogram tells the number of
    units, one more at the end.
    """
    uses: list[tuple[ColumnSchema, Method]] = []
    for column in skeleton.columns:
        given = declared.get(column.name)
        known = known_column(column, given)
        uses += [(known, method) for method in _choose_methods(known, declared_ends(given))]

    # Keys below their threshold are not released, so the sum of such counts does not give the number of units.
    if all(method == "keys" for _, method in uses):
        uses.append((uses[0][0], "presence"))

    num_keys = sum(method == "keys" for _, method in uses)
    if budget.rho <= 0 or (num_keys and not 0 < budget.delta < 1):
        raise PrivacyError("the private schema has no budget; allow a larger privacy.epsilon and privacy.delta")

    # Gaussian mechanisms add up in rho, so the budget is divided by weights.
    rho = budget.rho / sum(WEIGHTS[method] for _, method in uses)
    return tuple(
        _plan_measurement(column, method, rho * WEIGHTS[method], budget.delta / max(num_keys, 1))
        for column, method in uses
    )


def _choose_methods(column: ColumnSchema, declared: Ends) -> list[Method]:
    if column.kind in (Kind.IDENTIFIER, Kind.TEXT):
        return ["presence"]
    if column.values is not None:
        return ["values"]
    if column.kind is Kind.CATEGORY:
        return ["keys"]
    if all(declared):
        return ["cells", "split"]

    return ["cells", "split", "split"]


def _plan_measurement(column: ColumnSchema, method: Method, rho: float, delta: float) -> Measurement:
    sigma = noise_multiplier_of(rho)
    charge = Charge(mechanism=f"schema: {method} of {column.name}", noise_multiplier=sigma)
    if method != "keys":
        return Measurement(column=column, method=method, charge=charge)

    return Measurement(
        column=column, method=method, charge=replace(charge, delta=delta), threshold=threshold_of(sigma, delta)
    )


def declared_ends(given: ColumnParameters | None) -> Ends:
    """Whether the minimum, and whether the maximum is declared."""
    if given is None:
        return (False, False)
    return (given.minimum is not None, given.maximum is not None)


def _widen_column(column: ColumnSchema) -> ColumnSchema:
    """An ordered column with the widest bounds: those of its storage type, and for dates the years 1 to 9999."""
    type_ = arrow_type(column)
    if column.kind is Kind.FLOAT:
        largest = _largest_float(column)
        return replace(column, minimum=-largest, maximum=largest)

    if pa.types.is_integer(type_):
        limits = np.iinfo(type_.to_pandas_dtype())
        return replace(column, minimum=int(limits.min), maximum=min(int(limits.max), INT64[1]))

    if pa.types.is_date(type_):
        low, high = iso_strings(pa.array(DAYS, pa.int32()).cast(pa.date32())).to_pylist()
        return replace(column, minimum=low, maximum=high)

    ticks = SECONDS_PER_DAY * TICKS_PER_SECOND[type_.unit]

    low = max(DAYS[0] * ticks, -NANOSECONDS)
    high = min((DAYS[1] + 1) * ticks - 1, NANOSECONDS)

    return within(column, (low, high), Scale())


def _largest_float(column: ColumnSchema) -> float:
    type_ = arrow_type(column)
    digits = column.decimals
    if pa.types.is_decimal(type_):
        digits = type_.scale
        largest = 10.0 ** (type_.precision - type_.scale)
    else:
        largest = float(np.finfo(type_.to_pandas_dtype()).max)

    is_clipped = digits is not None and digits <= CLIPPED_DECIMALS
    if is_clipped:
        return min(largest, UNIT_LIMIT / 10.0 ** (digits or 0))

    return largest


def within(column: ColumnSchema, units: tuple[int, int], scale: Scale) -> ColumnSchema:
    """The column with the values of two units as its bounds, in the spelling of a schema."""
    array = from_units(np.array(units, np.int64), np.ones(2, bool), column, scale)
    if pa.types.is_temporal(array.type):
        array = iso_strings(array)
    low, high = (array.cast(pa.float64()) if column.kind is Kind.FLOAT else array).to_pylist()
    return replace(column, minimum=low, maximum=high)


def scale_of(column: ColumnSchema) -> Scale:
    """Units of an ordered column: multiples of its last decimal, ranks where floats have too many, else ticks."""
    if column.kind is Kind.FLOAT:
        return float_scale(column)
    return Scale()


def first_query(measurement: Measurement) -> Query:
    """Query of a column's first histogram."""
    column = measurement.column
    match measurement.method:
        case "keys":
            return CategoryQuery(column=column)
        case "values":
            return CategoryQuery(column=column, values=column.values)
        case "presence":
            return PresenceQuery(column=column)

    return cell_query(column, first_cells(column))


def first_cells(column: ColumnSchema) -> tuple[Cell, ...]:
    """The declared range in equal parts, or intervals that double and cover all that the column can hold."""
    scale = scale_of(column)
    low, high = bound_units(column, scale)
    if column.source == "declared":
        return equal_parts(Cell(low=low, high=high), FANOUT)
    return dyadic_cells(column, scale, (low, high))


def cell_query(column: ColumnSchema, cells: Sequence[Cell]) -> CellQuery:
    """Asks for cells; those that end where the column ends get all that is beyond, too."""
    scale = scale_of(column)
    low, high = bound_units(column, scale)
    return CellQuery(
        column=column,
        scale=scale,
        lows=tuple(INT64[0] if cell.low == low else cell.low for cell in cells),
        highs=tuple(INT64[1] if cell.high == high else cell.high for cell in cells),
    )
