"""One row a unit, whatever the parts; units are told by real values, in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.privacy.units import one_row_per_unit, unit_ids


def write_parts(folder: Path, *parts: list[str]) -> tuple[Location, ...]:
    folder.mkdir(exist_ok=True)
    for index, people in enumerate(parts):
        table = pa.table({"person": people, "visit": range(len(people))})
        pq.write_table(table, folder / f"part-{index}.parquet")
    return Location.parse(folder).files(".parquet")


def test_each_unit_counts_once_over_all_parts(tmp_path: Path) -> None:
    people = (["a", "b", "a", "c"], ["b", "b", "d"], ["a"])
    for _ in range(20):  # the row is drawn at random
        parts = write_parts(tmp_path, *people)
        kept = one_row_per_unit(parts, "person", parts)
        chosen = [part[row] for part, rows in zip(people, kept, strict=True) for row in rows]
        assert sorted(chosen) == ["a", "b", "c", "d"]


def test_every_row_of_a_unit_is_drawn_now_and_then(tmp_path: Path) -> None:
    parts = write_parts(tmp_path, ["a", "a"], ["a", "a"])
    drawn = {
        (index, int(rows[0]))
        for _ in range(200)  # one of four rows is never drawn with probability 4 * 0.75**200 = 4e-25
        for index, rows in enumerate(one_row_per_unit(parts, "person", parts))
        if len(rows)
    }
    assert drawn == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_rows_are_their_own_units_without_a_group(tmp_path: Path) -> None:
    parts = write_parts(tmp_path, ["a"], ["b"])
    assert one_row_per_unit(parts, None, parts) == [None, None]


def test_ids_are_those_of_the_values_in_the_order_of_the_rows(tmp_path: Path) -> None:
    ids = unit_ids(write_parts(tmp_path, ["a", "b"], ["b", "a"]), "person")
    assert ids.dtype == np.uint64
    assert (ids[0], ids[1]) == (ids[3], ids[2])
    assert ids[0] != ids[1]


def test_rows_count_once_for_each_unit_however_the_replaced_rows_are_cut(tmp_path: Path) -> None:
    people = [*"aabbbc"] * 50
    units = write_parts(tmp_path / "units", people[:200], people[200:])
    parts = write_parts(tmp_path / "rows", people[:90], people[90:91], people[91:])
    kept = one_row_per_unit(units, "person", parts)
    owners = [people[start + row] for start, rows in zip((0, 90, 91), kept, strict=True) for row in rows]
    assert sorted(owners) == ["a", "b", "c"]


def test_rows_that_were_dropped_in_between_are_refused(tmp_path: Path) -> None:
    units = write_parts(tmp_path / "units", [*"aabbb"])
    parts = write_parts(tmp_path / "rows", [*"bbb"])
    with pytest.raises(PrivacyError, match="rows were dropped"):
        one_row_per_unit(units, "person", parts)


def test_people_who_got_one_stand_in_stay_two_units(tmp_path: Path) -> None:
    """The units are told by the original rows: "a" and "b" are replaced by the same name."""
    units = write_parts(tmp_path / "units", [*"aabbc"])
    parts = write_parts(tmp_path / "rows", [*"xxxxy"])
    for _ in range(20):
        (kept,) = one_row_per_unit(units, "person", parts)
        assert sorted("aabbc"[row] for row in kept) == ["a", "b", "c"]
