"""The lower bound is that of its source, and mechanisms of known epsilon stay above it as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.privacy.accounting import calibrate_noise, deltas_of, epsilon_of
from ss_ray.privacy.audit import (
    EPSILONS,
    MARGIN,
    MIN_GUESSES,
    AuditResult,
    TradeOff,
    audit_scores,
    likelihood_ratios,
    lower_bound,
    plan_guesses,
    refutes,
    require_unrefuted,
    statement,
    trade_off,
)
from ss_ray.privacy.charges import Charge, DPPlan

pytestmark = pytest.mark.slow

DELTA = 1e-5
RESULT = AuditResult(
    claimed_epsilon=4.0,
    delta=DELTA,
    lower_bound=2.05,
    confidence=0.95,
    num_canaries=10_000,
    num_guesses=400,
    num_correct=366,
)


def mechanism(epsilon: float, *, steps: int = 1, sample_rate: float = 1.0) -> DPPlan:
    """DP-SGD that spends an epsilon."""
    charge = Charge(mechanism="dp-sgd", noise_multiplier=0.0, sample_rate=sample_rate, count=steps)
    return DPPlan(
        privacy_unit="row",
        sample_rate=sample_rate,
        noise_multiplier=calibrate_noise(charge, epsilon, DELTA),
        max_grad_norm=1.0,
        num_steps=steps,
        expected_batch_size=100.0,
        target_epsilon=epsilon,
        delta=DELTA,
    )


def logistic(epsilon: float) -> float:
    """How often randomised response tells the truth."""
    return float(1 / (1 + np.exp(-epsilon)))


def approximate(epsilon: float, delta: float) -> TradeOff:
    """The curve of (epsilon, delta)-DP, of which nothing else is known."""
    return TradeOff(
        epsilons=np.array([epsilon, -epsilon]), deltas=np.array([delta, 1 - (1 - delta) * np.exp(-epsilon)])
    )


def fewest_refuting(curve: TradeOff, canaries: int, guesses: int, chance: float = 0.05) -> int:
    """The smallest number of right guesses that refutes; one more than there are guesses where none does."""
    return next((v for v in range(guesses + 1) if refutes(curve, canaries, guesses, v, chance)), guesses + 1)


# The curve


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_curve_of_a_gaussian_is_that_of_two_densities(sigma: float) -> None:
    """False positives of the likelihood ratio test, which is the best, by the formula of Dong et al. 2022."""
    charge = Charge(mechanism="gaussian", noise_multiplier=sigma)
    curve = TradeOff(epsilons=EPSILONS, deltas=deltas_of(charge, EPSILONS))
    for true in (0.001, 0.01, 0.1, 0.5):
        exact = norm.cdf(norm.ppf(true) - 1 / sigma)
        assert exact * 0.97 <= curve.least_false(true) <= exact


def test_curve_gives_back_the_epsilon_of_the_accountant() -> None:
    dp = mechanism(4.0, steps=100, sample_rate=0.1)
    curve = trade_off(dp, dp.noise_multiplier)
    epsilon = brentq(lambda e: float(np.interp(e, curve.epsilons, curve.deltas)) - DELTA, 1.0, 8.0)
    assert epsilon == pytest.approx(epsilon_of([dp.charge(100)], DELTA), rel=0.02)


# The theorem


@pytest.mark.parametrize("guesses", [1, 10, 60])
def test_all_guesses_right_without_delta_is_no_less_likely_than_a_power(guesses: int) -> None:
    """Randomised response is right in all with probability p^r, so no chance below that may be refuted."""
    curve = approximate(1.5, 0.0)
    power = logistic(1.5) ** guesses
    assert not refutes(curve, guesses, guesses, guesses, power * 0.999)
    assert refutes(curve, guesses, guesses, guesses, 0.9)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3, 1e-2])
def test_randomised_response_is_refuted_in_at_most_five_per_cent_of_runs(epsilon: float, delta: float) -> None:
    """Exact error rates, not simulated. With probability delta a coin, or all coins at once, are told outright."""
    coins = 100
    fewest = fewest_refuting(approximate(epsilon, delta), coins, coins)
    right = logistic(epsilon)
    assert binom.sf(fewest - 1, coins, delta + (1 - delta) * right) <= 0.05
    assert (1 - delta) * binom.sf(fewest - 1, coins, right) + delta * (fewest <= coins) <= 0.05


def test_more_right_guesses_refute_more_and_a_smaller_chance_less() -> None:
    curve = approximate(2.0, 1e-5)
    refuted = [refutes(curve, 1000, 60, v, 0.05) for v in range(61)]
    assert refuted == sorted(refuted)
    assert (refuted[30], refuted[60]) == (False, True)
    assert fewest_refuting(curve, 1000, 60, 0.001) > fewest_refuting(curve, 1000, 60, 0.05)
    assert fewest_refuting(approximate(3.0, 1e-5), 1000, 60) > fewest_refuting(curve, 1000, 60)


@pytest.mark.parametrize("sigma", [0.8, 4.0])
def test_a_gaussian_mechanism_is_refuted_in_at_most_five_per_cent_of_runs(sigma: float) -> None:
    """Of 400 seeded runs 20 are expected at most; more than 38 would come once in 10,000 if 5 % were true."""
    charge = Charge(mechanism="gaussian", noise_multiplier=sigma)
    canaries, guesses = 4000, 200
    fewest = fewest_refuting(TradeOff(epsilons=EPSILONS, deltas=deltas_of(charge, EPSILONS)), canaries, guesses)
    generator, wrong = np.random.default_rng(5), 0
    for _ in range(400):
        members = generator.random(canaries) < 0.5
        named = np.argsort(members + sigma * generator.standard_normal(canaries))[-guesses:]
        wrong += int(members[named].sum()) >= fewest
    assert wrong <= 38


def test_bound_of_a_gaussian_mechanism_is_two_thirds_of_its_epsilon() -> None:
    """Of 9 seeded runs, each with 50,000 canaries, none is wrong, and the median is 2.6 of 4 at least."""
    dp = mechanism(4.0)
    generator, bounds = np.random.default_rng(7), []
    for _ in range(9):
        members = generator.random(50_000) < 0.5
        scores = members + dp.noise_multiplier * generator.standard_normal(50_000)
        found = audit_scores(scores, members, num_guesses=250, dp=dp, confidence=0.95)
        bounds.append(found.lower_bound)
    assert max(bounds) < 4.0
    assert np.median(bounds) > 2.6


# The audit


def test_highest_scores_are_guessed_in() -> None:
    members = np.array([True, True, False, True, False, False])
    scores = np.array([9.0, 2.0, 8.0, 1.0, -3.0, 4.0])  # guesses: in, -, in, -, -, in
    result = audit_scores(scores, members, num_guesses=3, dp=mechanism(1.0), confidence=0.95)
    assert (result.num_canaries, result.num_guesses, result.num_correct) == (6, 3, 1)


def test_equal_scores_tell_nothing() -> None:
    """The auditor must not see the coins through the order of equal scores: half of the guesses are right."""
    members = np.arange(1000) % 2 == 0
    result = audit_scores(np.zeros(1000), members, num_guesses=400, dp=mechanism(1.0), confidence=0.95)
    assert (result.num_correct, result.lower_bound) == (200, 0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0])
def test_likelihood_ratio_is_that_of_two_densities(sigma: float) -> None:
    shares, rate = np.linspace(-2, 3, 11), 0.1
    out, sampled = np.exp(-(shares**2) / (2 * sigma**2)), np.exp(-((shares - 1) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(likelihood_ratios(shares, rate, sigma), np.log((1 - rate) + rate * sampled / out))
    np.testing.assert_allclose(likelihood_ratios(shares, 1.0, sigma), np.log(sampled / out))


@pytest.mark.parametrize(("canaries", "epsilon"), [(5000, 0.5), (5000, 4.0), (200_000, 4.0)])
def test_guesses_are_enough_to_refute_a_false_claim(canaries: int, epsilon: float) -> None:
    dp = mechanism(epsilon)
    guesses = plan_guesses(canaries, dp, 0.95)
    assert guesses == max(MIN_GUESSES, canaries // 200)
    assert lower_bound(dp, canaries, guesses, guesses, 0.95) >= epsilon + MARGIN


def test_audit_that_could_not_fail_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot refute epsilon 1 at"):
        plan_guesses(MIN_GUESSES - 1, mechanism(1.0), 0.95)


def test_bound_above_the_claim_is_an_error_and_one_below_is_no_proof() -> None:
    require_unrefuted(RESULT)
    assert "does not prove" in statement(RESULT)
    assert "366 of 400" in statement(RESULT)
    broken = replace(RESULT, lower_bound=4.8, num_correct=400)
    assert "REFUTED" in statement(broken)
    with pytest.raises(PrivacyError, match=r"at least epsilon 4\.80 where 4 is claimed"):
        require_unrefuted(broken)
