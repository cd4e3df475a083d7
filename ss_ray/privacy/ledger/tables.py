"""Tables of a privacy ledger, and the reads, locks and writes of its transactions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import Charge

METADATA = sa.MetaData()
ACCOUNTS = sa.Table(
    "ledger_accounts",
    METADATA,
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("privacy_unit", sa.String, primary_key=True),
    # Null without a budget, as is delta.
    sa.Column("epsilon", sa.Double),
    sa.Column("delta", sa.Double),
)
JOBS = sa.Table(
    "ledger_jobs",
    METADATA,
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("privacy_unit", sa.String, nullable=False),
    sa.Column("delta", sa.Double, nullable=False),
    # Times are UTC in ISO 8601.
    sa.Column("opened_at", sa.String, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False),
)
# One row for each mechanism of a job, however many steps it takes.
CHARGES = sa.Table(
    "ledger_charges",
    METADATA,
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("mechanism", sa.String, primary_key=True),
    sa.Column("noise_multiplier", sa.Double, primary_key=True),
    sa.Column("sample_rate", sa.Double, primary_key=True),
    sa.Column("delta", sa.Double, primary_key=True),
    sa.Column("spent", sa.BigInteger, nullable=False),
    # Uses that are reserved and not spent yet.
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("first_at", sa.String),
    sa.Column("last_at", sa.String),
)
FIRST_USE = (CHARGES.c.first_at, CHARGES.c.mechanism)
# Names, places and contents by which a data set is recognised.
ALIASES = sa.Table(
    "ledger_aliases",
    METADATA,
    # Name, place or content.
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
)
# One row at most: the largest guarantee that a single job may ask for.
LIMITS = sa.Table(
    "ledger_limits",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("max_epsilon", sa.Double),
    sa.Column("max_delta", sa.Double),
)
# Append-only, for audits: budgets, openings, reservations and what closings gave back.
EVENTS = sa.Table(
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


def locked_account(db: sa.Connection, dataset: str, privacy_unit: str) -> sa.Row[Any]:
    """The account, created if it is missing. The holder of its lock alone can reserve on it."""
    key = {"dataset": dataset, "privacy_unit": privacy_unit}
    # Accounts are locked before jobs: the other order could deadlock. SQLite locks the whole file instead.
    query = sa.select(ACCOUNTS).filter_by(**key).with_for_update()
    account = db.execute(query).one_or_none()
    if account is None:
        # Another process made it in between.
        with suppress(IntegrityError), db.begin_nested():
            db.execute(sa.insert(ACCOUNTS).values(key))
        account = db.execute(query).one()

    return account


def known_job(db: sa.Connection, job: str, *, lock: bool = False) -> sa.Row[Any]:
    """The job's row; PrivacyError where there is none."""
    query = sa.select(JOBS).filter_by(job=job)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise PrivacyError(f"the ledger knows no job {job!r}; a job is opened before it spends")
    return row


def lock_open_job(db: sa.Connection, job: str) -> None:
    """Lock an open job, so that its reservation and spending change in one place at a time."""
    if known_job(db, job, lock=True).closed:
        raise PrivacyError(f"job {job!r} is closed in the ledger; open it again before it spends")


def charges_of_job(db: sa.Connection, job: str) -> Sequence[sa.Row[Any]]:
    """A job's mechanisms, in the order of first use."""
    return db.execute(sa.select(CHARGES).filter_by(job=job).order_by(*FIRST_USE)).all()


def charges_on(db: sa.Connection, dataset: str, privacy_unit: str) -> Sequence[sa.Row[Any]]:
    """Charges of all jobs, in one statement: a concurrent charge is seen either as reserved or as spent."""
    query = sa.select(CHARGES).join(JOBS, JOBS.c.job == CHARGES.c.job)
    return db.execute(query.filter_by(dataset=dataset, privacy_unit=privacy_unit).order_by(*FIRST_USE)).all()


def charge_in(row: sa.Row[Any], count: int) -> Charge:
    """A row's mechanism, used `count` times."""
    return Charge(
        mechanism=row.mechanism,
        noise_multiplier=row.noise_multiplier,
        sample_rate=row.sample_rate,
        delta=row.delta,
        count=count,
    )


def mechanism_of(charge: Charge) -> dict[str, Any]:
    """Key of a mechanism: all fields of a charge except its count."""
    return {name: value for name, value in asdict(charge).items() if name != "count"}


def add_alias(db: sa.Connection, kind: str, alias: str, dataset: str) -> None:
    """Assign a name, place or content to a data set; an assignment that another process made first stays."""
    with suppress(IntegrityError), db.begin_nested():
        db.execute(sa.insert(ALIASES).values(kind=kind, alias=alias, dataset=dataset))


def set_reserved(db: sa.Connection, job: str, charge: Charge) -> None:
    """Set the reservation of one mechanism, which may be new to the job."""
    key = {"job": job, **mechanism_of(charge)}
    changed = db.execute(sa.update(CHARGES).filter_by(**key).values(reserved=charge.count))
    if not changed.rowcount:
        db.execute(sa.insert(CHARGES).values(spent=0, reserved=charge.count, **key))


def record(db: sa.Connection, event: str, **values: Any) -> None:
    """Add an event."""
    db.execute(sa.insert(EVENTS).values(at=now(), event=event, **values))


def record_charge(db: sa.Connection, event: str, job: sa.Row[Any], charge: Charge) -> None:
    """Record executed charges against a job's reservation."""
    of_job = {"job": job.job, "dataset": job.dataset, "privacy_unit": job.privacy_unit}
    record(db, event, uses=charge.count, **of_job, **mechanism_of(charge))


def now() -> str:
    """UTC, as times are kept."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
