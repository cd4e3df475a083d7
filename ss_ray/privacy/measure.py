"""Preparation of the private schema: each unit is counted once, and every count gets noise.

Every privacy unit takes part with one row, drawn at random, so that no unit counts twice. The number of counted rows is
compared with the number of units, so a fault that counts all rows of a unit stops the run. All noise comes from the
charge that was booked for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.config.model import DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.accounting import auto_delta
from ss_ray.privacy.histograms import Counted, PresenceQuery, Query, count_table, merge_counts, release_counts
from ss_ray.privacy.plan import (
    MIN_UNITS,
    THRESHOLD_SHARE,
    count_charge,
    planned_rest,
    provisional_delta,
    schema_rho,
)
from ss_ray.privacy.private_schema import measure_schema, num_units_deviation
from ss_ray.privacy.schema_plan import SchemaBudget, plan_queries
from ss_ray.privacy.units import Rows
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part

LIKELY_DEVIATIONS = 4
"""So far above the noisy number of units that the true one is larger once in 30,000 runs: an automatic delta must not
be large because the noise was."""
REHEARSED_DEVIATIONS = 2
"""So far above MIN_UNITS the number of units must be: one job in 40 at the limit itself is refused after it paid."""


@dataclass(frozen=True, kw_only=True)
class PartCounts:
    """Exact counts of one part. Private: they leave the driver only under noise.

    Attributes:
        rows: Number of rows that were counted.
        counts: Rows of each cell, one entry for each query.
    """

    rows: int
    counts: list[Counted]


def count_part(
    part: Location, kept: Rows | None, queries: Sequence[Query], report: Callable[[int], object]
) -> PartCounts:
    """Count the rows of a part that take part.

    Args:
        part: Parquet file of typed rows.
        kept: Numbers of the rows that take part, ascending; None for all rows.
        queries: Cells to count.
        report: Function that is called with the number of rows that were read.
    """
    rows = 0
    found: list[Counted] = [{} for _ in queries]
    first_row = 0

    for block in read_part(part):
        own = _kept_rows(block, kept, first_row)
        rows += own.num_rows
        found = merge_counts(found, count_table(own, queries))
        first_row += block.num_rows
        report(block.num_rows)

    return PartCounts(rows=rows, counts=found)


def sum_parts(parts: Sequence[PartCounts], num_units: int) -> list[Counted]:
    """Exact counts of the whole table, one entry for each query.

    Args:
        parts: Counts of all parts.
        num_units: Number of privacy units of the table, counted apart from the parts.

    Raises:
        PrivacyError: Another number of rows was counted, so a unit counts twice, or not at all.
    """
    if sum(part.rows for part in parts) != num_units:
        raise PrivacyError(
            "the schema was counted on another number of rows than there are privacy units, so the noise would not "
            "cover a unit; the table changed, or this is a fault of this version: do not release anything of this run"
        )

    total = parts[0].counts
    for part in parts[1:]:
        total = merge_counts(total, part.counts)

    return total


def measure_private(
    schema: TableSchema,
    count: Callable[[Sequence[Query]], list[Counted]],
    *,
    data: DataParameters,
    privacy: PrivacyParameters,
    account: Account,
) -> PrivateSchema:
    """Count the units, plan the questions from their noisy number, and measure the schema; all of it is charged.

    Args:
        schema: Schema of the rows, of which only the public parts are read.
        count: Exact counts of the whole table, each privacy unit giving one row.
        data: Section `data`, with the declared columns.
        privacy: Section `privacy`, with the budget.
        account: Account that is charged for each measurement before its noise is drawn.

    Raises:
        PrivacyError: The budget does not allow it.
    """
    rough, deviation = _count_units(schema, count, privacy, account)
    delta = choose_delta(privacy, round(rough + LIKELY_DEVIATIONS * deviation))
    budget = _schema_budget(privacy, delta)
    planned = [measurement.charge for measurement in plan_queries(schema, data.columns, budget)]
    account.reserve([*planned, planned_rest([*account.spent(), *planned], privacy.epsilon, delta)])
    measured = measure_schema(schema, data.columns, count, budget=budget, charge=account.charge)

    for charge in list((Counter(planned) - Counter(measured.charges)).elements()):
        # Not asked, because of what was found; so paid, or what is spent would tell it.
        account.charge(charge)

    return PrivateSchema(
        measured=measured,
        num_units=measured.num_units,
        rough_num_units=rough,
        delta=delta,
        charges=account.spent(),
    )


def expect_schema(
    schema: TableSchema, num_units: int, *, data: DataParameters, privacy: PrivacyParameters
) -> PrivateSchema:
    """The schema of the exact number of units, with all charges that measuring it will take.

    Args:
        schema: Schema of the rows, of which only the public parts are read.
        num_units: Exact number of privacy units.
        data: Section `data`, with the declared columns.
        privacy: Section `privacy`, with the budget.

    Raises:
        PrivacyError: The noise of the measured number of units would be too large for that number.
    """
    delta = choose_delta(privacy, num_units)
    if privacy.allow_inferred_schema:
        return PrivateSchema(measured=None, num_units=num_units, rough_num_units=num_units, delta=delta, charges=())

    planned = plan_queries(schema, data.columns, _schema_budget(privacy, delta))
    deviation = num_units_deviation(planned)
    needed = math.ceil(MIN_UNITS + REHEARSED_DEVIATIONS * deviation)
    if num_units < needed:
        group = data.group_training_examples_by
        units = "rows" if group is None else f"groups (values of {group!r})"
        raise PrivacyError(
            f"privacy.epsilon {privacy.epsilon:g} needs at least {needed:,} {units} to learn from, {MIN_UNITS} beyond "
            "the noise of their count, and the table has fewer without its holdout; nothing was charged. Allow a "
            "larger epsilon, or bring more"
        )

    charges = (count_charge(privacy.epsilon, provisional_delta(privacy.delta)), *(one.charge for one in planned))
    return PrivateSchema(
        measured=None, num_units=num_units, rough_num_units=num_units, delta=delta, charges=tuple(charges)
    )


def _schema_budget(privacy: PrivacyParameters, delta: float) -> SchemaBudget:
    rho = schema_rho(privacy.schema_epsilon_fraction, privacy.epsilon, delta)
    return SchemaBudget(rho=rho, delta=THRESHOLD_SHARE * delta)


def choose_delta(privacy: PrivacyParameters, most_units: int) -> float:
    """Delta of the whole run: as configured, or derived from the number of units."""
    if privacy.delta == "auto":
        return auto_delta(most_units)
    return privacy.delta


def _count_units(
    schema: TableSchema,
    count: Callable[[Sequence[Query]], list[Counted]],
    privacy: PrivacyParameters,
    account: Account,
) -> tuple[int, float]:
    """A first noisy number of units, at least 1, and its standard deviation."""
    delta = provisional_delta(privacy.delta)
    charge = count_charge(privacy.epsilon, delta)
    account.reserve([charge, planned_rest([*account.spent(), charge], privacy.epsilon, delta)])
    query = PresenceQuery(column=schema.columns[0])
    (exact,) = count([query])
    account.charge(charge)
    noisy = release_counts(charge, query, exact)

    return max(1, sum(noisy.values())), len(noisy) ** 0.5 * charge.noise_multiplier


def _kept_rows(block: pa.Table, kept: Rows | None, first_row: int) -> pa.Table:
    if kept is None:
        return block
    own = kept[(kept >= first_row) & (kept < first_row + block.num_rows)]
    return block.take(pa.array(own - first_row))
