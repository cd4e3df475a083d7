"""Values that a run with differential privacy passes from stage to stage: its account and its measured schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ss_ray.codec.prose import ProseCodec
from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.ledger.ledger import SpendingLedger
from ss_ray.privacy.measured import MeasuredSchema


@dataclass(frozen=True, kw_only=True)
class Account:
    """One run's part of the ledger.

    Attributes:
        ledger: Ledger of all runs.
        job: Name of this run in the ledger.
        label: Marks the charges of this very request, so that one that is done again is told from the one before.
    """

    ledger: SpendingLedger
    job: str
    label: str

    def reserve(self, charges: Sequence[Charge]) -> None:
        """Reserve charges for the rest of this run; PrivacyError if the budget does not allow them."""
        self.ledger.reserve(self.job, [self._label_charge(charge) for charge in charges])

    def charge(self, charge: Charge) -> int:
        """Spend, before the noise is drawn; the uses of this mechanism so far."""
        return self.ledger.charge(self.job, self._label_charge(charge))

    def spent(self) -> tuple[Charge, ...]:
        """Charges under this label, by this process or by an earlier one that was killed."""
        suffix = self._label_suffix
        return tuple(
            replace(charge, mechanism=charge.mechanism.removesuffix(suffix))
            for charge in self.ledger.spent(self.job)
            if charge.mechanism.endswith(suffix)
        )

    def uses(self, charge: Charge) -> int:
        """Number of charges of a mechanism."""
        return _count_uses(charge, self.spent())

    def check_known(self, charges: Sequence[Charge]) -> None:
        """Refuse to continue if the ledger lacks charges that were made.

        Raises:
            PrivacyError: It is not the ledger that these charges were booked in, or it was lost.
        """
        spent = self.spent()
        if any(_count_uses(charge, spent) < charge.count for charge in charges):
            raise PrivacyError(
                f"the privacy ledger does not know what job {self.job} spent: it was lost, or another one is in use; "
                "name the one that was used (privacy.ledger), or start afresh in another run directory"
            )

    @property
    def _label_suffix(self) -> str:
        return f" [{self.label}]"

    def _label_charge(self, charge: Charge) -> Charge:
        return replace(charge, mechanism=charge.mechanism + self._label_suffix)


def _count_uses(charge: Charge, spent: Sequence[Charge]) -> int:
    return sum(known.count for known in spent if replace(known, count=charge.count) == charge)


@dataclass(frozen=True, kw_only=True)
class PrivateSchema:
    """Facts of the table that training and generation may know.

    Attributes:
        measured: The schema; None where the exact one is allowed.
        num_units: Noisy number of units in the training rows; exact where the exact schema is allowed.
        rough_num_units: A first, noisier one, which later noise was planned from.
        delta: Delta of the whole run.
        charges: Charges of the run in the ledger after the measurement.
        prose: Codec of the texts that a language model writes, whose numbers of words were measured in their place;
            None where there is none.
    """

    measured: MeasuredSchema | None
    num_units: int
    rough_num_units: int
    delta: float
    charges: tuple[Charge, ...]
    prose: ProseCodec | None = None
