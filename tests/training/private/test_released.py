"""What a training releases is told from what it would release with one fault, whatever the model does meanwhile.

Error rates: each of four tests of a right training fails with a probability of 1e-5; faults lie far beyond.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ss_ray.location import Location
from ss_ray.plans.plan import PrivateCompactPlan
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.conformance import ChargeTest
from ss_ray.training.private.loop import RowUnits, own_units, train_private
from ss_ray.training.private.recorder import StepRecorder, read_recording
from ss_ray.training.private.released import ChargedSteps, compare_steps
from tests.training import toy
from tests.training.private import broken_loops, private_toy

PEOPLE, VISITS, STEPS = 80, 3, 12
ROWS = toy.make_rows(PEOPLE * VISITS, seed=4)
IDS = np.arange(PEOPLE * VISITS) % PEOPLE
UNITS = [np.flatnonzero(person == IDS).tolist() for person in range(PEOPLE)]
DP = replace(
    private_toy.DP, sample_rate=0.2, noise_multiplier=0.3, max_grad_norm=0.5, num_steps=STEPS, expected_batch_size=16.0
)
ALPHA = 1e-5


def people(ids: np.ndarray | None = IDS) -> RowUnits:
    units = own_units(ROWS, ids, VISITS, private_toy.ALONE)
    return RowUnits(units=units, groups=toy.GROUPS, most_units=PEOPLE * VISITS)


def findings(folder: Path, train: Any = train_private, units: RowUnits | None = None) -> dict[str, ChargeTest]:
    """What a training with this charge is found to be."""
    model, charged = private_toy.make_model(), DP
    target = Location.parse(folder / "released").make_folder()
    recorder = StepRecorder(model, target)
    recorder.begin(ROWS)
    train(
        model, units or people(), replace(private_toy.PLAN, dp=charged), private_toy.ALONE,
        resume=None, charged=lambda: 0, charge=count(1).__next__, on_step=recorder.record, on_state=lambda state: None,
    )  # fmt: skip
    steps = ChargedSteps(
        sample_rate=charged.sample_rate,
        noise_multiplier=charged.noise_multiplier,
        max_grad_norm=charged.max_grad_norm,
        expected_batch_size=charged.expected_batch_size,
    )
    found = compare_steps(private_toy.make_model(), toy.GROUPS, read_recording(target), UNITS, steps)
    return {finding.name: finding for finding in found}


def test_a_training_on_units_of_three_rows_is_what_it_is_charged_as(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert len(found) == 4
    assert min(finding.p_value for finding in found.values()) > ALPHA
    assert found["noise multiplier"].measured == pytest.approx(0.3, rel=0.02)
    assert found["sample rate"].measured == pytest.approx(0.2, rel=0.3)


def test_rows_that_count_one_by_one_are_found(tmp_path: Path) -> None:
    """Three rows of a person bring up to three clipping norms, as if the person had joined three times."""
    found = findings(tmp_path, units=people(ids=None))
    assert found["sample rate"].p_value < ALPHA
    assert found["sample rate"].measured > 1.5 * DP.sample_rate


def sampler(make: Any) -> Any:
    """The real loop with another sampler, which the model follows as it learns."""

    def train(model: Any, units: RowUnits, plan: PrivateCompactPlan, *args: Any, **callbacks: Any) -> None:
        loop = broken_loops.with_sampler(make)
        loop(model, units, plan, *args, **callbacks)

    return train


def repeated(num_units: int, dp: DPPlan) -> Any:
    """One sample for all steps: what two steps share, pairs of neighbours show."""
    sample = broken_loops.poisson(num_units, dp)(0)
    return lambda step: sample


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "name"),
    [
        (broken_loops.with_mechanism(noise_multiplier=0.9), "noise multiplier"),
        (broken_loops.with_mechanism(sample_rate=1.8), "sample rate"),
        (broken_loops.with_mechanism(max_grad_norm=2.0, noise_multiplier=0.5), "sample rate"),
        (sampler(repeated), "correlation of the samples of all pairs of steps, in standard deviations"),
    ],
    ids=["noise", "rate", "clipping", "repeated"],
)
def test_a_fault_is_found_in_what_is_released(tmp_path: Path, train: Any, name: str) -> None:
    assert findings(tmp_path, train)[name].p_value < ALPHA
