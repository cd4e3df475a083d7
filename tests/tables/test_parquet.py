"""Typed input keeps its types."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.schema import Kind
from ss_ray.tables.cells import type_table, written_table
from ss_ray.tables.export import csv_text
from tests.tables.rows import read_all, schema_of

MOMENTS = [datetime(2020, 7, 31, 10, 30, 15), datetime(1969, 1, 1), None]
ZONED = [moment and moment.replace(tzinfo=UTC) for moment in MOMENTS]
COLUMNS = {
    **{f"int{n}": pa.array([-(2 ** (n - 1)), 2 ** (n - 1) - 1, None], f"int{n}") for n in (8, 16, 32, 64)},
    **{f"uint{n}": pa.array([0, 2**n - 1, None], f"uint{n}") for n in (8, 16, 32)},
    "float32": pa.array([0.1, -1e-30, None], pa.float32()),
    "float64": pa.array([1e-308, 1.7e308, float("nan")]),
    "money": pa.array([Decimal("12345678901234567.89"), Decimal("0.10"), None], pa.decimal128(20, 2)),
    "date32": pa.array([date(2020, 2, 29), date(1, 1, 1), None]),
    "date64": pa.array([date(2020, 2, 29), date(9999, 12, 31), None], pa.date64()),
    **{f"timestamp_{unit}": pa.array(MOMENTS, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    **{f"utc_{unit}": pa.array(ZONED, pa.timestamp(unit, "UTC")) for unit in ("s", "ms", "us", "ns")},
    "berlin": pa.array(ZONED, pa.timestamp("us", "Europe/Berlin")),
    "dictionary": pa.array(["a", "b", None]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
    "large": pa.array(["a", "é", None], pa.large_string()),
    "string": pa.array(["12", "2020-01-31", None]),
    "bool": pa.array([True, False, None]),
    "nothing": pa.nulls(3),
}


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("name", COLUMNS)
def test_types_and_values_are_kept(name: str, repeats: int, tmp_path: Path):
    table = pa.table({name: pa.chunked_array([COLUMNS[name]] * repeats)})
    pq.write_table(table, tmp_path / "table.parquet")
    read = read_all(tmp_path / "table.parquet")
    schema = schema_of(read, is_text=False)
    typed = type_table(read, schema)
    schema.check(typed)
    expected = COLUMNS[name].to_pylist()
    assert typed.column(name).to_pylist() == [v if v == v else None for v in expected] * repeats
    stored = read.schema.field(name).type
    if pa.types.is_dictionary(stored):
        assert typed.schema.field(name).type.value_type == stored.value_type
    else:
        assert typed.schema.field(name).type == stored


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("uint8", Kind.INTEGER),
        ("money", Kind.FLOAT),
        ("date64", Kind.DATE),
        ("berlin", Kind.DATETIME),
        ("bool", Kind.BOOLEAN),
        ("dictionary", Kind.TEXT),
        ("large", Kind.TEXT),
        ("string", Kind.TEXT),
    ],
)
def test_kind_follows_from_the_type(name: str, kind: Kind):
    assert schema_of(pa.table({name: COLUMNS[name]}), is_text=False)[name].kind is kind


def test_dictionary_of_numbers_is_a_column_of_numbers():
    table = pa.table({"x": pa.array([5, 6, 5, None]).dictionary_encode()})
    schema = schema_of(table, is_text=False)
    typed = type_table(table, schema)
    schema.check(typed)
    assert (schema["x"].kind, schema["x"].arrow_type, typed["x"].to_pylist()) == ("integer", "int64", [5, 6, 5, None])


def test_bounds_of_zoned_times_are_in_utc():
    column = schema_of(pa.table({"berlin": COLUMNS["berlin"]}), is_text=False)["berlin"]
    assert (column.minimum, column.maximum) == ("1969-01-01T00:00:00.000000Z", "2020-07-31T10:30:15.000000Z")


def test_typed_columns_are_written_in_plain_spellings():
    table = pa.table({name: COLUMNS[name] for name in ("int8", "date32", "dictionary", "bool", "large")})
    schema = schema_of(table, is_text=False)
    text = csv_text(written_table(type_table(table, schema), schema))
    assert text == "-128,2020-02-29,a,true,a\n127,0001-01-01,b,false,é\n,,,,\n"
