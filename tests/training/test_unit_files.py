"""Rows of one person are one unit for the workers, too: of the compact model and of language models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.training.loop import Worker
from ss_ray.training.private.loop import PrivateUnits, check_owned, own_row_units
from ss_ray.training.text_examples import TextExamples, cut_rows, own_line_units
from ss_ray.training.unit_files import UnitFiles, load_units, save_units
from tests.training import toy

PEOPLE = (["a", "b", "a"], ["b", "c", "a"])
NUM_ROWS, NUM_PEOPLE = 6, 3
CPU = torch.device("cpu")
ALONE = Worker(rank=0, world_size=1)


@pytest.fixture
def rows(tmp_path: Path) -> Location:
    folder = tmp_path / "rows"
    folder.mkdir()
    for index, people in enumerate(PEOPLE):
        pq.write_table(pa.table({"person": people}), folder / f"part-{index}.parquet")
    return Location.parse(folder)


def saved(rows: Location, group: str | None, *, per_example: bool = False) -> UnitFiles:
    return save_units(rows, rows, group, per_example=per_example, folder=Location.parse(f"{rows}-units"))


def row_units(units: UnitFiles, worker: Worker = ALONE) -> PrivateUnits:
    return own_row_units(toy.make_rows(NUM_ROWS), toy.GROUPS, units, max_rows=4, worker=worker)


def line_units(units: UnitFiles, worker: Worker = ALONE) -> PrivateUnits:
    sizes = np.full(NUM_ROWS, 3)
    examples = TextExamples(
        tokens=torch.ones(int(sizes.sum()), dtype=torch.int32),
        starts=np.append(0, np.cumsum(sizes)),
        cuts=cut_rows(sizes, room=8, max_records=1, seed=None),
        prompt=torch.ones(2, dtype=torch.int32),
        end=1,
    )
    return own_line_units(examples, units, max_rows=4, worker=worker)


@pytest.mark.parametrize("own", [row_units, line_units])
def test_workers_own_people_and_not_rows(own, rows: Location) -> None:
    parts = [own(saved(rows, "person"), Worker(rank=rank, world_size=2)) for rank in range(2)]
    assert sum(part.num_units for part in parts) == parts[0].most_units == NUM_PEOPLE
    check_owned(own(saved(rows, "person")), ALONE, CPU)


@pytest.mark.parametrize("own", [row_units, line_units])
def test_workers_that_take_rows_for_people_are_refused(own, rows: Location) -> None:
    """The files say nothing of groups, as after a fault on the way; the count of the driver still does."""
    lost = saved(rows, "person", per_example=True)
    with pytest.raises(PrivacyError, match="more privacy units than the table has"):
        check_owned(own(lost), ALONE, CPU)


def test_workers_that_own_each_unit_twice_are_refused(rows: Location) -> None:
    """As if every worker of two owned all units."""
    units = saved(rows, "person")
    with pytest.raises(PrivacyError, match="more privacy units than the table has"):
        check_owned(row_units(replace(units, count=NUM_PEOPLE // 2)), ALONE, CPU)


def test_rows_are_counted_where_nobody_named_a_group(rows: Location) -> None:
    units = saved(rows, None)
    assert (units.count, row_units(units).num_units) == (NUM_ROWS, NUM_ROWS)


def test_a_message_never_tells_how_many_units_there_are(rows: Location) -> None:
    with pytest.raises(PrivacyError) as refused:
        check_owned(row_units(saved(rows, "person", per_example=True)), ALONE, CPU)
    assert not any(character.isdigit() for character in str(refused.value))


def test_people_who_got_one_stand_in_stay_two_units(rows: Location, tmp_path: Path) -> None:
    replaced = tmp_path / "replaced"
    replaced.mkdir()
    for index, people in enumerate(PEOPLE):
        stand_ins = ["x" if person in "ab" else "y" for person in people]
        pq.write_table(pa.table({"person": stand_ins}), replaced / f"part-{index}.parquet")
    units = save_units(
        Location.parse(replaced), rows, "person", per_example=False, folder=Location.parse(tmp_path / "units")
    )
    ids = load_units(units)
    people = [person for part in PEOPLE for person in part]
    assert units.count == len({*ids.tolist()}) == NUM_PEOPLE
    assert len(set(zip(people, ids.tolist(), strict=True))) == NUM_PEOPLE
