"""How a language model learns the texts of a table whose other columns the compact model makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ss_ray.config.base import or_default
from ss_ray.config.model import Config
from ss_ray.plans.language_training import DEFAULT_TARGETS, LoraPlan
from ss_ray.plans.loop import LoopPlan, warmup_steps
from ss_ray.plans.plan import CompactPlan

ROWS_SHOWN = 8_000
"""Training shows sqrt(ROWS_SHOWN x rows) rows: two passes of 2,000 rows, one of 8,000."""
MAX_ROWS_SHOWN = 16_000
MAX_TOKENS_SHOWN = 640_000
"""Tokens of the rows that training shows: about eleven minutes on two cores."""
TRAINED_BLOCKS = 8
"""Last blocks of the model that are trained: the others keep what they know of the language, and cost no gradients."""
LEARNING_RATE = 3e-4
BATCH_ROWS = 24
VALIDATION_RATIO = 0.05
MAX_VALIDATION_ROWS = 200
VALIDATIONS = 6
PATIENCE = 2
PRIVATE_ADAPTER = LoraPlan(r=8, alpha=8, target_modules=DEFAULT_TARGETS, any_layers=True, loftq=False)
"""What is trained with differential privacy: each weight gets noise, so there are few."""
MAX_TOKENS = 512
"""Tokens of a row's values and texts together, from which the model learns."""


@dataclass(frozen=True, kw_only=True)
class ProsePlan(LoopPlan):
    """Training of the language model that writes the texts.

    Attributes:
        base_model: Name of a packaged model, path or hub id.
        trained_blocks: Number of the model's last blocks that are trained.
        max_tokens: Tokens of a row that are learned from.
        reserved: Names of columns that the compact model writes, whatever is in them: rules or given values name them.
    """

    base_model: str
    trained_blocks: int
    max_tokens: int
    reserved: frozenset[str]

    def with_rows(self, rows: int, tokens: int = 0) -> ProsePlan:
        """The steps of a training on so many rows, now that it is known how many have a text.

        Args:
            rows: Number of the rows.
            tokens: Number of their tokens; 0 while it is unknown.
        """
        batch_rows = max(1, min(self.batch_rows, rows // 4))
        most = MAX_TOKENS_SHOWN * rows // tokens if tokens else MAX_ROWS_SHOWN
        num_steps = max(1, min(rows_shown(rows), most) // batch_rows)
        return replace(
            self,
            batch_rows=batch_rows,
            num_steps=num_steps,
            warmup_steps=warmup_steps(0.06, num_steps),
            validation_steps=max(1, num_steps // VALIDATIONS),
        )


@dataclass(frozen=True, kw_only=True)
class ProseTablePlan(CompactPlan):
    """Training of the compact model, and of the language model beside it.

    Attributes:
        prose: Training of the language model.
    """

    prose: ProsePlan


def rows_shown(rows: int) -> int:
    """Rows that training shows in all."""
    return min(MAX_ROWS_SHOWN, max(rows, math.isqrt(ROWS_SHOWN * rows)))


def plan_prose_training(config: Config, model: str, reserved: frozenset[str], *, num_rows: int, seed: int) -> ProsePlan:
    """Derive the training of the language model.

    Args:
        config: The whole request.
        model: Name of a packaged model, path or hub id.
        reserved: Names of columns that the compact model writes.
        num_rows: Number of rows to train on, those of the holdout left out.
        seed: Seed of the run.
    """
    ratio = or_default(config.training.validation_ratio, min(VALIDATION_RATIO, MAX_VALIDATION_ROWS / num_rows))
    plan = ProsePlan(
        base_model=model,
        trained_blocks=TRAINED_BLOCKS,
        max_tokens=MAX_TOKENS,
        reserved=reserved,
        batch_rows=BATCH_ROWS,
        micro_batches=1,
        num_steps=1,
        learning_rate=LEARNING_RATE,
        matrix_learning_rate=0.0,
        averaging=0.0,
        lr_scheduler="cosine",
        warmup_steps=0,
        weight_decay=0.0,
        validation_ratio=ratio,
        validation_steps=1,
        patience=PATIENCE,
        seed=seed,
    )
    return plan.with_rows(num_rows)
