"""Nothing private of a run is left, the release stays, and the proof says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ss_ray.cli.main import main
from ss_ray.errors import ConfigError
from ss_ray.runs.audit_log import read_log
from ss_ray.runs.purge import purge


def make_run(folder: Path) -> Path:
    """Files as a run leaves them, hidden and half-written ones too."""
    for name in (
        "internal/train/part-00000.parquet",
        "internal/.work/rows",
        "internal/_part.partial",
        "internal/report.html",
        "manifest/start.json",
        "release/synthetic/part-00000.parquet",
        "release/privacy_certificate.json",
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("secret 4711")
    return folder


def test_every_private_file_is_gone_and_the_release_stays(tmp_path: Path) -> None:
    run, log = make_run(tmp_path / "run"), str(tmp_path / "audit.jsonl")
    proof = purge(run, log)
    assert sorted(str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()) == [
        "purge_proof.json",
        "release/privacy_certificate.json",
        "release/synthetic/part-00000.parquet",
    ]
    assert set(proof.erased) == {
        "internal/train/part-00000.parquet",
        "internal/.work/rows",
        "internal/_part.partial",
        "internal/report.html",
        "manifest/start.json",
    }
    written = json.loads((run / "purge_proof.json").read_text())
    assert written["kept"] == ["release/privacy_certificate.json", "release/synthetic/part-00000.parquet"]
    assert "4711" not in (run / "purge_proof.json").read_text()
    entries = list(read_log(log))
    assert [entry.outcome for entry in entries] == ["started", "finished"]
    assert written["audit_log"]["hash"] == entries[0].hash


@pytest.mark.parametrize("linked", ["internal", "internal/train", "manifest"])
def test_a_link_is_refused_before_anything_is_deleted(tmp_path: Path, linked: str) -> None:
    """Deleting it would leave the rows where they are, and the proof would lie."""
    run, elsewhere = make_run(tmp_path / "run"), tmp_path / "disk"
    (run / linked).rename(elsewhere)
    (run / linked).symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(ConfigError, match="is a link"):
        purge(run, None)
    assert (run / "internal/report.html").exists()
    assert not (run / "purge_proof.json").exists()


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters" / "internal").mkdir(parents=True)
    (tmp_path / "letters" / "a.txt").write_text("dear")
    for folder in (tmp_path / "letters", tmp_path / "nothing"):
        with pytest.raises(ConfigError, match="is no run directory and no folder of an evaluation"):
            purge(folder, None)
    assert (tmp_path / "letters" / "a.txt").exists()


def test_the_command_line_purges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run")
    main(["purge", str(run), "--set", "audit_log=null"])
    assert capsys.readouterr().out.startswith("Erased           5 files\n")
    assert not (run / "internal").exists()


def make_evaluation(folder: Path) -> Path:
    """Files as `ss-ray evaluate` leaves them, and one that somebody put there."""
    (folder / ".work" / "train").mkdir(parents=True)
    (folder / ".work" / "train" / "part-00000.parquet").write_text("secret 4711")
    (folder / "report.html").write_text("secret 4711")
    (folder / "metrics.json").write_text('{"schema_version": 1, "privacy_grade": null, "hard_fails": []}')
    (folder / "letter.txt").write_text("dear")
    return folder


def test_what_an_evaluation_wrote_is_gone_and_nothing_else(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out")
    proof = purge(folder, None)
    assert set(proof.erased) == {".work/train/part-00000.parquet", "report.html", "metrics.json"}
    assert proof.kept == ("letter.txt",)
    assert sorted(file.name for file in folder.iterdir()) == ["letter.txt", "purge_proof.json"]
    assert "4711" not in (folder / "purge_proof.json").read_text()
    with pytest.raises(ConfigError, match="holds no private files any more"):
        purge(folder, None)


def test_rows_of_a_killed_evaluation_are_erased(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out")
    for name in ("report.html", "metrics.json", "letter.txt"):
        (folder / name).unlink()
    assert purge(folder, None).erased == (".work/train/part-00000.parquet",)
    assert not (folder / ".work").exists()


def test_a_purge_that_was_stopped_goes_on(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out")
    assert purge(make_evaluation(tmp_path / "whole"), None).erased[-1] == "metrics.json"
    (folder / "report.html").unlink()
    assert purge(folder, None).erased == (".work/train/part-00000.parquet", "metrics.json")


@pytest.mark.parametrize("metrics", ["[1]", "no json", '{"schema_version": 1}'])
def test_metrics_of_something_else_are_left_alone(tmp_path: Path, metrics: str) -> None:
    (tmp_path / "metrics.json").write_text(metrics)
    with pytest.raises(ConfigError, match="no folder of an evaluation"):
        purge(tmp_path, None)
    assert (tmp_path / "metrics.json").read_text() == metrics


def test_a_link_in_an_evaluation_is_refused(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out")
    (folder / "report.html").rename(tmp_path / "elsewhere.html")
    (folder / "report.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(ConfigError, match="is a link"):
        purge(folder, None)
    assert (folder / "metrics.json").exists()
