"""From the text of a file to typed values and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.tables.spellings.dates import DAY_FORMATS, PERIOD_FORMATS, TIME_FORMATS, format_dates
from tests.examples import examples
from tests.tables.rows import column_of, round_trip, round_trip_cells, schema_of, text_column


def csv_of(*cells: str, header: str = "x,y") -> str:
    return f"{header}\n" + "".join(f"{cell},row\n" for cell in cells)


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "-5", "0", "9223372036854775807", "-9223372036854775808"),
        ("0.10", "12.00", "-3.25"),
        ("1.5", "12.0", "-3.25"),
        ("1.5", "2", "-3.25"),
        ("0.1234567890123", "12.0"),
        ("1e-308", "1.5e+300", "-2e-7"),
        ("true", "false", ""),
        ("True", "False", "True"),
        ("TRUE", "FALSE", ""),
        ("007", "012", "1234"),
        ("12345678901234567890", "1"),
        ("1.5", "12345678901234567"),
        ('""', "", "a"),
        ("NA", "?", "a"),
        ("Zoë", "東京", "🙂 x"),
        ('"a,b"', '"say ""hi"""', '"two\nlines"'),
        ('" padded "', "x", "y"),
        ("2020-02-29", "", "1999-12-31"),
        ("", "", ""),
    ],
    ids=str,
)
def test_text_comes_back_as_it_was(cells: tuple[str, ...], tmp_path: Path):
    text = csv_of(*cells)
    assert round_trip(text, tmp_path / "table.csv") == text


@pytest.mark.parametrize("word", ["NA", "NaN", "?", '""', " "])
@pytest.mark.parametrize("value", ["1", "2.50", "true", "2020-01-31", "2020-01-31 10:00:00"])
def test_missing_words_among_typed_values_come_back_as_they_were(word: str, value: str, tmp_path: Path):
    expected = word if word.strip(' "') else ""
    assert round_trip(csv_of(value, word, value), tmp_path / "table.csv") == csv_of(value, expected, value)


DATETIME_FORMATS = [
    f"{day}{separator}{time}{zone}"
    for day in ("%Y-%m-%d", "%-m/%-d/%Y", "%d.%m.%Y")
    for separator in (" ", "T")
    for time in TIME_FORMATS
    for zone in ("", "Z", "+02:00")
    if not (zone == "Z" and "p" in time)
]


@pytest.mark.parametrize("format_", [*DAY_FORMATS, *PERIOD_FORMATS, *DATETIME_FORMATS])
def test_times_of_every_format_come_back_as_they_were(format_: str):
    times = np.array(["1987-01-05T00:07:00.000120", "2024-12-28T23:59:59.999999"], "datetime64[us]")
    cells = format_dates(times.astype("datetime64[ns]") if "%9f" in format_ else times, format_)
    column = column_of(*cells)
    assert column.kind == ("datetime" if format_ in DATETIME_FORMATS else "date")
    assert round_trip_cells(*cells) == cells


def test_names_and_cells_are_quoted_only_where_they_must_be(tmp_path: Path):
    text = 'first name,"a,b",class\nx,"1,5",\n"q""q",y,z\n'
    assert round_trip(text, tmp_path / "table.csv") == text


def test_wide_tables_come_back_as_they_were(tmp_path: Path):
    names = ",".join(f"c{i}" for i in range(300))
    rows = "\n".join(",".join(str(i * j) for i in range(300)) for j in range(3))
    assert round_trip(f"{names}\n{rows}\n", tmp_path / "table.csv") == f"{names}\n{rows}\n"


def test_mixed_types_stay_text():
    assert column_of("1", "x", "2020-01-01", "1.5").arrow_type == "string"


@given(st.lists(st.text(st.characters(exclude_characters="\r\0", codec="utf8"), max_size=6), min_size=2, max_size=8))
@examples(40)
def test_any_text_of_a_text_column_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, cells: list[str]):
    path = tmp_path_factory.mktemp("cells") / "table.csv"
    quoted = [f"«{cell}".replace('"', '""') for cell in cells]  # the mark keeps it text
    again = round_trip("x,y\n" + "".join(f'"{cell}",row\n' for cell in quoted), path)
    expected = "".join(
        f'"{cell}",row\n' if any(c in cell for c in '",\n') or cell[-1].isspace() else f"{cell},row\n"
        for cell in quoted
    )
    assert again.replace('"', "") == f"x,y\n{expected}".replace('"', "")


def test_schema_does_not_know_where_a_column_of_codes_was_numeric_at_first():
    assert schema_of(text_column("1", "2", "03"))["x"].kind == "text"
