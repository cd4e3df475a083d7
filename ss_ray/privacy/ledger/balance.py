"""Spending and reservations of the jobs on one data set and privacy unit, separately and together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Any

import sqlalchemy as sa

from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.tables import JOBS, charge_in, charges_on


@dataclass(frozen=True, kw_only=True)
class DatedCharge:
    """Spending of a job on one mechanism, with the time of its first and last charge (UTC)."""

    charge: Charge
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobEntry:
    """A job in the ledger.

    Attributes:
        job: Its name, unique in the ledger.
        delta: Delta of the job's own guarantee.
        opened_at: Time of the first opening, in UTC.
        closed: Whether it gave back what it had reserved; opening it again is possible.
        dated_charges: Charges that the job has spent, in the order of first use.
        reserved: Charges that the job may still spend.
    """

    job: str
    delta: float
    opened_at: datetime
    closed: bool
    dated_charges: tuple[DatedCharge, ...]
    reserved: tuple[Charge, ...]

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Charges that the job has spent."""
        return tuple(dated.charge for dated in self.dated_charges)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """All spending on one data set and privacy unit, composed by RDP.

    Attributes:
        dataset: Declared name or content fingerprint.
        privacy_unit: "row", or what its rows have in common.
        epsilon: Total budget; None where none is set.
        delta: Delta of the figures: the budget's, else the smallest of the jobs; None without either.
        epsilon_spent: Epsilon of the charges made; infinite where thresholds alone use up delta.
        epsilon_reserved: Epsilon of the charges made and of those that open jobs may still make.
        jobs: In the order in which they were opened.
    """

    dataset: str
    privacy_unit: str
    epsilon: float | None
    delta: float | None
    epsilon_spent: float
    epsilon_reserved: float
    jobs: tuple[JobEntry, ...]


def job_entries(db: sa.Connection, dataset: str, privacy_unit: str) -> tuple[JobEntry, ...]:
    """All jobs, in the order in which they were opened."""
    query = sa.select(JOBS).filter_by(dataset=dataset, privacy_unit=privacy_unit)
    jobs = db.execute(query.order_by(JOBS.c.opened_at, JOBS.c.job)).all()
    rows = charges_on(db, dataset, privacy_unit)
    return tuple(_job_entry(job, [row for row in rows if row.job == job.job]) for job in jobs)


def composed(
    jobs: tuple[JobEntry, ...], *, dataset: str, privacy_unit: str, epsilon: float | None, delta: float | None
) -> Balance:
    """The balance of these jobs, with a budget of epsilon and delta or with neither."""
    if delta is None:
        delta = min((entry.delta for entry in jobs), default=None)

    spent = [charge for entry in jobs for charge in entry.charges]
    reserved = [charge for entry in jobs for charge in entry.reserved]
    return Balance(
        dataset=dataset,
        privacy_unit=privacy_unit,
        epsilon=epsilon,
        delta=delta,
        epsilon_spent=total_epsilon(spent, delta),
        epsilon_reserved=total_epsilon([*spent, *reserved], delta),
        jobs=jobs,
    )


def total_epsilon(charges: Sequence[Charge], delta: float | None) -> float:
    """Epsilon of all charges; infinite where their own deltas leave nothing of delta."""
    same_cost = summed(replace(charge, mechanism="") for charge in charges)
    if not same_cost or delta is None:
        return 0.0
    if sum(charge.delta * charge.count for charge in same_cost) >= delta:
        return inf
    return epsilon_of(same_cost, delta, "rdp")


def summed(charges: Iterable[Charge]) -> list[Charge]:
    """One charge for each mechanism, without charges of no use."""
    counts: Counter[Charge] = Counter()
    for charge in charges:
        counts[replace(charge, count=1)] += charge.count
    return [replace(one, count=count) for one, count in counts.items() if count]


def _job_entry(job: sa.Row[Any], rows: Sequence[sa.Row[Any]]) -> JobEntry:
    return JobEntry(
        job=job.job,
        delta=job.delta,
        opened_at=datetime.fromisoformat(job.opened_at),
        closed=job.closed,
        dated_charges=tuple(_dated_charge(row) for row in rows if row.spent),
        reserved=tuple(charge_in(row, row.reserved) for row in rows if row.reserved),
    )


def _dated_charge(row: sa.Row[Any]) -> DatedCharge:
    return DatedCharge(
        charge=charge_in(row, row.spent),
        first_at=datetime.fromisoformat(row.first_at),
        last_at=datetime.fromisoformat(row.last_at),
    )
