"""Tables of other tools, read by the schema of the real one."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.lenient import type_leniently
from tests.tables.rows import schema_of, text_column


def column(kind: Kind, arrow_type: str, **fields: object) -> ColumnSchema:
    return ColumnSchema(name="a", kind=kind, arrow_type=arrow_type, nullable=True, **fields)


def read(cells: list[object], of: ColumnSchema, type_: pa.DataType | None = None) -> tuple[list[object], int]:
    table, lost = type_leniently(pa.table({"a": pa.array(cells, type_), "more": cells}), TableSchema(columns=(of,)))
    assert table.schema == TableSchema(columns=(of,)).to_arrow()
    return table.column("a").to_pylist(), lost["a"]


@pytest.mark.parametrize(
    ("of", "cells", "values", "lost"),
    [
        (column(Kind.INTEGER, "int64"), ["3", "4.0", "NA", None, "4.5", "x"], [3, 4, None, None, None, None], 2),
        (column(Kind.INTEGER, "int8"), ["3", "300"], [3, None], 1),
        (column(Kind.FLOAT, "double"), ["3", "nan", "1e3", "a lot"], [3.0, None, 1000.0, None], 1),
        (column(Kind.BOOLEAN, "bool"), ["True", "0", "maybe", ""], [True, False, None, None], 1),
        (
            column(Kind.DATE, "date32[day]", format="%d.%m.%Y"),
            ["24.12.2023", "2023-12-24", "soon"],
            [datetime.date(2023, 12, 24)] * 2 + [None],
            1,
        ),
        (column(Kind.CATEGORY, "string", values=("a", "b")), ["a", "new", "NA"], ["a", "new", "NA"], 0),
    ],
)  # fmt: skip
def test_cells_of_text_files_are_read_or_counted(
    of: ColumnSchema, cells: list[object], values: list[object], lost: int
) -> None:
    assert read(cells, of, pa.string()) == (values, lost)


def test_typed_columns_of_other_types_are_read() -> None:
    assert read([3.0, 4.5, None], column(Kind.INTEGER, "int64")) == ([3, None, None], 1)
    assert read([1, 0], column(Kind.BOOLEAN, "bool")) == ([True, False], 0)
    assert read([1, 2], column(Kind.CATEGORY, "string", values=("1",))) == (["1", "2"], 0)
    assert read(["2024-01-31", "?"], column(Kind.DATETIME, "timestamp[us]"), pa.string())[1] == 0
    encoded = column(Kind.CATEGORY, "dictionary<values=string, indices=int32, ordered=0>", values=("1",))
    assert read(["1", None], encoded) == (["1", None], 0)


def test_a_column_that_is_not_there_is_named() -> None:
    schema = TableSchema(columns=(column(Kind.INTEGER, "int64"),))
    with pytest.raises(DataError, match="lacks the column 'a'"):
        type_leniently(pa.table({"b": [1]}), schema)


@given(st.lists(st.one_of(st.none(), st.text(max_size=6), st.integers().map(str), st.floats().map(repr))))
def test_whatever_is_written_is_read_or_counted(cells: list[str | None]) -> None:
    values, lost = read(cells, column(Kind.INTEGER, "int64"), pa.string())
    assert len(values) == len(cells)
    assert 0 <= lost <= sum(value is None for value in values)


def test_codes_of_the_real_table_are_no_lost_cells():
    schema = schema_of(text_column(*(f"{n}.5" for n in range(40)), "<5", "<5"))
    typed, lost = type_leniently(text_column("7.5", "<5", "n.d.", None), schema)
    assert typed["x"].to_pylist() == [7.5, None, None, None]
    assert typed["x (code)"].to_pylist() == ["0.0", "<5", None, None]
    assert lost == {"x": 1}
    numbers, lost = type_leniently(pa.table({"x": [7.5, None]}), schema)
    assert (numbers["x (code)"].to_pylist(), lost) == (["0.0", None], {})
