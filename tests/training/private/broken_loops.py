"""Training loops with one fault each, called as `train_private` is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ss_ray.plans.plan import PrivateCompactPlan
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import add_noise, poisson_sample, secret_generator
from ss_ray.training.loop import Worker
from ss_ray.training.models import CompactModel
from ss_ray.training.private.dpsgd import clipped_sum
from ss_ray.training.private.loop import RowUnits, train_private

SetGradient = Callable[[CompactModel, RowUnits, DPPlan], None]
Sampler = Callable[[int], np.ndarray]


def with_mechanism(**factors: float) -> Any:
    """The real loop with fields of the mechanism multiplied, while the charge stays."""

    def train(model: Any, units: Any, plan: PrivateCompactPlan, *args: Any, **callbacks: Any) -> Any:
        changed = {name: getattr(plan.dp, name) * factor for name, factor in factors.items()}
        return train_private(model, units, replace(plan, dp=replace(plan.dp, **changed)), *args, **callbacks)

    return train


def loop_of(set_gradient: SetGradient) -> Any:
    """The part of `train_private` that an auditor sees, with another gradient; the model stands still."""

    def train(
        model: CompactModel, units: RowUnits, plan: PrivateCompactPlan, worker: Worker,
        *, charge: Callable[[], int], on_step: Callable[[int], None], **_: Any,
    ) -> None:  # fmt: skip
        for _ in range(plan.dp.num_steps):
            set_gradient(model, units, plan.dp)
            on_step(charge())

    return train


def with_sampler(make_sampler: Callable[[int, DPPlan], Sampler]) -> Any:
    """A loop that is right but for its samples; the sampler is made once, and called with each step's number."""
    samplers: dict[int, tuple[Sampler, list[int]]] = {}

    def set_gradient(model: CompactModel, units: RowUnits, dp: DPPlan) -> None:
        sampler, steps = samplers.setdefault(id(units), (make_sampler(units.num_units, dp), []))
        numbers = torch.from_numpy(sampler(len(steps)))
        steps.append(len(numbers))
        sums, _ = clipped_sum(model, lambda: units.losses(model, numbers), len(numbers), dp.max_grad_norm)
        flat = torch.cat([sums[p].flatten() for p in model.parameters()]).double().numpy()
        noisy = add_noise(flat, dp.noise_standard_deviation, secret_generator())
        set_flat_gradient(model, noisy / dp.expected_batch_size)

    return loop_of(set_gradient)


def shuffled(num_units: int, dp: DPPlan) -> Sampler:
    """Epochs of batches, each unit once an epoch."""
    generator, batches = secret_generator(), round(1 / dp.sample_rate)
    orders: dict[int, list[np.ndarray]] = {}

    def sample(step: int) -> np.ndarray:
        epoch, batch = divmod(step, batches)
        if epoch not in orders:
            orders[epoch] = np.array_split(generator.permutation(num_units), batches)
        return orders[epoch][batch]

    return sample


def repeated(num_units: int, dp: DPPlan) -> Sampler:
    """Every sample in two steps, one after the other."""
    generator, kept = secret_generator(), [np.empty(0, np.int64)]

    def sample(step: int) -> np.ndarray:
        if step % 2 == 0:
            kept[0] = poisson_sample(num_units, dp.sample_rate, generator)
        return kept[0]

    return sample


def fixed_size(num_units: int, dp: DPPlan) -> Sampler:
    """Batches that all have the expected size."""
    generator = secret_generator()
    return lambda step: generator.choice(num_units, round(num_units * dp.sample_rate), replace=False)


def poisson(num_units: int, dp: DPPlan) -> Sampler:
    """The right sampler."""
    generator = secret_generator()
    return lambda step: poisson_sample(num_units, dp.sample_rate, generator)


def set_flat_gradient(model: CompactModel, flat: np.ndarray) -> None:
    """Give each parameter its part of a vector of all gradients."""
    parameters = list(model.parameters())
    parts = torch.split(torch.from_numpy(flat).float(), [p.numel() for p in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)
