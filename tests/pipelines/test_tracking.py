"""What a run may tell a tracking server."""

from __future__ import annotations

from pathlib import Path

import pytest

from ss_ray.config.files import parse_config
from ss_ray.errors import ConfigError
from ss_ray.evaluation.stage import EvaluationResult
from ss_ray.pipelines.stages import Job, Stages
from ss_ray.pipelines.tracking import JobTracking, check_tracking, sent_parameters
from ss_ray.progress import ignore
from ss_ray.runs.audit_log import Log
from ss_ray.runs.run_dir import RunDir
from tests.privacy.test_certificate import certify, make_plan

EVALUATION = EvaluationResult(
    quality_score=9.1,
    quality_grade="Excellent",
    privacy_grade="Good",
    discriminator_auc=0.6,
    utility_target="stay",
    utility_real=None,
    utility_synthetic=None,
    copied_share=0.0,
    copied_share_holdout=0.0,
    closer_to_train_share=0.5,
)


def make_job(folder: Path, **tracking: object) -> Job:
    config = parse_config({"tracking": tracking, "audit_log": None})
    run_dir = RunDir.at(folder)
    run_dir.create()
    stages = Stages(run_dir, config, redo=False)
    stages.seconds["train"] = 3.5
    run_dir.release.make_folder()
    run_dir.dataset_card.write_text("# card")
    run_dir.report.write_text("real rows")
    return Job(config=config, run_dir=run_dir, stages=stages, log=Log(path=None, started=None), on_progress=ignore)


def results(job: Job, *, is_private: bool) -> JobTracking:
    plan = make_plan()
    certificate = certify(plan, plan.charge(plan.num_steps)) if is_private else None
    tracking = JobTracking()
    tracking.complete(job, 300, certificate, EVALUATION)
    return tracking


def test_figures_are_sent_and_the_report_on_real_rows_is_not(tmp_path: Path) -> None:
    end = results(make_job(tmp_path), is_private=False).end
    assert end.metrics["quality_score"] == 9.1
    assert end.metrics["seconds_train"] == 3.5
    assert end.metrics["failed_privacy_rules"] == 0.0
    assert "utility_real" not in end.metrics  # it was not measured
    assert set(end.artifacts) == {"release/README.md"}


def test_under_differential_privacy_nothing_that_was_not_paid_for_is_sent(tmp_path: Path) -> None:
    end = results(make_job(tmp_path), is_private=True).end
    assert set(end.metrics) == {"rows", "epsilon", "delta"}


def test_a_server_as_secret_as_the_run_directory_gets_all(tmp_path: Path) -> None:
    end = results(make_job(tmp_path, internal=True), is_private=True).end
    assert {"quality_score", "seconds_train", "epsilon"} <= set(end.metrics)
    assert end.artifacts["internal/report.html"] == "real rows"


def test_no_parameter_with_a_cell_a_secret_or_a_column_is_sent() -> None:
    config = parse_config(
        {
            "data": {"holdout": 50, "random_state": 7, "columns": {"city": {"values": ["Ulm"]}}},
            "replace_pii": {"globals": {"seed": 4711}},
            "training": {"effort": "fast"},
            "generation": {"num_records": 10, "given": {"city": "Ulm"}},
            "evaluation": {"target": "city", "mia_enabled": True},
            "privacy": {"epsilon": 3.0, "ledger": "postgresql://ann:secret@host/ledger"},
            "tracking": {"mlflow_uri": "https://ann:secret@host"},
            "notes": ["about Ulm"],
            "constraints": [{"type": "unique", "columns": ["city"]}],
        }
    )
    assert sent_parameters(config) == {
        "data.holdout": "50.0",
        "evaluation.mia_enabled": "True",
        "generation.num_records": "10",
        "privacy.epsilon": "3.0",
        "training.effort": "fast",
    }


def test_a_wrong_address_is_refused_before_any_work() -> None:
    tracking = parse_config({"tracking": {"openlineage_url": "kafka://host"}}).tracking
    with pytest.raises(ConfigError, match="openlineage_url"):
        check_tracking(tracking)
    check_tracking(tracking.model_copy(update={"openlineage_url": None}))
