"""A toy task: rows of three slots, the second a function of the first, the third used by half of the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ss_ray.codec.columns import FIRST_TOKEN, PAD, Slot
from ss_ray.plans.plan import CompactPlan
from ss_ray.plans.shape import CompactShape
from ss_ray.training.models import CompactModel, build_compact, group_slots

CHOICES = 8
SHAPE = CompactShape(hidden_size=32, num_layers=1, num_heads=2, intermediate_size=64)
X, Y, Z = FIRST_TOKEN, FIRST_TOKEN + CHOICES, FIRST_TOKEN + 2 * CHOICES
SLOTS = (
    Slot(column="x", start=X, stop=Y),
    Slot(column="y", start=Y, stop=Z),
    Slot(column="z", start=Z, stop=Z + 3, after=1, opens=(Y, Y + CHOICES // 2)),
)
GROUPS = group_slots(SLOTS)
PLAN = CompactPlan(
    shape=SHAPE,
    num_bins=8,
    text_vocabulary=256,
    max_text_tokens=8,
    batch_rows=16,
    micro_batches=1,
    num_steps=12,
    learning_rate=5e-3,
    matrix_learning_rate=2e-2,
    averaging=0.0,
    lr_scheduler="cosine",
    warmup_steps=3,
    weight_decay=0.01,
    validation_ratio=0.2,
    validation_steps=4,
    patience=3,
    seed=11,
)


def plan(**changes: Any) -> CompactPlan:
    return replace(PLAN, **changes)


def make_model(seed: int = 1) -> CompactModel:
    return build_compact(SHAPE, vocabulary_size=Z + 3, num_slots=len(SLOTS), seed=seed)


def with_opinions(model: CompactModel, seed: int = 0) -> CompactModel:
    """An untrained model with weights in its head at random: one as it is built takes all tokens for equally likely."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.lm_head.weight.normal_(std=0.02, generator=generator)
    return model.eval()


def make_rows(num_rows: int, seed: int = 0) -> Tensor:
    """(num_rows, 3): y = (3 x + 1) modulo 8; z at random where y < 4, else not in use."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(CHOICES, (num_rows,), generator=generator)
    y = (3 * x + 1) % CHOICES
    z = torch.randint(3, (num_rows,), generator=generator)
    return torch.stack([X + x, Y + y, torch.where(y < CHOICES // 2, Z + z, PAD)], dim=1)
