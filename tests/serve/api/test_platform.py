"""The jobs API of nemo-platform 0.3.0 and nemo-helix 0.8.1: workspaces, names, hyphens; the same jobs."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.serve.fakes import ScriptedRunner, log_line

CREATE = "/apis/safe-synthesizer/v2/workspaces/default/jobs"
JOBS = "/apis/jobs/v2/workspaces/default/jobs"
SPARSE = {"enable_synthesis": True, "enable_replace_pii": True, "data": {}, "replace_pii": {}, "time_series": {}}


def create(client: TestClient, table: str, name: str = "plat-1") -> dict[str, Any]:
    answer = client.post(CREATE, json={"spec": {"data_source": table, "config": SPARSE}, "name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_job_is_known_by_its_name_and_ends_with_results(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    assert (job["workspace"], job["name"], job["status"]) == ("default", "plat-1", "created")
    client.app.state.service.dispatcher.round()
    runner.finishes(f"{job['id']}-1")
    client.app.state.service.dispatcher.round()
    status = client.get(f"{JOBS}/plat-1/status").json()
    assert status["status"] == "completed"
    for part in (status, *status["steps"], *(task for step in status["steps"] for task in step["tasks"])):
        assert {"id", "name", "status", "status_details", "error_details", "created_at", "updated_at"} <= part.keys()
    assert client.get(f"{JOBS}/plat-1/results/synthetic-data/download").text.startswith("name,age")
    assert client.get(f"{JOBS}/plat-1/results/evaluation-report/download").status_code == 200
    assert client.get(f"{JOBS}/plat-1/results/summary/download").json()["num_valid_records"] == 2
    names = [found["name"] for found in client.get(f"{JOBS}/plat-1/results").json()["data"]]
    assert "synthetic-data" in names
    assert client.get(f"{JOBS}/plat-1/logs").json()["data"] == []


def test_both_dialects_see_the_same_job(client: TestClient, table: str):
    job = create(client, table)
    assert client.get(f"/v1beta1/safe-synthesizer/jobs/{job['id']}").json()["name"] == "plat-1"
    assert [found["name"] for found in client.get(CREATE).json()["data"]] == ["plat-1"]
    assert client.post(f"{JOBS}/plat-1/cancel").json()["status"] == "cancelled"
    assert client.delete(f"{JOBS}/plat-1").status_code == 204
    assert client.get(f"{CREATE}/plat-1").json()["detail"] == "Job 'plat-1' in workspace 'default' not found"


def test_a_job_of_another_workspace_is_not_there(client: TestClient, table: str):
    create(client, table)
    assert client.get("/apis/jobs/v2/workspaces/other/jobs/plat-1/status").status_code == 404
    assert client.post(f"{JOBS}/plat-1/pause").status_code == 422


def test_log_lines_name_the_job(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    client.app.state.service.dispatcher.round()
    runner.says(f"{job['id']}-1", "RUNNING")
    runner.writes(f"{job['id']}-1", log_line("train: starts"))
    client.app.state.service.dispatcher.round()
    (line,) = client.get(f"{JOBS}/plat-1/logs").json()["data"]
    assert (line["message"], line["job"], "job_id" in line) == ("train: starts", job["id"], False)


def test_a_job_says_the_steps_that_it_runs_and_how_far_they_are(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    client.app.state.service.dispatcher.round()
    runner.finishes(f"{job['id']}-1")
    client.app.state.service.dispatcher.round()
    shown = client.get(f"{JOBS}/plat-1").json()
    assert shown["platform_spec"]["steps"][0]["name"] == "read"
    steps = client.get(f"{JOBS}/plat-1/steps").json()
    assert steps["pagination"]["total_results"] == len(shown["platform_spec"]["steps"])
    assert {step["status"] for step in steps["data"]} == {"completed"}
    step = client.get(f"{JOBS}/plat-1/steps/train").json()
    (task,) = client.get(f"{JOBS}/plat-1/steps/train/tasks").json()["data"]
    assert task["step_id"] == step["id"]
    assert client.get(f"{JOBS}/plat-1/steps/train/tasks/train-0").json() == task
    assert client.get(f"{JOBS}/plat-1/steps/train/tasks/train-1").status_code == 404
    assert client.get(f"{JOBS}/plat-1/steps/nothing").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/plat-1/status-details"),
        ("POST", "/plat-1/results/mine"),
        ("PATCH", "/plat-1/steps/train/status"),
        ("PUT", "/plat-1/steps/train/tasks/train-0"),
        ("POST", ""),
    ],
)
def test_no_caller_reports_for_a_job_or_runs_another_kind(client: TestClient, table: str, method: str, path: str):
    before = create(client, table)
    assert client.request(method, JOBS + path, json={"status": "completed"}).status_code == 422
    assert client.get(f"{JOBS}/plat-1").json() == before


def test_another_model_of_a_job_is_refused_with_the_reason(client: TestClient, table: str):
    spec = {"data_source": table, "config": SPARSE, "pretrained_model_job": "earlier"}
    answer = client.post(CREATE, json={"spec": spec})
    assert answer.status_code == 422
    assert "a job trains its own model" in answer.text


def test_a_filter_may_be_one_object(client: TestClient, table: str):
    create(client, table, "one")
    create(client, table, "two")
    found = client.get(JOBS, params={"filter": '{"name": "two", "created_at": {"$gte": "2020-01-01"}}'}).json()
    assert [job["name"] for job in found["data"]] == ["two"]
    for wrong in ("[1]", "{", '{"name": 1}', '{"nobody": "x"}', '{"created_at": {"$ne": "2020-01-01"}}'):
        assert client.get(JOBS, params={"filter": wrong}).status_code == 400


def test_the_last_lines_of_a_log(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    client.app.state.service.dispatcher.round()
    runner.says(f"{job['id']}-1", "RUNNING")
    runner.writes(f"{job['id']}-1", *(log_line(f"line {number}") for number in range(5)))
    client.app.state.service.dispatcher.round()
    lines = client.get(f"{JOBS}/plat-1/logs", params={"tail": 2}).json()["data"]
    assert [line["message"] for line in lines] == ["line 3", "line 4"]


def test_workspaces_are_the_namespaces_and_the_default_one(client: TestClient):
    client.post("/v1/namespaces", json={"id": "trial", "description": "a trial"})
    listed = client.get("/apis/entities/v2/workspaces").json()["data"]
    assert [(workspace["name"], workspace["description"]) for workspace in listed] == [("trial", "a trial")]
    assert client.get("/apis/entities/v2/workspaces/default").json()["name"] == "default"
    assert client.get("/apis/entities/v2/workspaces/nobody").status_code == 404
