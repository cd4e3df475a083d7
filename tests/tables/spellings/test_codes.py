"""A few cells that cannot be read are codes, and do not change what a column is."""

import pytest

from ss_ray.tables.cells import type_table
from tests.tables.rows import column_of, round_trip_cells, schema_of, text_column

NUMBERS = [f"{value / 4:.2f}" for value in range(40)]


@pytest.mark.parametrize("code", ["<5", "n.d.", ".", "*", "Unknown", "inf", "#DIV/0!", "nil", "> 100"])
def test_a_code_among_numbers_stays_a_code(code: str):
    cells = [*NUMBERS, code, code]
    schema = schema_of(text_column(*cells))
    assert schema["x"].kind == "float"
    assert schema["x (code)"].values == tuple(sorted(("0.00", code)))
    assert "2 cells, are codes" in schema["x"].reason
    assert round_trip_cells(*cells) == cells


@pytest.mark.parametrize("code", ["NaT", "0000-00-00", "unknown"])
def test_a_code_among_dates_stays_a_code(code: str):
    cells = [*(f"2024-05-{day:02d}" for day in range(1, 29)), code]
    assert schema_of(text_column(*cells))["x"].kind == "date"
    assert round_trip_cells(*cells) == cells


def test_values_and_codes_are_apart_in_typed_rows():
    table = text_column(*NUMBERS, "<5", None)
    typed = type_table(table, schema_of(table)).slice(38)
    assert typed["x"].to_pylist() == [9.5, 9.75, None, None]
    assert typed["x (code)"].to_pylist() == ["0.00", "0.00", "<5", None]


def test_one_word_for_missing_cells_is_written_again_and_several_are_codes():
    assert column_of(*NUMBERS, "NA").missing == "NA"
    assert round_trip_cells(*NUMBERS, "NA", "N/A", "-") == [*NUMBERS, "NA", "N/A", "-"]


def test_codes_with_a_zero_in_front_make_codes_of_all_cells():
    assert column_of(*(str(number) for number in range(1000, 1050)), "0042").arrow_type == "string"
    assert column_of(*(f"{number} kg" for number in range(10, 60)), "R07").arrow_type == "string"


def test_few_levels_beside_a_code_are_categories():
    assert column_of(*["1", "2", "3", "absent"] * 10).kind == "category"


def test_text_with_some_numbers_stays_text():
    assert column_of(*(f"word {i}" for i in range(30)), *NUMBERS).kind == "text"


def test_a_column_of_codes_does_not_take_the_name_of_another():
    import pyarrow as pa

    table = pa.table({"x": [*NUMBERS, "<5"], "x (code)": ["a"] * 41})
    assert schema_of(table).names == ("x", "x (code)_", "x (code)")
