"""The jobs API without a cluster: what clients send, what they get, and what becomes of a job."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from serve.runner.dispatcher import LOGS_A_ROUND
from serve.runner.job_progress import UNDELIVERED
from serve.store.auth import create_key
from serve.store.database import Database
from ss_ray.errors import ResourceError
from tests.serve.fakes import ScriptedRunner, log_line, stage

JOBS = "/v1beta1/safe-synthesizer/jobs"


def body(table: str, config: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"spec": {"data_source": table, "config": config or {}}, **fields}


def create(client: TestClient, table: str, config: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    answer = client.post(JOBS, json=body(table, config, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


def go_round(client: TestClient, rounds: int = 1) -> None:
    for _ in range(rounds):
        client.app.state.service.dispatcher.round()


def status_of(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    return client.get(f"{JOBS}/{job['id']}/status").json()


def test_a_job_goes_from_created_to_completed_and_its_results_are_there(
    client: TestClient, runner: ScriptedRunner, table: str
):
    job = create(client, table, name="mine", project="p", custom_fields={"k": "v"})
    assert (job["status"], job["namespace"], job["name"]) == ("created", "default", "mine")
    go_round(client)
    (submission,) = runner.known
    assert runner.options(submission)["data"] == table
    assert Path(runner.options(submission)["config"]).exists()
    runner.says(submission, "RUNNING")
    runner.reports(submission, stages=[stage("read"), stage("train", 2)])
    go_round(client)
    status = status_of(client, job)
    assert (status["status"], status["status_details"]["stage"]) == ("active", "train")
    assert client.get(f"{JOBS}/{job['id']}/results/summary/download").status_code == 404
    runner.finishes(submission)
    go_round(client)
    assert status_of(client, job)["status"] == "completed"
    names = [result["result_name"] for result in client.get(f"{JOBS}/{job['id']}/results").json()["data"]]
    assert names == ["synthetic_data", "synthetic_data_parquet", "summary", "evaluation_report", "metrics"]
    frame = pd.read_csv(io.BytesIO(client.get(f"{JOBS}/{job['id']}/results/synthetic_data/download").content))
    assert frame.shape == (2, 2)
    found = client.get(f"{JOBS}/{job['id']}/results/summary/download").json()
    assert (found["synthetic_data_quality_score"], found["num_valid_records"], found["num_invalid_records"]) == (
        8.1,
        2,
        2,
    )
    assert found["timing"]["training_time_sec"] == 2.5
    assert found["text_semantic_similarity_score"] is None


def test_a_report_is_shown_where_it_can_do_no_harm(client: TestClient, runner: ScriptedRunner, table: str):
    job = finished(client, runner, table)
    answer = client.get(f"{JOBS}/{job['id']}/results/evaluation_report/download")
    assert "José" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-same-origin" not in policy


def test_safe_csv_has_no_formulas_and_keeps_numbers(client: TestClient, runner: ScriptedRunner, table: str):
    job = finished(client, runner, table)
    address = f"{JOBS}/{job['id']}/results/synthetic_data/download"
    assert client.get(f"{address}?safe_csv=1").text == "name,age\n'=1+1,-5\nJosé,7\n"
    assert client.get(address).text == 'name,age\n"=1+1",-5\nJosé,7\n'


def finished(client: TestClient, runner: ScriptedRunner, table: str) -> dict[str, Any]:
    job = create(client, table)
    go_round(client)
    submission = next(name for name in runner.known if name.startswith(job["id"]))
    runner.finishes(submission)
    go_round(client)
    return job


def test_jobs_wait_for_room_and_start_in_their_order(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(limits={"max_active_jobs": 2, "max_active_per_namespace": 1})
    first, second = create(client, table), create(client, table)
    other = create(client, table, namespace="other")
    go_round(client)
    assert [status_of(client, job)["status"] for job in (first, second, other)] == ["pending", "pending", "pending"]
    assert set(runner.known) == {f"{first['id']}-1", f"{other['id']}-1"}
    runner.finishes(f"{first['id']}-1")
    go_round(client)
    assert f"{second['id']}-1" in runner.known


def test_too_many_waiting_jobs_are_refused(make_client: Callable[..., TestClient], table: str):
    client = make_client(limits={"max_waiting_jobs": 1})
    create(client, table)
    answer = client.post(JOBS, json=body(table))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")


def test_cancel_stops_what_runs_and_leaves_what_is_over(client: TestClient, runner: ScriptedRunner, table: str):
    waiting, running = create(client, table), None
    assert client.post(f"{JOBS}/{waiting['id']}/cancel").json()["status"] == "cancelled"
    running = create(client, table)
    go_round(client)
    runner.says(f"{running['id']}-1", "RUNNING")
    go_round(client)
    assert client.post(f"{JOBS}/{running['id']}/cancel").json()["status"] == "cancelling"
    go_round(client, 2)
    assert runner.stopped == [f"{running['id']}-1"]
    assert status_of(client, running)["status"] == "cancelled"
    done = finished(client, runner, table)
    assert client.post(f"{JOBS}/{done['id']}/cancel").json()["status"] == "completed"


def test_a_deleted_job_is_gone_at_once_and_its_files_with_the_next_round(
    client: TestClient, runner: ScriptedRunner, table: str, tmp_path: Path
):
    job = finished(client, runner, table)
    answer = client.delete(f"{JOBS}/{job['id']}")
    assert (answer.status_code, answer.json()) == (200, None)  # trap 1
    assert client.get(f"{JOBS}/{job['id']}").status_code == 404
    go_round(client)
    assert [path for path in (tmp_path / "storage").rglob("*") if job["id"] in str(path)] == []
    assert runner.known == {}


def test_a_running_job_that_is_deleted_is_stopped_first(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table, name="mine")
    go_round(client)
    client.delete(f"{JOBS}/{job['id']}")
    create(client, table, name="mine")  # the name is free again
    go_round(client, 2)
    assert runner.stopped == [f"{job['id']}-1"]


def test_a_killed_driver_is_started_again_in_its_run_directory(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    go_round(client)
    runner.says(f"{job['id']}-1", "FAILED")
    go_round(client)
    assert runner.options(f"{job['id']}-2")["out"] == runner.options(f"{job['id']}-1")["out"]
    runner.finishes(f"{job['id']}-2")
    go_round(client)
    assert status_of(client, job)["status"] == "completed"


def test_a_new_start_of_the_cluster_loses_no_job(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    go_round(client)
    runner.reports(f"{job['id']}-1")
    runner.known.clear()
    go_round(client)
    assert list(runner.known) == [f"{job['id']}-2"]


def test_while_the_cluster_does_not_answer_jobs_are_taken_and_wait(
    client: TestClient, runner: ScriptedRunner, table: str
):
    runner.down = True
    job = create(client, table)
    with pytest.raises(Exception, match="does not answer"):
        go_round(client)
    assert status_of(client, job)["status"] == "created"
    runner.down = False
    go_round(client)
    assert list(runner.known) == [f"{job['id']}-1"]


def test_a_job_that_the_cluster_does_not_take_waits_for_it_and_none_of_its_attempts_is_lost(
    client: TestClient, runner: ScriptedRunner, table: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serve.runner.job_progress.ORPHAN_SECONDS", 0.0)
    job = create(client, table)
    runner.full = True
    for _ in range(5):
        with pytest.raises(ResourceError):
            go_round(client)
    shown = status_of(client, job)
    assert (shown["status"], shown["status_details"]["message"]) == ("pending", UNDELIVERED)
    runner.full = False
    go_round(client)
    assert list(runner.known) == [f"{job['id']}-1"]
    runner.finishes(f"{job['id']}-1")
    go_round(client)
    assert status_of(client, job)["status"] == "completed"


def test_a_data_set_that_was_deleted_before_the_job_began_is_an_error_of_that_job_alone(
    client: TestClient, runner: ScriptedRunner, table: str, tmp_path: Path
):
    source = client.post("/v1/datasets/upload?filename=t.csv", content=b"a\n1\n").json()["data_source"]
    lost = create(client, source)
    for content in (tmp_path / "storage" / "objects").rglob("*"):
        if content.is_file():
            content.unlink()
    other = create(client, table)
    go_round(client)
    assert status_of(client, lost)["error_details"]["message"] == "the data set was deleted before the job began"
    assert f"{other['id']}-1" in runner.known


def test_a_status_file_that_cannot_be_read_stops_no_other_job(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(limits={"max_active_jobs": 2, "max_active_per_namespace": 2})
    broken, fine = create(client, table), create(client, table)
    go_round(client)
    Path(runner.options(f"{broken['id']}-1")["status"]).write_text("{")
    runner.finishes(f"{fine['id']}-1")
    go_round(client)
    assert [status_of(client, job)["status"] for job in (broken, fine)] == ["pending", "completed"]


@pytest.mark.parametrize(
    ("filename", "named"),
    [
        ("my table.CSV", "table.csv"),
        ("x.csv.gz", "table.csv.gz"),
        ("--config.jsonl", "table.jsonl"),
        ("%252e%252e%252fvictim.csv", "table.csv"),
        ("x.csv%3Fendpoint_override=evil.example", "table"),
        ("表" * 100 + ".parquet", "table.parquet"),
    ],
)
def test_of_an_uploads_name_only_the_ending_goes_into_a_path(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, tmp_path: Path, filename: str, named: str
):
    client = make_client(storage=f"file://{tmp_path}/storage")
    answer = client.post(f"/v1/datasets/upload?filename={filename}", content=b"a\n1\n")
    job = create(client, answer.json()["data_source"])
    go_round(client)
    data = Path(runner.options(f"{job['id']}-1")["data"].removeprefix("file://"))
    assert (data.parent.name, data.name, data.read_bytes()) == ("input", named, b"a\n1\n")


def test_rows_of_a_data_set_do_not_outlive_the_job(client: TestClient, runner: ScriptedRunner, tmp_path: Path):
    address = "/v1/datasets/upload?filename=t.csv&name=mine"
    job = create(client, client.post(address, content=b"cell-4711\n1\n").json()["data_source"])
    go_round(client)
    runner.finishes(f"{job['id']}-1")
    go_round(client)
    client.request(
        "DELETE", "/v1/hf/api/repos/delete", json={"name": "mine", "organization": "default", "type": "dataset"}
    )
    files = [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    assert [path for path in files if b"cell-4711" in path.read_bytes()] == []


def test_a_claimed_job_that_ray_does_not_know_yet_is_not_submitted_by_another_replica(
    client: TestClient, runner: ScriptedRunner, table: str
):
    job = create(client, table)
    go_round(client)
    runner.known.clear()  # told, and not listed yet
    go_round(client)
    assert runner.known == {}
    assert status_of(client, job)["status"] == "pending"


def test_namespaces_take_turns(make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str):
    client = make_client(limits={"max_active_jobs": 2, "max_active_per_namespace": 2, "max_waiting_per_namespace": 3})
    greedy = [create(client, table, namespace="greedy") for _ in range(3)]
    assert client.post(JOBS, json=body(table, namespace="greedy")).status_code == 429
    other = create(client, table, namespace="other")
    go_round(client)
    assert set(runner.known) == {f"{greedy[0]['id']}-1", f"{other['id']}-1"}


@pytest.mark.parametrize("text", ["a\x00b", "half \ud800 pair", "x" * 10_000])
def test_what_no_database_holds_in_a_log_stops_no_job(
    client: TestClient, runner: ScriptedRunner, table: str, text: str
):
    job = create(client, table)
    go_round(client)
    runner.says(f"{job['id']}-1", "RUNNING")
    runner.writes(f"{job['id']}-1", log_line(text))
    runner.reports(f"{job['id']}-1", stages=[stage("read") | {"note": text}])
    go_round(client)
    assert status_of(client, job)["status"] == "active"
    (line,) = client.get(f"{JOBS}/{job['id']}/logs").json()["data"]
    assert len(line["message"]) <= 4096


def test_an_endless_log_is_read_once(client: TestClient, runner: ScriptedRunner, table: str, monkeypatch: Any):
    monkeypatch.setattr("serve.runner.dispatcher.LOG_CHARACTERS", 1000)
    job = create(client, table)
    go_round(client)
    runner.says(f"{job['id']}-1", "RUNNING")
    runner.writes(f"{job['id']}-1", *(log_line(f"line {number}") for number in range(100)))
    go_round(client)
    total = client.get(f"{JOBS}/{job['id']}/logs").json()["total"]
    runner.writes(f"{job['id']}-1", log_line("more"))
    go_round(client)
    assert 0 < client.get(f"{JOBS}/{job['id']}/logs").json()["total"] == total < 100


def test_a_damaged_result_holds_up_no_job(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    go_round(client)
    runner.finishes(f"{job['id']}-1")
    (Path(runner.options(f"{job['id']}-1")["out"]) / "internal" / "metrics.json").write_text("{")
    go_round(client)
    assert status_of(client, job)["status"] == "completed"


@pytest.mark.parametrize("fields", [{"description": "x" * 5000}, {"custom_fields": {"a": "x" * 70_000}}])
def test_free_texts_of_a_job_are_bounded(client: TestClient, table: str, fields: dict[str, Any]):
    assert client.post(JOBS, json=body(table, **fields)).status_code == 422


def test_nobody_has_a_body_read_who_did_not_show_who_they_are(make_client: Callable[..., TestClient]):
    client = make_client(auth={"api_keys": True})
    wrong = {"content-type": "application/json", "content-length": "3"}
    for address in (JOBS, "/apis/files/v2/workspaces/x/filesets", "/v1/datasets/upload?filename=a.csv"):
        assert client.post(address, content=b"{{{", headers=wrong).status_code == 401


def test_a_file_may_be_long_and_what_only_looks_like_one_may_not(make_client: Callable[..., TestClient]):
    client = make_client(limits={"max_body_bytes": 1024})
    long = b"x" * 2000
    assert client.post("/v1/datasets/upload?filename=a.csv", content=long).status_code == 201
    for address in ("/apis/files/v2/workspaces/x/filesets", "/v1/hf/lfs/x/y/verify", "/v1/namespaces"):
        assert client.post(address, content=long).status_code == 413


def test_another_attempt_reads_the_very_file_of_the_first(client: TestClient, runner: ScriptedRunner):
    address = "/v1/datasets/upload?filename=t.csv"
    job = create(client, client.post(address, content=b"a\n1\n").json()["data_source"])
    go_round(client)
    data = Path(runner.options(f"{job['id']}-1")["data"])
    before = data.stat()
    client.post(address, content=b"a\n1\n")  # the same content once more
    runner.says(f"{job['id']}-1", "FAILED")
    go_round(client)
    assert runner.options(f"{job['id']}-2")["data"] == str(data)
    assert (data.stat().st_ino, data.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_one_replica_follows_jobs(client: TestClient, make_client: Callable[..., TestClient], table: str):
    job = create(client, table)
    go_round(client)
    second = make_client()
    go_round(second)
    assert status_of(second, job)["status"] == "pending"
    assert list(second.app.state.service.dispatcher.runner.known) == [f"{job['id']}-1"]


def test_a_create_that_is_sent_again_makes_no_second_job(client: TestClient, table: str):
    first = client.post(JOBS, json=body(table), headers={"x-stainless-retry-count": "0"}).json()
    again = client.post(JOBS, json=body(table), headers={"x-stainless-retry-count": "1"})
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    assert client.post(JOBS, json=body(table)).json()["id"] != first["id"]  # somebody wants it twice


def test_an_idempotency_key_names_one_job(client: TestClient, table: str):
    key = {"idempotency-key": "k1"}
    ids = {client.post(JOBS, json=body(table), headers=key).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    assert client.post(JOBS, json=body(table, {"generation": {"num_records": 5}}), headers=key).status_code == 409


def test_a_name_is_used_once_and_the_client_is_told_not_to_try_again(client: TestClient, table: str):
    create(client, table, name="mine")
    answer = client.post(JOBS, json=body(table, name="mine"))
    assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")
    create(client, table, name="mine", namespace="other")


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"training": {"batch_size": 0}}, "batch_size"),
        ({"generation": {"top_p": 3}}, "top_p"),
        ({"generation": {"num_records": -5}}, "num_records"),
        ({"replace_pii": {"steps": []}}, "steps"),
        ({"data": {"order_training_examples_by": "a"}}, "group_training_examples_by"),  # trap 18
        ({"training": {"pretrained_model": "meta/llama"}}, "pretrained_model"),
        ({"training": {"pretrained_model": "/etc"}}, "pretrained_model"),
        ({"training": []}, "training"),
        ({"enable_synthesis": False, "enable_replace_pii": False}, "nothing to do"),
        ({"audit_log": "/etc/cron.d/x"}, "audit_log"),
        ({"resources": {"num_train_workers": 100}}, "resources"),
        ({"tracking": {"openlineage_url": "file:///etc/cron.d/x"}}, "tracking"),
        ({"tracking": {"mlflow_uri": "http://169.254.169.254"}}, "tracking"),
        ({"privacy": {"dp_enabled": True, "ledger": "sqlite:////tmp/mine"}}, "ledger"),
        ({"privacy": {"dp_enabled": True, "dataset": "fresh"}}, "dataset"),
        ({"generation": {"seed_table": "/etc/passwd"}}, "seed_table"),
        ({"replace_pii": {"globals": {"classify": {"endpoint": {"url": "http://169.254.169.254"}}}}}, "endpoint"),
        ({"replace_pii": {"globals": {"ner": {"model": "transformers:/x"}}}}, "ner.model"),
        ({"replace_pii": {"key_env": "AWS_SECRET_ACCESS_KEY"}}, "key_env"),
        ({"replace_pii": {"key_env": "builtin"}}, "key_env"),
        ({"privacy": {"dp_enabled": True, "dataset": "builtin"}}, "dataset"),
        ({"privacy": {"dp_enabled": True, "allow_inferred_schema": True}}, "allow_inferred_schema"),
        ({"constraints": [{"foo": 1}]}, "constraints"),
        ({"generation": {"structured_generation": None, "use_structured_generation": True}}, "structured_generation"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    client: TestClient, table: str, config: dict[str, Any], word: str
):
    answer = client.post(JOBS, json=body(table, config))
    assert (answer.status_code, word in str(answer.json()["detail"])) == (422, True), answer.text
    assert client.get(JOBS).json()["data"] == []


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "https://example.org/x.csv",
        "s3://bucket/x.csv",
        "hf://datasets/default/none/x.csv",
        "hf://datasets/../../etc/passwd",
        "hf://models/a/b/c.csv",
        "",
        "x",
        "x#y",
        "TABLES/../../etc/passwd",
        "TABLES/../state.sqlite",
        "TABLES/none.csv",
    ],
)
def test_a_source_that_is_not_configured_is_refused(client: TestClient, source: str, tmp_path: Path):
    answer = client.post(JOBS, json=body(source.replace("TABLES", str(tmp_path / "tables"))))
    assert answer.status_code == 422
    assert client.get(JOBS).json()["data"] == []


def test_a_link_does_not_lead_out_of_a_configured_folder(client: TestClient, tmp_path: Path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (tmp_path / "tables" / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert client.post(JOBS, json=body(str(tmp_path / "tables" / "link.csv"))).status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"spec": 5}',
        b'{"spec": {"data_source": 5}}',
        b'{"spec": {"data_source": "x", "config": []}}',
        b'{"spec": {"data_source": "x"}, "custom_fields": {"a": NaN}}',
        b'{"spec": {"data_source": "x"}, "name": "\\ud800"}',
        b'{"spec": {"data_source": "x"}, "name": "a\\u0000"}',
        b'{"spec": {"data_source": "x"}, "name": "a/b"}',
        b'{"spec": {"data_source": "x"}, "namespace": "../x"}',
        b"\xff\xfe",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)
def test_malformed_bodies_are_a_4xx_that_says_why(client: TestClient, content: bytes):
    answer = client.post(JOBS, content=content, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]


def test_lists_are_filtered_searched_sorted_and_end(client: TestClient, table: str):
    for name in ("probe-1", "probe-2", "other"):
        create(client, table, name=name, project="p1")
    names = lambda query: [job["name"] for job in client.get(f"{JOBS}?{query}").json()["data"]]  # noqa: E731
    assert names("sort=created_at") == ["probe-1", "probe-2", "other"]
    assert names("filter[name]=probe-2") == ["probe-2"]
    assert names("search[name]=pro,zzz&sort=created_at") == ["probe-1", "probe-2"]
    assert names("filter[status]=created&page_size=2&page=2") == ["probe-1"]
    assert client.get(f"{JOBS}?page=9").json()["data"] == []  # trap 9
    assert client.get(f"{JOBS}?sort=zzz").status_code == 422


def test_logs_are_paged_and_end_with_null(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    assert client.get(f"{JOBS}/{job['id']}/logs").json()["data"] == []
    go_round(client)
    submission = f"{job['id']}-1"
    runner.says(submission, "RUNNING")
    runner.writes(submission, *(log_line(f"line {number}") for number in range(5)))
    runner.writes(submission, "a traceback with a cell", log_line("of another package", "pandas.io"))
    go_round(client, 2)
    messages, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{JOBS}/{job['id']}/logs?limit=2{cursor and f'&page_cursor={cursor}'}").json()
        messages += [line["message"] for line in page["data"]]
        cursor = page["next_page"]
    assert messages == [f"line {number}" for number in range(5)]
    times = [pd.Timestamp(line["timestamp"]) for line in client.get(f"{JOBS}/{job['id']}/logs").json()["data"]]
    assert all(time.tzinfo is not None for time in times)  # trap 10
    assert client.get(f"{JOBS}/{job['id']}/logs?page_cursor=zzz").status_code == 422


def test_a_half_written_line_is_taken_when_it_is_whole(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    go_round(client)
    submission, line = f"{job['id']}-1", log_line("whole")
    runner.says(submission, "RUNNING")
    runner.texts[submission] = line[:20]
    go_round(client)
    runner.texts[submission] = line + "\n"
    go_round(client)
    assert [row["message"] for row in client.get(f"{JOBS}/{job['id']}/logs").json()["data"]] == ["whole"]


def test_of_many_jobs_the_logs_are_read_in_turns_and_at_the_end_at_once(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(limits={"max_active_jobs": 9, "max_active_per_namespace": 9})
    jobs = [create(client, table) for _ in range(9)]
    go_round(client)
    for job in jobs:
        runner.says(f"{job['id']}-1", "RUNNING")
        runner.writes(f"{job['id']}-1", log_line("begins"))

    def read() -> list[int]:
        return [client.get(f"{JOBS}/{job['id']}/logs").json()["total"] for job in jobs]

    go_round(client)
    assert sum(read()) <= LOGS_A_ROUND
    go_round(client, 2)
    assert read() == [1] * 9
    for job in jobs:
        runner.writes(f"{job['id']}-1", log_line("ends"))
        runner.finishes(f"{job['id']}-1")
    go_round(client)
    assert read() == [2] * 9


def test_the_last_words_of_drivers_that_die_at_once_are_kept(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(limits={"max_active_jobs": 9, "max_active_per_namespace": 9})
    jobs = [create(client, table) for _ in range(9)]
    go_round(client)
    for job in jobs:
        runner.writes(f"{job['id']}-1", log_line("last words"))
        runner.says(f"{job['id']}-1", "FAILED")
    go_round(client)
    for job in jobs:
        first, second = client.get(f"{JOBS}/{job['id']}/logs").json()["data"]
        assert (first["message"], "driver was lost" in second["message"]) == ("last words", True)


def test_a_long_log_is_cut_with_a_word(make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str):
    client = make_client(limits={"max_log_lines": 100})
    job = create(client, table)
    go_round(client)
    runner.says(f"{job['id']}-1", "RUNNING")
    runner.writes(f"{job['id']}-1", *(log_line(f"line {number}") for number in range(300)))
    go_round(client, 2)
    page = client.get(f"{JOBS}/{job['id']}/logs").json()
    assert (page["total"], "longer" in page["data"][-1]["message"]) == (100, True)


def test_a_model_the_client_names_by_itself_is_replaced_and_said_so(client: TestClient, table: str):
    job = create(client, table, {"training": {"pretrained_model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0"}})
    asked = {"asked": "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "trained": "compact"}
    assert job["status_details"]["model"] == asked
    assert job["spec"]["config"]["training"]["pretrained_model"] == asked["asked"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"data": {"group_training_examples_by": "nane"}}, "(group): there is no column 'nane'; did you mean 'name'?"),
        ({"data": {"columns": {"Age": {"kind": "integer"}}}}, "data.columns: there is no column 'Age'"),
        ({"constraints": [{"type": "range", "column": "ages", "minimum": 1}]}, "did you mean 'age'?"),
    ],
)
def test_a_column_that_the_table_lacks_is_refused_at_creation(
    client: TestClient, table: str, config: dict[str, Any], message: str
):
    uploaded = client.post("/v1/datasets/upload?filename=people.csv", content=Path(table).read_bytes()).json()
    for source in (table, uploaded["data_source"]):
        answer = client.post(JOBS, json=body(source, config))
        assert answer.status_code == 422
        assert message in answer.json()["detail"]
    assert client.get(JOBS).json()["data"] == []
    create(client, table, {"data": {"group_training_examples_by": "name"}})


def test_a_table_that_cannot_be_looked_at_is_left_to_the_job(client: TestClient, table: str):
    Path(table).write_bytes(b"PAR1 and nothing more")
    create(client, table, {"data": {"group_training_examples_by": "name"}})


def test_unknown_parameters_are_told_in_the_status_and_the_report(
    client: TestClient, runner: ScriptedRunner, table: str
):
    job = create(client, table, {"generation": {"num_record": 50}, "training": {"batch_size": 4}})
    said = "These parameters are unknown and have no effect: generation.num_record; did you mean 'num_records'?"
    assert job["status_details"]["warnings"] == [said]
    go_round(client)
    (submission,) = runner.known
    runner.says(submission, "RUNNING")
    runner.reports(submission, stages=[stage("read")])
    go_round(client)
    assert status_of(client, job)["status_details"]["warnings"] == [said]
    assert said in Path(runner.options(submission)["config"]).read_text()
    assert "warnings" not in create(client, table)["status_details"]


def test_a_pii_job_runs_its_own_entry_point(client: TestClient, runner: ScriptedRunner, table: str):
    create(client, table, {"enable_synthesis": False})
    go_round(client)
    (entrypoint,) = runner.entrypoints.values()
    assert "-m jobs.replace_pii" in entrypoint


def test_namespaces_do_not_see_each_other(make_client: Callable[..., TestClient], table: str):
    client = make_client(auth={"api_keys": True})
    database: Database = client.app.state.service.database
    keys = {
        name: {"authorization": f"Bearer {create_key(database, name, roles)}"}
        for name, roles in {"ann": {"a": "admin"}, "bea": {"b": "editor"}, "eve": {"a": "viewer"}}.items()
    }
    assert client.get(JOBS).status_code == 401
    job = client.post(JOBS, json=body(table, namespace="a"), headers=keys["ann"]).json()
    assert client.post(JOBS, json=body(table, namespace="a"), headers=keys["bea"]).status_code == 404
    assert client.post(JOBS, json=body(table, namespace="a"), headers=keys["eve"]).status_code == 403
    for address in ("", "/status", "/logs", "/results", "/results/summary/download"):
        assert client.get(f"{JOBS}/{job['id']}{address}", headers=keys["bea"]).status_code == 404
    assert client.post(f"{JOBS}/{job['id']}/cancel", headers=keys["bea"]).status_code == 404
    assert client.delete(f"{JOBS}/{job['id']}", headers=keys["bea"]).status_code == 404
    assert client.get(f"{JOBS}/{job['id']}", headers=keys["eve"]).status_code == 200
    assert client.post(f"{JOBS}/{job['id']}/cancel", headers=keys["eve"]).status_code == 403
    listed = {name: len(client.get(JOBS, headers=key).json()["data"]) for name, key in keys.items()}
    assert listed == {"ann": 1, "bea": 0, "eve": 1}


@pytest.mark.parametrize("address", ["", "/status", "/logs", "/results", "/results/summary", "/results/x/download"])
def test_unknown_jobs_are_404(client: TestClient, address: str):
    answer = client.get(f"{JOBS}/nope{address}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Job nope not found")
