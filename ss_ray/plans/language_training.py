"""How a pretrained language model is fine-tuned: every default derived, no "auto" left."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from ss_ray.config.base import or_default
from ss_ray.config.model import Config, TrainingParameters
from ss_ray.errors import ConfigError
from ss_ray.plans.loop import VALIDATIONS, LoopPlan, warmup_steps

RECORDS_SHOWN = 25_000
"""Training shows sqrt(RECORDS_SHOWN x rows) records: 5 passes of 1,000 rows, one of 25,000."""
MAX_RECORDS_SHOWN = 250_000
LEARNING_RATE = 5e-4
BATCH = 1
ACCUMULATION = 8
RECORDS_PER_EXAMPLE = 10
MAX_WINDOW_TOKENS = 12_288
VALIDATION_RATIO = 0.05
# Validations of more would take longer than the training between them.
MAX_VALIDATION_ROWS = 500
Quantization = Literal["bnb-4bit", "bnb-8bit"]
DEFAULT_TARGETS: tuple[str, ...] = TrainingParameters.model_fields["lora_target_modules"].default


@dataclass(frozen=True, kw_only=True)
class LoraPlan:
    """The adapter.

    Attributes:
        r: Rank of the adapter's matrices.
        alpha: Updates are scaled by alpha / sqrt(r): rank-stabilised LoRA, Kalajdzievski 2023, arXiv:2312.03732.
        target_modules: Names of the linear layers that are adapted.
        any_layers: Whether to make do with those of them that the model has, or else with all its linear layers: the
            user named none.
        loftq: Whether the adapter starts from what quantisation loses: Li et al. 2023, arXiv:2310.08659.
    """

    r: int
    alpha: float
    target_modules: tuple[str, ...]
    any_layers: bool
    loftq: bool


@dataclass(frozen=True, kw_only=True)
class LanguagePlan(LoopPlan):
    """Fine-tuning of a pretrained causal language model.

    Attributes:
        base_model: Path or hub id.
        lora: Adapter that is trained.
        quantization: How the base model's weights are held while the adapter is trained; None: as they are.
        max_records: Records of an example without groups, at most.
        records_shown: Records shown in all.
        rope_scaling_factor: Length of the window over what it would be without.
        max_window_tokens: Longest window without rope scaling, whatever the model could take.
        warmup: Warm-up as it was asked for: a share of the steps (below 1), or a number of steps; `warmup_steps`
            follows from it.
        validations: In a training where nothing says how many steps are between them; 0 where it is said.
        attn_implementation: Attention kernel, as transformers names them.
        bf16: Whether the base model is in bfloat16 rather than float32; the adapter is in float32.
        gradient_checkpointing: Whether activations are computed again rather than kept.
        max_vram_fraction: GPU memory that a worker may take.
    """

    base_model: str
    lora: LoraPlan
    quantization: Quantization | None
    max_records: int
    records_shown: int
    rope_scaling_factor: int
    max_window_tokens: int
    warmup: float
    validations: int
    attn_implementation: str
    bf16: bool
    gradient_checkpointing: bool
    max_vram_fraction: float

    def with_examples(self, *, examples: int, records: int) -> LanguagePlan:
        """The steps that show `records_shown` records, now that it is known how many are in how many examples."""
        num_steps = max(1, math.ceil(self.records_shown * examples / (records * self.batch_rows)))
        return replace(
            self,
            num_steps=num_steps,
            warmup_steps=warmup_steps(self.warmup, num_steps),
            validation_steps=max(1, num_steps // self.validations) if self.validations else self.validation_steps,
        )


def plan_language_training(config: Config, *, num_rows: int, seed: int) -> LanguagePlan:
    """Derive everything from the request and the number of rows to train on.

    Where `num_input_records_to_sample` is auto, sqrt(25,000 x rows) records are shown, at least each row once, at most
    250,000. Steps are counted for full examples; `with_examples` corrects them once the examples are cut.

    Args:
        config: The whole request.
        num_rows: Rows to train on, those of the holdout left out.
        seed: Seed of the run.

    Raises:
        ConfigError: What this version cannot do, or what contradicts itself.
    """
    training = config.training
    private = config.is_private
    use_gpu = config.resources.use_gpu
    interval = training.validation_steps
    auto_ratio = 0.0 if private else min(VALIDATION_RATIO, MAX_VALIDATION_ROWS / num_rows)
    validation_ratio = or_default(training.validation_ratio, auto_ratio)
    micro_batches = or_default(training.gradient_accumulation_steps, ACCUMULATION)
    shown = _records_shown(max(1, round(num_rows * (1 - validation_ratio))))
    max_records = _max_records(config)

    plan = LanguagePlan(
        base_model=training.pretrained_model,
        lora=_plan_lora(training),
        quantization=_choose_quantization(training, private=private),
        max_records=max_records,
        records_shown=or_default(training.num_input_records_to_sample, shown),
        rope_scaling_factor=or_default(training.rope_scaling_factor or 1, 1),
        max_window_tokens=MAX_WINDOW_TOKENS,
        warmup=training.warmup_steps,
        validations=VALIDATIONS if interval == "auto" else 0,
        attn_implementation=training.attn_implementation,
        bf16=use_gpu,
        # The hooks of per-unit gradients see each layer once; recomputation would show it twice.
        gradient_checkpointing=use_gpu and not private,
        max_vram_fraction=training.max_vram_fraction,
        batch_rows=or_default(training.batch_size, BATCH) * micro_batches,
        micro_batches=micro_batches,
        num_steps=1,
        learning_rate=or_default(training.learning_rate, LEARNING_RATE),
        # An adapter's matrices are of low rank, where an orthogonal update makes no sense.
        matrix_learning_rate=0.0,
        averaging=0.0,
        lr_scheduler=training.lr_scheduler,
        warmup_steps=0,
        weight_decay=training.weight_decay,
        validation_ratio=validation_ratio,
        validation_steps=or_default(interval, 1),
        patience=training.compact.patience,
        seed=seed,
    )

    return plan.with_examples(examples=1, records=min(max_records, num_rows))


def _records_shown(rows: int) -> int:
    return min(MAX_RECORDS_SHOWN, max(rows, math.isqrt(RECORDS_SHOWN * rows)))


def _max_records(config: Config) -> int:
    """Records of an example; a group, or with differential privacy a unit, is an example of its own."""
    data = config.data
    asked = data.max_sequences_per_example
    if config.is_private:
        if asked not in (1, "auto", None):
            raise ConfigError(
                "data.max_sequences_per_example: with differential privacy an example is of one unit; set it to 1"
            )
        return 1

    if data.group_training_examples_by is not None or config.time_series.is_timeseries:
        return 1
    if asked is None:
        # A record has a token at least: as many as fit.
        return MAX_WINDOW_TOKENS
    if asked == "auto":
        return RECORDS_PER_EXAMPLE

    return asked


def _plan_lora(training: TrainingParameters) -> LoraPlan:
    implementation = training.peft_implementation.lower()
    if implementation not in ("lora", "qlora", "loftq"):
        raise ConfigError(
            f"training.peft_implementation: {training.peft_implementation!r} is none of lora, qlora and loftq"
        )
    if implementation == "loftq" and not training.quantize_model:
        raise ConfigError("training.peft_implementation: loftq needs training.quantize_model: true")

    return LoraPlan(
        r=training.lora_r,
        alpha=training.lora_r * training.lora_alpha_over_r,
        target_modules=training.lora_target_modules,
        any_layers=training.lora_target_modules == DEFAULT_TARGETS,
        loftq=implementation == "loftq",
    )


def _choose_quantization(training: TrainingParameters, *, private: bool) -> Quantization | None:
    """The scheme, `quantization_bits` being an older name for two of them."""
    if not training.quantize_model:
        return None

    scheme = training.quantization_scheme or ("bnb-4bit" if training.quantization_bits == 4 else "bnb-8bit")
    if scheme not in ("bnb-4bit", "bnb-8bit"):
        raise ConfigError(
            f"training.quantization_scheme: this version trains on bnb-4bit and bnb-8bit weights, not on {scheme}"
        )
    if private and scheme == "bnb-8bit":
        raise ConfigError(
            "training.quantization_scheme: 8 bits treat columns by the outliers of the whole batch, so that one row "
            "changes another's gradient; with differential privacy use bnb-4bit"
        )

    return scheme
