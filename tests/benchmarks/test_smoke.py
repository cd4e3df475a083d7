"""Every benchmark starts: its smoke run ends well, and prints what it documents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.scripts import FOLDER, NEEDS_RAY, SCRIPTS, SLOW, assert_smoke_run_works, cases


@pytest.mark.parametrize("name", cases(needs_ray=False))
def test_the_smoke_run_of_a_benchmark_prints_the_documented_keys(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert_smoke_run_works(name, capfd)


def test_the_lists_of_scripts_name_scripts_that_exist() -> None:
    assert set(SCRIPTS) >= NEEDS_RAY | SLOW


def test_every_benchmark_is_described() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf8")
    assert [name for name in SCRIPTS if f"`{name}.py`" not in text] == []


def test_a_benchmark_names_the_arguments_that_it_lacks(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPTS["bench_ner"])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parent)
    assert done.returncode == 2
    assert "the following arguments are required, unless --smoke is given: --data" in done.stderr
