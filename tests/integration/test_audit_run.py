"""The shipped path is the mechanism that its certificate states: one worker or three, rows, groups or sequences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ss_ray.pipelines.audit import (
    audit_run,
    run_and_compare,
)
from ss_ray.privacy.conformance import require_conformance
from tests.integration.test_ledger_actor import end_actor
from tests.pipelines.test_audit import GROUPED, config_of


@pytest.mark.release
@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("own_ledger")
def test_a_run_of_grouped_rows_is_audited_and_the_result_lies_beside_its_certificate(tmp_path: Path) -> None:
    """A right path fails one of four tests once in 10,000 audits."""
    from pyarrow import csv

    from ss_ray.pipelines.audit import make_audit_table
    from ss_ray.pipelines.run import run

    csv.write_csv(make_audit_table(), tmp_path / "table.csv")
    run(config_of(tmp_path, GROUPED), tmp_path / "table.csv", tmp_path / "run")
    assert not (tmp_path / "run/internal/released").exists()  # nothing is recorded unless an auditor asks
    end_actor()
    found = audit_run(str(tmp_path / "run"))
    require_conformance(found.result)
    assert found.result.implied_epsilon == pytest.approx(found.result.claimed_epsilon, rel=0.2)
    written = json.loads((tmp_path / "run/release/privacy_audit.json").read_text())
    assert written["passed"]
    assert [finding["name"] for finding in written["result"]["findings"]][:2] == ["noise multiplier", "sample rate"]


@pytest.mark.ray
@pytest.mark.usefixtures("own_ledger")
@pytest.mark.parametrize(
    ("data", "workers"),
    [
        (GROUPED, 2),
        pytest.param({"holdout": 0}, 1, marks=[pytest.mark.slow, pytest.mark.release]),
        pytest.param(GROUPED | {"order_training_examples_by": "place"}, 1, marks=pytest.mark.slow),
    ],
    ids=["groups on two workers", "rows", "sequences"],
)
def test_every_kind_of_unit_passes(tmp_path: Path, data: dict[str, Any], workers: int) -> None:
    config = config_of(tmp_path, data, num_train_workers=workers, max_physical_batch_size=7)
    findings = run_and_compare(config, tmp_path, lambda progress: None)
    assert min(finding.p_value for finding in findings) > 1e-4 / len(findings)
