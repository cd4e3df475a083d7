"""Fixtures of all tests: small tables, and one local Ray for the tests that need it."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "fixed", derandomize=True, deadline=None
)  # `--hypothesis-profile default --hypothesis-seed N` looks further
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    """A home of the tests' own, and a token, which Ray reads when it is imported, before any test module is."""
    os.environ["HOME"] = tempfile.mkdtemp(prefix="ss-ray-tests-")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several processes share the cores
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        token = Path(tempfile.mkdtemp(prefix="ss-ray-tests-")) / "auth_token"
        token.write_text(secrets.token_hex(32))
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules whose tests are all deselected are not even imported: `-m "not slow"` passes by modules that are slow."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None

    deselected = re.findall(r"not (\w+)", config.getoption("markexpr"))
    marks = re.search(r"^pytestmark = (.*)$", collection_path.read_text(), re.MULTILINE)
    if marks and any(f"pytest.mark.{mark}" in marks[1] for mark in deselected):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of properties are marked, so that `make test-all` tries them again, on all of their examples."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A local Ray of two CPUs for the whole session."""
    import ray

    from ss_ray.cluster import connect

    connect(num_cpus=2)
    yield
    ray.shutdown()


@pytest.fixture
def own_ledger(ray_cluster: None) -> Iterator[None]:
    """No ledger actor before the test or after it, so that the test may name a database of its own."""
    from tests.integration.test_ledger_actor import end_actor

    end_actor()
    yield
    end_actor()


@pytest.fixture(scope="session")
def visits_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 visits of the demo's clinic, without the long free text."""
    from pyarrow import csv

    from ss_ray.demo import make_patients

    file = tmp_path_factory.mktemp("data") / "visits.csv"
    csv.write_csv(make_patients(400, 1).drop_columns(["note", "street_address"]), file)
    return file
