"""Tables and queries of databases, read with exact types and written again; SQLite and DuckDB run in this process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from ss_ray.errors import ConfigError, DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.copies import first_rows_copied, source_name
from ss_ray.tables.connectors.sinks import write_rows
from ss_ray.tables.connectors.sql_tables import make_table
from ss_ray.tables.parts import PartWriter
from tests.tables.connectors.rows import ROWS, read_copy


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    return Location.parse(tmp_path / "copy")


@pytest.fixture
def sales(tmp_path: Path) -> str:
    """A SQLite file with one table of declared types."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/sales.db")
    dated = {"at": sa.DateTime, "day": sa.Date}
    columns = {"id": sa.Integer, "price": sa.Text, **dated, "paid": sa.Boolean, "note": sa.Text}
    table = sa.Table("orders", sa.MetaData(), *(sa.Column(name, kind) for name, kind in columns.items()))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [row | {"price": row["price"] and str(row["price"])} for row in ROWS])
    return f"sqlite:///{tmp_path}/sales.db"


@pytest.fixture
def parts(tmp_path: Path) -> list[Location]:
    """Rows of a run in two parts, as they are released."""
    schema = pa.schema({"city": pa.dictionary(pa.int32(), pa.string()), "total": pa.decimal128(8, 2), "ok": pa.bool_()})
    rows = [{"city": "Bern", "total": "1.50", "ok": True}, {"city": None, "total": None, "ok": None}]
    released = Location.parse(tmp_path / "released")
    for name in ("a", "b"):
        with PartWriter(released, name, schema) as writer:
            writer.write(pa.table([[row[field.name] for row in rows] for field in schema], schema.names).cast(schema))
    return list(released.files(".parquet"))


def test_a_table_of_sqlite_keeps_its_types(sales: str, folder: Location):
    copied = read_copy(f"{sales}#orders", folder)
    assert list(map(str, copied.schema.types)) == "int64 string timestamp[us] date32[day] bool string".split()
    assert copied.column("note").to_pylist() == ["", None, "José"]
    assert copied.column("at").to_pylist() == [row["at"] for row in ROWS]
    assert source_name(folder.path) == f"{sales}#orders"


def test_a_query_is_read_in_place_of_a_table(sales: str, folder: Location):
    copied = read_copy(sales, folder, "SELECT id * 10 AS tens FROM orders WHERE id > 1 ORDER BY id")
    assert copied.to_pydict() == {"tens": [20, 30]}


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("{}", ConfigError),
        ("nodriver://host/db#t", ConfigError),
        # Like a file that is not there.
        ("sqlite:////nowhere.db#orders", DataError),
        ("{}#nobody", DataError),
    ],
)
def test_an_address_without_a_table_is_refused_by_its_name(
    sales: str, folder: Location, uri: str, error: type[Exception]
):
    with pytest.raises(error):
        read_copy(uri.format(sales), folder)
    assert not Path("/nowhere.db").exists()


def test_declared_digits_of_decimals_survive_the_way_through_sqlite(tmp_path: Path, folder: Location):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute(
            "CREATE TABLE orders (price NUMERIC(10, 2), rate DECIMAL(12, 4), loose NUMERIC, none NUMERIC(6, 1))"
        )
        shop.execute("INSERT INTO orders VALUES (1.5, 0.25, 2.5, NULL), (12, 3, 1, NULL)")

    copied = read_copy(f"sqlite:///{tmp_path}/shop.db#orders", folder)
    types = {field.name: str(field.type) for field in copied.schema}
    assert (types["price"], types["rate"], types["none"]) == (
        "decimal128(10, 2)",
        "decimal128(12, 4)",
        "decimal128(6, 1)",
    )
    assert copied.column("price").to_pylist() == [Decimal("1.50"), Decimal("12.00")]

    parts = folder.files(".parquet")
    # The file is not there yet.
    assert write_rows(parts, f"sqlite:///{tmp_path}/new.db#orders") == 2
    with sqlite3.connect(tmp_path / "new.db") as made:
        (statement,) = made.execute("SELECT sql FROM sqlite_master").fetchone()
    assert "price NUMERIC(10, 2)" in statement
    assert "rate NUMERIC(12, 4)" in statement
    with pytest.raises(DataError, match="nor a folder to make it in"):
        write_rows(parts, f"sqlite:///{tmp_path}/nowhere/new.db#orders")


def test_a_table_and_a_query_together_are_refused(sales: str):
    with pytest.raises(ConfigError, match=r"or give data\.query"):
        open_connector(f"{sales}#orders", "SELECT 1")


def test_bytes_and_mixed_types_are_refused_with_their_column(sales: str, folder: Location):
    with pytest.raises(DataError, match="column 'photo' holds bytes"):
        read_copy(sales, folder, "SELECT x'00ff' AS photo")
    with pytest.raises(DataError, match="'mixed' holds values of several types"):
        read_copy(sales, folder, "SELECT 1 AS mixed UNION ALL SELECT 'text'")
    with pytest.raises(DataError, match="OperationalError in the database"):
        read_copy(sales, folder, "SELECT nothing FROM nowhere")
    with pytest.raises(DataError, match="has no rows"):
        read_copy(sales, folder, "SELECT 1 AS one WHERE 0")


def test_a_column_that_is_empty_for_a_block_has_the_type_of_the_others(tmp_path: Path, folder: Location):
    with sqlite3.connect(tmp_path / "long.db") as connection:
        connection.execute("CREATE TABLE t (late, number)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", ((None if i < 70_000 else i, i) for i in range(70_003)))
    copied = read_copy(f"sqlite:///{tmp_path}/long.db", folder, "SELECT late, number, number / 2.0 AS half FROM t")
    assert len(folder.files(".parquet")) == 3
    assert copied.schema.types == [pa.int64(), pa.int64(), pa.float64()]
    assert copied.column("late").slice(69_999).to_pylist() == [None, 70_000, 70_001, 70_002]


def test_numbers_stay_exact_whatever_their_size():
    large = make_table(["large"], [(18_446_744_073_709_551_615,), (None,)], "any")
    assert large.to_pydict() == {"large": [Decimal("18446744073709551615"), None]}
    filled = make_table(["price"], [(Decimal("12.5000000000"),), (Decimal("100.0000000000"),)], "any")
    assert filled.schema.field("price").type.scale == 1


def test_only_the_first_rows_are_copied_for_a_look(sales: str):
    with first_rows_copied(f"{sales}#orders", None, 2) as files:
        assert sum(pa.parquet.read_metadata(file).num_rows for file in Path(files).glob("*.parquet")) == 2
    assert not Path(files).exists()


def test_a_table_of_duckdb_keeps_its_types(tmp_path: Path, folder: Location):
    with duckdb.connect(str(tmp_path / "sales.duckdb")) as connection:
        connection.execute("CREATE SCHEMA eu")
        connection.execute("CREATE TABLE eu.orders (price DECIMAL(16, 2), placed TIMESTAMPTZ, note VARCHAR)")
        connection.execute("INSERT INTO eu.orders VALUES (12345678901234.10, '2024-05-01 12:30:15+02', '')")
        connection.execute("INSERT INTO eu.orders VALUES (NULL, NULL, NULL)")
    copied = read_copy(f"duckdb://{tmp_path}/sales.duckdb#eu.orders", folder)
    assert copied.schema.field("price").type == pa.decimal128(16, 2)
    assert copied.schema.field("placed").type.tz is not None
    assert str(copied.column("placed")[0].as_py().astimezone().timestamp()) == "1714559415.0"
    assert copied.column("note").to_pylist() == ["", None]
    with pytest.raises(DataError, match="no DuckDB file"):
        read_copy(f"duckdb://{tmp_path}/other.duckdb#orders", folder)


@pytest.fixture(params=["sqlite", "duckdb"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An address of a table that is not there yet."""
    if request.param == "sqlite":
        sqlite3.connect(tmp_path / "out.db").close()
        return f"sqlite:///{tmp_path}/out.db#made"
    return f"duckdb://{tmp_path}/out.duckdb#made"


def test_results_become_a_table_and_come_back(target: str, parts: list[Location], folder: Location):
    assert write_rows(parts, target) == 4
    copied = read_copy(target, folder)
    assert copied.column("city").to_pylist() == ["Bern", None] * 2
    assert [str(value) for value in copied.column("total").to_pylist()] == ["1.50", "None"] * 2
    assert copied.column("ok").to_pylist() == [True, None] * 2


def test_a_table_that_is_there_stays_unless_it_is_to_be_changed(target: str, parts: list[Location], folder: Location):
    write_rows(parts, target)
    with pytest.raises(ConfigError, match="give --if-exists append or replace"):
        write_rows(parts, target)
    write_rows(parts, target, "append")
    assert read_copy(target, folder).num_rows == 8
    write_rows(parts[:1], target, "replace")
    assert read_copy(target, folder).num_rows == 2


def test_a_failed_write_leaves_the_table_as_it_was(parts: list[Location], tmp_path: Path, folder: Location):
    with sqlite3.connect(tmp_path / "out.db") as connection:
        connection.execute("CREATE TABLE made (city TEXT CHECK (city IS NOT NULL), total NUMERIC, ok BOOLEAN)")
        connection.execute("INSERT INTO made VALUES ('Chur', 1, TRUE)")
    with pytest.raises(DataError, match="IntegrityError in the database"):
        write_rows(parts, f"sqlite:///{tmp_path}/out.db#made", "append")
    assert read_copy(f"sqlite:///{tmp_path}/out.db#made", folder).column("city").to_pylist() == ["Chur"]


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "mysql"])
def test_no_error_of_a_refused_connection_shows_a_secret(
    scheme: str, folder: Location, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("SALES_PASSWORD", "hunter2s3cr3t")
    uri = f"{scheme}://ann:${{SALES_PASSWORD}}@127.0.0.1:1/sales#orders"
    with pytest.raises(ResourceError) as caught:
        read_copy(uri, folder)
    shown = [str(caught.value), repr(caught.value), caplog.text, str(caught.value.__cause__)]
    assert f"cannot connect to {scheme}://127.0.0.1:1/sales#orders" in shown[0]
    assert not any("hunter2" in text for text in shown)
