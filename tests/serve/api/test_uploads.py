"""Uploads with curl."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database

UPLOAD = "/v1/datasets/upload"
CSV = b"a,b\n1,x\n"


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "storage" / "objects").rglob("*") if path.is_file()]


def read(client: TestClient, data_source: str) -> bytes:
    namespace, name, path = data_source.removeprefix("hf://datasets/").split("/", 2)
    return client.get(f"/v1/hf/datasets/{namespace}/{name}/resolve/main/{path}").content


def form(*parts: tuple[str, bytes], boundary: str = "X", end: bytes = b"--X--\r\n") -> dict[str, object]:
    """A form as a client writes it: (rest of the disposition, content) of each part."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    return {"content": body + end, "headers": {"content-type": f"multipart/form-data; boundary={boundary}"}}


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_file_of_a_form_is_stored(client: TestClient, size: int):
    content = os.urandom(size)
    answer = client.post(UPLOAD, files={"file": ("people.csv", content)})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["size"], body["sha256"]) == (size, hashlib.sha256(content).hexdigest())
    assert body["data_source"].startswith("hf://datasets/default/uploads/")
    assert body["data_source"].endswith("/people.csv")
    assert read(client, body["data_source"]) == content


def test_a_body_is_stored_under_the_name_in_the_address(client: TestClient):
    pieces: Iterator[bytes] = iter([CSV[:3], CSV[3:]])  # says no length
    answer = client.post(f"{UPLOAD}?filename=people.csv&namespace=trial&name=people", content=pieces)
    assert answer.json()["data_source"] == "hf://datasets/trial/people/people.csv"
    assert read(client, answer.json()["data_source"]) == CSV


def test_two_files_of_one_name_are_two_files_unless_their_repository_has_a_name(client: TestClient):
    first, second = (
        client.post(UPLOAD, files={"file": ("a.csv", text)}).json()["data_source"] for text in (b"1", b"2")
    )
    assert (read(client, first), read(client, second)) == (b"1", b"2")
    named = [client.post(f"{UPLOAD}?name=n", files={"file": ("a.csv", text)}).json() for text in (b"1", b"2")]
    assert named[0]["data_source"] == named[1]["data_source"]
    assert read(client, named[0]["data_source"]) == b"2"


def test_fields_may_stand_before_or_after_the_file(client: TestClient):
    file = ('name="file"; filename="C:\\\\data\\\\a.csv"', CSV)
    for parts in ([('name="namespace"', b"trial"), file], [file, ('name="namespace"', b"trial")]):
        answer = client.post(UPLOAD, **form(*parts))  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        assert answer.json()["data_source"].startswith("hf://datasets/trial/uploads/")
        assert answer.json()["data_source"].endswith("/a.csv")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": CSV}, 422),
        ({"data": {"namespace": "trial"}, "files": {"other": ("", b"")}}, 422),
        (form(('name="file"; filename="a"', CSV), ('name="file"; filename="b"', CSV)), 422),
        (form(('name="file"; filename="a"', CSV), end=b""), 400),
        (form(('name="file"; filename="a"', CSV), end=b"--X--", boundary="Y"), 400),
        ({"content": b"nonsense", "headers": {"content-type": "multipart/form-data; boundary=X"}}, 422),
        ({"content": CSV, "headers": {"content-type": "multipart/form-data"}}, 422),
        (form(('name="file"; filename=".."', CSV)), 422),
        (form(('name="file"; filename="a\x01b"', CSV)), 422),
        (form(('name="namespace"', b"../other"), ('name="file"; filename="a"', CSV)), 422),
        (form(('name="namespace"', b"x" * 70_000), ('name="file"; filename="a"', CSV)), 413),
        (form(*[(f'name="f{n}"', b"x") for n in range(1001)], ('name="file"; filename="a"', CSV)), 413),
        (form(('name="x"', b"\xff"), ('name="file"; filename="a"', CSV)), 422),
    ],
    ids=range(13),
)
def test_what_is_no_upload_leaves_nothing(client: TestClient, tmp_path: Path, request_: dict[str, object], status: int):
    answer = client.post(UPLOAD, **request_)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    assert stored(tmp_path) == []


def test_a_file_that_is_too_large_leaves_nothing(make_client: Callable[..., TestClient], tmp_path: Path):
    client = make_client(limits={"max_upload_bytes": 100_000})
    assert client.post(UPLOAD, files={"file": ("a.csv", b"x" * 200_000)}).status_code == 413
    pieces = (b"x" * 1000 for _ in range(200))
    assert client.post(f"{UPLOAD}?filename=a.csv", content=pieces).status_code == 413
    assert stored(tmp_path) == []


def test_a_filename_in_the_address_has_no_folders(client: TestClient, tmp_path: Path):
    for name in ("a/b.csv", "../a.csv", "%0a", "..%2fa"):
        assert client.post(f"{UPLOAD}?filename={name}", content=CSV).status_code == 422
    assert stored(tmp_path) == []


def test_an_upload_takes_the_role_editor_wherever_the_namespace_is_named(
    make_client: Callable[..., TestClient], settings: Settings, tmp_path: Path
):
    client = make_client(auth={"api_keys": True})
    key = create_key(Database(settings.database), "ann", {"mine": "editor", "theirs": "viewer"})
    client.headers["authorization"] = f"Bearer {key}"
    assert client.post(f"{UPLOAD}?namespace=mine", files={"file": ("a.csv", CSV)}).status_code == 201
    before = stored(tmp_path)
    for namespace, status in (("theirs", 403), ("other", 404)):
        assert client.post(f"{UPLOAD}?namespace={namespace}", files={"file": ("a.csv", CSV)}).status_code == status
        fields = {"namespace": namespace}
        assert client.post(f"{UPLOAD}?namespace=mine", data=fields, files={"file": ("a", b"?")}).status_code == 201
        assert client.post(UPLOAD, data=fields, files={"file": ("a.csv", CSV)}).status_code in (403, 404)
    assert len(stored(tmp_path)) == len(before) + 1
