"""Clock times and durations."""

import pyarrow as pa
import pytest

from ss_ray.tables.cells import type_table, written_table
from tests.tables.rows import column_of, round_trip_cells, schema_of


@pytest.mark.parametrize(
    ("cells", "kind", "format_", "bounds"),
    [
        (("02:15:00", "23:59:59"), "time", "%H:%M:%S", (8100, 86399)),
        (("9:30", "14:05"), "time", "%-H:%M", (34200, 50700)),
        (("2:05 PM", "11:59 AM"), "time", "%-I:%M %p", (43140, 50700)),
        (("09:30:00.125", "10:00:00.000"), "time", "%H:%M:%S.%3f", (34200125, 36000000)),
        (("02:15:00", "26:00:00"), "duration", "%H:%M:%S", (8100, 93600)),
        (("-00:30", "01:00"), "duration", "%H:%M", (-1800, 3600)),
        (("3 days 02:00", "0 days 23:59"), "duration", "%d days %H:%M", (86340, 266400)),
        (("11 days 08:29:00", "1 days 00:00:00"), "duration", "%d days %H:%M:%S", (86400, 980940)),
        (("PT4H", "PT1H30M", "P1DT2H", "PT0S"), "duration", "P%dDT%HH%MM%SS", (0, 93600)),
        (("2h 30m", "45m", "1d 2h"), "duration", "%-dd %-Hh %-Mm %-Ss", (2700, 93600)),
    ],
)
def test_times_of_day_and_durations_are_ticks_and_keep_their_spelling(
    cells: tuple[str, ...], kind: str, format_: str, bounds: tuple[int, int]
):
    column = column_of(*cells)
    assert (column.kind, column.format, (column.minimum, column.maximum)) == (kind, format_, bounds)
    assert tuple(round_trip_cells(*cells)) == cells


@pytest.mark.parametrize(
    ("array", "kind", "written"),
    [
        (pa.array([90, None, 90_061], pa.duration("s")), "duration", ["0 days 00:01:30", None, "1 days 01:01:01"]),
        (pa.array([1_500, 90_000], pa.time32("ms")), "time", ["00:00:01.500", "00:01:30.000"]),
        (pa.array([0, 86_399_999_999], pa.time64("us")), "time", ["00:00:00.000000", "23:59:59.999999"]),
    ],
    ids=["duration", "time32", "time64"],
)
def test_typed_clock_times_and_durations_are_ticks_and_are_spelled_in_text(array: pa.Array, kind: str, written: list):
    table = pa.table({"x": array})
    schema = schema_of(table, is_text=False)
    typed = type_table(table, schema)
    schema.check(typed)
    assert (schema["x"].kind, typed["x"].type) == (kind, pa.int64())
    assert written_table(typed, schema)["x"].to_pylist() == written


@pytest.mark.parametrize("cells", [("4:3", "16:9"), ("12:75",), ("PT",), ("P",), ("1 days",)])
def test_what_is_no_time_is_none(cells: tuple[str, ...]):
    assert column_of(*cells, *cells).kind not in ("time", "duration")
