"""Charges of differential privacy as values: workers hold them without needing an accountant."""

from __future__ import annotations

from dataclasses import dataclass

DP_SGD = "dp-sgd"
TEXTS_DP_SGD = "dp-sgd: texts"
"""Training of the language model that writes the texts of a table, beside the one that writes its other columns."""
TRAININGS = (DP_SGD, TEXTS_DP_SGD)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """`count` uses of one Gaussian mechanism, each on a fresh Poisson sample of the privacy units.

    Attributes:
        mechanism: Purpose of the mechanism: one of TRAININGS, or "schema: <quantity that was counted>".
        noise_multiplier: Noise standard deviation over the L2 sensitivity to one unit.
        sample_rate: Probability in (0, 1] that a unit takes part in one use.
        count: Uses, at least 0.
        delta: Probability with which one use fails beside what its noise covers (a threshold that a value of one unit
            passes); 0 for none.
    """

    mechanism: str
    noise_multiplier: float
    sample_rate: float = 1.0
    count: int = 1
    delta: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DPPlan:
    """DP-SGD (Abadi et al. 2016, arXiv:1607.00133), fixed before step 1.

    Attributes:
        privacy_unit: Unit that is added or removed: "row", or "all rows of one <column>". Printed wherever epsilon is.
        sample_rate: Probability in (0, 1] that a unit joins a batch (Poisson); an empty batch still takes a noise step.
        noise_multiplier: Noise standard deviation / max_grad_norm, dimensionless.
        max_grad_norm: L2 clipping radius of one unit's gradient.
        num_steps: Optimizer steps that are paid for; one more raises PrivacyError.
        expected_batch_size: Divisor of a noisy sum: sample_rate times the (noisy) number of units.
        target_epsilon: Epsilon of the whole run, including earlier charges.
        delta: Delta of the whole run, including earlier charges.
        mechanism: Name of its charges, one of TRAININGS.

    Example:
        >>> plan = DPPlan(privacy_unit="row", sample_rate=0.1, noise_multiplier=2.0, max_grad_norm=0.5, num_steps=200,
        ...               expected_batch_size=1000.0, target_epsilon=8.0, delta=1e-5)
        >>> plan.noise_standard_deviation
        1.0
        >>> plan.charge(count=plan.num_steps)
        Charge(mechanism='dp-sgd', noise_multiplier=2.0, sample_rate=0.1, count=200, delta=0.0)
    """

    privacy_unit: str
    sample_rate: float
    noise_multiplier: float
    max_grad_norm: float
    num_steps: int
    expected_batch_size: float
    target_epsilon: float
    delta: float
    mechanism: str = DP_SGD

    @property
    def noise_standard_deviation(self) -> float:
        """Standard deviation of the noise in each coordinate of a step's sum, once over all workers."""
        return self.noise_multiplier * self.max_grad_norm

    def charge(self, count: int = 1) -> Charge:
        """Charge of `count` steps."""
        return Charge(
            mechanism=self.mechanism, noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, count=count
        )
