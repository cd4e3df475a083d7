from typing import Any

import pytest

from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.plans.language_training import LanguagePlan, plan_language_training

BASE = {"pretrained_model": "some/model"}


def plan(num_rows: int = 1000, *, sections: dict[str, Any] | None = None, **training: Any) -> LanguagePlan:
    config = Config.model_validate({"training": BASE | training} | (sections or {}))
    return plan_language_training(config, num_rows=num_rows, seed=5)


def test_defaults_are_those_of_nemo() -> None:
    derived = plan()
    assert (derived.base_model, derived.seed) == ("some/model", 5)
    assert (derived.lora.r, derived.lora.alpha) == (32, 32)
    assert derived.lora.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert (derived.batch_rows, derived.micro_batches, derived.max_records) == (8, 8, 10)
    assert (derived.learning_rate, derived.lr_scheduler, derived.weight_decay) == (5e-4, "cosine", 0.01)
    assert (derived.rope_scaling_factor, derived.quantization, derived.attn_implementation) == (1, None, "sdpa")
    assert (derived.bf16, derived.gradient_checkpointing, derived.lora.loftq) == (False, False, False)


@pytest.mark.parametrize(
    ("rows", "shown"), [(1, 158), (1000, 4873), (25_000, 25_000), (100_000, 99_500), (10_000_000, 250_000)]
)
def test_small_tables_are_shown_several_times_and_large_ones_once_at_most(rows: int, shown: int) -> None:
    assert plan(rows).records_shown == pytest.approx(shown, rel=0.02)


def test_steps_are_counted_from_the_examples_that_there_are() -> None:
    estimated = plan(num_input_records_to_sample=8000, warmup_steps=0.1)
    assert (estimated.num_steps, estimated.warmup_steps, estimated.validation_steps) == (100, 10, 6)
    packed = estimated.with_examples(examples=500, records=1000)
    assert (packed.num_steps, packed.warmup_steps, packed.validation_steps) == (500, 50, 33)
    assert packed.with_examples(examples=100, records=1000) == estimated


def test_numbers_of_steps_that_were_asked_for_stay() -> None:
    derived = plan(num_input_records_to_sample=8000, warmup_steps=30, validation_steps=15)
    for found in (derived, derived.with_examples(examples=500, records=1000)):
        assert (found.warmup_steps, found.validation_steps) == (30, 15)
    assert derived.with_examples(examples=1, records=1000).warmup_steps == 1


@pytest.mark.parametrize(
    ("data", "records"),
    [
        ({}, 10),
        ({"max_sequences_per_example": 3}, 3),
        ({"max_sequences_per_example": None}, 12_288),
        ({"group_training_examples_by": "x"}, 1),
    ],
)
def test_records_of_an_example(data: dict[str, Any], records: int) -> None:
    assert plan(sections={"data": data}).max_records == records


@pytest.mark.parametrize("asked", [1, None, "auto"])
def test_with_differential_privacy_an_example_is_of_one_unit(asked: object) -> None:
    sections = {"privacy": {"dp_enabled": True}, "data": {"max_sequences_per_example": asked}}
    derived = plan(sections=sections | {"resources": {"use_gpu": True}})
    assert (derived.max_records, derived.validation_ratio) == (1, 0)
    assert (derived.bf16, derived.gradient_checkpointing) == (True, False)
    with pytest.raises(ConfigError, match="max_sequences_per_example"):
        plan(sections=sections | {"data": {"max_sequences_per_example": 2}})


def test_a_gpu_brings_bfloat16_and_recomputed_activations() -> None:
    derived = plan(sections={"resources": {"use_gpu": True}})
    assert derived.bf16
    assert derived.gradient_checkpointing


@pytest.mark.parametrize(
    ("training", "scheme"),
    [
        ({"quantization_bits": 4}, None),
        ({"quantization_scheme": "bnb-4bit"}, None),
        ({"quantize_model": True}, "bnb-8bit"),
        ({"quantize_model": True, "quantization_bits": 4}, "bnb-4bit"),
        ({"quantize_model": True, "quantization_scheme": "bnb-4bit", "quantization_bits": 8}, "bnb-4bit"),
    ],
)
def test_quantisation_is_what_was_asked_for(training: dict[str, Any], scheme: str | None) -> None:
    assert plan(**training).quantization == scheme


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"quantize_model": True, "quantization_scheme": "mxfp4"}, "quantization_scheme.* not on mxfp4"),
        ({"peft_implementation": "loftq"}, "loftq needs training.quantize_model"),
        ({"peft_implementation": "prefix"}, "none of lora, qlora and loftq"),
    ],
)
def test_what_cannot_be_done_is_refused(training: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(**training)


@pytest.mark.parametrize("name", ["lora", "LoRA", "QLORA", "LoftQ"])
def test_adapters_are_named_in_any_case(name: str) -> None:
    assert plan(peft_implementation=name, quantize_model=True).lora.loftq == (name == "LoftQ")


@pytest.mark.parametrize(("asked", "factor"), [("auto", 1), (None, 1), (4, 4)])
def test_rope_scaling_is_off_unless_asked_for(asked: object, factor: int) -> None:
    assert plan(rope_scaling_factor=asked).rope_scaling_factor == factor


def test_layers_that_the_user_names_are_meant() -> None:
    assert plan().lora.any_layers
    assert not plan(lora_target_modules=("dense",)).lora.any_layers


def test_eight_bits_are_refused_with_differential_privacy() -> None:
    """Outliers of the whole batch decide how each row is computed."""
    private = {"privacy": {"dp_enabled": True}}
    with pytest.raises(ConfigError, match="bnb-4bit"):
        plan(sections=private, quantize_model=True)
    assert plan(sections=private, quantize_model=True, quantization_bits=4).quantization == "bnb-4bit"
