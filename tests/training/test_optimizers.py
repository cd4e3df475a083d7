"""The optimizer's parts, and the average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ss_ray.training.optimizers import Optimizer, WeightAverage, copy_weights
from tests.training import toy


def step_of(plan_changes: dict[str, float], factor: float = 1.0) -> dict[str, torch.Tensor]:
    """By weight: how far one step with gradients of ones moves it, on average over its entries."""
    model = toy.make_model()
    before = copy_weights(model)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    Optimizer(model, toy.plan(weight_decay=0.0, **plan_changes)).step(factor)
    return {name: (weight.detach() - before[name]).abs().mean() for name, weight in model.named_parameters()}


def test_muon_takes_the_matrices_of_the_blocks_alone() -> None:
    with_muon, without = step_of({"matrix_learning_rate": 0.5}), step_of({"matrix_learning_rate": 0.0})
    matrices = {name for name in without if not torch.isclose(with_muon[name], without[name])}
    assert matrices == {name for name, weight in toy.make_model().named_parameters() if _is_in_block(name, weight)}
    assert {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"} <= without.keys() - matrices


def _is_in_block(name: str, weight: torch.Tensor) -> bool:
    return weight.ndim == 2 and "layers.0" in name


def test_all_learning_rates_follow_the_schedule() -> None:
    whole, none = step_of({"matrix_learning_rate": 0.02}), step_of({"matrix_learning_rate": 0.02}, factor=0.0)
    assert all(moved > 0 for moved in whole.values())
    assert all(moved == 0 for moved in none.values())


def test_weights_that_are_frozen_are_neither_moved_nor_averaged() -> None:
    model = toy.make_model()
    model.lm_head.weight.requires_grad = False
    before = model.lm_head.weight.clone()
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    Optimizer(model, toy.PLAN).step(1.0)
    assert torch.equal(model.lm_head.weight, before)
    assert "lm_head.weight" not in copy_weights(model)


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 3.0), (0.5, 0.1 * 0.0 + 0.9 * 1.0)])
def test_average_takes_in_weights_by_its_decay_and_faster_at_first(decay: float, expected: float) -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = WeightAverage(layer, decay, {})
    for step in (1,) if decay else (1, 2, 3):
        nn.init.constant_(layer.weight, step)
        average.update(step)
    with average.applied() as weights:
        assert layer.weight.item() == weights["weight"].item() == pytest.approx(expected)
    assert layer.weight.item() == (1.0 if decay else 3.0)


def test_an_average_goes_on_from_that_of_a_checkpoint_without_changing_it() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    saved = {"weight": torch.full((1, 1), 5.0)}
    average = WeightAverage(layer, 0.5, saved)
    average.update(1000)
    with average.applied() as weights:
        assert weights["weight"].item() == 3.0
    assert saved["weight"].item() == 5.0
