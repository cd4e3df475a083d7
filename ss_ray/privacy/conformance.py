"""Whether the released sums are those of the mechanism that was charged: its noise, its sample rate, fresh randomness.

    quiet: the same steps with almost no noise, so that each canary's part in each step can be read exactly
    loud:  the steps as they are charged, so that the noise can be measured where canaries are not in the data

Each test has a null distribution that is known, exactly or by the central limit theorem over thousands of canaries. A
mechanism that is what it says fails any of the tests with probability FALSE_ALARM at most (Bonferroni). The tests
refute a mechanism that spends more than it says, and also one that is merely another than was charged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy import stats

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import DPPlan

FALSE_ALARM = 1e-4
"""Probability that a mechanism that is what it says fails any test of one audit."""
QUIET_NOISE = 1e-4
"""Noise multiplier with which a part in a step is told from none beyond doubt."""
LARGEST_SHARE = 1.001
"""Clipping norms that one unit may move a sum by, with room for rounding and for QUIET_NOISE."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Contribution of each canary to the noisy sums of all steps.

    Attributes:
        values: (steps, canaries) length along the canary's own gradient, in clipping norms.
        members: (canaries,) whether each is in the data.
    """

    values: Floats
    members: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ChargeTest:
    """One test of one quantity.

    Attributes:
        name: Quantity in words.
        expected: Value that the charge implies.
        measured: Value that was found.
        p_value: Probability, under the charged mechanism, of a value so far away.
    """

    name: str
    expected: float
    measured: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """All tests of one audit.

    Attributes:
        claimed_epsilon: Epsilon that the mechanism is said to spend.
        implied_epsilon: Epsilon of the measured noise and sample rate, by the accountant.
        findings: Results of the tests.
    """

    claimed_epsilon: float
    implied_epsilon: float
    findings: tuple[ChargeTest, ...]

    @property
    def failed(self) -> tuple[ChargeTest, ...]:
        """The tests that refute the mechanism."""
        return tuple(f for f in self.findings if f.p_value < FALSE_ALARM / len(self.findings))


def quiet_plan(dp: DPPlan) -> DPPlan:
    """The mechanism with almost no noise: for canaries alone, never for a table of people."""
    return replace(dp, noise_multiplier=QUIET_NOISE)


def check_conformance(dp: DPPlan, quiet: Shares, loud: Shares) -> Conformance:
    """Test the released sums against the mechanism that was charged.

    Args:
        dp: The mechanism as it is charged.
        quiet: Shares released by `quiet_plan(dp)`.
        loud: Shares released by `dp`.
    """
    return Conformance(
        claimed_epsilon=dp.target_epsilon,
        implied_epsilon=_implied_epsilon(dp, _select_noise(loud), _find_parts(quiet)),
        findings=compare_shares(dp, quiet, loud),
    )


def compare_shares(dp: DPPlan, quiet: Shares, loud: Shares) -> tuple[ChargeTest, ...]:
    """All tests of the released sums; see `check_conformance`."""
    return (
        *_compare_influence(quiet),
        *_compare_noise(_select_noise(loud), dp.noise_multiplier),
        *_compare_parts(_find_parts(quiet), dp),
        *_compare_sums(loud.values[:, loud.members], dp),
    )


def _select_noise(loud: Shares) -> Floats:
    return loud.values[:, ~loud.members]


def _find_parts(quiet: Shares) -> npt.NDArray[np.bool_]:
    # Almost without noise, a share is about 1 where the canary joined the step, else about 0.
    return quiet.values[:, quiet.members] > 0.5


def _compare_influence(quiet: Shares) -> Iterator[ChargeTest]:
    """One unit moves a sum by one clipping norm at most, and a unit outside the data does not move it."""
    largest = float(np.abs(quiet.values[:, quiet.members]).max())
    yield ChargeTest(
        name="largest influence of one unit, in clipping norms",
        expected=1.0,
        measured=largest,
        p_value=float(largest <= LARGEST_SHARE),
    )
    absent = float(np.abs(quiet.values[:, ~quiet.members]).max())
    yield ChargeTest(
        name="largest influence of an absent unit, in clipping norms",
        expected=0.0,
        measured=absent,
        p_value=float(absent <= LARGEST_SHARE - 1),
    )


def _compare_noise(noise: Floats, noise_multiplier: float) -> Iterator[ChargeTest]:
    """(steps, canaries) shares of absent canaries are Gaussian, of the charged width, new in every step."""
    scaled = noise / noise_multiplier
    steps, canaries = scaled.shape
    yield ChargeTest(
        name="noise multiplier",
        expected=noise_multiplier,
        measured=float(noise_multiplier * sqrt(np.mean(scaled**2))),
        p_value=two_sided(stats.chi2(scaled.size), float(np.sum(scaled**2))),
    )
    yield ChargeTest(
        name="distance of the noise from a Gaussian",
        expected=0.0,
        measured=float((found := stats.kstest(scaled.flatten(), "norm")).statistic),
        p_value=float(found.pvalue),
    )
    if steps > 1:
        sums = np.sum(scaled, axis=0)
        yield ChargeTest(
            name="noise of all steps together, variance over one step's",
            expected=float(steps),
            measured=float(np.mean(sums**2)),
            p_value=two_sided(stats.chi2(canaries), float(np.sum(sums**2)) / steps),
        )
        yield _lag_finding("correlation of the noise of neighbouring steps", scaled)


def _compare_parts(parts: npt.NDArray[np.bool_], dp: DPPlan) -> Iterator[ChargeTest]:
    """(steps, canaries) each unit joins each step with the sample rate, independently of other units and steps."""
    rate, (steps, canaries) = dp.sample_rate, parts.shape
    joined = int(parts.sum())
    yield ChargeTest(
        name="sample rate",
        expected=rate,
        measured=joined / parts.size,
        p_value=float(stats.binomtest(joined, parts.size, rate).pvalue) if rate < 1 else float(joined == parts.size),
    )
    # Without randomness there is no variance to compare.
    if rate == 1:
        return

    variance = rate * (1 - rate)
    scaled = (parts.astype(np.float64) - rate) / sqrt(variance)
    # Of a standardised binomial's square.
    kurtosis = 2 + (1 - 6 * variance) / (steps * variance)
    spread = (parts.sum(axis=0) - steps * rate) ** 2 / (steps * variance)
    yield ChargeTest(
        name="variance of a unit's steps",
        expected=steps * variance,
        measured=float(spread.mean() * steps * variance),
        p_value=two_sided(stats.norm(canaries, sqrt(canaries * kurtosis)), float(spread.sum())),
    )
    sizes = (parts.sum(axis=1) - canaries * rate) ** 2 / (canaries * variance)
    yield ChargeTest(
        name="variance of a step's units",
        expected=canaries * variance,
        measured=float(sizes.mean() * canaries * variance),
        p_value=two_sided(stats.chi2(steps), float(sizes.sum())),
    )
    if steps > 1:
        yield _lag_finding("correlation of a unit's neighbouring steps", scaled)


def _compare_sums(shares: Floats, dp: DPPlan) -> Iterator[ChargeTest]:
    """(steps, canaries) shares of present canaries: the sample is the same whether there is noise or not.

    A little of a canary's gradient lies beside its own direction, so its mean share may be smaller than the sample
    rate, which no test takes for a fault.
    """
    steps, canaries = shares.shape
    # Variance of one Bernoulli draw: a unit joins a step or not.
    joining = dp.sample_rate * (1 - dp.sample_rate)
    variance = dp.noise_multiplier**2 + joining
    yield ChargeTest(
        name="share of a unit in a step, under the noise",
        expected=dp.sample_rate,
        measured=float(shares.mean()),
        p_value=float(stats.norm.sf(float(shares.mean() - dp.sample_rate) / sqrt(variance / shares.size))),
    )
    sums = shares.sum(axis=0)
    # Sums over steps are compared, since single steps drown in noise.
    spread = (sums - sums.mean()) ** 2 / (steps * variance)
    # The fourth moment of the Bernoulli draws, by which the sums are not exactly normal.
    excess = joining * (1 - 6 * joining) / (steps * variance**2)
    yield ChargeTest(
        name="variance of a unit's steps, under the noise",
        expected=steps * variance,
        measured=float(spread.mean() * steps * variance),
        p_value=two_sided(stats.norm(canaries - 1, sqrt(canaries * (2 + excess))), float(spread.sum())),
    )


def _lag_finding(name: str, scaled: Floats) -> ChargeTest:
    """Correlation of each step with the step before, of values of mean 0 and variance 1."""
    products = scaled[1:] * scaled[:-1]
    return ChargeTest(
        name=name,
        expected=0.0,
        measured=float(products.mean()),
        p_value=two_sided(stats.norm(0, sqrt(products.size)), float(products.sum())),
    )


def two_sided(null: stats.distributions.rv_frozen, found: float) -> float:
    """Probability of a value at least as far out as `found`, on either side of its null distribution."""
    return float(min(1.0, 2 * min(null.cdf(found), null.sf(found))))


def _implied_epsilon(dp: DPPlan, noise: Floats, parts: npt.NDArray[np.bool_]) -> float:
    rate = min(1.0, float(parts.mean()))
    charge = dp.charge(dp.num_steps)
    # No canary joined any step; nothing was spent on them.
    if rate == 0:
        return 0.0

    # The accountant cannot tell where the measured figures come from, so it gives the epsilon that they imply.
    measured = replace(charge, sample_rate=rate, noise_multiplier=float(sqrt(np.mean(noise**2))))
    return epsilon_of([measured], dp.delta)


def conformance_statement(result: Conformance) -> str:
    """The tests in words."""
    verdict = "REFUTED" if result.failed else "not refuted"
    lines = [
        f"Conformance      sigma and q measured, implied epsilon {result.implied_epsilon:.2f} of "
        f"{result.claimed_epsilon:g}: {verdict}",
        f"Tests            {len(result.findings)}, of which a right mechanism fails one once in {1 / FALSE_ALARM:,.0f} "
        "audits",
    ]
    failed = {finding.name for finding in result.failed}

    for finding in result.findings:
        mark = "FAILED" if finding.name in failed else "ok"
        lines.append(
            f"  {mark:<6} {finding.name}: {finding.measured:.4g} measured, {finding.expected:.4g} expected, "
            f"p {finding.p_value:.2g}"
        )

    return "\n".join(lines)


def require_conformance(result: Conformance) -> None:
    """Pass where no test failed.

    Raises:
        PrivacyError: A test refutes the mechanism.
    """
    if result.failed:
        raise PrivacyError(
            f"the audit refutes the mechanism: {_list_findings(result.failed)}; the measured noise and sample rate "
            f"imply epsilon {result.implied_epsilon:.2f} where {result.claimed_epsilon:g} is claimed; do not release "
            "anything that this version trained with differential privacy"
        )


def _list_findings(findings: Sequence[ChargeTest]) -> str:
    return ", ".join(f"{f.name} is {f.measured:.4g} where {f.expected:.4g} is charged" for f in findings)
