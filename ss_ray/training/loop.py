"""The training loop: plain torch over examples in memory, the same for one worker and for many, and for all models.

Each worker owns every world_size-th unit and takes its share of every batch from them; gradients are averaged over
the workers after each step, so all hold the same weights. Which examples a step sees is a function of the seed and the
step alone, so a restarted worker goes on exactly where its checkpoint was written.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from ss_ray.errors import TrainingError
from ss_ray.plans.loop import LoopPlan
from ss_ray.training.examples import Examples
from ss_ray.training.optimizers import Optimizer, WeightAverage, copy_weights, learning_rate_factor
from ss_ray.training.smoothing import computed_once

VALIDATION_BATCH = 1024
# Clipping norm of the gradient of the mean loss per slot.
MAX_GRAD_NORM = 1.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Which of how many workers this is."""

    rank: int
    world_size: int


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """All that a restart needs; its tensors are copies that no later step changes.

    Attributes:
        step: Optimizer steps done.
        model: Current weights, those that are trained.
        optimizer: State of the optimizer.
        average: Average of the weights, which is what is validated.
        best_loss: Smallest validation loss so far, nats per example.
        best_model: Averaged weights that gave it.
        bad_validations: Validations since then.
        losses: (step, validation loss) of every validation.
    """

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    average: dict[str, Any]
    best_loss: float
    best_model: dict[str, Any]
    bad_validations: int
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class ExampleSplit:
    """Numbers of one worker's examples, (examples,) int64 each; validation may be empty."""

    train: Tensor
    validation: Tensor


def split_examples(units: Tensor, plan: LoopPlan, worker: Worker) -> ExampleSplit:
    """This worker's training and validation examples, disjoint over all workers, no unit on both sides.

    Args:
        units: (examples,) the unit of each: numbers from 0 on, each of which occurs.
        plan: Share of the units to validate on, and seed.
        worker: Rank of this worker, and the number of workers.

    Raises:
        TrainingError: Fewer training units than workers.
    """
    num_units = int(units.max()) + 1 if len(units) else 0
    order = torch.randperm(num_units, generator=torch.Generator().manual_seed(plan.seed))
    num_validation = int(num_units * plan.validation_ratio)
    if num_units - num_validation < worker.world_size:
        raise TrainingError(
            f"{num_units - num_validation} training units (rows, or groups of them) are too few for "
            f"{worker.world_size} workers; lower resources.num_train_workers or training.validation_ratio"
        )

    own = slice(worker.rank, None, worker.world_size)
    return ExampleSplit(
        train=_examples_of(order[num_validation:][own], units, num_units),
        validation=_examples_of(order[:num_validation][own], units, num_units),
    )


def _examples_of(chosen: Tensor, units: Tensor, num_units: int) -> Tensor:
    is_chosen = torch.zeros(num_units, dtype=torch.bool)
    is_chosen[chosen] = True
    return is_chosen[units].nonzero().squeeze(1)


def train(
    model: nn.Module,
    examples: Examples,
    sides: ExampleSplit,
    plan: LoopPlan,
    worker: Worker,
    *,
    resume: TrainState | None,
    on_step: Callable[[int, float], None],
    on_validation: Callable[[TrainState], None],
) -> TrainState:
    """Train until `plan.num_steps`, or until `plan.patience` validations brought nothing.

    A table without slots (of constants and identifiers) has nothing to learn: it takes no step, and one validation.

    Args:
        model: Changed in place.
        examples: Examples that the model learns.
        sides: Numbers of this worker's training and validation examples.
        plan: Batches, steps, learning rates and validation.
        worker: Rank of this worker, and the number of workers.
        resume: State of an earlier checkpoint; None starts afresh.
        on_step: Called with the step and its mean loss in nats per example.
        on_validation: Called on every worker with a state that can be resumed from.

    Returns:
        The last state; `best_model` are the weights to keep.

    Raises:
        TrainingError: A gradient or a validation loss is not finite.
    """
    optimizer = Optimizer(model, plan)
    state = resume or TrainState(
        step=0, model={}, optimizer={}, average={}, best_loss=math.inf, best_model={}, bad_validations=0, losses=()
    )
    if resume is not None:
        model.load_state_dict(resume.model, strict=False)
        # Which would share its tensors.
        optimizer.load(copy.deepcopy(resume.optimizer))

    average = WeightAverage(model, plan.averaging, state.average)
    num_steps = plan.num_steps if examples.positions else 0
    for step in range(state.step, num_steps):
        # Every worker sees the same validation loss, so all of them stop at the same step.
        if state.bad_validations >= plan.patience:
            break

        loss = _compute_gradients(model, examples, batch_of(sides.train, step, plan, worker), plan)
        optimizer.step(learning_rate_factor(step, plan))
        average.update(step + 1)
        on_step(step + 1, loss)
        if (step + 1) % plan.validation_steps == 0 or step + 1 == num_steps:
            state = _validate_step(state, step + 1, model, optimizer, average, examples, sides.validation)
            on_validation(state)

    if not state.best_model:
        state = _validate_step(state, 0, model, optimizer, average, examples, sides.validation)
        on_validation(state)

    return state


def batch_of(rows: Tensor, step: int, plan: LoopPlan, worker: Worker) -> Tensor:
    """This worker's examples of a step: the next ones of a shuffled pass, a new order for every pass."""
    # A batch is that of all workers together.
    size = max(1, plan.batch_rows // worker.world_size)
    first = step * size
    parts = []

    while size > 0:
        epoch, offset = divmod(first, len(rows))
        order = _shuffled_order(len(rows), plan.seed, worker.rank, epoch)
        parts.append(rows[order[offset : offset + size]])
        first = first + len(parts[-1])
        size = size - len(parts[-1])

    return torch.cat(parts)


@lru_cache(maxsize=2)
def _shuffled_order(num_rows: int, seed: int, rank: int, epoch: int) -> Tensor:
    """The shuffled places of one pass of one worker."""
    return torch.from_numpy(np.random.default_rng([seed, rank, epoch]).permutation(num_rows))


def _compute_gradients(model: nn.Module, examples: Examples, batch: Tensor, plan: LoopPlan) -> float:
    """The gradients of one step, averaged over the workers and clipped; this worker's mean loss of its examples."""
    model.zero_grad()
    total = 0.0
    for part in examples.parts(batch, plan.micro_batches):
        with computed_once():
            loss = examples.losses(model, part).sum() / len(batch)

        torch.autograd.backward(loss / examples.positions)
        total += loss.item()

    _average_gradients(model)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
    # Of all workers' rows, so all of them stop here.
    if not math.isfinite(float(norm)):
        raise TrainingError("the gradient is not finite; lower training.learning_rate")

    return total


def _average_gradients(model: nn.Module) -> None:
    """Replace each gradient by its mean over the workers, in one message."""
    # One worker has nothing to average with.
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return

    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    # One message for all gradients: the latency of a message counts more than its size here.
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0

    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def _validate_step(
    state: TrainState,
    step: int,
    model: nn.Module,
    optimizer: Optimizer,
    average: WeightAverage,
    examples: Examples,
    validation: Tensor,
) -> TrainState:
    """The state after a validation; without validation rows the current weights are always the best."""
    with average.applied() as averaged:
        loss = validation_loss(model, examples, validation)

    if loss is not None and not math.isfinite(loss):
        raise TrainingError("the validation loss is not finite; lower training.learning_rate")

    improved = loss is None or loss < state.best_loss
    return TrainState(
        step=step,
        model=copy_weights(model),
        optimizer=copy.deepcopy(optimizer.state()),
        average=averaged,
        best_loss=loss if loss is not None and improved else state.best_loss,
        best_model=averaged if improved else state.best_model,
        bad_validations=0 if improved else state.bad_validations + 1,
        losses=(*state.losses, (step, loss)) if loss is not None else state.losses,
    )


@torch.no_grad()
def validation_loss(model: nn.Module, examples: Examples, validation: Tensor) -> float | None:
    """Mean loss in nats over the validation examples of all workers; None where there are none."""
    model.eval()
    if len(validation):
        parts = examples.parts(validation, -(-len(validation) // VALIDATION_BATCH))
    else:
        parts = ()

    with computed_once():
        losses = [examples.losses(model, part).double().sum() for part in parts]

    model.train()
    device = next(model.parameters()).device
    total = torch.tensor([float(sum(losses)), float(len(validation))], dtype=torch.float64, device=device)
    if dist.is_initialized():
        dist.all_reduce(total)

    if total[1]:
        return float(total[0] / total[1])

    return None
