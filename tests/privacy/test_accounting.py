"""Epsilon is that of independent sources, composes over jobs, and calibration never passes its target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opacus.accountants import RDPAccountant

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import auto_delta, calibrate_noise, epsilon_of
from ss_ray.privacy.charges import Charge

GOLDEN = Charge(mechanism="dp-sgd", noise_multiplier=3.0, sample_rate=0.1, count=512)


def test_golden_epsilon_by_pld() -> None:
    """3.77: Poisson 0.1, sigma 3, 512 steps, delta 1e-6; our coarser grid may only be above, by half a per cent."""
    assert 3.769 <= epsilon_of([GOLDEN], 1e-6) <= 3.769 * 1.005


@pytest.mark.filterwarnings("ignore:Optimal order")
@pytest.mark.parametrize(("sigma", "rate", "steps"), [(3.0, 0.1, 512), (1.0, 0.01, 1000), (0.8, 0.001, 5000)])
def test_rdp_agrees_with_the_accountant_of_opacus(sigma: float, rate: float, steps: int) -> None:
    theirs = RDPAccountant()
    theirs.history = [(sigma, rate, steps)]
    charge = Charge(mechanism="dp-sgd", noise_multiplier=sigma, sample_rate=rate, count=steps)
    assert epsilon_of([charge], 1e-5, "rdp") == pytest.approx(theirs.get_epsilon(1e-5), rel=0.03)  # other orders


def test_rdp_is_never_below_pld() -> None:
    assert epsilon_of([GOLDEN], 1e-6, "rdp") >= epsilon_of([GOLDEN], 1e-6)


@pytest.mark.parametrize("accountant", ["pld", "rdp"])
def test_charges_compose(accountant: str) -> None:
    half = replace(GOLDEN, count=256)
    assert epsilon_of([half, half], 1e-6, accountant) == pytest.approx(epsilon_of([GOLDEN], 1e-6, accountant), rel=1e-3)
    schema = Charge(mechanism="schema", noise_multiplier=20.0, count=30)
    assert epsilon_of([GOLDEN, schema], 1e-6, accountant) > epsilon_of([GOLDEN], 1e-6, accountant)
    assert epsilon_of([], 1e-6, accountant) == 0


def test_thresholds_are_paid_from_delta() -> None:
    schema = Charge(mechanism="schema", noise_multiplier=20.0, count=10, delta=5e-8)
    free = replace(schema, delta=0.0)
    assert epsilon_of([schema], 1e-6) == pytest.approx(epsilon_of([free], 5e-7), rel=1e-6)
    with pytest.raises(PrivacyError, match="thresholds"):
        epsilon_of([replace(schema, count=20)], 1e-6)


def test_full_batches_are_plain_gaussians() -> None:
    """Balle and Wang 2018, arXiv:1805.06530: epsilon 1 at delta 1e-5 takes sigma 3.7304 for sensitivity 1."""
    assert epsilon_of([Charge(mechanism="g", noise_multiplier=3.7304)], 1e-5) == pytest.approx(1.0, rel=2e-3)


@pytest.mark.parametrize(
    ("target", "rate", "steps"),
    [(0.1, 0.001, 3000), (1.0, 0.1, 200), (8.0, 0.001, 3000), (8.0, 1.0, 27), (50.0, 0.1, 200)],
)
def test_calibration_never_passes_its_target_and_wastes_little(target: float, rate: float, steps: int) -> None:
    asked = Charge(mechanism="dp-sgd", noise_multiplier=0.0, sample_rate=rate, count=steps)
    spent = [Charge(mechanism="schema", noise_multiplier=40.0 / target, count=20)]
    sigma = calibrate_noise(asked, target, 1e-5, spent)
    assert epsilon_of([replace(asked, noise_multiplier=sigma), *spent], 1e-5) <= target
    assert epsilon_of([replace(asked, noise_multiplier=0.98 * sigma), *spent], 1e-5) > target


def test_what_was_spent_before_may_leave_nothing() -> None:
    spent = [Charge(mechanism="schema", noise_multiplier=2.0, count=10)]
    with pytest.raises(PrivacyError, match="leaves too little"):
        calibrate_noise(Charge(mechanism="dp-sgd", noise_multiplier=0.0, count=10), 1.0, 1e-5, spent)


def test_auto_delta_is_that_of_the_reference() -> None:
    assert auto_delta(20_000) == pytest.approx(20_000**-1.2)
    assert auto_delta(0) < 1
