"""One plan fixes the mechanism, and what it charges is what it was calibrated for."""

from __future__ import annotations

from typing import Any

import pytest

from ss_ray.errors import PrivacyError
from ss_ray.privacy.accounting import epsilon_of
from ss_ray.privacy.charges import Charge, DPPlan
from ss_ray.privacy.plan import CountedUnits, make_dp_plan


def plan(num_units: int = 20_000, **changes: Any) -> DPPlan:
    asked: dict[str, Any] = {"target_epsilon": 1.0, "delta": 1e-5, "max_grad_norm": 0.5, "spent": ()}
    units = CountedUnits(privacy_unit="row", num_units=num_units, rough_num_units=num_units)
    return make_dp_plan(units, **asked | changes)


@pytest.mark.parametrize(("num_units", "epsilon"), [(100, 8.0), (5_000, 0.5), (10**8, 3.0)])
def test_plan_spends_its_target_and_no_more(num_units: int, epsilon: float) -> None:
    spent = [Charge(mechanism="schema", noise_multiplier=40 / epsilon, count=12, delta=1e-8)]
    dp = plan(num_units, target_epsilon=epsilon, spent=spent)
    assert 0.98 * epsilon <= epsilon_of([dp.charge(dp.num_steps), *spent], dp.delta) <= epsilon
    assert 0 < dp.sample_rate <= 1
    assert dp.expected_batch_size == pytest.approx(dp.sample_rate * num_units)
    assert dp.noise_standard_deviation == dp.noise_multiplier * 0.5


def test_batch_and_steps_can_be_given() -> None:
    dp = plan(expected_batch_size=500, num_units_shown=50_000)
    assert (dp.sample_rate, dp.num_steps) == (0.025, 100)
    assert plan(expected_batch_size=50_000).sample_rate == 1.0


def test_too_few_units_are_refused() -> None:
    with pytest.raises(PrivacyError, match="too few"):
        plan(num_units=99)
