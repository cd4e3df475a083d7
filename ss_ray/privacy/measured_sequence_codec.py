"""The codec of sequences under differential privacy: its bins follow from measurements alone.

A privacy unit is one sequence of at most so many rows, as many as the request says. No column is taken to be constant:
which ones are, only the rows could tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ss_ray.codec.ascending import Ints
from ss_ray.codec.columns import FIRST_TOKEN, PAD, BinnedCodec, Tokens, ValueCodec
from ss_ray.codec.order_axis import OrderAxis, order_axis
from ss_ray.codec.ordinals import Scale
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequence_tables import Gaps, gap_column, header_schema, row_schema, unbounded
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import ColumnCodec, SlotCodec
from ss_ray.privacy.measured import MeasuredSchema
from ss_ray.privacy.measured_codec import measured_columns
from ss_ray.schema import ColumnSchema, TableSchema

STEPS_PER_DOUBLING = 2
"""Bins of the distance between neighbours: so many for each power of two."""


def measured_sequence_codec(
    measured: MeasuredSchema,
    *,
    group: str | None,
    order: str | None,
    interval: int | None,
    max_rows: int,
    max_text_tokens: int,
) -> SequenceCodec:
    """The codec of sequences of a measured schema.

    Args:
        measured: Schema that was measured; its grouping column is an identifier.
        group: Name of the grouping column.
        order: Column that rows ascend by.
        interval: Distance of neighbours on the order axis, where it is declared.
        max_rows: Rows of a sequence that are learned, at least 2.
        max_text_tokens: Bytes of a text that are kept.
    """
    schema = with_all_present(measured.schema, (group, order))
    sequences = Sequences(group=group, order=order, constants=(), max_rows=max_rows)
    if order is not None:
        axis = measured_axis(schema[order])
    else:
        axis = None

    head = header_schema(schema, sequences, axis)
    gap = None
    if axis is not None and interval is None:
        low, high = axis.bounds
        gap = gap_column(axis.column.name, Gaps(values=(0, max(1, high - low)), are_listed=False))

    body = row_schema(schema, head, sequences, gap)
    header = _make_codec(head, None, measured, FIRST_TOKEN, max_text_tokens)
    return SequenceCodec(
        schema=schema if interval is None or axis is None else schema.with_column(unbounded(axis.column)),
        sequences=sequences,
        axis=axis,
        interval=interval,
        header=header,
        row=_make_codec(body, gap, measured, header.vocabulary_size, max_text_tokens),
        window_rows=max_rows,
    )


def with_all_present(schema: TableSchema, names: Sequence[str | None]) -> TableSchema:
    """The schema with a group and a place in every row, whatever the noise says: reading refuses rows without them."""
    for name in names:
        if name is not None:
            schema = schema.with_column(replace(schema[name], nullable=False))

    return schema


def measured_axis(column: ColumnSchema) -> OrderAxis | None:
    """The axis of a measured order column; none where values are listed, which need not be all there are."""
    if column.values is None:
        return order_axis(replace(column, nullable=False))
    return None


def _make_codec(
    schema: TableSchema, gap: ColumnSchema | None, measured: MeasuredSchema, first_token: int, max_text_tokens: int
) -> SlotCodec:
    """A header or a row: its count, the distance from the row before, and the measured columns."""
    counted = ValueCodec(column=schema.columns[0], first_token=first_token)
    codecs: list[ColumnCodec] = [counted]
    if gap is not None:
        codecs.append(gap_codec(gap, counted.first_token + counted.num_tokens))

    next_token = codecs[-1].first_token + codecs[-1].num_tokens
    names = {column.name for column in schema.columns[1:]} - {gap.name if gap else None}
    found = [replace(m, column=schema[m.column.name]) for m in measured.columns if m.column.name in names]

    return SlotCodec(schema=schema, columns=(*codecs, *measured_columns(found, next_token, max_text_tokens)))


def gap_codec(gap: ColumnSchema, first_token: int) -> BinnedCodec:
    """Distances from 0 on in bins whose width grows with the distance, the same for all rows there could be."""
    highest = int(gap.maximum or 1)
    powers = np.arange(0, STEPS_PER_DOUBLING * (np.log2(highest) + 1))
    lows = np.unique(np.append(0, np.round(2 ** (powers / STEPS_PER_DOUBLING)).astype(np.int64)))
    lows = lows[lows <= highest]

    return BinnedCodec(
        column=gap,
        first_token=first_token,
        scale=Scale(),
        atoms=(),
        lows=tuple(lows.tolist()),
        highs=(*(lows[1:] - 1).tolist(), highest),
        digits=0,
    )


def window_tokens(codec: SequenceCodec, table: pa.Table, starts: Ints) -> Tokens:
    """(sequences, slots of the window) one row of tokens for each sequence, PAD after its last row.

    Args:
        codec: Codec of the sequences; rows beyond its window are left out.
        table: Rows in storage types, sequence after sequence.
        starts: (sequences + 1,) first row of each.
    """
    sizes = np.minimum(np.diff(starts), codec.window_rows)
    ends = np.cumsum(sizes)
    kept = np.arange(sizes.sum()) + np.repeat(starts[:-1] - (ends - sizes), sizes)
    tokens = codec.encode(table.take(pa.array(kept)), np.append(0, ends))
    width = tokens.rows.shape[1]
    wide = np.full((len(sizes), codec.window_rows, width), PAD, np.int32)
    place = np.arange(sizes.sum()) - np.repeat(ends - sizes, sizes)
    wide[np.repeat(np.arange(len(sizes)), sizes), place] = tokens.rows

    return np.concatenate([tokens.headers, wide.reshape(len(sizes), -1)], axis=1)
