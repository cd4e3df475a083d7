"""Figures of runs from their directories, in lists and side by side, without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ss_ray.errors import ConfigError
from ss_ray.python.report import Comparison, report_of_files, report_of_run
from ss_ray.runs.overview import figure_rows, find_runs, read_overview
from ss_ray.runs.run_dir import RunDir
from tests.cli.test_main import outcome

EVALUATION = {
    "quality_score": 9.7,
    "quality_grade": "Good",
    "quality_verdict": 7.5,
    "privacy_grade": "Good",
    "discriminator_auc": 0.6881,
    "utility_target": "stay <days>",
    "utility_real": 0.773,
    "utility_synthetic": 0.764,
}


def make_run(place: Path, day: int, **results: dict[str, Any]) -> None:
    """The manifests of a run whose stages end on a day of a month."""
    run_dir = RunDir.at(place)
    for stage, result in {"start": {}, **results}.items():
        manifest = {"stage": stage, "seconds": 2.5, "finished_at": f"2026-01-{day:02}T10:00:00+00:00", "result": result}
        run_dir.write_manifest(stage, manifest)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "whole", 3, generate={"num_rows": 1234}, evaluate=EVALUATION)
    make_run(tmp_path / "runs" / "deep" / "begun", 9)
    make_run(tmp_path / "runs" / "private", 5, generate={"num_rows": 10})
    (tmp_path / "runs" / "private" / "release").mkdir()
    (tmp_path / "runs" / "private" / "release" / "privacy_certificate.json").write_text('{"epsilon": 2.9999}')
    return tmp_path / "runs"


def test_the_figures_of_a_run_are_those_of_its_manifests(folder: Path) -> None:
    found = read_overview(folder / "whole")
    assert (found.rows, found.quality, found.quality_grade, found.seconds) == (1234, 7.5, "Good", 7.5)
    assert (found.last_stage, found.epsilon) == ("evaluate", None)
    assert read_overview(folder / "private").epsilon == 2.9999


def test_a_folder_lists_its_runs_the_latest_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [overview.run for overview in find_runs(folder)] == ["begun", "private", "whole"]
    code, out, _ = outcome(["runs", str(folder)], capsys)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == ["run", "begun", "private", "whole"]
    assert (
        lines[3].split()[1:]
        == "evaluate 2026-01-03 10:00 8 1,234 - 7.5 Good Good 0.764 0.773 stay <days> 0.688".split()
    )


def test_runs_stand_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(["compare", str(folder / "whole"), str(folder / "private")], capsys)
    assert code == 0
    assert out.splitlines()[0].split() == ["whole", "private"]
    assert "epsilon               -                 3.00" in out
    assert outcome(["compare", str(folder / "whole")], capsys)[0] == 2
    code, _, err = outcome(["compare", str(folder / "whole"), str(folder / "nothing")], capsys)
    assert (code, "is not the directory of a run" in err) == (2, True)


def test_a_folder_without_runs_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = outcome(["runs", str(tmp_path)], capsys)
    assert (code, err) == (2, f"ss-ray: there is no run in the folder {tmp_path}\n")
    with pytest.raises(ConfigError):
        read_overview(tmp_path)


def test_a_notebook_shows_names_as_text(folder: Path) -> None:
    report = report_of_run(str(folder / "whole"))
    assert "stay &lt;days&gt;" in report._repr_html_()
    assert report.metrics == {}
    both = Comparison(figures=(report.figures, read_overview(folder / "private")))
    assert both._repr_html_().count("<tr>") == 1 + len(figure_rows([report.figures]))


def test_a_report_says_why_a_figure_is_missing(folder: Path, tmp_path: Path) -> None:
    begun = str(report_of_run(folder / "private"))
    assert "quality               not available: there was no evaluation" in begun
    assert "\nrows                  10\n" in begun
    assert "epsilon               3.00" in begun

    why = "there is no holdout"
    measured = EVALUATION | {
        "utility_target": None,
        "utility_real": None,
        "utility_synthetic": None,
        "privacy_grade": None,
        "privacy_missing": ["membership inference"],
        "unavailable": {"utility": why},
    }
    text = str(report_of_files(tmp_path, measured, num_rows=50, seconds=3.0))
    assert text.count(f"not available: {why}") == 3
    assert "privacy               not available: not tested: membership inference" in text
    assert "epsilon               not available: an evaluation of tables does not know" in text
    assert "rows                  50" in text
    assert " -\n" not in text
