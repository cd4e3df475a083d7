"""The form in which a table was given, and made rows in that form again: library, column types, labels.

Types that list their values (categories of pandas, enumerations of polars) keep the values that the model knows. A
value that was held back from the model is not released by the type of a column either.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from ss_ray.pii.cells import is_textual
from ss_ray.python.pandas_types import DtypeText, describe_dtype, parse_dtype, series_of
from ss_ray.schema import Kind, TableSchema, typed_values
from ss_ray.tables.cells import written_table

PATH = "path"
"""Library of rows that were given by their path or URI: they come back as a pyarrow.Table."""
PARQUET_TYPES = {pa.float16(): pa.float32(), pa.time32("s"): pa.time32("ms")}
"""Types that Parquet, or our reader of it, stores as others."""
TICKS = frozenset({Kind.TIME, Kind.DURATION})
"""Kinds that are stored as whole numbers."""


@dataclass(frozen=True, kw_only=True)
class FrameForm:
    """The form of a table.

    Attributes:
        library: Top-level module of its type, such as "pandas" or "polars"; "path" where files were given.
        schema: Arrow types of the columns; None where files were given.
        dtypes: Pandas only: dtypes of the columns, in their order.
        labels: Pandas only: labels of the columns, in their order.
    """

    library: str
    schema: pa.Schema | None = None
    dtypes: tuple[Any, ...] = ()
    labels: tuple[Hashable, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names) if self.schema is not None else []

    @property
    def plain_schema(self) -> pa.Schema:
        """The columns in types that the pipeline reads: values in place of dictionaries, one type of text."""
        return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in self.schema or ()])

    @property
    def coded_categories(self) -> list[str]:
        """Names of the columns that are categories by their type, and hold no text: codes, which are no quantities."""
        fields = [field for field in self.schema or () if pa.types.is_dictionary(field.type)]
        return [field.name for field in fields if not is_textual(field.type)]

    def restore(self, rows: pa.Table, schema: TableSchema) -> Any:
        """Made rows in this form.

        Args:
            rows: Rows of a release, in storage types.
            schema: Schema of the rows, with the values that the model knows.
        """
        table = written_rows(rows, schema, self.schema)
        if self.library == "pandas":
            return self._to_pandas(table, schema)
        if self.library == "polars":
            return self._to_polars(table, schema)
        return _to_library(table, self.library)

    def _to_pandas(self, table: pa.Table, schema: TableSchema) -> pd.DataFrame:
        wanted = dict(zip(self.names, zip(self.dtypes, self.labels, strict=True), strict=True))
        columns = {
            name: series_of(table.column(name), wanted[name][0], known_values(name, schema, table))
            for name in table.column_names
        }
        frame = pd.DataFrame(columns)
        frame.columns = pd.Index([wanted[name][1] for name in table.column_names])
        return frame

    def _to_polars(self, table: pa.Table, schema: TableSchema) -> Any:
        # Installed wherever such a frame was given.
        import polars

        assert self.schema is not None
        empty = polars.DataFrame(self.schema.empty_table())
        frame = polars.DataFrame(table)
        for name, dtype in empty.schema.items():
            if isinstance(dtype, polars.Enum):
                known = known_values(name, schema, table)
                dtype = polars.Enum([value for value in dtype.categories if value in known])
            frame = frame.with_columns(frame[name].cast(dtype, strict=False))

        return frame

    def to_json(self) -> dict[str, Any]:
        """The form as it is stored beside a run."""
        stored = None if self.schema is None else base64.b64encode(self.schema.serialize()).decode()
        return {
            "library": self.library,
            "schema": stored,
            "dtypes": [describe_dtype(dtype) for dtype in self.dtypes],
            "labels": [label if isinstance(label, int) else str(label) for label in self.labels],
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> FrameForm:
        """Inverse of `to_json`."""
        form = FrameForm(library=values["library"], labels=tuple(values["labels"]))
        if values["schema"] is None:
            return form

        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(values["schema"])))
        texts: list[DtypeText] = values["dtypes"]
        dtypes = tuple(parse_dtype(text, schema.field(number).type) for number, text in enumerate(texts))
        return replace(form, schema=schema, dtypes=dtypes)


def written_rows(rows: pa.Table, schema: TableSchema, given: pa.Schema | None) -> pa.Table:
    """Rows of a release in the types that were given: texts as they were spelled, numbers and times as values.

    Args:
        rows: Rows in storage types.
        schema: Schema of the rows.
        given: Types of the columns; None for the types of the release itself.
    """
    written = written_table(rows, schema)
    columns = {}
    for name in schema.source_names:
        column = schema[name]
        spelled = schema.spelling(name) is not None
        if given is None:
            cells = written if spelled or column.kind in TICKS else rows
            columns[name] = cells.column(name)
        else:
            target = given.field(name).type
            cells = written if is_textual(target) else rows
            columns[name] = _cast_column(cells.column(name), target)

    return pa.table(columns)


def known_values(name: str, schema: TableSchema, table: pa.Table) -> set[Any]:
    """Values of a column that the model knows, or that the made rows have."""
    array = table.column(name)
    type_ = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    listed = schema[name].values or ()
    values = set(array.unique().to_pylist()) - {None}
    try:
        return values | set(typed_values(type_, *listed).to_pylist())
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # Stand-ins are texts in a column of numbers.
        return values


def _cast_column(array: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """A column in another type; as it is where a value, such as a stand-in, is not of the type."""
    is_ticks = pa.types.is_time32(target) and pa.types.is_integer(array.type)
    try:
        if is_ticks:
            array = array.cast(pa.int32())
        return array.cast(_plain_type(target)).cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return array


def _to_library(table: pa.Table, library: str) -> Any:
    """A table of Arrow as one of a library that takes it as it is; Arrow's own where the library is another."""
    if library == "duckdb":
        return nw.from_arrow(table, backend="pyarrow").lazy("duckdb").to_native()
    if library == "datasets":
        # Installed wherever such a table was given.
        import datasets

        return datasets.Dataset(datasets.table.InMemoryTable(table))
    if library == "ray":
        from ss_ray.cluster import ray_dataset

        return ray_dataset(table)
    return table


def _plain_type(type_: pa.DataType) -> pa.DataType:
    """A type without dictionary and without the other spellings of text, as Parquet stores it."""
    if pa.types.is_dictionary(type_):
        return _plain_type(type_.value_type)
    if isinstance(type_, pa.ExtensionType):
        return type_
    if is_textual(type_):
        return pa.string()
    return PARQUET_TYPES.get(type_, type_)
