"""The split of a table does not depend on the parts that its file is read in."""

from pathlib import Path

import pytest

from ss_ray.location import Location
from ss_ray.tables import file_parts, stage
from ss_ray.tables.facts import merge_tables
from ss_ray.tables.file_parts import divide_files
from ss_ray.tables.files import find_source
from ss_ray.tables.infer import infer_schema
from ss_ray.tables.parts import read_part
from ss_ray.tables.splits import SplitUnit, choose_holdout
from ss_ray.tables.withheld import HoldoutSize

ROWS = 3000
WANTED = 200


def split_in_parts(path: Path, folder: Path, group: str | None) -> tuple[int, list[str], list[str]]:
    """Number of parts of a file, and the cells `n` of its train and holdout rows, read and split part by part."""
    source = find_source(path)
    parts = divide_files(source)
    unit = SplitUnit(column=group)
    read = stage._facts_worker(source, unit, 7, WANTED, lambda rows: None)
    facts = [read(part)[1] for part in parts]
    part_rows = [part.num_rows for part in facts]
    units = stage._smallest_units(unit, parts, facts, 7, WANTED)

    schema = infer_schema(merge_tables([part.columns for part in facts if part.columns]), {}, is_text=True)
    held_out = choose_holdout(units, HoldoutSize(wanted=WANTED, least=0), ROWS)
    split = stage._split_worker(source, schema, unit, 7, held_out, Location.parse(folder), lambda rows: None)
    for part, first_row in zip(parts, stage._first_rows(parts, part_rows), strict=True):
        split((part, first_row, facts[0].digest or ""))

    sides = [
        [
            str(cell)
            for file in (Location.parse(folder) / side).files(".parquet")
            for block in read_part(file)
            for cell in block["n"].to_pylist()
        ]
        for side in ("train", "holdout")
    ]
    return len(parts), sides[0], sides[1]


@pytest.mark.parametrize("group", [None, "who"])
def test_parts_change_no_side_of_a_row(group: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "t.csv"
    path.write_text("n,who,note\n" + "".join(f'{n},p{n % 400},"a\nb"\n' for n in range(ROWS)))
    whole = split_in_parts(path, tmp_path / "whole", group)
    monkeypatch.setattr(file_parts, "PART_BYTES", 4000)
    divided = split_in_parts(path, tmp_path / "divided", group)
    assert (whole[0], divided[0] > 5) == (1, True)
    assert divided[1:] == whole[1:]
    assert abs(len(whole[2]) - WANTED) <= 10
