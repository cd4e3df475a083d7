"""Canaries for an audit of the training loop: units whose gradients hardly overlap, and what was released about each.

A canary is a row of a key that nobody else has and a label, of which only the label is learned. The model starts with
small embeddings and a head with large weights, so that nearly all of a canary's gradient, which is far longer than the
clipping norm, is that of its key's embedding: what the mechanism releases of a canary is then one Gaussian number a
step. The guarantee of DP-SGD is for the noisy gradients of all steps, so the auditor may watch them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ss_ray.codec.columns import FIRST_TOKEN, Slot
from ss_ray.plans.plan import PrivateCompactPlan
from ss_ray.plans.shape import CompactShape
from ss_ray.privacy.audit import AuditResult, audit_scores, likelihood_ratios, plan_guesses
from ss_ray.privacy.charges import DPPlan
from ss_ray.privacy.conformance import Conformance, Shares, check_conformance, quiet_plan
from ss_ray.privacy.noise import secret_generator
from ss_ray.privacy.plan import CountedUnits, make_dp_plan
from ss_ray.training.loop import Worker
from ss_ray.training.models import CompactModel, SlotGroup, build_compact, group_slots, row_losses
from ss_ray.training.private.loop import RowUnits, own_units, train_private

SHAPE = CompactShape(hidden_size=8, num_layers=1, num_heads=2, intermediate_size=16)
LABELS = 2
ORDINARY_KEYS = 16
LEARNING_RATE = 1e-6
"""So small that canaries stay what they were made; what a step does with its noisy gradient costs no privacy."""
MAX_GRAD_NORM = 1.0
BLOCK_SCALE = 0.1
"""Of the weights of decoder blocks, so that they add little to an embedding and take little of its gradient."""
PHYSICAL_BATCH = 4096
CONFORMANCE_CANARIES = 10_000
"""Enough to tell noise that is 1 % off, in a second or two; more would hold all shares of all steps in memory."""
ALONE = Worker(rank=0, world_size=1)

Train = Callable[..., object]
"""`train_private`, or what a test puts in its place: called as it is."""


@dataclass(frozen=True, kw_only=True)
class CanaryTable:
    """A table with canaries and a model to train on it.

    Attributes:
        model: Changed by training.
        groups: Groups of the slots that are learned; the slot of the key is left out.
        canaries: (canaries, slots) int64 tokens, a key of its own in the first slot of each.
        others: (rows, slots) int64, rows that are always in the table; they may share the keys of canaries.
    """

    model: CompactModel
    groups: tuple[SlotGroup, ...]
    canaries: Tensor
    others: Tensor

    @property
    def keys(self) -> Tensor:
        """(canaries,) their keys."""
        return self.canaries[:, 0]


def plan_audit(
    *, epsilon: float, delta: float, num_steps: int, sample_rate: float, num_canaries: int, num_rows: int
) -> DPPlan:
    """The mechanism that `make_dp_plan` makes for a table of the size to be expected, with half of the canaries.

    Args:
        epsilon: Epsilon that is claimed.
        delta: Delta that is claimed.
        num_steps: At least 1.
        sample_rate: In (0, 1]; rounded to whole units of the expected batch.
        num_canaries: In and out together.
        num_rows: Number of rows beside the canaries.

    Raises:
        PrivacyError: Too few units.
    """
    num_units = num_rows + num_canaries // 2
    batch = max(1, round(sample_rate * num_units))
    return make_dp_plan(
        CountedUnits(privacy_unit="row", num_units=num_units, rough_num_units=num_units),
        target_epsilon=epsilon,
        delta=delta,
        max_grad_norm=MAX_GRAD_NORM,
        spent=(),
        expected_batch_size=batch,
        num_units_shown=batch * num_steps,
    )


def make_canaries(num_canaries: int, num_rows: int) -> CanaryTable:
    """Canaries with the label that the model expects least, and rows of random labels that share a few keys.

    Args:
        num_canaries: At least 1.
        num_rows: At least 0.
    """
    num_keys = num_canaries + ORDINARY_KEYS
    label = FIRST_TOKEN + num_keys
    slots = (
        Slot(column="key", start=FIRST_TOKEN, stop=label),
        Slot(column="label", start=label, stop=label + LABELS),
    )
    groups = group_slots(slots)[1:]
    model = steep_model(vocabulary_size=label + LABELS, num_slots=len(slots))
    keys = torch.arange(FIRST_TOKEN, FIRST_TOKEN + num_canaries)
    drawn = torch.Generator().manual_seed(0)
    ordinary = torch.randint(FIRST_TOKEN + num_canaries, label, (num_rows,), generator=drawn)
    labels = torch.randint(label, label + LABELS, (num_rows,), generator=drawn)

    return CanaryTable(
        model=model,
        groups=groups,
        canaries=_least_expected(model, groups, [_add_labels(keys, label + i) for i in range(LABELS)]),
        others=torch.stack([ordinary, labels], dim=1),
    )


def _add_labels(keys: Tensor, label: int) -> Tensor:
    return torch.stack([keys, torch.full_like(keys, label)], dim=1)


@torch.no_grad()
def _least_expected(model: CompactModel, groups: Sequence[SlotGroup], choices: Sequence[Tensor]) -> Tensor:
    """(rows, slots): of each row the choice with the largest loss, whose gradient is long."""
    # (rows,)
    worst = torch.stack([row_losses(model, rows, groups) for rows in choices]).argmax(dim=0)
    return torch.stack(list(choices))[worst, torch.arange(len(worst))]


@torch.no_grad()
def steep_model(*, vocabulary_size: int, num_slots: int) -> CompactModel:
    """A model whose loss depends on its input embeddings far more than on anything else that is trained."""
    model = build_compact(SHAPE, vocabulary_size=vocabulary_size, num_slots=num_slots, seed=0)
    drawn = torch.Generator().manual_seed(0)
    nn.init.normal_(model.lm_head.weight, generator=drawn)

    for weight in model.model.layers.parameters():
        if weight.ndim == 2:
            weight.mul_(BLOCK_SCALE)

    return model


def audit_training(dp: DPPlan, table: CanaryTable, confidence: float, *, train: Train = train_private) -> AuditResult:
    """Train with canaries and bound epsilon from below by what the noisy gradients say of them.

    Args:
        dp: The mechanism, and its claim.
        table: Its model is changed.
        confidence: In (0, 1), of the bound.
        train: Training loop that is audited.

    Raises:
        ConfigError: Too few canaries for the claim.
        PrivacyError: As `train` does.
    """
    guesses = plan_guesses(len(table.canaries), dp, confidence)
    members = secret_generator().random(len(table.canaries)) < 0.5
    scores = canary_scores(dp, table, members, train=train)
    return audit_scores(scores, members, num_guesses=guesses, dp=dp, confidence=confidence)


def plan_conformance(dp: DPPlan, num_canaries: int, num_rows: int) -> tuple[DPPlan, int, int]:
    """Mechanism, canaries and other rows of the conformance tests: as in the audit, with fewer canaries.

    Args:
        dp: The mechanism of the audit.
        num_canaries: Canaries of the audit.
        num_rows: Other rows of the audit.
    """
    fewer = min(num_canaries, CONFORMANCE_CANARIES)
    units = num_rows + fewer // 2
    return replace(dp, expected_batch_size=dp.sample_rate * units), fewer, num_rows


def check_training(dp: DPPlan, num_canaries: int, num_rows: int, *, train: Train = train_private) -> Conformance:
    """Train with canaries twice, with almost no noise and as charged, and test what is released against the charge.

    Args:
        dp: The mechanism, and its claim.
        num_canaries: Canaries of each training, of which half are in the data.
        num_rows: Other rows of each table.
        train: Training loop that is audited.

    Raises:
        PrivacyError: As `train` does.
    """
    quiet, loud = (
        canary_shares(plan, make_canaries(num_canaries, num_rows), train=train) for plan in (quiet_plan(dp), dp)
    )
    return check_conformance(dp, quiet, loud)


def canary_shares(dp: DPPlan, table: CanaryTable, *, train: Train = train_private) -> Shares:
    """Train with every second canary; what the noisy sums of all steps hold of each of them.

    Args:
        dp: Mechanism: sample rate, clipping norm, noise and number of steps.
        table: Its model is changed.
        train: Training loop that is audited.
    """
    members = np.arange(len(table.canaries)) % 2 == 0
    values = np.zeros((dp.num_steps, len(table.canaries)))

    def keep(step: int, shares: npt.NDArray[np.float64]) -> None:
        values[step - 1] = shares

    watch_training(dp, table, members, keep, train=train)
    return Shares(values=values, members=members)


def canary_scores(
    dp: DPPlan, table: CanaryTable, members: npt.NDArray[np.bool_], *, train: Train = train_private
) -> npt.NDArray[np.float64]:
    """Train with the canaries that are in; (canaries,) log-likelihood ratios from the noisy gradients of all steps.

    Args:
        dp: Mechanism: sample rate, clipping norm, noise and number of steps.
        table: Its model is changed.
        members: (canaries,) which ones are in; only the table that is trained on depends on it.
        train: Training loop that is audited.
    """
    scores = np.zeros(len(table.canaries))

    def add_score(_: int, shares: npt.NDArray[np.float64]) -> None:
        scores[:] += likelihood_ratios(shares, dp.sample_rate, dp.noise_multiplier)

    watch_training(dp, table, members, add_score, train=train)
    return scores


def watch_training(
    dp: DPPlan,
    table: CanaryTable,
    members: npt.NDArray[np.bool_],
    on_shares: Callable[[int, npt.NDArray[np.float64]], None],
    *,
    train: Train = train_private,
) -> None:
    """Train with the canaries that are in, and tell after each step what its noisy sum holds of every canary.

    Args:
        dp: Mechanism: sample rate, clipping norm, noise and number of steps.
        table: Its model is changed.
        members: (canaries,) which ones are in; only the table that is trained on depends on it.
        on_shares: Called with the steps charged, from 1 on, and (canaries,) lengths in clipping norms.
        train: Training loop that is audited.
    """
    directions = canary_directions(table)

    def watch(step: int) -> None:
        released = embedding(table.model).grad
        assert released is not None
        shares = (released[table.keys] * directions).sum(dim=1).double() * dp.expected_batch_size / dp.max_grad_norm
        on_shares(step, shares.numpy())

    rows = torch.cat([table.canaries[torch.from_numpy(members)], table.others])
    train(
        table.model,
        RowUnits(units=own_units(rows, None, 1, ALONE), groups=table.groups, most_units=len(rows)),
        _train_plan(dp),
        ALONE,
        resume=None,
        charged=lambda: 0,
        charge=count(1).__next__,
        on_step=watch,
        on_state=lambda state: None,
    )


def canary_directions(table: CanaryTable) -> Tensor:
    """(canaries, hidden_size) unit vectors: the gradient of each canary's loss by its own key's embedding."""
    weight = embedding(table.model)
    (grad,) = torch.autograd.grad(row_losses(table.model, table.canaries, table.groups).sum(), weight)
    return nn.functional.normalize(grad[table.keys], dim=1)


def embedding(model: CompactModel) -> Tensor:
    """(vocabulary, hidden_size), of the input."""
    return model.model.embed_tokens.weight


def _train_plan(dp: DPPlan) -> PrivateCompactPlan:
    return PrivateCompactPlan(
        shape=SHAPE,
        dp=dp,
        max_text_tokens=1,
        max_rows_per_unit=1,
        learning_rate=LEARNING_RATE,
        lr_scheduler="constant",
        warmup_steps=1,
        averaging=0.0,
        max_physical_batch_size=PHYSICAL_BATCH,
        seed=0,
    )
