"""How a fine-tuned language model is asked for rows: every default derived, no "auto" left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ss_ray.codec.json.validation import Validation
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.plans.sampling import TextSampling

if TYPE_CHECKING:
    from ss_ray.codec.json.lines import JsonCodec
    from ss_ray.codec.json.prompt import GenerationSettings

Engine = Literal["vllm", "torch"]
TEMPERATURE = 0.9
GPU_BATCH = 256
CPU_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class LanguageGenerationPlan:
    """Generation by a language model, beside what `GenerationPlan` says of all models.

    Attributes:
        engine: Engine that runs the model.
        is_constrained: Whether only what the schema allows is written; otherwise what is not allowed is thrown away.
        sampling: How tokens are drawn.
        max_tokens_multiplier: Longest completion over the longest one in training.
        one_record: Whether a completion without groups is of one record; otherwise the model decides where it ends.
        max_records: Records of a completion at most, where that is less than the codec's.
        validation: Treatment of records that are not as they should be.
        tensor_parallel_size: GPUs of an actor that share the model.
        batch_size: Completions that an actor decodes together.
        start: Value of the order column that every group starts with, dates in ISO 8601; None: learned.
        stop: Value of the order column that no group passes; None: learned.
        num_rows: Rows of every group, exactly; None: as many as the model makes.
    """

    engine: Engine
    is_constrained: bool
    sampling: TextSampling
    max_tokens_multiplier: float
    one_record: bool
    max_records: int | None
    validation: Validation
    tensor_parallel_size: int
    batch_size: int
    start: int | float | str | None = None
    stop: int | float | str | None = None
    num_rows: int | None = None

    def max_tokens(self, settings: GenerationSettings) -> int:
        """Tokens of a completion at most, the end token included."""
        asked = max(1, int(settings.max_tokens * self.max_tokens_multiplier))
        return min(asked, settings.window - len(settings.prompt_ids))

    def bounded(self, codec: JsonCodec) -> JsonCodec:
        """The codec with texts no longer than asked for, from the start to the stop.

        Raises:
            DataError: There is no order column to start and stop in, or its type does not hold them.
        """
        if self.max_records is None:
            most = codec.max_lines
        else:
            most = min(codec.max_lines, self.max_records)

        if codec.sequences is not None:
            if self.num_rows is None:
                rows = most
            else:
                rows = self.num_rows
            return replace(codec.between(self.start, self.stop), sequences=replace(codec.sequences, max_rows=rows))

        return replace(codec, max_records=1 if self.one_record else most)


def plan_language_generation(config: Config, *, vllm_available: bool) -> LanguageGenerationPlan:
    """Derive everything from the request.

    Args:
        config: The whole request.
        vllm_available: Whether generation actors can import vLLM.

    Raises:
        ConfigError: vLLM is asked for, or needed, and is not there.
    """
    generation = config.generation
    resources = config.resources
    structured = generation.structured_generation
    validation = generation.validation
    engine = choose_engine(config, vllm_available)
    if resources.tensor_parallel_size > 1 and not (engine == "vllm" and resources.use_gpu):
        raise ConfigError("resources.tensor_parallel_size above 1 needs vLLM and resources.use_gpu")

    return LanguageGenerationPlan(
        engine=engine,
        is_constrained=structured.enabled,
        sampling=TextSampling(
            temperature=TEMPERATURE if generation.temperature == "auto" else generation.temperature,
            top_p=generation.top_p,
            repetition_penalty=generation.repetition_penalty,
        ),
        max_tokens_multiplier=generation.max_tokens_multiplier,
        one_record=structured.use_single_sequence,
        max_records=structured.max_records_per_sequence,
        validation=Validation(
            ignore_invalid_records=validation.group_by_ignore_invalid_records,
            fix_unordered_records=validation.group_by_fix_unordered_records,
            enforce_numeric_range=validation.enforce_numeric_range,
        ),
        tensor_parallel_size=resources.tensor_parallel_size,
        batch_size=resources.engine_batch_size or (GPU_BATCH if resources.use_gpu else CPU_BATCH),
    )


def choose_engine(config: Config, vllm_available: bool) -> Engine:
    """The engine of a request.

    Raises:
        ConfigError: vLLM is asked for, and is not there.
    """
    asked = config.generation.engine
    if asked == "vllm" and not vllm_available:
        raise ConfigError(
            "generation.engine: vllm is not installed on the cluster; install it (on GPUs: pip install vllm; on "
            "CPUs: make env-vllm), or use torch"
        )

    if asked == "auto":
        if vllm_available:
            return "vllm"
        return "torch"

    return asked
