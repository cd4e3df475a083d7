"""What the jobs on one data set and privacy unit spent and reserved, each by itself and all together."""

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
    """What a job spent on one mechanism, and when it was charged first and last (UTC)."""

    charge: Charge
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobEntry:
    """A job in the ledger.

    Attributes:
        job: Its name, unique in the ledger.
        delta: Of the job's own guarantee.
        opened_at: When it was opened first, UTC.
        closed: Whether it gave back what it had reserved; opening it again is possible.
        dated_charges: What it spent, in the order of first use.
        reserved: What it may still spend.
    """

    job: str
    delta: float
    opened_at: datetime
    closed: bool
    dated_charges: tuple[DatedCharge, ...]
    reserved: tuple[Charge, ...]

    @property
    def charges(self) -> tuple[Charge, ...]:
        """What it spent."""
        return tuple(dated.charge for dated in self.dated_charges)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """All spending on one data set and privacy unit, composed by RDP.

    Attributes:
        dataset: Declared name or content fingerprint.
        privacy_unit: "row", or what its rows have in common.
        epsilon: Total budget; None where none is set.
        delta: That the figures are for: the budget's, else the smallest of the jobs; None without either.
        epsilon_spent: Of what was charged; infinite where thresholds alone use up delta.
        epsilon_reserved: Of what was charged and what open jobs may still charge.
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
    """One charge for each mechanism, without those of no use."""
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
        dated_charges=tuple(_dated(row) for row in rows if row.spent),
        reserved=tuple(charge_in(row, row.reserved) for row in rows if row.reserved),
    )


def _dated(row: sa.Row[Any]) -> DatedCharge:
    return DatedCharge(
        charge=charge_in(row, row.spent),
        first_at=datetime.fromisoformat(row.first_at),
        last_at=datetime.fromisoformat(row.last_at),
    )
