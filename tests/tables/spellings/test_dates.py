"""Which format the times of a column have, and what is no time."""

import pytest

from tests.tables.rows import column_of, round_trip_cells, schema_of, text_column


@pytest.mark.parametrize(
    ("cells", "format_"),
    [
        (("2023-06-07 03:21:02+00:00", "2021-01-01 10:00:00+00:00"), "%Y-%m-%d %H:%M:%S+00:00"),
        (("2023-06-07 03:21 UTC", "2021-01-01 10:00 UTC"), "%Y-%m-%d %H:%M UTC"),
        (("2022-03-30T20:03:32+02:00", "2021-06-01T06:44:23+02:00"), "%Y-%m-%dT%H:%M:%S+02:00"),
        (("5/10/2023 0:14", "12/31/2021 14:28"), "%-m/%-d/%Y %-H:%M"),
        (("06/17/2023 03:21:02 AM", "07/15/2021 02:28:12 PM"), "%m/%d/%Y %I:%M:%S %p"),
        (("07/06/23", "15/07/21"), "%d/%m/%y"),
        (("20230607", "20211231"), "%Y%m%d"),
        (("20220330T200332", "20210525T153443"), "%Y%m%dT%H%M%S"),
        (("2024-01-02 03:04:05.123456789", "2024-01-02 03:04:05.000000001"), "%Y-%m-%d %H:%M:%S.%9f"),
        (("1964-01", "2020-12"), "%Y-%m"),
        (("1964Q1", "2020Q4"), "%YQ%q"),
        (("2024-W05", "2020-W53"), "%G-W%V"),
        (("07JUN2023", "01MAR1999"), "%d%^b%Y"),
        (("Jun 17, 2023", "May 2, 2021"), "%b %-d, %Y"),
    ],
)
def test_times_keep_their_spelling(cells: tuple[str, ...], format_: str):
    column = column_of(*cells)
    assert column.format == format_
    assert tuple(round_trip_cells(*cells)) == cells


@pytest.mark.parametrize(
    "cells", [("3024-83-56",), ("2023-02-30",), ("00000000",), ("5887-22",), ("99:99",), ("24/24/2024",)]
)
def test_what_names_no_real_time_is_none(cells: tuple[str, ...]):
    assert column_of(*cells, *cells).kind not in ("date", "datetime", "time")


def test_all_rows_decide_the_order_of_day_and_month():
    assert column_of("01/02/2024", "03/13/2024").format == "%m/%d/%Y"
    assert column_of("01/02/2024", "13/03/2024").format == "%d/%m/%Y"


def test_an_order_of_day_and_month_that_no_row_tells_is_told():
    assert "no row tells the order" in column_of("01/02/2024", "03/04/2024").reason
    assert "no row tells" not in column_of("01/02/2024", "13/04/2024").reason


def test_several_formats_in_one_column_are_told_with_their_shares():
    cells = ["2024-05-01"] * 6 + ["2024-05-02 10:30:00"] * 2 + [f"2024-06-{day:02d}" for day in range(1, 25)]
    schema = schema_of(text_column(*cells))
    assert schema["x"].kind == "datetime"
    assert "(93.8%)" in schema["x"].reason
    assert schema["x (format)"].formats == ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
    assert round_trip_cells(*cells) == cells


def test_eight_digits_that_are_not_all_dates_are_numbers():
    assert column_of("20230607", "20231307").kind == "integer"
    assert column_of("30230607", "20231207").kind == "integer"
