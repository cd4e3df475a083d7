"""Every benchmark that needs Ray starts: its smoke run ends well, and prints what it documents."""

from __future__ import annotations

import pytest

from tests.benchmarks.scripts import assert_smoke_run_works, cases

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.release, pytest.mark.usefixtures("own_ledger")]


@pytest.mark.parametrize("name", cases(needs_ray=True))
def test_the_smoke_run_of_a_benchmark_prints_the_documented_keys(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert_smoke_run_works(name, capfd)
