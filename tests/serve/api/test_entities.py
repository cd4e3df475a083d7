"""Namespaces, projects and datasets, with the requests that the SDK sent when it was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database

DATASET = {
    "files_url": "hf://datasets/default/safe-synthesizer",
    "name": "safe-synthesizer",
    "namespace": "default",
    "ownership": {"created_by": "me", "access_policies": {"a": "b"}},
    "project": "p1",
}
PLACES = ["/v1/namespaces/ns1", "/v1/projects/ns1/p1", "/v1/datasets/default/safe-synthesizer"]


@pytest.fixture
def made(client: TestClient) -> TestClient:
    client.post("/v1/namespaces", json={"id": "ns1", "description": "x"})
    client.post("/v1/projects", json={"name": "p1", "namespace": "ns1"})
    assert client.post("/v1/datasets", json=DATASET).status_code == 200
    return client


def test_the_recorded_sequence_works(made: TestClient):
    assert made.get("/v1/namespaces/ns1").json().keys() == {"id", "created_at", "updated_at", "description"}
    project = made.get("/v1/projects/ns1/p1").json()
    assert re.fullmatch(r"project-[1-9A-HJ-NP-Za-km-z]{22}", project["id"])
    assert project.keys() == {"id", "created_at", "updated_at", "name", "namespace"}
    changed = made.patch("/v1/projects/ns1/p1", json={"description": "q"}).json()
    assert changed | {"updated_at": ""} == project | {"description": "q", "updated_at": ""}
    assert changed["updated_at"] > project["updated_at"]
    dataset = made.get("/v1/datasets/default/safe-synthesizer").json()
    assert dataset.items() >= DATASET.items()
    for place in PLACES[::-1]:
        gone = made.delete(place)
        assert (gone.status_code, gone.json()["message"]) == (200, "Resource deleted successfully.")
        assert gone.json().keys() == {"id", "deleted_at", "message"}
        assert made.get(place).status_code == 404


def test_the_recorded_list_is_answered(made: TestClient):
    query = "filter%5Bnamespace%5D=default&search%5Bname%5D=safe%2Cx&sort=-created_at"
    first, second = (made.get(f"/v1/datasets?{query}&page={page}").json() for page in (1, 2))
    assert [each["name"] for each in first["data"]] == ["safe-synthesizer"]
    assert (second["data"], second["pagination"]["total_results"]) == ([], 1)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter[project]=p1", 1),
        ("filter[project]=p", 0),
        ("search[files_url]=hf://,s3://", 1),
        ("search[description]=x", 0),
        ("search[created_at][start]=2020-01-01&search[updated_at][end]=2999-01-01", 1),
        ("sort=name", 1),
    ],
)
def test_lists_look_into_the_content(made: TestClient, query: str, count: int):
    assert len(made.get(f"/v1/datasets?{query}").json()["data"]) == count


def test_a_name_is_taken_once_and_only_in_its_namespace(made: TestClient):
    again = made.post("/v1/datasets", json=DATASET)
    assert (again.status_code, again.headers["x-should-retry"]) == (409, "false")
    assert made.post("/v1/datasets", json={**DATASET, "namespace": "other"}).status_code == 200
    assert made.post("/v1/namespaces", json={"id": "ns1"}).status_code == 409


def test_what_has_no_name_is_named_as_its_id(client: TestClient):
    made = client.post("/v1/projects", json={}).json()
    assert (made["name"], made["namespace"]) == (made["id"], "default")
    assert client.post("/v1/namespaces", json={}).json()["id"].startswith("namespace-")


def test_a_namespace_with_projects_stays(made: TestClient):
    assert made.delete("/v1/namespaces/ns1").status_code == 409


def test_null_takes_away_what_may_be_missing(made: TestClient):
    place = "/v1/datasets/default/safe-synthesizer"
    assert "project" not in made.patch(place, json={"project": None}).json()
    assert made.patch(place, json={"files_url": None}).status_code >= 400
    assert made.patch(place, json={"namespace": "default", "split": "train"}).json()["split"] == "train"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("datasets", {"name": "a"}),
        ("datasets", {"name": "../a", "files_url": "x"}),
        ("datasets", {"name": "a", "files_url": ""}),
        ("projects", {"name": "a/b"}),
        ("namespaces", {"id": "..", "description": "x"}),
        ("namespaces", {"id": "a", "custom_fields": {"x": float("nan")}}),
        ("namespaces", {"id": "a", "custom_fields": {"x": "\ud800"}}),
        ("namespaces", {"id": "a", "description": "\x00"}),
        ("namespaces", ["a"]),
    ],
)
def test_what_cannot_be_is_refused(client: TestClient, kind: str, body: Any):
    answer = client.post(f"/v1/{kind}", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert client.get(f"/v1/{kind}").json()["data"] == []


@pytest.mark.parametrize(
    ("roles", "get", "change", "delete", "listed"),
    [
        ({"ns1": "viewer"}, 200, 403, 403, [1, 1, 0]),
        ({"ns1": "editor"}, 200, 200, 403, [1, 1, 0]),
        ({"ns1": "admin"}, 200, 200, 200, [1, 1, 0]),
        ({"default": "admin"}, 404, 404, 404, [0, 0, 1]),
        ({"*": "viewer"}, 200, 403, 403, [1, 1, 1]),
    ],
)
def test_callers_see_and_do_what_their_roles_allow(
    make_client: Callable[..., TestClient],
    settings: Settings,
    roles: Any,
    get: int,
    change: int,
    delete: int,
    listed: list[int],
):
    client = make_client(auth={"api_keys": True})
    database = Database(settings.database)
    client.headers["authorization"] = f"Bearer {create_key(database, 'owner', {'*': 'admin'})}"
    client.post("/v1/namespaces", json={"id": "ns1"})
    client.post("/v1/projects", json={"name": "p1", "namespace": "ns1"})
    client.post("/v1/datasets", json=DATASET)
    client.headers["authorization"] = f"Bearer {create_key(database, 'ann', roles)}"
    lists = [client.get(f"/v1/{kind}").json()["data"] for kind in ("namespaces", "projects", "datasets")]
    assert [len(each) for each in lists] == listed
    assert client.get("/v1/projects/ns1/p1").status_code == get
    assert client.patch("/v1/projects/ns1/p1", json={}).status_code == change
    assert client.delete("/v1/projects/ns1/p1").status_code == delete
    assert client.post("/v1/projects", json={"name": "p2", "namespace": "ns1"}).status_code == change
