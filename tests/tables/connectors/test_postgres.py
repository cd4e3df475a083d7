"""PostgreSQL, on a real server: exact types through ADBC and through SQLAlchemy, and results as tables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa

from ss_ray.errors import DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import DivisibleTable, open_connector
from ss_ray.tables.connectors.postgres_tables import PostgresTable
from ss_ray.tables.connectors.sinks import write_rows
from ss_ray.tables.connectors.sql_ranges import divided
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
KEYED_TABLES = """
CREATE TABLE gaps AS SELECT (CASE WHEN i < 900 THEN i ELSE i * 1000000 END - 450)::bigint AS key,
    CASE WHEN i % 3 > 0 THEN i * 0.25::numeric(8, 2) END AS price FROM generate_series(1, 1000) AS i ORDER BY random();
ALTER TABLE gaps ADD PRIMARY KEY (key);
CREATE TABLE words AS SELECT word || n AS key, n FROM generate_series(1, 100) AS n,
    unnest(ARRAY['Zürich', 'ß', '日本', 'a''b', 'a%', 'b\\', ':c', '🙂']) AS word;
ALTER TABLE words ADD PRIMARY KEY (key);
CREATE TABLE hashes AS SELECT md5(i::text)::uuid AS key, i AS number FROM generate_series(1, 1000) AS i;
ALTER TABLE hashes ADD PRIMARY KEY (key);
CREATE TABLE visits AS SELECT timestamptz '2024-03-31 00:30+01' + (i / 300) * interval '7.5 minutes' AS key, i AS number
    FROM generate_series(1, 1000) AS i;
ALTER TABLE visits ADD PRIMARY KEY (key, number);
CREATE TABLE days (number int, key date NOT NULL UNIQUE);
INSERT INTO days SELECT i, date '2024-01-01' - i FROM generate_series(1, 1000) AS i;
CREATE VIEW recent AS SELECT * FROM days WHERE number < 10;
"""
KEYS = {"gaps": "key", "words": "key", "hashes": "key", "visits": "key, number", "days": "key"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgres("ann") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLES)
            connection.execute(KEYED_TABLES)
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    return Location.parse(tmp_path / "copy")


def open_table(uri: str) -> DivisibleTable:
    connector = open_connector(uri)
    assert isinstance(connector, DivisibleTable)
    return connector


def rows_of(connector: DivisibleTable) -> pa.Table:
    return pa.concat_tables(connector.read_blocks())  # type: ignore[attr-defined]


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


@pytest.mark.parametrize("name", KEYS)
def test_ranges_of_both_drivers_give_every_row_once_in_the_order_of_the_key(server: str, folder: Location, name: str):
    whole = read_copy(server, folder, f"SELECT * FROM {name} ORDER BY {KEYS[name]}")
    for url in drivers(server):
        with divided(open_table(f"{url}#{name}"), 150) as ranges:
            parts = [rows_of(part) for part in ranges]
        rows = pa.concat_tables(parts, promote_options="permissive")
        assert rows.to_pylist() == whole.to_pylist()
        assert len(parts) == {"visits": 4, "words": 6}.get(name, 7)
        if name != "visits":
            assert {part.num_rows for part in parts[:-1]} == {150}


def test_ranges_show_one_moment_whatever_others_write(server: str):
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE TABLE stock (id int PRIMARY KEY, n int)")
        connection.execute("INSERT INTO stock SELECT i, 1 FROM generate_series(1, 1000) AS i")
        for url in drivers(server):
            with divided(open_table(f"{url}#stock"), 300) as ranges:
                connection.execute("UPDATE stock SET id = id + 10000, n = n + 1")
                moved = [rows_of(part).column("id").to_pylist() for part in ranges]
            connection.execute("UPDATE stock SET id = id - 10000")
            assert [id_ for part in moved for id_ in part] == list(range(1, 1001))


def test_a_view_is_read_in_one_stream(server: str):
    for url in drivers(server):
        with divided(open_table(f"{url}#recent"), 2) as ranges:
            assert [part.key_range for part in ranges] == [None]
            assert rows_of(ranges[0]).num_rows == 9


def test_a_connection_that_the_server_ends_is_an_error_that_may_be_tried_again(server: str):
    for url in drivers(server):
        blocks = open_connector(
            url, "SELECT i, repeat('x', 900) AS text FROM generate_series(1, 200000) AS i"
        ).read_blocks()
        next(blocks)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(ResourceError, match="broke the connection"):
            list(blocks)
        failing = open_connector(url, "SELECT 1 / (150000 - i) AS ratio FROM generate_series(1, 200000) AS i")
        with pytest.raises(DataError, match="in the database or its driver"):
            list(failing.read_blocks())


def test_a_password_that_only_the_driver_knows_goes_with_the_ranges(server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPASSWORD", "p@ss/w#rd")
    with divided(open_table(f"{server}#gaps"), 150) as ranges:
        monkeypatch.delenv("PGPASSWORD")
        assert sa.make_url(ranges[0].address.secret_url).password == "p@ss/w#rd"
        assert "p@ss" not in repr(ranges)
        assert rows_of(ranges[0]).num_rows == 150
