"""Audit of one run: a lower bound of epsilon with a stated confidence, from guesses about canaries.

Each of m canaries is in the data or not by a fair coin of its own. An auditor who sees what the mechanism released
names the r canaries that are most surely in. Few of them can be right if the mechanism has the trade-off curve that it
is charged for: for every number of right guesses v and every level k, the chance of k right guesses is bounded by the
chance of k - 1 right guesses through that curve. More right guesses than that refute the curve.

The bound is the epsilon of the noisiest mechanism, of the same sample rate and number of steps, that is not refuted. A
bound below the claim proves nothing: the canaries, or the auditor, may be too weak.

Source: Mahloujifar, Melis, Chaudhuri 2024, "Auditing f-Differential Privacy in One Run", arXiv:2410.22235; guesses and
abstentions as in Steinke, Nasr, Jagielski 2023, arXiv:2305.08846.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.privacy.accounting import deltas_of, epsilon_of
from ss_ray.privacy.charges import Charge, DPPlan

MIN_GUESSES = 200
SHARE_GUESSED = 0.005
MARGIN = 0.5
"""In epsilon; so far above the claim the bound must be when every guess is right, or the audit could not fail."""
EPSILONS = np.linspace(-2.0, 24.0, 521)
"""Slopes, as logarithms, at which a trade-off curve is computed; between them it is bounded from the safe side."""
NOISE_LIMITS = (0.3, 100.0)
"""Noise multipliers among which the bound is looked for; none is noisier than a mechanism of epsilon 0."""
NOISE_TOLERANCE = 0.002
"""Relative, of the noise multiplier whose epsilon is the bound."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TradeOff:
    """The most that a mechanism lets a test of "in" against "out" achieve, in both directions.

    Attributes:
        epsilons: (n,) logarithms of slopes, any order.
        deltas: (n,) delta of the mechanism at each epsilon, or more.
    """

    epsilons: Floats
    deltas: Floats

    def least_false(self, true: float) -> float:
        """The least rate of false positives of a test whose rate of true positives is `true`."""
        return max(0.0, float(np.max(np.exp(-self.epsilons) * (true - self.deltas))))


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """Result of an audit.

    Attributes:
        claimed_epsilon: Epsilon that the mechanism is said to spend.
        delta: Delta of the claim and of the bound.
        lower_bound: The mechanism spends more than this epsilon, unless the audit is wrong. At least 0.
        confidence: Probability, in (0, 1), that the audit is not wrong.
        num_canaries: Canaries, in or out by a fair coin each.
        num_guesses: Number of canaries that were named as in; chosen before the run.
        num_correct: Number of right guesses.
    """

    claimed_epsilon: float
    delta: float
    lower_bound: float
    confidence: float
    num_canaries: int
    num_guesses: int
    num_correct: int

    @property
    def refuted(self) -> bool:
        """Whether the claim does not hold."""
        return self.lower_bound > self.claimed_epsilon


def audit_scores(scores: Floats, members: Bools, *, num_guesses: int, dp: DPPlan, confidence: float) -> AuditResult:
    """Guess "in" for the highest scores, count, and bound epsilon.

    Args:
        scores: (canaries,), higher where the auditor thinks that a canary is in; made without `members`.
        members: (canaries,), the coins.
        num_guesses: Number of guesses, from `plan_guesses`.
        dp: The mechanism as it is charged.
        confidence: Probability, in (0, 1), that the bound holds.
    """
    # Ties are broken by position, which does not depend on the coins.
    named = np.argsort(scores, kind="stable")[len(scores) - num_guesses :]
    correct = int(members[named].sum())
    return AuditResult(
        claimed_epsilon=dp.target_epsilon,
        delta=dp.delta,
        lower_bound=lower_bound(dp, len(scores), num_guesses, correct, confidence),
        confidence=confidence,
        num_canaries=len(scores),
        num_guesses=num_guesses,
        num_correct=correct,
    )


def likelihood_ratios(shares: Floats, sample_rate: float, noise_multiplier: float) -> Floats:
    """Log-likelihood ratio of in to out, which no other score beats (Neyman and Pearson 1933) if the claim is true.

    Args:
        shares: Any shape; how much of a canary's gradient one noisy sum seems to hold, in units of the clipping norm:
            Gaussian around 1 where the canary was sampled, around 0 where it was not.
        sample_rate: Probability with which a canary that is in joins a batch.
        noise_multiplier: Standard deviation of the shares.
    """
    # Ratio of the Gaussian densities around 1 and around 0.
    gain = np.exp((shares - 0.5) / noise_multiplier**2)
    if sample_rate < 1:
        return np.log1p(sample_rate * (gain - 1))
    return (shares - 0.5) / noise_multiplier**2


def refutes(curve: TradeOff, num_canaries: int, num_guesses: int, num_correct: int, chance: float) -> bool:
    """Whether so many right guesses, or more, have a probability of less than `chance` under a trade-off curve.

    Let p_i be the probability of i right guesses. Flip the coin of one canary whose guess is right: what was released
    stays, and one guess less is right. The curve bounds how much less probable that can be. On average over canaries
    and coins, for every level i, with right(i) = sum of k / m p_k over k >= i and wrong(i) = sum of (r - k) / m p_k:

        wrong(i - 1) >= curve.least_false(right(i))

    Start from probability `chance` at v right guesses, and give every lower level the least probability that this
    leaves it. If the sum of all is above 1, the start was not possible.

    Args:
        curve: The mechanism, as a hypothesis.
        num_canaries: m, coins that were thrown.
        num_guesses: r, at most m; the same whatever is released.
        num_correct: v, at most r.
        chance: In (0, 1).
    """
    right = chance * num_correct / num_canaries
    wrong = chance * (num_guesses - num_correct) / num_canaries
    for level in range(num_correct - 1, -1, -1):
        # The trade-off curve bounds from below how probable a wrong guess is, given how probable the right ones are.
        least = max(wrong, curve.least_false(right))
        right += level / (num_guesses - level) * (least - wrong)
        wrong = least
        # The bounds leave more probability than there is: no mechanism with this curve gives so many right guesses.
        if right + wrong > num_guesses / num_canaries:
            return True

    return False


def lower_bound(dp: DPPlan, num_canaries: int, num_guesses: int, num_correct: int, confidence: float) -> float:
    """Epsilon of the noisiest mechanism of this sample rate and number of steps that is not refuted; 0 for none.

    Args:
        dp: The mechanism as it is charged.
        num_canaries: Coins that were thrown.
        num_guesses: Chosen before the run: the best of several would need a correction.
        num_correct: Number of right guesses.
        confidence: In (0, 1); a mechanism of `dp`'s curve gets a bound above its epsilon with probability
            1 - confidence at most.
    """

    def is_refuted(noise_multiplier: float) -> bool:
        curve = trade_off(dp, noise_multiplier)
        return refutes(curve, num_canaries, num_guesses, num_correct, 1 - confidence)

    noise_multiplier = _least_refuted(is_refuted, dp.noise_multiplier)
    if noise_multiplier is None:
        return 0.0

    return epsilon_of([_make_charge(dp, noise_multiplier)], dp.delta)


def trade_off(dp: DPPlan, noise_multiplier: float) -> TradeOff:
    """The curve of all steps of a mechanism, with some noise."""
    return TradeOff(epsilons=EPSILONS, deltas=deltas_of(_make_charge(dp, noise_multiplier), EPSILONS))


def _make_charge(dp: DPPlan, noise_multiplier: float) -> Charge:
    return replace(dp.charge(dp.num_steps), noise_multiplier=noise_multiplier)


def _least_refuted(is_refuted: Callable[[float], bool], start: float) -> float | None:
    """The smallest noise multiplier, within the tolerance, that is refuted; None where none is."""
    low, high = NOISE_LIMITS
    refuted = start
    other = start
    if is_refuted(start):
        # A step of 1.5 brackets the root in few steps; each evaluation composes a whole curve.
        while other > low and is_refuted(other := max(low, other / 1.5)):
            refuted = other
    else:
        while not is_refuted(refuted := refuted * 1.5):
            other = refuted
            if refuted > high:
                return None

    while refuted / other > 1 + NOISE_TOLERANCE:
        middle = (refuted * other) ** 0.5
        if is_refuted(middle):
            refuted = middle
        else:
            other = middle

    return refuted


def plan_guesses(num_canaries: int, dp: DPPlan, confidence: float) -> int:
    """Number of canaries to guess: few, since the surest guesses tell most, but enough to refute a false claim.

    Args:
        num_canaries: At least MIN_GUESSES.
        dp: The mechanism as it is charged.
        confidence: Probability, in (0, 1), that the bound holds.

    Raises:
        ConfigError: Even if all guesses were right they would not refute the claim: such an audit could not fail.
    """
    guesses = max(MIN_GUESSES, int(num_canaries * SHARE_GUESSED))
    largest = 0.0
    while guesses <= num_canaries:
        bound = lower_bound(dp, num_canaries, guesses, guesses, confidence)
        # The fewest guesses that can refute a false claim: the surest guesses tell most.
        if bound >= dp.target_epsilon + MARGIN:
            return guesses
        guesses = 2 * guesses
        largest = max(largest, bound)

    raise ConfigError(
        f"{num_canaries:,} canaries cannot refute epsilon {dp.target_epsilon:g} at delta {dp.delta:g}: if all guesses "
        f"were right the bound would be {largest:.2f}, and {MARGIN:g} above the claim is asked for; try a smaller "
        f"epsilon or delta, or another number of canaries, at least {MIN_GUESSES}"
    )


def statement(result: AuditResult) -> str:
    """The result in words."""
    return "\n".join(
        [
            f"Claimed          epsilon {result.claimed_epsilon:g} at delta {result.delta:g}",
            f"Lower bound      epsilon {result.lower_bound:.2f}, with confidence {100 * result.confidence:g} %",
            f"Right guesses    {result.num_correct:,} of {result.num_guesses:,} named as in, "
            f"of {result.num_canaries:,} canaries that were in or out by a coin each",
            f"Verdict          {_write_verdict(result)}",
        ]
    )


def _write_verdict(result: AuditResult) -> str:
    if result.refuted:
        return "REFUTED: the mechanism spends more than it claims"
    return "not refuted: the attack found no more than the claim allows, which does not prove the claim"


def require_unrefuted(result: AuditResult) -> None:
    """Pass where the claim was not refuted.

    Raises:
        PrivacyError: It was.
    """
    if result.refuted:
        raise PrivacyError(
            f"the audit refutes the claim: the mechanism spends at least epsilon {result.lower_bound:.2f} where "
            f"{result.claimed_epsilon:g} is claimed, at delta {result.delta:g}; do not release anything that this "
            "version trained with differential privacy"
        )
