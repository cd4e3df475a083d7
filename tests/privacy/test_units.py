"""One row a unit, whatever the parts; units are told by real values, in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.privacy.units import one_row_per_unit, unit_ids
from ss_ray.runs import Location


def write_parts(folder: Path, *parts: list[str]) -> tuple[Location, ...]:
    for index, people in enumerate(parts):
        table = pa.table({"person": people, "visit": range(len(people))})
        pq.write_table(table, folder / f"part-{index}.parquet")
    return Location.parse(folder).files(".parquet")


def test_each_unit_counts_once_over_all_parts(tmp_path: Path) -> None:
    people = (["a", "b", "a", "c"], ["b", "b", "d"], ["a"])
    for _ in range(20):  # the row is drawn at random
        kept = one_row_per_unit(write_parts(tmp_path, *people), "person")
        chosen = [part[row] for part, rows in zip(people, kept, strict=True) for row in rows]
        assert sorted(chosen) == ["a", "b", "c", "d"]


def test_every_row_of_a_unit_is_drawn_now_and_then(tmp_path: Path) -> None:
    parts = write_parts(tmp_path, ["a", "a"], ["a", "a"])
    drawn = {
        (index, int(rows[0]))
        for _ in range(200)  # one of four rows is never drawn with probability 4 * 0.75**200 = 4e-25
        for index, rows in enumerate(one_row_per_unit(parts, "person"))
        if len(rows)
    }
    assert drawn == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_rows_are_their_own_units_without_a_group(tmp_path: Path) -> None:
    assert one_row_per_unit(write_parts(tmp_path, ["a"], ["b"]), None) == [None, None]


def test_ids_are_those_of_the_values_in_the_order_of_the_rows(tmp_path: Path) -> None:
    ids = unit_ids(write_parts(tmp_path, ["a", "b"], ["b", "a"]), "person")
    assert ids.dtype == np.uint64
    assert (ids[0], ids[1]) == (ids[3], ids[2])
    assert ids[0] != ids[1]
