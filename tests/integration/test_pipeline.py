"""The whole pipeline on a local Ray of two CPUs: what it writes, how it resumes, how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.demo import dependences
from ss_ray.errors import ConfigError, DataError, ResourceError, SsRayError
from ss_ray.location import Location
from ss_ray.pipelines.run import RunReport, run
from ss_ray.pipelines.stages import PRIVATE_STAGES, SEARCH_FOR_CONSTRAINTS, STAGES
from ss_ray.progress import ignore
from ss_ray.runs.audit_log import read_log, verify
from ss_ray.tables.files import file_digest
from ss_ray.tables.parts import count_rows
from ss_ray.tables.stage import read_table, split_table
from tests.tracking.local_server import closed_address

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def small(**sections: dict[str, Any]) -> Config:
    """A request that trains a tiny model for a moment, on the table as it is."""
    values: dict[str, Any] = {
        "data": {"random_state": 3},
        "replace_pii": None,
        "evaluation": {"enabled": False},
        "training": {
            "num_input_records_to_sample": 1500,
            "compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2},
        },
        "generation": {"num_records": 300},
    }
    for name, section in sections.items():
        values[name] = (values.get(name) or {}) | section
    return parse_config(values)


def full(**sections: dict[str, Any]) -> Config:
    """The same with all stages."""
    two = {"num_train_workers": 2, "threads_per_worker": 1}
    every = {"replace_pii": {"globals": {"seed": 1}}, "evaluation": {"enabled": True}, "resources": two}
    return small(**every | sections)


def manifest(run_dir: Path, stage: str) -> dict[str, Any]:
    return json.loads((run_dir / "manifest" / f"{stage}.json").read_text())


@pytest.fixture(scope="module")
def finished(visits_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunReport, Path]:
    folder = tmp_path_factory.mktemp("runs")
    tracking = {"openlineage_url": (folder / "lineage.jsonl").as_uri(), "mlflow_uri": closed_address()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_TRACES_EXPORTER", "console")
        return run(full(tracking=tracking), visits_csv, folder / "finished", csv=True), folder / "finished"


def test_a_run_tells_its_lineage_without_a_cell_though_another_server_is_down(
    finished: tuple[RunReport, Path], visits_csv: Path
) -> None:
    _, out = finished
    text = (out.parent / "lineage.jsonl").read_text()
    start, complete = (json.loads(line) for line in text.splitlines())
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert complete["outputs"][0]["name"] == str(out / "release/synthetic")
    names = {field["name"] for field in complete["outputs"][0]["facets"]["schema"]["fields"]}
    table = pd.read_csv(visits_csv, dtype=str)
    assert names == set(table.columns)
    cells = {cell for column in table for cell in table[column].dropna() if len(cell) > 8}
    assert [cell for cell in cells if cell in text] == []


def test_a_run_leaves_table_report_metrics_and_a_manifest_of_every_stage(finished: tuple[RunReport, Path]) -> None:
    report, out = finished
    assert report.num_rows == 300
    expected = [stage for stage in STAGES if stage not in (*PRIVATE_STAGES, *SEARCH_FOR_CONSTRAINTS)]
    assert [manifest(out, stage)["stage"] for stage in expected] == expected
    assert "internal" in (out / "internal/report.html").read_text().lower()
    assert json.loads((out / "internal/metrics.json").read_text())["scores"]
    assert sorted(path.name for path in (out / "release").iterdir()) == [
        "README.md",
        "croissant.json",
        "synthetic",
        "synthetic.csv",
    ]
    assert "Quality:" in (out / "release/README.md").read_text()
    assert not list(out.rglob("*partial*"))


def test_a_run_leaves_evidence_that_the_audit_log_anchors(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    _, out = finished
    evidence = json.loads((out / "internal/compliance.json").read_text())
    assert evidence["sox"]["inputs"] == [file_digest(Location.parse(visits_csv))]
    assert len(evidence["hipaa"]["safe_harbor"]) == 18
    number, _ = verify(evidence["sox"]["audit_log"]["file"], anchor=evidence["sox"]["audit_log"]["hash"])
    assert number >= 2
    ended = [entry for entry in read_log(evidence["sox"]["audit_log"]["file"]) if entry.subject == str(out)]
    assert [entry.outcome for entry in ended][:2] == ["started", "finished"]
    assert ended[1].facts["rows"] == 300


def test_columns_types_and_formats_of_the_input_come_back(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    _, out = finished
    real, synthetic = pd.read_csv(visits_csv), pd.read_csv(out / "release/synthetic.csv")
    assert list(synthetic.columns) == list(real.columns)
    assert len(synthetic) == 300
    assert synthetic["admitted"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert synthetic["cost"].between(real["cost"].min(), real["cost"].max()).all()
    assert set(synthetic["department"]) <= set(real["department"])
    assert synthetic["follow_up_days"].isna().any()
    table = pq.ParquetDataset(out / "release/synthetic").read()
    assert str(table.schema.field("admitted").type) == "date32[day]"
    assert str(table.schema.field("readmitted").type) == "bool"


def test_no_real_name_mail_phone_or_number_survives(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    _, out = finished
    real, synthetic = pd.read_csv(visits_csv, dtype=str), pd.read_csv(out / "release/synthetic.csv", dtype=str)
    for column in ("email", "phone", "ssn"):
        assert not set(synthetic[column].dropna()) & set(real[column].dropna()), column
    kinds = {c["name"]: c["entity_type"] for c in manifest(out, "replace_pii")["result"]["schema"]["columns"]}
    assert (kinds["email"], kinds["ssn"], kinds["first_name"]) == ("EMAIL_ADDRESS", "US_SSN", "FIRST_NAME")


def test_discharge_never_comes_before_admission(finished: tuple[RunReport, Path]) -> None:
    _, out = finished
    assert dependences(ds.dataset(out / "release/synthetic").to_table())["discharged_after_admitted"] == 1.0


def test_the_same_call_again_does_nothing_again(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    report, out = finished
    before = {path: path.stat().st_mtime_ns for path in (out / "manifest").iterdir()}
    again = run(full(resources={"num_generation_workers": 1}), visits_csv, out, csv=True)
    assert again == report
    assert {path: path.stat().st_mtime_ns for path in (out / "manifest").iterdir()} == before


def test_a_changed_request_names_what_would_be_redone_and_keeps_everything(
    finished: tuple[RunReport, Path], visits_csv: Path
) -> None:
    _, out = finished
    changed = full(generation={"num_records": 300, "temperature": 0.5})
    with pytest.raises(
        ConfigError, match=r"generation\.temperature changed .*; generate, search, evaluate would be done again"
    ):
        run(changed, visits_csv, out)
    assert pq.ParquetDataset(out / "release/synthetic").read().num_rows == 300


def test_a_lost_manifest_makes_only_that_stage_and_later_ones_run(
    finished: tuple[RunReport, Path], visits_csv: Path
) -> None:
    """As after a kill between two stages: the stage without a manifest has not happened."""
    _, out = finished
    first = pq.ParquetDataset(out / "release/synthetic").read()
    trained = manifest(out, "train")
    for stage in ("generate", "evaluate"):
        (out / "manifest" / f"{stage}.json").unlink()
    one_worker = full(resources={"num_generation_workers": 1})
    run(one_worker, visits_csv, out, csv=True)
    assert manifest(out, "train") == trained
    # The same seed gives the same rows, whatever the number of workers.
    assert pq.ParquetDataset(out / "release/synthetic").read().equals(first)


def test_redo_does_only_the_stale_stages_again(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    _, out = finished
    trained = manifest(out, "train")
    report = run(full(generation={"num_records": 50}), visits_csv, out, redo=True)
    assert report.num_rows == 50
    assert pq.ParquetDataset(out / "release/synthetic").read().num_rows == 50
    assert not (out / "release/synthetic.csv").exists()  # it would show the old table
    assert manifest(out, "train") == trained


def test_a_new_split_leaves_no_row_of_an_earlier_one_behind(visits_csv: Path, tmp_path: Path) -> None:
    folder = Location.parse(tmp_path)
    rows = {}
    for holdout in (40, 0):
        config = small(data={"holdout": holdout})
        table = read_table(visits_csv, config.data, 3, ignore)
        splits = split_table(visits_csv, table, config.data, 3, folder, ignore)
        rows[holdout] = (splits.train_rows, splits.holdout_rows, sum(count_rows((folder / "train").files())))
    assert rows == {40: (360, 40, 360), 0: (400, 0, 400)}
    assert not (folder / "holdout").files()


def test_a_parameter_without_effect_makes_nothing_stale(finished: tuple[RunReport, Path], visits_csv: Path) -> None:
    _, out = finished
    training = small().training.model_dump(exclude_unset=True) | {"lora_r": 8}
    before = manifest(out, "train")
    run(full(training=training, generation={"num_records": 50}), visits_csv, out)
    assert manifest(out, "train") == before


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"evaluation": {"enabled": True, "target": "nope"}}, DataError, "there is no column 'nope'"),
        ({"resources": {"num_train_workers": 3}}, ResourceError, "this machine has 2"),
        ({"resources": {"use_gpu": True}}, ResourceError, "this machine has 0"),
        ({"data": {"group_training_examples_by": "nope"}}, DataError, "there is no column 'nope'"),
    ],
)
def test_what_cannot_work_is_refused_before_the_work(
    changes: dict[str, Any], error: type[SsRayError], message: str, visits_csv: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        run(full(**changes), visits_csv, tmp_path / "r")
    assert not (tmp_path / "r/manifest/train.json").exists()


def test_the_run_directory_may_not_lie_in_the_source_nor_be_a_file(visits_csv: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="inside the source"):
        run(small(), visits_csv.parent, visits_csv.parent / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot make the folder"):
        run(small(), visits_csv, tmp_path / "file")


@pytest.mark.slow
def test_the_model_is_compared_with_the_rows_it_learned_from(tmp_path: Path) -> None:
    """A note that survives replacement is a copy of what was trained on, although the original read differently."""
    rows = [f"{i % 7},call (212) 555-{1000 + i} at once please\n" for i in range(120)]
    (tmp_path / "notes.csv").write_text("x,note\n" + "".join(rows))
    report = run(full(), tmp_path / "notes.csv", tmp_path / "r")
    assert report.evaluation is not None
    replaced = pq.ParquetDataset(tmp_path / "r/internal/replaced-holdout").read().column("note").to_pylist()
    assert replaced
    assert not set(replaced) & {row.partition(",")[2].strip() for row in rows}


def test_two_training_workers_train_one_model(finished: tuple[RunReport, Path]) -> None:
    losses = [loss for _, loss in manifest(finished[1], "train")["result"]["validation_losses"]]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "at least 2 are needed"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n3,4\n", "columns of the same name"),
        ("a,b\n1,SECRET-4711,3\n", "line 2: 3 cells where the header has 2"),
    ],
)
def test_a_bad_table_is_a_clear_error_without_any_cell(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        run(small(), tmp_path / "bad.csv", tmp_path / "r")
    assert "SECRET" not in str(caught.value)
    assert not (tmp_path / "r/manifest/read.json").exists()


@pytest.mark.release
@pytest.mark.slow
def test_a_folder_of_shards_without_replacement_or_holdout_works(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    frame = pd.DataFrame({"first name": range(60), "class": ["x", "y"] * 30, "empty": [None] * 60})
    frame[:30].to_parquet(tmp_path / "shards/a.parquet")
    frame[30:].to_parquet(tmp_path / "shards/b.parquet")
    config = small(data={"random_state": 1, "holdout": 0}, generation={"num_records": 20}, evaluation={"enabled": True})
    report = run(config, tmp_path / "shards", tmp_path / "r")
    assert report.num_rows == 20
    assert report.evaluation is not None
    assert report.evaluation.closer_to_train_share is None  # no holdout to compare with
