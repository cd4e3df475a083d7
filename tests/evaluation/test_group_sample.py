"""Groups stay whole, and the sample stays small."""

import pandas as pd
import pyarrow as pa
import pytest

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.group_sample import sample_groups
from ss_ray.evaluation.quality.fidelity import evaluate_fidelity
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.evaluation.stage import Tables, read_whole_groups
from ss_ray.location import Location
from ss_ray.tables.parts import PartWriter
from tests.evaluation.series import BY, SCHEMA, draw_series


def write(frame, folder, *, parts=3):
    location = Location.parse(folder)
    for part in range(parts):
        rows = pa.Table.from_pandas(frame.iloc[part::parts], preserve_index=False)
        with PartWriter(location, f"part-{part}", rows.schema) as writer:
            writer.write(rows)
    return location


@pytest.fixture(scope="module")
def series():
    return draw_series(60, 1)


def test_some_groups_come_whole(series, tmp_path):
    parts = write(series, tmp_path / "rows").files(".parquet")
    found = sample_groups(parts, "patient", 400).to_pandas()
    assert 300 < len(found) <= 400
    whole = series.groupby("patient").size()
    drawn = found.groupby("patient").size()
    assert (whole[drawn.index] == drawn).all()
    assert len(sample_groups(parts, "patient", 10**6)) == len(series)


def test_a_group_that_is_too_large_gives_no_sample_and_rows_without_a_group_are_left_out(series, tmp_path):
    parts = write(series, tmp_path / "rows").files(".parquet")
    assert sample_groups(parts, "patient", 10) is None
    gaps = series.assign(patient=series["patient"].where(series.index > 99))
    found = sample_groups(write(gaps, tmp_path / "gaps").files(".parquet"), "patient", 10**6)
    assert found.column("patient").null_count == 0
    assert len(found) == len(series) - 100


def test_sequences_are_compared_in_tables_that_are_too_large_to_be_read(series, tmp_path):
    train, synthetic = write(series, tmp_path / "train"), write(draw_series(60, 3), tmp_path / "synthetic")
    tables = Tables(train=train, holdout=Location.parse(tmp_path / "holdout"), synthetic=synthetic)
    whole = read_whole_groups(tables, SCHEMA, BY, 500)
    torn = series.sample(300, random_state=0), None, draw_series(60, 3).sample(300, random_state=0)
    found = evaluate_fidelity(EvaluationTables(*torn, SCHEMA), sequences=BY, whole=whole).sequences
    assert found.synthetic.autocorrelation.value > 0.7
    assert found.synthetic.lengths.sample_size > 10
    one = read_whole_groups(tables, SCHEMA, SequenceColumns(group=None, order="day"), 500)
    assert one.tables is None
    none = evaluate_fidelity(EvaluationTables(*torn, SCHEMA), sequences=BY, whole=one).sequences
    assert none.synthetic.autocorrelation.reason == "the tables are one sequence each, and one has more than 500 rows"
    assert isinstance(whole.tables.train, pd.DataFrame)
