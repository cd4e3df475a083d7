"""The private schema on Ray: exact counts part by part, noise in the driver, each charged before it is drawn.

Every privacy unit takes part with one row, drawn at random, so that no unit counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config import DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import Charge, auto_delta
from ss_ray.privacy.histograms import Counted, PresenceQuery, Query, add_noise, count_table, merge_counts
from ss_ray.privacy.ledger import SpendingLedger
from ss_ray.privacy.noise import secret_generator
from ss_ray.privacy.plan import COUNT_SHARE, PROVISIONAL_DELTA, THRESHOLD_SHARE, planned_rest, total_rho
from ss_ray.privacy.private_schema import MeasuredSchema, measure_schema
from ss_ray.privacy.schema_plan import SchemaBudget, plan_queries
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.splits import unit_hashes
from ss_ray.tables.parts import count_rows, read_part

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One run's part of the ledger.

    Attributes:
        ledger: All runs.
        job: This run.
        label: Marks the charges of this very request, so that one that is done again is told from the one before.
    """

    ledger: SpendingLedger
    job: str
    label: str

    def reserve(self, charges: Sequence[Charge]) -> None:
        """Set aside what this run may spend from now on; PrivacyError where the budget does not allow it."""
        self.ledger.reserve(self.job, [self._labelled(charge) for charge in charges])

    def charge(self, charge: Charge) -> int:
        """Spend, before the noise is drawn; the uses of this mechanism so far."""
        return self.ledger.charge(self.job, self._labelled(charge))

    def spent(self) -> tuple[Charge, ...]:
        """What was spent under this label, by this process or by one that was killed."""
        suffix = self._suffix
        return tuple(
            replace(charge, mechanism=charge.mechanism.removesuffix(suffix))
            for charge in self.ledger.spent(self.job)
            if charge.mechanism.endswith(suffix)
        )

    def uses(self, charge: Charge) -> int:
        """How often a mechanism was charged."""
        return sum(known.count for known in self.spent() if replace(known, count=charge.count) == charge)

    @property
    def _suffix(self) -> str:
        return f" [{self.label}]"

    def _labelled(self, charge: Charge) -> Charge:
        return replace(charge, mechanism=charge.mechanism + self._suffix)


@dataclass(frozen=True, kw_only=True)
class PrivateSchema:
    """What training and generation may know of the table.

    Attributes:
        measured: The schema; its charges are those of the attempt that succeeded.
        num_units: Noisy number of units in the training rows.
        delta: Of the whole run.
    """

    measured: MeasuredSchema
    num_units: int
    delta: float


def measure_table(
    rows: Location,
    schema: TableSchema,
    data: DataParameters,
    privacy: PrivacyParameters,
    units: Location,
    account: Account,
    on_progress: OnProgress,
) -> PrivateSchema:
    """Measure the schema of the training rows.

    Args:
        rows: Folder of typed parts.
        schema: Of those rows; only its public parts are read.
        data: What is declared, and the grouping column.
        privacy: The budget.
        units: Folder of the same rows before PII was replaced, whose grouping column tells the units.
        account: Where each measurement is charged.
        on_progress: Told the rows counted.

    Raises:
        PrivacyError: The budget does not allow it.
    """
    parts = rows.files(".parquet")
    if not parts:
        raise PrivacyError("no rows are left to train on; differential privacy needs at least a hundred units")
    kept = one_row_per_unit(units, data.group_training_examples_by)
    given = privacy.delta

    def count(queries: Sequence[Query]) -> list[Counted]:
        if not queries:
            return []
        with reported_progress(on_progress, "measure", None) as report:
            found = map_items(_count_worker, list(zip(parts, kept, strict=True)), arguments=(tuple(queries), report))
            return _merged(list(found))

    num_units = _count_units(schema, count, privacy, account)
    delta = auto_delta(num_units) if given == "auto" else given
    rho = privacy.schema_epsilon_fraction * total_rho(privacy.epsilon, delta)
    budget = SchemaBudget(rho=rho * (1 - COUNT_SHARE), delta=delta * THRESHOLD_SHARE)
    planned = [measurement.charge for measurement in plan_queries(schema, data.columns, budget)]
    rest = planned_rest([*account.spent(), *planned], privacy.epsilon, delta)
    account.reserve([*planned, rest])
    measured = measure_schema(schema, data.columns, count, budget=budget, charge=account.charge)
    return PrivateSchema(measured=measured, num_units=measured.num_units, delta=delta)


def _count_units(
    schema: TableSchema,
    count: Callable[[Sequence[Query]], list[Counted]],
    privacy: PrivacyParameters,
    account: Account,
) -> int:
    """A first noisy number of units, at least 1."""
    delta = PROVISIONAL_DELTA if privacy.delta == "auto" else privacy.delta
    rho = COUNT_SHARE * privacy.schema_epsilon_fraction * total_rho(privacy.epsilon, delta)
    charge = Charge(mechanism="schema: number of units", noise_multiplier=(1 / (2 * rho)) ** 0.5)
    account.reserve([charge, planned_rest([*account.spent(), charge], privacy.epsilon, delta)])
    query = PresenceQuery(column=schema.columns[0])
    (exact,) = count([query])
    account.charge(charge)
    return max(1, sum(add_noise(query, exact, charge.noise_multiplier).values()))


def one_row_per_unit(units: Location, group: str | None) -> list[Rows | None]:
    """For each part the numbers of the rows that count, one of each unit, drawn at random; None: all rows."""
    parts = units.files(".parquet")
    if group is None:
        return [None] * len(parts)
    ids = unit_ids(units, group)
    order = secret_generator().permutation(len(ids))
    _, first = np.unique(ids[order], return_index=True)
    chosen = np.sort(order[first])
    ends = np.cumsum(count_rows(parts))
    return [
        own - start
        for own, start in zip(
            np.split(chosen, np.searchsorted(chosen, ends[:-1])), ends - count_rows(parts), strict=True
        )
    ]


def unit_ids(units: Location, group: str) -> npt.NDArray[np.uint64]:
    """(rows,) hash of each row's unit, of all parts in order."""
    parts = units.files(".parquet")
    found = dict(map_items(_ids_worker, list(enumerate(parts)), arguments=(group,)))
    return np.concatenate([found[index] for index in range(len(parts))])


def _ids_worker(group: str) -> Callable[[tuple[int, Location]], tuple[int, npt.NDArray[np.uint64]]]:
    def ids_of(item: tuple[int, Location]) -> tuple[int, npt.NDArray[np.uint64]]:
        index, part = item
        return index, np.concatenate([unit_hashes(block, group, 0, 0, 0) for block in read_part(part)])

    return ids_of


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
