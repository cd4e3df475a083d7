"""The configuration: NeMo's names and defaults, our errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ss_ray.config.files import explicit_paths, load_config, parameters, parse_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError

Write = Callable[[str], Path]

NEMO_PARAMETERS = {  # NeMo Safe Synthesizer's parameters by section, from its published JSON schema
    "data": (
        "group_training_examples_by order_training_examples_by max_sequences_per_example holdout max_holdout "
        "random_state"
    ),
    "evaluation": (
        "mia_enabled mia_excluded_columns aia_enabled sqs_report_columns sqs_report_rows mandatory_columns "
        "enabled quasi_identifier_count pii_replay_enabled pii_replay_entities pii_replay_columns"
    ),
    "evaluation.time_series": "enabled",
    "evaluation.time_series.autocorrelation": "value_columns max_lag min_points max_groups",
    "training": (
        "num_input_records_to_sample batch_size gradient_accumulation_steps weight_decay warmup_steps "
        "lr_scheduler learning_rate lora_r lora_alpha_over_r lora_target_modules rope_scaling_factor "
        "validation_ratio validation_steps pretrained_model quantize_model quantization_bits "
        "quantization_scheme peft_implementation max_vram_fraction attn_implementation"
    ),
    "generation": (
        "num_records temperature repetition_penalty top_p patience invalid_fraction_threshold "
        "max_tokens_multiplier enforce_timeseries_fidelity attention_backend"
    ),
    "generation.structured_generation": ("enabled backend schema_method use_single_sequence max_records_per_sequence"),
    "generation.validation": (
        "group_by_accept_no_delineator group_by_ignore_invalid_records group_by_fix_non_unique_value "
        "group_by_fix_unordered_records enforce_numeric_range"
    ),
    "privacy": "dp_enabled epsilon delta per_sample_max_grad_norm",
    "time_series": (
        "is_timeseries timestamp_column timestamp_interval_seconds timestamp_format start_timestamp stop_timestamp"
    ),
    "replace_pii.globals": "locales seed lock_columns",
    "replace_pii.globals.classify": "enable_classify entities num_samples classify_model_provider",
    "replace_pii.globals.ner": "ner_threshold enable_regexps ner_entities",
    "replace_pii.globals.ner.gliner": ("enable_gliner enable_batch_mode batch_size chunk_length gliner_model"),
    "replace_pii": "steps",
    "preflight": "disabled_checks",
    "": "emit_telemetry unknown_fields",
}
NEMO_DEFAULTS: dict[str, Any] = {  # the same product's defaults where they are not ours
    "data": {"max_sequences_per_example": 10, "random_state": 7},
    "training": {"batch_size": 1, "gradient_accumulation_steps": 8, "validation_ratio": 0.0, "validation_steps": 15},
    "generation": {"temperature": 0.9},
    "replace_pii": {"steps": [{"vars": {"row_seed": "random.random()"}, "rows": {"drop": None, "update": []}}]},
    "emit_telemetry": True,
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file; its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf8")
        return path

    return write_file


@pytest.mark.parametrize("section", NEMO_PARAMETERS)
def test_every_parameter_of_nemo_exists(section: str):
    known = {parameter.path for parameter in parameters()}
    prefix = f"{section}." if section else ""
    assert {prefix + name for name in NEMO_PARAMETERS[section].split()} <= known


def test_defaults_of_nemo_are_accepted():
    config = parse_config(NEMO_DEFAULTS)
    assert config.training.batch_size == 1
    assert config.generation.temperature == 0.9
    assert list(explicit_paths(config)) == [
        "data.max_sequences_per_example",
        "data.random_state",
        "emit_telemetry",
        "generation.temperature",
        "replace_pii.steps",
        "training.batch_size",
        "training.gradient_accumulation_steps",
        "training.validation_ratio",
        "training.validation_steps",
    ]


def test_every_default_is_a_valid_value():
    assert parse_config(Config().model_dump()) == Config()
    assert parse_config(Config().model_dump(mode="json")) == Config()


def test_every_parameter_has_a_description_and_a_type():
    assert [p.path for p in parameters() if not p.description or not p.type] == []


def test_sections_can_be_switched_off_with_null():
    config = parse_config({"privacy": None, "replace_pii": None})
    assert config.privacy is None
    assert config.replace_pii is None


def test_config_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Config().training.batch_size = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "path", "value"),
    [
        ({"training": {"warmup_ratio": 0.2}}, "training.warmup_steps", 0.2),
        ({"training": {"warmup_ratio": None}}, "training.warmup_steps", 0.05),
        ({"training": {"warmup_ratio": 0.2, "warmup_steps": 30}}, "training.warmup_steps", 30),
        ({"generation": {"use_structured_generation": True}}, "generation.structured_generation.enabled", True),
        *(
            (
                {"generation": {f"structured_generation_{name}": value}},
                f"generation.structured_generation.{name}",
                value,
            )
            for name, value in {"backend": "outlines", "schema_method": "regex", "use_single_sequence": True}.items()
        ),
    ],
)
def test_legacy_names_are_understood(values: dict[str, Any], path: str, value: object):
    found: Any = parse_config(values)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": {"batchsize": 3}}, r"training\.batchsize: unknown parameter; did you mean 'batch_size'\?"),
        ({"trainning": {}}, r"trainning: unknown parameter; did you mean 'training'\?"),
        ({"zzz": 1}, "zzz: unknown parameter$"),
        ({"data": {"columns": {"a b": {"minimun": 1}}}}, r"data\.columns\.a b\.minimun: .* did you mean 'minimum'"),
        (
            {"data": {"columns": {"a": {"kind": "number"}}}},
            r"data\.columns\.a\.kind: .* 'integer', 'float'",
        ),
        ({"training": {"batch_size": 0}}, r"training\.batch_size: Input should be greater than .* 1, or 'auto'$"),
        ({"training": {"learning_rate": 2}}, r"training\.learning_rate: Input should be less than 1, or 'auto'$"),
        ({"training": {"validation_steps": 0}}, r"training\.validation_steps: "),
        ({"training": {"num_input_records_to_sample": 0}}, r"training\.num_input_records_to_sample: "),
        ({"training": {"validation_ratio": 1}}, "^training: validation_ratio must leave rows"),
        ({"training": {"warmup_steps": 2.5}}, "training: warmup_steps above 1 .* whole"),
        ({"training": {"compact": {"hidden_size": 30}}}, r"training\.compact: hidden_size must be a multiple"),
        ({"training": None}, "training: expected a mapping of parameters"),
        ({"data": 3}, "data: expected a mapping of parameters"),
        ({"data": {"holdout": -1}}, r"data\.holdout: "),
        ({"data": {"holdout": 2.5}}, "data: holdout above 1 .* whole"),
        ({"data": {"random_state": 2**32}}, r"data\.random_state \(random_state\): "),
        ({"data": {"order_training_examples_by": "t"}}, r"data: order_training_examples_by \(order\) needs group"),
        ({"generation": {"num_records": 0}}, r"generation\.num_records \(rows\): "),
        ({"generation": {"temperature": 0}}, r"generation\.temperature: "),
        ({"generation": {"top_p": 1.1}}, r"generation\.top_p: "),
        ({"privacy": {"epsilon": 0}}, r"privacy\.epsilon \(epsilon\): "),
        (
            {"data": {"holdout": -1}, "generation": {"num_records": 0}},
            r"data\.holdout: .*; generation\.num_records \(rows\): ",
        ),
    ],
)
def test_wrong_value_is_refused_with_its_place(values: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        parse_config(values)


def test_unknown_fields_can_be_ignored_anywhere():
    config = parse_config(
        {
            "unknown_fields": "ignore",
            "nope": 1,
            "data": {"nope": 1, "columns": {"a": {"nope": 1, "minimum": 2}}},
            "replace_pii": {"globals": {"nope": {"deep": 1}}},
            "training": {"batch_size": 4},
        }
    )
    assert config.data.columns["a"].minimum == 2
    assert config.training.batch_size == 4


def test_ignoring_unknown_fields_still_refuses_wrong_values():
    with pytest.raises(ConfigError, match=r"generation\.num_records \(rows\): [^;]*$"):
        parse_config({"unknown_fields": "ignore", "generation": {"nope": 1, "num_records": 0}})


def test_ignoring_unknown_fields_keeps_legacy_names():
    config = parse_config({"unknown_fields": "ignore", "training": {"warmup_ratio": 0.1}})
    assert config.training.warmup_steps == 0.1


def test_file_and_overrides_make_one_config(write: Write):
    path = write("training:\n  batch_size: 8\n  learning_rate: 1e-3\nreplace_pii: null\n")
    config = load_config(
        path,
        [
            "training.batch_size=16",
            "training.learning_rate=2e-3",
            "data.columns.age.kind=integer",
            "data.group_training_examples_by=nan",
            "replace_pii.globals.seed=3",
            "privacy=null",
            "generation.temperature=auto",
        ],
    )
    assert (config.training.batch_size, config.training.learning_rate) == (16, 0.002)
    assert config.data.columns["age"].kind == "integer"
    assert config.data.group_training_examples_by == "nan"
    assert config.replace_pii is not None
    assert config.replace_pii.globals.seed == 3
    assert config.privacy is None


def test_no_file_and_an_empty_file_give_the_defaults(write: Write):
    assert load_config() == load_config(write("# nothing\n")) == Config()


def test_unquoted_dates_are_dates(write: Write):
    path = write("data: {columns: {d: {minimum: 2020-01-31, values: [2020-01-31, 2021-02-28 10:00:00]}}}")
    column = load_config(path).data.columns["d"]
    assert (column.minimum, column.values) == ("2020-01-31", ("2020-01-31", "2021-02-28T10:00:00"))


def test_declared_values_keep_their_types():
    values = parse_config({"data": {"columns": {"x": {"values": [1, "1", True, 2.0]}}}}).data.columns["x"].values
    assert [type(value) for value in values or ()] == [int, str, bool, float]


@pytest.mark.parametrize(("text", "message"), [("- a\n", "must hold a mapping"), ("training: [\n", "not valid YAML")])
def test_file_that_is_no_config_is_refused(write: Write, text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load_config(write(text))


def test_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read the config file .*none\.yaml'"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("override", ["training.batch_size", "=3", "training.batch_size=[1"])
def test_override_that_is_not_understood_is_refused(override: str):
    with pytest.raises(ConfigError, match="--set"):
        load_config(overrides=[override])


def test_time_series_scores_need_sequences() -> None:
    asked = {"evaluation": {"time_series": {"enabled": True}}}
    with pytest.raises(ConfigError, match=r"evaluation\.time_series\.enabled"):
        parse_config(asked)
    assert parse_config(asked | {"data": {"group_training_examples_by": "patient"}}).evaluation.time_series.enabled
