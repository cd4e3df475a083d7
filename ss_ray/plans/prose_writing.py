"""How a language model writes the texts of rows that the compact model made."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.config.base import or_default
from ss_ray.config.model import Config
from ss_ray.plans.language_generation import Engine, choose_engine
from ss_ray.plans.sampling import TEXT_TOP_P, TextSampling

WINDOW = 4096
"""Tokens of a row's values and texts together, when texts are written."""
GPU_BATCH = 512
CPU_BATCH = 128
MOST_VERSIONS = 4
"""Versions that are written of a text at most, of which one is kept."""
CPU_TEXTS = 10_000
"""Texts that are written in all, versions included, where there is no GPU: about eight minutes on two cores."""


@dataclass(frozen=True, kw_only=True)
class ProseWritingPlan:
    """Writing of the texts.

    Attributes:
        engine: Engine that runs the language model.
        sampling: How tokens are drawn.
        batch_size: Texts that an actor decodes together.
        window: Tokens of a row's values and texts at most.
        most_texts: Texts to write in all, versions included; None for any number.
        tensor_parallel_size: GPUs of an actor that share the model.
        seed: Seed of the run.
    """

    engine: Engine
    sampling: TextSampling
    batch_size: int
    window: int
    most_texts: int | None
    tensor_parallel_size: int
    seed: int

    def num_versions(self, num_texts: int) -> int:
        """Versions to write of each of so many texts."""
        if self.most_texts is None:
            return MOST_VERSIONS
        return max(1, min(MOST_VERSIONS, self.most_texts // max(1, num_texts)))


def plan_prose_writing(config: Config, *, vllm_available: bool, seed: int) -> ProseWritingPlan:
    """Derive the writing of the texts.

    Args:
        config: The whole request.
        vllm_available: Whether generation actors can import vLLM.
        seed: Seed of the run.

    Raises:
        ConfigError: vLLM is asked for, or needed, and is not there.
    """
    generation = config.generation
    resources = config.resources
    return ProseWritingPlan(
        engine=choose_engine(config, vllm_available),
        sampling=TextSampling(
            temperature=or_default(generation.temperature, 1.0),
            top_p=min(generation.top_p, TEXT_TOP_P),
            repetition_penalty=generation.repetition_penalty,
        ),
        batch_size=resources.engine_batch_size or (GPU_BATCH if resources.use_gpu else CPU_BATCH),
        window=WINDOW,
        most_texts=None if resources.use_gpu else CPU_TEXTS,
        tensor_parallel_size=resources.tensor_parallel_size,
        seed=seed,
    )
