"""The shipped path is the mechanism that its certificate states: one worker or three, rows, groups or sequences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ss_ray.audit_run import (
    EPSILON,
    NUM_PEOPLE,
    NUM_STEPS,
    VISITS,
    audit_run,
    audit_units,
    implied_epsilon,
    run_and_compare,
)
from ss_ray.cli import main
from ss_ray.config import Config
from ss_ray.config_files import parse_config
from ss_ray.errors import ConfigError
from ss_ray.privacy.conformance import require_conformance
from tests.privacy.test_certificate import COUNT, SCHEMA, certify, make_plan
from tests.privacy.test_ledger_actor import end_actor

GROUPED = {"group_training_examples_by": "person", "holdout": 0}


def config_of(folder: Path, data: dict[str, Any], **resources: Any) -> Config:
    """A small run with differential privacy."""
    return parse_config(
        {
            "data": data,
            "replace_pii": None,
            "privacy": {"dp_enabled": True, "epsilon": EPSILON, "delta": 1e-5, "ledger": f"sqlite:///{folder}/ledger"},
            "training": {
                "batch_size": 24,
                "num_input_records_to_sample": 24 * NUM_STEPS,
                "compact": {"hidden_size": 16, "num_layers": 1, "num_heads": 2},
            },
            "generation": {"num_records": 3},
            "evaluation": {"enabled": False},
            "audit_log": None,
            "resources": {"num_generation_workers": 1, "threads_per_worker": 1} | resources,
        }
    )


def test_units_of_the_auditor_are_people_and_not_rows(tmp_path: Path) -> None:
    units = audit_units(config_of(tmp_path, GROUPED))
    assert len(units) == NUM_PEOPLE
    assert sorted(row for rows in units for row in rows) == list(range(NUM_PEOPLE * VISITS))
    assert units[5] == [5, 5 + NUM_PEOPLE, 5 + 2 * NUM_PEOPLE]


def test_a_run_without_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no privacy certificate"):
        audit_run(str(tmp_path))


def test_command_says_what_cannot_be_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["audit", "--run", str(tmp_path)])
    assert stop.value.code == ConfigError.exit_code
    assert "no privacy certificate" in capsys.readouterr().err


def test_implied_epsilon_is_that_of_the_certificate_with_other_noise() -> None:
    """The charge of the training alone changes; what the schema spent stays."""
    certificate = certify(make_plan(), COUNT, SCHEMA, make_plan().charge(200))
    assert implied_epsilon(certificate, noise=1.0, rate=1.0) == pytest.approx(certificate.epsilon)
    assert implied_epsilon(certificate, noise=0.7, rate=1.0) > 1.3 * certificate.epsilon
    assert implied_epsilon(certificate, noise=1.0, rate=1.5) > 1.3 * certificate.epsilon


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("own_ledger")
def test_a_run_of_grouped_rows_is_audited_and_the_result_lies_beside_its_certificate(tmp_path: Path) -> None:
    """A right path fails one of four tests once in 10,000 audits."""
    from pyarrow import csv

    from ss_ray.audit_run import make_audit_table
    from ss_ray.pipeline import run

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
        pytest.param({"holdout": 0}, 1, marks=pytest.mark.slow),
        pytest.param(GROUPED | {"order_training_examples_by": "place"}, 1, marks=pytest.mark.slow),
    ],
    ids=["groups on two workers", "rows", "sequences"],
)
def test_every_kind_of_unit_passes(tmp_path: Path, data: dict[str, Any], workers: int) -> None:
    config = config_of(tmp_path, data, num_train_workers=workers, max_physical_batch_size=7)
    findings = run_and_compare(config, tmp_path, lambda progress: None)
    assert min(finding.p_value for finding in findings) > 1e-4 / len(findings)
