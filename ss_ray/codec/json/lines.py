r"""The codec of language models: a row is a JSON object on a line of its own.

    codec = JsonCodec(schema=schema, sequences=None, max_records=10)
    lines = codec.render(table)                # '{"age":39,"sex":"Male"}\n' for each row
    parsed = codec.parse_many(completions)     # rows that the schema allows, and why the others were refused
    codec.table_of(parsed, ...)                # satisfies the schema

Identifiers are never written: a model would learn real ones by heart. What can only be one value is left out, too.
An example is one or more lines; of a group it starts with a line of what all its rows share and of where its order
column starts (`codec.json.order`). Where an example ends is for the tokenizer's end token to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from ss_ray.codec.ascending import find_ends, rows_between
from ss_ray.codec.identifiers import fresh_values
from ss_ray.codec.json.cells import cell_texts, only_value, quoted
from ss_ray.codec.json.order import JsonOrder
from ss_ray.codec.json.records import Parsed, parse_records
from ss_ray.codec.json.validation import Validation
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.schema import ColumnSchema, Kind, Scalar, TableSchema, arrow_type


@dataclass(frozen=True, kw_only=True)
class JsonCodec:
    """Rows of one schema to JSON lines and back.

    Attributes:
        schema: Schema that every decoded table satisfies. A grouping column is an identifier in it.
        sequences: Grouping and order columns; None where each row stands for itself.
        max_records: Rows of an example without groups, at most.
        order: Form of the order column of sequences; None where it is written like any other column.

    Example:
        >>> from ss_ray.schema import Kind
        >>> age = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=120)
        >>> codec = JsonCodec(schema=TableSchema(columns=(age,)), sequences=None, max_records=1)
        >>> [line.rstrip() for line in codec.render(pa.table({"age": [34, 51]}))]
        ['{"age":34}', '{"age":51}']
        >>> codec.parse_many(['{"age":34}', '{"age":340}']).rejected
        {('age', 'range'): 1}
    """

    schema: TableSchema
    sequences: Sequences | None
    max_records: int
    order: JsonOrder | None = None

    @cached_property
    def shared_columns(self) -> tuple[ColumnSchema, ...]:
        """Columns of the line that starts a group."""
        return tuple(column for column in self._learned_columns if column.name in self._shared_columns)

    @cached_property
    def row_columns(self) -> tuple[ColumnSchema, ...]:
        """Columns of a record's line, as the parser reads it."""
        gap = self.order.read_columns if self.order else ()
        return (*gap, *(column for column in self._learned_columns if column.name not in self._shared_columns))

    @cached_property
    def later_columns(self) -> tuple[ColumnSchema, ...]:
        """Columns of a written record's line, except for the first record of its group."""
        gap = (self.order.gap,) if self.order and self.order.gap else ()
        return (*gap, *self.row_columns[len(gap) :])

    @property
    def max_lines(self) -> int:
        """Largest number of records of one example."""
        if self.sequences:
            return self.sequences.max_rows
        return self.max_records

    @property
    def _shared_columns(self) -> frozenset[str]:
        constants = self.sequences.constants if self.sequences else ()
        return frozenset((*constants, *([self.order.name] if self.order else [])))

    @property
    def _learned_columns(self) -> tuple[ColumnSchema, ...]:
        group = self.sequences.group if self.sequences else None
        columns = (self.schema if self.order is None else self.schema.with_column(self.order.start)).columns
        return tuple(column for column in columns if column.name != group and _is_learned(column))

    def between(self, start: Scalar | None, stop: Scalar | None) -> JsonCodec:
        """The codec of groups that start at one value of the order column and do not pass another.

        Raises:
            DataError: There is no such column, or its type does not hold them.
        """
        if self.order is None:
            find_ends(None, start, stop)
            return self
        return self.ordered(self.order.between(start, stop))

    def ordered(self, order: JsonOrder) -> JsonCodec:
        """The codec with this order of its rows."""
        return replace(self, order=order, schema=order.open_schema(self.schema))

    @property
    def length(self) -> int | None:
        """Rows of a group from where it starts to where it stops; None where rows are at no fixed distance."""
        if self.order:
            return rows_between(self.order.ends, self.order.interval)
        return None

    def render(self, table: pa.Table) -> list[str]:
        """The record of each row by itself, with its line end."""
        return _write_lines(table, self.row_columns)

    def render_groups(self, table: pa.Table) -> list[str]:
        """The text of each group, in table order; rows of a group stand together, in their order."""
        if not table.num_rows:
            return []

        # Without a grouping column the whole table is one group.
        ends = [*self._group_starts(table)[1:], table.num_rows]
        starts = [0, *ends[:-1]]
        rows = self.render(self.order.with_gaps(table, np.array([*starts, table.num_rows])) if self.order else table)
        if self.shared_columns:
            shared = _write_lines(table.take(starts), self.shared_columns)
        else:
            shared = [""] * len(starts)

        return [line + "".join(rows[a:b]) for line, a, b in zip(shared, starts, ends, strict=True)]

    def _group_starts(self, table: pa.Table) -> list[int]:
        group = self.sequences.group if self.sequences else None
        if group is None:
            return [0]

        codes = _group_codes(table.column(group))
        starts: list[int] = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]).tolist()
        return starts

    def parse(self, text: str, validation: Validation | None = None) -> Parsed:
        """The records of one completion; see `parse_many`."""
        return self.parse_many([text], validation)

    def parse_many(self, texts: Sequence[str], validation: Validation | None = None) -> Parsed:
        """The records of completions that the schema allows, and the number of others by column and reason."""
        validation = validation or Validation()
        parsed = parse_records(texts, self.shared_columns, self.row_columns, self.sequences, validation)
        if self.order is None:
            table = parsed.table
        else:
            table = self.order.composed(parsed.table, parsed.sources)

        return replace(parsed, table=table)

    def parse_lines(self, lines: Sequence[str], validation: Validation) -> Parsed:
        """Parse records regardless of their groups: `sources` are the lines that the schema allows."""
        return parse_records(lines, (), self.row_columns, None, validation)

    def table_of(self, parsed: Parsed, *, first_row: int, first_group: int, seed: int) -> pa.Table:
        """The parsed rows with all columns; satisfies the schema.

        Args:
            parsed: By this codec.
            first_row: Number of the first row within the whole synthetic table; identifiers follow from it.
            first_group: Number of the first group likewise.
            seed: Seed of the run, from which identifiers follow.

        Raises:
            DataError: A grouping column or identifier of a type that cannot hold fresh values.
        """
        groups = parsed.group_numbers()
        arrays = [
            self._decode_column(column, parsed, groups, first_row, first_group, seed) for column in self.schema.columns
        ]
        return pa.table(arrays, schema=self.schema.to_arrow())

    def _decode_column(
        self,
        column: ColumnSchema,
        parsed: Parsed,
        groups: npt.NDArray[np.int64],
        first_row: int,
        first_group: int,
        seed: int,
    ) -> pa.Array:
        num_rows = parsed.table.num_rows
        target = arrow_type(column)
        is_group = self.sequences is not None and column.name == self.sequences.group
        if column.kind is not Kind.IDENTIFIER and not is_group:
            is_composed = self.order is not None and column.name == self.order.name
            only = None if is_composed else only_value(column)
            if only is None:
                values = parsed.table.column(column.name)
            else:
                values = pa.repeat(only, num_rows)

            return values.cast(target)

        if is_group or (self.sequences is not None and column.name in self.sequences.constants):
            num_groups = int(groups.max()) + 1 if num_rows else 0
            values = fresh_values(column, first_group, num_groups, seed).take(pa.array(groups))
        else:
            values = fresh_values(column, first_row, num_rows, seed)

        if column.nullable and not is_group:
            present = parsed.table.column(column.name).is_valid().combine_chunks()
            values = pc.if_else(present, values, pa.scalar(None, values.type))

        return values

    def to_json(self) -> str:
        """The codec as JSON; `from_json` reads it back."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> JsonCodec:
        """Inverse of `to_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(JsonCodec)


def _is_learned(column: ColumnSchema) -> bool:
    if column.kind is Kind.IDENTIFIER:
        return column.nullable
    return only_value(column) is None


def _write_lines(table: pa.Table, columns: Sequence[ColumnSchema]) -> list[str]:
    """(rows,) objects of these columns, each with its line end."""
    if not columns:
        return ["{}\n"] * table.num_rows

    parts: list[pa.Array | str] = []
    for index, column in enumerate(columns):
        parts += [("," if index else "{") + quoted(column.name) + ":", cell_texts(table.column(column.name), column)]

    parts = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in (*parts, "}\n")]
    lines: list[str] = pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string())).to_pylist()
    return lines


def _group_codes(array: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """(rows,) a number for each value, missing as -1."""
    array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        encoded = array
    else:
        encoded = array.dictionary_encode()

    codes: npt.NDArray[np.int64] = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy()
    return codes
