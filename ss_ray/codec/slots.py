"""The codec of the compact model: a row is a fixed number of slots, each filled from its own range of token ids.

    codec = fit_codec(schema, sample, ...)
    tokens = codec.encode(table)            # (rows, slots) int32
    codec.decode(tokens, ...) ~ table       # always satisfies the schema

Columns stand in table order except that free text comes last, so that long texts do not separate short columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, TypeAdapter

from ss_ray.codec.columns import (
    FIRST_TOKEN,
    FREE,
    ROWS_PER_PLACE,
    AbsentCodec,
    BinnedCodec,
    Bins,
    Slot,
    Tokens,
    ValueCodec,
    fit_binned,
)
from ss_ray.codec.cuts import find_cut, without_broken_words
from ss_ray.codec.differences import DifferenceCodec, fit_difference
from ss_ray.codec.gated import GatedCodec, opening_tokens, order_spellings
from ss_ray.codec.identifiers import fresh_values
from ss_ray.codec.moments import MomentCodec, fit_moment
from ss_ray.codec.repeats import CHANGED, RepeatCodec
from ss_ray.codec.shapes import ShapeCodec, has_shape
from ss_ray.codec.texts import TextCodec, fit_max_tokens, token_lengths, train_tokenizer, vocabulary_size
from ss_ray.codec.words import find_words
from ss_ray.schema import ColumnSchema, Kind, TableSchema

ColumnCodec = Annotated[
    ValueCodec
    | BinnedCodec
    | MomentCodec
    | DifferenceCodec
    | RepeatCodec
    | GatedCodec
    | AbsentCodec
    | ShapeCodec
    | TextCodec,
    Field(discriminator="type"),
]
TABLE_CODECS = (DifferenceCodec, RepeatCodec, GatedCodec)
"""Codecs that look at another column, too."""

MAX_TEXTS = 20_000
"""Texts of a column that teach the pieces, which takes a second or two for each 10,000 long ones."""


@dataclass(frozen=True, kw_only=True)
class SlotCodec:
    """Rows of one schema to tokens and back.

    Attributes:
        schema: Schema that every decoded table satisfies.
        columns: One codec a column, in the order of the slots.
    """

    schema: TableSchema
    columns: tuple[ColumnCodec, ...]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All positions of a row."""
        slots: list[Slot] = []
        for codec in self.columns:
            slots.extend(codec.slots(len(slots)))
        return tuple(slots)

    @cached_property
    def num_structured_slots(self) -> int:
        """Positions of a row before its texts."""
        texts = {codec.column.name for codec in self.columns if isinstance(codec, TextCodec)}
        return sum(slot.column not in texts for slot in self.slots)

    @property
    def vocabulary_size(self) -> int:
        """Token ids in use, PAD and BOS included."""
        return max([FIRST_TOKEN, *(c.first_token + c.num_tokens for c in self.columns)])

    @property
    def has_text(self) -> bool:
        """Whether most slots of a row may be unused, because texts differ in length."""
        return any(isinstance(codec, TextCodec) for codec in self.columns)

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids; PAD where a slot is not in use."""
        table = _without_dictionaries(table)
        parts = [
            codec.encode(table if isinstance(codec, TABLE_CODECS) else table.column(codec.column.name))
            for codec in self.columns
        ]
        return np.concatenate(parts, axis=1)

    def given(self, table: pa.Table) -> Tokens:
        """(rows, slots) tokens of the cells that are there in a table of some of the columns, FREE for all others.

        A column that is a distance from another one is FREE where that one is missing.

        Raises:
            DataError: Values that the schema does not allow.
        """
        table = _without_dictionaries(table)
        parts = [_encode_given(codec, table) for codec in self.columns]
        if parts:
            return np.concatenate(parts, axis=1)
        return np.empty((len(table), 0), np.int32)

    def decode(
        self,
        tokens: Tokens,
        *,
        rng: np.random.Generator,
        first_row: int,
        seed: int,
        given: pa.Table | None = None,
    ) -> pa.Table:
        """A table that satisfies the schema.

        Args:
            tokens: (rows, slots), each inside its slot's range.
            rng: Draws the place of a number below the resolution of its digits.
            first_row: Number of the first row within the whole synthetic table; identifiers follow from it.
            seed: Seed of the run, from which identifiers follow.
            given: (rows,) of some columns: cells that are not missing there come out as they are.
        """
        arrays: dict[str, pa.Array] = {}
        at = 0
        for codec in self.columns:
            width = len(codec.slots(at))
            part = tokens[:, at : at + width]
            at += width
            if isinstance(codec, AbsentCodec):
                arrays[codec.column.name] = _fresh_identifiers(codec, part, first_row, seed)
            elif isinstance(codec, DifferenceCodec):
                arrays[codec.column.name] = codec.decode(part, arrays[codec.anchor.name], rng)
            else:
                arrays[codec.column.name] = codec.decode(part, rng)

            if given is not None and codec.column.name in given.column_names:
                kept = given.column(codec.column.name).combine_chunks()
                arrays[codec.column.name] = pc.coalesce(kept, arrays[codec.column.name])

        return pa.table([arrays[name] for name in self.schema.names], schema=self.schema.to_arrow())

    def identified(self, table: pa.Table, *, first_row: int, seed: int) -> pa.Table:
        """The table with its identifiers numbered anew, after rows were left out of it."""
        for name, values in self.identified_columns(table, first_row=first_row, seed=seed).items():
            table = table.set_column(table.column_names.index(name), name, values)
        return table

    def identified_columns(self, table: pa.Table, *, first_row: int, seed: int) -> dict[str, pa.Array]:
        """New identifiers for the rows of a table, missing where they are."""
        arrays = {}
        for codec in (codec for codec in self.columns if isinstance(codec, AbsentCodec)):
            values = fresh_values(codec.column, first_row, len(table), seed)
            there = table.column(codec.column.name).is_valid().combine_chunks()
            arrays[codec.column.name] = pc.if_else(there, values, pa.scalar(None, values.type))

        return arrays

    def to_json(self) -> str:
        """The codec as JSON; `from_json` reads it back."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> SlotCodec:
        """Inverse of `to_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(SlotCodec)


@dataclass(frozen=True, kw_only=True)
class CodecSizes:
    """Sizes of a codec.

    Attributes:
        num_bins: Most quantile bins of a number with more distinct values than the schema lists.
        text_vocabulary: Number of pieces of text, bytes included, at least 256.
        max_text_tokens: Number of pieces of the longest text kept.
        rows_per_place: Rows of the sample that a bin, and a place inside of it, holds on average at least, so that the
            model cannot remember the value of one row; 0 for no limit.
    """

    num_bins: int
    text_vocabulary: int
    max_text_tokens: int
    rows_per_place: int = ROWS_PER_PLACE

    @property
    def bins(self) -> Bins:
        """Resolution of numbers."""
        return Bins(most=self.num_bins, rows_per_place=self.rows_per_place)


def fit_codec(
    schema: TableSchema,
    sample: pa.Table,
    *,
    sizes: CodecSizes,
    first_token: int = FIRST_TOKEN,
    flags: Mapping[str, str] = MappingProxyType({}),
) -> SlotCodec:
    """The codec of a schema; `sample` places the bins of numbers and teaches the pieces of text.

    Args:
        schema: Kinds, bounds and values of the columns.
        sample: Rows of the table, in its storage types.
        sizes: Sizes of the codec.
        first_token: First token id that is free.
        flags: By column that is written only where it changed, the column right before it that says so.

    Example:
        >>> from ss_ray.schema import ColumnSchema
        >>> sex = ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("female", "male"))
        >>> table = pa.table({"sex": ["male", "female", "male"]})
        >>> sizes = CodecSizes(num_bins=8, text_vocabulary=256, max_text_tokens=16)
        >>> codec = fit_codec(TableSchema(columns=(sex,)), table, sizes=sizes)
        >>> codec.encode(table).tolist()
        [[3], [2], [3]]
    """
    sample = _without_dictionaries(sample)
    ordered = sorted(_spellings_first(schema), key=is_long_text)
    cuts = {c.name: find_cut(sample.column(c.name)) for c in ordered if is_long_text(c)}
    texts = {name: _some_texts(sample.column(name), cut) for name, cut in cuts.items()}
    make_text = _text_maker(texts, cuts, sizes)
    columns: list[ColumnCodec] = []
    next_token = first_token
    for column in ordered:
        if is_long_text(column):
            columns.append(make_text(column, next_token))
        else:
            # The flag column and the column of spellings stand right before the column that they belong to.
            flag = columns[-1] if column.name in flags else None
            gate = columns[-1] if columns and columns[-1].column.spelling_of == column.name else None
            if flag is None and isinstance(gate, ValueCodec):
                columns.append(_fit_gated(column, gate, next_token, sample, sizes))
            else:
                columns.append(_fit_column(column, schema, next_token, sample, sizes, flag))
            next_token += columns[-1].num_tokens

    return SlotCodec(schema=schema, columns=tuple(columns))


def is_long_text(column: ColumnSchema) -> bool:
    """Whether a column is written in pieces of text, after all others."""
    return column.kind is Kind.TEXT and not has_shape(column)


def _spellings_first(schema: TableSchema) -> list[ColumnSchema]:
    """The columns in order, each column of spellings right before the column that it belongs to."""
    ordered: list[ColumnSchema] = []
    for column in schema.columns:
        spelling = schema.spelling(column.name)
        if spelling is not None:
            ordered.append(order_spellings(spelling))
        if column.spelling_of is None or column.spelling_of not in schema.names:
            ordered.append(column)

    return ordered


def _fit_gated(
    column: ColumnSchema, gate: ValueCodec, first_token: int, sample: pa.Table, sizes: CodecSizes
) -> ColumnCodec:
    """The codec of a column whose spelling says whether it has a value."""
    present = replace(column, nullable=False)
    opens = opening_tokens(gate)
    is_choice = len(gate.slots(0)) > 0 and opens[0] < opens[1]
    value = _fit_value(present, first_token, sample, sizes)
    if not is_choice or not value.slots(0):
        return _fit_value(column, first_token, sample, sizes)
    return GatedCodec(column=column, spelling=gate.column, value=value, opens=opens)


def _fit_value(
    column: ColumnSchema, first_token: int, sample: pa.Table, sizes: CodecSizes
) -> ValueCodec | MomentCodec | BinnedCodec:
    """The codec of a column by itself."""
    # Without bounds: a column without values.
    if column.values is not None or column.minimum is None:
        return ValueCodec(column=column, first_token=first_token)
    array = sample.column(column.name)
    return fit_moment(array, column, first_token, sizes.bins) or fit_binned(array, column, first_token, sizes.bins)


def _fit_column(
    column: ColumnSchema,
    schema: TableSchema,
    first_token: int,
    sample: pa.Table,
    sizes: CodecSizes,
    flag: ColumnCodec | None,
) -> ColumnCodec:
    value: ColumnCodec
    if flag is not None:
        if column.values is None:
            value = fit_binned(sample.column(column.name), column, first_token, sizes.bins)
        else:
            value = ValueCodec(column=column, first_token=first_token)
        changed = flag.first_token + CHANGED
        return RepeatCodec(column=column, flag=flag.column.name, value=value, changed=changed)

    if column.kind is Kind.IDENTIFIER:
        return AbsentCodec(column=column, first_token=first_token)
    if has_shape(column):
        return ShapeCodec(column=column, first_token=first_token)
    if column.values is None and column.minimum is not None:
        difference = fit_difference(column, schema, sample, first_token, sizes.bins)
        if difference is not None:
            return difference

    return _fit_value(column, first_token, sample, sizes)


def _some_texts(array: pa.ChunkedArray, cut: int) -> list[str]:
    """Up to MAX_TEXTS texts from all over a column, without words that were cut off."""
    array = array.drop_null()
    some = array.take(pa.array(range(0, len(array), 1 + len(array) // MAX_TEXTS), pa.int64()))
    return without_broken_words(some, cut)


def _text_maker(
    texts: Mapping[str, list[str]], cuts: Mapping[str, int], sizes: CodecSizes
) -> Callable[[ColumnSchema, int], TextCodec]:
    """Codecs of text columns, which share pieces, by column and first token."""
    together = [text for column in texts.values() for text in column]
    tokenizer = train_tokenizer(together, sizes.text_vocabulary) if texts else ""
    words = find_words(tokenizer, texts) if texts else {}

    def make_text(column: ColumnSchema, first_token: int) -> TextCodec:
        return TextCodec(
            column=column,
            first_token=first_token,
            tokenizer=tokenizer,
            num_pieces=vocabulary_size(tokenizer),
            max_tokens=fit_max_tokens(token_lengths(tokenizer, texts[column.name]), sizes.max_text_tokens),
            words=words[column.name],
            cut=cuts[column.name],
        )

    return make_text


def _without_dictionaries(table: pa.Table) -> pa.Table:
    """The table with dictionary columns as plain ones: dictionaries may hold missing and unused values."""
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
    return table


def _encode_given(codec: ColumnCodec, table: pa.Table) -> Tokens:
    """(rows, slots of the column) tokens of the cells that are there."""
    tokens = np.full((len(table), len(codec.slots(0))), FREE, np.int32)
    name = codec.column.name
    if name not in table.column_names or not tokens.shape[1]:
        return tokens

    there = table.column(name).is_valid()
    if isinstance(codec, GatedCodec) and codec.spelling.name not in table.column_names:
        return tokens
    if isinstance(codec, DifferenceCodec):
        if codec.anchor.name not in table.column_names:
            return tokens
        there = pc.and_(there, table.column(codec.anchor.name).is_valid())

    rows = np.flatnonzero(there.to_numpy())
    if not len(rows):
        return tokens

    found = table.take(pa.array(rows))
    tokens[rows] = codec.encode(found if isinstance(codec, TABLE_CODECS) else found.column(name))
    return tokens


def _fresh_identifiers(codec: AbsentCodec, tokens: Tokens, first_row: int, seed: int) -> pa.Array:
    values = fresh_values(codec.column, first_row, len(tokens), seed)
    return pc.if_else(pa.array(codec.present(tokens)), values, pa.scalar(None, values.type))
