"""The audit finds no more than the claim in the real training loop, and more in loops that are broken.

Error rates: a false alarm of the real mechanism has probability 5 % by the audit's own promise, and far less in truth,
since the right guesses of a Gaussian mechanism are six standard deviations or more from those that refute its claim.
That a broken one passes is impossible, or as far away: less than one in a million runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from randomgen import ChaCha
from torch import Tensor

from ss_ray.cli.main import main
from ss_ray.codec.columns import FIRST_TOKEN, PAD, Slot
from ss_ray.errors import PrivacyError
from ss_ray.privacy.audit import AuditResult, require_unrefuted
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.noise import add_noise, secret_generator
from ss_ray.training.models import CompactModel, group_slots, row_losses
from ss_ray.training.private.canaries import (
    ALONE,
    PHYSICAL_BATCH,
    CanaryTable,
    audit_training,
    canary_directions,
    canary_scores,
    embedding,
    make_canaries,
    plan_audit,
    steep_model,
)
from ss_ray.training.private.dpsgd import clipped_sum
from ss_ray.training.private.loop import PrivateState, RowUnits, set_private_gradient, train_private
from tests.training.private.broken_loops import loop_of, set_flat_gradient, with_mechanism

pytestmark = pytest.mark.slow

DELTA = 1e-5


def planned(epsilon: float, *, num_canaries: int, num_steps: int = 1, sample_rate: float = 1.0) -> DPPlan:
    return plan_audit(
        epsilon=epsilon,
        delta=DELTA,
        num_steps=num_steps,
        sample_rate=sample_rate,
        num_canaries=num_canaries,
        num_rows=100,
    )


def audit(dp: DPPlan, num_canaries: int, train: Any = train_private) -> AuditResult:
    return audit_training(dp, make_canaries(num_canaries, 100), 0.95, train=train)


@pytest.mark.parametrize(
    ("epsilon", "num_steps", "sample_rate", "found"), [(4.0, 1, 1.0, 1.0), (4.0, 6, 1.0, 1.0), (4.0, 30, 0.1, 0.5)]
)
def test_real_mechanism_stays_below_its_claim(epsilon: float, num_steps: int, sample_rate: float, found: float) -> None:
    """And the audit is no empty one: it finds a part of the claim."""
    dp = planned(epsilon, num_canaries=6000, num_steps=num_steps, sample_rate=sample_rate)
    result = audit(dp, 6000)
    require_unrefuted(result)
    assert found < result.lower_bound < epsilon


def test_forgotten_noise_is_found() -> None:
    """Certain: all guesses are right."""

    quiet = with_mechanism(noise_multiplier=1e-6)
    result = audit(planned(4.0, num_canaries=1000), 1000, quiet)
    assert result.num_correct == result.num_guesses
    with pytest.raises(PrivacyError, match="refutes the claim"):
        require_unrefuted(result)


def test_unit_that_is_twice_in_a_batch_is_found() -> None:
    """It counts with twice the clipping norm, as with noise of half the planned size: the least fault of these."""

    def twice(model: Any, units: RowUnits, *args: Any, **callbacks: Any) -> PrivateState:
        doubled = replace(units.units, rows=units.units.rows.repeat(2, 1))
        return train_private(model, replace(units, units=doubled, most_units=10**6), *args, **callbacks)

    assert audit(planned(2.5, num_canaries=50_000), 50_000, twice).refuted


def flat_gradient(model: CompactModel) -> np.ndarray:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).double().numpy()


SEED = 11


def seeded(model: CompactModel, units: RowUnits, dp: DPPlan) -> None:
    """The real step with a generator of a known seed; then the auditor subtracts the noise.

    The noise follows the draws of the sample, as many as there are units; the auditor tries all numbers.
    """
    set_private_gradient(model, units, dp, ALONE, np.random.Generator(ChaCha(key=SEED)), PHYSICAL_BATCH)
    released = flat_gradient(model)
    tried = (released - noise_after(num_units, len(released), dp) for num_units in range(100, 601))
    set_flat_gradient(model, min(tried, key=np.linalg.norm))


def noise_after(num_units: int, num_params: int, dp: DPPlan) -> np.ndarray:
    """Noise in the mean gradient when `num_units` numbers were drawn before."""
    generator = np.random.Generator(ChaCha(key=SEED))
    generator.random(num_units)
    return generator.standard_normal(num_params) * dp.noise_standard_deviation / dp.expected_batch_size


def test_noise_of_a_known_seed_is_found() -> None:
    """Certain: nothing is left of the noise."""
    result = audit(planned(4.0, num_canaries=500), 500, loop_of(seeded))
    assert result.refuted
    assert result.num_correct == result.num_guesses


def test_the_same_auditor_finds_nothing_without_the_seed() -> None:
    real = partial(set_private_gradient, worker=ALONE, max_physical_batch_size=PHYSICAL_BATCH)

    def unseeded(model: CompactModel, units: RowUnits, dp: DPPlan) -> None:
        real(model, units, dp, generator=secret_generator())
        released = flat_gradient(model)
        tried = (released - noise_after(num_units, len(released), dp) for num_units in range(100, 601))
        set_flat_gradient(model, min(tried, key=np.linalg.norm))

    require_unrefuted(audit(planned(4.0, num_canaries=500), 500, loop_of(unseeded)))


NEIGHBOURS, LENGTH, LONG_CANARIES = 16, 16, 400


def long_canaries() -> CanaryTable:
    """Canaries of LENGTH + 1 tokens, each with short neighbours: rows of its key that are always in the table.

    All keys start from one embedding, so that one clipping norm fits the neighbours of all canaries; the head hardly
    tells the tokens of the text apart, so that a canary's gradient is still that of its key.
    """
    label = FIRST_TOKEN + LONG_CANARIES
    text = label + 2
    slots = (
        Slot(column="key", start=FIRST_TOKEN, stop=label),
        Slot(column="label", start=label, stop=text),
        *(Slot(column="text", start=text, stop=text + 4) for _ in range(LENGTH)),
    )
    model = steep_model(vocabulary_size=text + 4, num_slots=len(slots))
    keys = torch.arange(FIRST_TOKEN, label)
    with torch.no_grad():
        embedding(model)[keys] = embedding(model)[keys[0]].clone()
        model.lm_head.weight[text:] *= 0.01
    canaries = torch.full((LONG_CANARIES, len(slots)), text)
    canaries[:, 0], canaries[:, 1] = keys, label
    others = torch.full((LONG_CANARIES * NEIGHBOURS, len(slots)), PAD)
    others[:, 0], others[:, 1] = keys.repeat(NEIGHBOURS), label + 1
    return CanaryTable(model=model, groups=group_slots(slots)[1:], canaries=canaries, others=others)


def coupled_plan(table: CanaryTable) -> DPPlan:
    """Clips at the norm that neighbours have as long as no canary is in their batch: the worst case."""
    _, norms = clipped_sum(table.model, lambda: row_losses(table.model, table.others[:1], table.groups), 1, 1.0)
    return replace(planned(2.0, num_canaries=LONG_CANARIES), max_grad_norm=float(norms) / NEIGHBOURS)


def coupled(model: CompactModel, row_units: RowUnits, dp: DPPlan) -> None:
    """Losses are divided by the tokens of their micro-batch, then clipped; the rows of a key share a micro-batch."""
    units, groups = row_units.units, row_units.groups
    total = np.zeros(sum(p.numel() for p in model.parameters()))
    for rows in by_key(units.tokens[units.rows.flatten()]):
        tokens = (rows[:, 1:] != PAD).sum()
        sums, _ = clipped_sum(
            model, lambda: row_losses(model, rows, groups) / tokens, len(rows), dp.max_grad_norm  # noqa: B023
        )  # fmt: skip
        total += torch.cat([sums[p].flatten() for p in model.parameters()]).double().numpy()
    noisy = add_noise(total, dp.noise_standard_deviation, secret_generator())
    set_flat_gradient(model, noisy / dp.expected_batch_size)


def by_key(rows: Tensor) -> list[Tensor]:
    ordered = rows[rows[:, 0].argsort()]
    return list(torch.split(ordered, ordered[:, 0].unique_consecutive(return_counts=True)[1].tolist()))


def test_loss_that_depends_on_the_micro_batch_is_found() -> None:
    """A canary takes half of their length from 16 neighbours' gradients: 8 clipping norms, where 1 is paid for."""
    table = long_canaries()
    assert audit_training(coupled_plan(table), table, 0.95, train=loop_of(coupled)).refuted


def test_loss_of_its_own_unit_is_not_refuted_by_the_same_canaries() -> None:
    table = long_canaries()
    require_unrefuted(audit_training(coupled_plan(table), table, 0.95))


def test_canaries_gradients_are_clipped_and_hardly_overlap() -> None:
    """Else the audit would be weak: each has nearly all of the clipping norm in coordinates of its own."""
    table = make_canaries(300, 0)
    sums, norms = clipped_sum(
        table.model, lambda: row_losses(table.model, table.canaries, table.groups), len(table.canaries), 1.0
    )
    shares = (sums[embedding(table.model)][table.keys] * canary_directions(table)).sum(dim=1)
    assert norms.min() > 10
    assert shares.min() > 0.99
    assert len(set(table.keys.tolist())) == 300


def test_audited_loop_is_charged_for_and_watched_at_every_step() -> None:
    dp, steps = planned(4.0, num_canaries=400, num_steps=5, sample_rate=0.5), count()

    def counted(*args: Any, on_step: Callable[[int], None], **callbacks: Any) -> PrivateState:
        def watched(charged: int) -> None:
            assert charged == next(steps) + 1
            on_step(charged)

        return train_private(*args, on_step=watched, **callbacks)

    scores = canary_scores(dp, make_canaries(400, 10), np.ones(400, bool), train=counted)
    assert next(steps) == 5
    assert len(set(scores.tolist())) == 400


def test_command_prints_claim_bound_and_what_was_audited(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "--epsilon", "4", "--steps", "2", "--sample-rate", "1", "--canaries", "1000", "--rows", "20"])
    shown = capsys.readouterr().out
    assert "epsilon 4 at delta 1e-05" in shown
    assert "with confidence 95 %" in shown
    assert "of 200 named as in" in shown
    assert "sigma and q measured, implied epsilon" in shown
    assert "not refuted" in shown
    assert "not your table" in shown


def test_command_refuses_an_audit_that_could_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["audit", "--epsilon", "8", "--canaries", "100"])
    assert stop.value.code == 2
    assert "cannot refute epsilon 8" in capsys.readouterr().err
