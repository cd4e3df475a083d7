"""NVIDIA's published clients, unchanged, against the service; the cluster behind it is scripted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from serve.settings import AuthSettings, Settings
from serve.store.auth import create_start_key
from serve.store.database import Database
from serve.store.migrate import migrate
from tests.serve.fakes import PromptRunner
from tests.serve.servers import running

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize(
    ("environment", "script"),
    [(".venv-sdk", "sdk_1_5_0.py"), (".venv-platform", "platform_0_3_0.py"), (".venv-helix", "helix_0_8_1.py")],
)
def test_the_client_does_all_that_its_users_do(
    settings: Settings, environment: str, script: str, has_key: bool, tmp_path: Path
):
    python = ROOT / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {environment}: make env-sdk")
    migrate(Database(settings.database))
    guarded = settings.model_copy(update={"auth": AuthSettings()})
    key = create_start_key(Database(settings.database)) if has_key else ""
    with running(guarded if has_key else settings, PromptRunner()) as url:
        url += f"/key/{key}" if has_key else ""
        client = subprocess.run(
            [python, Path(__file__).parent / script, url],
            capture_output=True,
            text=True,
            timeout=240,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )
    assert client.stdout.endswith("ok\n"), client.stderr[-3000:]
