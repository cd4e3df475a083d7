"""The command line without Ray: help, parameters, the demo table, and errors as one line with their exit code."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from ss_ray.cli.main import main
from ss_ray.config.files import parameters


def outcome(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    code = 0
    try:
        main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_config_prints_every_parameter_with_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(["config"], capsys)
    assert code == 0
    assert all(f"{p.path}: {p.default}\n" in out and p.description in out for p in parameters())
    assert "training.learning_rate: auto\n    number > 0 < 1 or auto." in out


def test_demo_table_writes_the_rows_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(["demo-table", "--out", str(tmp_path / "demo.csv"), "--rows", "50"], capsys)
    with (tmp_path / "demo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (code, len(rows)) == (0, 50)
    assert "50 rows" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "generation.num_records=-5"], 2, "generation.num_records: Input should be greater"),
        (["--set", "training.learning_rat=1"], 2, "did you mean 'learning_rate'"),
        (
            ["--set", "privacy.dp_enabled=true", "--set", "data.holdout=50"],
            2,
            "data.holdout: with differential privacy",
        ),
        (["--config", "/nowhere.yaml"], 2, "cannot read the config file"),
        (["--no-such-option"], 2, "No such option"),
        ([], 3, "there is no file or folder"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, out = str(tmp_path / "missing.csv"), str(tmp_path / "run")
    result, _, err = outcome(["run", "--data", missing, "--out", out, *arguments], capsys)
    assert result == code
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("ss-ray: ")
    assert not Path(out).exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no file or folder"):
        main(["run", "--data", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "run"), "--debug"])


def test_help_does_not_load_ray(capsys: pytest.CaptureFixture[str]) -> None:
    loaded = "ray" in sys.modules
    code, out, _ = outcome(["run", "--help"], capsys)
    assert code == 0
    assert "--redo" in out
    assert ("ray" in sys.modules) == loaded


def test_the_job_of_replacement_takes_the_options_of_its_command():
    shown = subprocess.run(
        [sys.executable, "-m", "jobs.replace_pii", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    for option in ("--data", "--out", "--config", "--set", "--csv", "--redo"):
        assert option in shown
