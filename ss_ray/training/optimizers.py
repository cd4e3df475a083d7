"""Optimizer, learning rates and averaged weights of a training loop.

The optimizer is AdamW, or Muon for the matrices of the decoder's blocks beside it.

Muon (Jordan et al. 2024; `torch.optim.Muon`) makes the update of a matrix orthogonal. On tables it reaches the same
held-out loss as AdamW in less than half of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ss_ray.plans.loop import LoopPlan, PrivateLoopPlan

MOMENTUM = 0.95
MATRIX_WEIGHT_DECAY = 0.1
"""Weight decay of the matrices, whose updates have a fixed size: without it their weights would only grow."""


class Optimizer:
    """One or two optimizers of torch, which take each step together.

    Args:
        model: Its trainable parameters are changed in place.
        plan: Learning rates and weight decay.
    """

    def __init__(self, model: nn.Module, plan: LoopPlan) -> None:
        _skip_compiler()
        # Weights of the base model under an adapter stay frozen, and take no optimizer state.
        trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        matrices = [
            weight for name, weight in trained.items() if plan.matrix_learning_rate and _is_matrix(name, weight)
        ]
        chosen = {id(weight) for weight in matrices}
        others = [weight for weight in trained.values() if id(weight) not in chosen]
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(others, lr=plan.learning_rate, weight_decay=plan.weight_decay), plan.learning_rate)
        ]
        if matrices:
            rate = plan.matrix_learning_rate
            muon = torch.optim.Muon(matrices, lr=rate, momentum=MOMENTUM, weight_decay=MATRIX_WEIGHT_DECAY)
            self._parts.append((muon, rate))

    def step(self, factor: float) -> None:
        """Take a step at a share of the peak learning rates."""
        for part, rate in self._parts:
            for group in part.param_groups:
                group["lr"] = rate * factor
            part.step()

    def state(self) -> dict[str, Any]:
        """All that a restart needs; shares its tensors with the optimizers."""
        return {str(number): part.state_dict() for number, (part, _) in enumerate(self._parts)}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state, whose tensors are taken over."""
        for number, (part, _) in enumerate(self._parts):
            part.load_state_dict(state[str(number)])


def _skip_compiler() -> None:
    """Optimizers of torch import its compiler, 1.4 s, to tell it to leave them alone; nothing here is compiled."""
    for name in ("add_param_group", "state_dict", "load_state_dict"):
        function = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if function is not None:
            function.__dynamo_disable = function


def _is_matrix(name: str, weight: Tensor) -> bool:
    """Whether a weight is a matrix of a decoder block: embeddings and the head are tables of vectors, and are none."""
    return weight.ndim == 2 and ".layers." in name


class WeightAverage:
    """Exponential average of a model's trainable weights, which generalises better than the last of them.

    Args:
        model: Read after each step.
        decay: Decay per step, in [0, 1); 0 for the weights themselves. The first steps decay faster, so that the start
            is soon forgotten.
        weights: Average of an earlier checkpoint, which is copied; empty starts afresh.
    """

    def __init__(self, model: nn.Module, decay: float, weights: Mapping[str, Tensor]) -> None:
        self._model = model
        self._decay = decay
        self._weights = {name: weight.clone() for name, weight in weights.items()} or copy_weights(model)

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        share = 1 - min(self._decay, step / (step + 9))
        for name, weight in _trained_weights(self._model).items():
            self._weights[name].lerp_(weight, share)

    @contextmanager
    def applied(self) -> Iterator[dict[str, Tensor]]:
        """A copy of the average, which the model has as its weights for as long."""
        own = copy_weights(self._model)
        averaged = {name: weight.clone() for name, weight in self._weights.items()}
        self._model.load_state_dict(averaged, strict=False)
        try:
            yield averaged
        finally:
            self._model.load_state_dict(own, strict=False)


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the trainable weights by name."""
    return {name: weight.clone() for name, weight in _trained_weights(model).items()}


def _trained_weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def set_learning_rate(optimizer: torch.optim.Optimizer, step: int, plan: LoopPlan | PrivateLoopPlan) -> None:
    """Give all parameters the learning rate of a step."""
    for parameters in optimizer.param_groups:
        parameters["lr"] = plan.learning_rate * learning_rate_factor(step, plan)


def learning_rate_factor(step: int, plan: LoopPlan | PrivateLoopPlan) -> float:
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
