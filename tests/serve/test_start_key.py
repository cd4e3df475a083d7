"""A service without authentication opens to whoever has the key of its start, and to nobody by address alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.__main__ import _write_greeting
from serve.settings import AuthSettings, Settings
from serve.store.auth import create_key, create_start_key
from tests.serve.api.test_jobs import JOBS, create, go_round
from tests.serve.fakes import ScriptedRunner


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client of a service with nothing configured, on this machine."""
    return make_client(auth={})


@pytest.fixture
def key(client: TestClient) -> str:
    return create_start_key(client.app.state.service.database)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_this_machine_alone_opens_nothing(client: TestClient, key: str):
    assert client.get(JOBS).status_code == 401
    assert client.get(JOBS, headers=bearer("ssr_guess")).status_code == 401
    assert client.get(JOBS, headers=bearer(key)).status_code == 200
    assert client.get("/health/live").status_code == 200


def test_the_key_in_the_base_url_opens_everything_for_clients_without_a_field_for_it(
    client: TestClient, key: str, table: str, runner: ScriptedRunner
):
    base = f"/key/{key}"
    job = client.post(base + JOBS, json={"spec": {"data_source": table}}).json()
    assert client.get(f"{base}{JOBS}/{job['id']}").json()["id"] == job["id"]
    go_round(client)
    (submission,) = runner.known
    runner.finishes(submission)
    go_round(client)
    (found, *_) = client.get(f"{base}{JOBS}/{job['id']}/results").json()["data"]
    assert f"/key/{key}/v1beta1/" in str(found)
    other = f"/key/ssr_{'x' * 43}"
    assert client.get(other + JOBS, headers={"accept": "application/json"}).status_code == 401
    assert client.post(f"{base}{JOBS}", headers={"sec-fetch-site": "cross-site"}, json={}).status_code == 403


def test_a_bare_bearer_in_the_header_does_not_hide_the_key_in_the_address(client: TestClient, key: str):
    """The hub's client sends one where its token is empty, as in NVIDIA's notebook."""
    assert client.get(f"/key/{key}{JOBS}", headers={"authorization": "Bearer"}).status_code == 200


def test_a_browser_gets_a_session_and_an_address_without_the_key(client: TestClient, key: str):
    answer = client.get(f"/key/{key}/", headers={"accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert key not in answer.headers["set-cookie"]
    assert client.get("/", headers={"accept": "text/html"}, follow_redirects=False).status_code == 200


def test_a_new_start_ends_the_key_before(client: TestClient, key: str):
    second = create_start_key(client.app.state.service.database)
    assert client.get(JOBS, headers=bearer(key)).status_code == 401
    assert client.get(JOBS, headers=bearer(second)).status_code == 200


def test_lasting_keys_do_not_stand_in_addresses(make_client: Callable[..., TestClient]):
    client = make_client(auth={"api_keys": True})
    key = create_key(client.app.state.service.database, "ann", {"*": "admin"})
    assert client.get(f"/key/{key}{JOBS}", follow_redirects=False).status_code == 303  # to the page that asks for keys


def test_the_key_is_printed_where_nothing_else_opens_the_service(settings: Settings, make_client: Any):
    client = make_client(auth={})
    open_settings = settings.model_copy(update={"auth": AuthSettings()})
    (line, *_) = _write_greeting(open_settings).splitlines()
    prefix, _, key = line.partition("/key/")
    assert prefix == "ss_ray is at http://127.0.0.1:8000"
    assert client.get(JOBS, headers=bearer(key)).status_code == 200
    for auth in (AuthSettings(api_keys=True), AuthSettings(trust_this_machine=True)):
        assert "ssr_" not in _write_greeting(settings.model_copy(update={"auth": auth}))


@pytest.mark.parametrize("header", ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"])
def test_a_trusted_machine_is_not_whoever_a_proxy_on_it_speaks_for(make_client: Any, header: str):
    client = make_client()
    assert client.get(JOBS).status_code == 200
    assert client.get(JOBS, headers={header: "192.0.2.7"}).status_code == 403


def test_viewers_fetch_nothing_that_may_not_leave(
    make_client: Callable[..., TestClient], runner: ScriptedRunner, table: str
):
    client = make_client(auth={"api_keys": True})
    database = client.app.state.service.database
    roles = {role: bearer(create_key(database, role, {"default": role})) for role in ("viewer", "editor", "admin")}
    client.headers.update(roles["admin"])
    job = create(client, table, name="mine")
    go_round(client)
    (submission,) = runner.known
    runner.finishes(submission)
    go_round(client)
    for name, status in (("evaluation_report", 403), ("metrics", 403), ("synthetic_data", 200)):
        url = f"{JOBS}/{job['id']}/results/{name}"
        for place in (url, f"{url}/download"):
            assert client.get(place, headers=roles["viewer"]).status_code == status
            assert client.get(place, headers=roles["editor"]).status_code == 200
    listed = client.get(f"{JOBS}/{job['id']}/results", headers=roles["viewer"]).json()["data"]
    assert {found["result_name"] for found in listed} == {"synthetic_data", "synthetic_data_parquet", "summary"}
    page = client.get(f"/jobs/{job['id']}", headers=roles["viewer"] | {"accept": "text/html"}).text
    assert "evaluation_report" not in page
