"""Model families: the compact model, and language models of Hugging Face, behind one interface.

A request chooses its family once, in `choose_family`. Their plans are in `plans`: `make` and `language_training`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ss_ray.config.model import Config, ModelFamilyName, ResourceParameters, TrainingParameters
from ss_ray.errors import PrivacyError
from ss_ray.generation.language_stage import generate_text_table
from ss_ray.generation.pool import has_vllm
from ss_ray.generation.prose_stage import generate_with_prose
from ss_ray.generation.results import GenerationJob, GenerationRequest, SyntheticTable
from ss_ray.generation.stage import generate_table
from ss_ray.location import Location
from ss_ray.plans.language_generation import LanguageGenerationPlan, plan_language_generation
from ss_ray.plans.language_training import LanguagePlan, plan_language_training
from ss_ray.plans.make import plan_compact_training
from ss_ray.plans.plan import CompactPlan, ModelPlan
from ss_ray.plans.prose import ProseTablePlan, plan_prose_training
from ss_ray.plans.prose_writing import ProseWritingPlan, plan_prose_writing
from ss_ray.progress import OnProgress
from ss_ray.training.language_stage import fit_text_codec, train_language_model
from ss_ray.training.private.language_stage import train_private_language_model
from ss_ray.training.private.prose_stage import train_private_with_prose
from ss_ray.training.private.stage import PrivateModelRef, PrivateTraining, train_private_model
from ss_ray.training.prose_stage import train_with_prose
from ss_ray.training.stage import ModelRef, TrainingRows, train_model

PUBLIC_BASE_MODEL = "The base model is taken to be public: what it learned before is not covered."
TWO_MODELS = (
    "Two models were trained from one budget, and the bill has a line for each: one for the columns, and a language "
    "model for the texts. Of a text the schema holds the number of its words alone."
)
ROUNDING_DEPENDS_ON_BATCH = (
    "Where the base model computes in bfloat16, rounding depends a little on which units share a batch; the accounting "
    "leaves that out."
)

Training = TypeVar("Training", contravariant=True)
Decoding = TypeVar("Decoding", contravariant=True)


class ModelFamily(Protocol[Training, Decoding]):
    """Everything that depends on which kind of model learns the table.

    `plan` returns two parts. `train` receives the first (`Training`), `generate` the second (`Decoding`).
    """

    @property
    def name(self) -> ModelFamilyName:
        """Name of the family, which the manifest records."""
        ...

    def check(self, training: TrainingParameters) -> None:
        """Check before any work that the model exists and can be trained.

        Raises:
            ConfigError: The model does not exist, or cannot be trained.
        """
        ...

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        """Derive every default of training and decoding.

        Args:
            config: The whole request.
            num_rows: Number of rows to train on, those of the holdout left out.
            seed: Seed of the run.

        Raises:
            ConfigError: The request contradicts itself, or asks for something that this version does not do.
        """
        ...

    def train(self, table: TrainingRows, plan: Training, on_progress: OnProgress) -> ModelRef:
        """Train on rows, without differential privacy.

        Raises:
            SsRayError: See `train_model` and `train_language_model`.
        """
        ...

    def train_privately(self, training: PrivateTraining, plan: Training, on_progress: OnProgress) -> PrivateModelRef:
        """Train on privacy units, with the budget that the schema has left.

        Raises:
            SsRayError: See `train_private_model` and `train_private_language_model`.
        """
        ...

    def generate(self, job: GenerationJob, plan: Decoding, on_progress: OnProgress) -> SyntheticTable:
        """Write the rows or groups of a plan.

        Raises:
            SsRayError: See `generate_table` and `generate_text_table`.
        """
        ...

    def describe(self, model: ModelRef) -> str:
        """The model in a few words, without the path of a local one."""
        ...

    def privacy_notes(self, model: ModelRef, resources: ResourceParameters) -> tuple[str, ...]:
        """Sentences that a privacy certificate adds for models of this family."""
        ...


@dataclass(frozen=True)
class CompactFamily:
    """A small decoder that is trained from scratch on the table's own tokens."""

    name: ModelFamilyName = "compact"

    def check(self, training: TrainingParameters) -> None:
        """Nothing has to be fetched: the model is made here."""

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        """See `ModelFamily`."""
        return ModelPlan(training=plan_compact_training(config, num_rows=num_rows, seed=seed), text=None)

    def train(self, table: TrainingRows, plan: CompactPlan, on_progress: OnProgress) -> ModelRef:
        """See `ModelFamily`."""
        return train_model(table, plan, on_progress)

    def train_privately(self, training: PrivateTraining, plan: CompactPlan, on_progress: OnProgress) -> PrivateModelRef:
        """See `ModelFamily`."""
        return train_private_model(training, plan, on_progress)

    def generate(self, job: GenerationJob, plan: None, on_progress: OnProgress) -> SyntheticTable:
        """See `ModelFamily`."""
        return generate_table(job, on_progress)

    def describe(self, model: ModelRef) -> str:
        """See `ModelFamily`."""
        return f"compact, {describe_size(model, 'rows or sequences')}"

    def privacy_notes(self, model: ModelRef, resources: ResourceParameters) -> tuple[str, ...]:
        """The compact model adds nothing: it learned from no other rows."""
        return ()


@dataclass(frozen=True)
class LanguageFamily:
    """A pretrained causal language model that LoRA fine-tunes on JSON lines."""

    name: ModelFamilyName = "language_model"

    def check(self, training: TrainingParameters) -> None:
        """See `ModelFamily`."""
        # The import takes seconds, which runs of the compact model need not wait for.
        from ss_ray.training.pretrained import check_pretrained

        check_pretrained(training.pretrained_model)

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        """See `ModelFamily`; a cluster must be connected."""
        # Asked before the training, so that a missing engine costs no hours.
        vllm_available = has_vllm(use_gpu=config.resources.use_gpu)
        return ModelPlan(
            training=plan_language_training(config, num_rows=num_rows, seed=seed),
            text=plan_language_generation(config, vllm_available=vllm_available),
        )

    def train(self, table: TrainingRows, plan: LanguagePlan, on_progress: OnProgress) -> ModelRef:
        """See `ModelFamily`."""
        codec = fit_text_codec(table.rows, table.schema, table.sequences, plan.max_records)
        if table.sequences is not None:
            # A start or stop that the order column cannot hold is refused before hours of training.
            codec.between(table.sequences.start, table.sequences.stop)

        return train_language_model(table, codec, plan, on_progress)

    def train_privately(
        self, training: PrivateTraining, plan: LanguagePlan, on_progress: OnProgress
    ) -> PrivateModelRef:
        """See `ModelFamily`."""
        return train_private_language_model(training, plan, on_progress)

    def generate(self, job: GenerationJob, plan: LanguageGenerationPlan, on_progress: OnProgress) -> SyntheticTable:
        """See `ModelFamily`."""
        return generate_text_table(job, plan, on_progress)

    def describe(self, model: ModelRef) -> str:
        """See `ModelFamily`."""
        return f"a language model with LoRA, {describe_size(model, 'examples')}"

    def privacy_notes(self, model: ModelRef, resources: ResourceParameters) -> tuple[str, ...]:
        """See `ModelFamily`."""
        if resources.use_gpu:
            return (PUBLIC_BASE_MODEL, ROUNDING_DEPENDS_ON_BATCH)
        return (PUBLIC_BASE_MODEL,)


@dataclass(frozen=True)
class ProseFamily(CompactFamily):
    """The compact model for all columns but prose, and a pretrained language model that writes the prose."""

    name: ModelFamilyName = "compact_and_prose"

    def check(self, training: TrainingParameters) -> None:
        """See `ModelFamily`."""
        from ss_ray.training.pretrained import check_pretrained

        if training.prose_model not in ("auto", None):
            check_pretrained(training.prose_model, parameter="training.prose_model")

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        """See `ModelFamily`; a cluster must be connected."""
        assert config.prose_model is not None
        compact = plan_compact_training(config, num_rows=num_rows, seed=seed)
        ruled = {name for constraint in config.listed_constraints for name in constraint.read_columns}
        reserved = frozenset({*ruled, *make_request(config, None).given_names})
        prose = plan_prose_training(config, config.prose_model, reserved, num_rows=num_rows, seed=seed)
        vllm_available = has_vllm(use_gpu=config.resources.use_gpu)
        return ModelPlan(
            training=ProseTablePlan(**vars(compact), prose=prose),
            text=plan_prose_writing(config, vllm_available=vllm_available, seed=seed),
        )

    def train(self, table: TrainingRows, plan: ProseTablePlan, on_progress: OnProgress) -> ModelRef:  # type: ignore[override]
        """See `ModelFamily`."""
        return train_with_prose(table, plan, on_progress)

    def train_privately(  # type: ignore[override]
        self, training: PrivateTraining, plan: ProseTablePlan, on_progress: OnProgress
    ) -> PrivateModelRef:
        """See `ModelFamily`."""
        return train_private_with_prose(training, plan, on_progress)

    def generate(self, job: GenerationJob, plan: ProseWritingPlan, on_progress: OnProgress) -> SyntheticTable:  # type: ignore[override]
        """See `ModelFamily`."""
        return generate_with_prose(job, plan, on_progress)

    def describe(self, model: ModelRef) -> str:
        """See `ModelFamily`."""
        compact = super().describe(model)
        if model.prose is None:
            return compact
        return f"{compact}; texts by a language model, {describe_size(model.prose, 'rows')}"

    def privacy_notes(self, model: ModelRef, resources: ResourceParameters) -> tuple[str, ...]:
        """See `ModelFamily`."""
        if model.prose is None:
            return ()
        return (TWO_MODELS, PUBLIC_BASE_MODEL, ROUNDING_DEPENDS_ON_BATCH)


FAMILIES: Mapping[ModelFamilyName, ModelFamily[Any, Any]] = {
    family.name: family for family in (CompactFamily(), ProseFamily(), LanguageFamily())
}


def choose_family(config: Config) -> ModelFamily[Any, Any]:
    """The family of the model that a request asks for."""
    if config.prose_model is not None:
        return FAMILIES["compact_and_prose"]
    return FAMILIES[config.model_family]


def describe_size(model: ModelRef, examples: str) -> str:
    """Parameters, steps, and the records that were left out of a training.

    Args:
        model: The trained model.
        examples: Word for the examples of a batch.
    """
    size = f"{model.num_parameters:,} parameters, {model.steps:,} steps of {model.batch_rows} {examples}"
    if model.records_left_out:
        return f"{size}, {model.records_left_out:,} records longer than its window left out"
    return size


def make_request(config: Config, rows: Location | None) -> GenerationRequest:
    """The values that are given for generation, and the rows that it may look at.

    Args:
        config: The whole request.
        rows: Folder of the rows that were learned; None with differential privacy.

    Raises:
        PrivacyError: Real rows were given although differential privacy is on; the budget does not pay for them.
    """
    # A mapping that is learned from real rows would cost budget that nobody has paid.
    if config.is_private and rows is not None:
        raise PrivacyError("with differential privacy no real row may be looked at when rows are generated")
    return GenerationRequest(generation=config.generation, encoding=config.data.encoding, real_rows=rows)
