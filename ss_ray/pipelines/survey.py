"""A look at a source before a run: what its columns are, what would be done with them, and how long it would take.

The first rows tell it, in a few seconds, without Ray and without training. Nothing of it is a promise: the run
looks at every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.addresses import is_address, shown_name
from ss_ray.codec.prose import fit_prose_codec
from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.constraints.suggest import suggest
from ss_ray.constraints.suggestions import Suggestion
from ss_ray.pii.planning import plan_replacement
from ss_ray.pii.rules import ColumnRule, PiiPlan
from ss_ray.pipelines.names import refuse_missing
from ss_ray.plans.make import COMPACT_SIZE, check_supported, plan_compact_training
from ss_ray.plans.private import TEXTS_STEPS, texts_batch
from ss_ray.plans.prose import rows_shown
from ss_ray.plans.prose_writing import plan_prose_writing
from ss_ray.plans.shape import CompactShape
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.connectors.copies import first_rows_copied
from ss_ray.tables.dialect import declared_dialect, describe_reading
from ss_ray.tables.files import Source, find_source, source_state
from ss_ray.tables.first_rows import first_rows, type_first_rows
from ss_ray.tables.parts import count_rows
from ss_ray.tables.repeats import RepeatedId, find_repeated_id

SAMPLE_ROWS = 1_000
"""First rows of the source, which tell everything."""
PII_ROWS = 200
"""Rows of them by which columns are typed as personal."""
MEASURED_BYTES = 1 << 20
"""Bytes of a text file whose lines tell how many rows it has."""
COMPRESSED = (".gz", ".bz2", ".zst", ".zip", ".xz", ".lz4", ".br")
START_SECONDS = 40.0
"""Time of all stages of a table of a few hundred rows on two cores, most of it the start of processes."""
TRAINED_CELLS = 30_000.0
"""Cells that training takes a second on two cores."""
READ_CELLS = 200_000.0
"""Cells a second that reading, splitting and replacement take on two cores."""
GENERATED_ROWS = 1_200.0
"""Rows generated a second on two cores."""
TRAINED_TOKENS = 900.0
"""Tokens a second from which a language model of the size of SmolLM2 learns on two cores."""
WRITTEN_TOKENS = 500.0
"""Tokens a second that such a model reads or writes on two cores."""
SHOWN_TOKENS = 60.0
"""Tokens of the values that it reads of each row."""
TOKENS_PER_WORD = 1.4
PROCESS_BYTES = 1e9
"""Memory of the largest process without any rows."""
CELL_BYTES = 8
"""Memory of a cell of the training rows, as tokens."""


@dataclass(frozen=True, kw_only=True)
class SurveyedColumn:
    """What is known of a column by the first rows.

    Attributes:
        name: Name of the column.
        kind: Kind of the column.
        missing: Share of missing cells.
        entity_type: PII type; "" where there is none.
        operator: Operation on its personal data; "search" where its cells are searched, "" where nothing is done.
        confidence: Confidence of the type in [0, 1]; None where there is no type.
        reason: Reason of the type, or of the kind where there is no type, in words without any value.
    """

    name: str
    kind: Kind
    missing: float
    entity_type: str
    operator: str
    confidence: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class SurveyedRows:
    """The first rows of a source, from which everything is told.

    Attributes:
        data: Path or URI of the source.
        source: Files of the source, and how they are read.
        rows: Up to SAMPLE_ROWS rows as they are written.
        schema: Schema that these rows tell.
        typed: Copy of `rows` in the types of the schema.
        num_rows: Number of rows of the source; None where it cannot be estimated.
        is_exact: Whether that number is exact.
    """

    data: str
    source: Source
    rows: pa.Table
    schema: TableSchema
    typed: pa.Table
    num_rows: int | None
    is_exact: bool


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is known of a source by its first rows.

    Attributes:
        data: Path or URI of the source.
        reading: Sentence about how the source is read.
        rows: Number of rows of the source; None where it cannot be estimated.
        is_exact: Whether the number of rows is exact.
        columns: Columns in table order.
        repeated: Column of identifiers that repeats, which may be the group; None without one.
        order: Column that the rows of a group may ascend by; None without one.
        constraints: Constraints that the first rows keep.
        seconds: Estimated wall time of a run on two cores; None for a language model or an unknown number of rows.
        memory_bytes: Estimated memory of the largest process, under the same condition.
    """

    data: str
    reading: str
    rows: int | None
    is_exact: bool
    columns: tuple[SurveyedColumn, ...]
    repeated: RepeatedId | None
    order: str | None
    constraints: tuple[Suggestion, ...]
    seconds: float | None
    memory_bytes: float | None


def survey_source(config: Config, data: str) -> Survey:
    """Look at the first rows of a source.

    Args:
        config: The whole request.
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI.

    Raises:
        SsRayError: The source cannot be read, or the request cannot be met.
    """
    return survey_rows(config, read_surveyed_rows(config, data))


def read_surveyed_rows(config: Config, data: str) -> SurveyedRows:
    """Read and type the first rows of a source.

    Args:
        config: The whole request.
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI.

    Raises:
        SsRayError: The source cannot be read, or the request cannot be met.
    """
    require_config(config)
    check_supported(config)
    with first_rows_copied(data, config.data.query, SAMPLE_ROWS) as files:
        source = find_source(files, config.data.encoding, config.data.max_bytes, declared_dialect(config.data))
        rows = first_rows(source, SAMPLE_ROWS)

    refuse_missing(config, rows.column_names)
    schema, typed = type_first_rows(rows, source, config.data.columns)
    num_rows, is_exact = _estimate_rows(source, data, rows)
    return SurveyedRows(
        data=data, source=source, rows=rows, schema=schema, typed=typed, num_rows=num_rows, is_exact=is_exact
    )


def survey_rows(config: Config, first: SurveyedRows) -> Survey:
    """Tell what the first rows of a source show.

    Args:
        config: The whole request.
        first: First rows, read with the same section `data`.

    Raises:
        SsRayError: The request cannot be met.
    """
    schema = first.schema
    plan = None
    if config.replace_pii is not None:
        plan = plan_replacement(first.typed.slice(0, PII_ROWS), schema, config.replace_pii, config.data)

    repeated = find_repeated_id(first.rows)
    seconds, memory = estimate_costs(config, first)
    return Survey(
        data=shown_name(first.data),
        reading=describe_reading(str(first.data), first.source.format, first.source.dialect),
        rows=first.num_rows,
        is_exact=first.is_exact,
        columns=tuple(_survey_column(schema[name], first.typed, plan) for name in schema.source_names),
        repeated=repeated,
        order=None if repeated is None else _find_order(schema, repeated),
        constraints=suggest(schema, first.typed),
        seconds=seconds,
        memory_bytes=memory,
    )


def _survey_column(column: ColumnSchema, typed: pa.Table, plan: PiiPlan | None) -> SurveyedColumn:
    rules: Sequence[ColumnRule] = () if plan is None else (*plan.columns, *plan.kept)
    rule = next((rule for rule in rules if rule.name == column.name), None)
    is_searched = plan is not None and column.name in (*plan.text_columns, *plan.checked_columns)
    operator = "search" if is_searched else ""
    return SurveyedColumn(
        name=column.name,
        kind=column.kind,
        missing=typed.column(column.name).null_count / max(1, typed.num_rows),
        entity_type="" if rule is None else rule.entity_type,
        operator=operator if rule is None else rule.operator.value,
        confidence=None if rule is None else rule.confidence,
        reason=column.reason if rule is None else rule.explanation,
    )


def _find_order(schema: TableSchema, repeated: RepeatedId) -> str | None:
    """The first date that changes within an identifier."""
    dated = [column.name for column in schema.of_kind(Kind.DATE, Kind.DATETIME)]
    return next((name for name in dated if name not in repeated.constant), None)


def _estimate_rows(source: Source, data: str, rows: pa.Table) -> tuple[int | None, bool]:
    """Rows of the source, and whether the number is exact."""
    if rows.num_rows < SAMPLE_ROWS:
        return rows.num_rows, True
    if is_address(data):
        return None, False
    if source.format == "parquet":
        return sum(count_rows(source.files)), True
    first = source.files[0]
    # Compressed bytes have no lines.
    if source.format not in ("csv", "jsonl") or first.name.endswith(COMPRESSED):
        return None, False

    with first.filesystem.open_input_stream(first.path, compression=None) as stream:
        start = bytes(stream.read(MEASURED_BYTES))

    lines = start.count(b"\n")
    return round(sum(size for _, size, _ in source_state(data)) * lines / len(start)), False


def estimate_costs(config: Config, first: SurveyedRows) -> tuple[float | None, float | None]:
    """Seconds of a run on two cores, and bytes of its largest process; None where they cannot be estimated.

    Args:
        config: The whole request.
        first: First rows, read with the same section `data`.
    """
    num_rows = first.num_rows
    if num_rows is None or config.model_family != "compact":
        return None, None

    num_columns = first.typed.num_columns
    training = plan_compact_training(config, num_rows=max(2, num_rows), seed=0)
    shown = training.num_steps * training.batch_rows * _relative_cost(training.shape)
    learned = num_columns * (shown / TRAINED_CELLS + num_rows / READ_CELLS)
    generated = config.generation.num_records / GENERATED_ROWS
    prose = _estimate_prose(config, num_rows, first.typed, first.schema)
    seconds = START_SECONDS + learned + generated + prose
    return seconds, PROCESS_BYTES + num_rows * num_columns * CELL_BYTES


def _relative_cost(shape: CompactShape) -> float:
    """Time of a row in a model that is larger than the usual one, in multiples of the usual; 1 for smaller ones."""
    width, layers = COMPACT_SIZE
    return max(1.0, shape.num_layers * shape.hidden_size**2 / (layers * width**2))


def _estimate_prose(config: Config, num_rows: int, sample: pa.Table, schema: TableSchema) -> float:
    """Seconds that a language model takes to learn and to write the texts; 0 where there are none, or no such model."""
    codec = None
    if config.prose_model is not None:
        codec = fit_prose_codec(schema, sample, reserved=frozenset())
    if codec is None:
        return 0.0

    outline = codec.outline(sample)
    words = sum(pc.sum(outline.column(name)).as_py() or 0 for name in codec.texts)
    tokens = SHOWN_TOKENS + TOKENS_PER_WORD * words / max(1, sample.num_rows)
    shown = TEXTS_STEPS * texts_batch(num_rows) if config.is_private else rows_shown(num_rows)
    learned = shown * tokens / TRAINED_TOKENS
    num_rows = config.generation.num_records
    # Only how many texts are written matters here, and not by which engine.
    writing = plan_prose_writing(config, vllm_available=True, seed=0)
    versions = 1 if config.is_private else writing.num_versions(num_rows * len(codec.texts))
    return learned + versions * num_rows * tokens / WRITTEN_TOKENS
