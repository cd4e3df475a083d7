"""What survives the detector stops the job: in the replaced table, and in the synthetic one."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.config.files import parse_config
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stage import RowFolders, search_synthetic
from ss_ray.pipelines.replace_pii import replace_table
from ss_ray.pipelines.run import search_release
from ss_ray.progress import ignore
from ss_ray.runs.run_dir import RunDir

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
ROWS = 60
NOTES = [
    f"The patient asked us to ring {617}-{200 + i}-{4000 + 7 * i} in the afternoon, and we did so twice."
    for i in range(ROWS)
]
PLAN = PiiPlan(columns=(), text_columns=("note",))


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("n,note\n" + "".join(f'{i},"{note}"\n' for i, note in enumerate(NOTES)))
    return path


def test_a_number_that_the_detector_lets_through_stops_the_replacement_and_nothing_is_written(notes, tmp_path):
    config = parse_config({"replace_pii": {"thresholds": {"PHONE_NUMBER": 0.99}}})
    with pytest.raises(PrivacyError, match=r"'note': 60 x phone number") as error:
        replace_table(config, notes, tmp_path / "run")
    assert "617" not in str(error.value)
    assert not (tmp_path / "run" / "release").exists()
    assert not (tmp_path / "run" / "internal" / "replaced").exists()
    assert not (tmp_path / "run" / "manifest" / "replace_pii.json").exists()


def test_a_type_that_the_request_keeps_may_stay(notes, tmp_path):
    config = parse_config({"replace_pii": {"operators": {"PHONE_NUMBER": "keep"}}})
    assert replace_table(config, notes, tmp_path / "run").num_rows == ROWS


def write(folder: Location, notes: list[str]) -> Location:
    folder.make_folder()
    pq.write_table(pa.table({"note": notes}), f"{folder.path}/part-00000.parquet")
    return folder


def test_an_original_in_the_synthetic_table_removes_the_release(tmp_path):
    run_dir = RunDir.at(tmp_path / "run")
    real = RowFolders(train=write(run_dir.internal / "train", NOTES), holdout=run_dir.internal / "holdout")
    write(run_dir.synthetic, ["nothing here", "or call 617 201 4007"])
    (run_dir.root / "manifest").make_folder()
    run_dir.write_manifest("generate", {"key": "k"})

    with pytest.raises(PrivacyError, match=r"'note': 1 x phone number"):
        search_release(run_dir, real, PLAN, ignore)
    assert not run_dir.synthetic.exists()
    assert run_dir.read_manifest("generate") is None

    write(run_dir.synthetic, ["nothing here", "or call 555-0147"])
    result = search_release(run_dir, real, PLAN, ignore)
    assert result.searched == {"note": 2}
    assert not [column for column in result.columns if column.survived]
    assert search_synthetic(real, run_dir.synthetic, None, ignore).kinds == ()
