"""The real training loop is the mechanism that it is charged as, and loops with one fault are told from it.

Error rates: the real loop fails a test once in 10,000 runs (`FALSE_ALARM`). The faults here lie seven standard
deviations away, or more, so that one passes in less than one of a million runs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.conformance import (
    FALSE_ALARM,
    ChargeTest,
    Conformance,
    Shares,
    compare_shares,
    conformance_statement,
    require_conformance,
)
from ss_ray.training.private.canaries import check_training, plan_audit
from ss_ray.training.private.loop import train_private
from tests.training.private import broken_loops

pytestmark = pytest.mark.slow

CANARIES, ROWS = 3000, 100


@cache
def planned() -> DPPlan:
    return plan_audit(
        epsilon=4.0, delta=1e-5, num_steps=40, sample_rate=0.1, num_canaries=CANARIES, num_rows=ROWS
    )  # fmt: skip


def checked(train: Any = train_private, **changes: Any) -> Conformance:
    return check_training(replace(planned(), **changes), CANARIES, ROWS, train=train)


def test_real_loop_conforms_to_its_charge() -> None:
    result = checked()
    require_conformance(result)
    assert result.implied_epsilon == pytest.approx(4.0, rel=0.1)
    assert len(result.findings) == 12


@pytest.mark.parametrize("changes", [{"num_steps": 1}, {"sample_rate": 1.0, "num_steps": 3, "noise_multiplier": 8.0}])
def test_one_step_and_full_batches_conform(changes: dict[str, Any]) -> None:
    dp = replace(planned(), **changes)
    require_conformance(checked(**changes, expected_batch_size=dp.sample_rate * (ROWS + CANARIES / 2)))


@pytest.mark.parametrize(
    ("train", "name"),
    [
        (broken_loops.with_mechanism(noise_multiplier=0.9), "noise multiplier"),
        (broken_loops.with_mechanism(sample_rate=1.5), "sample rate"),
        (broken_loops.with_mechanism(max_grad_norm=1.1, noise_multiplier=1 / 1.1), "largest influence of one unit"),
        (broken_loops.with_sampler(broken_loops.shuffled), "variance of a unit's steps"),
        (broken_loops.with_sampler(broken_loops.repeated), "correlation of a unit's neighbouring steps"),
        (broken_loops.with_sampler(broken_loops.fixed_size), "variance of a step's units"),
    ],
    ids=["noise", "rate", "clipping", "shuffled", "repeated", "fixed size"],
)
def test_a_fault_is_found_by_its_own_test(train: Any, name: str) -> None:
    result = checked(train)
    assert any(finding.name.startswith(name) for finding in result.failed)
    with pytest.raises(PrivacyError, match="the audit refutes the mechanism"):
        require_conformance(result)
    assert "REFUTED" in conformance_statement(result)
    assert "FAILED" in conformance_statement(result)


def test_loop_of_the_tests_is_right_with_the_right_sampler() -> None:
    """Else the faults above could be those of the tests' own loop."""
    require_conformance(checked(broken_loops.with_sampler(broken_loops.poisson)))


def test_a_fault_that_hides_from_the_quiet_run_is_found_under_the_noise() -> None:
    """A loop that looks at how much noise it is to add, and samples honestly where it could be seen."""
    honest, faulty = train_private, broken_loops.with_mechanism(sample_rate=1.5)

    def hiding(model: Any, units: Any, plan: Any, *args: Any, **callbacks: Any) -> Any:
        train = honest if plan.dp.noise_multiplier < 0.1 else faulty
        return train(model, units, plan, *args, **callbacks)

    failed = [finding.name for finding in checked(hiding).failed]
    assert "share of a unit in a step, under the noise" in failed


def test_false_alarms_are_as_rare_as_they_are_said_to_be() -> None:
    """Of ten continuous tests of 300 ideal runs 30 p-values lie below 1 % on average; 56 are five deviations more."""
    dp, generator = replace(planned(), num_steps=20), np.random.default_rng(3)
    members = np.arange(800) % 2 == 0
    findings: list[ChargeTest] = []
    for _ in range(300):
        parts = (generator.random((20, 800)) < dp.sample_rate) & members
        noise = dp.noise_multiplier * generator.standard_normal((20, 800))
        quiet = Shares(values=parts.astype(float), members=members)
        findings += compare_shares(dp, quiet, Shares(values=parts + noise, members=members))
    assert len(findings) == 12 * 300
    assert sum(finding.p_value < 0.01 for finding in findings) <= 56
    assert not any(finding.p_value < FALSE_ALARM / 12 for finding in findings)
