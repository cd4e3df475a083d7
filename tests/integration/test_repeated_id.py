"""A table whose identifier repeats: no person is on both sides of the split."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyarrow import csv

from ss_ray.config.model import DataParameters
from ss_ray.demo import make_patients
from ss_ray.location import Location
from ss_ray.pipelines.notices import describe_repeats
from ss_ray.progress import ignore
from ss_ray.tables.stage import read_table, split_table

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def people_of(folder: Path, side: str) -> set[str]:
    table: pa.Table = ds.dataset(folder / side).to_table()
    return set(table["patient_id"].to_pylist())


def test_the_split_goes_by_an_identifier_that_repeats_unless_differential_privacy_forbids_it(tmp_path: Path) -> None:
    source = tmp_path / "visits.csv"
    csv.write_csv(make_patients(400, 7), source)
    data = DataParameters()
    folder = Location.parse(tmp_path)

    table = read_table(source, data, 3, ignore, find_ids=True)
    splits = split_table(source, table, data, 3, folder, ignore)
    assert splits.privacy_unit == "patient_id"
    assert not people_of(tmp_path, "train") & people_of(tmp_path, "holdout")
    # At least 50 rows, and no more than the visits of one person beyond them.
    assert 50 <= splits.holdout_rows < 58
    assert "Set data.group_training_examples_by: patient_id" in next(
        describe_repeats(table.repeated_id, is_private=False)
    )

    private = read_table(source, data, 3, ignore, private=True, find_ids=True)
    splits = split_table(source, private, data, 3, folder, ignore)
    assert splits.privacy_unit is None
    assert people_of(tmp_path, "train") & people_of(tmp_path, "holdout")
    assert "The guarantee protects one row" in next(describe_repeats(private.repeated_id, is_private=True))
