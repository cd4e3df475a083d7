from __future__ import annotations

from typing import Any

import pytest

from ss_ray.codec.json.prompt import GenerationSettings
from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.plans.language_generation import LanguageGenerationPlan, plan_language_generation
from tests.generation import language_toy as toy
from tests.generation.test_text_actor import GROUPS

SETTINGS = GenerationSettings(prompt="...", prompt_ids=toy.PROMPT, max_tokens=101, window=200)


def plan(
    generation: dict[str, Any] | None = None, vllm_available: bool = False, **resources: Any
) -> LanguageGenerationPlan:
    config = Config.model_validate({"generation": generation or {}, "resources": resources})
    return plan_language_generation(config, vllm_available=vllm_available)


def test_defaults() -> None:
    derived = plan()
    assert (derived.engine, derived.is_constrained, derived.tensor_parallel_size) == ("torch", True, 1)
    assert (derived.sampling.temperature, derived.sampling.top_p, derived.sampling.repetition_penalty) == (0.9, 1, 1)
    assert (derived.one_record, derived.max_records, derived.batch_size) == (False, None, 32)
    assert derived.validation.enforce_numeric_range
    assert plan(use_gpu=True).batch_size == 256
    assert plan(use_gpu=True, engine_batch_size=7).batch_size == 7


@pytest.mark.parametrize(
    ("asked", "available", "engine"),
    [("auto", True, "vllm"), ("auto", False, "torch"), ("torch", True, "torch"), ("vllm", True, "vllm")],
)
def test_vllm_is_taken_where_it_is_installed(asked: str, available: bool, engine: str) -> None:
    assert plan({"engine": asked}, available).engine == engine


def test_output_is_constrained_unless_that_is_switched_off() -> None:
    assert not plan({"structured_generation": {"enabled": False}}).is_constrained
    assert not plan({"use_structured_generation": False}).is_constrained
    asked = parse_config(Config().model_dump(mode="json"))  # all defaults spelled out
    assert plan_language_generation(asked, vllm_available=False).is_constrained


@pytest.mark.parametrize(
    ("generation", "available", "resources"),
    [
        ({"engine": "vllm"}, False, {}),
        ({}, False, {"tensor_parallel_size": 2, "use_gpu": True}),
        ({}, True, {"tensor_parallel_size": 2}),
    ],
)
def test_what_needs_vllm_or_a_gpu_is_refused_without(
    generation: dict[str, Any], available: bool, resources: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"vllm is not installed|needs vLLM and resources.use_gpu"):
        plan(generation, available, **resources)


@pytest.mark.parametrize(("multiplier", "tokens"), [(1.2, 121), (0.001, 1), (5.0, 197)])
def test_completions_are_as_long_as_in_training_and_fit_the_window(multiplier: float, tokens: int) -> None:
    assert plan({"max_tokens_multiplier": multiplier}).max_tokens(SETTINGS) == tokens


def test_completions_can_be_bounded_in_records() -> None:
    assert plan().bounded(toy.CODEC) == toy.CODEC
    assert plan({"structured_generation": {"use_single_sequence": True}}).bounded(toy.CODEC).max_records == 1
    assert plan({"structured_generation": {"max_records_per_sequence": 2}}).bounded(toy.CODEC).max_records == 2
    assert plan({"structured_generation": {"max_records_per_sequence": 9}}).bounded(toy.CODEC).max_records == 3
    groups = plan({"structured_generation": {"max_records_per_sequence": 2, "use_single_sequence": True}})
    assert groups.bounded(GROUPS).max_lines == 2
