"""Numbers are learned smoothly, and nothing of that is left in the weights that are saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ss_ray.codec.columns import FIRST_TOKEN, Slot
from ss_ray.codec.levels import Levels
from ss_ray.training.examples import RowExamples
from ss_ray.training.loop import Worker, split_examples, train, validation_loss
from ss_ray.training.models import CompactModel, build_compact, group_slots, row_losses
from ss_ray.training.smoothing import fold_numbers, smooth_numbers
from tests.training import toy

LEVELS = 40
SLOTS = (
    Slot(column="x", start=FIRST_TOKEN, stop=FIRST_TOKEN + LEVELS),
    Slot(column="y", start=FIRST_TOKEN + LEVELS, stop=FIRST_TOKEN + 2 * LEVELS),
)
PLACES = (np.arange(LEVELS) + 0.5) / LEVELS
ORDERED = tuple(Levels(first_token=slot.start, places=PLACES) for slot in SLOTS)


def make_model(levels: tuple[Levels, ...]) -> CompactModel:
    model = build_compact(toy.SHAPE, vocabulary_size=FIRST_TOKEN + 2 * LEVELS, num_slots=2, seed=3)
    smooth_numbers(model, levels, seed=3)
    return model


def near_rows(num_rows: int) -> torch.Tensor:
    """(num_rows, 2): two numbers that differ by 2 at most."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, LEVELS, num_rows)
    y = np.clip(x + rng.integers(-2, 3, num_rows), 0, LEVELS - 1)
    return torch.from_numpy(np.stack([FIRST_TOKEN + x, FIRST_TOKEN + LEVELS + y], axis=1))


def held_out_loss(model: CompactModel, rows: torch.Tensor) -> float:
    examples = RowExamples(tokens=rows, groups=group_slots(SLOTS))
    plan = toy.plan(num_steps=60, validation_steps=10, warmup_steps=3, batch_rows=16, validation_ratio=0.5)
    worker = Worker(rank=0, world_size=1)
    sides = split_examples(examples.units, plan, worker)
    state = train(
        model, examples, sides, plan, worker,
        resume=None, on_step=lambda step, loss: None, on_validation=lambda state: None,
    )  # fmt: skip
    return state.best_loss


def test_few_rows_teach_more_of_numbers_that_have_an_order() -> None:
    rows = near_rows(240)
    without, smooth = held_out_loss(make_model(()), rows), held_out_loss(make_model(ORDERED), rows)
    # Each of 40 values is in three training rows: without an order most pairs of them are new.
    assert smooth < without - 0.3


def test_folding_leaves_the_weights_of_a_plain_model_that_say_the_same() -> None:
    rows = near_rows(60)
    model = make_model(ORDERED)
    held_out_loss(model, rows)
    examples = RowExamples(tokens=rows, groups=group_slots(SLOTS))
    before = validation_loss(model, examples, torch.arange(60))
    fold_numbers(model)
    plain = build_compact(toy.SHAPE, vocabulary_size=FIRST_TOKEN + 2 * LEVELS, num_slots=2, seed=9)
    plain.load_state_dict(model.state_dict())
    assert before is not None
    assert validation_loss(plain, examples, torch.arange(60)) == pytest.approx(before, rel=1e-6)


def test_a_smooth_model_starts_from_the_bias_of_its_head() -> None:
    losses = row_losses(make_model(ORDERED), near_rows(5), group_slots(SLOTS))
    torch.testing.assert_close(losses, torch.full((5,), 2 * float(np.log(LEVELS))))


def test_the_same_seed_gives_the_same_functions_and_no_levels_change_nothing() -> None:
    one, two = make_model(ORDERED).state_dict(), make_model(ORDERED).state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    plain = build_compact(toy.SHAPE, vocabulary_size=FIRST_TOKEN + 2 * LEVELS, num_slots=2, seed=3)
    assert plain.state_dict().keys() == make_model(()).state_dict().keys()
