"""The lower bound is that of its source, and mechanisms of known epsilon stay above it as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, binom

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.audit import (
    MARGIN,
    MIN_GUESSES,
    TOLERANCE,
    AuditResult,
    audit_scores,
    likelihood_ratios,
    lower_bound,
    p_value,
    plan_guesses,
    require_unrefuted,
    statement,
)
from ss_ray.privacy.charges import Charge

RESULT = AuditResult(
    claimed_epsilon=4.0,
    delta=1e-5,
    lower_bound=2.05,
    confidence=0.95,
    num_canaries=10_000,
    num_guesses=400,
    num_correct=366,
)


def logistic(epsilon: float) -> float:
    """How often randomised response tells the truth."""
    return float(1 / (1 + np.exp(-epsilon)))


@pytest.mark.parametrize("guesses", [1, 10, 400])
def test_all_guesses_right_without_delta_is_a_power(guesses: int) -> None:
    assert p_value(guesses, guesses, guesses, 1.5, 0.0) == pytest.approx(logistic(1.5) ** guesses)


@pytest.mark.parametrize(("guesses", "correct"), [(100, 90), (400, 366), (1000, 600)])
def test_bound_without_delta_is_that_of_clopper_and_pearson(guesses: int, correct: int) -> None:
    rate = beta.ppf(0.05, correct, guesses - correct + 1)
    assert lower_bound(5000, guesses, correct, 0.0, 0.95) == pytest.approx(np.log(rate / (1 - rate)), abs=2 * TOLERANCE)


def test_one_guess_with_delta_is_the_formula_by_hand() -> None:
    """Right with probability q, and the most that delta adds is 2 delta (1 - q): the one other outcome moves up."""
    assert p_value(1, 1, 1, 1.0, 0.01) == pytest.approx(logistic(1.0) + 2 * 0.01 * (1 - logistic(1.0)))


@pytest.mark.parametrize("correct", [1, 37, 55, 60])
def test_p_value_is_the_published_loop(correct: int) -> None:
    """Appendix D of the paper, term by term."""
    chances = binom.pmf(np.arange(61), 60, logistic(2.0))
    moved = max(chances[correct - i : correct].sum() / i for i in range(1, correct + 1))
    expected = min(1.0, chances[correct:].sum() + 2 * 100 * 1e-3 * moved)
    assert p_value(100, 60, correct, 2.0, 1e-3) == pytest.approx(expected)


@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3])
def test_bound_rises_with_right_guesses_and_falls_with_confidence_delta_and_canaries(delta: float) -> None:
    bounds = [lower_bound(100, 60, correct, delta, 0.95) for correct in range(61)]
    assert bounds == sorted(bounds)
    assert bounds[0] == bounds[30] == 0 < bounds[60]
    assert lower_bound(100, 60, 60, delta, 0.99) < bounds[60]
    assert lower_bound(100, 60, 60, delta + 1e-3, 0.95) < bounds[60]
    assert lower_bound(1000, 60, 60, delta, 0.95) <= bounds[60]


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3, 1e-2])
def test_randomised_response_passes_its_bound_in_at_most_five_per_cent_of_runs(epsilon: float, delta: float) -> None:
    """Exact error rates, not simulated. With probability delta a coin, or all coins at once, are told outright."""
    coins = 100
    wrong = np.array([lower_bound(coins, coins, v, delta, 0.95) > epsilon for v in range(coins + 1)])
    chances = binom.pmf(np.arange(coins + 1), coins, logistic(epsilon))
    tells_one = binom.pmf(np.arange(coins + 1), coins, delta + (1 - delta) * logistic(epsilon))
    assert tells_one @ wrong <= 0.05
    assert (1 - delta) * (chances @ wrong) + delta * wrong[-1] <= 0.05


def test_bound_of_randomised_response_is_tight() -> None:
    """99 % of runs get at least 1.7 of epsilon 2: exact."""
    fewest = int(binom.ppf(0.01, 2000, logistic(2.0)))
    assert 1.7 < lower_bound(2000, 2000, fewest, 1e-6, 0.95) < 2.0


@pytest.mark.parametrize("sigma", [0.8, 4.0])
def test_bound_of_a_gaussian_mechanism_is_below_its_epsilon(sigma: float) -> None:
    """Of 100 seeded runs none is wrong, where 5 may be: of all mechanisms of an epsilon a Gaussian is not the worst.

    Nor is the bound empty: on average at least a fifth of epsilon with 4,000 canaries.
    """
    epsilon = epsilon_of([Charge(mechanism="gaussian", noise_multiplier=sigma)], 1e-5)
    generator = np.random.default_rng(5)
    bounds = []
    for _ in range(100):
        members = generator.random(4000) < 0.5
        scores = members + sigma * generator.standard_normal(4000)
        bounds.append(
            audit_scores(
                scores, members, num_guesses=400, claimed_epsilon=epsilon, delta=1e-5, confidence=0.95
            ).lower_bound
        )
    assert max(bounds) < epsilon
    assert np.mean(bounds) > epsilon / 5


def test_highest_scores_are_guessed_in_and_lowest_out() -> None:
    members = np.array([True, True, False, True, False, False])
    scores = np.array([9.0, 2.0, 8.0, 1.0, -3.0, -4.0])  # guesses: in, -, in, -, out, out
    result = audit_scores(scores, members, num_guesses=4, claimed_epsilon=1.0, delta=0.0, confidence=0.95)
    assert (result.num_canaries, result.num_guesses, result.num_correct) == (6, 4, 3)


def test_equal_scores_tell_nothing() -> None:
    """The auditor must not see the coins through the order of equal scores: half of the guesses are right."""
    members = np.arange(1000) % 2 == 0
    result = audit_scores(np.zeros(1000), members, num_guesses=400, claimed_epsilon=1.0, delta=0.0, confidence=0.95)
    assert (result.num_correct, result.lower_bound) == (200, 0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0])
def test_likelihood_ratio_is_that_of_two_densities(sigma: float) -> None:
    shares, rate = np.linspace(-2, 3, 11), 0.1
    out, sampled = np.exp(-(shares**2) / (2 * sigma**2)), np.exp(-((shares - 1) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(likelihood_ratios(shares, rate, sigma), np.log((1 - rate) + rate * sampled / out))
    np.testing.assert_allclose(likelihood_ratios(shares, 1.0, sigma), np.log(sampled / out))


@pytest.mark.parametrize(("epsilon", "guesses"), [(0.5, 400), (4.0, 400), (5.0, 1600)])
def test_guesses_are_enough_to_refute_a_false_claim(epsilon: float, guesses: int) -> None:
    assert plan_guesses(5000, epsilon, 1e-5, 0.95) == guesses
    assert plan_guesses(50_000, 0.5, 1e-5, 0.95) == 1000  # 2 % of many canaries
    assert lower_bound(5000, guesses, guesses, 1e-5, 0.95) >= epsilon + MARGIN


@pytest.mark.parametrize(("canaries", "epsilon", "delta"), [(1000, 8.0, 1e-5), (MIN_GUESSES - 1, 1.0, 1e-5)])
def test_audit_that_could_not_fail_is_refused(canaries: int, epsilon: float, delta: float) -> None:
    with pytest.raises(ConfigError, match=f"cannot refute epsilon {epsilon:g}"):
        plan_guesses(canaries, epsilon, delta, 0.95)


def test_bound_above_the_claim_is_an_error_and_one_below_is_no_proof() -> None:
    require_unrefuted(RESULT)
    assert "does not prove" in statement(RESULT)
    assert "366 of 400" in statement(RESULT)
    broken = replace(RESULT, lower_bound=4.8, num_correct=400)
    assert "REFUTED" in statement(broken)
    with pytest.raises(PrivacyError, match=r"at least epsilon 4\.80 where 4 is claimed"):
        require_unrefuted(broken)
