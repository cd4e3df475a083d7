"""Leases in the database, for work that one replica at a time may do; they expire unless they are renewed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from serve.store.database import LEASES, Database, now, time_text


class Lease:
    """A lease that a request for it renews, once a fifth of its time has passed.

    Args:
        database: Database of the leases.
        name: Name of the lease.
        holder: Name of this replica.
        seconds: After which another replica may take it.
    """

    def __init__(self, database: Database, name: str, holder: str, seconds: float) -> None:
        self.database = database
        self.name = name
        self.holder = holder
        self.seconds = seconds
        self.renewed_at = -seconds

    def is_held(self) -> bool:
        """Whether this replica holds it, from now on for most of its time."""
        asked_at = time.monotonic()
        if asked_at - self.renewed_at < self.seconds / 5:
            return True
        if not take_lease(self.database, self.name, self.holder, self.seconds, renew=True):
            return False

        self.renewed_at = asked_at
        return True

    def release(self) -> None:
        """Let another replica have it at once."""
        self.renewed_at = -self.seconds
        with self.database.write() as db:
            db.execute(LEASES.delete().where(LEASES.c.name == self.name, LEASES.c.holder == self.holder))


def take_lease(database: Database, name: str, holder: str, seconds: float, *, renew: bool) -> bool:
    """Hold a lease from now on for some seconds; False while somebody does.

    Args:
        database: Database of the leases.
        name: Name of the lease.
        holder: Name of the replica that asks.
        seconds: For how long.
        renew: Whether who holds it already gets it again.
    """
    values = {"holder": holder, "expires_at": time_text(datetime.now(UTC) + timedelta(seconds=seconds))}
    free = (LEASES.c.expires_at < now()) | (LEASES.c.holder == holder if renew else sa.false())
    # Whoever waits for it asks every second, and need not lock anybody out.
    with database.read() as db:
        if db.scalar(sa.select(LEASES.c.holder).where(LEASES.c.name == name, ~free)) is not None:
            return False

    try:
        with database.write() as db:
            if db.execute(LEASES.update().where(LEASES.c.name == name, free).values(**values)).rowcount:
                return True
            if db.scalar(sa.select(LEASES.c.holder).where(LEASES.c.name == name)) is not None:
                return False
            db.execute(LEASES.insert().values(name=name, **values))
            return True
    except sa.exc.IntegrityError:
        # Another replica was faster.
        return False
