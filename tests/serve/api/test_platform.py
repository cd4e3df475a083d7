"""The jobs API of nemo-platform 0.3.0: workspaces, names, hyphens; the same jobs."""

from __future__ import annotations

from typing import Any

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
