"""What a person asks for of the replacement of personal data: `replace_pii` in the configuration.

`globals` and `steps` are NeMo's, with its meaning; what stands beside them is ours.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from ss_ray.config.base import NOT_YET, Section

EntityName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]
Score = Annotated[float, Field(gt=0, le=1)]
ColumnType = Literal["text", "numeric", "categorical", "binary", "other"]
Names = str | tuple[str, ...]
"""One name or several."""


class Operator(StrEnum):
    """Operation on the values of an entity type."""

    PSEUDONYM = "pseudonym"
    """A keyed stand-in of the same format."""
    REDACT = "redact"
    """`[REDACTED]`, the same for all values."""
    LABEL = "label"
    """The entity type in angle brackets, `<EMAIL_ADDRESS>`."""
    HASH = "hash"
    """A keyed hash of 16 hexadecimal digits."""
    MASK = "mask"
    """`*` for letters and digits; punctuation stays."""
    DATE_SHIFT = "date_shift"
    """Dates moved by days that depend on the person, so that intervals stay."""
    GENERALISE = "generalise"
    """A coarser value: ages in bands of ten years with 90+, dates by year, postcodes and coordinates cut short."""
    KEEP = "keep"
    """The value as it is."""
    DROP_ROW = "drop_row"
    DROP_COLUMN = "drop_column"

    @classmethod
    def _missing_(cls, value: object) -> Operator | None:
        # Both spellings of English are accepted.
        return cls.GENERALISE if value == "generalize" else None


class EndpointParameters(Section):
    """A second opinion on the types of columns, from an OpenAI-compatible chat endpoint."""

    url: str = Field(pattern=r"^https?://", description="Base URL, up to and with /v1.")
    model: str = Field(min_length=1, description="Model to ask.")
    key_env: str | None = Field(None, description="Environment variable that holds the API key.")
    send_values: bool = Field(False, description="Send real values instead of their shapes only.")


class ClassifyParameters(Section):
    """Which column types are replaced."""

    enable_classify: bool | None = Field(True, description="Find the types of columns from their values and headers.")
    entities: tuple[str, ...] | None = Field(
        None, min_length=1, description="Entity types that may be replaced, in columns and in text; null: all."
    )
    num_samples: int | None = Field(3, ge=1, description="Not used.", json_schema_extra=NOT_YET)
    classify_model_provider: str | None = Field(None, description="Not used.", json_schema_extra=NOT_YET)
    endpoint: EndpointParameters | None = Field(
        None, description="Ask this endpoint, too: url, model, key_env, send_values. It can only add types."
    )


class GlinerParameters(Section):
    """NeMo's settings of its GLiNER model; `ner.model` names the model here."""

    enable_gliner: bool = Field(True, description="Not used.", json_schema_extra=NOT_YET)
    enable_batch_mode: bool = Field(True, description="Not used.", json_schema_extra=NOT_YET)
    batch_size: int = Field(8, ge=1, description="Not used.", json_schema_extra=NOT_YET)
    chunk_length: int = Field(512, ge=1, description="Not used.", json_schema_extra=NOT_YET)
    gliner_model: str = Field("nvidia/gliner-PII", description="Not used.", json_schema_extra=NOT_YET)


class NerParameters(Section):
    """Entities in free text."""

    model: str | None = Field(
        "builtin",
        description="Finds names and places in text: builtin, a spaCy pipeline, transformers:NAME or gliner:NAME; "
        "null: patterns only.",
    )
    ner_threshold: Score = Field(0.3, description="Smallest score of a finding in text.")
    enable_regexps: bool = Field(False, description="Patterns; always on here.", json_schema_extra=NOT_YET)
    gliner: GlinerParameters = Field(default_factory=GlinerParameters)
    ner_entities: tuple[str, ...] | None = Field(
        None, min_length=1, description="Entity types to look for in text; null: those of classify.entities."
    )


class PiiGlobals(Section):
    """Settings of all PII steps."""

    locales: tuple[str, ...] | None = Field(
        None, description="Faker locale of stand-ins, the first one; null: en_US, and that of a country column."
    )
    seed: int | None = Field(
        None, description="Makes stand-ins repeatable: for tests, since whoever guesses it can undo ids."
    )
    classify: ClassifyParameters = Field(default_factory=ClassifyParameters)
    ner: NerParameters = Field(default_factory=NerParameters)
    lock_columns: tuple[str, ...] | None = Field(None, description="Columns that are never changed.")


class PolicyColumn(Section):
    """A column that a step adds, drops or renames."""

    name: Names | None = None
    position: int | None = Field(None, ge=0)
    condition: str | None = None
    value: str | None = None
    entity: Names | None = None
    type: ColumnType | tuple[ColumnType, ...] | None = None


class PolicyColumns(Section):
    """What a step does to columns."""

    add: tuple[PolicyColumn, ...] | None = None
    drop: tuple[PolicyColumn, ...] | None = None
    rename: tuple[PolicyColumn, ...] | None = None


class PolicyRow(Section):
    """Which cells or rows a step changes, and how."""

    name: Names | None = None
    condition: str | None = None
    foreach: str | None = None
    value: str | None = None
    entity: Names | None = None
    type: ColumnType | tuple[ColumnType, ...] | None = None
    fallback_value: str | None = None
    description: str | None = None


class PolicyRows(Section):
    """What a step does to rows."""

    drop: tuple[PolicyRow, ...] | None = None
    update: tuple[PolicyRow, ...] | None = None


class PolicyStep(Section):
    """One step of NeMo's policy language: columns first, then rows dropped, then cells updated."""

    vars: dict[str, str | dict[str, Any] | tuple[Any, ...]] | None = None
    columns: PolicyColumns | None = None
    rows: PolicyRows | None = None


class CustomEntityParameters(Section):
    """An entity type of your own."""

    name: EntityName
    regexes: tuple[str, ...] = ()
    deny_list: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    score: float = Field(0.6, gt=0, le=1)
    validator: Literal["luhn", "iban", "mod97"] | None = None
    operator: Operator = Operator.LABEL


class PiiParameters(Section):
    """Replacement of personal data."""

    globals: PiiGlobals = Field(default_factory=PiiGlobals)
    steps: tuple[PolicyStep, ...] | None = Field(
        None, min_length=1, max_length=10, description="NeMo's policy: own rules in place of `operators`."
    )
    on_undetected: Literal["mask", "stop"] = Field(
        "mask", description="A column that looks like PII and cannot be typed: mask its values, or stop the job."
    )
    operators: dict[str, Operator] = Field(
        default_factory=dict, description="What is done by entity type, e.g. {AGE: generalise, city: keep}."
    )
    thresholds: dict[str, Score] = Field(
        default_factory=dict, description="Smallest score of a finding in text, by entity type."
    )
    custom_entities: tuple[CustomEntityParameters, ...] = Field(
        (), description="Entity types of your own: name, regexes, deny_list, context, score, validator, operator."
    )
    person_id: str | None = Field(
        None, description="Column with one value per person; people of one name then get different stand-ins."
    )
    injective: bool = Field(
        False,
        description="Compose names of people and places where lists run out, so that hardly any two originals share a "
        "stand-in.",
    )
    max_date_shift_days: int = Field(365, ge=1, le=36_500, description="Largest move of a person's dates, in days.")
    key_env: str | None = Field(
        None, description="Environment variable with a key of 16 bytes or more: the same stand-ins in every run."
    )
