"""One ledger for all jobs of a cluster: the named actor "privacy-ledger", which outlives the job that started it.

The actor holds nothing that the database does not: Ray restarts it after a crash, and a call that was under way is
made again. A charge may be counted twice by that; none is lost. A call that gets no answer is an error, so that nobody
draws noise that was not paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray

from ss_ray.cluster import unwrapped_errors
from ss_ray.errors import ConfigError, ResourceError, SsRayError
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.balance import Balance
from ss_ray.privacy.ledger.database import DEFAULT_URL, ledger_file, ledger_url, shown
from ss_ray.privacy.ledger.datasets import DataIdentity
from ss_ray.privacy.ledger.ledger import Ledger

ACTOR_NAME = "privacy-ledger"
NAMESPACE = "ss_ray"
# Enough for the actor to start again.
ANSWER_SECONDS = 120
HEAD_NODE = "node:__internal_head__"


@dataclass(frozen=True)
class LedgerClient:
    """The cluster's ledger, as drivers and workers call it; picklable. The methods are those of `Ledger`.

    Every method raises PrivacyError where the ledger refuses, and ResourceError where it does not answer.

    Attributes:
        actor: Handle of the actor.
    """

    actor: Any

    def identify(self, source: DataIdentity, privacy_unit: str) -> str:
        """The data set that a table belongs to; see `Ledger.identify`."""
        return str(_await_answer(self.actor.identify.remote(source, privacy_unit)))

    def refuse_budgeted(self, source: DataIdentity) -> None:
        """Refuse a table whose data set has a budget; see `Ledger.refuse_budgeted`."""
        _await_answer(self.actor.refuse_budgeted.remote(source))

    def check_limits(self, epsilon: float, delta: float) -> None:
        """Refuse a job that asks for too much; see `Ledger.check_limits`."""
        _await_answer(self.actor.check_limits.remote(epsilon, delta))

    def open_job(self, job: str, dataset: str, privacy_unit: str, delta: float, digests: tuple[str, ...] = ()) -> None:
        """Enter a job, or continue one; see `Ledger.open_job`."""
        _await_answer(self.actor.open_job.remote(job, dataset, privacy_unit, delta, digests))

    def reserve(self, job: str, charges: Sequence[Charge]) -> None:
        """Reserve future charges of a job; see `Ledger.reserve`."""
        _await_answer(self.actor.reserve.remote(job, tuple(charges)))

    def charge(self, job: str, charge: Charge) -> int:
        """Spend from the reservation, before the noise is drawn; see `Ledger.charge`."""
        return int(_await_answer(self.actor.charge.remote(job, charge)))

    def spent(self, job: str) -> tuple[Charge, ...]:
        """Charges of a job; see `Ledger.spent`."""
        return tuple(_await_answer(self.actor.spent.remote(job)))

    def close_job(self, job: str) -> None:
        """Release the unspent reservation of a job; see `Ledger.close_job`."""
        _await_answer(self.actor.close_job.remote(job))

    def balance(self, dataset: str, privacy_unit: str) -> Balance:
        """Spending and reservations on a data set; see `Ledger.balance`."""
        found: Balance = _await_answer(self.actor.balance.remote(dataset, privacy_unit))
        return found


def find_ledger(url: str | None = None) -> LedgerClient | None:
    """The ledger of the cluster, or None if there is none yet: reading starts no process.

    Args:
        url: Its database, as for `connect_ledger`.

    Raises:
        ConfigError: As `connect_ledger`.
        ResourceError: As `connect_ledger`.
    """
    file = ledger_file(ledger_url(url or DEFAULT_URL))
    # The file of a ledger lies on the head node.
    is_alone = len(ray.nodes()) == 1
    has_actor = any(named["name"] == ACTOR_NAME for named in ray.util.list_named_actors(all_namespaces=True))
    if file is not None and is_alone and not has_actor and not file.exists():
        return None

    return connect_ledger(url)


def connect_ledger(url: str | None = None) -> LedgerClient:
    """The ledger of the cluster that this process is connected to, started where there is none.

    Args:
        url: Its database, as the head node sees it; None for the one in use, else the default file.

    Raises:
        ConfigError: The URL is no ledger's, or the cluster's ledger is in another database.
        ResourceError: The actor or its database does not answer.
    """
    wanted = ledger_url(url or DEFAULT_URL)
    with unwrapped_errors(ResourceError):
        actor = _get_or_create(url or DEFAULT_URL)

    client = LedgerClient(actor)
    if url:
        used = _await_answer(actor.database.remote(url))
    else:
        used = None

    if used:
        raise ConfigError(
            f"this cluster's privacy ledger is at {used}, not at {shown(wanted)}; name that one (the user "
            "and what follows '?' count too), or none"
        )

    try:
        _await_answer(actor.open.remote())
    except SsRayError:
        # Or the next one with a better URL would find this actor.
        ray.kill(actor)
        raise

    return client


class _SharedLedger(Ledger):
    """The ledger in the actor's process."""

    def open(self) -> None:
        """Reach the database."""
        with self._database.transaction():
            pass

    def database(self, url: str) -> str | None:
        """Location of the ledger, if it is not at `url`."""
        own = self._database.url
        # A changed password does not make another ledger.
        if ledger_url(url).set(password=None) == own.set(password=None):
            return None
        return shown(own)


def _get_or_create(url: str) -> Any:
    # The file of a ledger is on one node, and the head is the one that stays
    if HEAD_NODE in ray.cluster_resources():
        head = {HEAD_NODE: 0.001}
    else:
        head = None

    actor = ray.remote(_SharedLedger).options(
        name=ACTOR_NAME,
        namespace=NAMESPACE,
        # It outlives the job that started it.
        lifetime="detached",
        get_if_exists=True,
        # The ledger must come back after a crash of its node, with the same name.
        max_restarts=-1,
        max_task_retries=-1,
        # The ledger waits for its database most of the time and must start on a full cluster.
        num_cpus=0,
        resources=head,
    )
    return actor.remote(url)


def _await_answer(reference: Any) -> Any:
    with unwrapped_errors(ResourceError):
        return ray.get(reference, timeout=ANSWER_SECONDS)
