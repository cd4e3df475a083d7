"""The pages without a browser: what they show, what they refuse, and that nothing of a table becomes markup."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from serve.state import SESSION_COOKIE
from serve.store.auth import create_key, revoke_key
from ss_ray.privacy.ledger.ledger import Ledger
from tests.serve.api.test_jobs import JOBS, create, finished, go_round
from tests.serve.fakes import ScriptedRunner, log_line, stage

EVIL = "<script>alert(1)</script>"
PEOPLE = {"accept": "text/html,application/xhtml+xml"}
CSV = ("people.csv", b"name,age\nAnn,1\n", "text/csv")
CHOSEN = {"synthesis": "on", "replace_pii": "on"}


def text_of(answer: Response) -> str:
    """What a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def value_of(answer: Response, name: str) -> str | None:
    """Value of a field of a form that came back: typed, chosen from a list, or checked; None without the field."""
    name = re.escape(name)
    typed = re.search(rf'<input [^>]*name="{name}"[^>]* value="([^"]*)"(?! checked)[^>]*>', answer.text)
    checked = re.search(rf'<input type="radio" name="{name}" value="([^"]*)" checked>', answer.text)
    if checked:
        return checked[1]

    select = re.search(rf'<select name="{name}".*?</select>', answer.text, re.DOTALL)
    if select:
        chosen = re.search(r"<option selected>([^<]*)<", select[0])
        return html.unescape(chosen[1]) if chosen else ""

    return html.unescape(typed[1]) if typed else None


def submit(client: TestClient, file: Any = None, **fields: str) -> Response:
    """Send the form as a browser does: multipart, with an empty file where none was chosen."""
    files = {"file": file or ("", b"", "application/octet-stream")}
    return client.post("/jobs/new", data=fields, files=files, follow_redirects=False)


def run(client: TestClient, runner: ScriptedRunner, job: dict[str, Any]) -> str:
    """Bring a job to its training; the submission's id."""
    go_round(client)
    submission = f"{job['id']}-1"
    runner.says(submission, "RUNNING")
    runner.reports(submission, stages=[stage("read", 4), stage("train", 1200, 4800)])
    go_round(client)
    return submission


def test_without_jobs_the_list_says_how_to_start_one(client: TestClient):
    answer = client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "No jobs yet" in text_of(answer)
    assert 'href="/jobs/new"' in answer.text


def test_the_list_shows_jobs_with_progress_and_grades(client: TestClient, runner: ScriptedRunner, table: str):
    done = finished(client, runner, table)
    running = create(client, table, name="under way", namespace="trial")
    run(client, runner, running)
    page = client.get("/")
    for word in (done["name"], "completed", "Excellent", "under way", "trial", "active", "39 %"):
        assert word in text_of(page), word
    assert client.get("/ui/jobs").text.strip() in page.text
    assert page.text.index("under way") < page.text.index(done["name"])  # the newest first


def test_long_lists_have_pages(client: TestClient, table: str):
    for number in range(12):
        create(client, table, name=f"job-{number:02}")
    first, second = client.get("/"), client.get("/?page=2")
    assert "page 1 of 2" in text_of(first)
    assert 'href="/?page=2"' in first.text
    assert "job-01" in second.text
    assert "job-11" not in second.text


def test_an_uploaded_file_becomes_a_job(client: TestClient, runner: ScriptedRunner):
    answer = submit(client, CSV, **CHOSEN, name="mine", rows="5", privacy="own", epsilon="3", target="age")
    assert answer.status_code == 303
    job = client.get(f"{JOBS}/{answer.headers['location'].rpartition('/')[2]}").json()
    config = job["spec"]["config"]
    assert re.fullmatch(r"hf://datasets/default/uploads/upload-\w+/people\.csv", job["spec"]["data_source"])
    assert (job["name"], job["namespace"]) == ("mine", "default")
    assert (config["privacy"]["dp_enabled"], config["privacy"]["epsilon"]) == (True, "3")
    assert (config["generation"]["num_records"], config["evaluation"]["target"]) == ("5", "age")
    go_round(client)
    assert "-m jobs.run" in runner.entrypoints[f"{job['id']}-1"]


def test_a_data_set_that_is_there_is_offered_and_can_be_chosen(client: TestClient):
    source = client.post("/v1/datasets/upload", files={"file": CSV}).json()["data_source"]
    assert f'<option value="{source}">' in client.get("/jobs/new").text
    answer = submit(client, data_source=source, **CHOSEN)
    job = client.get(f"{JOBS}/{answer.headers['location'].rpartition('/')[2]}").json()
    assert job["spec"]["data_source"] == source


def test_a_folder_that_jobs_may_read_is_named_and_can_be_chosen(client: TestClient, table: str):
    assert table.rpartition("/")[0] in client.get("/jobs/new").text
    assert submit(client, data_source=table, synthesis="on").status_code == 303


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "choose a file"),
        ({"data_source": "/etc/passwd"}, "no place that jobs may read"),
        ({"data_source": "TABLE", "rows": "many", "group": "name"}, "Synthetic rows: "),
        ({"data_source": "TABLE", "privacy": "own", "epsilon": "-1"}, "Epsilon: "),
        (
            {"data_source": "TABLE", "privacy": "own", "epsilon": "90"},
            "Epsilon asks for 90.0; this service allows 20.0",
        ),
        (
            {"data_source": "TABLE", "order": "day"},
            "'Rows ascend by' needs 'Rows of one person or series share the column'",
        ),
        ({"data_source": "TABLE", "name": "a/b"}, "Name: up to 200 characters"),
        ({"data_source": "TABLE", "columns": "{"}, "look at the table again"),
        ({"data_source": "TABLE", "columns": '[["age","integer",""]]', "kind-0": "x"}, "Kind of the column 'age'"),
        ({"data_source": "TABLE", "yaml": "generation: {num_records: many}"}, "generation.num_records"),
        ({"data_source": "TABLE", "namespace": "../x"}, "namespace"),
        ({"data_source": "TABLE", "synthesis": "", "replace_pii": ""}, "nothing to do: set 'Make synthetic rows'"),
        ({"data_source": "TABLE", "constraint-0": "{"}, "look at the table again"),
        ({"data_source": "TABLE", "constraint-0": "[]", "asked_columns": "7", "rows": "x"}, "Synthetic rows"),
        ({"data_source": "TABLE", "yaml": "training: ["}, "not valid YAML"),
        ({"data_source": "TABLE", "yaml": "- a"}, "mapping of sections"),
        ({"data_source": "TABLE", "yaml": "training: 5"}, "mapping of sections"),
        ({"data_source": "TABLE", "yaml": "5: 6"}, "5"),
        ({"data_source": "TABLE", "yaml": "training: {batch_size: .nan}"}, "finite"),
        ({"data_source": "TABLE", "yaml": "training: {batch_size: 2020-99-99}"}, "wrong value"),
        ({"data_source": "TABLE", "yaml": "training: {batch_size: !!python/name:os.system }"}, "not valid YAML"),
        ({"data_source": "TABLE", "yaml": "[" * 60_000}, "nested deeply"),
        ({"data_source": "TABLE", "yaml": "a: &a [x]\nb: *a"}, "anchors"),
        ({"data_source": "TABLE", "yaml": "training: {batch_size: 2020-01-01}"}, "dates in quotes"),
        ({"data_source": "TABLE", "yaml": "training: {learning_rat: 1}"}, "learning_rate"),
        ({"data_source": "TABLE", "yaml": "audit_log: /etc/x"}, "audit_log"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_typed_is_lost(
    client: TestClient, table: str, fields: dict[str, str], why: str
):
    sent = CHOSEN | {"rows": "77", "target": "age"} | {name: v.replace("TABLE", table) for name, v in fields.items()}
    sent = {name: value for name, value in sent.items() if value}
    answer = submit(client, **sent)
    assert answer.status_code == 422
    (error,) = re.findall(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
    assert why in html.unescape(error)
    for name in ("data_source", "rows", "target", "name", "epsilon", "group", "order"):
        assert name not in sent or value_of(answer, name) == sent[name]
    assert html.escape(sent.get("yaml", "")) in answer.text
    assert value_of(answer, "privacy") in (sent.get("privacy", "off"), None)
    assert client.get(JOBS).json()["data"] == []


def test_yaml_that_is_refused_does_not_take_long(client: TestClient, table: str):
    laughs = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert submit(client, data_source=table, yaml=laughs, **CHOSEN).status_code == 422


def test_advanced_settings_go_to_the_job_and_fields_fill_in_the_rest(client: TestClient, table: str):
    yaml = "training:\n  num_input_records_to_sample: 20000\ngeneration: {num_records: 9}\n"
    answer = submit(client, data_source=table, yaml=yaml, target="age", **CHOSEN)
    config = client.get(f"{JOBS}/{answer.headers['location'].rpartition('/')[2]}").json()["spec"]["config"]
    assert config["training"]["num_input_records_to_sample"] == 20000
    assert config["generation"]["num_records"] == 9
    assert config["evaluation"]["target"] == "age"


@pytest.mark.parametrize(
    "content",
    [b"", b"--x", b"--x--\r\n", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b"\xff\xfe", b"a=b"],
)
def test_a_form_that_is_cut_off_is_a_4xx(client: TestClient, content: bytes):
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert 400 <= client.post("/jobs/new", content=content, headers=PEOPLE | kind).status_code < 500


def test_the_jobs_page_shows_steps_progress_and_log(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table, name="mine")
    submission = run(client, runner, job)
    runner.writes(submission, log_line("train: starts"))
    go_round(client)
    page = client.get(f"/jobs/{job['id']}")
    for word in ("mine", "Replace personal data", "Train active : 1,200 of 4,800 rows", "train: starts", "1 line"):
        assert word in text_of(page).replace(" active:", " active :"), word
    assert "to come" in text_of(page)
    assert f'data-refresh="/ui/jobs/{job["id"]}"' in page.text
    assert f'action="/jobs/{job["id"]}/cancel"' in page.text


def test_the_part_that_is_fetched_again_says_when_it_is_the_last(
    client: TestClient, runner: ScriptedRunner, table: str
):
    job = create(client, table)
    submission = run(client, runner, job)
    assert "x-finished" not in client.get(f"/ui/jobs/{job['id']}").headers
    runner.finishes(submission)
    go_round(client)
    assert "x-finished" in client.get(f"/ui/jobs/{job['id']}").headers


def test_a_finished_job_has_scores_downloads_and_its_report_in_a_frame(
    client: TestClient, runner: ScriptedRunner, table: str
):
    job = finished(client, runner, table)
    page = client.get(f"/jobs/{job['id']}")
    for word in ("8.1", "Excellent", "synthetic_data.csv", "metrics.json"):
        assert word in text_of(page), word
    for address in re.findall(r'href="(/v1beta1/[^"]+)"', page.text):
        assert client.get(html.unescape(address)).status_code == 200
    (frame,) = re.findall(r"<iframe[^>]*>", page.text)
    assert 'sandbox="allow-scripts"' in frame
    assert "data-refresh" not in page.text
    assert f'action="/jobs/{job["id"]}/cancel"' not in page.text


def test_a_failed_job_says_why(client: TestClient, runner: ScriptedRunner, table: str):
    job = create(client, table)
    submission = run(client, runner, job)
    error = {"code": "invalid_data", "message": "the table has no rows", "exit_code": 3, "retryable": False}
    runner.reports(submission, state="error", error=error, stages=[stage("read")])
    go_round(client)
    assert "the table has no rows" in text_of(client.get(f"/jobs/{job['id']}"))


def test_jobs_are_cancelled_and_deleted_from_the_page(client: TestClient, table: str):
    job = create(client, table)
    answer = client.post(f"/jobs/{job['id']}/cancel", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job['id']}")
    assert "cancelled" in text_of(client.get(f"/jobs/{job['id']}"))
    answer = client.post(f"/jobs/{job['id']}/delete", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get(f"/jobs/{job['id']}").status_code == 404


def test_names_log_lines_columns_and_notes_never_become_markup(client: TestClient, runner: ScriptedRunner, table: str):
    Path(table).write_text(f"name,{EVIL}\nAnn,1\n")
    config = {"evaluation": {"target": EVIL}, "generation": {"num_records": 5}}
    job = create(client, table, config, name="<script>alert(1)<b>", description=EVIL, project=EVIL)
    submission = run(client, runner, job)
    runner.writes(submission, log_line(EVIL))
    error = {"code": "invalid_data", "message": EVIL, "exit_code": 3, "retryable": False}
    runner.reports(submission, stages=[stage("read") | {"unit": EVIL, "note": EVIL}])
    go_round(client)
    pages = [client.get(address) for address in ("/", f"/jobs/{job['id']}", "/jobs/new")]
    runner.reports(submission, state="error", error=error)
    go_round(client)
    pages.append(client.get(f"/jobs/{job['id']}"))
    pages.append(submit(client, name=EVIL, data_source=EVIL, rows=EVIL, target=EVIL, yaml=f"</textarea>{EVIL}"))
    pages.append(client.get(f"/jobs/{EVIL}", headers=PEOPLE))
    for page in pages:
        assert "<script>alert" not in page.text
        assert "</textarea><script" not in page.text
        assert page.text.count("<script") == 1  # our own
    assert EVIL in html.unescape(pages[1].text)
    assert EVIL in html.unescape(pages[3].text)


@pytest.mark.parametrize(
    "address", ["/jobs/none", "/ui/jobs/none", "/static/none.css", "/nowhere", "/jobs/none/cancel"]
)
def test_errors_are_pages_for_people_and_json_for_programs(client: TestClient, address: str):
    for_people = client.get(address, headers=PEOPLE)
    for_programs = client.get(address)
    assert for_people.status_code == for_programs.status_code in (404, 405)
    assert for_people.headers["content-type"].startswith("text/html")
    assert "That did not work" in for_people.text
    assert for_programs.json()["detail"]


def test_addresses_of_the_api_answer_in_json_whoever_asks(client: TestClient):
    answer = client.get(f"{JOBS}/none", headers=PEOPLE)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Job none not found")


@pytest.mark.parametrize("address", ["/jobs/new", "/jobs/JOB/cancel", "/jobs/JOB/delete", "/sign-in", "/sign-out"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:9000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_page_of_another_site_changes_nothing(client: TestClient, table: str, address: str, headers: dict[str, str]):
    job = create(client, table)
    answer = client.post(address.replace("JOB", job["id"]), headers=PEOPLE | headers)
    assert answer.status_code == 403
    assert "another site" in text_of(answer)
    assert client.get(f"{JOBS}/{job['id']}").json()["status"] == "created"
    assert len(client.get(JOBS).json()["data"]) == 1


@pytest.mark.parametrize("address", ["/", "/jobs/new", "/budgets", "/sign-in", "/nowhere", "/ui/jobs"])
def test_pages_run_no_script_but_ours_and_are_not_kept(client: TestClient, address: str):
    headers = client.get(address, headers=PEOPLE).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_templates_hold_neither_script_nor_style_that_the_policy_would_refuse(client: TestClient):
    for address in ("/", "/jobs/new", "/budgets", "/sign-in"):
        page = client.get(address).text
        assert not re.search(r"\son\w+=|style=|<style|javascript:|<script>", page)


@pytest.mark.parametrize(("name", "kind"), [("page.css", "text/css"), ("page.js", "text/javascript")])
def test_style_and_script_are_there_and_nothing_else_is(client: TestClient, name: str, kind: str):
    answer = client.get(f"/static/{name}")
    assert answer.headers["content-type"].startswith(kind)
    assert "max-age" in answer.headers["cache-control"]
    for other in ("..%2fpages.py", "%2e%2e%2fpages.py", "../pages.py", "page.html", ".", "%2fetc%2fpasswd"):
        assert client.get(f"/static/{other}").status_code == 404


@pytest.fixture
def guarded(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of a service that wants keys."""
    return make_client(auth={"api_keys": True})


def key_of(client: TestClient, **roles: str) -> str:
    return create_key(
        client.app.state.service.database, "ann", {name.replace("all", "*"): r for name, r in roles.items()}
    )


def sign_in(client: TestClient, key: str) -> Response:
    return client.post("/sign-in", data={"key": key}, follow_redirects=False)


@pytest.mark.parametrize("address", ["/", "/jobs/new", "/budgets", "/jobs/x", "/ui/jobs"])
def test_who_is_not_signed_in_is_sent_to_do_so(guarded: TestClient, address: str):
    answer = guarded.get(address, headers=PEOPLE, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert submit(guarded, CSV, **CHOSEN).headers["location"] == "/sign-in"


def test_an_api_key_opens_a_session_that_scripts_and_other_sites_cannot_use(guarded: TestClient):
    answer = sign_in(guarded, key_of(guarded, all="viewer"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
    assert "secure" not in cookie
    page = guarded.get("/")
    assert (page.status_code, "ann" in text_of(page)) == (200, True)


def test_behind_https_the_cookie_never_travels_without(make_client: Callable[..., TestClient]):
    client = make_client(auth={"api_keys": True}, public_url="https://ss-ray.example")
    assert "; secure" in sign_in(client, key_of(client, all="viewer")).headers["set-cookie"].lower()


@pytest.mark.parametrize("key", ["", "x", "ssr_guess", "ssr_" + "x" * 500, "é\x00", EVIL])
def test_what_is_no_key_opens_nothing(guarded: TestClient, key: str):
    answer = guarded.post("/sign-in", data={"key": key}, headers=PEOPLE, follow_redirects=False)
    assert answer.status_code in (401, 422)
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers
    assert "alert(1)" not in answer.text


def test_a_session_ends_when_its_owner_signs_out_or_the_key_is_revoked(guarded: TestClient):
    key = key_of(guarded, all="viewer")
    sign_in(guarded, key)
    answer = guarded.post("/sign-out", follow_redirects=False)
    assert answer.headers["location"] == "/sign-in"
    assert SESSION_COOKIE not in guarded.cookies
    sign_in(guarded, key)
    revoke_key(guarded.app.state.service.database, "ann")
    assert guarded.get("/", follow_redirects=False).status_code == 303


def test_a_forged_session_opens_nothing(guarded: TestClient):
    for session in ("x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJrZXkifQ."):
        guarded.cookies.set(SESSION_COOKIE, session)
        assert guarded.get("/", follow_redirects=False).status_code == 303


def test_a_viewer_looks_and_changes_nothing(guarded: TestClient, table: str):
    admin = {"authorization": f"Bearer {key_of(guarded, trial='admin')}"}
    asked = {"spec": {"data_source": table}, "namespace": "trial"}
    job = guarded.post(JOBS, json=asked, headers=admin).json()
    sign_in(guarded, key_of(guarded, trial="viewer"))
    page = guarded.get(f"/jobs/{job['id']}")
    assert page.status_code == 200
    assert "/delete" not in page.text
    assert guarded.post(f"/jobs/{job['id']}/cancel", headers=PEOPLE).status_code == 403
    assert guarded.post(f"/jobs/{job['id']}/delete", headers=PEOPLE).status_code == 403
    refused = submit(guarded, data_source=table, namespace="trial", **CHOSEN)
    assert (refused.status_code, "editor" in text_of(refused)) == (403, True)
    assert guarded.post(f"/jobs/{job['id']}/cancel", headers=admin, follow_redirects=False).status_code == 303


def test_whoever_may_look_into_all_namespaces_sees_budgets(make_client: Callable[..., TestClient], tmp_path: Any):
    ledger = f"sqlite:///{tmp_path}/ledger.sqlite"
    Ledger(ledger).set_budget(EVIL, "row", epsilon=4.0, delta=1e-6)
    client = make_client(auth={"api_keys": True}, ledger=ledger)
    sign_in(client, key_of(client, all="viewer"))
    page = client.get("/budgets")
    assert f"{EVIL}" in html.unescape(page.text)
    assert "<script>alert" not in page.text
    assert "ε 4 at δ 1e-06" in text_of(page)
    sign_in(client, key_of(client, trial="admin"))
    assert client.get("/budgets", headers=PEOPLE).status_code == 404
    assert 'href="/budgets"' not in client.get("/").text


def test_without_a_ledger_nothing_was_spent(client: TestClient):
    assert "Nothing was spent yet" in text_of(client.get("/budgets"))


def test_the_jobs_page_shows_what_its_user_chose_and_no_place_of_the_operators(
    make_client: Callable[..., TestClient], table: str, tmp_path: Any
):
    client = make_client(ledger=f"sqlite:///{tmp_path}/ledger.sqlite", audit_log=f"{tmp_path}/audit.jsonl")
    job = create(client, table, {"privacy": {"dp_enabled": True, "epsilon": 3}})
    page = text_of(client.get(f"/jobs/{job['id']}"))
    assert "epsilon: 3" in page
    assert "ledger" not in page
    assert "audit" not in page
