import datetime

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.report.tables import (
    SHOWN_CHARACTERS,
    SHOWN_COLUMNS,
    SHOWN_ROWS,
    quantile_rows,
    spell_value,
    take_first_rows,
    text_lengths,
)
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def test_ten_rows_are_shown_as_the_csv_spells_them(fresh, schema):
    found = take_first_rows(fresh, schema)
    assert len(found.rows) == SHOWN_ROWS
    first = dict(zip(found.names, found.rows[0], strict=True))
    assert first["id"] == "3-0"
    assert first["joined"] == str(fresh["joined"].iloc[0])
    assert any(cell is None for row in take_first_rows(fresh[fresh["city"].isna()], schema).rows for cell in row)


def test_long_texts_and_wide_tables_are_cut():
    frame = pd.DataFrame({"t": ["word " * 200]} | {f"n{i}": [1.0] for i in range(60)})
    schema = make_schema(t=Kind.TEXT, **{f"n{i}": Kind.FLOAT for i in range(60)})
    found = take_first_rows(frame, schema)
    assert len(found.names) == SHOWN_COLUMNS
    assert found.hidden_columns == 61 - SHOWN_COLUMNS
    assert found.rows[0][0].endswith("… (1,000 characters)")
    assert len(found.rows[0][0]) < SHOWN_CHARACTERS + 30


def test_quantiles_stand_side_by_side():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(101)]
    frame = pd.DataFrame({"n": np.arange(101.0), "d": days, "c": ["x"] * 101})
    columns = scored_columns(frame, make_schema(n=Kind.FLOAT, d=Kind.DATE, c=Kind.CATEGORY), max_columns=3, seed=0)
    tables = {"real": prepare(frame, columns), "synthetic": prepare(frame.head(0), columns)}
    rows = quantile_rows(tables, columns)
    assert [(row.column, row.table) for row in rows] == [("n", "real"), ("d", "real")]  # nothing of an empty table
    assert rows[0].cells == ("1", "5", "25", "50", "75", "95", "99")
    assert rows[1].cells[3] == "2024-02-20"


def test_lengths_of_texts_leave_missing_texts_out():
    frame = pd.DataFrame({"t": ["abc", None, "abcde"], "n": [1.0, 2.0, 3.0]})
    lengths = text_lengths(frame, make_schema(t=Kind.TEXT, n=Kind.FLOAT))
    assert [column.name for column in lengths.columns] == ["t"]
    assert np.nansum(lengths.values["t"]) == 8.0
    assert np.isnan(lengths.values["t"][1])


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(1234567.0, Kind.FLOAT, "1,234,567"), (0.5, Kind.DATETIME, "1970-01-01 12:00:00"), (-3.0, Kind.INTEGER, "-3")],
)
def test_values_are_spelled_for_people(value, kind, text):
    assert spell_value(value, kind) == text
