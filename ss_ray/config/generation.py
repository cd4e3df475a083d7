"""Generation: how many rows, how they are drawn, what they have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ss_ray.config.base import LANGUAGE_MODELS, NOT_YET, Auto, Cell, Ratio, Section


class StructuredGenerationParameters(Section):
    """Constrained decoding of language models; the compact model is always constrained."""

    enabled: bool = Field(
        True, description="Constrain decoding to what the schema allows.", json_schema_extra=LANGUAGE_MODELS
    )
    backend: Literal["auto", "xgrammar", "guidance", "outlines", "lm-format-enforcer"] = Field(
        "auto", description="Constraint library.", json_schema_extra=LANGUAGE_MODELS
    )
    schema_method: Literal["auto", "regex", "json_schema", "structural_tag"] = Field(
        "auto", description="Form of the constraint.", json_schema_extra=LANGUAGE_MODELS
    )
    use_single_sequence: bool = Field(False, description="One record a prompt.", json_schema_extra=LANGUAGE_MODELS)
    max_records_per_sequence: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Group length bound.", json_schema_extra=LANGUAGE_MODELS
    )


class ValidationParameters(Section):
    """Which invalid output of a language model is accepted or repaired."""

    group_by_accept_no_delineator: bool = Field(
        False, description="Accept groups without delimiters.", json_schema_extra=LANGUAGE_MODELS
    )
    group_by_ignore_invalid_records: bool = Field(
        False, description="Keep the valid rows of a group.", json_schema_extra=LANGUAGE_MODELS
    )
    group_by_fix_non_unique_value: bool = Field(
        False, description="Overwrite group keys by the first.", json_schema_extra=LANGUAGE_MODELS
    )
    group_by_fix_unordered_records: bool = Field(
        False, description="Sort instead of reject.", json_schema_extra=LANGUAGE_MODELS
    )
    enforce_numeric_range: bool = Field(
        True, description="Keep numbers inside the schema's bounds.", json_schema_extra=LANGUAGE_MODELS
    )


class GenerationParameters(Section):
    """How many rows, and how they are sampled."""

    num_records: int = Field(1000, ge=1, le=10**10, description="Rows to generate, exactly.")
    num_groups: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        None, description="Groups to generate, exactly, of as many rows as they have; null: num_records rows."
    )
    engine: Literal["auto", "vllm", "torch"] = Field(
        "auto", description="What runs the model; auto: vllm where it is installed.", json_schema_extra=LANGUAGE_MODELS
    )
    temperature: Annotated[float, Field(gt=0, le=10)] | Auto = Field(
        "auto", description="Below 1 sharpens, above 1 flattens; auto: 1.0 for compact, 0.9 for language models."
    )
    top_p: float = Field(1.0, gt=0, le=1, description="Sample from the smallest set of tokens with this probability.")
    repetition_penalty: float = Field(1.0, gt=0, description="Penalty.", json_schema_extra=LANGUAGE_MODELS)
    patience: int = Field(3, ge=1, description="Bad batches in a row before giving up; what is made so far is kept.")
    invalid_fraction_threshold: Ratio = Field(
        0.8, description="Share of invalid or rejected rows that makes a batch bad."
    )
    max_tokens_multiplier: float = Field(
        1.2, gt=0, description="Decode limit over the longest example.", json_schema_extra=LANGUAGE_MODELS
    )
    given: dict[str, Cell] = Field(
        default_factory=dict, description="Values by column that every generated row has: conditional generation."
    )
    shares: dict[str, dict[Cell, Annotated[float, Field(ge=0)]]] = Field(
        default_factory=dict, description="Target shares of values by column, to rebalance classes."
    )
    seed_table: str | None = Field(
        None,
        description="Table with some of the columns: one row is made for each of its rows, its missing cells filled.",
    )
    structured_generation: StructuredGenerationParameters = Field(default_factory=StructuredGenerationParameters)
    enforce_timeseries_fidelity: bool = Field(False, description="Time series.", json_schema_extra=NOT_YET)
    validation: ValidationParameters = Field(default_factory=ValidationParameters)
    attention_backend: str | None = Field("auto", description="vLLM attention.", json_schema_extra=LANGUAGE_MODELS)

    @model_validator(mode="after")
    def _check_given(self) -> GenerationParameters:
        twice = sorted(self.given.keys() & self.shares.keys())
        if twice:
            raise ValueError(f"given and shares both name {', '.join(map(repr, twice))}")
        if any(not values or sum(values.values()) <= 0 for values in self.shares.values()):
            raise ValueError("shares of a column need values with shares above 0")
        return self

    @model_validator(mode="before")
    @classmethod
    def _rename_legacy(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values

        legacy = {"use_structured_generation": "enabled"} | {
            f"structured_generation_{name}": name for name in ("backend", "schema_method", "use_single_sequence")
        }
        nested = {new: values[old] for old, new in legacy.items() if old in values}
        kept = {k: v for k, v in values.items() if k not in legacy}
        if not isinstance(kept.get("structured_generation", {}), dict):
            # Pydantic says what is wrong with it.
            return values

        return kept | ({"structured_generation": nested | kept.get("structured_generation", {})} if nested else {})
