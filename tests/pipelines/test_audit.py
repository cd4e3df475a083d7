"""What an audit of a run measures, and what it refuses; the runs themselves are in `integration/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ss_ray.cli.main import main
from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.pipelines.audit import (
    EPSILON,
    NUM_PEOPLE,
    NUM_STEPS,
    VISITS,
    audit_run,
    audit_units,
    implied_epsilon,
)
from tests.privacy.test_certificate import COUNT, SCHEMA, certify, make_plan

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
