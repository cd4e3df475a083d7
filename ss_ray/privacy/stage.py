"""The private schema on Ray: exact counts part by part, noise in the driver, each charged before it is drawn.

Every privacy unit takes part with one row, drawn at random, so that no unit counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config import DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.accounting import auto_delta
from ss_ray.privacy.histograms import Counted, PresenceQuery, Query, add_noise, count_table, merge_counts
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
from ss_ray.privacy.units import Rows, one_row_per_unit
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import count_rows, read_part

LIKELY_DEVIATIONS = 4
"""So far above the noisy number of units that the true one is larger once in 30,000 runs: an automatic delta must not
be large because the noise was."""
REHEARSED_DEVIATIONS = 2
"""So far above MIN_UNITS the number of units must be: one job in 40 at the limit itself is refused after it paid."""


@dataclass(frozen=True, kw_only=True)
class PrivateRows:
    """The training rows of a run with differential privacy.

    Attributes:
        rows: Folder of typed parts.
        units: Folder of the rows before PII was replaced, whose grouping column tells the units.
        schema: Schema of the rows; only its public parts are read.
        data: Declared columns, and the grouping column.
    """

    rows: Location
    units: Location
    schema: TableSchema
    data: DataParameters


def measure_table(
    table: PrivateRows,
    privacy: PrivacyParameters,
    account: Account,
    rehearse_training: Callable[[PrivateSchema], object],
    on_progress: OnProgress,
) -> PrivateSchema:
    """Measure the schema of the training rows.

    Args:
        table: Rows to measure.
        privacy: The budget.
        account: Where each measurement is charged.
        rehearse_training: Called before the first charge with the schema that is to be expected; raises what would
            stop the training after it.
        on_progress: Told the rows counted.

    Raises:
        PrivacyError: The budget does not allow it.
    """
    schema, data = table.schema, table.data
    parts = table.rows.files(".parquet")
    if not parts:
        raise PrivacyError("no rows are left to train on; differential privacy needs at least a hundred units")
    kept = one_row_per_unit(table.units.files(".parquet"), data.group_training_examples_by, parts)
    num_units = sum(count_rows(parts)) if kept[0] is None else sum(len(own) for own in kept if own is not None)
    expected = _expected_schema(table, privacy, num_units)
    rehearse_training(expected)
    if privacy.allow_inferred_schema:
        return expected

    def count(queries: Sequence[Query]) -> list[Counted]:
        if not queries:
            return []
        with reported_progress(on_progress, "measure", None) as report:
            found = map_items(_count_worker, list(zip(parts, kept, strict=True)), arguments=(tuple(queries), report))
            return _merged(list(found))

    rough, deviation = _count_units(schema, count, privacy, account)
    delta = _delta(privacy, round(rough + LIKELY_DEVIATIONS * deviation))
    budget = _schema_budget(privacy, delta)
    planned = [measurement.charge for measurement in plan_queries(schema, data.columns, budget)]
    account.reserve([*planned, planned_rest([*account.spent(), *planned], privacy.epsilon, delta)])
    measured = measure_schema(schema, data.columns, count, budget=budget, charge=account.charge)
    for charge in list((Counter(planned) - Counter(measured.charges)).elements()):
        account.charge(charge)  # not asked, because of what was found; so paid, or what is spent would tell it
    return PrivateSchema(
        measured=measured,
        num_units=measured.num_units,
        rough_num_units=rough,
        delta=delta,
        charges=account.spent(),
    )


def _expected_schema(table: PrivateRows, privacy: PrivacyParameters, num_units: int) -> PrivateSchema:
    """The schema of the exact number of units, with all charges that measuring it will take.

    Raises:
        PrivacyError: The noise of the measured number of units would be too large for that number.
    """
    delta = _delta(privacy, num_units)
    if privacy.allow_inferred_schema:
        return PrivateSchema(measured=None, num_units=num_units, rough_num_units=num_units, delta=delta, charges=())
    planned = plan_queries(table.schema, table.data.columns, _schema_budget(privacy, delta))
    deviation = num_units_deviation(planned)
    if num_units - REHEARSED_DEVIATIONS * deviation < MIN_UNITS:
        raise PrivacyError(
            f"the table has too few units for privacy.epsilon {privacy.epsilon:g}: at least {MIN_UNITS} are needed "
            "beyond the noise of their count; nothing was charged. Allow a larger epsilon, or bring more rows"
        )
    charges = (count_charge(privacy.epsilon, provisional_delta(privacy.delta)), *(one.charge for one in planned))
    return PrivateSchema(
        measured=None, num_units=num_units, rough_num_units=num_units, delta=delta, charges=tuple(charges)
    )


def _schema_budget(privacy: PrivacyParameters, delta: float) -> SchemaBudget:
    rho = schema_rho(privacy.schema_epsilon_fraction, privacy.epsilon, delta)
    return SchemaBudget(rho=rho, delta=THRESHOLD_SHARE * delta)


def _delta(privacy: PrivacyParameters, most_units: int) -> float:
    return auto_delta(most_units) if privacy.delta == "auto" else privacy.delta


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
    noisy = add_noise(query, exact, charge.noise_multiplier)
    return max(1, sum(noisy.values())), len(noisy) ** 0.5 * charge.noise_multiplier


def _count_worker(
    queries: Sequence[Query], report: Callable[..., None]
) -> Callable[[tuple[Location, Rows | None]], list[Counted]]:
    def count(item: tuple[Location, Rows | None]) -> list[Counted]:
        part, kept = item
        found: list[list[Counted]] = []
        first_row = 0
        for block in read_part(part):
            found.append(count_table(_kept_rows(block, kept, first_row), queries))
            first_row += block.num_rows
            report(block.num_rows)
        return _merged(found)

    return count


def _merged(found: Sequence[Sequence[Counted]]) -> list[Counted]:
    total = list(found[0])
    for part in found[1:]:
        total = merge_counts(total, part)
    return total


def _kept_rows(block: pa.Table, kept: Rows | None, first_row: int) -> pa.Table:
    if kept is None:
        return block
    own = kept[(kept >= first_row) & (kept < first_row + block.num_rows)]
    return block.take(pa.array(own - first_row))
