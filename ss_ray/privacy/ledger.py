"""The privacy ledger: what every job spent on a data set, in a database that outlives jobs and clusters.

A job is opened, reserves what it is going to spend, charges each use of a mechanism before its noise is drawn, and is
closed. Each of these is one transaction, on disk when the call returns: a crash anywhere leaves uses that were charged
and never executed, not the reverse.

Spending adds up by RDP over all jobs on one data set and privacy unit. Refusing a reservation once the sum would pass
the total is a privacy filter, sound though later jobs depend on earlier results (Lécuyer 2021, arXiv:2103.01379).
What a mechanism costs is decided in `accounting`; how the processes of a cluster share a ledger, in `ledger_actor`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from math import inf
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from ss_ray.errors import ConfigError, PrivacyError, ResourceError
from ss_ray.privacy.accounting import Charge, epsilon_of

DEFAULT_URL = "sqlite:///~/.ss_ray/ledger.sqlite"
BUSY_SECONDS = 60  # for which a transaction waits for another one
NOISE_LIMITS = (0.01, 1e6)  # beyond them RDP overflows, or is rounded down to nothing
MAX_USES = 10**9  # of one mechanism in one call: rounding errors of RDP are multiplied by it
TABLES_LOCK = 7_225_309_113  # any number: PostgreSQL's name for "someone makes the tables"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}
BEGIN = {
    "sqlite": ["BEGIN IMMEDIATE"],  # takes the write lock before anything is read
    "postgresql": ["SET LOCAL synchronous_commit = on", f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"],
}

METADATA = sa.MetaData()
ACCOUNTS = sa.Table(
    "ledger_accounts",
    METADATA,
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("privacy_unit", sa.String, primary_key=True),
    sa.Column("epsilon", sa.Double),  # null without a budget, as delta
    sa.Column("delta", sa.Double),
)
JOBS = sa.Table(
    "ledger_jobs",
    METADATA,
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("privacy_unit", sa.String, nullable=False),
    sa.Column("delta", sa.Double, nullable=False),
    sa.Column("opened_at", sa.String, nullable=False),  # times are UTC in ISO 8601
    sa.Column("closed", sa.Boolean, nullable=False),
)
CHARGES = sa.Table(  # one row for each mechanism of a job, however many steps it takes
    "ledger_charges",
    METADATA,
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("mechanism", sa.String, primary_key=True),
    sa.Column("noise_multiplier", sa.Double, primary_key=True),
    sa.Column("sample_rate", sa.Double, primary_key=True),
    sa.Column("delta", sa.Double, primary_key=True),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),  # and not spent yet
    sa.Column("first_at", sa.String),
    sa.Column("last_at", sa.String),
)
IN_ORDER = (CHARGES.c.first_at, CHARGES.c.mechanism)
EVENTS = sa.Table(  # append-only, for audits: budgets, openings, reservations and what closings gave back
    "ledger_events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("privacy_unit", sa.String, nullable=False),
    sa.Column("epsilon", sa.Double),
    sa.Column("delta", sa.Double),
    sa.Column("job", sa.String),
    sa.Column("mechanism", sa.String),
    sa.Column("noise_multiplier", sa.Double),
    sa.Column("sample_rate", sa.Double),
    sa.Column("uses", sa.BigInteger),
)


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


class SpendingLedger(Protocol):
    """What a job needs of a ledger; see `Ledger`."""

    def open_job(self, job: str, dataset: str, privacy_unit: str, delta: float) -> None: ...  # noqa: D102
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
        self._url = ledger_url(url)

    def set_budget(self, dataset: str, privacy_unit: str, *, epsilon: float, delta: float) -> None:
        """Set the total of all jobs on a data set, in place of the one before.

        Reservations that were accepted stay. A total below what is spent refuses everything further.

        Args:
            dataset: Declared name or content fingerprint.
            privacy_unit: Whose budget it is; other units of the same data set have their own.
            epsilon: Above 0.
            delta: In (0, 1).

        Raises:
            ConfigError: Epsilon or delta is out of range.
        """
        if not (0 < epsilon < inf and 0 < delta < 1):
            raise ConfigError(f"a budget needs epsilon > 0 and 0 < delta < 1, not {epsilon:g} and {delta:g}")
        budget = {"epsilon": float(epsilon), "delta": float(delta)}
        with self._transaction() as db:
            _locked_account(db, dataset, privacy_unit)
            db.execute(sa.update(ACCOUNTS).where(*_of_account(ACCOUNTS, dataset, privacy_unit)).values(budget))
            _record(db, "set-budget", dataset=dataset, privacy_unit=privacy_unit, **budget)

    def open_job(self, job: str, dataset: str, privacy_unit: str, delta: float) -> None:
        """Enter a job, or go on with one that was entered before with the same values, closed or not.

        Args:
            job: A name that no other job on this ledger has.
            dataset: Declared name or content fingerprint.
            privacy_unit: Of the job's guarantee.
            delta: Of the job's guarantee, in (0, 1).

        Raises:
            PrivacyError: The job is known with other values, or delta is out of range.
        """
        if not 0 < delta < 1:
            raise PrivacyError(f"job {job!r} asks for delta {delta:g}, which is not in (0, 1)")
        values = {"dataset": dataset, "privacy_unit": privacy_unit, "delta": float(delta)}
        with self._transaction() as db:
            _locked_account(db, dataset, privacy_unit)
            known = db.execute(_of_job(JOBS, job).with_for_update()).one_or_none()
            if known is None:
                db.execute(sa.insert(JOBS).values(job=job, opened_at=_now(), closed=False, **values))
            elif {name: known._mapping[name] for name in values} != values:
                raise PrivacyError(
                    f"the ledger knows job {job!r} on data set {known.dataset!r} per {known.privacy_unit} at delta "
                    f"{known.delta:g}, not on {dataset!r} per {privacy_unit} at {delta:g}; give this one another name"
                )
            else:
                db.execute(sa.update(JOBS).where(JOBS.c.job == job).values(closed=False))
            _record(db, "open", job=job, **values)

    def reserve(self, job: str, charges: Sequence[Charge]) -> None:
        """Set aside what an open job may spend from now on, in place of what it had reserved before.

        Args:
            job: An open job.
            charges: Of the future only: what the job has spent stays spent.

        Raises:
            PrivacyError: With what all jobs have spent, and what other jobs have reserved, the total would be passed
                (the earlier reservation stays then); or the job is closed or unknown; or a charge is none.
        """
        wanted = _summed(_checked(charge) for charge in charges)
        with self._transaction() as db:
            entry = _known(db, job)
            account = _locked_account(db, entry.dataset, entry.privacy_unit)
            _locked_open_job(db, job)
            others = _committed(db, account, except_reserved_by=job)
            _check_budget(account, job, others, wanted)
            db.execute(sa.update(CHARGES).where(CHARGES.c.job == job).values(reserved=0))
            for charge in wanted:
                _set_reserved(db, job, charge)
                _record_charge(db, "reserve", entry, charge)

    def charge(self, job: str, charge: Charge) -> int:
        """Spend from the reservation, before the noise is drawn; on disk when this returns.

        Mechanisms are the same where name, noise multiplier, sample rate and delta are equal to the last bit.

        Args:
            job: An open job.
            charge: At least one use.

        Returns:
            Uses of this very mechanism that the job has spent by now.

        Raises:
            PrivacyError: Beyond the reservation, or the job is closed or unknown. Nothing is charged.
        """
        charge = _checked(charge, least=1)
        with self._transaction() as db:
            _locked_open_job(db, job)
            row = db.execute(sa.select(CHARGES).where(*_of_mechanism(job, charge))).one_or_none()
            left = 0 if row is None else row.reserved
            if row is None or charge.count > left:
                raise PrivacyError(
                    f"job {job!r} reserved {left} more uses of {charge.mechanism!r} with noise multiplier "
                    f"{charge.noise_multiplier:g}, not {charge.count}; reserve them before"
                )
            spent = int(row.spent + charge.count)
            now = _now()
            db.execute(
                sa.update(CHARGES)
                .where(*_of_mechanism(job, charge))
                .values(spent=spent, reserved=left - charge.count, first_at=row.first_at or now, last_at=now)
            )
        return spent

    def spent(self, job: str) -> tuple[Charge, ...]:
        """What a job was charged for, executed or not.

        Raises:
            PrivacyError: The job is unknown.
        """
        with self._transaction() as db:
            _known(db, job)
            rows = db.execute(_of_job(CHARGES, job).order_by(*IN_ORDER)).all()
        return tuple(_charge(row, row.spent) for row in rows if row.spent)

    def close_job(self, job: str) -> None:
        """Give back what a job reserved and did not spend. Closing it twice changes nothing.

        Raises:
            PrivacyError: The job is unknown.
        """
        with self._transaction() as db:
            entry = _known(db, job, lock=True)
            for row in db.execute(_of_job(CHARGES, job).where(CHARGES.c.reserved > 0)).all():
                _record_charge(db, "give-back", entry, _charge(row, row.reserved))
            db.execute(sa.update(CHARGES).where(CHARGES.c.job == job).values(reserved=0))
            db.execute(sa.update(JOBS).where(JOBS.c.job == job).values(closed=True))

    def balance(self, dataset: str, privacy_unit: str) -> Balance:
        """What is spent and reserved; empty for a data set that the ledger does not know."""
        with self._transaction() as db:
            query = sa.select(ACCOUNTS).where(*_of_account(ACCOUNTS, dataset, privacy_unit))
            account = db.execute(query).one_or_none()
            jobs = _job_entries(db, dataset, privacy_unit)
        deltas = [entry.delta for entry in jobs]
        budget, delta = (None, None) if account is None else (account.epsilon, account.delta)
        delta = delta if delta is not None else min(deltas, default=None)
        spent = [charge for entry in jobs for charge in entry.charges]
        reserved = [charge for entry in jobs for charge in entry.reserved]
        return Balance(
            dataset=dataset,
            privacy_unit=privacy_unit,
            epsilon=budget,
            delta=delta,
            epsilon_spent=_epsilon(spent, delta),
            epsilon_reserved=_epsilon([*spent, *reserved], delta),
            jobs=jobs,
        )

    def balances(self) -> tuple[Balance, ...]:
        """Of every data set and privacy unit with a budget or a job, by name."""
        with self._transaction() as db:
            accounts = db.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.dataset, ACCOUNTS.c.privacy_unit)).all()
        return tuple(self.balance(account.dataset, account.privacy_unit) for account in accounts)

    @cached_property
    def _engine(self) -> sa.Engine:
        return _opened(self._url)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A transaction that is on disk when the block ends, and undone where it raises."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise ResourceError(
                f"the privacy ledger at {shown(self._url)} does not answer ({_reason(error, self._url)}); nothing is "
                "spent without it"
            ) from error


def ledger_url(url: str) -> sa.URL:
    """The URL of a ledger's database, its file as an absolute path without links.

    Raises:
        ConfigError: Not a URL of a database that keeps a ledger safe. The message does not repeat it: it may hold a
            password.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise ConfigError(f"the ledger's URL cannot be read; it looks like {DEFAULT_URL}") from None
    if parsed.drivername not in DRIVERS:
        raise ConfigError(f"a ledger is kept in sqlite or postgresql, not in {parsed.drivername}")
    parsed = parsed.set(drivername=DRIVERS[parsed.drivername])
    if parsed.get_backend_name() != "sqlite":
        return parsed
    file = Path(parsed.database or "").expanduser()
    if not file.is_absolute():  # a job's own folder goes when the job ends; memory goes at once
        raise ConfigError(
            f"the ledger's file needs an absolute path: sqlite:////path, or {DEFAULT_URL}; not {parsed.database!r}"
        )
    return parsed.set(database=os.path.realpath(file))


def ledger_file(url: sa.URL) -> Path | None:
    """Where a ledger in a file is; None for one on a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown(url: sa.URL) -> str:
    """A URL for messages: without user, password and options."""
    public = sa.URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
    return public.render_as_string()


def _reason(error: Exception, url: sa.URL) -> str:
    """What the database says, without the password."""
    cause = getattr(error, "orig", None) or error
    said = (str(cause).splitlines() or [""])[0]
    return f"{type(cause).__name__}: {said.replace(url.password, '***') if url.password else said}"


def _opened(url: sa.URL) -> sa.Engine:
    """Connections to the database, its file and tables made where they are missing."""
    file = ledger_file(url)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    engine = _connected(url)
    with engine.begin() as db:
        if file is None:
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(TABLES_LOCK)))
        METADATA.create_all(db)
    return engine


def _connected(url: sa.URL) -> sa.Engine:
    """An engine without a pool: nothing stale after a fork, a failover, or a file that was removed."""
    backend = url.get_backend_name()
    options: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_SECONDS}} if backend == "sqlite" else {"isolation_level": "READ COMMITTED"}
    )
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, **options)
    except ModuleNotFoundError:
        raise ConfigError("a ledger in PostgreSQL needs psycopg: pip install 'ss-ray[postgresql]'") from None
    if backend == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", lambda db: [db.exec_driver_sql(statement) for statement in BEGIN[backend]])
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not at the first write
    connection.execute("PRAGMA synchronous = EXTRA")  # a commit survives a power cut


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _record(db: sa.Connection, what: str, **values: Any) -> None:
    db.execute(sa.insert(EVENTS).values(at=_now(), event=what, **values))


def _record_charge(db: sa.Connection, what: str, job: sa.Row[Any], charge: Charge) -> None:
    of_job = {"job": job.job, "dataset": job.dataset, "privacy_unit": job.privacy_unit}
    _record(db, what, uses=charge.count, **of_job, **_mechanism(charge))


def _mechanism(charge: Charge) -> dict[str, Any]:
    """What makes two charges the same mechanism: everything but the count."""
    return {name: value for name, value in asdict(charge).items() if name != "count"}


def _of_mechanism(job: str, charge: Charge) -> list[sa.ColumnElement[bool]]:
    return [CHARGES.c.job == job, *(CHARGES.c[name] == value for name, value in _mechanism(charge).items())]


def _of_account(table: sa.Table, dataset: str, privacy_unit: str) -> list[sa.ColumnElement[bool]]:
    return [table.c.dataset == dataset, table.c.privacy_unit == privacy_unit]


def _locked_account(db: sa.Connection, dataset: str, privacy_unit: str) -> sa.Row[Any]:
    """The account, made where it is missing. Who holds it is the only one to reserve on it.

    Accounts are locked before jobs: the other order could wait in a circle. SQLite locks the whole file instead.
    """
    query = sa.select(ACCOUNTS).where(*_of_account(ACCOUNTS, dataset, privacy_unit)).with_for_update()
    account = db.execute(query).one_or_none()
    if account is None:
        with suppress(IntegrityError), db.begin_nested():  # another process made it in between
            db.execute(sa.insert(ACCOUNTS).values(dataset=dataset, privacy_unit=privacy_unit))
        account = db.execute(query).one()
    return account


def _of_job(table: sa.Table, job: str) -> sa.Select[Any]:
    return sa.select(table).where(table.c.job == job)


def _known(db: sa.Connection, job: str, *, lock: bool = False) -> sa.Row[Any]:
    query = _of_job(JOBS, job)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise PrivacyError(f"the ledger knows no job {job!r}; a job is opened before it spends")
    return row


def _locked_open_job(db: sa.Connection, job: str) -> None:
    """Hold an open job, so that its reservation and spending change in one place at a time."""
    if _known(db, job, lock=True).closed:
        raise PrivacyError(f"job {job!r} is closed in the ledger; open it again before it spends")


def _checked(charge: Charge, least: int = 0) -> Charge:
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


def _summed(charges: Iterable[Charge]) -> list[Charge]:
    """One charge for each mechanism, without those of no use."""
    counts: Counter[Charge] = Counter()
    for charge in charges:
        counts[replace(charge, count=1)] += charge.count
    return [replace(one, count=count) for one, count in counts.items() if count]


def _charge(row: sa.Row[Any], count: int) -> Charge:
    return Charge(
        mechanism=row.mechanism,
        noise_multiplier=row.noise_multiplier,
        sample_rate=row.sample_rate,
        delta=row.delta,
        count=int(count),
    )


def _set_reserved(db: sa.Connection, job: str, charge: Charge) -> None:
    changed = db.execute(sa.update(CHARGES).where(*_of_mechanism(job, charge)).values(reserved=charge.count))
    if not changed.rowcount:
        db.execute(sa.insert(CHARGES).values(job=job, spent=0, reserved=charge.count, **_mechanism(charge)))


def _charges(db: sa.Connection, dataset: str, privacy_unit: str) -> Sequence[sa.Row[Any]]:
    """Of all jobs; one statement, so that what is charged meanwhile is seen either as reserved or as spent."""
    query = sa.select(CHARGES).join(JOBS, JOBS.c.job == CHARGES.c.job)
    return db.execute(query.where(*_of_account(JOBS, dataset, privacy_unit)).order_by(*IN_ORDER)).all()


def _committed(db: sa.Connection, account: sa.Row[Any], *, except_reserved_by: str) -> list[Charge]:
    """What all jobs have spent and the other jobs have reserved."""
    rows = _charges(db, account.dataset, account.privacy_unit)
    return [_charge(row, row.spent + (0 if row.job == except_reserved_by else row.reserved)) for row in rows]


def _check_budget(account: sa.Row[Any], job: str, committed: Sequence[Charge], wanted: Sequence[Charge]) -> None:
    if account.epsilon is None or not wanted:
        return
    together = _epsilon([*committed, *wanted], account.delta)
    if together <= account.epsilon:
        return
    before = _epsilon(committed, account.delta)
    raise PrivacyError(
        f"job {job!r} would bring data set {account.dataset!r} per {account.privacy_unit} from epsilon {before:.4g} "
        f"(spent, or reserved by other jobs) to {together:.4g} at delta {account.delta:g}; its budget is "
        f"{account.epsilon:g}. Ask for less epsilon, or wait until other jobs give back what they do not use"
    )


def _epsilon(charges: Sequence[Charge], delta: float | None) -> float:
    """Epsilon of all charges; infinite where their own deltas leave nothing of delta."""
    same_cost = _summed(replace(charge, mechanism="") for charge in charges)
    if not same_cost or delta is None:
        return 0.0
    if sum(charge.delta * charge.count for charge in same_cost) >= delta:
        return inf
    return epsilon_of(same_cost, delta, "rdp")


def _job_entries(db: sa.Connection, dataset: str, privacy_unit: str) -> tuple[JobEntry, ...]:
    query = sa.select(JOBS).where(*_of_account(JOBS, dataset, privacy_unit))
    jobs = db.execute(query.order_by(JOBS.c.opened_at, JOBS.c.job)).all()
    rows = _charges(db, dataset, privacy_unit)
    return tuple(_job_entry(job, [row for row in rows if row.job == job.job]) for job in jobs)


def _job_entry(job: sa.Row[Any], rows: Sequence[sa.Row[Any]]) -> JobEntry:
    return JobEntry(
        job=job.job,
        delta=job.delta,
        opened_at=datetime.fromisoformat(job.opened_at),
        closed=job.closed,
        dated_charges=tuple(_dated(row) for row in rows if row.spent),
        reserved=tuple(_charge(row, row.reserved) for row in rows if row.reserved),
    )


def _dated(row: sa.Row[Any]) -> DatedCharge:
    return DatedCharge(
        charge=_charge(row, row.spent),
        first_at=datetime.fromisoformat(row.first_at),
        last_at=datetime.fromisoformat(row.last_at),
    )
