"""Parts of large files hold the rows of the file, each once and in order, whatever stands in the cells."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ss_ray.errors import DataError
from ss_ray.tables import file_parts
from ss_ray.tables.dialect import DeclaredDialect
from ss_ray.tables.file_parts import divide_files
from ss_ray.tables.files import find_source, read_blocks, read_file_part

Write = Callable[..., Path]
CANARY = "SECRET-4711"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a hundred bytes, looked for in chunks of thirty-seven."""
    monkeypatch.setattr(file_parts, "PART_BYTES", 100)
    monkeypatch.setattr(file_parts, "SCAN_BYTES", 37)


def rows_of(path: Path, **declared: object) -> tuple[list[dict[str, str]], list[dict[str, str]], int]:
    """Rows of the whole file, rows of its parts, and the number of parts."""
    source = find_source(path, declared=DeclaredDialect(**declared))  # type: ignore[arg-type]
    whole = [row for file in source.files for block in read_blocks(source, file) for row in block.to_pylist()]
    parts = divide_files(source)
    assert [part.number for part in parts] == list(range(len(parts)))
    divided = [row for part in parts for block in read_file_part(source, part) for row in block.to_pylist()]
    return whole, divided, len(parts)


def quoted_table(num_rows: int, line_end: str = "\n") -> str:
    draw = random.Random(1)
    cells = ["x", '"a\nb"', '"say ""no"", ok"', '""', "", '"\n"', '"""\n"""', "plain text", '",\n,"']
    lines = [f'{number},"{number}",{draw.choice(cells)}' for number in range(num_rows)]
    return line_end.join(["n,id,text", *lines, ""])


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.usefixtures("small_parts")
def test_line_ends_inside_of_cells_divide_no_row(write: Write, line_end: str):
    whole, divided, num_parts = rows_of(write(quoted_table(300, line_end)))
    assert num_parts > 20
    assert divided == whole
    assert len(whole) == 300


@pytest.mark.usefixtures("small_parts")
def test_a_byte_order_mark_before_a_quote_and_blank_lines_do_no_harm(write: Write):
    text = "\ufeff" + '"n","t"\n' + '\n\n"1","a\nb"\n' * 50
    whole, divided, num_parts = rows_of(write(text))
    assert (divided, len(whole)) == (whole, 50)
    assert num_parts > 2


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text('a",\n ', max_size=12), st.text('b"\n;', max_size=12)), min_size=20, max_size=60)
)
def test_parts_hold_all_rows_of_any_quoted_cells(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path.write_text("\n".join(["a,b", *quoted, ""]), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_parts, "PART_BYTES", 50)
        patch.setattr(file_parts, "SCAN_BYTES", 13)
        whole, divided, _ = rows_of(path, separator=",", quote='"', header=True)
    assert divided == whole
    assert [tuple(row.values()) for row in whole] == rows


@pytest.mark.usefixtures("small_parts")
def test_a_quote_in_the_middle_of_a_cell_keeps_the_file_whole(write: Write):
    whole, divided, num_parts = rows_of(write("size,name\n" + '5" pipe,"two\nlines"\n' * 50))
    assert num_parts == 1
    assert divided == whole
    assert len(whole) == 50


@pytest.mark.usefixtures("small_parts")
def test_files_without_quotes_are_divided_at_line_ends(write: Write):
    whole, divided, num_parts = rows_of(write("a\tb\n" + 'x "y\t1\n' * 50, "t.tsv"), quote="")
    assert num_parts > 2
    assert divided == whole


@pytest.mark.usefixtures("small_parts")
def test_json_lines_are_divided_and_errors_name_the_line_of_the_file(write: Write):
    lines = ['{"a": "x\\ny", "b": 1}\n'] * 50
    whole, divided, num_parts = rows_of(write("".join(lines), "t.jsonl"))
    assert num_parts > 5
    assert divided == whole
    lines[40] = f"[{CANARY}]\n"
    source = find_source(write("".join(lines[:30]), "t.jsonl"))
    write("".join(lines), "t.jsonl")
    with pytest.raises(DataError, match="line 41: not a JSON object"):
        [list(read_file_part(source, part)) for part in divide_files(source)]


@pytest.mark.usefixtures("small_parts")
def test_a_ragged_row_of_a_later_part_is_told_by_its_line_in_the_file(write: Write):
    path = write("a,b\n" + "1,2\n" * 200 + "1,2,3\n" + "1,2\n" * 200)
    source = find_source(path)
    with pytest.raises(DataError, match="line 202: 3 cells"):
        [list(read_file_part(source, part)) for part in divide_files(source)]


@pytest.mark.usefixtures("small_parts")
def test_row_groups_of_parquet_are_parts(tmp_path: Path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": list(range(1000))}), path, row_group_size=100)
    whole, divided, num_parts = rows_of(path)
    assert num_parts == 10
    assert divided == whole


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst"])
def test_compressed_files_are_whole(write: Write, name: str):
    text = ("a,b\n" + "1,2\n" * 200).encode()
    packed = pa.compress(text, "gzip" if name.endswith("gz") else "zstd", asbytes=True)
    assert rows_of(write(packed, name))[2] == 1


@pytest.mark.usefixtures("small_parts")
def test_utf_16_is_whole(write: Write):
    assert rows_of(write(("a,b\n" + "1,2\n" * 200).encode("utf-16")))[2] == 1
