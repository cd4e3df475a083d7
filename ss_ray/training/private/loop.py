"""The training loop with differential privacy: the mechanism of one `DPPlan`, the same for one worker and for many.

Each unit is owned by exactly one worker, which alone decides, by randomness that nobody else has, whether it joins a
batch. The first worker adds the noise, once, to the sum over all workers, and tells them the result. Weights are
averaged over the steps, which costs no privacy. Nothing that was computed from rows leaves the loop but noisy sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from ss_ray.codec.columns import PAD
from ss_ray.errors import PrivacyError, TrainingError
from ss_ray.plans.loop import PrivateLoopPlan
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import add_noise, poisson_sample, secret_generator
from ss_ray.training.loop import Worker
from ss_ray.training.models import CompactModel, SlotGroup, row_losses
from ss_ray.training.optimizers import set_learning_rate
from ss_ray.training.private.dpsgd import check_layers, clipped_sum
from ss_ray.training.unit_files import UnitFiles, load_units

MAX_POSITIONS = 8192
"""Tokens whose gradients are computed together at most: their vectors stay near the processor, and units of many long
rows need memory for all of them."""


@dataclass(frozen=True, kw_only=True)
class Units:
    """One worker's privacy units.

    Attributes:
        tokens: (rows + 1, slots) int64, the last row all PAD.
        rows: (units, rows of a unit) int64 numbers of rows; -1 where a unit has fewer, which is the row of PAD.
    """

    tokens: Tensor
    rows: Tensor


class PrivateUnits(Protocol):
    """One worker's privacy units, numbered from 0 on, whatever they are made of."""

    @property
    def num_units(self) -> int:
        """Of this worker."""

    @property
    def most_units(self) -> int:
        """Privacy units of the table: the units of all workers together are no more than these."""

    @property
    def is_learned(self) -> bool:
        """Whether there is anything to learn."""

    def parts(self, numbers: Tensor, most: int) -> Sequence[Tensor]:
        """Units whose gradients are computed together, `most` at most; it changes memory and speed only."""

    def losses(self, model: Any, numbers: Tensor) -> Tensor:
        """(len(numbers),) nats, each of one unit alone, of equally many rows of the batch."""


@dataclass(frozen=True, kw_only=True)
class RowUnits:
    """Units of rows of the compact model.

    Attributes:
        units: Token rows of each unit.
        groups: Slot groups of the codec.
        most_units: Privacy units of the table, counted apart from `units`.
    """

    units: Units
    groups: Sequence[SlotGroup]
    most_units: int

    @property
    def num_units(self) -> int:
        """Of this worker."""
        return len(self.units.rows)

    @property
    def is_learned(self) -> bool:
        """Whether there is a slot to learn."""
        return bool(self.groups)

    def parts(self, numbers: Tensor, most: int) -> Sequence[Tensor]:
        """As many units together as MAX_POSITIONS allows."""
        slots = self.units.rows.shape[1] * self.units.tokens.shape[1]
        return torch.split(numbers, max(1, min(most, MAX_POSITIONS // slots)))

    def losses(self, model: CompactModel, numbers: Tensor) -> Tensor:
        """The mean over the rows of each unit."""
        return unit_losses(model, self.units, self.units.rows[numbers], self.groups)


@dataclass(frozen=True, kw_only=True)
class PrivateState:
    """All that a restart needs; its tensors are copies that no later step changes.

    Attributes:
        step: Optimizer steps in the weights.
        model: Current weights, those that are trained, and buffers.
        optimizer: State of the optimizer.
        average: Weights averaged over the steps, which are the ones to keep.
    """

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    average: dict[str, Any]


def own_units(tokens: Tensor, unit_ids: np.ndarray | None, max_rows: int, worker: Worker) -> Units:
    """The units of one worker: disjoint over the workers, all of them together.

    Args:
        tokens: (rows, slots) of the whole table.
        unit_ids: (rows,) which unit each row belongs to; None where each is its own.
        max_rows: Rows of a unit that take part; the first ones in table order.
        worker: Rank of this worker, and the number of workers.
    """
    padded = torch.cat([tokens, torch.full_like(tokens[:1], PAD)])
    if unit_ids is None:
        ids = np.arange(len(tokens))
    else:
        ids = unit_ids

    return Units(tokens=padded, rows=own_rows(ids, max_rows, worker))


def own_row_units(
    tokens: Tensor, groups: Sequence[SlotGroup], units: UnitFiles, *, max_rows: int, worker: Worker
) -> RowUnits:
    """The units of one worker as they were saved; see `own_units`."""
    own = own_units(tokens, load_units(units), max_rows, worker)
    return RowUnits(units=own, groups=groups, most_units=units.count)


def own_rows(unit_ids: npt.NDArray[Any], max_rows: int, worker: Worker) -> Tensor:
    """(units, rows of a unit) int64 numbers of the rows of one worker's units; -1 where a unit has fewer.

    Which rows of a unit are kept depends on its own rows alone.

    Args:
        unit_ids: (rows,) which unit each row belongs to.
        max_rows: Rows of a unit that take part; the first ones in table order.
        worker: Rank of this worker, and the number of workers.
    """
    _, numbers = np.unique(unit_ids, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    first = np.searchsorted(numbers[order], np.arange(numbers.max(initial=-1) + 1))
    place = np.arange(len(order)) - first[numbers[order]]
    kept = place < max_rows
    table = np.full((len(first), min(max_rows, int(place.max(initial=0)) + 1)), -1)
    table[numbers[order][kept], place[kept]] = order[kept]

    return torch.from_numpy(table[worker.rank :: worker.world_size])


def check_owned(units: PrivateUnits, worker: Worker, device: torch.device) -> None:
    """Refuse to train on more units than the table has: rows of one unit would each be clipped by itself.

    Args:
        units: Units of this worker.
        worker: Rank of this worker, and the number of workers.
        device: Device of the model, over which the workers talk.

    Raises:
        PrivacyError: A privacy unit counts as several, or several workers own it. The numbers stay secret.
    """
    owned = torch.tensor([units.num_units], device=device)
    if dist.is_initialized():
        dist.all_reduce(owned)

    if int(owned.item()) > units.most_units:
        raise PrivacyError(
            "the workers own more privacy units than the table has, so the noise would not cover one of them; this is "
            "a fault of this version: do not release anything that it trained with groups"
        )


def train_private(
    model: Any,
    units: PrivateUnits,
    plan: PrivateLoopPlan,
    worker: Worker,
    *,
    resume: PrivateState | None,
    charged: Callable[[], int],
    charge: Callable[[], int],
    on_step: Callable[[int], None],
    on_state: Callable[[Callable[[], PrivateState]], None],
) -> PrivateState:
    """Train until `plan.dp.num_steps` steps were charged, those that a crash lost included; the last state.

    Args:
        model: Model that is changed in place; frozen weights stay.
        units: Privacy units of this worker.
        plan: Mechanism, learning rates and number of steps.
        worker: Rank of this worker, and the number of workers.
        resume: State of an earlier checkpoint; None starts afresh.
        charged: Called by rank 0 at the start; steps that were charged before, whatever became of them.
        charge: Called by rank 0 before the noise of each step; gives the steps charged so far, this one included.
        on_step: Called with the steps charged so far.
        on_state: Called after each step with a function that copies a state that can be resumed from.

    Raises:
        PrivacyError: A layer or gradient cannot be clipped, a step is not paid for, or the table has fewer units.
        TrainingError: The weights are not finite.
    """
    check_layers(model)
    check_owned(units, worker, model.device)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.Adam(trained.values(), lr=plan.learning_rate)
    average = {name: weight.detach().clone() for name, weight in trained.items()}
    if resume is not None:
        _restore_state(resume, model, optimizer, average)

    taken = resume.step if resume else 0
    generator = secret_generator()

    def state() -> PrivateState:
        return _copy_state(taken, model, optimizer, average)

    done = _from_leader(charged, worker, model.device)
    # The ledger counts the steps: a step that a crash lost was charged, and is not taken again.
    while units.is_learned and done < plan.dp.num_steps:
        done = _from_leader(charge, worker, model.device)
        set_learning_rate(optimizer, done - 1, plan)
        set_private_gradient(model, units, plan.dp, worker, generator, plan.max_physical_batch_size)
        optimizer.step()
        taken += 1
        _average_weights(average, trained, min(plan.averaging, taken / (taken + 9)))
        on_step(done)
        on_state(state)

    # The weights are noisy already, so that looking at them costs no budget.
    if not all(bool(torch.isfinite(weight).all()) for weight in average.values()):
        raise TrainingError("the weights are not finite; lower training.learning_rate")

    return state()


def _restore_state(
    state: PrivateState, model: Any, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
) -> None:
    """Put the tensors of an earlier state back; weights that are not trained stay as they are."""
    is_whole = all(weight.requires_grad for weight in model.parameters())
    model.load_state_dict(state.model, strict=is_whole)
    optimizer.load_state_dict(state.optimizer)
    for name, weight in average.items():
        weight.copy_(state.average[name])


def _copy_state(step: int, model: Any, optimizer: torch.optim.Optimizer, average: Mapping[str, Tensor]) -> PrivateState:
    """The state after some steps; its tensors are copies that no later step changes."""
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    weights = {n: tensor.detach().clone() for n, tensor in model.state_dict().items() if n not in frozen}
    return PrivateState(
        step=step,
        model=weights,
        optimizer=optimizer.state_dict(),
        average=weights | {name: weight.clone() for name, weight in average.items()},
    )


def set_private_gradient(
    model: Any,
    units: PrivateUnits,
    dp: DPPlan,
    worker: Worker,
    generator: np.random.Generator,
    max_physical_batch_size: int,
) -> None:
    """Draw a batch of this worker's units, and set each parameter's gradient to the noisy mean over all workers.

    Args:
        model: Its `grad`s are set, the same on every worker.
        units: Privacy units of this worker.
        dp: Mechanism: sample rate, clipping norm, noise and number of steps.
        worker: Rank of this worker, and the number of workers.
        generator: This worker's own, from `secret_generator`.
        max_physical_batch_size: Units whose gradients are computed together; changes memory and speed only.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # Each unit joins by itself: an empty batch still takes its noise.
    sampled = torch.from_numpy(poisson_sample(units.num_units, dp.sample_rate, generator))
    total = [torch.zeros_like(parameter, dtype=torch.float32) for parameter in parameters]

    for numbers in units.parts(sampled, max_physical_batch_size) if len(sampled) else ():
        sums, _ = clipped_sum(model, partial(units.losses, model, numbers), len(numbers), dp.max_grad_norm)
        for held, parameter in zip(total, parameters, strict=True):
            held += sums[parameter]

    # The noise is added on a grid, which needs the precision of float64.
    flat = torch.cat([held.flatten() for held in total]).double()
    if dist.is_initialized():
        dist.reduce(flat, dst=0)

    # The whole sum is rounded to the noise's grid, not a part of it.
    if worker.rank == 0:
        noisy = add_noise(flat.cpu().numpy(), dp.noise_standard_deviation, generator)
        flat = torch.from_numpy(noisy).to(flat.device)

    if dist.is_initialized():
        dist.broadcast(flat, src=0)

    mean = (flat / dp.expected_batch_size).float()
    for parameter, grad in zip(parameters, torch.split(mean, [p.numel() for p in parameters]), strict=True):
        parameter.grad = grad.view_as(parameter).to(parameter.dtype)


def unit_losses(model: CompactModel, units: Units, rows: Tensor, groups: Sequence[SlotGroup]) -> Tensor:
    """(units,) mean loss over the rows of each unit, in nats; a unit's loss is its own alone.

    Args:
        model: Compact model that is trained.
        units: Units that own the rows.
        rows: (units, rows of a unit) row numbers, -1 for none.
        groups: Groups of the codec's slots that share a token range.
    """
    losses = row_losses(model, units.tokens[rows.flatten()], groups).view(rows.shape)
    return losses.sum(dim=1) / (rows >= 0).sum(dim=1)


def _from_leader(number: Callable[[], int], worker: Worker, device: torch.device) -> int:
    """What rank 0 hears from the ledger; all workers wait for it."""
    heard = torch.tensor([number() if worker.rank == 0 else 0], device=device)
    if dist.is_initialized():
        dist.broadcast(heard, src=0)
    return int(heard.item())


def _average_weights(average: dict[str, Tensor], weights: Mapping[str, Tensor], decay: float) -> None:
    """Exponential moving average of the weights; post-processing."""
    with torch.no_grad():
        for name, weight in weights.items():
            average[name].mul_(decay).add_(weight, alpha=1 - decay)
