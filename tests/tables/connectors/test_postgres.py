"""PostgreSQL, on a real server: exact types through ADBC and through SQLAlchemy, and results as tables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.postgres_tables import PostgresTable
from ss_ray.tables.connectors.sinks import write_rows
from ss_ray.tables.parts import PartWriter
from tests.postgres import running_postgres
from tests.tables.connectors.rows import read_copy

pytestmark = pytest.mark.slow
AT = datetime.datetime(2024, 5, 1, 10, 30, 15, tzinfo=datetime.UTC)
TABLES = """
CREATE SCHEMA eu;
CREATE TABLE eu.orders (id int, price numeric(16, 2), at timestamptz, day date, paid boolean, note text, extra jsonb);
INSERT INTO eu.orders VALUES
    (1, 12345678901234.10, '2024-05-01 12:30:15+02', '2024-05-01', true, '', '{"a": 1}'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE "Odd name" (key uuid, free numeric, fee money, pause interval, address inet);
INSERT INTO "Odd name" VALUES ('11111111-2222-3333-4444-555555555555', 1.50, 2, '1 hour', '10.0.0.1'),
    (NULL, 0.125, NULL, NULL, NULL);
CREATE TABLE photos (id int, photo bytea);
INSERT INTO photos VALUES (1, '\\x00ff');
CREATE TABLE spoiled (price numeric(8, 2));
INSERT INTO spoiled VALUES ('NaN');
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgres("ann") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLES)
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    return Location.parse(tmp_path / "copy")


def drivers(url: str) -> list[str]:
    """The address for ADBC, and the one for SQLAlchemy."""
    return [url, url.replace("postgresql://", "postgresql+psycopg://")]


def test_both_drivers_give_the_same_exact_values(server: str, folder: Location):
    assert isinstance(open_connector(f"{server}#eu.orders"), PostgresTable)
    for url in drivers(server):
        copied = read_copy(f"{url}#eu.orders", folder)
        assert copied.schema.field("at").type == pa.timestamp("us", "UTC")
        assert copied.schema.field("price").type.scale == 2
        first, second = copied.to_pylist()
        assert first["price"] == Decimal("12345678901234.10")
        assert first["at"] == AT
        assert (first["day"], first["paid"], first["note"]) == (datetime.date(2024, 5, 1), True, "")
        assert first["extra"] == '{"a": 1}'
        assert second == {"id": 2} | dict.fromkeys(["price", "at", "day", "paid", "note", "extra"])


def test_types_that_adbc_does_not_hold_exactly_are_read_exactly(server: str, folder: Location):
    for url in drivers(server):
        first, second = read_copy(f"{url}#Odd name", folder).to_pylist()
        assert first["key"] == "11111111-2222-3333-4444-555555555555"
        assert [first["free"], second["free"]] == [Decimal("1.500"), Decimal("0.125")]
        assert first["pause"] == datetime.timedelta(hours=1)
        assert first["address"].startswith("10.0.0.1")


def test_what_no_table_holds_is_refused_with_its_column(server: str, folder: Location):
    with pytest.raises(DataError, match="column 'photo' holds bytes"):
        read_copy(f"{server}#photos", folder)
    with pytest.raises(DataError, match="column 'price' holds"):
        read_copy(f"{server}#spoiled", folder)
    with pytest.raises(DataError, match="no such table, or the query is wrong"):
        read_copy(f"{server}#nobody", folder)


def test_a_query_is_read_from_the_server(server: str, folder: Location):
    query = "SELECT i AS number, CASE WHEN i % 2 = 0 THEN 'even' END AS kind FROM generate_series(1, 100000) AS i"
    copied = read_copy(server, folder, query)
    assert copied.num_rows == 100_000
    assert copied.column("number").to_pylist() == list(range(1, 100_001))
    assert copied.column("kind").null_count == 50_000
    assert read_copy(server, folder, query, max_rows=7).num_rows == 7


def test_results_become_a_table_of_declared_types(server: str, folder: Location, tmp_path: Path):
    schema = pa.schema({"total": pa.decimal128(8, 2), "at": pa.timestamp("us", "UTC"), "city": pa.string()})
    released = Location.parse(tmp_path / "released")
    with PartWriter(released, "part", schema) as writer:
        writer.write(pa.table([[Decimal("1.50"), None], [AT, None], ["", None]], schema=schema))
    address = f"{server}#eu.made"
    assert write_rows(released.files(".parquet"), address) == 2
    with psycopg.connect(server) as connection:
        types = connection.execute(
            "SELECT column_name, data_type, numeric_scale FROM information_schema.columns WHERE table_name = 'made'"
        ).fetchall()
    assert set(types) == {("total", "numeric", 2), ("at", "timestamp with time zone", None), ("city", "text", None)}
    assert read_copy(address, folder).column("city").to_pylist() == ["", None]
    assert read_copy(address, folder).column("at").to_pylist() == [AT, None]
