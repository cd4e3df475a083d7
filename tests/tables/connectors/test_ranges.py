"""Tables of databases in ranges of a key: every row once, in the order of the key, whatever its values are."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.addresses import Address
from ss_ray.errors import DataError, ResourceError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import AddressedTable, DivisibleTable, open_connector
from ss_ray.tables.connectors.sql_ranges import divided
from ss_ray.tables.connectors.stage import ATTEMPTS, copy_patiently, copy_whole

SKEWED = [-(2**62), -900, -899, 0, 1, 2, 3, 7, 1_000, 2**40, 2**40 + 1, 2**62]
WORDS = ["", "a", "a%b", "a'b", "a\\b", "b:c", "Zürich", "ß", "é", "e\u0301", "日本", "🙂", "zz"]
TABLES = {
    "skewed": ("key INTEGER PRIMARY KEY, note", [(key, None if key == 3 else str(key)) for key in SKEWED], 4),
    "text": ("key VARCHAR(9) NOT NULL PRIMARY KEY, note", [(word, word) for word in WORDS], 5),
    "folded": ("key TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, note", [(word, "") for word in WORDS], 5),
    "composite": (
        "key INTEGER NOT NULL, line INTEGER NOT NULL, note, PRIMARY KEY (key, line)",
        [(key, line, "x") for key, lines in ((1, 2), (2, 7), (3, 1), (4, 1)) for line in range(lines)],
        3,
    ),
    "unique_column": ("note, key INTEGER NOT NULL UNIQUE", [(None, key) for key in SKEWED], 4),
    "without_values": ("key TEXT PRIMARY KEY, note", [(None, 1), (None, 2)] + [(word, 9) for word in WORDS], 1),
    "one_row": ("key INTEGER PRIMARY KEY, note", [(5, "only")], 1),
    "no_rows": ("key INTEGER PRIMARY KEY, note", [], 1),
    "no_key": ("key INTEGER, note", [(key, "x") for key in SKEWED], 1),
    "number_key": ("key REAL NOT NULL PRIMARY KEY, note", [(key / 3, "x") for key in SKEWED], 1),
}
"""Name -> columns, rows, and how many ranges of three rows there are."""


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A SQLite file with all tables."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        for name, (columns, rows, _) in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
            places = ", ".join("?" * (columns.split(", PRIMARY")[0].count(",") + 1))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", reversed(rows))
    return f"sqlite:///{tmp_path}/shop.db"


def open_table(uri: str) -> DivisibleTable:
    connector = open_connector(uri)
    assert isinstance(connector, DivisibleTable)
    return connector


def rows_of(connector: DivisibleTable) -> list[tuple[object, ...]]:
    blocks = connector.read_blocks()  # type: ignore[attr-defined]
    return [tuple(row.values()) for block in blocks for row in block.to_pylist()]


@pytest.mark.parametrize("name", TABLES)
def test_ranges_give_every_row_once_in_the_order_of_the_key(shop: str, name: str):
    columns, _, num_ranges = TABLES[name]
    order = " ORDER BY key, line" if "line" in columns else " ORDER BY key"
    with sqlite3.connect(shop.removeprefix("sqlite:///")) as connection:
        has_key = name not in ("no_key", "number_key")
        expected = connection.execute(f"SELECT * FROM {name}{order if has_key else ''}").fetchall()
    with divided(open_table(f"{shop}#{name}"), 3) as ranges:
        read = [rows_of(part) for part in ranges]
    assert [row for rows in read for row in rows] == expected
    assert len(ranges) == num_ranges
    if name in ("skewed", "text", "unique_column"):
        assert [len(rows) for rows in read[:-1]] == [3] * (len(ranges) - 1)


def test_a_query_is_read_in_one_stream(shop: str):
    table = open_connector(shop, "SELECT key FROM skewed")
    assert isinstance(table, DivisibleTable)
    with divided(table, 3) as ranges:
        assert ranges == (table,)


def test_rows_of_sqlite_do_not_change_while_ranges_are_read(shop: str):
    file = shop.removeprefix("sqlite:///")
    with divided(open_table(f"{shop}#skewed"), 3) as ranges:
        other = sqlite3.connect(file, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM skewed")
        assert sum(len(rows_of(part)) for part in ranges) == len(SKEWED)
    other.execute("PRAGMA journal_mode=WAL")
    # Now others may write, so that one statement has to read all rows.
    with divided(open_table(f"{shop}#skewed"), 3) as ranges:
        assert len(ranges) == 1
        assert [row[0] for row in rows_of(ranges[0])] == SKEWED
    other.close()


def test_a_small_table_is_copied_without_ray_in_the_order_of_its_key(shop: str, tmp_path: Path):
    folder = Location.parse(tmp_path / "copy")
    assert copy_whole(open_connector(f"{shop}#skewed"), folder, lambda progress: None) == len(SKEWED)
    assert pq.read_table(folder.path).column("key").to_pylist() == SKEWED
    with pytest.raises(DataError, match="has no rows"):
        copy_whole(open_connector(f"{shop}#no_rows"), folder, lambda progress: None)


def test_ranges_carry_secrets_that_nothing_shows(shop: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP_FILE", shop.rpartition("/")[2])
    table = open_table(shop.rpartition("/")[0] + "/${SHOP_FILE}#text")
    with divided(table, 3) as ranges:
        monkeypatch.delenv("SHOP_FILE")
        assert sum(len(rows_of(part)) for part in ranges) == len(WORDS)
    address = Address.parse("mysql://ann:${SHOP_FILE}@host/db?key=${SHOP_FILE}#t")
    monkeypatch.setenv("SHOP_FILE", "s3cr3t")
    carried = address.with_secrets()
    monkeypatch.delenv("SHOP_FILE")
    assert carried.secret_url == "mysql://ann:s3cr3t@host/db?key=s3cr3t"
    assert "s3cr3t" not in f"{carried} {carried!r}"
    assert not any(word in repr(ranges) for word in WORDS if len(word) > 1)


@dataclass(frozen=True, kw_only=True)
class BreakingTable(AddressedTable):
    """Ten blocks of a row; in attempts that break, more blocks before the connection breaks.

    Attributes:
        attempts: File with one line for each attempt so far.
        num_broken: Number of attempts that break.
    """

    attempts: Path
    num_broken: int

    def version(self) -> str:
        return ""

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        with self.attempts.open("a") as file:
            file.write("attempt\n")
        attempt = len(self.attempts.read_text().splitlines())
        breaks = attempt <= self.num_broken
        for number in range(12 if breaks else 10):
            yield pa.table({"number": [number]})
        if breaks:
            raise ResourceError(f"{self.name}: the database broke the connection")


def test_a_range_whose_connection_breaks_is_read_again_without_doubling_rows(tmp_path: Path):
    folder = Location.parse(tmp_path / "copy").make_folder()
    address = Address.parse("mysql://host/db#t")
    copy_patiently(BreakingTable(address=address, attempts=tmp_path / "whole", num_broken=0), folder, 1)
    breaking = BreakingTable(address=address, attempts=tmp_path / "breaking", num_broken=ATTEMPTS - 1)
    assert copy_patiently(breaking, folder, 0).num_rows == 10
    assert pq.read_table(folder.path).column("number").to_pylist() == [*range(10), *range(10)]
    broken = BreakingTable(address=address, attempts=tmp_path / "broken", num_broken=ATTEMPTS)
    with pytest.raises(ResourceError, match="broke the connection"):
        copy_patiently(broken, folder, 0)
