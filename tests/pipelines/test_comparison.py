"""The page of several runs, from directories that hold manifests and metrics alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ss_ray.errors import ConfigError
from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.report.metrics_file import metrics_json
from ss_ray.evaluation.scores import to_score
from ss_ray.pipelines.comparison import render_comparison
from ss_ray.runs.run_dir import RunDir
from tests.cli.test_main import outcome
from tests.evaluation.conftest import evaluation, fresh, holdout, schema, train  # noqa: F401


def make_run(place: Path, asked: dict[str, object], found: Evaluation | None) -> str:
    run_dir = RunDir.at(place)
    run_dir.create()
    for stage in ("start", "train"):
        manifest = {"stage": stage, "seconds": 1.0, "finished_at": "2026-01-01T10:00:00+00:00", "result": {}}
        run_dir.write_manifest(stage, manifest | {"asked": asked if stage == "train" else {}})
    if found is not None:
        (run_dir.internal / "metrics.json").write_text(metrics_json(found))
    return str(place)


@pytest.fixture
def places(tmp_path: Path, evaluation: Evaluation) -> list[str]:  # noqa: F811
    weak = replace(evaluation.scores.quality, distribution=to_score(3.0))
    worse = replace(evaluation, scores=replace(evaluation.scores, quality=weak))
    return [
        make_run(tmp_path / "first <1>", {"training": {"effort": "fast", "batch_size": 64}}, evaluation),
        make_run(tmp_path / "second", {"training": {"effort": "fast", "batch_size": 32}}, worse),
        make_run(tmp_path / "bare", {"replace_pii": {"globals": {"seed": 4711}}}, None),
    ]


def test_the_page_has_figures_verdicts_and_the_settings_that_differ(places: list[str]) -> None:
    page = render_comparison(places[:2])
    assert "first &lt;1&gt;" in page
    assert "<b>fit</b>" in page
    assert "Column distributions score 3 of 10." in page
    assert "training.batch_size" in page
    assert "training.effort" not in page  # the same in both
    assert ">income<" in page
    assert "http" not in page


def test_a_run_without_metrics_has_dashes_and_a_secret_is_not_shown(places: list[str]) -> None:
    page = render_comparison([places[0], places[2]])
    assert "the run has no metrics" in page
    assert "replace_pii" in page
    assert "4711" not in page


def test_the_command_writes_the_page(places: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(["compare", *places[:2], "--html", str(tmp_path / "both.html")], capsys)
    assert code == 0
    assert "internal: computed on real rows" in out
    assert (tmp_path / "both.html").read_text().startswith("<!DOCTYPE html>")


def test_a_folder_without_a_run_is_refused(places: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not the directory of a run"):
        render_comparison([places[0], str(tmp_path / "none")])
