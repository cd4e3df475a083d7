"""Tables of every library go in and come back with their types, without Ray and without a model."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.python.frame_form import FrameForm
from ss_ray.python.rows_in import write_source
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

ROWS = 60
DAY = pd.Timestamp("2024-03-01")


def pandas_columns() -> dict[str, Any]:
    """A column of every dtype that people have."""
    drawn = np.random.default_rng(3)
    numbers = drawn.integers(0, 50, ROWS)
    days = DAY + pd.to_timedelta(numbers, unit="D")
    words = drawn.choice(["a", "b", "c"], ROWS)
    return {
        "ordered": pd.Categorical(words, categories=["c", "a", "b"], ordered=True),
        "codes": pd.Categorical(numbers % 3),
        "dated": pd.Categorical(DAY + pd.to_timedelta(numbers % 3, unit="D")),
        "Int64": pd.array([None, *numbers[1:]], dtype="Int64"),
        "int8": numbers.astype("int8"),
        "uint16": numbers.astype("uint16"),
        "Float32": pd.array([None, *numbers[1:] / 7], dtype="Float32"),
        "float16": (numbers / 4).astype("float16"),
        "boolean": pd.array([None, *(numbers[1:] > 20)], dtype="boolean"),
        "bool": numbers > 20,
        "string": pd.array([None, *words[1:]], dtype="string"),
        "string[python]": pd.array(words, dtype="string[python]"),
        "string[pyarrow]": pd.array(words, dtype="string[pyarrow]"),
        "str": pd.array(words, dtype="str"),
        "object": words.astype(object),
        "zoned": days.tz_localize("Europe/Berlin"),
        "seconds": days.astype("datetime64[s]"),
        "nanoseconds": days.astype("datetime64[ns]"),
        "timedelta": pd.to_timedelta(numbers, unit="min"),
        "date": [dt.date(2024, 1, 1 + int(number) % 9) for number in numbers],
        "time": [dt.time(int(number) % 24, 5) for number in numbers],
        "arrow integer": pd.array(numbers, dtype="int64[pyarrow]"),
        "arrow time": pd.Series(days.tz_localize("UTC")).astype(pd.ArrowDtype(pa.timestamp("us", "UTC"))),
        "string dates": pd.Series([None, *days[1:].strftime("%d.%m.%Y")], dtype=object),
        "string times": pd.array(days.strftime("%Y-%m-%dT%H:%M:%S"), dtype="string"),
        "categorical dates": pd.Categorical(np.where(numbers > 20, "2024-03-01", "2023-11-30")),
        "arrow text": pd.array(words, dtype=pd.ArrowDtype(pa.string())),
    }


def passed(data: Any, folder: Path, *, stored: bool = False) -> tuple[Any, TableSchema]:
    """Rows written, typed as the pipeline types them, and given back; with `stored` by a form that was saved."""
    source, form = write_source(data, folder)
    rows = pq.read_table(source)
    declared = {name: ColumnParameters(kind="category") for name in form.coded_categories}
    schema = infer_schema(table_facts(rows), declared, is_text=False, min_rows=1, decimal=".")
    if stored:
        form = FrameForm.from_json(json.loads(json.dumps(form.to_json())))
    return form.restore(type_table(rows, schema), schema), schema


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "saved"])
@pytest.mark.parametrize("name", pandas_columns())
def test_a_column_of_pandas_keeps_dtype_and_values(name: str, stored: bool, tmp_path: Path) -> None:
    frame = pd.DataFrame({name: pandas_columns()[name], "other": range(ROWS)})
    back, _ = passed(frame, tmp_path, stored=stored)
    pd.testing.assert_frame_equal(back, frame)


def test_strings_that_are_dates_of_one_format_are_learned_as_dates(tmp_path: Path) -> None:
    frame = pd.DataFrame({name: pandas_columns()[name] for name in ("string dates", "string times", "string")})
    frame["digits"] = [f"{number:05}" for number in range(ROWS)]
    frame["clock"] = [f"{number % 9:02}:15" for number in range(ROWS)]
    _, schema = passed(frame, tmp_path)
    kinds = {column.name: column.kind.value for column in schema.columns}
    assert kinds == {
        "string dates": "date",
        "string times": "datetime",
        "string": "category",
        "digits": "identifier",
        "clock": "category",
    }


def test_the_index_is_no_column_and_labels_stay_what_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame({7: range(ROWS), "x": 1.5}, index=[f"person {number}" for number in range(ROWS)])
    back, schema = passed(frame, tmp_path)
    assert schema.source_names == ("7", "x")
    assert list(back.columns) == [7, "x"]


def test_polars_keeps_enumerations_zones_and_small_integers(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "size": pl.Series(["s", "m", "l"] * 20, dtype=pl.Enum(["s", "m", "l"])),
            "colour": pl.Series(["red", "blue", None] * 20, dtype=pl.Categorical),
            "small": pl.Series(range(ROWS), dtype=pl.Int8),
            "seen": pl.Series([dt.datetime(2024, 1, 1, number % 24) for number in range(ROWS)]).dt.replace_time_zone(
                "Europe/Rome"
            ),
            "wait": [dt.timedelta(minutes=number) for number in range(ROWS)],
            "at": [dt.time(number % 24) for number in range(ROWS)],
        }
    )
    back, _ = passed(frame, tmp_path)
    assert back.equals(frame)
    assert back.schema == frame.schema
    lazy, _ = passed(frame.lazy().filter(pl.col("small") < 50), tmp_path)
    assert len(pa.table(lazy)) == 50


def test_arrow_tables_readers_and_batches_keep_their_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["x", "y", None] * 20, pa.large_string()),
            "code": pa.array(["u", "v", "w"] * 20).dictionary_encode(),
            "wait": pa.array(range(ROWS), pa.duration("s")),
            "clock": pa.array(range(ROWS), pa.time32("s")),
        }
    )
    for given in (table, table.to_reader(max_chunksize=7), table.combine_chunks().to_batches()[0]):
        back, _ = passed(given, tmp_path)
        assert back.schema.types == table.schema.types
        assert back.to_pylist() == table.to_pylist()


def test_a_relation_of_duckdb_comes_back_as_one(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select i % 3 as code, date '2024-01-01' + i::int as day from range(60) t(i)")
    back, _ = passed(relation, tmp_path)
    assert isinstance(back, duckdb.DuckDBPyRelation)
    assert back.fetchall() == relation.fetchall()


def test_a_dataset_of_hugging_face_gives_the_rows_that_it_selects(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    every = datasets.Dataset.from_dict({"number": list(range(ROWS)), "word": ["a", "b", "c"] * 20})
    back, _ = passed(every.select(range(10, 40)), tmp_path)
    assert isinstance(back, datasets.Dataset)
    assert back["number"][:] == list(range(10, 40))


def test_a_path_is_used_where_it_is_and_gives_a_table_of_arrow(tmp_path: Path) -> None:
    source, form = write_source(tmp_path / "people.csv", tmp_path)
    assert source == str(tmp_path / "people.csv")
    schema = infer_schema(
        table_facts(pa.table({"age": ["34", "35"], "wait": ["0:10", "0:20"]})),
        {},
        is_text=True,
        min_rows=1,
        decimal=".",
    )
    typed = type_table(pa.table({"age": ["34", "35"], "wait": ["0:10", "0:20"]}), schema)
    assert form.restore(typed, schema).to_pydict() == {"age": [34, 35], "wait": ["0:10", "0:20"]}


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    """The privacy ledger knows a table without a name by its bytes."""
    frame = pd.DataFrame(pandas_columns())
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        files.append(Path(write_source(frame.copy(), tmp_path / name)[0]).read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_type_does_not_release_values_that_were_held_back(library: str, tmp_path: Path) -> None:
    words = ["common", "usual"] * 29 + ["only Zyzzo", "usual"]
    names = sorted({*words, "never seen"})
    pandas_column = pd.Categorical(words, categories=names)
    frame = {
        "pandas": lambda: pd.DataFrame({"word": pandas_column}),
        "polars": lambda: pl.DataFrame({"word": pl.Series(words, dtype=pl.Enum(names))}),
    }[library]()
    source, form = write_source(frame, tmp_path)
    kept = pq.read_table(source).slice(0, 50)
    schema = infer_schema(table_facts(kept), {}, is_text=False, min_rows=1, decimal=".")
    back = form.restore(type_table(kept, schema), schema)
    dtype = back.dtypes["word"] if library == "pandas" else back.schema["word"]
    assert list(dtype.categories) == ["common", "usual"]


SECRET = "Zyzzogeton"


@pytest.mark.parametrize(
    "value",
    [
        {"name": [SECRET]},
        [{"name": SECRET}],
        pd.Series([SECRET]),
        pl.Series([SECRET]),
        pa.chunked_array([[SECRET]]),
        np.array([[SECRET]]),
        SECRET * 1000,
        f"name,age\n{SECRET},1",
        object(),
        None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_table_is_refused_without_being_shown(value: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_source(value, tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"mixed": [SECRET, 1]}), "column 'mixed' .dtype object. has cells of several types"),
        (pd.DataFrame({"whole": [complex(1)]}), "column 'whole' .dtype complex128."),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns have the name 'a'"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "two columns have the name '1'"),
    ],
)
def test_a_column_that_arrow_cannot_hold_is_named(frame: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        write_source(frame, tmp_path)
    assert SECRET not in str(caught.value)


def test_stand_ins_stay_texts_in_a_column_of_numbers(tmp_path: Path) -> None:
    _, form = write_source(pd.DataFrame({"phone": [1, 2, 3], "age": [4, 5, 6]}), tmp_path)
    made = pa.table({"phone": ["[phone]", "[phone]", "x"], "age": [4, 5, 6]})
    schema = infer_schema(table_facts(made), {}, is_text=False, min_rows=1, decimal=".")
    back = form.restore(made, schema)
    assert back["phone"].tolist() == ["[phone]", "[phone]", "x"]
    assert back["age"].dtype == "int64"
