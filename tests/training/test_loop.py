from typing import Any

import pytest
import torch

from ss_ray.errors import TrainingError
from ss_ray.plans.plan import CompactPlan
from ss_ray.training.examples import RowExamples
from ss_ray.training.loop import (
    ExampleSplit,
    TrainState,
    Worker,
    batch_of,
    learning_rate_factor,
    split_examples,
    train,
    validation_loss,
)
from ss_ray.training.models import row_losses
from tests.training import toy

ALONE = Worker(rank=0, world_size=1)


def fit(
    plan: CompactPlan,
    tokens: torch.Tensor,
    *,
    resume: TrainState | None = None,
    sides: ExampleSplit | None = None,
    groups: Any = toy.GROUPS,
) -> tuple[TrainState, list[TrainState], list[float]]:
    """The last state, that of every validation, and the loss of every step."""
    states: list[TrainState] = []
    losses: list[float] = []
    examples = RowExamples(tokens=tokens, groups=groups)
    state = train(
        toy.make_model(),
        examples,
        sides or split_examples(examples.units, plan, ALONE),
        plan,
        ALONE,
        resume=resume,
        on_step=lambda _, loss: losses.append(loss),
        on_validation=states.append,
    )
    return state, states, losses


def same_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(("num_rows", "workers"), [(103, 1), (103, 2), (103, 3), (5, 4), (2, 1)])
def test_workers_own_disjoint_rows_that_are_all_rows_together(num_rows: int, workers: int) -> None:
    units = torch.arange(num_rows)
    parts = [split_examples(units, toy.PLAN, Worker(rank=rank, world_size=workers)) for rank in range(workers)]
    owned = torch.cat([torch.cat([part.train, part.validation]) for part in parts])
    assert sorted(owned.tolist()) == list(range(num_rows))
    assert sum(len(part.validation) for part in parts) == num_rows // 5
    assert max(len(part.train) for part in parts) - min(len(part.train) for part in parts) <= 1


def test_examples_of_one_unit_are_on_one_side_and_with_one_worker() -> None:
    units = torch.tensor([0, 0, 1, 2, 2, 2, 3, 4, 4, 5])
    parts = [split_examples(units, toy.PLAN, Worker(rank=rank, world_size=2)) for rank in range(2)]
    sides = [side for part in parts for side in (part.train, part.validation)]
    assert sorted(torch.cat(sides).tolist()) == list(range(10))
    owned = [set(units[side].tolist()) for side in sides]
    assert sum(map(len, owned)) == 6


def test_fewer_training_rows_than_workers_are_refused_on_every_worker() -> None:
    for rank in range(3):
        with pytest.raises(TrainingError, match=r"2 training units .* are too few for 3 workers"):
            split_examples(torch.arange(2), toy.PLAN, Worker(rank=rank, world_size=3))


@pytest.mark.parametrize(("num_rows", "batch_rows", "workers"), [(20, 5, 1), (23, 5, 1), (24, 10, 2), (3, 16, 1)])
def test_every_row_is_seen_once_in_each_pass(num_rows: int, batch_rows: int, workers: int) -> None:
    plan = toy.plan(batch_rows=batch_rows)
    rows = torch.arange(num_rows)[:, None]
    for rank in range(workers):
        worker = Worker(rank=rank, world_size=workers)
        batches = [batch_of(rows, step, plan, worker) for step in range(60)]
        assert {len(batch) for batch in batches} == {batch_rows // workers}
        seen = torch.cat(batches).flatten().tolist()
        passes = [seen[i : i + num_rows] for i in range(0, len(seen) - num_rows + 1, num_rows)]
        assert all(sorted(one) == list(range(num_rows)) for one in passes)
        assert passes[0] != passes[1]


def test_a_batch_is_a_function_of_seed_step_and_worker() -> None:
    rows = torch.arange(50)[:, None]
    assert torch.equal(batch_of(rows, 7, toy.PLAN, ALONE), batch_of(rows, 7, toy.PLAN, ALONE))
    assert not torch.equal(batch_of(rows, 7, toy.PLAN, ALONE), batch_of(rows, 7, toy.plan(seed=12), ALONE))
    two = [batch_of(rows, 7, toy.plan(batch_rows=32), Worker(rank=rank, world_size=2)) for rank in range(2)]
    assert not torch.equal(*two)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_resumed_training_ends_bit_by_bit_where_an_uninterrupted_one_does(averaging: float) -> None:
    plan = toy.plan(averaging=averaging)
    tokens = toy.make_rows(60)
    whole, states, _ = fit(plan, tokens)
    assert same_weights(whole.best_model, whole.model) == (averaging == 0)
    assert [state.step for state in states] == [4, 8, 12]
    for checkpoint in states[:2]:
        resumed, _, losses = fit(plan, tokens, resume=checkpoint)
        assert len(losses) == 12 - checkpoint.step
        assert same_weights(resumed.model, whole.model)
        assert same_weights(resumed.best_model, whole.best_model)
        assert resumed.losses == whole.losses


def test_a_finished_training_that_is_resumed_stays_as_it_is() -> None:
    tokens = toy.make_rows(60)
    state, _, _ = fit(toy.PLAN, tokens)
    again, states, losses = fit(toy.PLAN, tokens, resume=state)
    assert again is state
    assert (states, losses) == ([], [])


def test_later_steps_do_not_change_an_earlier_state() -> None:
    _, (first, *_), _ = fit(toy.PLAN, toy.make_rows(60))
    until_then, _, _ = fit(
        toy.plan(num_steps=4, warmup_steps=3, lr_scheduler="constant_with_warmup"), toy.make_rows(60)
    )
    first_moment, same = (state.optimizer["0"]["state"][0]["step"] for state in (first, until_then))
    assert float(first_moment) == float(same) == 4


def test_training_stops_early_and_keeps_the_best_weights() -> None:
    tokens = toy.make_rows(40)
    unlike = tokens.clone()
    unlike[:, 1] = toy.Y + (unlike[:, 1] - toy.Y + 5) % toy.CHOICES  # what is learned makes validation worse
    plan = toy.plan(num_steps=200, validation_steps=5, patience=2, warmup_steps=0)
    both = torch.cat([tokens, unlike])
    sides = ExampleSplit(train=torch.arange(40), validation=torch.arange(40, 80))
    state, states, losses = fit(plan, both, sides=sides)
    assert len(losses) == state.step < 200
    assert state.bad_validations == 2
    best = min(states, key=lambda s: s.losses[-1][1])
    assert best.step == state.step - 2 * 5
    assert same_weights(state.best_model, best.model)
    assert not same_weights(state.best_model, state.model)
    model = toy.make_model()
    model.load_state_dict(state.best_model, strict=False)
    examples = RowExamples(tokens=both, groups=toy.GROUPS)
    assert validation_loss(model, examples, sides.validation) == state.best_loss


def test_without_validation_rows_training_goes_on_to_the_end_and_keeps_the_last_weights() -> None:
    state, _, losses = fit(toy.plan(validation_ratio=0), toy.make_rows(30))
    assert len(losses) == 12
    assert state.losses == ()
    assert same_weights(state.best_model, state.model)


@pytest.mark.parametrize("num_rows", [1, 2, 3])
def test_tables_smaller_than_a_batch_can_be_trained_on(num_rows: int) -> None:
    state, _, losses = fit(toy.PLAN, toy.make_rows(num_rows))
    assert (state.step, len(losses)) == (12, 12)


def test_a_table_without_slots_takes_no_step_and_one_validation() -> None:
    tokens = torch.empty(10, 0, dtype=torch.long)
    state, states, losses = fit(toy.PLAN, tokens, groups=())
    assert losses == []
    assert states == [state]
    assert state.step == 0
    assert same_weights(state.best_model, dict(toy.make_model().named_parameters()))


def test_the_loss_comes_down_to_what_cannot_be_known() -> None:
    plan = toy.plan(num_steps=150, validation_steps=50)
    state, _, losses = fit(plan, toy.make_rows(400))
    # x is one of 8, z in half of the rows one of 3: nothing else is left to say
    floor = 2.079 + 0.5 * 1.099
    assert losses[0] > floor + 1.5
    assert state.losses[-1][1] < floor + 0.4


@pytest.mark.parametrize(
    ("scheduler", "factors"),
    [
        ("cosine", {0: 0.25, 3: 1.0, 4: 1.0, 9: 0.5, 13: 0.02447}),
        ("linear", {0: 0.25, 3: 1.0, 4: 1.0, 9: 0.5, 13: 0.1}),
        ("constant_with_warmup", {0: 0.25, 3: 1.0, 9: 1.0, 13: 1.0}),
        ("constant", {0: 1.0, 9: 1.0}),
    ],
)
def test_the_learning_rate_warms_up_and_follows_its_schedule(scheduler: str, factors: dict[int, float]) -> None:
    plan = toy.plan(lr_scheduler=scheduler, warmup_steps=4, num_steps=14)
    assert {step: learning_rate_factor(step, plan) for step in factors} == pytest.approx(factors, rel=1e-3)


def test_a_plan_without_warmup_starts_at_the_peak() -> None:
    assert learning_rate_factor(0, toy.plan(warmup_steps=0, num_steps=1)) == 1.0


@pytest.mark.parametrize("micro_batches", [2, 3, 100])
def test_micro_batches_take_the_same_step_as_one_batch(micro_batches: int) -> None:
    tokens = toy.make_rows(60)
    whole, _, losses = fit(toy.plan(num_steps=1), tokens)
    parts, _, part_losses = fit(toy.plan(num_steps=1, micro_batches=micro_batches), tokens)
    assert part_losses == pytest.approx(losses, abs=1e-5)
    moments = (state.optimizer["0"]["state"][0]["exp_avg"] for state in (whole, parts))
    torch.testing.assert_close(*moments, atol=1e-6, rtol=1e-4)


def test_two_workers_average_to_the_gradient_of_the_whole_batch() -> None:
    tokens, model = toy.make_rows(32), toy.make_model()

    def gradient(rows: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        (row_losses(model, rows, toy.GROUPS).sum() / len(rows)).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    plan = toy.plan(validation_ratio=0)
    first, second = (split_examples(torch.arange(32), plan, Worker(rank=r, world_size=2)).train for r in range(2))
    torch.testing.assert_close(
        (gradient(tokens[first]) + gradient(tokens[second])) / 2, gradient(tokens), atol=1e-6, rtol=0
    )


def test_a_learning_rate_that_explodes_is_an_error_and_not_a_model() -> None:
    with pytest.raises(TrainingError, match=r"not finite; lower training\.learning_rate"):
        fit(toy.plan(learning_rate=1e30, warmup_steps=0), toy.make_rows(40))
