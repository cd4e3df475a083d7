"""The mechanism for a target epsilon: sampler, clipping, noise and accounting all derive from one `DPPlan`.

generator = secret_generator()
for _ in range(plan.num_steps):
    charge(plan.charge())                                    # write-ahead
    batch = poisson_sample(num_units, plan.sample_rate, generator)
    total = clipped_sum(batch, plan.max_grad_norm)           # sensitive
    total = add_noise(total, plan.noise_standard_deviation, generator)
    step(total / plan.expected_batch_size)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import calibrate_noise, epsilon_of
from ss_ray.privacy.charges import DP_SGD, Charge, DPPlan

MIN_UNITS = 100
"""Fewer units than this (by their noisy count) drown in the noise of any useful guarantee."""
SAMPLE_RATES = (0.1, 0.2, 0.4)
MIN_NOISE_MULTIPLIER = 1.1
MAX_BATCH = 16_384
NUM_STEPS = 200
NUMBER_OF_UNITS = "schema: number of units"
COUNT_SHARE = 0.01
"""Of epsilon and of delta, for the first count of the units.

Later noise is planned from its result, while PLD composes mechanisms that are fixed beforehand. So it is added by basic
composition, and given its result everything else is fixed: what was planned is charged, asked or not.
"""
THRESHOLD_SHARE = 0.1
"""Of delta, for categories that nobody declared."""
PROVISIONAL_DELTA = 1e-6
"""Stands for an automatic delta until the units are counted."""


@dataclass(frozen=True, kw_only=True)
class CountedUnits:
    """Privacy units of a table, as far as their number may be known.

    Attributes:
        privacy_unit: Privacy unit: "row", or "all rows of one <column>".
        num_units: Noisy count, or a public number. Only the divisor of noisy sums depends on it.
        rough_num_units: The first noisy count, which was charged separately: the mechanism may depend on it.

    Example:
        >>> units = CountedUnits(privacy_unit="row", num_units=10_000, rough_num_units=10_000)
        >>> plan = make_dp_plan(units, target_epsilon=8.0, delta=1e-5, max_grad_norm=1.0, spent=[])
        >>> plan.num_steps, plan.sample_rate, round(plan.noise_multiplier, 1)
        (200, 0.1, 1.1)
    """

    privacy_unit: str
    num_units: int
    rough_num_units: int


def make_dp_plan(
    units: CountedUnits,
    *,
    target_epsilon: float,
    delta: float,
    max_grad_norm: float,
    spent: Sequence[Charge],
    expected_batch_size: int | None = None,
    num_units_shown: int | None = None,
) -> DPPlan:
    """Plan the mechanism that spends the rest of a target.

    The noise in an averaged gradient is sigma / batch. At a fixed budget it falls with the batch until sigma is about
    MIN_NOISE_MULTIPLIER, and from there on hardly; more steps add noise to each. So NUM_STEPS steps are taken, on the
    smallest of SAMPLE_RATES that reaches it, as far as MAX_BATCH allows: 20 to 80 passes over the units.

    Args:
        units: Privacy units of the table.
        target_epsilon: Epsilon of the whole run.
        delta: Delta of the whole run.
        max_grad_norm: L2 clipping radius.
        spent: Earlier charges of the run.
        expected_batch_size: Average number of units of a step; None follows the rule above.
        num_units_shown: Average number of units of all steps together; None follows the rule above.

    Raises:
        PrivacyError: Too few units, or too little is left to spend.
    """
    if units.num_units < MIN_UNITS:
        raise PrivacyError(
            f"about {units.num_units} privacy units (one is: {units.privacy_unit}) are too few to train with "
            f"differential privacy: at least {MIN_UNITS} are needed for anything but noise"
        )

    # The mechanism may depend on the first count alone, which was charged separately.
    rough_num_units = units.rough_num_units
    for sample_rate in _sample_rates(rough_num_units, expected_batch_size):
        shown = num_units_shown
        if shown is None:
            steps = NUM_STEPS
        else:
            steps = max(1, round(shown / (sample_rate * rough_num_units)))

        asked = Charge(mechanism=DP_SGD, noise_multiplier=0.0, sample_rate=sample_rate, count=steps)
        noise_multiplier = calibrate_rest(asked, target_epsilon, delta, spent)
        # At a fixed budget the noise of an averaged gradient, sigma / batch, falls with the batch until sigma is
        # about this large, and hardly from there on.
        if noise_multiplier >= MIN_NOISE_MULTIPLIER:
            break

    return DPPlan(
        privacy_unit=units.privacy_unit,
        sample_rate=sample_rate,
        noise_multiplier=noise_multiplier,
        max_grad_norm=max_grad_norm,
        num_steps=steps,
        expected_batch_size=sample_rate * units.num_units,
        target_epsilon=target_epsilon,
        delta=delta,
    )


def _sample_rates(rough_num_units: int, expected_batch_size: int | None) -> list[float]:
    """Sample rates that are tried, the smallest first."""
    if expected_batch_size is not None:
        return [min(1.0, expected_batch_size / rough_num_units)]
    # Larger batches than MAX_BATCH cost time without lowering the noise much.
    return [min(rate, MAX_BATCH / rough_num_units) for rate in SAMPLE_RATES]


def provisional_delta(given: float | Literal["auto"]) -> float:
    """Delta as far as it is known before the units are counted."""
    if given == "auto":
        return PROVISIONAL_DELTA
    return given


def count_charge(epsilon: float, delta: float) -> Charge:
    """The first count of the units."""
    charge = Charge(mechanism=NUMBER_OF_UNITS, noise_multiplier=0.0)
    return replace(charge, noise_multiplier=calibrate_noise(charge, COUNT_SHARE * epsilon, COUNT_SHARE * delta))


def run_epsilon(spent: Sequence[Charge], delta: float) -> float:
    """Epsilon of a whole run: of the first count, and by PLD of all the rest."""
    first, rest = _split_charges(spent)
    if not first:
        return epsilon_of(rest, delta)
    return epsilon_of(first, COUNT_SHARE * delta) + epsilon_of(rest, (1 - COUNT_SHARE) * delta)


def calibrate_rest(charge: Charge, target_epsilon: float, delta: float, spent: Sequence[Charge]) -> float:
    """The noise multiplier for which `run_epsilon` of `charge` and `spent` stays within a target.

    Raises:
        PrivacyError: `spent` leaves nothing.
    """
    first, rest = _split_charges(spent)
    if not first:
        return calibrate_noise(charge, target_epsilon, delta, rest)
    left = target_epsilon - epsilon_of(first, COUNT_SHARE * delta)
    return calibrate_noise(charge, left, (1 - COUNT_SHARE) * delta, rest)


def planned_rest(spent: Sequence[Charge], target_epsilon: float, delta: float) -> Charge:
    """One Gaussian mechanism that stands in a reservation for all charges that are not planned yet."""
    rest = Charge(mechanism="planned", noise_multiplier=0.0)
    return replace(rest, noise_multiplier=calibrate_rest(rest, target_epsilon, delta, spent))


def share_of_rest(share: float, spent: Sequence[Charge], target_epsilon: float, delta: float) -> Charge:
    """One Gaussian mechanism that holds a share of the rho that is left, for what is planned later.

    Args:
        share: In (0, 1).
        spent: Earlier charges of the run.
        target_epsilon: Epsilon of the whole run.
        delta: Delta of the whole run.

    Raises:
        PrivacyError: `spent` leaves nothing.
    """
    rest = planned_rest(spent, target_epsilon, delta)
    return replace(rest, noise_multiplier=rest.noise_multiplier / share**0.5)


def schema_rho(fraction: float, epsilon: float, delta: float) -> float:
    """A fraction of the rho of the one Gaussian mechanism that would spend all of (epsilon, delta).

    Gaussian mechanisms add up in rho, so this is the share that the schema takes of the budget; the schema alone has
    about sqrt(fraction) times epsilon.
    """
    sigma = calibrate_noise(Charge(mechanism="the whole run", noise_multiplier=0.0), epsilon, delta)
    return fraction / (2 * sigma**2)


def _split_charges(spent: Sequence[Charge]) -> tuple[list[Charge], list[Charge]]:
    first = [charge for charge in spent if charge.mechanism == NUMBER_OF_UNITS]
    return first, [charge for charge in spent if charge.mechanism != NUMBER_OF_UNITS]
