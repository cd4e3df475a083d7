"""Months, quarters and weeks are counted as such: their neighbours have one distance."""

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.ascending import LEARNED, ascending
from ss_ray.codec.order_axis import order_axis
from ss_ray.codec.ordinals import Scale, bound_units, from_units, to_units
from ss_ray.tables.cells import type_table, written_table
from tests.tables.rows import schema_of

MONTHS = [f"{year}-{month:02d}" for year in range(1964, 1994) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (MONTHS, -72),
        ([f"{year}Q{quarter}" for year in range(1964, 2020) for quarter in range(1, 5)], -24),
        ([f"2020-W{week:02d}" for week in range(1, 54)], 2609),
    ],
    ids=["months", "quarters", "weeks"],
)
def test_periods_are_counted_one_by_one(cells: list[str], first: int):
    table = pa.table({"at": cells})
    schema = schema_of(table)
    column = schema["at"]
    units = to_units(type_table(table, schema)["at"], column, Scale())
    assert units.tolist() == list(range(first, first + len(cells)))
    assert bound_units(column, Scale()) == (first, first + len(cells) - 1)
    again = pa.table([from_units(units, np.ones(len(units), bool), column, Scale())], names=["at"])
    assert written_table(again, schema)["at"].to_pylist() == cells


def test_a_panel_of_months_ascends_month_by_month():
    column = schema_of(pa.table({"at": MONTHS, "other": MONTHS[::-1]}))["at"]
    axis = order_axis(column)
    assert axis is not None
    starts = np.array([0, 4, 7])
    first = from_units(np.array([-72, 0]), np.ones(2, bool), column, Scale())
    ordered = ascending(axis, first, np.ones(7, np.int64), starts, interval=True, ends=LEARNED)
    assert [str(day)[:7] for day in ordered.to_pylist()] == [
        "1964-01", "1964-02", "1964-03", "1964-04", "1970-01", "1970-02", "1970-03",
    ]  # fmt: skip
