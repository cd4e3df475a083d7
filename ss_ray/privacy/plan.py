"""From a target to the mechanism: sampler, clipping, noise and accounting are all built from one `DPPlan`.

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

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import Charge, calibrate_noise

DP_SGD = "dp-sgd"
MIN_UNITS = 100
"""Fewer units than this (by their noisy count) drown in the noise of any useful guarantee."""
SAMPLE_RATE = 0.1
MAX_BATCH = 16_384
NUM_STEPS = 200


@dataclass(frozen=True, kw_only=True)
class DPPlan:
    """DP-SGD (Abadi et al. 2016, arXiv:1607.00133), fixed before step 1.

    Attributes:
        privacy_unit: What is added or removed: "row", or "all rows of one <column>". Printed wherever epsilon is.
        sample_rate: Probability in (0, 1] that a unit joins a batch (Poisson); an empty batch still takes a noise step.
        noise_multiplier: Noise standard deviation / max_grad_norm, dimensionless.
        max_grad_norm: L2 clipping radius of one unit's gradient.
        num_steps: Optimizer steps that are paid for; one more raises PrivacyError.
        expected_batch_size: What a noisy sum is divided by: sample_rate times the (noisy) number of units.
        target_epsilon: Of the whole run, with what was spent before.
        delta: Likewise.
    """

    privacy_unit: str
    sample_rate: float
    noise_multiplier: float
    max_grad_norm: float
    num_steps: int
    expected_batch_size: float
    target_epsilon: float
    delta: float

    @property
    def noise_standard_deviation(self) -> float:
        """Of the noise in each coordinate of a step's sum, once over all workers."""
        return self.noise_multiplier * self.max_grad_norm

    def charge(self, count: int = 1) -> Charge:
        """What `count` steps spend."""
        return Charge(
            mechanism=DP_SGD, noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, count=count
        )


def make_dp_plan(
    *,
    privacy_unit: str,
    num_units: int,
    target_epsilon: float,
    delta: float,
    max_grad_norm: float,
    spent: Sequence[Charge],
    expected_batch_size: int | None = None,
    num_units_shown: int | None = None,
) -> DPPlan:
    """The mechanism that spends what a target leaves.

    The noise in an averaged gradient is sigma / batch. At a fixed budget it falls with the batch until sigma is about
    1.5, and from there on stays as it is; more steps add noise to each. So a tenth of the units are sampled for
    NUM_STEPS steps, whatever epsilon: a few more epochs than without privacy.

    Args:
        privacy_unit: Of the plan.
        num_units: Noisy count, or a public number.
        target_epsilon: Of the whole run.
        delta: Of the whole run.
        max_grad_norm: L2 clipping radius.
        spent: What the run spent before.
        expected_batch_size: Units of a step on average; None: by the rule above.
        num_units_shown: Units of all steps together, on average; None: likewise.

    Raises:
        PrivacyError: Too few units, or too little is left to spend.
    """
    if num_units < MIN_UNITS:
        raise PrivacyError(
            f"about {num_units} units of {privacy_unit!r} are too few to train with differential privacy: at least "
            f"{MIN_UNITS} are needed for anything but noise"
        )
    batch = expected_batch_size or max(MIN_UNITS / 2, min(MAX_BATCH, SAMPLE_RATE * num_units))
    sample_rate = min(1.0, batch / num_units)
    steps = NUM_STEPS if num_units_shown is None else max(1, round(num_units_shown / (sample_rate * num_units)))
    asked = Charge(mechanism=DP_SGD, noise_multiplier=0.0, sample_rate=sample_rate, count=steps)
    return DPPlan(
        privacy_unit=privacy_unit,
        sample_rate=sample_rate,
        noise_multiplier=calibrate_noise(asked, target_epsilon, delta, spent),
        max_grad_norm=max_grad_norm,
        num_steps=steps,
        expected_batch_size=sample_rate * num_units,
        target_epsilon=target_epsilon,
        delta=delta,
    )


COUNT_SHARE = 0.02
"""Of the schema's rho, for the number of units, which delta and with it all other noise depend on."""
THRESHOLD_SHARE = 0.1
"""Of delta, for categories that nobody declared."""
PROVISIONAL_DELTA = 1e-6
"""Stands for an automatic delta until the units are counted."""


def total_rho(epsilon: float, delta: float) -> float:
    """What shares are taken of: rho of the one Gaussian mechanism that would spend (epsilon, delta) whole."""
    sigma = calibrate_noise(Charge(mechanism="the whole run", noise_multiplier=0.0), epsilon, delta)
    return 1 / (2 * sigma**2)


def planned_rest(spent: Sequence[Charge], target_epsilon: float, delta: float) -> Charge:
    """One Gaussian mechanism that stands in a reservation for all that is not planned yet."""
    rest = Charge(mechanism="planned", noise_multiplier=0.0)
    return replace(rest, noise_multiplier=calibrate_noise(rest, target_epsilon, delta, spent))
