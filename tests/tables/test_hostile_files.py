"""Small files that stand for gigabytes are refused before they are unpacked; honest files beside them are read."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ss_ray.errors import DataError
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.parquet_files import BLOCK_BYTES
from ss_ray.tables.parquet_pages import column_pages

pytestmark = pytest.mark.slow

LIMIT = 20 << 20
"""data.max_bytes of these tests."""
ROOM = 300 << 20
"""Memory that the reader may use beside what the process has after its imports: every bomb needs far more."""
LONG = "x" * 1_000_000
READER = """
import resource, sys
from ss_ray.errors import DataError
from ss_ray.tables.files import find_source, read_blocks
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) << 10
used = peak()
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
for path in sys.argv[1:]:
    try:
        source = find_source(path, max_bytes={limit})
        print(path, sum(block.num_rows for block in read_blocks(source, source.files[0])))
    except DataError as error:
        print(error)
print(peak() - used)
"""


def write_parquet(path: Path, values: Any, **options: Any) -> Path:
    pq.write_table(pa.table({"a": values}), path, **options)
    return path


def write_arrow(path: Path, values: Any) -> Path:
    pyarrow.feather.write_feather(pa.table({"a": values}), path, compression="zstd")
    return path


def write_excel(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"x" * 100_000_000)
    return path


def dictionary(values: list[Any], rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(values))


def zipped(path: Path, *parts: bytes) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for part in parts:
            stream.write(part)
    return path


BOMBS: dict[str, Callable[[Path], Path]] = {
    "one text in every row": lambda f: write_parquet(f / "1.parquet", dictionary([LONG], 100_000)),
    "one large text in every row": lambda f: write_parquet(
        f / "2.parquet", dictionary([LONG], 100_000).cast(pa.dictionary(pa.int32(), pa.large_string()))
    ),
    "texts that repeat the one before": lambda f: write_parquet(
        f / "3.parquet",
        pa.array([LONG] * 100),
        use_dictionary=False,
        column_encoding={"a": "DELTA_BYTE_ARRAY"},
    ),
    "one packed text": lambda f: write_parquet(
        f / "4.parquet", pa.array(["x" * 100_000_000]), use_dictionary=False, compression="zstd"
    ),
    "wide bytes": lambda f: write_parquet(
        f / "5.parquet", dictionary([b"x" * 1_000_000], 2).cast(pa.binary(1_000_000)).take(pa.array([0] * 100))
    ),
    "numbers without end": lambda f: write_parquet(f / "6.parquet", pa.array(np.zeros(8_000_000, np.int64))),
    "short lines of many columns": lambda f: zipped(
        f / "7.jsonl.gz", b"{" + b",".join(b'"%d":1' % i for i in range(5000)) + b"}\n", b"{}\n" * 10_000
    ),
    "lines of long texts": lambda f: zipped(f / "8.jsonl.gz", *[b'{"a": "%s"}\n' % (b"x" * 2_000_000)] * 100),
    "a line of empty objects": lambda f: zipped(f / "9.jsonl.gz", b'{"a": [' + b"{}," * 2_000_000 + b"0]}\n"),
    "keys without end": lambda f: zipped(
        f / "10.jsonl.gz", *[b'{"%d":1,"%d":1}\n' % (2 * i, 2 * i + 1) for i in range(50_000)]
    ),
    "a string without end": lambda f: zipped(f / "14.jsonl.gz", b'{"a": "' + b'\\"' * 1_000_000),
    "columns after a quote inside a cell": lambda f: zipped(f / "15.csv.gz", b'x"' + b"," * 900_000 + b'y"\n'),
    "one long name": lambda f: zipped(f / "16.csv.gz", b"@" * 100_000 + b",b\n1,2\n"),
    "lines of nothing": lambda f: zipped(f / "17.jsonl.gz", b'{"a": 1}\n', b"\n" * 10_000_000),
    "columns without end": lambda f: zipped(f / "11.csv.gz", b"a," * 4_000_000 + b"a\n"),
    "cells without end": lambda f: zipped(f / "12.csv.gz", b"a\n", *[b"0123456789\n" * 100_000] * 100),
    "packed numbers of Arrow": lambda f: write_arrow(f / "18.arrow", pa.array(np.zeros(8_000_000, np.int64))),
    "packed texts of Arrow": lambda f: write_arrow(f / "19.arrow", pa.array([LONG] * 200)),
    "one text in every row of Arrow": lambda f: write_arrow(f / "20.arrow", dictionary([LONG], 100_000)),
    "packed words of Excel": lambda f: write_excel(f / "21.xlsx"),
    "a quoted cell without end": lambda f: zipped(f / "13.csv.gz", b'a\n"', *[b"x" * 10_000_000] * 20),
}


def test_no_bomb_takes_more_memory_than_the_limit_lets_a_table_have(tmp_path: Path):
    """One process reads all of them.

    Its resident memory is measured, and not its address space, of which libraries reserve far more than they use.
    """
    paths = [str(make(tmp_path)) for make in BOMBS.values()]
    sizes = [Path(path).stat().st_size for path in paths]
    command = [sys.executable, "-c", READER.format(limit=LIMIT), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, grown = done.stdout.splitlines()
    assert int(grown) < ROOM
    assert len(lines) == len(BOMBS)
    refused = ("more than", "longer than", "cannot be parsed", "quotes", "not a JSON object", "names of over")
    assert [line for line in lines if not any(words in line for words in refused)] == []
    assert max(sizes) < LIMIT / 4, sizes


@pytest.mark.parametrize("name", ["1.parquet", "3.parquet"])
def test_a_limit_that_is_large_enough_lets_repeated_texts_pass_in_small_blocks(name: str, tmp_path: Path):
    options: dict[str, Any] = {"column_encoding": {"a": "DELTA_BYTE_ARRAY"}, "use_dictionary": False}
    path = write_parquet(tmp_path / name, pa.array([LONG, None] * 20), **(options if name[0] == "3" else {}))
    source = find_source(path, max_bytes=2 * LIMIT)
    blocks = list(read_blocks(source, source.files[0]))
    assert pa.concat_tables(blocks).column("a").to_pylist() == [LONG, None] * 20
    assert max(block.nbytes for block in blocks) <= BLOCK_BYTES


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("rows", [1, 70_000])
def test_page_headers_tell_what_a_file_holds(version: str, rows: int, tmp_path: Path):
    values = pa.array([f"text {i % 1000}" for i in range(rows)], pa.string())
    path = write_parquet(tmp_path / "a.parquet", values, data_page_version=version, row_group_size=30_000)
    file = pq.ParquetFile(path)
    with pa.OSFile(str(path)) as stream:
        for group in range(file.num_row_groups):
            chunk = file.metadata.row_group(group).column(0)
            pages = list(column_pages(stream, chunk))
            assert sum(page.num_values for page in pages if not page.is_dictionary) == chunk.num_values
            assert sum(page.num_bytes for page in pages) <= chunk.total_uncompressed_size


def test_damaged_pages_are_one_message(tmp_path: Path):
    path = write_parquet(tmp_path / "a.parquet", pa.array(["x"] * 1000))
    content = path.read_bytes()
    for value in (0x00, 0x7F, 0xFF):
        path.write_bytes(content[:4] + bytes([value]) * 20 + content[24:])
        source = find_source(path, max_bytes=LIMIT)
        with pytest.raises(DataError, match="not a readable Parquet file"):
            list(read_blocks(source, source.files[0]))


@pytest.mark.parametrize("values", [pa.array([[1], [2]]), pa.array([{"b": 1}, None])])
def test_nested_columns_are_told_by_their_name(values: pa.Array, tmp_path: Path):
    source = find_source(write_parquet(tmp_path / "a.parquet", values))
    with pytest.raises(DataError, match=r"a\.parquet, column 'a' holds nested values"):
        list(read_blocks(source, source.files[0]))
