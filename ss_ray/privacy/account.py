"""What a run with differential privacy hands from stage to stage: its account in the ledger, and what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.ledger import SpendingLedger
from ss_ray.privacy.measured import MeasuredSchema


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
        return _uses(charge, self.spent())

    def check_known(self, charges: Sequence[Charge]) -> None:
        """Refuse to go on where the ledger does not know what was done.

        Raises:
            PrivacyError: It is not the ledger that these charges were booked in, or it was lost.
        """
        spent = self.spent()
        if any(_uses(charge, spent) < charge.count for charge in charges):
            raise PrivacyError(
                f"the privacy ledger does not know what job {self.job} spent: it was lost, or another one is in use; "
                "name the one that was used (privacy.ledger), or start afresh in another run directory"
            )

    @property
    def _suffix(self) -> str:
        return f" [{self.label}]"

    def _labelled(self, charge: Charge) -> Charge:
        return replace(charge, mechanism=charge.mechanism + self._suffix)


def _uses(charge: Charge, spent: Sequence[Charge]) -> int:
    return sum(known.count for known in spent if replace(known, count=charge.count) == charge)


@dataclass(frozen=True, kw_only=True)
class PrivateSchema:
    """What training and generation may know of the table.

    Attributes:
        measured: The schema; None where the exact one is allowed.
        num_units: Noisy number of units in the training rows; exact where the exact schema is allowed.
        rough_num_units: A first, noisier one, which later noise was planned from.
        delta: Of the whole run.
        charges: What the ledger had when it was done.
    """

    measured: MeasuredSchema | None
    num_units: int
    rough_num_units: int
    delta: float
    charges: tuple[Charge, ...]
