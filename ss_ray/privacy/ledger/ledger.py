"""The privacy ledger: spending of every job on a data set, in a database that outlives jobs and clusters.

A job is opened, reserves what it is going to spend, charges each use of a mechanism before its noise is drawn, and is
closed. Each of these is one transaction, on disk when the call returns: a crash anywhere leaves uses that were charged
and never executed, not the reverse.

Spending adds up by RDP over all jobs on one data set and privacy unit. Under which names and at which places a data set
is known is decided in `ledger_datasets`; once one unit of it has a budget, no other unit is accepted without one.
Refusing a reservation once the sum would pass the total is a privacy filter, sound though later jobs depend on earlier
results (Lécuyer 2021, arXiv:2103.01379).
What a mechanism costs is decided in `accounting`; what a commit survives, in `ledger_database`; how the processes of a
cluster share a ledger, in `ledger_actor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from numbers import Integral
from typing import Any, Protocol

import sqlalchemy as sa

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.location import real_place
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.balance import Balance, composed, job_entries, summed, total_epsilon
from ss_ray.privacy.ledger.database import LedgerDatabase
from ss_ray.privacy.ledger.datasets import (
    NAME,
    PLACE,
    DataIdentity,
    budgeted_units,
    dataset_of,
    identify,
    normalized_name,
    remember_content,
    require_budgeted_unit,
    set_alias,
)
from ss_ray.privacy.ledger.tables import (
    ACCOUNTS,
    CHARGES,
    JOBS,
    LIMITS,
    charge_in,
    charges_of_job,
    charges_on,
    known_job,
    lock_open_job,
    locked_account,
    mechanism_of,
    now,
    record,
    record_charge,
    set_reserved,
)

__all__ = ["Balance", "Ledger", "SpendingLedger"]

# Beyond them RDP overflows, or is rounded down to nothing.
NOISE_LIMITS = (0.01, 1e6)
# Limit for one mechanism in one call: rounding errors of RDP are multiplied by the number of uses.
MAX_USES = 10**9


class SpendingLedger(Protocol):
    """Operations of a ledger that a job needs; see `Ledger`."""

    def open_job(  # noqa: D102
        self, job: str, dataset: str, privacy_unit: str, delta: float, digests: tuple[str, ...] = ()
    ) -> None: ...
    def check_limits(self, epsilon: float, delta: float) -> None: ...  # noqa: D102
    def reserve(self, job: str, charges: Sequence[Charge]) -> None: ...  # noqa: D102
    def charge(self, job: str, charge: Charge) -> int: ...  # noqa: D102
    def spent(self, job: str) -> tuple[Charge, ...]: ...  # noqa: D102
    def close_job(self, job: str) -> None: ...  # noqa: D102


class Ledger:
    """The ledger in one database, which any number of processes may use at the same time.

    Every method raises ResourceError where the database does not answer; nothing has been charged then that the caller
    may rely on.

    Args:
        url: sqlite:////absolute/path or sqlite:///~/path, made on first use and private to the user; or
            postgresql://user@host/database. A password is better kept in a pgpass file than here.

    Raises:
        ConfigError: The URL is of neither form.
    """

    def __init__(self, url: str) -> None:
        self._database = LedgerDatabase(url)

    def set_budget(self, dataset: str, privacy_unit: str, *, epsilon: float, delta: float) -> None:
        """Set the total of all jobs on a data set, in place of an earlier total.

        Reservations that were accepted stay. A total below what is spent refuses everything further.

        Args:
            dataset: Declared name or content fingerprint.
            privacy_unit: Whose budget it is; another unit of the data set needs a budget of its own to be used.
            epsilon: Epsilon of the total, above 0.
            delta: In (0, 1).

        Raises:
            ConfigError: Epsilon or delta is out of range.
        """
        if not (0 < epsilon < inf and 0 < delta < 1):
            raise ConfigError(f"a budget needs epsilon > 0 and 0 < delta < 1, not {epsilon:g} and {delta:g}")

        budget = {"epsilon": float(epsilon), "delta": float(delta)}
        with self._database.transaction() as db:
            dataset = dataset_of(db, dataset)
            # Locked, so that no reservation is checked against the old total meanwhile.
            locked_account(db, dataset, privacy_unit)
            db.execute(sa.update(ACCOUNTS).filter_by(dataset=dataset, privacy_unit=privacy_unit).values(budget))
            record(db, "set-budget", dataset=dataset, privacy_unit=privacy_unit, **budget)

    def set_alias(self, dataset: str, *, name: str | None = None, place: str | None = None) -> None:
        """Assign another name, or the files at a place, to a data set. Spending under the name moves along.

        Args:
            dataset: Declared name or content fingerprint.
            name: Another name of the data set.
            place: Path or URI of a file or a folder; all that lies below it is meant.

        Raises:
            ConfigError: The name is the data set's own, or no place is there.
        """
        with self._database.transaction() as db:
            dataset = dataset_of(db, dataset)
            if name is not None:
                set_alias(db, NAME, normalized_name(name), dataset)
            if place is not None:
                set_alias(db, PLACE, real_place(place), dataset)

    def set_limits(self, *, max_epsilon: float, max_delta: float) -> None:
        """Set the largest epsilon and delta that a single job may ask for.

        Raises:
            ConfigError: A limit is out of range.
        """
        if not (0 < max_epsilon < inf and 0 < max_delta < 1):
            raise ConfigError(f"limits need epsilon > 0 and 0 < delta < 1, not {max_epsilon:g} and {max_delta:g}")
        with self._database.transaction() as db:
            db.execute(sa.delete(LIMITS))
            db.execute(sa.insert(LIMITS).values(id=1, max_epsilon=float(max_epsilon), max_delta=float(max_delta)))

    def check_limits(self, epsilon: float, delta: float) -> None:
        """Refuse a job that asks for more than the operator lets a single job have.

        Raises:
            PrivacyError: Epsilon or delta is above its limit.
        """
        with self._database.transaction() as db:
            limits = db.execute(sa.select(LIMITS)).one_or_none()

        if limits is None:
            return

        for name, asked, most in (("epsilon", epsilon, limits.max_epsilon), ("delta", delta, limits.max_delta)):
            if asked > most:
                raise PrivacyError(f"a job may have privacy.{name} {most:g} at most here, not {asked:g}")

    def identify(self, source: DataIdentity, privacy_unit: str) -> str:
        """The data set that a table belongs to, before a job on it is opened.

        Raises:
            PrivacyError: Name, place and content of the table contradict each other, or the unit has no budget while
                another unit of the data set has one.
        """
        with self._database.transaction() as db:
            dataset = identify(db, source)
            require_budgeted_unit(db, locked_account(db, dataset, privacy_unit))
        return dataset

    def refuse_budgeted(self, source: DataIdentity) -> None:
        """Refuse to use a table without differential privacy if its data set has a budget.

        Raises:
            PrivacyError: The data set has a budget.
        """
        with self._database.transaction() as db:
            dataset = identify(db, source)
            units = budgeted_units(db, dataset)

        if units:
            raise PrivacyError(
                f"data set {dataset!r} has a privacy budget per {units[0]}, so nothing leaves it without differential "
                "privacy: set privacy.dp_enabled to true"
            )

    def open_job(self, job: str, dataset: str, privacy_unit: str, delta: float, digests: tuple[str, ...] = ()) -> None:
        """Enter a job, or continue one of the same data set and unit, closed or not.

        Args:
            job: A name that no other job on this ledger has.
            dataset: Declared name or content fingerprint.
            privacy_unit: Privacy unit of the job's guarantee.
            delta: Delta of the job's guarantee, in (0, 1), as far as it is known: a later value replaces it.
            digests: SHA-256 of the table's files, by which later jobs on copies of them are recognised.

        Raises:
            PrivacyError: The job is known for another data set or unit, delta is out of range, or the unit has no
                budget while another unit of the data set has one.
        """
        if not 0 < delta < 1:
            raise PrivacyError(f"job {job!r} asks for delta {delta:g}, which is not in (0, 1)")

        with self._database.transaction() as db:
            dataset = dataset_of(db, dataset)
            values = {"dataset": dataset, "privacy_unit": privacy_unit, "delta": float(delta)}
            require_budgeted_unit(db, locked_account(db, dataset, privacy_unit))
            remember_content(db, dataset, digests)
            known = db.execute(sa.select(JOBS).filter_by(job=job).with_for_update()).one_or_none()
            if known is None:
                db.execute(sa.insert(JOBS).values(job=job, opened_at=now(), closed=False, **values))
            # A name that is used twice would move earlier charges to another account.
            elif (known.dataset, known.privacy_unit) != (dataset, privacy_unit):
                raise PrivacyError(
                    f"the ledger knows job {job!r} on data set {known.dataset!r} per {known.privacy_unit}, not on "
                    f"{dataset!r} per {privacy_unit}; give this one another name"
                )
            else:
                db.execute(sa.update(JOBS).filter_by(job=job).values(closed=False, delta=float(delta)))

            record(db, "open", job=job, **values)

    def reserve(self, job: str, charges: Sequence[Charge]) -> None:
        """Reserve the future charges of an open job, in place of its earlier reservation.

        Args:
            job: An open job.
            charges: Future charges only: earlier charges of the job stay spent.

        Raises:
            PrivacyError: With what all jobs have spent, and what other jobs have reserved, the total would be passed
                (the earlier reservation stays then); or the job is closed or unknown; or a charge is none.
        """
        wanted = summed(_check_charge(charge) for charge in charges)
        with self._database.transaction() as db:
            entry = known_job(db, job)
            account = locked_account(db, entry.dataset, entry.privacy_unit)
            lock_open_job(db, job)
            if wanted:
                require_budgeted_unit(db, account)

            # The earlier reservation of the job itself is replaced, so it does not count.
            others = _list_committed(db, account, except_reserved_by=job)
            _check_budget(account, job, others, wanted)
            db.execute(sa.update(CHARGES).filter_by(job=job).values(reserved=0))

            for charge in wanted:
                set_reserved(db, job, charge)
                record_charge(db, "reserve", entry, charge)

    def charge(self, job: str, charge: Charge) -> int:
        """Spend from the reservation, before the noise is drawn; on disk when this returns.

        Args:
            job: An open job.
            charge: At least one use.

        Returns:
            Uses of this very mechanism that the job has spent by now.

        Raises:
            PrivacyError: Beyond the reservation, or the job is closed or unknown. Nothing is charged.
        """
        charge = _check_charge(charge, least=1)
        # Mechanisms are the same if name, noise multiplier, sample rate and delta are equal to the last bit.
        key = {"job": job, **mechanism_of(charge)}
        with self._database.transaction() as db:
            lock_open_job(db, job)
            row = db.execute(sa.select(CHARGES).filter_by(**key)).one_or_none()
            left = 0 if row is None else row.reserved
            # Only reserved uses were checked against the budget.
            if row is None or charge.count > left:
                raise PrivacyError(
                    f"job {job!r} reserved {left} more uses of {charge.mechanism!r} with noise multiplier "
                    f"{charge.noise_multiplier:g}, not {charge.count}; reserve them before"
                )

            spent = row.spent + charge.count
            at = now()
            changed = {"spent": spent, "reserved": left - charge.count, "first_at": row.first_at or at, "last_at": at}
            db.execute(sa.update(CHARGES).filter_by(**key).values(changed))

        return spent

    def spent(self, job: str) -> tuple[Charge, ...]:
        """Charges of a job, executed or not.

        Raises:
            PrivacyError: The job is unknown.
        """
        with self._database.transaction() as db:
            known_job(db, job)
            rows = charges_of_job(db, job)
        return tuple(charge_in(row, row.spent) for row in rows if row.spent)

    def close_job(self, job: str) -> None:
        """Release the unspent reservation of a job. Closing it twice changes nothing.

        Raises:
            PrivacyError: The job is unknown.
        """
        with self._database.transaction() as db:
            entry = known_job(db, job, lock=True)
            for row in charges_of_job(db, job):
                if row.reserved:
                    record_charge(db, "give-back", entry, charge_in(row, row.reserved))
            db.execute(sa.update(CHARGES).filter_by(job=job).values(reserved=0))
            db.execute(sa.update(JOBS).filter_by(job=job).values(closed=True))

    def canonical_name(self, dataset: str) -> str:
        """The name under which a data set is kept."""
        with self._database.transaction() as db:
            return dataset_of(db, dataset)

    def balance(self, dataset: str, privacy_unit: str) -> Balance:
        """Spending and reservations; empty for a data set that the ledger does not know."""
        with self._database.transaction() as db:
            dataset = dataset_of(db, dataset)
            query = sa.select(ACCOUNTS.c.epsilon, ACCOUNTS.c.delta)
            budget = db.execute(query.filter_by(dataset=dataset, privacy_unit=privacy_unit)).one_or_none()
            jobs = job_entries(db, dataset, privacy_unit)

        epsilon, delta = budget or (None, None)
        return composed(jobs, dataset=dataset, privacy_unit=privacy_unit, epsilon=epsilon, delta=delta)

    def balances(self) -> tuple[Balance, ...]:
        """Balances of every data set and privacy unit with a budget or a job, by name."""
        with self._database.transaction() as db:
            accounts = db.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.dataset, ACCOUNTS.c.privacy_unit)).all()
        return tuple(self.balance(account.dataset, account.privacy_unit) for account in accounts)

    def balances_of(self, source: DataIdentity) -> tuple[Balance, ...]:
        """Balances of the data set that a table belongs to, one for each privacy unit; nothing is written.

        Raises:
            PrivacyError: Name, place and content of the table contradict each other.
        """
        with self._database.transaction() as db:
            dataset = identify(db, source)
            query = sa.select(ACCOUNTS.c.privacy_unit).filter_by(dataset=dataset).order_by(ACCOUNTS.c.privacy_unit)
            units = db.scalars(query).all()
        return tuple(self.balance(dataset, unit) for unit in units)


def _list_committed(db: sa.Connection, account: sa.Row[Any], *, except_reserved_by: str) -> list[Charge]:
    """Charges that all jobs have spent and that the other jobs have reserved."""
    rows = charges_on(db, account.dataset, account.privacy_unit)
    return [charge_in(row, row.spent + (0 if row.job == except_reserved_by else row.reserved)) for row in rows]


def _check_budget(account: sa.Row[Any], job: str, committed: Sequence[Charge], wanted: Sequence[Charge]) -> None:
    # Without a budget spending is recorded but not limited.
    if account.epsilon is None or not wanted:
        return

    together = total_epsilon([*committed, *wanted], account.delta)
    if together <= account.epsilon:
        return

    before = total_epsilon(committed, account.delta)
    raise PrivacyError(
        f"job {job!r} would bring data set {account.dataset!r} per {account.privacy_unit} from epsilon {before:.4g} "
        f"(spent, or reserved by other jobs) to {together:.4g} at delta {account.delta:g}; its budget is "
        f"{account.epsilon:g}. Ask for less epsilon, or wait until other jobs give back what they do not use"
    )


def _check_charge(charge: Charge, least: int = 0) -> Charge:
    """The charge with plain numbers.

    Raises:
        PrivacyError: A number is out of range: what it cost could not be told.
    """
    sound = (
        NOISE_LIMITS[0] <= charge.noise_multiplier <= NOISE_LIMITS[1]
        and 0 < charge.sample_rate <= 1
        and 0 <= charge.delta < 1
        and isinstance(charge.count, Integral)
        and least <= charge.count <= MAX_USES
    )
    if not sound:
        raise PrivacyError(f"not a charge that can be accounted for: {charge}")

    return replace(
        charge,
        noise_multiplier=float(charge.noise_multiplier),
        sample_rate=float(charge.sample_rate),
        delta=float(charge.delta),
        count=int(charge.count),
    )
