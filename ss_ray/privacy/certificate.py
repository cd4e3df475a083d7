"""The guarantee of a synthetic table, its cost, and its limits, for auditors and machines.

Every figure is of what was really charged, a crash's lost steps included. Nothing here depends on rows but through
what was paid for, so the certificate may leave with the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from pydantic import TypeAdapter

from ss_ray import __version__
from ss_ray.errors import PrivacyError
from ss_ray.printed_tables import html_table
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import TRAININGS, Charge, DPPlan
from ss_ray.privacy.ledger.ledger import Balance
from ss_ray.privacy.plan import run_epsilon

LIBRARIES = ("dp-accounting", "opendp", "randomgen", "torch", "ray", "numpy")
MECHANISM = (
    "DP-SGD (Abadi et al. 2016): Poisson sampling of privacy units, each unit's full gradient clipped in L2, Gaussian "
    "noise once per step, division by the expected batch size; schema by noisy histograms (discrete Gaussian, OpenDP)"
)
PUBLIC = (
    "names and order of the columns, their kinds, storage types, decimals and date formats",
    "everything declared in the configuration, the number of synthetic rows, and that this table was synthesized",
)
GIVEN = (
    "cells that came with the request (generation.given, shares, seed_table): they are released as they are, and so is "
    "the number of rows of a seed table"
)
TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Spending:
    """One line of the bill.

    Attributes:
        what: Measurement or training that was charged.
        noise_multiplier: Noise standard deviation over the sensitivity to one unit.
        sample_rate: Probability that a unit takes part in one use.
        uses: Number of uses of the mechanism.
        delta: Spent by a threshold, all uses together.
        epsilon: Epsilon of this line alone, by PLD at the certificate's delta.
    """

    what: str
    noise_multiplier: float
    sample_rate: float
    uses: int
    delta: float
    epsilon: float


@dataclass(frozen=True, kw_only=True)
class LedgerBalance:
    """The account of a named data set after this run, over all runs on it, by RDP.

    Attributes:
        dataset: Name of the data set.
        epsilon_spent: Epsilon of all runs together.
        delta: Delta of `epsilon_spent`.
        epsilon_budget: Total allowed; None without a budget.
    """

    dataset: str
    epsilon_spent: float
    delta: float | None
    epsilon_budget: float | None


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The guarantee of one synthetic table.

    Attributes:
        mechanism: Name of the mechanism.
        privacy_unit: Unit that is added or removed between neighbouring tables.
        adjacency: Relation of neighbouring tables.
        epsilon: Epsilon of everything in this run together: the guarantee. It is the first count of the units, from
            which all else was planned, plus the rest by PLD.
        epsilon_rdp: Epsilon of the run by RDP, which is more conservative.
        target_epsilon: Epsilon that was requested, never exceeded.
        delta: Delta of the whole run.
        noise_multiplier: Noise multiplier of DP-SGD; where a language model writes the texts, `spending` has a line for
            its training, and this figure and the next ones are of the other model.
        sample_rate: Sample rate of DP-SGD.
        max_grad_norm: L2 clipping radius of a unit's gradient.
        expected_batch_size: Divisor of the noisy sums of gradients.
        num_steps: Number of steps charged.
        num_steps_lost: Number of charged steps whose result a crash lost.
        num_units: Noisy number of units trained on; exact with an inferred schema.
        schema_epsilon: Epsilon of the schema's measurements alone.
        schema: Source of each column's values: "declared", "private" or "inferred".
        spending: The whole bill.
        ledger: The data set's account; None where it has no name: an account by content would tell the table from its
            neighbours.
        covered: Outputs that the guarantee covers.
        not_covered: Outputs that depend on rows and are outside the guarantee.
        public: Facts that are taken to be public.
        notes: Notes for the reader, a sentence each.
        versions: Versions of the libraries.
        created_at: Time of the certificate in UTC, ISO 8601.
    """

    mechanism: str
    privacy_unit: str
    adjacency: str
    epsilon: float
    epsilon_rdp: float
    target_epsilon: float
    delta: float
    noise_multiplier: float
    sample_rate: float
    max_grad_norm: float
    expected_batch_size: float
    num_steps: int
    num_steps_lost: int
    num_units: int
    schema_epsilon: float
    schema: dict[str, str]
    spending: tuple[Spending, ...]
    ledger: LedgerBalance | None
    covered: tuple[str, ...]
    not_covered: tuple[str, ...]
    public: tuple[str, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]
    created_at: str

    @staticmethod
    def from_json(text: str) -> Certificate:
        """Inverse of `to_json`."""
        return TypeAdapter(Certificate).validate_json(text)

    def with_given_cells(self) -> Certificate:
        """The certificate of a table some of whose cells came with the request, not from the model."""
        covered = tuple(text for text in self.not_covered if text != GIVEN)
        return replace(self, not_covered=(*covered, GIVEN))

    def _repr_html_(self) -> str:
        """The guarantee as a table, for notebooks."""
        rows = [
            ("epsilon", f"{self.epsilon:.3f} of {self.target_epsilon:g}"),
            ("delta", f"{self.delta:.3g}"),
            ("one unit", self.privacy_unit),
            ("neighbours", self.adjacency),
            *(("covered", text) for text in self.covered),
            *(("not covered", text) for text in self.not_covered),
        ]
        return html_table([("privacy certificate", ""), *rows])

    def to_json(self) -> str:
        """The text of release/privacy_certificate.json."""
        return TypeAdapter(Certificate).dump_json(self, indent=2).decode() + "\n"


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """Texts of a certificate about one run.

    Attributes:
        not_covered: Outputs of this run outside the guarantee.
        notes: Notes for the reader, a sentence each.
    """

    not_covered: tuple[str, ...]
    notes: tuple[str, ...]


def make_certificate(
    dp: DPPlan,
    spent: Sequence[Charge],
    *,
    steps_in_weights: int,
    num_units: int,
    schema: dict[str, str],
    balance: Balance | None,
    remarks: Remarks,
) -> Certificate:
    """The certificate of a run.

    Args:
        dp: The mechanism of the training.
        spent: All charges of the run, as the ledger has them.
        steps_in_weights: Steps that the released model went through.
        num_units: Noisy number of units.
        schema: Source of each column's values, by name.
        balance: The data set's account; None where it goes by a fingerprint.
        remarks: Texts about this run.

    Raises:
        PrivacyError: More was spent than the target allows: the guarantee that was asked for does not hold.
    """
    epsilon = run_epsilon(spent, dp.delta)
    _check_target(epsilon, dp)
    training = dp.charge()
    num_steps = sum(charge.count for charge in spent if charge.mechanism == training.mechanism)
    return Certificate(
        mechanism=MECHANISM,
        privacy_unit=dp.privacy_unit,
        adjacency="add or remove one privacy unit",
        epsilon=epsilon,
        epsilon_rdp=epsilon_of(spent, dp.delta, "rdp"),
        target_epsilon=dp.target_epsilon,
        delta=dp.delta,
        noise_multiplier=dp.noise_multiplier,
        sample_rate=dp.sample_rate,
        max_grad_norm=dp.max_grad_norm,
        expected_batch_size=dp.expected_batch_size,
        num_steps=num_steps,
        num_steps_lost=num_steps - steps_in_weights,
        num_units=num_units,
        schema_epsilon=run_epsilon([charge for charge in spent if charge.mechanism not in TRAININGS], dp.delta),
        schema=schema,
        spending=tuple(_make_spending(charge, dp.delta) for charge in spent),
        ledger=_ledger_balance(balance) if balance else None,
        covered=_list_covered(dp.privacy_unit, is_inferred="inferred" in schema.values()),
        not_covered=remarks.not_covered,
        public=PUBLIC,
        notes=remarks.notes,
        versions={"ss-ray": __version__} | {name: version(name) for name in LIBRARIES},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _check_target(epsilon: float, dp: DPPlan) -> None:
    if epsilon > dp.target_epsilon * (1 + TOLERANCE):
        raise PrivacyError(
            f"this run spent epsilon {epsilon:.3f}, more than the {dp.target_epsilon:g} asked for, because what a "
            "crash lost was measured again; start afresh in another run directory"
        )


def _ledger_balance(balance: Balance) -> LedgerBalance:
    return LedgerBalance(
        dataset=balance.dataset,
        epsilon_spent=balance.epsilon_spent,
        delta=balance.delta,
        epsilon_budget=balance.epsilon,
    )


def _list_covered(privacy_unit: str, *, is_inferred: bool) -> tuple[str, ...]:
    if is_inferred:
        return (f"the model's weights, given the exact schema and number of units, towards one unit: {privacy_unit}",)
    return (
        f"the synthetic table, in any number of rows, and this certificate, towards one unit: {privacy_unit}",
        "the model's weights and the measured schema, from which alone the table is drawn",
    )


def _make_spending(charge: Charge, delta: float) -> Spending:
    return Spending(
        what=charge.mechanism,
        noise_multiplier=charge.noise_multiplier,
        sample_rate=charge.sample_rate,
        uses=charge.count,
        delta=charge.delta * charge.count,
        epsilon=epsilon_of([charge], delta),
    )
