"""How a table is written is found over the file, obeyed where it is declared, and told in one sentence."""

import datetime
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pytest

from ss_ray.errors import DataError
from ss_ray.tables.arrow_messages import batch_sizes
from ss_ray.tables.dialect import DeclaredDialect, describe_reading
from ss_ray.tables.files import find_source, read_blocks
from tests.tables.rows import read_all

Write = Callable[..., Path]
CANARY = "SECRET-4711"
PEOPLE = [{"name": "Zoé", "paid": "1,5"}, {"name": "Jörg", "paid": "22,75"}]


def told(path: Path) -> str:
    source = find_source(path)
    return describe_reading(path.name, source.format, source.dialect)


def read_declared(path: Path, **declared: object) -> list[dict[str, str]]:
    source = find_source(path, declared=DeclaredDialect(**declared))  # type: ignore[arg-type]
    return [row for file in source.files for block in read_blocks(source, file) for row in block.to_pylist()]


def blocks_of(path: Path, max_bytes: int) -> Iterator[pa.Table]:
    source = find_source(path, max_bytes=max_bytes)
    return read_blocks(source, source.files[0])


@pytest.mark.parametrize(
    ("text", "separator", "rows"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";", [["1,5", "2,5"], ["3,5", "4,5"]]),
        ("a\tb\nhi, you, there\tx\nyes; no | or\ty\n", "\t", [["hi, you, there", "x"], ["yes; no | or", "y"]]),
        ("a|b\n1,2|x\n3,4|y\n", "|", [["1,2", "x"], ["3,4", "y"]]),
        ('a;b\n"x;y";"1;2"\n"p";q\n', ";", [["x;y", "1;2"], ["p", "q"]]),
        ("a,b\nx;y;z,1\np;q;r,2\n", ",", [["x;y;z", "1"], ["p;q;r", "2"]]),
        ("n;name, first;x\n1;Meier, Al;p\n2;Kurz, Bo;q\n", ";", [["1", "Meier, Al", "p"], ["2", "Kurz, Bo", "q"]]),
        ("note\nI like it, yes\nno\nso, so, so; la\n", "\x1f", [["I like it, yes"], ["no"], ["so, so, so; la"]]),
        ("price\n1,5\n2,7\n", "\x1f", [["1,5"], ["2,7"]]),
        ("sep=;\na;b\n1;2\n", ";", [["1", "2"]]),
        ('"sep=\t"\r\na\tb\r\n1\t2\r\n', "\t", [["1", "2"]]),
        ("# exported, by; us\n# twice\na;b\n1;2\n", ";", [["1", "2"]]),
        ("#a\tb\nx\t2\ny\t3\n", "\t", [["x", "2"], ["y", "3"]]),
        ("'a','b'\n'x, y','1'\n'z','2'\n", ",", [["x, y", "1"], ["z", "2"]]),
        ('a\tb\n5" x 3"\t1\n"q" r\t2\n', "\t", [['5" x 3"', "1"], ['"q" r', "2"]]),
        ('a\tb\n"never closed\tx\nplain\ty\n', "\t", [['"never closed', "x"], ["plain", "y"]]),
        ('a;b\r\n"two\r\nlines";1\r\nx;2', ";", [["two\r\nlines", "1"], ["x", "2"]]),
        ("a;b\r1;2\r3;4\r", ";", [["1", "2"], ["3", "4"]]),
    ],
)  # fmt: skip
def test_the_separator_is_found_over_the_rows(write: Write, text: str, separator: str, rows: list[list[str]]):
    path = write(text)
    assert find_source(path).dialect.separator == separator
    assert [list(row.values()) for row in read_all(path).to_pylist()] == rows


def test_cells_decide_where_several_separators_divide_all_rows_alike(write: Write):
    numbers = find_source(write("1,5;2,5\n3,5;4,5\n"), declared=DeclaredDialect(header=False))
    assert (numbers.dialect.separator, numbers.dialect.decimal) == (";", ",")
    names = find_source(write("n;last, first, middle\n1;Berg, Anna, Eva\n2;Lund, Bo, Max\n"))
    assert names.names == ("n", "last, first, middle")


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("a;b\n1,5;x\n22,75;y\n", ","),
        ("a;b\n1.234,50 €;x\n22,75 €;y\n", ","),
        ("a;b\n1.234.567;x\n5;y\n", ","),
        ('a,b\n"1,234.5",x\n7.25,y\n', "."),
        ("a;b\n1,234;1\n5,678;2\n", None),
        ("a;b\n1,5;1.5\n2,5;2.5\n", None),
        ("a;b\n12.03.2024;x\n13.03.2024;y\n", None),
        ("a;b\nversion 1.5;1\nhello, 1.7;2\n", None),
    ],
)
def test_the_decimal_mark_is_found_over_the_columns_of_numbers(write: Write, text: str, decimal: str | None):
    assert find_source(write(text)).dialect.decimal == decimal


@pytest.mark.parametrize(
    ("encoding", "mark", "told_as"),
    [
        ("utf8", b"", "UTF-8"),
        ("utf8", b"\xef\xbb\xbf", "UTF-8"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16-LE"),
        ("utf-16-be", b"", "UTF-16-BE"),
        ("cp1252", b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("name", ["table.csv", "table.txt.gz", "table.jsonl"])
def test_the_encoding_is_found_and_told(write: Write, name: str, encoding: str, mark: bytes, told_as: str):
    text = "name;paid\r\nZoé;1,5\r\nJörg;22,75\r\n"
    if name.endswith("jsonl"):
        text = '{"name": "Zoé", "paid": "1,5"}\n{"name": "Jörg", "paid": "22,75"}\n'
    content = mark + text.encode(encoding)
    path = write(gzip.compress(content) if name.endswith("gz") else content, name)
    assert read_all(path).to_pylist() == PEOPLE
    assert told_as in told(path)


def test_bytes_that_windows_1252_lacks_are_latin_1(write: Write):
    assert find_source(write(b"a,b\n\x81\xe9,1\n")).dialect.encoding == "latin1"


def test_a_letter_beyond_ascii_far_down_the_file_decides_its_encoding(write: Write):
    path = write(b"name,n\n" + b"Bo,1\n" * 2_000_000 + "Zoé,2\n".encode("cp1252"))
    assert find_source(path).dialect.encoding == "cp1252"
    assert read_all(path).column("name")[-1].as_py() == "Zoé"


def test_another_script_is_refused_and_read_when_declared(write: Write):
    path = write("имя,город\nАнна,Москва\nБорис,Казань\n".encode("cp1251"))
    with pytest.raises(DataError, match=r"set data\.encoding .* 'cp1251'"):
        find_source(path)
    assert read_all(path, "cp1251").to_pylist()[0] == {"имя": "Анна", "город": "Москва"}


def test_shards_of_different_encodings_are_refused(write: Write):
    folder = write("a,b\né,1\n", "shards/1.csv").parent
    write("a,b\né,1\n".encode("cp1252"), "shards/2.csv")
    with pytest.raises(DataError, match=r"1\.csv is UTF-8, 2\.csv is cp1252"):
        find_source(folder)


def test_a_declared_dialect_is_obeyed(write: Write):
    path = write("a,b;c\n1,2;3\n")
    assert read_declared(path, separator=",") == [{"a": "1", "b;c": "2;3"}]
    assert read_declared(write('a,b\n"x",2\n'), quote="") == [{"a": '"x"', "b": "2"}]
    assert find_source(path, declared=DeclaredDialect(decimal=",")).dialect.decimal == ","


def test_a_file_without_a_header_is_refused_and_read_when_declared(write: Write):
    path = write(f"39, State-gov,{CANARY}@x.org\n50, Self-emp,b@y.org\n")
    with pytest.raises(DataError, match=r"looks like data.*data\.header to false") as caught:
        find_source(path)
    assert CANARY not in str(caught.value)
    assert read_declared(path, header=False)[1] == {"column_1": "50", "column_2": " Self-emp", "column_3": "b@y.org"}
    assert list(read_declared(path, header=True)[0]) == ["39", " State-gov", f"{CANARY}@x.org"]


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5,6\n",
        "Anna,34\nBert,51\n",
        "Germany,2019\nFrance,2001\n",
        "2020-01-05,7\n2020-01-06,9\n",
        "5,NA,x\n1,2,y\n",
    ],
)
def test_a_first_line_of_the_kinds_of_its_columns_is_data(write: Write, text: str):
    with pytest.raises(DataError, match="looks like data"):
        find_source(write(text))


@pytest.mark.parametrize(
    "text",
    [
        "sensor,2024-01-01,2024-02-01\n0,52.7,40.6\n1,50.6,60.1\n",
        "country,2019,2020\nFrance,12.5,99\nSpain,1.5,7\n",
        "item,1,2,3\nx,4,5,6\ny,7,8,9\n",
        "name,town\nAnna,Bonn\nBert,Ulm\n",
        "34 or more,b\n5,6\n",
    ],
)
def test_dates_years_and_numbers_may_be_names(write: Write, text: str):
    assert list(find_source(write(text)).names) == text.split("\n")[0].split(",")


@pytest.mark.parametrize(
    ("text", "names", "phrase"),
    [
        (",a,b\n0,x,y\n1,z,w\n", ("a", "b"), "dropped the index column without a name (column 1)"),
        ("Unnamed: 0,a\n5,x\n2,z\n", ("a",), 'dropped the index column "Unnamed: 0" (column 1)'),
        (",Unnamed: 0,a\n0,0,x\n1,1,z\n", ("a",), '"Unnamed: 0" (column 2)'),
        ('"a" "b"\n'.replace(" ", ",") + '"1",x,y\n"2",z,w\n', ("a", "b"), "dropped the index column without a name"),
        ("a,b,\n1,2,\n3,4,\n", ("a", "b"), "dropped the empty column without a name (column 3)"),
        ("a,b,,\n1,2,,\n3,4,,\n", ("a", "b"), "(column 4)"),
        ("a,b\n1,2,\n3,4,\n", ("a", "b"), "(column 3)"),
        ("a,b,\n1,2\n3,4\n", ("a", "b"), "UTF-8"),
    ],
)
def test_row_numbers_and_trailing_separators_are_dropped_and_told(
    write: Write, text: str, names: tuple[str, ...], phrase: str
):
    path = write(text)
    assert find_source(path).names == names
    assert phrase in told(path)
    assert read_all(path).column_names == list(names)
    assert read_all(path).num_rows == 2


def test_a_dropped_column_with_a_late_value_is_refused(write: Write):
    path = write("a,b,\n" + "1,2,\n" * 300_000 + f"1,2,{CANARY}\n")
    with pytest.raises(DataError, match="no name for column 3, and that column has values") as caught:
        read_all(path)
    assert CANARY not in str(caught.value)


def test_a_name_without_numbers_below_is_no_index(write: Write):
    with pytest.raises(DataError, match="no name for column 1"):
        find_source(write(",a\nMazda,1\nFiat,2\n"))


def test_a_ragged_row_is_told_by_its_line_and_both_counts(write: Write):
    text = 'a;b\n"two\nlines";2\n' + "1;2\n" * 200_000 + f"1;2;{CANARY}\n"
    with pytest.raises(DataError, match=r"table\.csv, line 200004: 3 cells where the header has 2") as caught:
        read_all(write(text))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "t.csv.zst", "t.tsv.gz", "t.jsonl.zst"])
def test_names_of_text_tables(write: Write, name: str):
    text = '{"a": "1", "b": "x"}\n' if "jsonl" in name else "a\tb\n1\tx\n"
    packed = {"gz": gzip.compress(text.encode()), "zst": pa.compress(text.encode(), "zstd", asbytes=True)}
    assert read_all(write(packed.get(name.rpartition(".")[2], text.encode()), name)).to_pylist() == [
        {"a": "1", "b": "x"}
    ]


def test_a_note_beside_tables_is_no_shard(write: Write):
    folder = write("a,b\n1,2\n", "shards/1.csv").parent
    write("This table, made by us", "shards/README.txt")
    assert read_all(folder).to_pylist() == [{"a": "1", "b": "2"}]


def test_the_sentence_of_a_table_with_much_to_tell(write: Write):
    path = write("#x\n;a\n0;1,5\n1;2,5\n".encode("utf-16"))
    assert told(path) == (
        'table.csv: CSV, separator ";", decimal comma, UTF-16; skipped 1 line above the header; dropped the index '
        "column without a name (column 1)"
    )


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [("a;b;c", ("a", "b", "c"), 0), ("a;b\n", ("a", "b"), 0), ("a\n", ("a",), 0), ("a,b\n1,2", ("a", "b"), 1)],
)
def test_short_files(write: Write, text: str, names: tuple[str, ...], rows: int):
    assert find_source(write(text)).names == names
    assert read_all(write(text)).num_rows == rows


def test_columns_of_json_objects_or_lists_are_found_and_told(write: Write):
    text = 'n;home;span;tags\n1;{"zip": "1"};[0, 5];["a"]\n2;{"zip": "2", "x": [1]};[5, 9];[]\n3;;;\n'
    path = write(text)
    assert find_source(path).dialect.json_columns == ("home", "tags")
    assert told(path).endswith('read the JSON in "home", "tags" as text')


def excel(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_of_excel_are_spelled_as_an_export_spells_them(tmp_path: Path):
    day = datetime.datetime(2024, 5, 1)
    path = excel(
        tmp_path / "t.xlsx",
        Data=[
            [None, "n", "share", "day", "at", "ok", "note"],
            [0, 3.0, 0.1 + 0.2, day.date(), day.replace(hour=8), True, "007"],
            [1, 12345678901, -1.5, day.date(), datetime.time(9, 30), False, None],
        ],
    )
    assert read_all(path).to_pylist() == [
        {"n": "3", "share": "0.3", "day": "2024-05-01", "at": "2024-05-01 08:00:00", "ok": "True", "note": "007"},
        {"n": "12345678901", "share": "-1.5", "day": "2024-05-01", "at": "09:30:00", "ok": "False", "note": None},
    ]
    assert told(path).startswith('t.xlsx: Excel, sheet "Data", decimal point; dropped the index column')


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path):
    path = excel(tmp_path / "t.xlsx", Empty=[], May=[["a", "b"], ["x", 1]], June=[["a", "b"], ["y", 2]])
    assert read_all(path).to_pylist() == [{"a": "x", "b": "1"}]
    assert read_all(Path(f"{path}#June")).to_pylist() == [{"a": "y", "b": "2"}]
    with pytest.raises(DataError, match=r"has no sheet 'July'; it has 'Empty', 'May', 'June'"):
        find_source(f"{path}#July")


def test_a_row_of_excel_beyond_the_header_is_refused(tmp_path: Path):
    path = excel(tmp_path / "t.xlsx", A=[["a", "b"], *[["x", 1]] * 1200, ["x", 1, CANARY]])
    with pytest.raises(DataError, match="row 1202: 3 cells where the header has 2") as caught:
        read_all(path)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("content", ["no zip", b"PK\x03\x04", b""])
def test_a_file_that_only_ends_in_xlsx_is_refused(write: Write, content: str | bytes):
    with pytest.raises(DataError, match="not a readable Excel file"):
        find_source(write(content, "t.xlsx"))


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_is_read_with_its_types(tmp_path: Path, compression: str):
    table = pa.table({"n": pa.array([1, None], pa.int16()), "d": pa.array([0, 1], pa.date32()), "t": ["a", "b"]})
    pyarrow.feather.write_feather(table, tmp_path / "t.feather", compression=compression)
    assert read_all(tmp_path / "t.feather").equals(table)
    assert told(tmp_path / "t.feather") == "t.feather: Arrow"


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_the_unpacked_size_of_arrow_is_known_before_it_is_unpacked(tmp_path: Path, compression: str):
    table = pa.table({"n": list(range(10_000)), "t": pa.array(["x" * 50] * 10_000), "e": pa.nulls(10_000)})
    pyarrow.feather.write_feather(table, tmp_path / "t.feather", compression=compression, chunksize=4_000)
    with pa.OSFile(str(tmp_path / "t.feather")) as stream:
        sizes = list(batch_sizes(stream))
    assert [rows for rows, _ in sizes] == [4_000, 4_000, 2_000]
    assert sum(num_bytes for _, num_bytes in sizes) == pytest.approx(table.nbytes, rel=0.01)
    assert sum(b.num_rows for b in blocks_of(tmp_path / "t.feather", max_bytes=table.nbytes + 20_000)) == 10_000
    with pytest.raises(DataError, match="holds more than"):
        list(blocks_of(tmp_path / "t.feather", max_bytes=table.nbytes - 20_000))


def test_both_formats_of_arrow_are_read_and_others_refused(tmp_path: Path, write: Write):
    table = pa.table({"c": pa.array(["x", "y"]).dictionary_encode()})
    with pa.OSFile(str(tmp_path / "s.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert read_all(tmp_path / "s.arrow").to_pylist() == [{"c": "x"}, {"c": "y"}]
    with pytest.raises(DataError, match="not a readable Arrow or Feather file"):
        find_source(write(CANARY, "x.arrow"))


def test_a_nested_column_is_refused_by_its_name(tmp_path: Path):
    path = tmp_path / "t.feather"
    pyarrow.feather.write_feather(pa.table({"home": [{"zip": "1"}]}), path)
    with pytest.raises(DataError, match=r"column 'home' holds nested values; give each of its fields a column"):
        read_all(path)
