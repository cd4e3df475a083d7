"""Tables of any tool, evaluated from files, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ss_ray.cli.main import main
from ss_ray.errors import ConfigError, DataError
from ss_ray.runs.audit_log import read_log
from tests.evaluation.people import draw_people

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real rows, unseen ones, and a synthetic table as another tool writes it."""
    folder = tmp_path_factory.mktemp("tables")
    for i, name in enumerate(("real", "holdout", "synthetic")):
        draw_people(300, seed=i).to_csv(folder / f"{name}.csv", index=False)
    made = pd.read_csv(folder / "synthetic.csv").sample(frac=1, axis=1, random_state=0).assign(score=0.5)
    made["age"] = made["age"].astype(object)
    made.loc[:2, "age"] = "about forty"
    made.to_csv(folder / "synthetic.csv", index=False)
    return folder


def evaluate(tables: Path, out: Path, synthetic: str, *more: str) -> dict[str, object]:
    files = ["--real", str(tables / "real.csv"), "--synthetic", str(tables / synthetic)]
    main(["evaluate", *files, "--out", str(out), *more])
    metrics: dict[str, object] = json.loads((out / "metrics.json").read_text())
    return metrics


def test_a_table_of_another_tool_is_scored_and_what_cannot_be_read_is_told(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, log = tmp_path / "out", str(tmp_path / "audit.jsonl")
    metrics = evaluate(
        tables, out, "synthetic.csv", "--holdout", str(tables / "holdout.csv"), "--target", "class",
        "--set", f"audit_log={log}",
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert "Rows             train 300, holdout 300, synthetic 300" in shown
    assert "Unreadable       3 cells" in shown
    assert "Not compared     1 columns" in shown
    assert metrics["hard_fails"] == []
    assert metrics["quality_grade"] in ("Very Good", "Excellent")
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "report.html"]
    page = (out / "report.html").read_text()
    assert "3 cells of &#39;age&#39; in the synthetic table" in page
    assert "about forty" not in page
    assert "1 column of the synthetic table is not in the real one, and not compared: &#39;score&#39;" in page
    assert [entry.outcome for entry in read_log(log)] == ["started", "finished"]


def test_a_copy_is_poor_and_named_and_fails_a_pipeline_that_demands_better(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        evaluate(
            tables, tmp_path / "out", "real.csv", "--holdout", str(tables / "holdout.csv"),
            "--fail-on", "hard-fails", "--fail-on", "privacy:Good", "--fail-on", "quality:Good",
        )  # fmt: skip
    assert stopped.value.code == 11
    told = capsys.readouterr().err
    assert "ss-ray: a hard rule of privacy failed\nss-ray: privacy is Poor, and Good is demanded\n" in told
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["privacy_grade"] == "Poor"
    assert "copies" in " ".join(metrics["hard_fails"])


def test_what_is_switched_off_is_told_and_lost_cells_cap_the_quality(tables: Path, tmp_path: Path) -> None:
    broken = pd.read_csv(tables / "synthetic.csv")
    broken["income"] = broken["income"].astype(object)
    broken.loc[:99, "income"] = "plenty"
    broken.to_csv(tables / "broken.csv", index=False)
    metrics = evaluate(
        tables, tmp_path / "out", "broken.csv", "--holdout", str(tables / "holdout.csv"),
        "--set", "evaluation.mia_enabled=false",
    )  # fmt: skip
    assert metrics["privacy_grade"] is None
    assert metrics["privacy_missing"] == ["membership inference"]
    assert metrics["membership_inference_protection_score"] is None
    assert metrics["quality_grade"] == "Good"
    assert metrics["quality_limits"] == [
        "33% of the synthetic cells of 'income' are not of its type, and count as missing"
    ]
    page = (tmp_path / "out/report.html").read_text()
    assert "At most Good, because the parts below leave missing values out" in page
    assert "Partial" in page
    assert "Not tested, because it was switched off: membership inference." in page
    main(["purge", str(tmp_path / "out"), "--set", "audit_log=null"])
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["purge_proof.json"]


def test_without_holdout_nothing_good_is_claimed_about_privacy(tables: Path, tmp_path: Path) -> None:
    assert evaluate(tables, tmp_path / "out", "synthetic.csv")["privacy_grade"] is None
    assert "Nobody looked for personal data" in (tmp_path / "out/report.html").read_text()


def test_bad_input_is_named_and_leaves_no_rows_behind(tables: Path, tmp_path: Path) -> None:
    real, out = str(tables / "real.csv"), tmp_path / "out"
    narrow = tmp_path / "narrow.csv"
    pd.read_csv(tables / "synthetic.csv").drop(columns=["city"]).to_csv(narrow, index=False)
    from ss_ray.config.model import Config
    from ss_ray.pipelines.evaluate import evaluate_files

    with pytest.raises(DataError, match=r"narrow.csv lacks columns of the real table: 'city'"):
        evaluate_files(Config(audit_log=None), real, narrow, out)
    assert not out.exists()
    target = Config.model_validate({"audit_log": None, "evaluation": {"target": "nothing"}})
    with pytest.raises(DataError, match="'nothing'"):
        evaluate_files(target, real, tables / "synthetic.csv", out)
    assert not out.exists()
    other = tmp_path / "other.csv"
    for change, message in (
        (lambda rows: rows.head(0), "the synthetic table has no rows"),
        (lambda rows: rows.assign(joined="soon"), "nothing in column 'joined' of the synthetic table"),
    ):
        change(pd.read_csv(tables / "synthetic.csv")).to_csv(other, index=False)
        with pytest.raises(DataError, match=message):
            evaluate_files(Config(audit_log=None), real, other, out)
    assert not out.exists()
    out.mkdir()
    with pytest.raises(DataError, match="there is no file"):
        evaluate_files(Config(audit_log=None), real, tmp_path / "nothing.csv", out)
    assert list(out.iterdir()) == []  # it was there before
    with pytest.raises(ConfigError, match="lies inside"):
        evaluate_files(Config(audit_log=None), tables, tables / "synthetic.csv", tables / "out")
