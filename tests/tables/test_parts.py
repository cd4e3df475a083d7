"""Parquet parts between the stages, and the CSV file made of them."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from ss_ray.location import Location
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables import parts
from ss_ray.tables.export import write_csv
from ss_ray.tables.parts import PartWriter, count_rows, read_part, sample_rows

SCHEMA = TableSchema(columns=(ColumnSchema(name="a b", kind=Kind.INTEGER, arrow_type="int64", nullable=True),))


def write_numbers(folder: Location, *sizes: int) -> list[Location]:
    start = 0
    with PartWriter(folder, "part-00000", SCHEMA.to_arrow()) as writer:
        for size in sizes:
            writer.write(pa.table([pa.array(range(start, start + size), pa.int64())], schema=SCHEMA.to_arrow()))
            start += size
    assert writer.num_rows == sum(sizes)
    return list(folder.files(".parquet"))


def test_parts_are_cut_and_read_back_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "PART_ROWS", 5)
    files = write_numbers(Location.parse(tmp_path), 3, 2, 0, 4)
    assert [file.name for file in files] == ["part-00000-00000.parquet", "part-00000-00001.parquet"]
    assert count_rows(files) == [5, 4]
    assert [n for file in files for block in read_part(file) for n in block["a b"].to_pylist()] == list(range(9))


def test_nothing_is_written_for_no_rows(tmp_path: Path):
    assert write_numbers(Location.parse(tmp_path), 0) == []


@pytest.mark.parametrize(
    ("max_rows", "expected"), [(9, list(range(9))), (100, list(range(9))), (3, [0, 3, 6]), (4, [0, 3, 6])]
)
def test_sample_is_evenly_spaced_over_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_rows: int, expected: list[int]
):
    monkeypatch.setattr(parts, "PART_ROWS", 5)
    files = write_numbers(Location.parse(tmp_path), 4, 4, 1)
    assert sample_rows(files, max_rows)["a b"].to_pylist() == expected


def test_csv_of_parts_is_read_by_others_as_it_was_written(tmp_path: Path):
    write_numbers(Location.parse(tmp_path / "rows"), 2, 3)
    target = write_csv(Location.parse(tmp_path / "rows"), SCHEMA, Location.parse(tmp_path / "out" / "table.csv"))
    assert target.read_text() == "a b\n0\n1\n2\n3\n4\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["table.csv"]
    assert pd.read_csv(io.StringIO(target.read_text()))["a b"].tolist() == [0, 1, 2, 3, 4]


def test_csv_of_no_parts_is_a_header(tmp_path: Path):
    target = write_csv(Location.parse(tmp_path / "none"), SCHEMA, Location.parse(tmp_path / "table.csv"))
    assert target.read_text() == "a b\n"
