"""Rows into tokens on Ray: of each part by itself, or sorted into sequences bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ss_ray.cluster import map_items
from ss_ray.codec.columns import PAD
from ss_ray.codec.order_axis import OrderAxis, order_axis
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequences import SequenceCodec, SequenceOrder, fit_sequence_codec, windows
from ss_ray.codec.slots import CodecSizes, SlotCodec
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.plans.plan import CompactPlan
from ss_ray.plans.sequences import SequencePlan
from ss_ray.privacy.measured_sequence_codec import window_tokens
from ss_ray.privacy.units import check_same_rows, unit_ids
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.parts import count_rows, read_part
from ss_ray.tables.spellings.dates import DAYS_OF_PERIOD, SECONDS_PER_DAY, TICKS_PER_SECOND, period_of
from ss_ray.training.arrays import save_array
from ss_ray.training.buckets import (
    BUCKET_ROWS,
    Bucket,
    SequenceFacts,
    merge_facts,
    read_bucket,
    sequence_facts,
    some_sequences,
    sorted_sequences,
)

# Rows that place the bins of numbers and teach the pieces of text.
SAMPLE_ROWS = 100_000


@dataclass(frozen=True, kw_only=True)
class ExamplesSize:
    """How much there is to train on.

    Attributes:
        examples: Windows of sequences.
        rows: Number of rows of all examples; rows that are only looked at count once more.
        tokens: Number of tokens of all examples.
    """

    examples: int
    rows: int
    tokens: int


def encode_rows(rows: Location, codec: SlotCodec, folder: Location, unit: str | None = None) -> None:
    """Write the token matrix of every part to folder/part-*.npy.

    Args:
        rows: Folder of typed Parquet parts.
        codec: Codec of the rows.
        folder: Folder for the tokens, emptied first.
        unit: Column whose rows of one value belong together; folder/units-*.npy get (rows,) int64 hashes of its values.
    """
    folder.remove()
    arguments = (codec, folder.make_folder(), unit)
    list(map_items(_encode_worker, list(enumerate(rows.files(".parquet"))), arguments=arguments))


def _encode_worker(codec: SlotCodec, folder: Location, unit: str | None) -> Callable[[tuple[int, Location]], None]:
    dtype = _token_dtype(codec.vocabulary_size)

    def encode(item: tuple[int, Location]) -> None:
        index, part = item
        blocks = list(read_part(part))
        matrix = np.concatenate([codec.encode(block) for block in blocks]).astype(dtype)
        save_array(matrix, folder / f"part-{index:05d}.npy")
        if unit is not None:
            cells = pa.concat_tables(blocks).column(unit).combine_chunks()
            save_array(hash_units(cells, index), folder / f"units-{index:05d}.npy")

    return encode


def hash_units(cells: pa.Array, part: int) -> npt.NDArray[np.int64]:
    """(rows,) a number for each value; a row without one is a unit of its own."""
    texts = cells.cast(pa.string()).to_pylist()
    keys = [f"{part} {row}" if text is None else f"value {text}" for row, text in enumerate(texts)]
    return pd.util.hash_array(np.array(keys, object), categorize=False).view(np.int64)


def _token_dtype(vocabulary_size: int) -> type[np.integer[Any]]:
    if vocabulary_size <= np.iinfo(np.uint16).max:
        return np.uint16
    return np.int32


@dataclass(frozen=True, kw_only=True)
class FoundSequences:
    """The sequences of a table.

    Attributes:
        columns: Columns that group and order the rows, and columns that are constant in a group.
        axis: Axis of the order column; None where distances on it mean nothing.
        facts: Further facts that the sequences have in common.
        sample: Rows of some of them, in order.
        starts: (sequences + 1,) where they start in the sample.
        buckets: To be worked off one by one.
    """

    columns: Sequences
    axis: OrderAxis | None
    facts: SequenceFacts
    sample: pa.Table
    starts: npt.NDArray[np.int64]
    buckets: tuple[Bucket, ...]


def find_sequences(rows: Location, schema: TableSchema, plan: SequencePlan) -> FoundSequences:
    """Look at all rows, bucket by bucket.

    Raises:
        DataError: Rows without a group or a place.
    """
    parts = rows.files(".parquet")
    group = plan.group
    order = plan.order
    if group is not None:
        number = max(1, -(-sum(count_rows(parts)) // BUCKET_ROWS))
    else:
        number = 1

    buckets = tuple(Bucket(number=i, of=number) for i in range(number))
    if order is not None:
        axis = order_axis(schema[order])
    else:
        axis = None

    arguments = (parts, schema.to_arrow(), group, order, axis, SAMPLE_ROWS // number)
    found = list(map_items(_facts_worker, buckets, arguments=arguments))
    facts = merge_facts(facts for facts, _, _ in found)
    sample, starts = _join_samples([(table, starts) for _, table, starts in found])
    columns = Sequences(
        group=group,
        order=order,
        constants=tuple(n for n in schema.names if n in facts.constants and n not in (group, order)),
        max_rows=facts.max_rows,
    )

    return FoundSequences(columns=columns, axis=axis, facts=facts, sample=sample, starts=starts, buckets=buckets)


def encode_sequences(
    rows: Location, schema: TableSchema, plan: SequencePlan, training: CompactPlan, folder: Location
) -> tuple[SequenceCodec, ExamplesSize]:
    """Fit the codec of sequences, and write the tokens of every bucket to folder/{headers,rows,sizes}-*.npy.

    Raises:
        DataError: Rows without a group or a place, or an interval in a column without time.
    """
    found = find_sequences(rows, schema, plan)
    facts = found.facts
    codec = fit_sequence_codec(
        _numbered_after(schema, plan.group, facts.highest_group),
        found.columns,
        found.sample,
        found.starts,
        order=SequenceOrder(axis=found.axis, gaps=facts.known_gaps, interval=fixed_interval(plan, found.axis, facts)),
        sizes=CodecSizes(
            num_bins=training.num_bins,
            text_vocabulary=training.text_vocabulary,
            max_text_tokens=training.max_text_tokens,
        ),
    )
    folder.remove()
    arguments = (rows.files(".parquet"), schema.to_arrow(), plan.group, plan.order, codec, folder.make_folder())
    sizes = list(map_items(_sequences_worker, found.buckets, arguments=arguments))

    return codec, ExamplesSize(
        examples=sum(size.examples for size in sizes),
        rows=sum(size.rows for size in sizes),
        tokens=sum(size.tokens for size in sizes),
    )


def encode_private_sequences(
    rows: Location, units: Location, codec: SequenceCodec, plan: SequencePlan, folder: Location
) -> None:
    """Write one row of tokens for each privacy unit to folder/part-00000.npy.

    Args:
        rows: Folder of typed parts.
        units: Folder of the same rows before PII was replaced, whose grouping column tells the units.
        codec: Codec of the measured schema.
        plan: Columns that group and order the rows.
        folder: For the tokens.

    Raises:
        PrivacyError: Rows were dropped, so nobody knows which of the others belong together.
    """
    check_same_rows(units.files(".parquet"), rows.files(".parquet"))
    folder.remove()
    list(map_items(_private_worker, [rows], arguments=(units, codec, plan, folder.make_folder())))


def _private_worker(
    units: Location, codec: SequenceCodec, plan: SequencePlan, folder: Location
) -> Callable[[Location], None]:
    def encode(rows: Location) -> None:
        tokens = window_tokens(codec, *sorted_units(rows, units, plan))
        save_array(tokens.astype(_token_dtype(codec.vocabulary_size)), folder / "part-00000.npy")

    return encode


def sorted_units(rows: Location, units: Location, plan: SequencePlan) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """All rows, privacy unit after privacy unit, each in order, and (units + 1,) where each starts.

    The grouping column holds the hash of the unit: stand-ins of two units may be the same.

    Args:
        rows: Folder of typed parts.
        units: Folder of the same rows before PII was replaced.
        plan: Columns that group and order the rows; a grouping column is there.

    Raises:
        DataError: Rows without a place.
    """
    table = pa.concat_tables([block for part in rows.files(".parquet") for block in read_part(part)])
    group = plan.group or ""
    ids = pa.array(unit_ids(units.files(".parquet"), group))
    return sorted_sequences(table.set_column(table.column_names.index(group), group, ids), group, plan.order)


def declared_interval(plan: SequencePlan, axis: OrderAxis | None) -> int | None:
    """Distance of neighbours on the axis where the request says it.

    Raises:
        DataError: The order column is not fine enough for it, or holds no time.
    """
    if plan.interval_seconds is None:
        return None
    if axis is None:
        raise DataError(
            f"time_series.timestamp_interval_seconds: column {plan.order!r} holds neither dates nor numbers",
            column=plan.order,
        )

    ticks = _to_ticks(axis, plan.interval_seconds)
    if ticks % axis.scale.step or not ticks:
        raise DataError(
            f"time_series.timestamp_interval_seconds: column {plan.order!r} is not fine enough for it",
            column=plan.order,
        )

    return ticks // axis.scale.step


def _numbered_after(schema: TableSchema, group: str | None, highest: int | None) -> TableSchema:
    """The schema with new groups numbered after those that were learned."""
    if group is None or highest is None:
        return schema
    column = schema[group]
    return schema.with_column(replace(column, minimum=0, maximum=max(highest, int(column.maximum or 0))))


def fixed_interval(plan: SequencePlan, axis: OrderAxis | None, facts: SequenceFacts) -> int | None:
    """Distance of neighbours on the axis where it is told, or the same everywhere."""
    if plan.interval_seconds is not None:
        return declared_interval(plan, axis)
    if facts.gaps and len(facts.gaps) == 1 and facts.gaps[0] > 0:
        return facts.gaps[0]
    return None


def _to_ticks(axis: OrderAxis, seconds: int) -> int:
    """Seconds in the smallest unit of the order column."""
    column = axis.column
    if column.kind is Kind.DATE:
        # Of months and quarters, seconds tell the number roughly.
        days = seconds // SECONDS_PER_DAY * (seconds % SECONDS_PER_DAY == 0)
        return round(days / DAYS_OF_PERIOD[period_of(column.format)])

    if column.kind is Kind.DATETIME:
        unit = column.arrow_type[len("timestamp[") :].partition("]")[0].partition(",")[0]
        return seconds * TICKS_PER_SECOND[unit]

    return seconds * 10 ** (axis.scale.decimals or 0)


def _join_samples(samples: Sequence[tuple[pa.Table, npt.NDArray[np.int64]]]) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Samples of sequences one after the other."""
    sizes = np.concatenate([np.diff(starts) for _, starts in samples])
    return pa.concat_tables([table for table, _ in samples]), np.append(0, np.cumsum(sizes))


def _facts_worker(
    parts: Sequence[Location],
    schema: pa.Schema,
    group: str | None,
    order: str | None,
    axis: OrderAxis | None,
    sample_rows: int,
) -> Callable[[Bucket], tuple[SequenceFacts, pa.Table, npt.NDArray[np.int64]]]:
    def facts_of(bucket: Bucket) -> tuple[SequenceFacts, pa.Table, npt.NDArray[np.int64]]:
        table, starts = read_bucket(parts, schema, group, order, bucket)
        return sequence_facts(table, starts, axis, group), *some_sequences(table, starts, sample_rows)

    return facts_of


def _sequences_worker(
    parts: Sequence[Location],
    schema: pa.Schema,
    group: str | None,
    order: str | None,
    codec: SequenceCodec,
    folder: Location,
) -> Callable[[Bucket], ExamplesSize]:
    dtype = _token_dtype(codec.vocabulary_size)

    def encode(bucket: Bucket) -> ExamplesSize:
        tokens = codec.encode(*read_bucket(parts, schema, group, order, bucket))
        name = f"{bucket.number:05d}.npy"
        save_array(tokens.headers.astype(dtype), folder / f"headers-{name}")
        save_array(tokens.rows.astype(dtype), folder / f"rows-{name}")
        save_array(np.diff(tokens.starts), folder / f"sizes-{name}")
        cut = [w for size in np.diff(tokens.starts).tolist() for w in windows(size, codec.window_rows)]
        rows = sum(size - context for _, size, context in cut)
        seen = sum(size for _, size, _ in cut)
        used = int((tokens.rows != PAD).sum())
        headers = len(cut) * tokens.headers.shape[1]

        return ExamplesSize(examples=len(cut), rows=rows, tokens=headers + round(used * seen / max(1, rows)))

    return encode
