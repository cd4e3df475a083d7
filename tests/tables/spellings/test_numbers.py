"""Numbers as people write them come back as they were written."""

import pytest

from ss_ray.tables.spellings.number_cells import is_currency, is_unit
from ss_ray.tables.spellings.numbers import NumberFormat, number_format
from tests.tables.rows import column_of, round_trip_cells


@pytest.mark.parametrize(
    ("cells", "kind", "format_", "bounds"),
    [
        (("830.0", "12.0", "7.0"), "integer", "0.0", (7, 830)),
        (("$1,557.36", "$12.00", "-$5.10"), "float", "$#,##0.00", (-5.1, 1557.36)),
        (("1.557,36 €", "12,00 €"), "float", "#.##0,00 €", (12.0, 1557.36)),
        (("USD 1,200", "USD 7"), "integer", "USD #,##0", (7, 1200)),
        (("70.0%", "5.5%"), "float", "0.0%", (5.5, 70.0)),
        (("(12.50)", "3.25"), "float", "0.00;(…)", (-12.5, 3.25)),
        (("+3", "-2", "+0"), "integer", "+0", (-2, 3)),
        (("+3", "-2", "0"), "integer", "+0;0", (-2, 3)),
        (("3.4 mg", "12.05 mg"), "float", "0.0# mg", (3.4, 12.05)),
        (("1.5E-03", "2.5E+10"), "float", "0.0E+00", (0.0015, 2.5e10)),
        (("4.5E15", "2.5E16"), "float", "0.0E00", (4.5e15, 2.5e16)),
        (("0.5", "1e-05", "12.25"), "float", "0.*e", (1e-05, 12.25)),
        (("52,06836", "47,99927"), "float", "0,00000", (47.99927, 52.06836)),
        (("30 218", "999", "1 200 300"), "integer", "# ##0", (999, 1200300)),
        (("1'234.50", "3.50"), "float", "#'##0.00", (3.5, 1234.5)),
        (("-.5", ".25"), "float", "#.0#", (-0.5, 0.25)),
        (("1960s", "2020s"), "integer", "0s", (1960, 2020)),
        (("1,5", "1500", "0,25"), "float", "0,##", (0.25, 1500.0)),
    ],
)
def test_a_format_is_found_and_writes_the_same_cells(
    cells: tuple[str, ...], kind: str, format_: str, bounds: tuple[float, float]
):
    column = column_of(*cells)
    assert (column.kind, column.format, (column.minimum, column.maximum)) == (kind, format_, bounds)
    assert tuple(round_trip_cells(*cells)) == cells


@pytest.mark.parametrize(
    "cells",
    [
        ("007", "12", "1234"),
        ("ORD-12", "ORD-13"),
        ("+49 170 123 456", "+49 170 999 111"),
        ("612 345 678", "699 111 222"),
        ("1.2.3", "1.2.4"),
        ("12-5", "7-6"),
        ("A1", "B2"),
        ("R10", "R11"),
        ("CAD12", "CAD7"),
        ("1,23,456", "5"),
        ("12 Main St", "7 High Road", "3 Low Lane", "9 Hill Way", "1 Park Row"),
    ],
    ids=str,
)
def test_codes_phone_numbers_and_addresses_are_no_numbers(cells: tuple[str, ...]):
    assert column_of(*cells).arrow_type == "string"


@pytest.mark.parametrize(
    "text", ["0", "0.00", "$#,##0.00", "#.##0,00 €", "+0.0;0", "0.0;(…)", "0.0E+00", "0.*e", "#.0#"]
)
def test_a_format_is_its_own_name(text: str):
    assert str(number_format(text)) == text
    assert number_format(str(NumberFormat(prefix="$", sign_first=False))) == NumberFormat(prefix="$", sign_first=False)


def test_currencies_and_units_are_told_from_letters_of_codes():
    assert is_currency("CHF ")
    assert not is_currency("AB")
    assert is_unit(" km/h")
    assert not is_unit("-x")
