"""The schema as a contract: to Arrow, to JSON and back, and what it refuses."""

import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type

AGE = ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=99)
CLASS = ColumnSchema(name="class", kind=Kind.CATEGORY, arrow_type="string", values=("a", "b"), nullable=True)
SCHEMA = TableSchema(columns=(AGE, CLASS))


def people(ages: list[int | None], classes: list[str | None]) -> pa.Table:
    return pa.table({"age": pa.array(ages, pa.int64()), "class": pa.array(classes, pa.string())})


@pytest.mark.parametrize(
    "type_",
    [pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.large_string(), pa.null()]
    + [pa.date32(), pa.date64(), pa.decimal128(38, 9), pa.decimal256(50, 2), pa.dictionary(pa.int32(), pa.string())]
    + [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Europe/Berlin")],
    ids=str,
)
def test_every_storage_type_is_found_by_its_name(type_: pa.DataType):
    assert arrow_type(ColumnSchema(name="x", kind=Kind.CATEGORY, arrow_type=str(type_))) == type_


def test_schema_survives_json():
    scalars = ColumnSchema(name="x", kind=Kind.FLOAT, arrow_type="double", values=(1.0, 2.5), minimum=1.0, maximum=2.5)
    flags = ColumnSchema(name="y", kind=Kind.BOOLEAN, arrow_type="bool", values=(False, True), pattern=("0", "ab"))
    schema = TableSchema(columns=(*SCHEMA.columns, scalars, flags))
    adapter = TypeAdapter(TableSchema)
    again = adapter.validate_json(adapter.dump_json(schema))
    assert again == schema
    assert [type(v) for v in again["x"].values or ()] == [float, float]
    assert [type(v) for v in again["y"].values or ()] == [bool, bool]


def test_columns_are_found_by_name_and_kind():
    assert SCHEMA["age"] is AGE
    assert SCHEMA.names == ("age", "class")
    assert SCHEMA.of_kind(Kind.CATEGORY, Kind.TEXT) == (CLASS,)
    with pytest.raises(DataError, match="no column 'Age'; the table has 'age', 'class'"):
        SCHEMA["Age"]


def test_replacing_a_column_keeps_its_place():
    other = ColumnSchema(name="age", kind=Kind.FLOAT, arrow_type="double")
    assert SCHEMA.with_column(other).columns == (other, CLASS)
    assert SCHEMA.columns == (AGE, CLASS)


def test_table_as_declared_is_accepted():
    SCHEMA.check(people([0, 99], ["a", None]))
    SCHEMA.check(people([], []))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (people([1], ["a"]).select(["class", "age"]), "expected age, class"),
        (people([1], ["a"]).set_column(0, "age", pa.array([1.0])), "type double; the schema says int64"),
        (people([None], ["a"]), "1 missing values; the schema allows none"),
        (people([-1, 100, 4711], ["a"] * 3), "'age' has 3 values that the schema does not allow"),
        (people([1, 2], ["SECRET-4711", "b"]), "'class' has 1 values that the schema does not allow"),
    ],
)
def test_table_that_breaks_the_schema_is_refused_without_its_values(table: pa.Table, message: str):
    with pytest.raises(DataError, match=message) as caught:
        SCHEMA.check(table)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "inside", "outside"),
    [
        (
            ColumnSchema(
                name="x", kind=Kind.DATE, arrow_type="date32[day]", minimum="2020-01-01", maximum="2020-12-31"
            ),
            ["2020-01-01", "2020-12-31"],
            ["2019-12-31", "2021-01-01"],
        ),
        (
            ColumnSchema(
                name="x",
                kind=Kind.DATETIME,
                arrow_type="timestamp[us, tz=Europe/Berlin]",
                minimum="2020-01-01T00:00:00Z",
                maximum="2020-01-02T00:00:00Z",
            ),
            ["2020-01-01T00:30:00Z"],
            ["2019-12-31T23:30:00Z"],
        ),
        (
            ColumnSchema(name="x", kind=Kind.FLOAT, arrow_type="decimal128(20, 2)", minimum=0.1, maximum=2.0),
            ["0.10", "2.00"],
            ["0.09", "2.01"],
        ),
        (ColumnSchema(name="x", kind=Kind.INTEGER, arrow_type="int8", values=(1, 3)), ["1", "3"], ["2"]),
    ],
    ids=lambda value: getattr(value, "arrow_type", ""),
)
def test_bounds_and_values_are_compared_in_the_columns_type(
    column: ColumnSchema, inside: list[str], outside: list[str]
):
    schema = TableSchema(columns=(column,))
    schema.check(pa.table({"x": pa.array(inside).cast(arrow_type(column))}))
    with pytest.raises(DataError, match=f"has {len(outside)} values"):
        schema.check(pa.table({"x": pa.array(outside).cast(arrow_type(column))}))
