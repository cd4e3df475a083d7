"""Pages of jobs: search, comparison, the zip file, figures, charts, times, and who may look at a table."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.pages.charts import draw_distances, draw_losses, draw_scores
from serve.pages.job_times import estimate_time
from serve.pages.rendering import describe_seconds
from serve.store.auth import create_key
from ss_ray.privacy.ledger.ledger import Ledger
from tests.serve.api.test_jobs import JOBS, create, finished
from tests.serve.fakes import ScriptedRunner
from tests.serve.pages.test_pages import CSV, submit, text_of

LOOK = {"then": "look", "synthesis": "on", "replace_pii": "on"}


def test_a_look_has_an_address_of_its_own_and_shows_the_rows_to_their_owner(client: TestClient):
    answer = submit(client, CSV, **LOOK)
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    for word in ("1 rows, 2 columns", "Ann", "Estimated time: about", "Balanced, epsilon 8", "no budget is set for it"):
        assert word in text_of(page), word
    assert client.get(JOBS).json()["data"] == []


def test_a_job_of_the_page_knows_its_estimate(client: TestClient):
    answer = submit(client, CSV, synthesis="on", replace_pii="on")
    job = answer.headers["location"].rpartition("/")[2]
    assert client.get(f"{JOBS}/{job}").json()["custom_fields"]["estimated_seconds"] > 0
    assert "About 41 seconds from its start on" in text_of(client.get(f"/jobs/{job}"))


def test_the_remaining_budget_of_a_data_set_is_shown(make_client: Callable[..., TestClient], tmp_path: Any):
    ledger = f"sqlite:///{tmp_path}/ledger.sqlite"
    Ledger(ledger).set_budget("clinic", "row", epsilon=4.0, delta=1e-6)
    client = make_client(ledger=ledger, datasets={"clinic": ["hf://datasets/default/uploads"]})
    answer = submit(client, CSV, **LOOK)
    assert "Data set clinic , row: jobs have spent or reserved epsilon 0 of 4; about 4 is left" in text_of(
        client.get(answer.headers["location"])
    )
    page = text_of(client.get("/data-sets"))
    assert "people.csv" in page
    assert "row: ε 0 of 4 used" in page


@pytest.mark.parametrize("path", ["/jobs/new?source=TABLE", "/jobs/new?source=UPLOAD&namespace=trial"])
def test_nobody_sees_rows_without_the_role_to_run_jobs_on_them(
    make_client: Callable[..., TestClient], table: str, path: str
):
    client = make_client(auth={"api_keys": True})
    database = client.app.state.service.database  # type: ignore[attr-defined]
    owner = {"authorization": f"Bearer {create_key(database, 'ann', {'trial': 'editor'})}"}
    viewer = {"authorization": f"Bearer {create_key(database, 'bob', {'trial': 'viewer', 'other': 'viewer'})}"}
    upload = client.post("/v1/datasets/upload?namespace=trial", files={"file": CSV}, headers=owner).json()
    address = path.replace("TABLE", table).replace("UPLOAD", upload["data_source"])
    assert "Ann" in text_of(client.get(address, headers=owner))
    refused = client.get(address, headers=viewer)
    assert "Ann" not in text_of(refused)
    assert "editor" in text_of(refused)


def test_jobs_are_searched_filtered_and_sorted(client: TestClient, table: str):
    for name, namespace in (("beta", "trial"), ("alpha", "trial"), ("gamma", "other")):
        create(client, table, name=name, namespace=namespace)
    found = client.get(
        "/", params={"search[name]": "A", "filter[namespace]": "trial", "filter[status]": "", "sort": "name"}
    )
    page = text_of(found)
    assert page.index("alpha") < page.index("beta")
    assert "gamma" not in page
    assert "No job is like that" in text_of(client.get("/", params={"search[name]": "none"}))
    assert client.get("/", params={"filter[status]": "wrong"}).status_code == 400


def test_a_finished_job_shows_verdict_utility_discriminator_rows_and_charts(
    client: TestClient, runner: ScriptedRunner, table: str
):
    page = text_of(client.get(f"/jobs/{finished(client, runner, table)['id']}"))
    for word in ("8.1 Excellent", "predicting age 0.83 real rows 0.91", "0.58 0.5 is ideal", "José", "7.4", "0.25"):
        assert word in page, word


def test_a_viewer_sees_no_figures_that_real_rows_made(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(auth={"api_keys": True})
    database = client.app.state.service.database  # type: ignore[attr-defined]
    client.headers["authorization"] = f"Bearer {create_key(database, 'ann', {'default': 'admin'})}"
    job = finished(client, runner, table)
    client.headers["authorization"] = f"Bearer {create_key(database, 'bob', {'default': 'viewer'})}"
    page = text_of(client.get(f"/jobs/{job['id']}"))
    assert "José" in page
    assert "0.58" not in page
    assert "Distance of the columns" not in page
    names = zipfile.ZipFile(io.BytesIO(client.get(f"/jobs/{job['id']}/results.zip").content)).namelist()
    assert names == ["synthetic_data.csv", "synthetic_data.parquet"]
    assert client.get("/compare", params={"job": [job["id"], "x"]}).status_code == 403


def test_all_results_come_in_one_zip_file(client: TestClient, runner: ScriptedRunner, table: str):
    job = finished(client, runner, table)
    answer = client.get(f"/jobs/{job['id']}/results.zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert {"synthetic_data.csv", "synthetic_data.parquet", "evaluation_report.html", "metrics.json"} <= set(
        archive.namelist()
    )
    assert (
        archive.read("synthetic_data.csv") == client.get(f"{JOBS}/{job['id']}/results/synthetic_data/download").content
    )


def test_two_jobs_are_compared_by_figures_and_settings(client: TestClient, runner: ScriptedRunner, table: str):
    first = finished(client, runner, table)
    second = create(client, table, {"generation": {"num_records": 9}}, name="second")
    page = text_of(client.get("/compare", params={"job": [first["id"], second["id"]]}))
    assert "discriminator AUC 0.580 -" in page
    assert "generation.num_records – 9" in page
    assert client.get("/compare", params={"job": first["id"]}).status_code == 422


def test_a_job_is_asked_for_again_with_its_settings(client: TestClient, table: str):
    job = create(client, table, {"generation": {"num_records": 77}, "training": {"effort": "fast"}})
    page = client.get(f"/jobs/new?again={job['id']}").text
    assert 'name="rows" inputmode="numeric" value="77"' in page
    assert "<option selected>fast</option>" in page


def test_a_preview_and_an_estimate_answer_with_the_labels_of_the_form(client: TestClient, table: str):
    fields = {"data_source": table, "synthesis": "on", "replace_pii": "on"}

    def post(address: str, **changes: str) -> Any:
        return client.post(address, data=fields | changes, files={"file": ("", b"")})

    assert "Rows that were replaced for this preview: 1." in text_of(post("/ui/preview"))
    assert post("/ui/estimate").text == "about 41 seconds on two cores"
    wrong = post("/ui/estimate", rows="many")
    assert (wrong.status_code, wrong.text.startswith("Synthetic rows: ")) == (422, True)
    assert post("/ui/preview", data_source="").status_code == 422
    kept = client.post("/ui/preview", data={"data_source": table, "synthesis": "on"}, files={"file": ("", b"")})
    assert (kept.status_code, kept.text) == (422, "tick 'Replace personal data' to see what it does")


@dataclass
class TimedJob:
    """What the time of a job is told by."""

    status: str
    started_at: str | None
    steps: list[dict[str, Any]]


@pytest.mark.parametrize(
    ("elapsed", "done", "estimate", "left", "total"),
    [
        (None, 0, 60.0, 60, 60),  # not started
        (10, 0, 60.0, 60, 70),  # nothing is done after ten seconds: all of it is left
        (30, 1, 60.0, 30, 60),  # half of the weight is done in half of the time
        (60, 1, 60.0, 60, 120),  # slower than estimated: its own pace counts
        (30, 1, None, 30, 60),
    ],
)
def test_the_time_of_a_job_follows_its_own_pace_where_that_is_slower(
    elapsed: int | None, done: int, estimate: float | None, left: float, total: float
):
    started = None if elapsed is None else (datetime.now(UTC) - timedelta(seconds=elapsed)).isoformat()
    steps = [
        {"name": "generate", "status": "completed" if done else "active"},
        {"name": "evaluate", "status": "active"},
    ]
    time = estimate_time(TimedJob("active", started, steps), estimate)  # type: ignore[arg-type]
    assert time is not None
    assert (time.left, time.total) == (pytest.approx(left, abs=0.5), pytest.approx(total, abs=0.5))


def test_without_any_sign_no_time_is_told():
    now = datetime.now(UTC).isoformat()
    steps = [{"name": "train", "status": "active"}]
    assert estimate_time(TimedJob("active", now, steps), None) is None  # type: ignore[arg-type]
    assert estimate_time(TimedJob("completed", now, steps), 5.0) is None  # type: ignore[arg-type]


def test_charts_hold_what_was_measured_alone():
    (bar,) = draw_scores({"column_correlation_stability_score": 7.5, "deep_structure_stability_score": None})
    assert (bar.title, bar.share, bar.text) == ("Correlations", 0.75, "7.5")
    columns = [{"name": "a", "distance": {"value": None}}, {"name": "b", "distance": {"value": 0.5}}]
    (bar,) = draw_distances({"fidelity": {"columns": columns}})
    assert (bar.title, bar.share, bar.mark) == ("b", 0.5, None)
    assert draw_distances(json.loads("{}")) == []


def test_losses_are_read_from_the_log():
    curve = draw_losses(["train: 1/9 steps, loss 4.0", "train: 5/9 steps", "train: 9/9 steps, loss 2.0"])
    assert curve is not None
    assert (curve.points, curve.ends) == ("0.0,2.0 100.0,28.0", (4.0, 2.0))
    assert draw_losses(["train: 1/9 steps, loss 4.0"]) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 seconds"), (89, "89 seconds"), (150, "2 minutes"), (9000, "2.5 hours")]
)
def test_times_are_told_in_words(seconds: float, words: str):
    assert describe_seconds(seconds) == words
