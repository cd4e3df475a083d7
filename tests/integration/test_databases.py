"""A table of PostgreSQL through a whole run and back into the database; its password is nowhere but in the driver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
import ray

from ss_ray.cli.main import main
from ss_ray.config.files import parse_config
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.location import Location
from ss_ray.pipelines.run import run
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.postgres_tables import PostgresTable
from ss_ray.tables.connectors.sql_ranges import divided
from ss_ray.tables.connectors.stage import copy_ranges, copy_whole
from tests.postgres import running_postgres

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
PASSWORD = "hunter2s3cr3t"
ORDERS = """
CREATE TABLE orders AS SELECT i AS number, (i % 50) * 1.25::numeric(8, 2) AS price, i % 3 = 0 AS paid,
    timestamptz '2024-01-01 00:00+00' + (i % 200) * interval '1 hour' AS placed,
    (ARRAY['Bern', 'Chur', NULL])[1 + i % 3] AS city
FROM generate_series(1, 400) AS i
"""
LARGE = """
CREATE TABLE large AS SELECT (i - 1000) * 7 AS number, 'n' || i % 13 AS name FROM generate_series(1, 3000) AS i;
ALTER TABLE large ADD PRIMARY KEY (number)
"""
SMALL = {
    "training": {"effort": "fast", "num_input_records_to_sample": 400},
    "generation": {"num_records": 60},
    "replace_pii": None,
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server with a table; it accepts any password."""
    with running_postgres("ann") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(ORDERS)
            connection.execute(LARGE)
        yield url


def test_a_database_goes_in_and_out_and_its_password_nowhere_else(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORDERS_PASSWORD", PASSWORD)
    data = server.replace("ann@", "ann:${ORDERS_PASSWORD}@") + "#public.orders"
    out = tmp_path / "out"
    config = parse_config(SMALL | {"evaluation": {"enabled": False}, "audit_log": str(tmp_path / "audit.jsonl")})
    report = run(config, data, out)
    assert report.num_rows == 60
    assert "postgres#public.orders" in report.reading
    read = json.loads((out / "manifest/read.json").read_text())["result"]
    assert read["name"] == "postgresql:///postgres#public.orders"
    assert read["num_rows"] == 400
    assert {column["name"]: column["kind"] for column in read["schema"]["columns"]}["placed"] == "datetime"
    assert not (out / "internal/source").exists()

    monkeypatch.delenv("ORDERS_PASSWORD")
    # A finished run asks the database for nothing.
    assert run(config, data, out).done_now == ()
    with pytest.raises(ConfigError, match=r"data\.query changed"):
        run(
            parse_config(SMALL | {"data": {"query": "SELECT 1"}, "evaluation": {"enabled": False}}),
            data.partition("#")[0],
            out,
        )

    monkeypatch.setenv("ORDERS_PASSWORD", PASSWORD)
    main(["export", str(out), data.replace("#public.orders", "#public.made")])
    with psycopg.connect(server) as connection:
        rows, prices = connection.execute("SELECT count(*), count(DISTINCT price) FROM made").fetchone() or (0, 0)
    assert rows == 60
    assert prices > 5
    printed = capfd.readouterr()
    assert "60 in postgresql:///postgres#public.made" in printed.out
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [1 for content in written if PASSWORD.encode() in content]
    assert PASSWORD not in printed.out + printed.err


def test_ranges_are_copied_by_several_processes_in_the_order_of_the_key(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_PASSWORD", PASSWORD)
    address = server.replace("ann@", "ann:${ORDERS_PASSWORD}@") + "#large"
    table = open_connector(address)
    assert isinstance(table, PostgresTable)
    whole, copy = Location.parse(tmp_path / "whole"), Location.parse(tmp_path / "copy")
    seen: list[int] = []
    with divided(table, 250) as ranges, psycopg.connect(server, autocommit=True) as connection:
        # Ranges hold the rows of the moment at which the table was divided.
        connection.execute("DELETE FROM large WHERE number > 0")
        assert len(ranges) == 12
        assert copy_ranges(ranges, copy, lambda progress: seen.append(progress.done)) == 3000
    assert seen[-1] == 3000
    rows = pq.read_table(copy.path)
    assert rows.column("number").to_pylist() == [(i - 1000) * 7 for i in range(1, 3001)]
    assert copy_whole(table, whole, lambda progress: None) == 1000
    assert pq.read_table(whole.path).equals(rows.slice(0, 1000))
    logs = Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"
    written = [path.read_bytes() for folder in (tmp_path, logs) for path in folder.rglob("*") if path.is_file()]
    assert not [1 for content in written if PASSWORD.encode() in content]


def test_a_refused_connection_leaves_no_directory_and_shows_no_password(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/sales#orders"
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--data", data, "--out", str(tmp_path / "out")])
    printed = capfd.readouterr()
    assert stopped.value.code == ResourceError.exit_code
    assert "cannot connect to postgresql://127.0.0.1:1/sales#orders" in printed.err
    assert PASSWORD not in printed.out + printed.err
    assert not (tmp_path / "out").exists()
