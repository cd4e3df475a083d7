"""What a person asks for: one frozen tree, read from YAML, the command line or the API.

Names and defaults are those of NeMo Safe Synthesizer wherever it has the parameter, so its files keep working; our
own parameters stand beside them. Ranges are checked here, "auto" ends in `plan.make_plan`, nothing is ever assigned.
A parameter marked `LANGUAGE_MODELS` is accepted for compatibility and has no effect on the compact model; setting it
there is reported as a note of the run.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ss_ray.config.base import LANGUAGE_MODELS, NOT_YET, Auto, Bound, Cell, Ratio, Section
from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.generation import GenerationParameters
from ss_ray.config.pii import PiiParameters
from ss_ray.packaged_models import PACKAGED_MODELS, SMOLLM2
from ss_ray.schema import Kind

COMPACT = "compact"
SEPARATOR_WORDS = ("auto", "comma", "semicolon", "tab", "pipe", "space", "\\t")
"""Spellings of `data.separator` beside a single character."""
ModelFamilyName = Literal["compact", "compact_and_prose", "language_model"]


class ColumnParameters(Section):
    """What the user knows of a column; whatever is not given is inferred."""

    kind: Kind | None = Field(None, description="How the column behaves.")
    minimum: Bound | None = Field(None, description="Smallest value allowed; dates in ISO 8601.")
    maximum: Bound | None = Field(None, description="Largest value allowed; dates in ISO 8601.")
    values: tuple[Cell, ...] | None = Field(None, description="All values allowed.")
    decimals: int | None = Field(None, ge=0, le=15, description="Digits after the point.")
    format: str | None = Field(
        None,
        description='How text files spell the values: a strptime format of times, or a number format, "$#,##0.00".',
    )
    nullable: bool | None = Field(None, description="Whether missing values may occur.")
    entity: str | None = Field(None, description="PII type of the column, e.g. first_name; its values are replaced.")
    public: bool = Field(
        False, description="Whether its values are public knowledge: rare ones are released, copies are no finding."
    )


class DataParameters(Section):
    """Input, its columns, and the split into train and holdout."""

    group_training_examples_by: str | None = Field(
        None, description="Column whose rows of one value are one sequence, one privacy unit, on one side of the split."
    )
    order_training_examples_by: str | None = Field(
        None, description="Column that the rows of a group ascend by; needs the grouping column."
    )
    max_sequences_per_example: Annotated[int, Field(ge=1)] | Auto | None = Field(
        "auto", description="Records packed into one training example.", json_schema_extra=LANGUAGE_MODELS
    )
    holdout: Annotated[float, Field(ge=0)] | Auto = Field(
        "auto",
        description="Rows kept from training to test against: a share (below 1), a count, or 0; auto: 0.05, and in a "
        "small table 50 rows or 0.2, whichever is fewer; under differential privacy always 0.05.",
    )
    max_holdout: int = Field(2000, ge=0, description="Most rows the holdout may have.")
    min_units_per_category: int = Field(
        5,
        ge=1,
        description="Privacy units (rows, or groups) that must share a value before it is released: categories, listed "
        "numbers and dates, and the smallest and largest ones. 1: every value of the training rows. Without effect "
        "under differential privacy.",
    )
    random_state: int | None = Field(
        None, ge=0, lt=2**32, description="Seed of split, training order and sampling; null draws one and records it."
    )
    encoding: str = Field(
        "auto",
        description="Character encoding of CSV and JSON lines files. auto: by the byte order mark, else UTF-8 where "
        "the bytes are valid UTF-8, else Windows-1252.",
    )
    separator: str = Field(
        "auto",
        description="Character between the cells of CSV files, or its name: comma, semicolon, tab, pipe or space. "
        "auto: found over the first rows.",
    )
    decimal: Literal["auto", ".", ",", "point", "comma"] = Field(
        "auto", description="Decimal mark of the numbers in text files. auto: found over the first rows."
    )
    quote: str = Field(
        "auto",
        description="Character around the cells of CSV files that contain the separator; none: quotes are part of the "
        "cells. auto: found over the first rows.",
    )
    header: bool | Auto = Field(
        "auto",
        description="Whether the first line of CSV and Excel files holds the names of the columns. false: the columns "
        "are named column_1, column_2, and so on. auto: true, but a first line that looks like data is refused.",
    )
    query: str | None = Field(
        None, description="SELECT statement whose rows are read, where the data are the address of a database."
    )
    max_bytes: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Most bytes of a file's cells, decompressed; one with more is refused. null: no limit."
    )
    columns: dict[str, ColumnParameters] = Field(
        default_factory=dict, description="Declared columns by name; they win over what is inferred."
    )

    @model_validator(mode="after")
    def _check_values(self) -> DataParameters:
        if self.order_training_examples_by and not self.group_training_examples_by:
            raise ValueError("order_training_examples_by (order) needs group_training_examples_by (group)")
        if self.holdout != "auto" and self.holdout > 1 and not self.holdout.is_integer():
            raise ValueError("holdout above 1 is a number of rows and must be whole")
        if self.separator not in SEPARATOR_WORDS and not _is_mark(self.separator):
            raise ValueError("separator must be one character, or one of " + ", ".join(SEPARATOR_WORDS))
        if self.quote not in ("auto", "none") and not _is_mark(self.quote):
            raise ValueError("quote must be one character, auto or none")
        return self


def _is_mark(text: str) -> bool:
    """Whether a text can separate or quote cells: one ASCII character that does not end a line."""
    return len(text) == 1 and text.isascii() and text not in "\r\n\0"


class CompactParameters(Section):
    """The embedded model, trained from scratch on the table."""

    hidden_size: Annotated[int, Field(ge=8, le=4096)] | Auto = Field(
        "auto",
        description="Width of the model, a multiple of 2 * num_heads; auto: 96; 64 for tables of less than "
        "4,000 rows and under DP; 128 for the effort best.",
    )
    num_layers: Annotated[int, Field(ge=1, le=64)] | Auto = Field(
        "auto", description="Decoder blocks; auto: 2, or 3 for the effort best."
    )
    num_heads: int = Field(4, ge=1, le=64, description="Attention heads.")
    num_bins: int = Field(64, ge=2, le=4096, description="Quantile bins of a number with over 256 distinct values.")
    text_vocabulary: int = Field(4096, ge=256, le=65536, description="Pieces of free text, the 256 bytes included.")
    max_text_tokens: Annotated[int, Field(ge=1, le=4096)] | Auto = Field(
        "auto", description="Longest free text in pieces, under DP in bytes; the rest is cut; auto: 128, under DP 32."
    )
    patience: int = Field(3, ge=1, description="Validations without improvement before training stops.")

    @model_validator(mode="after")
    def _check_values(self) -> CompactParameters:
        if self.hidden_size != "auto" and self.hidden_size % (2 * self.num_heads):
            raise ValueError("hidden_size must be a multiple of 2 * num_heads")
        return self


class TrainingParameters(Section):
    """The model and its training."""

    pretrained_model: str = Field(
        COMPACT, description='"compact", "smollm2", or the path or hub id of a causal language model.'
    )
    prose_model: str | None = Field(
        "auto",
        description='Language model that writes free text, beside the compact model: "smollm2", or the path or hub id '
        "of a causal language model; null: the compact model writes it; auto: smollm2 where it is installed.",
    )
    effort: Literal["fast", "balanced", "best"] = Field(
        "balanced",
        description="Time for the compact model. fast shows it a third of the rows. best shows it twice as many, takes "
        "a model of width 128 with 3 layers, and about three times as long. Under DP without effect.",
    )
    num_input_records_to_sample: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="Rows shown in training in all; auto: sqrt(240,000 x rows), at least one pass."
    )
    batch_size: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto",
        description="Rows per micro-batch over all workers; auto: 256 for compact (fewer for small tables), 1 for "
        "language models.",
    )
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="Micro-batches per optimizer step; auto: 1 for compact, 8 for language models."
    )
    weight_decay: float = Field(0.01, ge=0, lt=1, description="AdamW weight decay.")
    warmup_steps: float = Field(0.05, ge=0, description="Share of the steps (below 1) or steps of linear warm-up.")
    lr_scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = Field(
        "cosine", description="Learning rate after warm-up."
    )
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | Auto = Field(
        "auto",
        description="Peak learning rate; auto: 5.5e-3 for compact in batches of 256 rows, in smaller ones less by the "
        "square root. The matrices of its blocks have 4 times that rate.",
    )
    lora_r: int = Field(32, gt=0, description="LoRA rank.", json_schema_extra=LANGUAGE_MODELS)
    lora_alpha_over_r: float = Field(
        1.0, ge=0.5, le=3, description="LoRA alpha over rank.", json_schema_extra=LANGUAGE_MODELS
    )
    lora_target_modules: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj"), description="Adapted modules.", json_schema_extra=LANGUAGE_MODELS
    )
    rope_scaling_factor: Annotated[int, Field(ge=1)] | Auto | None = Field(
        "auto", description="Context length over the base context length.", json_schema_extra=LANGUAGE_MODELS
    )
    validation_ratio: Ratio | Auto = Field(
        "auto", description="Share of the rows that decides when to stop; auto: 0.05, at most 5,000 rows; 0: none."
    )
    validation_steps: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="Steps between validations; auto: 15 in a training."
    )
    quantize_model: bool = Field(False, description="Quantise base weights.", json_schema_extra=LANGUAGE_MODELS)
    quantization_bits: Literal[4, 8] = Field(8, description="Deprecated.", json_schema_extra=LANGUAGE_MODELS)
    quantization_scheme: Literal["bnb-4bit", "bnb-8bit", "fp8", "nvfp4", "mxfp4"] | None = Field(
        None, description="Quantisation scheme.", json_schema_extra=LANGUAGE_MODELS
    )
    peft_implementation: str = Field("QLORA", description="lora, qlora or loftq.", json_schema_extra=LANGUAGE_MODELS)
    max_vram_fraction: Ratio = Field(0.8, description="GPU memory in use at most.", json_schema_extra=LANGUAGE_MODELS)
    attn_implementation: str = Field("sdpa", description="Attention kernel.", json_schema_extra=LANGUAGE_MODELS)
    compact: CompactParameters = Field(default_factory=CompactParameters, description="The embedded model.")

    @model_validator(mode="before")
    @classmethod
    def _rename_legacy(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "warmup_ratio" not in values:
            return values

        ratio = values["warmup_ratio"]
        kept = {k: v for k, v in values.items() if k != "warmup_ratio"}
        if ratio is None:
            return kept

        return {"warmup_steps": ratio} | kept

    @model_validator(mode="after")
    def _check_values(self) -> TrainingParameters:
        if self.warmup_steps > 1 and not self.warmup_steps.is_integer():
            raise ValueError("warmup_steps above 1 is a number of steps and must be whole")
        if self.validation_ratio == 1:
            raise ValueError("validation_ratio must leave rows to train on")
        return self


class PrivacyParameters(Section):
    """Differential privacy; everything but `dp_enabled`, `dataset` and `ledger` has an effect only with it."""

    dp_enabled: bool = Field(False, description="Give differential privacy, from the schema to the synthetic table.")
    epsilon: float = Field(8.0, gt=0, le=1000, description="Target epsilon of the whole run, the schema included.")
    delta: Annotated[float, Field(gt=0, lt=0.1)] | Auto = Field(
        "auto", description="Target delta of the whole run; auto: 1/n^1.2, n being the measured number of units."
    )
    per_sample_max_grad_norm: float = Field(1.0, gt=0, description="L2 norm that a unit's gradient is clipped to.")
    schema_epsilon_fraction: float = Field(
        0.1, gt=0, lt=1, description="Share of the budget, in zCDP's rho, that measuring the schema takes."
    )
    allow_inferred_schema: bool = Field(
        False, description="Use the exact schema without paying for it; the certificate names it as not covered."
    )
    max_rows_per_unit: int = Field(8, ge=1, description="Rows of one group that are learned from; the rest is left.")
    dataset: str | None = Field(
        None,
        min_length=1,
        description="Name of the data set in the privacy ledger, with or without differential privacy; null: as its "
        "place or files are known there, else a fingerprint of the files.",
    )
    ledger: str | None = Field(
        None, description="SQLAlchemy URL of the privacy ledger; null: the cluster's, or ~/.ss_ray/ledger.sqlite."
    )


class AutocorrelationParameters(Section):
    """Autocorrelation score of time series."""

    value_columns: tuple[str, ...] | None = Field(
        None, description="Columns of numbers or dates that are compared; null: all of them."
    )
    max_lag: int = Field(20, ge=1, description="Largest lag in rows; short sequences have a smaller one.")
    min_points: int = Field(4, ge=4, description="Values that a sequence must have to be looked at.")
    max_groups: int = Field(128, ge=1, description="Sequences of each table that are looked at, drawn at random.")


class TimeSeriesEvaluationParameters(Section):
    """Scores of time series."""

    enabled: bool | None = Field(
        None, description="Compare autocorrelations; null: where rows make sequences; true needs that they do."
    )
    autocorrelation: AutocorrelationParameters = Field(default_factory=AutocorrelationParameters)


class EvaluationParameters(Section):
    """Which scores are computed, on how much."""

    enabled: bool = Field(True, description="Compute scores and write the report.")
    target: str | None = Field(None, description="Column that train-on-synthetic-test-on-real predicts; null: chosen.")
    mia_enabled: bool = Field(
        True, description="Guess who was trained on; false: not measured, and privacy has no grade unless it fails."
    )
    mia_excluded_columns: tuple[str, ...] | None = Field(
        None,
        description="Columns that membership inference does not look at; privacy then has no grade unless it fails.",
    )
    aia_enabled: bool = Field(
        True, description="Guess a column from the others; false: not measured, and no grade unless privacy fails."
    )
    sqs_report_columns: int = Field(250, ge=1, description="Columns scored at most.")
    sqs_report_rows: int = Field(5000, ge=1, description="Rows of each table scored at most.")
    mandatory_columns: int | None = Field(
        None,
        ge=0,
        description="Accepted, without effect: a number of columns does not say which.",
        json_schema_extra=NOT_YET,
    )
    quasi_identifier_count: int = Field(
        3, ge=1, description="Columns that the attacker of NeMo's attribute inference score knows."
    )
    pii_replay_enabled: bool = Field(
        True, description="Look for values that reappear; false: not measured, and no grade unless privacy fails."
    )
    pii_replay_entities: tuple[str, ...] | None = Field(
        None, description="Of the personal columns, search only those of these types, in NeMo's or Presidio's names."
    )
    pii_replay_columns: tuple[str, ...] | None = Field(
        None, description="Columns to search as personal beside those that were found to be."
    )
    text_embedding: str | None = Field(
        None,
        description='sentence-transformers model of text scores: "minilm", a path or hub id; null: words, without a '
        "model.",
    )
    time_series: TimeSeriesEvaluationParameters = Field(default_factory=TimeSeriesEvaluationParameters)


class TimeSeriesParameters(Section):
    """Rows in the order of time, as one series or, with `data.group_training_examples_by`, one for each group."""

    is_timeseries: bool = Field(False, description="Rows are a time series.")
    timestamp_column: str | None = Field(None, description="Time of a row: a date, a date with a time, or a number.")
    timestamp_interval_seconds: int | None = Field(
        None, gt=0, description="Seconds between rows; null: read off the rows where it is the same everywhere."
    )
    timestamp_format: str | None = Field(
        None, description='strptime format, or "elapsed_seconds" of a number; null: recognised.'
    )
    start_timestamp: Bound | None = Field(None, description="Time at which each series starts; null: learned.")
    stop_timestamp: Bound | None = Field(None, description="Time that no series passes; null: learned.")


class PreflightParameters(Section):
    """Checks before work starts."""

    disabled_checks: tuple[str, ...] = Field((), description="Checks to skip.", json_schema_extra=NOT_YET)


class ReleaseParameters(Section):
    """What the descriptions beside the released table say of it; published with the table."""

    license: str = Field(
        "other", min_length=1, description="Licence of the synthetic table: an SPDX identifier (cc-by-4.0), or a name."
    )
    description: str | None = Field(None, description="First paragraph of the dataset card.")


class TrackingParameters(Section):
    """Servers that are told of a run; traces by the standard OTEL_* variables of the environment."""

    mlflow_uri: str | None = Field(
        None, description="MLflow server or store that gets parameters, metrics and the released files; null: none."
    )
    mlflow_experiment: str = Field("ss_ray", min_length=1, description="Name of the MLflow experiment.")
    openlineage_url: str | None = Field(
        None, description="OpenLineage server (http, https), or file:///PATH to append events to; null: none."
    )
    openlineage_namespace: str = Field("ss_ray", min_length=1, description="Namespace of the OpenLineage job.")
    internal: bool = Field(
        False,
        description="Send MLflow the internal report too, and under differential privacy the figures of real rows: the "
        "server is then as secret as the run directory.",
    )


class ResourceParameters(Section):
    """Where the work runs. Changes speed, never the result's distribution."""

    num_train_workers: int = Field(1, ge=1, description="Training workers.")
    num_generation_workers: int = Field(2, ge=1, description="Generation actors.")
    num_pii_workers: int = Field(1, ge=1, description="PII actors.")
    threads_per_worker: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Torch threads of a worker; null: the cluster's CPUs shared out in training, 1 in generation."
    )
    max_physical_batch_size: int = Field(
        256, ge=1, description="Privacy units whose gradients are computed together under DP; bounds memory only."
    )
    use_gpu: bool = Field(False, description="One GPU per training and generation worker.")
    tensor_parallel_size: int = Field(
        1, ge=1, description="GPUs of a generation worker that share the model.", json_schema_extra=LANGUAGE_MODELS
    )
    engine_batch_size: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Completions that a generation worker decodes together; null: 256 on a GPU, 32 on CPUs.",
        json_schema_extra=LANGUAGE_MODELS,
    )


class Config(Section):
    """The whole request."""

    data: DataParameters = Field(default_factory=DataParameters)
    replace_pii: PiiParameters | None = Field(default_factory=PiiParameters, description="null: leave PII in place.")
    training: TrainingParameters = Field(default_factory=TrainingParameters)
    generation: GenerationParameters = Field(default_factory=GenerationParameters)
    constraints: tuple[ConstraintParameters, ...] | Auto = Field(
        (),
        description="Rules that no synthetic row breaks, see Constraints; auto: the relations between columns that "
        "hold in all training rows and are far from chance (not under differential privacy).",
    )
    evaluation: EvaluationParameters = Field(default_factory=EvaluationParameters)
    privacy: PrivacyParameters | None = Field(default_factory=PrivacyParameters, description="null: off.")
    time_series: TimeSeriesParameters = Field(default_factory=TimeSeriesParameters)
    preflight: PreflightParameters = Field(default_factory=PreflightParameters)
    release: ReleaseParameters = Field(default_factory=ReleaseParameters)
    tracking: TrackingParameters = Field(default_factory=TrackingParameters)
    resources: ResourceParameters = Field(default_factory=ResourceParameters)
    audit_log: str | None = Field(
        "~/.ss_ray/audit.jsonl", description="File on the driver's machine that says who ran what; null: none."
    )
    notes: tuple[str, ...] = Field((), description="Sentences that the report shows its reader beside its own.")
    emit_telemetry: bool = Field(False, description="Accepted for compatibility; nothing is ever sent.")
    unknown_fields: Literal["reject", "ignore"] = Field("reject", description="What to do with unknown keys.")

    @property
    def is_private(self) -> bool:
        """Whether differential privacy is asked for."""
        return self.privacy is not None and self.privacy.dp_enabled

    @property
    def listed_constraints(self) -> tuple[ConstraintParameters, ...]:
        """The constraints that are listed; none where they are to be found."""
        if self.constraints == "auto":
            return ()
        return self.constraints

    @property
    def prose_model(self) -> str | None:
        """Name of the language model of free text; None where the model of the table writes it too."""
        asked = self.training.prose_model
        if asked != "auto":
            return asked
        if self.model_family != "compact" or not PACKAGED_MODELS[SMOLLM2].is_installed:
            return None
        return SMOLLM2

    @property
    def model_family(self) -> ModelFamilyName:
        """Family of the model that is asked for."""
        if self.training.pretrained_model == COMPACT:
            return "compact"
        return "language_model"

    @model_validator(mode="after")
    def _check_time_series(self) -> Config:
        data = self.data
        time = self.time_series
        sequences = time.is_timeseries or data.group_training_examples_by or data.order_training_examples_by
        if self.evaluation.time_series.enabled and not sequences:
            raise ValueError(
                "evaluation.time_series.enabled: true needs time_series.is_timeseries, a group or an order"
            )

        return self
