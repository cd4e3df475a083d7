"""The training loop: plain torch over an in-memory matrix of tokens, the same for one worker and for many.

Each worker owns every world_size-th row and takes its share of every batch from them; gradients are averaged over
the workers after each step, so all hold the same weights. Where a step's rows are is a function of the seed and the
step alone, so a restarted worker goes on exactly where its checkpoint was written.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ss_ray.errors import TrainingError
from ss_ray.plan import PrivateTrainPlan, TrainPlan
from ss_ray.training.models import CompactModel, SlotGroup, row_losses

VALIDATION_BATCH = 1024
MAX_GRAD_NORM = 1.0  # of the mean loss per slot


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
        model: Current weights.
        optimizer: Optimizer state.
        best_loss: Smallest validation loss so far, nats per row.
        best_model: Weights that gave it.
        bad_validations: Validations since then.
        losses: (step, validation loss) of every validation.
    """

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    best_loss: float
    best_model: dict[str, Any]
    bad_validations: int
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Tokens of one worker, (rows, slots) int64 each; validation may be empty."""

    train: Tensor
    validation: Tensor


def split_rows(tokens: Tensor, plan: TrainPlan, worker: Worker) -> Rows:
    """This worker's training and validation rows, disjoint over all workers.

    Raises:
        TrainingError: Fewer training rows than workers.
    """
    order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(plan.seed))
    num_validation = int(len(tokens) * plan.validation_ratio)
    if len(tokens) - num_validation < worker.world_size:
        raise TrainingError(
            f"{len(tokens) - num_validation} training rows are too few for {worker.world_size} workers; "
            "lower resources.num_train_workers or training.validation_ratio"
        )
    own = slice(worker.rank, None, worker.world_size)
    return Rows(train=tokens[order[num_validation:]][own], validation=tokens[order[:num_validation]][own])


def train(
    model: CompactModel,
    rows: Rows,
    groups: Sequence[SlotGroup],
    plan: TrainPlan,
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
        rows: Of this worker.
        groups: Of the codec's slots.
        plan: What to do.
        worker: Which one this is.
        resume: State of an earlier checkpoint; None starts afresh.
        on_step: Called with the step and its mean loss in nats per row.
        on_validation: Called on every worker with a state that can be resumed from.

    Returns:
        The last state; `best_model` are the weights to keep.

    Raises:
        TrainingError: A gradient or a validation loss is not finite.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    state = resume or TrainState(
        step=0, model={}, optimizer={}, best_loss=math.inf, best_model={}, bad_validations=0, losses=()
    )
    if resume is not None:
        model.load_state_dict(resume.model)
        optimizer.load_state_dict(copy.deepcopy(resume.optimizer))  # which would share its tensors
    num_steps = plan.num_steps if groups else 0
    for step in range(state.step, num_steps):
        if state.bad_validations >= plan.patience:
            break
        for parameters in optimizer.param_groups:
            parameters["lr"] = plan.learning_rate * learning_rate_factor(step, plan)
        loss = _step(model, optimizer, batch_of(rows.train, step, plan, worker), groups, plan)
        on_step(step + 1, loss)
        if (step + 1) % plan.validation_steps == 0 or step + 1 == num_steps:
            state = _validated(state, step + 1, model, optimizer, rows.validation, groups)
            on_validation(state)
    if not state.best_model:
        state = _validated(state, 0, model, optimizer, rows.validation, groups)
        on_validation(state)
    return state


def batch_of(rows: Tensor, step: int, plan: TrainPlan, worker: Worker) -> Tensor:
    """This worker's rows of a step: the next ones of a shuffled pass, a new order for every pass."""
    size = max(1, plan.batch_rows // worker.world_size)
    first, parts = step * size, []
    while size > 0:
        epoch, offset = divmod(first, len(rows))
        order = _order(len(rows), plan.seed, worker.rank, epoch)
        parts.append(rows[order[offset : offset + size]])
        first, size = first + len(parts[-1]), size - len(parts[-1])
    return torch.cat(parts)


@lru_cache(maxsize=2)
def _order(num_rows: int, seed: int, rank: int, epoch: int) -> Tensor:
    """The shuffled row numbers of one pass of one worker."""
    return torch.from_numpy(np.random.default_rng([seed, rank, epoch]).permutation(num_rows))


def learning_rate_factor(step: int, plan: TrainPlan | PrivateTrainPlan) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then the schedule's course towards 0.

    As in transformers, "constant" is the schedule without a warm-up.
    """
    if plan.lr_scheduler == "constant":
        return 1.0
    if step < plan.warmup_steps:
        return (step + 1) / plan.warmup_steps
    progress = (step - plan.warmup_steps) / max(1, plan.num_steps - plan.warmup_steps)
    courses = {"cosine": 0.5 * (1 + math.cos(math.pi * progress)), "linear": 1 - progress}
    return courses.get(plan.lr_scheduler, 1.0)


def _step(
    model: CompactModel,
    optimizer: torch.optim.Optimizer,
    batch: Tensor,
    groups: Sequence[SlotGroup],
    plan: TrainPlan,
) -> float:
    """One optimizer step; its loss averaged over rows and workers."""
    optimizer.zero_grad()
    total = 0.0
    for part in batch.chunk(plan.micro_batches):
        loss = row_losses(model, part, groups).sum() / len(batch)
        torch.autograd.backward(loss / batch.shape[1])
        total += loss.item()
    _average_gradients(model)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
    if not math.isfinite(float(norm)):  # of all workers' rows, so all of them stop here
        raise TrainingError("the gradient is not finite; lower training.learning_rate")
    optimizer.step()
    return total


def _average_gradients(model: CompactModel) -> None:
    """Replace each gradient by its mean over the workers, in one message."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def _validated(
    state: TrainState,
    step: int,
    model: CompactModel,
    optimizer: torch.optim.Optimizer,
    validation: Tensor,
    groups: Sequence[SlotGroup],
) -> TrainState:
    """The state after a validation; without validation rows the current weights are always the best."""
    loss = validation_loss(model, validation, groups)
    if loss is not None and not math.isfinite(loss):
        raise TrainingError("the validation loss is not finite; lower training.learning_rate")
    weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    improved = loss is None or loss < state.best_loss
    return TrainState(
        step=step,
        model=weights,
        optimizer=copy.deepcopy(optimizer.state_dict()),
        best_loss=loss if loss is not None and improved else state.best_loss,
        best_model=weights if improved else state.best_model,
        bad_validations=0 if improved else state.bad_validations + 1,
        losses=(*state.losses, (step, loss)) if loss is not None else state.losses,
    )


@torch.no_grad()
def validation_loss(model: CompactModel, validation: Tensor, groups: Sequence[SlotGroup]) -> float | None:
    """Mean loss in nats per row over the validation rows of all workers; None where there are none."""
    model.eval()
    parts = torch.split(validation, VALIDATION_BATCH) if len(validation) else ()
    losses = [row_losses(model, part, groups).double().sum() for part in parts]
    model.train()
    total = torch.tensor([float(sum(losses)), float(len(validation))], dtype=torch.float64, device=model.device)
    if dist.is_initialized():
        dist.all_reduce(total)
    return float(total[0] / total[1]) if total[1] else None
