"""A service of each test's own, on a database and a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.app import create_app
from serve.looks.looker import Looker
from serve.settings import AuthSettings, Settings
from tests.serve.fakes import ScriptedRunner


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """State and storage in a temporary folder; nobody has to show who they are."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "people.csv").write_text("name,age\nAnn,1\n")
    return Settings(
        database=f"sqlite:///{tmp_path}/state.sqlite",
        storage=str(tmp_path / "storage"),
        data_sources=(str(tmp_path / "tables"),),
        auth=AuthSettings(trust_this_machine=True),
    )


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A table that jobs may read."""
    return str(tmp_path / "tables" / "people.csv")


@pytest.fixture
def runner() -> ScriptedRunner:
    """What the service takes for the cluster."""
    return ScriptedRunner()


@pytest.fixture(scope="session")
def looker() -> Iterator[Looker]:
    """One process that looks at the tables of all tests: it takes seconds to start."""
    started = Looker()
    yield started
    started.stop()


@pytest.fixture
def make_client(settings: Settings, runner: ScriptedRunner, looker: Looker) -> Callable[..., TestClient]:
    """`make_client(limits=..., auth=...)`: a client of a service with other settings.

    The service's loop does not run by itself: `client.app.state.service.dispatcher.round()` is one round.
    """

    def make(**changes: Any) -> TestClient:
        app = create_app(Settings.model_validate(settings.model_dump() | changes), runner, looker)
        return TestClient(app, base_url="http://localhost:8000", client=("127.0.0.1", 50000))

    return make


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of the service."""
    return make_client()
