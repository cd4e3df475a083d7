"""What will be done, as values: every default derived, no "auto" left, nothing optional that a stage must decide."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.model import ModelFamilyName
from ss_ray.plans.language_generation import LanguageGenerationPlan
from ss_ray.plans.language_training import LanguagePlan
from ss_ray.plans.loop import LoopPlan, PrivateLoopPlan
from ss_ray.plans.prose_writing import ProseWritingPlan
from ss_ray.plans.sampling import Sampling
from ss_ray.plans.sequences import SequencePlan
from ss_ray.plans.shape import CompactShape
from ss_ray.tables.withheld import HoldBackPlan

# Tokens of a batch of sequences: as many as a few hundred rows have.
SEQUENCE_TOKENS = 8192
# Sequences of a batch at least.
MIN_SEQUENCES = 8


@dataclass(frozen=True, kw_only=True)
class CompactPlan(LoopPlan):
    """Training of the compact model, with differential privacy too.

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
class PrivateCompactPlan(PrivateLoopPlan):
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
        num_records: Number of rows, exactly.
        num_groups: Sequences, exactly, however many rows they have; None: as many as make `num_records` rows.
        is_one_sequence: Whether all rows are one sequence.
        start: First value of the order column in every sequence; None: learned.
        stop: Value of the order column that no sequence passes; None: learned. With `start` and a fixed interval every
            sequence goes from one to the other, and there are as many as make `num_records` rows at least.
        shard_rows: Rows of one shard; each shard has a seed and a file of its own.
        sampling: How tokens are drawn.
        constraints: Constraints that no row breaks.
        patience: Bad batches in a row that end a shard.
        invalid_fraction_threshold: Share of rejected rows that makes a batch bad.
        seed: Seed of the run; a shard's generator follows from it and the shard's number.
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
class ModelPlan:
    """The part of a plan that the model family decides.

    Attributes:
        training: Training of the model; with differential privacy the budgeted loop comes in its place.
        text: How a language model is asked for rows or texts; None for the compact model alone.
    """

    training: CompactPlan | LanguagePlan
    text: LanguageGenerationPlan | ProseWritingPlan | None


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """All stages of a run.

    Attributes:
        seed: Seed from which training and sampling derive theirs.
        split_seed: Key of the split into training rows and holdout.
        is_private: Whether the run is under differential privacy.
        privacy_unit: Name of the grouping column; None where each row is a privacy unit.
        sequences: How rows make sequences; None where they are modelled one by one.
        hold_back: Rare values that are held back from the models.
        family: Family of the model.
        model: The family's own part of the plan.
        generation: The rows to make, of whichever family.
        notes: Sentences about this plan for a reader of the results.
    """

    seed: int
    split_seed: int
    is_private: bool
    privacy_unit: str | None
    sequences: SequencePlan | None
    hold_back: HoldBackPlan
    family: ModelFamilyName
    model: ModelPlan
    generation: GenerationPlan
    notes: tuple[str, ...]


def plan_sequence_training(plan: CompactPlan, *, examples: int, rows: int, tokens: int) -> CompactPlan:
    """Training on examples of several rows each: as many rows in all, batches of about SEQUENCE_TOKENS tokens.

    Args:
        plan: Training on as many rows one by one.
        examples: To train on.
        rows: Number of rows of all examples.
        tokens: Number of tokens of all examples.
    """
    batch = max(MIN_SEQUENCES, min(round(plan.batch_rows * examples / rows), SEQUENCE_TOKENS * examples // tokens))
    # The same number of rows is shown, whatever the size of a batch.
    num_steps = max(1, round(plan.num_steps * plan.batch_rows * examples / rows / batch))
    share = num_steps / plan.num_steps

    return replace(
        plan,
        batch_rows=batch,
        num_steps=num_steps,
        warmup_steps=round(plan.warmup_steps * share),
        validation_steps=max(1, round(plan.validation_steps * share)),
    )
