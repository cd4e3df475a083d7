import math

import pytest
import torch

from ss_ray.codec.columns import BOS, PAD, Slot
from ss_ray.training.models import SlotGroup, group_slots, row_losses
from tests.training import toy

ROWS = toy.make_rows(40)


def naive_loss(model: torch.nn.Module, row: torch.Tensor) -> float:
    """From the full logits of one row, slot by slot, over the slot's range alone."""
    logits = model(torch.cat([torch.tensor([BOS]), row[:-1]])[None])[0].double()
    total = 0.0
    for index, slot in enumerate(toy.SLOTS):
        if row[index] != PAD:
            choices = torch.log_softmax(logits[index, slot.start : slot.stop], dim=0)
            total -= float(choices[row[index] - slot.start])
    return total


@torch.no_grad()
def test_losses_are_the_log_probabilities_of_the_tokens_in_use() -> None:
    model = toy.make_model()
    expected = torch.tensor([naive_loss(model, row) for row in ROWS])
    torch.testing.assert_close(row_losses(model, ROWS, toy.GROUPS), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_loss_of_a_row_does_not_depend_on_the_other_rows() -> None:
    model = toy.make_model()
    together = row_losses(model, ROWS, toy.GROUPS)
    alone = torch.cat([row_losses(model, row[None], toy.GROUPS) for row in ROWS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_an_untrained_model_is_about_as_unsure_as_the_ranges_allow() -> None:
    rows = ROWS[ROWS[:, 2] == PAD]
    mean = float(row_losses(toy.make_model(), rows, toy.GROUPS).mean())
    assert mean == pytest.approx(2 * math.log(toy.CHOICES), abs=0.3)


@torch.no_grad()
def test_an_unused_slot_adds_nothing() -> None:
    row = ROWS[ROWS[:, 2] == PAD][:1]
    first_two = group_slots(toy.SLOTS[:2])
    model = toy.make_model()
    torch.testing.assert_close(row_losses(model, row, toy.GROUPS), row_losses(model, row, first_two))


def test_a_table_without_slots_has_no_loss() -> None:
    assert row_losses(toy.make_model(), torch.empty(3, 0, dtype=torch.long), ()).tolist() == [0, 0, 0]


def test_no_rows_have_no_losses() -> None:
    assert row_losses(toy.make_model(), ROWS[:0], toy.GROUPS).shape == (0,)


def test_neighbours_of_one_range_form_a_group() -> None:
    slots = [Slot(column=c, start=start, stop=stop) for c, start, stop in [("a", 2, 5), ("b", 5, 9), ("b", 5, 9)]]
    assert group_slots([*slots, slots[0]]) == (
        SlotGroup(first=0, stop=1, low=2, high=5),
        SlotGroup(first=1, stop=3, low=5, high=9),
        SlotGroup(first=3, stop=4, low=2, high=5),
    )
    assert group_slots([]) == ()


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    state = torch.random.get_rng_state()
    first, second, other = (toy.make_model(seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])
