"""Delta Lake and Iceberg tables, and data sets that the package `datasets` saved, on this machine's disk."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config as BotoConfig
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog import load_catalog
from pyiceberg.utils.config import Config

from ss_ray.errors import ConfigError, DataError
from ss_ray.location import Location
from ss_ray.tables.connectors.connector import open_connector
from ss_ray.tables.connectors.sinks import write_rows
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.parts import PartWriter
from tests.tables.connectors.rows import ROWS, read_copy

TABLE = pa.Table.from_pylist(ROWS)


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    return Location.parse(tmp_path / "copy")


@pytest.fixture
def parts(tmp_path: Path) -> list[Location]:
    released = Location.parse(tmp_path / "released")
    with PartWriter(released, "part", TABLE.schema) as writer:
        writer.write(TABLE)
    return list(released.files(".parquet"))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a catalog in a SQLite file, configured as users do."""
    monkeypatch.setenv("PYICEBERG_CATALOG__SALES__URI", f"sqlite:///{tmp_path}/catalog.db")
    monkeypatch.setenv("PYICEBERG_CATALOG__SALES__WAREHOUSE", f"file://{tmp_path}/warehouse")
    monkeypatch.setenv("PYICEBERG_CATALOG__SALES__TYPE", "sql")
    # It reads its environment when it is imported.
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    load_catalog("sales").create_namespace("eu")
    return "sales"


def test_a_delta_table_gives_its_current_rows_and_older_versions(tmp_path: Path, folder: Location):
    write_deltalake(tmp_path / "orders", TABLE)
    DeltaTable(tmp_path / "orders").delete("id = 2")
    address = f"delta://{tmp_path}/orders"
    assert read_copy(address, folder).sort_by("id").column("id").to_pylist() == [1, 3]
    assert open_connector(address).version() == "1"
    assert read_copy(f"{address}#0", folder).sort_by("id").to_pylist() == ROWS
    with pytest.raises(DataError, match="number of a version"):
        open_connector(f"{address}#last").version()
    with pytest.raises(DataError, match="TableNotFoundError of Delta Lake"):
        read_copy(f"delta://{tmp_path}/nothing", folder)


def test_the_files_of_a_delta_table_are_not_taken_for_its_rows(tmp_path: Path):
    write_deltalake(tmp_path / "orders", TABLE)
    with pytest.raises(DataError, match="give delta://"):
        find_source(tmp_path / "orders")


def test_results_become_a_delta_table(tmp_path: Path, parts: list[Location], folder: Location):
    address = f"delta://{tmp_path}/made"
    assert write_rows(parts, address) == 3
    assert read_copy(address, folder).to_pylist() == ROWS
    with pytest.raises(ConfigError, match="give --if-exists"):
        write_rows(parts, address)
    write_rows(parts, address, "append")
    assert read_copy(address, folder).num_rows == 6
    write_rows(parts, address, "replace")
    assert read_copy(address, folder).num_rows == 3


def test_an_iceberg_table_is_read_and_written(catalog: str, parts: list[Location], folder: Location):
    address = f"iceberg://{catalog}/eu.orders"
    assert write_rows(parts, address) == 3
    assert read_copy(address, folder).to_pylist() == ROWS
    before = open_connector(address).version()
    with pytest.raises(ConfigError, match="give --if-exists"):
        write_rows(parts, address)
    write_rows(parts, address, "append")
    assert read_copy(address, folder).num_rows == 6
    assert open_connector(address).version() not in ("", before)
    write_rows(parts, address, "replace")
    assert read_copy(address, folder).num_rows == 3


def test_an_iceberg_catalog_or_table_that_is_not_there_is_named(catalog: str, folder: Location):
    with pytest.raises(DataError, match=r"cannot read iceberg://sales/eu\.nothing: NoSuchTableError"):
        read_copy(f"iceberg://{catalog}/eu.nothing", folder)
    with pytest.raises(ConfigError, match="no settings of a catalog"):
        read_copy("iceberg://nobody/eu.orders", folder)


def save_dataset(folder: Path, **state: object) -> None:
    """Two shards and the notes of `datasets` 5.2, as `save_to_disk` writes them."""
    folder.mkdir()
    names = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    for name, rows in zip(names, (TABLE.slice(0, 2), TABLE.slice(2)), strict=True):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
            writer.write_table(rows)
    notes = {"_data_files": [{"filename": name} for name in names], "_split": "train", **state}
    (folder / "state.json").write_text(json.dumps(notes))
    (folder / "dataset_info.json").write_text(json.dumps({"features": {}}))


def test_a_saved_data_set_is_read_from_its_shards(tmp_path: Path):
    save_dataset(tmp_path / "saved")
    source = find_source(tmp_path / "saved")
    read = pa.concat_tables([block for file in source.files for block in read_blocks(source, file)])
    assert read.to_pylist() == ROWS


def test_a_saved_data_set_with_an_index_or_with_splits_is_refused(tmp_path: Path):
    save_dataset(tmp_path / "chosen", _indices_data_files=[{"filename": "indices.arrow"}])
    with pytest.raises(DataError, match="flatten_indices"):
        find_source(tmp_path / "chosen")
    save_dataset(tmp_path / "splits")
    (tmp_path / "splits" / "state.json").rename(tmp_path / "splits" / "dataset_dict.json")
    with pytest.raises(DataError, match="give the folder of one of them"):
        find_source(tmp_path / "splits")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket on a server in a process of its own: Delta Lake's core waits for it without Python."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    settings = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "s3cr3t", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
    settings |= {"ENDPOINT_URL": f"http://127.0.0.1:{port}", "S3_ALLOW_UNSAFE_RENAME": "true"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        store = boto3.client("s3", region_name="us-east-1", config=BotoConfig(retries={"max_attempts": 20}))
        store.create_bucket(Bucket="lake")
        yield "lake"
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.slow
def test_a_delta_table_in_a_bucket_is_written_and_read(bucket: str, parts: list[Location], folder: Location):
    address = f"delta+s3://{bucket}/orders"
    assert write_rows(parts, address) == 3
    assert read_copy(address, folder).to_pylist() == ROWS
