"""The benchmark scripts, and a smoke run of one of them in this process, which has loaded torch already."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
PARTS = {"aim", "cart", "harmless_texts", "peers", "smoke"}
"""Modules that scripts import, and synthesizers of others."""
SCRIPTS = {path.stem: path for path in sorted(FOLDER.glob("*.py")) if path.stem not in PARTS}
NEEDS_RAY = {
    "bench_database",
    "bench_dp_parity",
    "bench_dp_utility",
    "bench_evaluation",
    "bench_gpu_texts",
    "bench_pii",
    "bench_quality",
    "bench_scale",
    "bench_sequences",
    "bench_serve_jobs",
}
SLOW = {
    "bench_database",
    "bench_dp_parity",
    "bench_dp_utility",
    "bench_evaluation",
    "bench_generation",
    "bench_gpu_texts",
    "bench_quality",
    "bench_scale",
    "bench_sequences",
    "bench_serve_jobs",
    "bench_text_generation",
    "bench_texts",
    "run_all",
}
"""Scripts that run the whole pipeline, or start processes which load torch or Ray anew: more than ten seconds each."""
NEEDS = {"nemo_evaluator": "nemo_safe_synthesizer"}
"""Script -> package that the script imports, and that our own environment need not have."""


def cases(*, needs_ray: bool) -> list[Any]:
    """Scripts as parameters of a test, the slow ones marked."""
    names = [name for name in SCRIPTS if (name in NEEDS_RAY) == needs_ray]
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


def documented_keys(script: Path) -> set[str]:
    """Keys that the script's docstring promises for its last JSON line: `Keys: one, two.`"""
    keys = re.search(r"^Keys: ([^;.]+)[;.]", script.read_text(encoding="utf8"), re.MULTILINE)
    assert keys, f"{script.name} does not say which keys its JSON line has"
    return set(re.split(r",\s+", keys[1]))


def assert_smoke_run_works(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Run `NAME.py --smoke`, and compare the keys of its last line with those that it documents."""
    if package := NEEDS.get(name):
        pytest.importorskip(package)

    script = SCRIPTS[name]
    with (
        patch.object(sys, "argv", [str(script), "--smoke"]),
        patch.object(sys, "path", [str(FOLDER), *sys.path]),
        patch.dict(os.environ),
    ):
        runpy.run_path(str(script), run_name="__main__")

    last_line = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert last_line.keys() == documented_keys(script)
