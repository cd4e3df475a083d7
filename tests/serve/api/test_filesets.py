"""The Files API, with the requests that nemo-platform 0.3.0 sent when it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database

FILESETS = "/apis/files/v2/workspaces/default/filesets"
INPUTS = f"{FILESETS}/safe-synthesizer-inputs"
NEW = {"name": "safe-synthesizer-inputs"}


@pytest.fixture
def made(client: TestClient) -> TestClient:
    assert client.post(FILESETS, json=NEW).status_code == 201
    return client


def put(client: TestClient, path: str, content: Any = b"a\n1\n") -> Any:
    return client.put(f"{INPUTS}/-/{path}", content=content, headers={"content-type": "application/octet-stream"})


def test_the_recorded_sequence_works(client: TestClient):
    created = client.post(FILESETS, json=NEW)
    assert created.status_code == 201
    names = "id name workspace description purpose storage metadata custom_fields project created_at updated_at"
    assert set(created.json()) == set(names.split())
    assert client.get(f"{INPUTS}/files").json() == {"data": []}
    stored = {
        "file_ref": "default/safe-synthesizer-inputs#datasetRP98DY.csv",
        "file_url": f"{INPUTS}/-/datasetRP98DY.csv",
        "path": "datasetRP98DY.csv",
        "size": 4,
        "cache_status": None,
    }
    assert put(client, "datasetRP98DY.csv").json() == stored
    assert client.get(f"{INPUTS}/files").json() == {"data": [stored]}
    assert client.get(INPUTS).json()["id"] == created.json()["id"]
    assert client.post(FILESETS, json=NEW).status_code == 409


def test_a_file_is_read_whole_in_part_and_deleted(made: TestClient):
    put(made, "a/b.csv", iter([b"01234", b"56789"]))
    assert made.get(f"{INPUTS}/-/a/b.csv").content == b"0123456789"
    assert made.get(f"{INPUTS}/-/a/b.csv", headers={"range": "bytes=2-4"}).content == b"234"
    assert made.head(f"{INPUTS}/-/a/b.csv").headers["content-length"] == "10"
    assert made.delete(f"{INPUTS}/-/a/b.csv").json()["path"] == "a/b.csv"
    assert made.get(f"{INPUTS}/-/a/b.csv").status_code == 404


def test_a_fileset_is_described_listed_and_deleted(client: TestClient):
    client.post(FILESETS, json={**NEW, "description": "of the trial", "metadata": {"a": [1]}})
    assert client.get(INPUTS).json()["metadata"] == {"a": [1]}
    assert [each["description"] for each in client.get(FILESETS).json()["data"]] == ["of the trial"]
    assert client.get("/apis/files/v2/workspaces/other/filesets").json()["data"] == []
    assert client.delete(INPUTS).json()["description"] == "of the trial"
    assert client.get(INPUTS).status_code == 404
    client.post(FILESETS, json=NEW)
    assert client.get(INPUTS).json()["description"] == ""


def test_a_fileset_is_a_dataset_of_its_namespace(made: TestClient):
    put(made, "a.csv")
    address = "/v1/hf/datasets/default/safe-synthesizer-inputs/resolve/main/a.csv"
    assert made.get(address).content == b"a\n1\n"


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("PUT", f"{FILESETS}/no/-/a.csv", 404),
        ("GET", f"{FILESETS}/no/files", 404),
        ("PUT", f"{INPUTS}/-/a/%2e%2e/b.csv", 422),
        ("PUT", f"{INPUTS}/-/a%0ab.csv", 404),
        ("PUT", f"{INPUTS}/-/%5cb.csv", 422),
        ("GET", f"{INPUTS}/-/no.csv", 404),
        ("DELETE", f"{INPUTS}/-/no.csv", 404),
    ],
)
def test_what_cannot_be_is_refused(made: TestClient, method: str, address: str, status: int):
    assert made.request(method, address).status_code == status


@pytest.mark.parametrize("name", ["..", "a b", "", "a/b"])
def test_a_fileset_has_a_name_that_can_be_part_of_a_path(client: TestClient, name: str):
    assert client.post(FILESETS, json={"name": name}).status_code == 422


@pytest.mark.parametrize(
    ("roles", "statuses"),
    [
        ({"default": "viewer"}, [403, 403, 200, 403, 403]),
        ({"default": "editor"}, [200, 200, 200, 403, 403]),
        ({"default": "admin"}, [200, 200, 200, 200, 200]),
        ({"other": "admin"}, [404, 404, 404, 404, 404]),
    ],
)
def test_a_role_opens_what_it_includes(
    make_client: Callable[..., TestClient], settings: Settings, roles: Any, statuses: list[int]
):
    client = make_client(auth={"api_keys": True})
    database = Database(settings.database)
    client.headers["authorization"] = f"Bearer {create_key(database, 'owner', {'*': 'admin'})}"
    client.post(FILESETS, json=NEW)
    put(client, "a.csv")
    client.headers["authorization"] = f"Bearer {create_key(database, 'ann', roles)}"
    answers = [
        client.get(f"{INPUTS}/-/a.csv"),
        put(client, "a.csv", b"new"),
        client.get(FILESETS),
        client.delete(f"{INPUTS}/-/a.csv"),
        client.delete(INPUTS),
    ]
    assert [answer.status_code for answer in answers] == statuses


def test_a_change_of_a_fileset_keeps_what_it_does_not_name(client: TestClient):
    client.post(FILESETS, json={**NEW, "description": "old", "purpose": "dataset"})
    changed = client.patch(INPUTS, json={"description": "new"}).json()
    assert (changed["description"], changed["purpose"]) == ("new", "dataset")
    assert client.get(INPUTS).json() == changed
    assert client.post(f"{INPUTS}/refresh").json() == changed
    assert client.patch(f"{FILESETS}/nothing", json={"description": "new"}).status_code == 404


def test_a_storage_elsewhere_is_refused_with_the_reason(client: TestClient):
    answer = client.post(FILESETS, json={**NEW, "storage": {"type": "local", "path": "/etc"}})
    assert answer.status_code == 422
    assert "leave the storage out" in answer.text
    assert client.get(INPUTS).status_code == 404


def test_files_below_a_path_are_listed(made: TestClient):
    for path in ("a/b.csv", "ab.csv", "a/c/d.csv"):
        put(made, path)
    listed = made.get(f"{INPUTS}/files", params={"path": "a/"}).json()["data"]
    assert [file["path"] for file in listed] == ["a/b.csv", "a/c/d.csv"]
