"""MariaDB, on a real server where one is installed: exact types in, and the same types out."""

from __future__ import annotations

import datetime
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pymysql
import pytest

from ss_ray.errors import DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.sinks import write_rows
from ss_ray.tables.connectors.sql_ranges import divided
from ss_ray.tables.connectors.sql_tables import SqlTable
from tests.tables.connectors.rows import read_copy

SERVER = shutil.which("mariadbd")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(SERVER is None, reason="no MariaDB server is installed")]
AT = datetime.datetime(2024, 5, 1, 12, 30, 15, 250_000)
STATEMENTS = (
    "CREATE DATABASE shop",
    "USE shop",
    "CREATE USER 'ann'@'127.0.0.1' IDENTIFIED BY 's3cr3t'",
    "GRANT ALL ON shop.* TO 'ann'@'127.0.0.1'",
    "CREATE TABLE shop.orders (id BIGINT UNSIGNED, price DECIMAL(16, 2), at DATETIME(6), paid BOOLEAN, note TEXT)",
    "INSERT INTO shop.orders VALUES (1, 12345678901234.10, '2024-05-01 12:30:15.25', TRUE, '')",
    "INSERT INTO shop.orders VALUES (18446744073709551615, NULL, NULL, NULL, NULL)",
    "CREATE TABLE shop.photos (photo BLOB)",
    "INSERT INTO shop.photos VALUES (x'00ff')",
    "CREATE TABLE shop.squares (id BIGINT PRIMARY KEY, paid BOOLEAN)",
    "INSERT INTO shop.squares SELECT CAST(seq * seq AS SIGNED) - 5000, seq % 2 FROM seq_1_to_1000",
    "CREATE TABLE shop.words (id VARCHAR(20) COLLATE utf8mb4_general_ci, n INT, PRIMARY KEY (id, n))",
    "INSERT INTO shop.words SELECT ELT(1 + seq % 6, 'a', 'Á', 'ß', 'z%', 'b\\\\', '日本'), seq FROM seq_1_to_600",
    "CREATE TABLE shop.levels (id ENUM('low', 'high') PRIMARY KEY)",
    "INSERT INTO shop.levels VALUES ('low'), ('high')",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database on a server of its own, with the name of a variable in the password's place."""
    folder = tmp_path_factory.mktemp("mariadb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = ["--no-defaults", f"--datadir={folder}/data", "--user=root"]
    install = ["mariadb-install-db", *shared, "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, capture_output=True)
    place = [f"--socket={folder}/socket", f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
    process = subprocess.Popen([str(SERVER), *shared, *place], stderr=subprocess.DEVNULL)
    try:
        while not (folder / "socket").exists():
            assert process.poll() is None
            time.sleep(0.05)
        with pymysql.connect(user="root", unix_socket=f"{folder}/socket", autocommit=True) as connection:
            for statement in STATEMENTS:
                connection.cursor().execute(statement)
        yield f"mysql://ann:${{SHOP_PASSWORD}}@127.0.0.1:{port}/shop"
    finally:
        process.terminate()
        process.wait(30)


def test_types_stay_exact_in_and_out(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t")
    folder = Location.parse(tmp_path / "copy")
    first, second = read_copy(f"{server}#orders", folder).to_pylist()
    assert first == {"id": 1, "price": Decimal("12345678901234.10"), "at": AT, "paid": True, "note": ""}
    assert second == {"id": 18_446_744_073_709_551_615} | dict.fromkeys(["price", "at", "paid", "note"])
    assert write_rows(folder.files(".parquet"), f"{server}#made") == 2
    assert read_copy(f"{server}#made", Location.parse(tmp_path / "again")).to_pylist() == [first, second]


def test_bytes_and_a_wrong_password_are_refused(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = Location.parse(tmp_path / "copy")
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t")
    with pytest.raises(DataError, match="column 'photo' holds bytes"):
        read_copy(f"{server}#photos", folder)
    monkeypatch.setenv("SHOP_PASSWORD", "wr0ng")
    with pytest.raises(ResourceError, match="check address, user and password") as caught:
        read_copy(f"{server}#orders", folder)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(("table", "order", "num_ranges"), [("squares", "id", 7), ("words", "id, n", 5)])
def test_ranges_give_every_row_once_in_the_order_of_the_key(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, order: str, num_ranges: int
):
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t")
    whole = read_copy(server, Location.parse(tmp_path / "whole"), f"SELECT * FROM {table} ORDER BY {order}")
    connector = open_connector(f"{server}#{table}")
    assert isinstance(connector, SqlTable)
    with divided(connector, 150) as ranges:
        rows = pa.concat_tables(block for part in ranges for block in part.read_blocks())
    assert len(ranges) == num_ranges
    assert rows.column("id").to_pylist() == whole.column("id").to_pylist()
    assert len(rows.group_by(rows.column_names).aggregate([])) == whole.num_rows == len(rows)


def test_values_of_a_list_are_no_key(server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t")
    connector = open_connector(f"{server}#levels")
    assert isinstance(connector, SqlTable)
    with divided(connector, 1) as ranges:
        assert ranges == (connector,)
