"""What one run says about epsilon: a lower bound that holds with a stated confidence, from guesses about canaries.

Each of m canaries is in the data or not by a fair coin of its own. An auditor who sees what the mechanism released
guesses the coins it is surest of, and abstains from the rest. Under (epsilon, delta)-DP few guesses can be right; more
than that refute the claim. A bound below the claim proves nothing: the canaries, or the auditor, may be too weak.

Source: Steinke, Nasr, Jagielski 2023, "Privacy auditing with one (1) training run", arXiv:2305.08846.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from ss_ray.errors import ConfigError, PrivacyError

MIN_GUESSES = 400
SHARE_GUESSED = 0.02
MARGIN = 0.5
"""In epsilon; so far above the claim the bound must be when every guess is right, or the audit could not fail."""
TOLERANCE = 1e-4
"""Of a lower bound, in epsilon, downwards."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """What an audit found.

    Attributes:
        claimed_epsilon: What the mechanism is said to spend.
        delta: Of the claim and of the bound.
        lower_bound: The mechanism spends more than this epsilon, unless the audit is wrong. At least 0.
        confidence: Probability, in (0, 1), that the audit is not wrong.
        num_canaries: In or out by a fair coin each.
        num_guesses: How many coins were guessed; chosen before the run.
        num_correct: How many guesses were right.
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


def audit_scores(
    scores: Floats, members: Bools, *, num_guesses: int, claimed_epsilon: float, delta: float, confidence: float
) -> AuditResult:
    """Guess "in" for the highest scores and "out" for the lowest, half of the guesses each, and count.

    Args:
        scores: (canaries,), higher where the auditor thinks that a canary is in; made without `members`.
        members: (canaries,), the coins.
        num_guesses: From `plan_guesses`.
        claimed_epsilon: Of the result.
        delta: Of the result.
        confidence: Of the result.
    """
    order = np.argsort(scores, kind="stable")
    half = num_guesses // 2
    correct = int(members[order[len(order) - half :]].sum() + (~members[order[:half]]).sum())
    return AuditResult(
        claimed_epsilon=claimed_epsilon,
        delta=delta,
        lower_bound=lower_bound(len(scores), 2 * half, correct, delta, confidence),
        confidence=confidence,
        num_canaries=len(scores),
        num_guesses=2 * half,
        num_correct=correct,
    )


def likelihood_ratios(shares: Floats, sample_rate: float, noise_multiplier: float) -> Floats:
    """Log-likelihood ratio of in to out, which no other score beats (Neyman and Pearson 1933) if the claim is true.

    Args:
        shares: Any shape; how much of a canary's gradient one noisy sum seems to hold, in units of the clipping norm:
            Gaussian around 1 where the canary was sampled, around 0 where it was not.
        sample_rate: With which a canary that is in joins a batch.
        noise_multiplier: Standard deviation of the shares.
    """
    gain = np.exp((shares - 0.5) / noise_multiplier**2)
    return np.log1p(sample_rate * (gain - 1)) if sample_rate < 1 else (shares - 0.5) / noise_multiplier**2


def p_value(num_canaries: int, num_guesses: int, num_correct: int, epsilon: float, delta: float) -> float:
    """At most this is the probability of so many right guesses, or more, under (epsilon, delta)-DP.

    Theorem 5.2 of the paper: a guess is right with probability e^epsilon / (1 + e^epsilon), as in randomised response,
    and each canary may, with probability delta, tell more; the second term is the most that this can add.

    Args:
        num_canaries: m; coins that were thrown.
        num_guesses: r, at most m.
        num_correct: v, at most r.
        epsilon: At least 0.
        delta: In [0, 1].
    """
    rate = 1 / (1 + np.exp(-epsilon))
    tail = binom.sf(num_correct - 1, num_guesses, rate)
    if not num_correct:
        return 1.0
    less = np.arange(1, num_correct + 1)
    just_below = binom.sf(num_correct - 1 - less, num_guesses, rate) - tail  # v - less <= right guesses < v
    return float(min(1.0, tail + 2 * num_canaries * delta * np.max(just_below / less)))


def lower_bound(num_canaries: int, num_guesses: int, num_correct: int, delta: float, confidence: float) -> float:
    """The largest epsilon that so many right guesses refute; 0 where they refute none.

    Args:
        num_canaries: See `p_value`; so the other numbers.
        num_guesses: Chosen before the run: the best of several would need a correction.
        num_correct: Right guesses.
        delta: In [0, 1].
        confidence: In (0, 1); an (epsilon, delta)-DP mechanism gets a bound above epsilon with probability
            1 - confidence at most.
    """

    def refuted(epsilon: float) -> bool:
        return p_value(num_canaries, num_guesses, num_correct, epsilon, delta) < 1 - confidence

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while refuted(high):
        low, high = high, 2 * high
    while high - low > TOLERANCE:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def plan_guesses(num_canaries: int, claimed_epsilon: float, delta: float, confidence: float) -> int:
    """How many coins to guess: few, since the surest guesses tell most, but enough to refute a claim that is false.

    Args:
        num_canaries: At least MIN_GUESSES.
        claimed_epsilon: Of the audit.
        delta: Of the audit.
        confidence: Of the audit.

    Raises:
        ConfigError: Even if all guesses were right they would not refute the claim: such an audit could not fail.
    """
    guesses, largest = max(MIN_GUESSES, 2 * int(num_canaries * SHARE_GUESSED / 2)), 0.0
    while guesses <= num_canaries:
        bound = lower_bound(num_canaries, guesses, guesses, delta, confidence)
        if bound >= claimed_epsilon + MARGIN:
            return guesses
        guesses, largest = 2 * guesses, max(largest, bound)
    raise ConfigError(
        f"{num_canaries:,} canaries cannot refute epsilon {claimed_epsilon:g} at delta {delta:g}: if all guesses were "
        f"right the bound would be {largest:.2f}, and {MARGIN:g} above the claim is asked for; try a smaller epsilon "
        f"or delta, or another number of canaries, at least {MIN_GUESSES}"
    )


def statement(result: AuditResult) -> str:
    """The result in words."""
    return "\n".join(
        [
            f"Claimed          epsilon {result.claimed_epsilon:g} at delta {result.delta:g}",
            f"Lower bound      epsilon {result.lower_bound:.2f}, with confidence {100 * result.confidence:g} %",
            f"Right guesses    {result.num_correct:,} of {result.num_guesses:,}, "
            f"about {result.num_canaries:,} canaries of which each was in or out by a coin",
            f"Verdict          {_verdict(result)}",
        ]
    )


def _verdict(result: AuditResult) -> str:
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
