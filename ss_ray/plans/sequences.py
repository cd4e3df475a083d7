"""How rows make sequences: what the request says of groups, order and time, and what that makes of the schema."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pyarrow as pa

from ss_ray.config.model import Config, DataParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.schema import ColumnSchema, Kind, Scalar, TableSchema, arrow_type
from ss_ray.tables.patterns import alphabets, string_patterns

DIGITS = "0123456789"
MIN_NAMES = 10**9
"""Names of groups that a pattern has room for, at least."""
ELAPSED_SECONDS = "elapsed_seconds"


@dataclass(frozen=True, kw_only=True)
class SequencePlan:
    """Sequences of rows.

    Attributes:
        group: Column whose value the rows of one sequence share; None where the whole table is one sequence.
        order: Column that the rows of a sequence ascend by; None where they stay in the order of the source.
        interval_seconds: Time between neighbours; None where it is read off the rows.
        start: Value of the order column that every sequence starts with, dates in ISO 8601; None: learned.
        stop: Value of the order column that no sequence passes; None: learned.
    """

    group: str | None
    order: str | None
    interval_seconds: int | None
    start: int | float | str | None
    stop: int | float | str | None


def plan_sequences(config: Config) -> SequencePlan | None:
    """The sequences that a request asks for; None where rows are modelled one by one.

    With differential privacy groups alone are privacy units, whose rows are modelled one by one; an order makes them
    sequences.
    """
    data = config.data
    time = config.time_series
    private = config.is_private
    if not time.is_timeseries:
        if data.group_training_examples_by is None or (private and data.order_training_examples_by is None):
            return None
        return SequencePlan(
            group=data.group_training_examples_by,
            order=data.order_training_examples_by,
            interval_seconds=None,
            start=None,
            stop=None,
        )

    return SequencePlan(
        group=data.group_training_examples_by,
        order=time.timestamp_column or data.order_training_examples_by,
        interval_seconds=time.timestamp_interval_seconds,
        start=time.start_timestamp,
        stop=time.stop_timestamp,
    )


def check_sequences(config: Config) -> None:
    """Refuse what contradicts itself.

    Raises:
        ConfigError: In the sections `data` and `time_series`.
    """
    data = config.data
    time = config.time_series
    given = [
        name
        for name in ("timestamp_column", "timestamp_interval_seconds", "start_timestamp", "stop_timestamp")
        if getattr(time, name) is not None
    ]
    if not time.is_timeseries:
        if given:
            raise ConfigError(f"time_series.{given[0]} needs time_series.is_timeseries: true")
        return

    if config.is_private and data.group_training_examples_by is None:
        raise ConfigError(
            "time_series with differential privacy needs data.group_training_examples_by: the privacy unit is a series"
        )
    if time.timestamp_column is None:
        raise ConfigError("time_series.timestamp_column: say which column holds the time")
    if data.order_training_examples_by not in (None, time.timestamp_column):
        raise ConfigError("data.order_training_examples_by must be time_series.timestamp_column, or left out")


def with_timestamp_format(data: DataParameters, config: Config) -> DataParameters:
    """The declared columns, the format of `time_series.timestamp_format` among them."""
    name = config.time_series.timestamp_column
    format_ = config.time_series.timestamp_format
    if name is None or format_ in (None, ELAPSED_SECONDS):
        return data

    declared = data.columns.get(name)
    if declared is not None and declared.format is not None:
        return data

    values = {"format": format_} | (declared.model_dump(exclude_none=True) if declared else {})
    columns = {key: value.model_dump(exclude_none=True) for key, value in data.columns.items()} | {name: values}
    return DataParameters.model_validate(data.model_dump() | {"columns": columns})


def modelled_schema(schema: TableSchema, plan: SequencePlan | None) -> TableSchema:
    """The schema of the rows that are learned: the values of the grouping column are names, not to be learned.

    Raises:
        DataError: The table has no such column, or no new values of its type can be made.
    """
    if plan is None:
        return schema

    if plan.order is not None:
        schema[plan.order]

    if plan.group is None:
        return schema

    return schema.with_column(group_key(schema[plan.group]))


def group_key(column: ColumnSchema) -> ColumnSchema:
    """The grouping column as an identifier, so that every new sequence gets a value of its own.

    Names of one length become longer, so that none of them is a real one; numbers go on after the largest.

    Raises:
        DataError: It holds fractions, dates or truth values, of which there are no new ones.
    """
    type_ = arrow_type(column)
    if not (pa.types.is_integer(type_) or pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        raise DataError(
            f"the grouping column {column.name!r} holds {column.kind.value}s; group by a column of whole numbers or "
            "strings",
            column=column.name,
        )

    key = replace(column, kind=Kind.IDENTIFIER, values=None, pattern=None, entity_type=None)
    if pa.types.is_integer(type_):
        return key

    pattern = column.pattern or _common_pattern(column.values or ()) or tuple("group-")
    # New names are longer than real ones, so that none of them is a real one.
    missing = max(1, math.ceil(math.log10(MIN_NAMES / math.prod(map(len, pattern)))))
    return replace(key, pattern=(*pattern, *(missing * (DIGITS,))))


def _common_pattern(values: tuple[Scalar, ...]) -> tuple[str, ...] | None:
    """The characters at each position of strings of one length."""
    strings = [value for value in values if isinstance(value, str)]
    if strings:
        patterns = string_patterns(pa.array(strings, pa.string()))
    else:
        patterns = None

    if patterns and len(patterns) == 1:
        return alphabets(next(iter(patterns.values())))

    return None
