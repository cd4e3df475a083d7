"""The private loop takes exactly the steps that were charged, and each step is the mechanism of the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import secret_generator
from ss_ray.training.loop import Worker
from ss_ray.training.models import row_losses
from ss_ray.training.private.loop import (
    PrivateState,
    RowUnits,
    Units,
    own_units,
    set_private_gradient,
    train_private,
    unit_losses,
)
from tests.training import toy
from tests.training.private import private_toy

ALONE = Worker(rank=0, world_size=1)


class Purse:
    """Counts what is charged, and has no more than the plan pays for: what the ledger does."""

    def __init__(self, dp: DPPlan, charged: int = 0) -> None:
        self.dp, self.charged = dp, charged

    def __call__(self) -> int:
        if self.charged >= self.dp.num_steps:
            raise PrivacyError("not paid for")
        self.charged += 1
        return self.charged


def run(
    plan: Any = private_toy.PLAN,
    rows: int = 64,
    resume: PrivateState | None = None,
    charged: int = 0,
    on_state: Callable[[Callable[[], PrivateState]], None] = lambda state: None,
) -> tuple[PrivateState, Purse]:
    purse = Purse(plan.dp, charged)
    units = private_toy.row_units(toy.make_rows(rows))
    state = train_private(
        private_toy.make_model(), units, plan, ALONE,
        resume=resume, charged=lambda: charged, charge=purse, on_step=lambda step: None, on_state=on_state,
    )  # fmt: skip
    return state, purse


def test_steps_taken_are_steps_charged() -> None:
    state, purse = run()
    assert state.step == purse.charged == private_toy.DP.num_steps


def test_training_on_more_units_than_the_table_has_takes_no_step() -> None:
    """Rows of one person that each count as a person."""
    units = replace(private_toy.row_units(toy.make_rows(8)), most_units=4)
    with pytest.raises(PrivacyError, match="more privacy units than the table has"):
        train_private(
            private_toy.make_model(), units, private_toy.plan(), ALONE,
            resume=None, charged=lambda: 0, charge=pytest.fail, on_step=lambda step: None, on_state=lambda state: None,
        )  # fmt: skip


def test_steps_that_a_crash_lost_are_not_taken_again() -> None:
    states: list[PrivateState] = []
    run(on_state=lambda state: states.append(state()))
    lost = 3  # the checkpoint is of step 5, and the crash came when 8 were charged
    state, purse = run(resume=states[4], charged=5 + lost)
    assert purse.charged == private_toy.DP.num_steps
    assert state.step == private_toy.DP.num_steps - lost


def test_nothing_is_left_to_do_when_all_steps_were_charged() -> None:
    states: list[PrivateState] = []
    run(on_state=lambda state: states.append(state()))
    state, purse = run(resume=states[4], charged=private_toy.DP.num_steps)
    assert (state.step, purse.charged) == (5, private_toy.DP.num_steps)


def test_charge_comes_before_the_noise() -> None:
    """A ledger that refuses leaves the weights as they were, and no gradient that anybody could look at."""
    plan, before = private_toy.plan(num_steps=4), private_toy.make_model().state_dict()
    model = private_toy.make_model()

    def refuse() -> int:
        raise PrivacyError("no budget")

    with pytest.raises(PrivacyError, match="no budget"):
        train_private(
            model, private_toy.row_units(toy.make_rows(8)), plan, ALONE,
            resume=None, charged=lambda: 0, charge=refuse, on_step=lambda step: None, on_state=lambda state: None,
        )  # fmt: skip
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in before.items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_two_runs_of_one_seed_draw_different_noise() -> None:
    (first, _), (second, _) = run(), run()
    assert not torch.equal(first.average["lm_head.weight"], second.average["lm_head.weight"])


def test_training_learns_where_the_noise_is_small() -> None:
    plan = replace(private_toy.plan(noise_multiplier=0.05, num_steps=80, sample_rate=0.5, expected_batch_size=256.0))
    model = private_toy.make_model()
    before = row_losses(model, toy.make_rows(200, seed=5), toy.GROUPS).mean()
    state, _ = run(replace(plan, max_physical_batch_size=512), rows=512)
    model.load_state_dict(state.average)
    assert row_losses(model, toy.make_rows(200, seed=5), toy.GROUPS).mean() < before - 1


def test_unit_loss_is_the_mean_over_its_own_rows() -> None:
    model = private_toy.make_model()
    torch.nn.init.normal_(model.lm_head.weight)
    rows = toy.make_rows(5)
    units = own_units(rows, np.array([7, 3, 7, 7, 3], np.uint64), 8, ALONE)
    losses = unit_losses(model, units, units.rows, toy.GROUPS)
    alone = row_losses(model, rows, toy.GROUPS)
    torch.testing.assert_close(losses, torch.stack([alone[[1, 4]].mean(), alone[[0, 2, 3]].mean()]))


@pytest.mark.parametrize("world_size", [1, 3])
@pytest.mark.parametrize("ids", [None, [5, 5, 1, 9, 1, 5, 2]])
def test_every_unit_has_one_owner_and_every_row_one_unit(world_size: int, ids: Sequence[int] | None) -> None:
    rows = toy.make_rows(7)
    unit_ids = None if ids is None else np.array(ids, np.uint64)
    parts = [own_units(rows, unit_ids, 8, Worker(rank=r, world_size=world_size)).rows for r in range(world_size)]
    units = [sorted(row for row in unit.tolist() if row >= 0) for part in parts for unit in part]
    assert sorted(row for unit in units for row in unit) == list(range(7))
    if ids is not None:
        assert sorted(units) == [[0, 1, 5], [2, 4], [3], [6]]


def test_a_unit_of_many_rows_keeps_its_first_ones() -> None:
    units = own_units(toy.make_rows(6), np.zeros(6, np.uint64), 4, ALONE)
    assert units.rows.tolist() == [[0, 1, 2, 3]]


def test_tables_of_no_rows_give_noise_only_steps() -> None:
    """An empty batch must look like any other: without its noise it would tell that nobody was sampled."""
    dp = replace(private_toy.DP, sample_rate=1e-9)
    found = private_toy.gradients(dp, ALONE, 3, 20)
    expected = dp.noise_standard_deviation / dp.expected_batch_size
    assert np.std(found) == pytest.approx(expected, rel=0.02)


def test_noise_of_one_worker_is_that_of_the_plan() -> None:
    dp = replace(private_toy.DP, sample_rate=1.0)
    noise = private_toy.noise_of(private_toy.gradients(dp, ALONE, 24, 12), dp)
    assert private_toy.is_standard_normal(noise)


def test_masks_of_workers_are_independent() -> None:
    """The pitfall of seeded samplers: every worker would draw the same mask over its own units."""
    sizes = []
    for rank in range(2):
        units = own_units(toy.make_rows(40), None, 1, Worker(rank=rank, world_size=2))
        sizes.append(_batch_sizes(units, replace(private_toy.DP, sample_rate=0.5)))
    assert sizes[0] != sizes[1]  # 60 equal sizes in a row: less than one in 10^40


def _batch_sizes(units: Units, dp: DPPlan) -> list[int]:
    """Batch sizes, read off a gradient to which every unit contributes the same."""
    tokens = units.tokens[:1].repeat(len(units.tokens), 1)
    same = RowUnits(units=replace(units, tokens=tokens), groups=toy.GROUPS, most_units=len(units.rows))
    model, generator = private_toy.make_model(), secret_generator()
    quiet = replace(dp, noise_multiplier=1e-9, expected_batch_size=1.0)
    found = []
    for _ in range(60):
        set_private_gradient(model, same, quiet, ALONE, generator, 64)
        norm = torch.sqrt(sum(p.grad.square().sum() for p in model.parameters() if p.grad is not None))
        found.append(round(float(norm) / dp.max_grad_norm))
    return found
