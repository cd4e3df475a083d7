"""The codec of sequences: all rows of one group are one example, its constants written once, its rows in order.

    header | rows left, row | rows left, row | ... | 1, row

The header says how many rows there are, what is the same in all of them, and where the order column starts. Each row
opens with the number of rows still to come, which the header decides, so a sequence ends where it said it would. The
order column is written as its distance from the row before, so that rows ascend by construction. Long sequences are
seen through a window: the header and the last rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from ss_ray.codec.ascending import LEARNED, Ends, Ints, ascending, find_ends, rows_between
from ss_ray.codec.columns import PAD, BinnedCodec, Slot, Tokens, ValueCodec
from ss_ray.codec.distances import OrderDistance, find_distances, widened, with_distances, without_distances
from ss_ray.codec.monotone import MonotoneColumn, find_monotone
from ss_ray.codec.order_axis import OrderAxis, order_axis
from ss_ray.codec.ordinals import Scale
from ss_ray.codec.repeats import CHANGED, RepeatCodec
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.codec.sequence_tables import (
    Gaps,
    gap_column,
    header_schema,
    header_table,
    repeated_columns,
    row_schema,
    row_table,
    rows_left,
    sorted_in_groups,
    unbounded,
)
from ss_ray.codec.slots import CodecSizes, ColumnCodec, SlotCodec, fit_codec
from ss_ray.schema import ColumnSchema, Scalar, TableSchema

WINDOW_POSITIONS = 768
"""Tokens of a window, about."""


@dataclass(frozen=True, kw_only=True)
class SequenceTokens:
    """Encoded sequences.

    Attributes:
        headers: (sequences, header slots).
        rows: (rows, row slots), sequence after sequence.
        starts: (sequences + 1,) first row of each sequence, and the number of rows.
    """

    headers: Tokens
    rows: Tokens
    starts: Ints


@dataclass(frozen=True, kw_only=True)
class SequenceCodec:
    """Sequences of rows of one schema to tokens and back.

    Attributes:
        schema: Schema that every decoded table satisfies.
        sequences: Its grouping, order and constant columns.
        axis: Axis of the order column; None where rows are sorted after decoding, or not at all.
        interval: Distance of neighbours on the axis where it is always the same; sequences may then end beyond the
            last place, and the schema leaves the column without bounds.
        header: Codec of the header; its first column is the number of rows.
        row: Codec of a row; its first column is the number of rows left, this one included.
        window_rows: Rows that the model sees at once.
        from_order: Columns that are written as their distance from the order column, such as the end of a stay.
        distance_scales: Units of each of these distances; empty: all are counted in the units of the axis.
        monotone: Columns that are written as their distance from the row before.
    """

    type: Literal["sequences"] = "sequences"
    schema: TableSchema
    sequences: Sequences
    axis: OrderAxis | None
    interval: int | None
    header: SlotCodec
    row: SlotCodec
    window_rows: int
    from_order: tuple[str, ...] = ()
    distance_scales: tuple[Scale, ...] = ()
    monotone: tuple[MonotoneColumn, ...] = ()

    @property
    def context_rows(self) -> int:
        """Number of rows of a window that the window before has decoded already."""
        # Half of a window is context, the other half is new.
        return self.window_rows // 2

    @property
    def vocabulary_size(self) -> int:
        """Token ids in use."""
        return max(self.header.vocabulary_size, self.row.vocabulary_size)

    @property
    def columns(self) -> tuple[ColumnCodec, ...]:
        """Codecs of the header and of a row."""
        return (*self.header.columns, *self.row.columns)

    @cached_property
    def repeats(self) -> tuple[RepeatCodec, ...]:
        """Columns of a row that are written only where they changed."""
        return tuple(codec for codec in self.row.columns if isinstance(codec, RepeatCodec))

    @cached_property
    def distances(self) -> tuple[OrderDistance, ...]:
        """Columns that are written as their distance from the order column."""
        if self.axis is None:
            return ()
        scales = self.distance_scales or (self.axis.scale,) * len(self.from_order)
        return tuple(
            OrderDistance(column=self.row.schema[name], scale=scale)
            for name, scale in zip(self.from_order, scales, strict=True)
        )

    @cached_property
    def flag_slots(self) -> tuple[tuple[int, int], ...]:
        """(slot of a row, token that says changed) of each flag: in the first row of a sequence all have changed."""
        names = [slot.column for slot in self.row.slots]
        return tuple((names.index(repeat.flag), repeat.changed) for repeat in self.repeats)

    @property
    def first_marker(self) -> int:
        """Token that marks the last row of a sequence."""
        return self.row.columns[0].first_token

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All slots of a window; the slots of a row are in use if its first one is."""
        slots = list(self.header.slots)
        marker = self.row.slots[0]
        for _ in range(self.window_rows):
            first = len(slots)
            slots.append(marker)
            for slot in self.row.slots[1:]:
                by_row = slot.after is None
                if by_row:
                    opens = (marker.start, marker.stop)
                else:
                    opens = slot.opens
                slots.append(replace(slot, after=first + (slot.after or 0), opens=opens))

        return tuple(slots)

    def encode(self, table: pa.Table, starts: Ints) -> SequenceTokens:
        """Tokens of whole sequences.

        Args:
            table: Their rows, sequence after sequence, each in order.
            starts: (sequences + 1,) first row of each, and the number of rows.
        """
        headers = header_table(table, starts, self.header.schema, self.sequences)
        repeated = {repeat.column.name: repeat.flag for repeat in self.repeats}
        if self.axis is not None:
            table = with_distances(table, self.schema, self.axis, self.distances)
        rows = row_table(table, starts, self.row.schema, self.axis, self.interval, repeated, self.monotone)
        return SequenceTokens(headers=self.header.encode(headers), rows=self.row.encode(rows), starts=starts)

    def decode(
        self,
        tokens: SequenceTokens,
        *,
        rng: np.random.Generator,
        first_group: int,
        first_row: int,
        seed: int,
        ends: Ends = LEARNED,
        given: pa.Table | None = None,
    ) -> pa.Table:
        """Rows that satisfy the schema, sequence after sequence.

        Args:
            tokens: Header and rows; how many rows a sequence has, `starts` says.
            rng: Draws the place of a number below the resolution of its digits.
            first_group: Number of the first sequence within the synthetic table; its identifiers follow from it.
            first_row: Number of the first row, likewise.
            seed: Seed of the run, from which identifiers follow.
            ends: Fixed start and last place of the sequences on the order axis.
            given: (sequences,) of some columns: cells that are not missing there come out as they are, in all rows.
        """
        sizes = np.diff(tokens.starts)
        owner = pa.array(np.repeat(np.arange(len(sizes)), sizes))
        headers = self.header.decode(tokens.headers, rng=rng, first_row=first_group, seed=seed, given=given)
        every_row = None if given is None else given.take(owner)
        rows = self.row.decode(tokens.rows, rng=rng, first_row=first_row, seed=seed, given=every_row)
        arrays = {name: rows.column(name) for name in rows.column_names[1:]}
        for repeat in self.repeats:
            arrays[repeat.column.name] = _fill_repeats(rows, repeat, tokens.starts)

        arrays |= {name: headers.column(name).take(owner) for name in headers.column_names[1:]}
        arrays |= {
            column.name: column.from_steps(headers.column(column.name), rows.column(column.name), tokens.starts)
            for column in self.monotone
        }
        if self.axis is not None:
            arrays[self.axis.column.name] = self._decode_order(headers, rows, tokens.starts, ends)
            arrays |= self._decode_distances(arrays, arrays[self.axis.column.name])

        table = pa.table([arrays[name] for name in self.schema.names], schema=self.schema.to_arrow())
        if self.axis is not None:
            return table

        return sorted_in_groups(table, tokens.starts, self.sequences.order)

    def _decode_distances(self, arrays: dict[str, pa.Array], origin: pa.Array) -> dict[str, pa.Array]:
        """The columns that were written as distances from the order column."""
        return {
            distance.name: without_distances(
                _as_array(arrays[distance.name]), origin, self.schema[distance.name], distance.scale
            )
            for distance in self.distances
        }

    def _decode_order(self, headers: pa.Table, rows: pa.Table, starts: Ints, ends: Ends) -> pa.Array:
        """The order column."""
        assert self.axis is not None
        name = self.axis.column.name
        if self.interval is None:
            distances = rows.column(name).fill_null(0).to_numpy()
        else:
            distances = np.full(starts[-1], self.interval)

        is_fixed = self.interval is not None
        return ascending(self.axis, headers.column(name), distances, starts, interval=is_fixed, ends=ends)

    def ends(self, start: Scalar | None, stop: Scalar | None) -> Ends:
        """Places of the first and the last value that sequences may have; see `find_ends`."""
        return find_ends(self.axis, start, stop)

    def length(self, ends: Ends) -> int | None:
        """Number of rows of a sequence between fixed ends; None if the distance of rows is not fixed."""
        return rows_between(ends, self.interval)

    def identified(self, table: pa.Table, starts: Ints, *, first_group: int, first_row: int, seed: int) -> pa.Table:
        """The table with its identifiers numbered anew, after sequences were left out of it."""
        names = [name for name in self.header.schema.names[1:] if name in table.column_names]
        owner = pa.array(np.repeat(np.arange(len(starts) - 1), np.diff(starts)))
        first = table.select(names).take(pa.array(starts[:-1]))
        headers = self.header.identified_columns(first, first_row=first_group, seed=seed)
        rows = self.row.identified_columns(table, first_row=first_row, seed=seed)
        for name, values in (rows | {name: array.take(owner) for name, array in headers.items()}).items():
            table = table.set_column(table.column_names.index(name), name, values)

        if self.axis is not None:
            return table

        return sorted_in_groups(table, starts, self.sequences.order)

    def markers(self, left: Ints) -> Ints:
        """Token of each number of rows left."""
        highest = len(self.row.schema.columns[0].values or ())
        return self.first_marker + np.minimum(rows_left(left), highest) - 1

    @property
    def _size_codec(self) -> ValueCodec | BinnedCodec:
        codec = self.header.columns[0]
        assert isinstance(codec, ValueCodec | BinnedCodec)
        return codec

    def size_tokens(self, sizes: Ints) -> Tokens:
        """(sequences, slots of the size) tokens of numbers of rows."""
        return self._size_codec.encode(pa.chunked_array([np.minimum(sizes, self.sequences.max_rows)]))

    def sizes(self, headers: Tokens, rng: np.random.Generator) -> Ints:
        """(sequences,) number of rows that each header says."""
        sizes: Ints = self._size_codec.decode(headers[:, : len(self._size_codec.slots(0))], rng).to_numpy()
        return sizes.copy()

    def to_json(self) -> str:
        """The codec as JSON; `from_json` reads it back."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> SequenceCodec:
        """Inverse of `to_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(SequenceCodec)


@dataclass(frozen=True, kw_only=True)
class SequenceOrder:
    """Order of the rows of a sequence.

    Attributes:
        axis: Axis of the order column; None without one.
        gaps: Distances of neighbours on the axis.
        interval: Fixed distance of neighbours; None where it varies.
    """

    axis: OrderAxis | None
    gaps: Gaps
    interval: int | None

    @property
    def gap(self) -> ColumnSchema | None:
        """Column of the distances; None where there are none, or one alone."""
        if self.axis is None or self.interval is not None:
            return None
        return gap_column(self.axis.column.name, self.gaps)

    def in_whole_units(self, sample: pa.Table) -> SequenceOrder:
        """The order on an axis of days, hours, minutes or seconds, where all places and distances are whole.

        Args:
            sample: Rows with the order column.
        """
        # Columns of listed values have an axis of their own.
        if self.axis is None or self.axis.column.values is not None or self.axis.scale.step > 1:
            return self

        axis = order_axis(self.axis.column, sample.column(self.axis.column.name))
        step = axis.scale.step if axis is not None else 1
        interval = self.interval or 0
        if axis is None or any(distance % step for distance in (*self.gaps.values, interval)):
            return self
        return SequenceOrder(axis=axis, gaps=self.gaps.in_units(step), interval=interval // step or None)


def fit_sequence_codec(
    schema: TableSchema,
    sequences: Sequences,
    sample: pa.Table,
    starts: Ints,
    *,
    order: SequenceOrder,
    sizes: CodecSizes,
) -> SequenceCodec:
    """The codec of sequences; a sample of them places bins, teaches pieces of text and sizes the window.

    Args:
        schema: Schema of the table.
        sequences: Its grouping, order and constant columns.
        sample: Rows of whole sequences, in order.
        starts: (sequences + 1,) where they start in the sample.
        order: Order of the rows of a sequence.
        sizes: Sizes of the codec.
    """
    order = order.in_whole_units(sample)
    axis = order.axis
    interval = order.interval
    head = header_schema(schema, sequences, axis)
    fit = partial(fit_codec, sizes=sizes)
    distances = find_distances(sample, schema, head, axis)
    taken = {*head.names, *(column.name for column in distances)}
    # Rows that are sorted after decoding are not in the order in which they were written.
    if axis is not None or sequences.order is None:
        monotone = find_monotone(sample, starts, [column for column in schema.columns if column.name not in taken])
    else:
        monotone = ()

    head = header_schema(schema, sequences, axis, monotone)
    header = fit(head, header_table(sample, starts, head, sequences))
    written = schema
    for distance in distances:
        written = written.with_column(distance.column)
        schema = schema.with_column(widened(schema[distance.name], distance, axis)) if axis is not None else schema
    if axis is not None:
        sample = with_distances(sample, schema, axis, distances)

    repeated = repeated_columns(sample, starts, written, head)
    body = row_schema(written, head, sequences, order.gap, repeated, monotone)
    rows = row_table(sample, starts, body, axis, interval, repeated, monotone)
    row = fit(body, rows, first_token=header.vocabulary_size, flags=repeated)
    # Slots that are not in use take no position of the window.
    used = (row.encode(rows) != PAD).sum(axis=1).mean()

    return SequenceCodec(
        schema=schema if interval is None or axis is None else schema.with_column(unbounded(axis.column)),
        sequences=sequences,
        axis=axis,
        interval=interval,
        header=header,
        row=row,
        window_rows=int(np.clip((WINDOW_POSITIONS - len(header.slots)) // used, 2, max(2, sequences.max_rows))),
        from_order=tuple(distance.name for distance in distances),
        distance_scales=tuple(distance.scale for distance in distances),
        monotone=monotone,
    )


def windows(size: int, window_rows: int) -> Iterator[tuple[int, int, int]]:
    """(first row, rows, rows that were in the window before) of each window of a sequence."""
    context = window_rows // 2
    yield 0, min(size, window_rows), 0
    for first in range(window_rows - context, size - context, window_rows - context):
        yield first, min(size - first, window_rows), context


def _as_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _fill_repeats(rows: pa.Table, repeat: RepeatCodec, starts: Ints) -> pa.Array:
    """The column with the value of the last change in each row."""
    changed = rows.column(repeat.flag).to_numpy() == CHANGED
    changed[starts[:-1]] = True
    source = np.maximum.accumulate(np.where(changed, np.arange(len(changed)), 0))
    return rows.column(repeat.column.name).take(pa.array(source))
