"""What the operator lets a job ask for, how long it may run, what it may keep, and which data set it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.sdk_config import job_config
from serve.settings import Settings
from serve.store.database import JOBS
from serve.store.places import dataset_name
from tests.serve.api.test_jobs import JOBS as JOBS_URL
from tests.serve.api.test_jobs import create, go_round, status_of
from tests.serve.fakes import ScriptedRunner, stage

DATASETS = {
    "patients": ("hf://datasets/default/clinic", "/data/patients"),
    "visits": ("hf://datasets/default/clinic/visits", "s3://bucket/visits/"),
    "all of lab": ("hf://datasets/lab",),
}


@pytest.mark.parametrize(
    ("config", "limit", "number"),
    [
        ({"generation": {"num_records": 10**10}}, "max_rows", "10,000,000,000"),
        ({"training": {"compact": {"hidden_size": 4096, "num_layers": 64}}}, "max_model_parameters", "10,7"),
        ({"training": {"compact": {"hidden_size": 4096, "text_vocabulary": 65536}}}, "max_model_parameters", "7"),
        ({"training": {"num_input_records_to_sample": 10**12}}, "max_rows_shown", "1,000,000,000,000"),
        ({"training": {"batch_size": 10**6, "gradient_accumulation_steps": 10**6}}, "max_rows_shown", "1,000,000"),
        ({"privacy": {"dp_enabled": True, "epsilon": 1000}}, "max_epsilon", "1,000"),
        ({"privacy": {"dp_enabled": True, "delta": 0.09}}, "max_delta", "0.09"),
    ],
)
def test_more_than_the_operator_allows_is_422_with_limit_and_number(
    client: TestClient, table: str, config: dict[str, Any], limit: str, number: str
):
    answer = client.post(JOBS_URL, json={"spec": {"data_source": table, "config": config}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_config")
    assert f"(limits.{limit})" in answer.json()["detail"]
    assert number in answer.json()["detail"]


def test_packed_examples_under_differential_privacy_are_422_as_at_nvidia(client: TestClient, table: str):
    for packed, status in ((10, 422), (1, 201), ("auto", 201), (None, 201)):
        config = {"privacy": {"dp_enabled": True}, "data": {"max_sequences_per_example": packed}}
        answer = client.post(JOBS_URL, json={"spec": {"data_source": table, "config": config}})
        assert answer.status_code == status, answer.text
    config["privacy"]["dp_enabled"] = False
    config["data"]["max_sequences_per_example"] = 10
    assert client.post(JOBS_URL, json={"spec": {"data_source": table, "config": config}}).status_code == 201


def started_ago(client: TestClient, seconds: float) -> None:
    time = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    with client.app.state.service.database.write() as db:
        db.execute(JOBS.update().values(started_at=time))


def running_job(client: TestClient, runner: ScriptedRunner, table: str) -> tuple[dict[str, Any], str]:
    """A job that runs and reads its table, and its submission."""
    job = create(client, table)
    go_round(client)
    (submission,) = runner.known
    runner.says(submission, "RUNNING")
    runner.reports(submission, stages=[stage("read")])
    return job, submission


def files_of(settings: Settings, job: dict[str, Any]) -> list[Path]:
    return [path for path in Path(settings.storage).rglob("*") if path.is_file() and job["id"] in str(path)]


def test_a_job_past_its_time_is_stopped_ends_as_error_and_gives_its_disk_back(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str, settings: Settings
):
    client = make_client(limits={"max_job_seconds": 60})
    job, submission = running_job(client, runner, table)
    (Path(runner.options(submission)["out"]) / "internal").mkdir(parents=True)
    (Path(runner.options(submission)["out"]) / "internal" / "rows").write_text("x")
    started_ago(client, 59)
    go_round(client)
    assert (status_of(client, job)["status"], runner.stopped) == ("active", [])
    started_ago(client, 61)
    go_round(client, 2)
    assert runner.stopped == [submission]
    found = status_of(client, job)
    assert (found["status"], found["error_details"]["code"]) == ("error", "limit_exceeded")
    assert "60 s are allowed (limits.max_job_seconds)" in found["error_details"]["message"]
    assert files_of(settings, job) == []
    go_round(client, 2)
    assert list(runner.known) == [submission]  # no other attempt


def test_a_job_that_takes_too_much_disk_is_stopped(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str, settings: Settings
):
    client = make_client(limits={"max_job_bytes": 10_000})
    job, submission = running_job(client, runner, table)
    Path(runner.options(submission)["out"]).mkdir(parents=True)
    (Path(runner.options(submission)["out"]) / "rows").write_text("x" * 20_000)
    go_round(client, 3)
    found = status_of(client, job)
    assert (found["status"], runner.stopped) == ("error", [submission])
    assert "10,000 are allowed (limits.max_job_bytes)" in found["error_details"]["message"]
    assert files_of(settings, job) == []


def test_a_job_that_finished_in_time_is_completed_however_late_that_is_seen(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(limits={"max_job_seconds": 60})
    job = create(client, table)
    go_round(client)
    (submission,) = runner.known
    runner.says(submission, "SUCCEEDED")
    runner.finishes(submission)
    started_ago(client, 1000)
    go_round(client)
    assert status_of(client, job)["status"] == "completed"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf://datasets/default/clinic/june.csv", "patients"),
        ("hf://datasets/default/clinic@main/june.csv", "patients"),
        ("default/clinic#june.csv", "patients"),
        ("default/clinic#visits/june.csv", "visits"),
        ("hf://datasets/default/clinic-2/june.csv", None),
        ("hf://datasets/lab/any/where/x.csv", "all of lab"),
        ("lab/any#x.csv", "all of lab"),
        ("/data/patients/june.csv", "patients"),
        ("/data/patients", "patients"),
        ("/data/patients2/june.csv", None),
        ("s3://bucket/visits/june.csv", "visits"),
    ],
)
def test_a_data_set_is_known_by_its_place_and_not_by_its_content(source: str, name: str | None):
    assert dataset_name(source, DATASETS) == name


def test_links_do_not_rename_a_data_set(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert dataset_name(f"{tmp_path}/real/x.csv", {"patients": (f"{tmp_path}/link",)}) == "patients"


@pytest.mark.parametrize("privacy", [None, {}, {"dp_enabled": False}, {"dp_enabled": True}])
def test_every_job_on_a_named_data_set_carries_its_name(settings: Settings, privacy: dict[str, Any] | None):
    named = settings.model_copy(update={"datasets": DATASETS})
    sent = {"privacy": privacy} if privacy is not None else {}
    config = job_config(sent, named, "default/clinic#june.csv").config
    assert config["privacy"]["dataset"] == "patients"
    replaced = job_config(sent | {"enable_synthesis": False}, named, "default/clinic#june.csv")
    assert (replaced.kind, replaced.config["privacy"]["dataset"]) == ("replace_pii", "patients")
