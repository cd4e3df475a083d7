"""The command line without Ray: help, parameters, the demo table, and errors as one line with their exit code."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from ss_ray.cli.main import main
from ss_ray.cli.options import read_config
from ss_ray.cli.summaries import _seconds_line
from ss_ray.config.files import load_config, parameters
from ss_ray.config.model import Config


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
        (["--set", "generation.num_records=-5"], 2, "generation.num_records (rows): Input should be greater"),
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


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("num_records=5", "num_records: unknown parameter; did you mean 'generation.num_records'?"),
        ("training.epsilon=5", "training.epsilon: unknown parameter; did you mean 'privacy.epsilon'?"),
        ("data.effort=fast", "data.effort: unknown parameter; did you mean 'training.effort'?"),
        ("trainng.effort=fast", "trainng: unknown parameter; did you mean 'training'?"),
        ("generation.num_record=5", "generation.num_record: unknown parameter; did you mean 'num_records'?"),
        ("data.columns.age.knd=text", "data.columns.age.knd: unknown parameter; did you mean 'kind'?"),
        ("qqq=1", "qqq: unknown parameter"),
    ],
)
def test_a_wrong_name_of_a_parameter_is_told_with_the_right_section(
    override: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = outcome(["run", "--data", "x.csv", "--out", "y", "--set", override], capsys)
    assert (code, err) == (2, f"ss-ray: {meant}\n")


def test_a_wrong_command_is_told_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'generate'?" in outcome(["genrate"], capsys)[2]


def test_a_section_and_a_template_hold_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = outcome(["config", "--section", "training.compact"], capsys)
    assert [line.partition(":")[0] for line in out.splitlines() if line.startswith("training")] == [
        p.path for p in parameters() if p.path.startswith("training.compact.")
    ]
    code, _, err = outcome(["config", "--section", "trainin"], capsys)
    assert (code, err) == (2, "ss-ray: there is no section 'trainin'; did you mean 'training'?\n")
    template = tmp_path / "all.yaml"
    template.write_text(outcome(["config", "--template"], capsys)[1])
    assert load_config(template) == Config()
    assert all(f"{p.path.rpartition('.')[2]}: {p.default}" in template.read_text() for p in parameters())


def test_short_options_win_over_the_file_and_set_wins_over_both(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("generation: {num_records: 1}\nprivacy: {epsilon: 9}\n")
    short = {"rows": 2, "epsilon": 3.0, "group": "1", "order": "on", "target": "a: b"}
    config = read_config(str(tmp_path / "c.yaml"), [], short)
    assert (config.generation.num_records, config.privacy.epsilon, config.privacy.dp_enabled) == (2, 3.0, True)
    assert (config.data.group_training_examples_by, config.data.order_training_examples_by) == ("1", "on")
    assert config.evaluation.target == "a: b"
    assert read_config(str(tmp_path / "c.yaml"), ["generation.num_records=7"], short).generation.num_records == 7
    shares = ["generation.shares={a: {x: 1}}", "generation.shares={b: {y: 1}}"]
    assert read_config(None, shares).generation.shares == {"b": {"y": 1.0}}


def test_the_version_and_the_completion_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["--version"], capsys)[:2] == (0, "0.1.0\n")
    assert "--install-completion" in outcome(["--help"], capsys)[1]


def test_the_seconds_of_a_command_add_up() -> None:
    line = _seconds_line({"read": 4.4, "train": 30.4, "generate": 9.0}, ("read", "train"), 41.3)
    assert line == "Seconds          41: read 4, train 30, start and stop of Python and Ray 7"


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
