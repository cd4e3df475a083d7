"""What a training loop does, whatever the model: with differential privacy and without."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.privacy.charges import DPPlan

VALIDATIONS = 15
"""Validations in a training where nothing says how many steps are between them."""


@dataclass(frozen=True, kw_only=True)
class LoopPlan:
    """What the training loop does, whatever the model.

    Attributes:
        batch_rows: Examples of one optimizer step over all workers: rows, sequences of rows, or texts of some rows.
        micro_batches: Parts of a batch that are computed one after the other.
        num_steps: Optimizer steps at most.
        learning_rate: Peak learning rate of AdamW.
        matrix_learning_rate: Peak learning rate of Muon, which trains the matrices of the decoder's blocks; 0: AdamW
            trains them too.
        averaging: Decay per step, in [0, 1), of the average of the weights; 0: the weights themselves are kept.
        lr_scheduler: Course after the warm-up.
        warmup_steps: Steps of linear warm-up.
        weight_decay: Weight decay of AdamW.
        validation_ratio: Share of the training rows kept for validation.
        validation_steps: Optimizer steps between validations, which are also the checkpoints.
        patience: Validations without improvement that end training.
        seed: Seed of the weights and of the order of examples.
    """

    batch_rows: int
    micro_batches: int
    num_steps: int
    learning_rate: float
    matrix_learning_rate: float
    averaging: float
    lr_scheduler: str
    warmup_steps: int
    weight_decay: float
    validation_ratio: float
    validation_steps: int
    patience: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class PrivateLoopPlan:
    """What the training loop with differential privacy does, whatever the model.

    Attributes:
        dp: Mechanism: sample rate, clipping norm, noise and number of steps.
        max_rows_per_unit: Rows of one unit that are learned from.
        learning_rate: Peak learning rate of Adam.
        lr_scheduler: Course after the warm-up.
        warmup_steps: Steps of linear warm-up.
        averaging: Decay per step, in [0, 1), of the average of the weights.
        max_physical_batch_size: Units whose gradients are computed together; changes memory and speed only.
        seed: Seed of the first weights, which depend on nothing else.
    """

    dp: DPPlan
    max_rows_per_unit: int
    learning_rate: float
    lr_scheduler: str
    warmup_steps: int
    averaging: float
    max_physical_batch_size: int
    seed: int

    @property
    def num_steps(self) -> int:
        """Optimizer steps."""
        return self.dp.num_steps


def warmup_steps(warmup: float, num_steps: int) -> int:
    """Steps of linear warm-up, of a share of the steps (below 1) or a number of them."""
    return min(num_steps, int(warmup if warmup >= 1 else warmup * num_steps))
