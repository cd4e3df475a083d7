"""Reading sources: what is understood, what is refused, and that no refusal repeats a cell."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.errors import ConfigError, DataError
from ss_ray.tables import files
from ss_ray.tables import json_lines as json_reader
from ss_ray.tables.files import file_digest, find_source, read_blocks, source_state
from tests.tables.rows import read_all

Write = Callable[..., Path]
CANARY = "SECRET-4711"


def json_lines(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_csv_cells_are_strings_as_written_and_empty_ones_are_missing(write: Write):
    table = read_all(write('first name,class\n007,\n"",x\n'))
    assert table.to_pydict() == {"first name": ["007", ""], "class": [None, "x"]}


def test_embedded_newlines_quotes_and_separators_stay_in_their_cell(write: Write):
    assert read_all(write('a,b\n"x\ny","say ""hi"", ok"\n')).to_pylist() == [{"a": "x\ny", "b": 'say "hi", ok'}]


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_byte_order_mark_is_no_part_of_the_first_name(write: Write, name: str):
    text = "a\n1\n" if name.endswith("csv") else '{"a": 1}\n'
    assert read_all(write("\ufeff" + text, name)).to_pydict() == {"a": ["1"]}


def test_windows_line_ends_are_no_part_of_a_cell(write: Write):
    assert read_all(write("a,b\r\n1,2\r\n")).to_pydict() == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("name", ["table.csv.gz", "table.jsonl.gz"])
def test_compressed_files_are_unpacked(write: Write, name: str):
    text = "a\n1\n" if "csv" in name else '{"a": 1}\n'
    assert read_all(write(gzip.compress(text.encode()), name)).to_pydict() == {"a": ["1"]}


@pytest.mark.parametrize("encoding", ["latin1", "cp1252", "utf-16", "UTF-8"])
@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_declared_encoding_is_used(write: Write, name: str, encoding: str):
    text = "name,town\nZoé,Köln\n" if name.endswith("csv") else json_lines({"name": "Zoé", "town": "Köln"})
    assert read_all(write(text.encode(encoding), name), encoding).to_pylist() == [{"name": "Zoé", "town": "Köln"}]


def test_json_numbers_keep_their_spelling(write: Write):
    path = write('{"a": 1.50, "b": 12345678901234567890, "c": true, "d": "007", "e": null, "f": NaN}\n', "t.jsonl")
    assert read_all(path).to_pylist() == [
        {"a": "1.50", "b": "12345678901234567890", "c": "true", "d": "007", "e": None, "f": "NaN"}
    ]


def test_json_keys_may_come_late_and_in_another_file(write: Write):
    folder = write(json_lines({"a": 1}, {"b": 2, "a": 3}), "shards/1.jsonl").parent
    write(json_lines({"c": 4}), "shards/2.jsonl")
    assert read_all(folder).to_pylist() == [
        {"a": "1", "b": None, "c": None},
        {"a": "3", "b": "2", "c": None},
        {"a": None, "b": None, "c": "4"},
    ]


def test_json_key_beyond_the_header_records_is_told_by_its_record_and_not_quoted(
    write: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "HEADER_RECORDS", 2)
    with pytest.raises(DataError, match="record 3: a key does not occur") as caught:
        read_all(write(json_lines({"a": 1}, {"a": 2}, {CANARY: "late"}), "t.jsonl"))
    assert CANARY not in f"{caught.value} {vars(caught.value)}"


def test_json_lines_longer_than_a_block_are_read_in_blocks(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_reader, "BLOCK_ROWS", 2)
    path = write(json_lines(*({"a": i} for i in range(5))), "t.jsonl")
    source = find_source(path)
    assert [block.num_rows for block in files.read_blocks(source, source.files[0])] == [2, 2, 1]


def test_folder_of_shards_is_read_in_order_of_names_without_hidden_files(write: Write):
    folder = write("a\n2\n", "shards/b.csv").parent
    write("a\n1\n", "shards/a.csv")
    write("a\n3\n", "shards/deep/c.csv")
    write("a\n9\n", "shards/_temporary/d.csv")
    write("a\n9\n", "shards/.ipynb_checkpoints/d.csv")
    write("done", "shards/_SUCCESS")
    assert read_all(folder).to_pydict() == {"a": ["1", "2", "3"]}


def test_a_file_that_unpacks_to_more_than_is_taken_is_refused_while_it_is_read(write: Write):
    bomb = write(gzip.compress(b"a\n" + b"0123456789\n" * 100_000), "a.csv.gz")
    source = find_source(bomb, max_bytes=10_000)
    with pytest.raises(DataError, match=r"more than 10,000 bytes"):
        list(read_blocks(source, source.files[0]))


def test_a_record_without_end_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_reader, "LINE_CHARACTERS", 100)
    source = write(b'{"a": 1}\n{"a": "' + b"x" * 200 + b'"}\n', "a.jsonl")
    with pytest.raises(DataError, match=r"line 2: longer"):
        find_source(source)


def test_header_without_rows_gives_no_rows(write: Write):
    assert read_all(write("a,b\n")).num_rows == 0


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "table.csv", "is empty"),
        ("a,a\n1,2\n", "table.csv", "columns of the same name, 1, 2"),
        ("a,,b, \n1,2,3,4\n", "table.csv", "no name for column 2, 4"),
        (f"a,b\n1,2\n{CANARY}\n", "table.csv", "line 3: 1 cells where the header has 2"),
        (f"a,b\n1,2\n1,2,{CANARY}\n", "table.csv", "line 3: 3 cells where the header has 2"),
        ("", "table.jsonl", "has no columns"),
        (f'{{"a": "{CANARY}"}}\n{{"a": "{CANARY}\n', "table.jsonl", "line 2: not a JSON object"),
        (f'["{CANARY}"]\n', "table.json", "line 1: not a JSON object"),
        (json_lines({"a": {"b": CANARY}}), "table.jsonl", "column 1 holds nested values"),
        (json_lines({CANARY: {"b": 1}}), "table.jsonl", "column 1 holds nested values"),
        (json_lines({"a": [CANARY]}, {"a": [1]}), "table.jsonl", "column 'a' holds nested values .lists."),
        (CANARY, "table.parquet", "not a readable Parquet file"),
        (f"PAR1{CANARY}PAR1", "table.parquet", "not a readable Parquet file"),
        (gzip.compress(f"a,b\n{CANARY},2\n".encode() * 99, mtime=0)[:-20], "table.csv.gz", "damaged or incomplete"),
        (
            gzip.compress(json_lines({"a": CANARY}).encode() * 99, mtime=0)[:-20],
            "table.jsonl.gz",
            "damaged or incomplete",
        ),
        (CANARY, "table.csv.gz", "damaged or incomplete"),
        (CANARY, "table.doc", "no CSV, Excel, JSON lines, Parquet or Arrow file"),
    ],
)
def test_unreadable_file_is_refused_without_a_word_of_its_content(
    write: Write, content: str | bytes, name: str, message: str
):
    with pytest.raises(DataError, match=message) as caught:
        read_all(write(content, name))
    assert CANARY not in str(caught.value)


def test_shards_with_other_columns_are_refused(write: Write):
    folder = write("a,b\n1,2\n", "shards/1.csv").parent
    write(f"a,c\n{CANARY},4\n", "shards/2.csv")
    with pytest.raises(DataError, match=r"2\.csv has other columns than 1\.csv"):
        read_all(folder)


def test_folder_of_several_formats_is_refused(write: Write):
    folder = write("a\n1\n", "shards/1.csv").parent
    write(json_lines({"a": 1}), "shards/2.jsonl")
    with pytest.raises(DataError, match="files of several formats"):
        find_source(folder)


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="there is no file or folder"):
        find_source(tmp_path / "none.csv")


def test_unknown_encoding_is_a_config_error(write: Write):
    with pytest.raises(ConfigError, match="no encoding 'utf9'"):
        find_source(write("a\n1\n"), "utf9")


def test_parquet_is_read_with_its_types(tmp_path: Path):
    table = pa.table({"n": pa.array([1, None], pa.int16()), "d": pa.array([0, 1], pa.date32())})
    pq.write_table(table, tmp_path / "table.parquet")
    assert read_all(tmp_path / "table.parquet").equals(table)


def test_digest_and_state_tell_a_changed_file(write: Write):
    path = write("a\n1\n")
    before = file_digest(find_source(path).files[0]), source_state(path)
    write("a\n12\n")
    after = file_digest(find_source(path).files[0]), source_state(path)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert after[1][0][:2] == ("table.csv", 5)
