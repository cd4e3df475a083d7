"""Sequences for tests: their facts and their codec, without Ray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ss_ray.codec.order_axis import order_axis
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequences import SequenceCodec, SequenceOrder, SequenceTokens, fit_sequence_codec
from ss_ray.codec.slots import CodecSizes
from ss_ray.plans.sequences import group_key
from ss_ray.schema import TableSchema
from ss_ray.training.buckets import sequence_facts, sorted_sequences


def fit_sequences(
    schema: TableSchema, table: pa.Table, group: str | None, order: str | None, *, interval: int | None = None
) -> tuple[SequenceCodec, pa.Table, np.ndarray]:
    """A small codec, the rows sorted into sequences, and where each sequence starts."""
    if group is not None:
        schema = schema.with_column(group_key(schema[group]))
    rows, starts = sorted_sequences(table, group, order)
    axis = order_axis(schema[order]) if order is not None else None
    facts = sequence_facts(rows, starts, axis)
    same = facts.gaps[0] if facts.gaps and len(facts.gaps) == 1 and facts.gaps[0] > 0 else None
    codec = fit_sequence_codec(
        schema,
        Sequences(
            group=group,
            order=order,
            constants=tuple(n for n in schema.names if n in facts.constants and n not in (group, order)),
            max_rows=facts.max_rows,
        ),
        rows,
        starts,
        order=SequenceOrder(axis=axis, gaps=facts.known_gaps, interval=same if interval is None else interval),
        sizes=CodecSizes(num_bins=8, text_vocabulary=280, max_text_tokens=6, rows_per_place=0),
    )
    return codec, rows, starts


def decode(codec: SequenceCodec, tokens: SequenceTokens, **more: Any) -> pa.Table:
    """Rows of the tokens."""
    return codec.decode(tokens, rng=np.random.default_rng(0), first_group=0, first_row=0, seed=5, **more)


def ascends(column: pa.ChunkedArray, starts: np.ndarray) -> bool:
    """Whether a column ascends within each sequence."""
    values = column.to_pylist()
    ends = set(starts.tolist())
    return all(values[i - 1] <= values[i] for i in range(1, len(values)) if i not in ends)
