"""What will be done, as values: every default derived, no "auto" left, nothing optional that a stage must decide."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.plans.sampling import Sampling
from ss_ray.plans.sequences import SequencePlan
from ss_ray.plans.shape import CompactShape
from ss_ray.privacy.charges import DPPlan

SEQUENCE_TOKENS = 8192  # of a batch of sequences: as much as a few hundred rows
MIN_SEQUENCES = 8  # of a batch


@dataclass(frozen=True, kw_only=True)
class LoopPlan:
    """What the training loop does, whatever the model.

    Attributes:
        batch_rows: Examples of one optimizer step over all workers: rows, sequences of rows, or texts of some rows.
        micro_batches: Parts of a batch that are computed one after the other.
        num_steps: Optimizer steps at most.
        learning_rate: Peak.
        lr_scheduler: Course after the warm-up.
        warmup_steps: Steps of linear warm-up.
        weight_decay: Of AdamW.
        validation_ratio: Share of the training rows kept for validation.
        validation_steps: Optimizer steps between validations, which are also the checkpoints.
        patience: Validations without improvement that end training.
        seed: Of weights and order.
    """

    batch_rows: int
    micro_batches: int
    num_steps: int
    learning_rate: float
    lr_scheduler: str
    warmup_steps: int
    weight_decay: float
    validation_ratio: float
    validation_steps: int
    patience: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrainPlan(LoopPlan):
    """Training of the compact model.

    Attributes:
        shape: Size of the model.
        num_bins: Quantile bins of a number.
        text_vocabulary: Pieces of free text.
        max_text_tokens: Longest free text in pieces.
    """

    shape: CompactShape
    num_bins: int
    text_vocabulary: int
    max_text_tokens: int


@dataclass(frozen=True, kw_only=True)
class PrivateLoopPlan:
    """What the training loop with differential privacy does, whatever the model.

    Attributes:
        dp: The mechanism.
        max_rows_per_unit: Rows of one unit that are learned from.
        learning_rate: Of Adam, peak.
        lr_scheduler: Course after the warm-up.
        warmup_steps: Steps of linear warm-up.
        averaging: Decay per step, in [0, 1), of the average of the weights.
        max_physical_batch_size: Units whose gradients are computed together; changes memory and speed only.
        seed: Of the first weights, which depend on nothing else.
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


@dataclass(frozen=True, kw_only=True)
class PrivateTrainPlan(PrivateLoopPlan):
    """Training of the compact model with differential privacy.

    Attributes:
        shape: Size of the model.
        max_text_tokens: Longest free text, in bytes where the schema was measured.
    """

    shape: CompactShape
    max_text_tokens: int


@dataclass(frozen=True, kw_only=True)
class GenerationPlan:
    """Generation.

    Attributes:
        num_records: Rows, exactly.
        num_groups: Sequences, exactly, however many rows they have; None: as many as make `num_records` rows.
        is_one_sequence: Whether all rows are one sequence.
        start: Of the order column in every sequence; None: learned.
        stop: Of the order column, passed by no sequence; None: learned. With `start` and a fixed interval every
            sequence goes from one to the other, and there are as many as make `num_records` rows at least.
        shard_rows: Rows of one shard; each shard has a seed and a file of its own.
        sampling: How tokens are drawn.
        constraints: That no row breaks.
        patience: Bad batches in a row that end a shard.
        invalid_fraction_threshold: Share of rejected rows that makes a batch bad.
        seed: Of the run; a shard's generator follows from it and the shard's number.
    """

    num_records: int
    num_groups: int | None
    is_one_sequence: bool
    start: int | float | str | None
    stop: int | float | str | None
    shard_rows: int
    sampling: Sampling
    constraints: tuple[ConstraintParameters, ...]
    patience: int
    invalid_fraction_threshold: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """All stages.

    Attributes:
        seed: From which training and sampling derive theirs.
        split_seed: Key of the split.
        privacy_unit: "row", or the grouping column.
        sequences: How rows make sequences; None where they are modelled one by one.
        training: Without differential privacy; with it, `plan_private_loop` plans once the schema is measured.
        generation: See `GenerationPlan`.
        notes: What a reader of the results should know about this plan, in words.
    """

    seed: int
    split_seed: int
    privacy_unit: str | None
    sequences: SequencePlan | None
    training: TrainPlan
    generation: GenerationPlan
    notes: tuple[str, ...]


def plan_sequence_training(plan: TrainPlan, *, examples: int, rows: int, tokens: int) -> TrainPlan:
    """Training on examples of several rows each: as many rows in all, batches of about SEQUENCE_TOKENS tokens.

    Args:
        plan: Training on as many rows one by one.
        examples: To train on.
        rows: Of all of them.
        tokens: Of all of them.
    """
    batch = max(MIN_SEQUENCES, min(round(plan.batch_rows * examples / rows), SEQUENCE_TOKENS * examples // tokens))
    num_steps = max(1, round(plan.num_steps * plan.batch_rows * examples / rows / batch))
    share = num_steps / plan.num_steps

    return replace(
        plan,
        batch_rows=batch,
        num_steps=num_steps,
        warmup_steps=round(plan.warmup_steps * share),
        validation_steps=max(1, round(plan.validation_steps * share)),
    )
