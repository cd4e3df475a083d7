"""NVIDIA's published clients, unchanged, against the service; the cluster behind it is scripted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from serve.settings import Settings
from tests.serve.fakes import PromptRunner
from tests.serve.servers import running

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environment", "script"), [(".venv-sdk", "sdk_1_5_0.py"), (".venv-platform", "platform_0_3_0.py")]
)
def test_the_client_does_all_that_its_users_do(settings: Settings, environment: str, script: str, tmp_path: Path):
    python = ROOT / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {environment}: make env-sdk")
    with running(settings, PromptRunner()) as url:
        client = subprocess.run(
            [python, Path(__file__).parent / script, url],
            capture_output=True,
            text=True,
            timeout=240,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )
    assert client.stdout.endswith("ok\n"), client.stderr[-3000:]
