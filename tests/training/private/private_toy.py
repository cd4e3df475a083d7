"""The toy task with differential privacy, and what one worker of several measures of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy import stats

from ss_ray.plans.plan import PrivateCompactPlan
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import secret_generator
from ss_ray.training.loop import Worker
from ss_ray.training.models import CompactModel, build_compact
from ss_ray.training.private.loop import RowUnits, own_units, set_private_gradient
from tests.training import toy

ALONE = Worker(rank=0, world_size=1)
DP = DPPlan(
    privacy_unit="row",
    sample_rate=0.25,
    noise_multiplier=1.5,
    max_grad_norm=0.5,
    num_steps=12,
    expected_batch_size=16.0,
    target_epsilon=8.0,
    delta=1e-5,
)
PLAN = PrivateCompactPlan(
    shape=toy.SHAPE,
    dp=DP,
    max_text_tokens=8,
    max_rows_per_unit=1,
    learning_rate=5e-3,
    lr_scheduler="cosine",
    warmup_steps=3,
    averaging=0.9,
    max_physical_batch_size=8,
    seed=11,
)


def plan(**changes: Any) -> PrivateCompactPlan:
    return replace(PLAN, dp=replace(DP, **changes))


def make_model(seed: int = 1) -> CompactModel:
    return build_compact(toy.SHAPE, vocabulary_size=toy.Z + 3, num_slots=len(toy.SLOTS), seed=seed)


def row_units(rows: torch.Tensor, worker: Worker = ALONE) -> RowUnits:
    """Rows of the toy task, each a unit."""
    return RowUnits(units=own_units(rows, None, 1, worker), groups=toy.GROUPS, most_units=len(rows))


def gradients(dp: DPPlan, worker: Worker, num_rows: int, steps: int) -> np.ndarray:
    """(steps, num_params) noisy mean gradients of a model that stands still."""
    torch.set_num_threads(1)
    model, units = make_model(), row_units(toy.make_rows(num_rows), worker)
    generator = secret_generator()
    found = []
    for _ in range(steps):
        set_private_gradient(model, units, dp, worker, generator, 64)
        found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).numpy())
    return np.stack(found)


def noise_of(found: np.ndarray, dp: DPPlan) -> np.ndarray:
    """Noise in units of what the plan says, from steps at full batches: differences leave nothing but noise."""
    return (found[1::2] - found[::2]) / np.sqrt(2) * dp.expected_batch_size / dp.noise_standard_deviation


def is_standard_normal(noise: np.ndarray, alpha: float = 1e-6) -> bool:
    """Whether variance and shape are those of a standard normal; wrong once in 1/alpha runs."""
    total, count = float(np.sum(noise**2)), noise.size
    tails = (stats.chi2.sf(total, count), stats.chi2.cdf(total, count), stats.kstest(noise.flatten(), "norm").pvalue)
    return min(tails) > alpha / 3
