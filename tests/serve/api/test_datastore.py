"""The hub's API as it is written down: what clients stumble over, who may do what, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import JOBS, Database
from serve.store.lfs import Permit
from tests.serve.servers import running

HF = "/v1/hf"
REPOSITORY = f"{HF}/api/datasets/trial/people"
RESOLVE = f"{HF}/datasets/trial/people/resolve/main"
NEW = {"name": "people", "organization": "trial", "type": "dataset"}
CONTENT = b"id,name\n" + b"1,someone\n" * 200_000


@pytest.fixture
def made(client: TestClient) -> TestClient:
    assert client.post(f"{HF}/api/repos/create", json=NEW).status_code == 200
    return client


@pytest.fixture
def keyed(make_client: Callable[..., TestClient], settings: Settings) -> Callable[[str], TestClient]:
    """`keyed("editor")`: a client with that role in the namespace "trial"; "" for one without a key."""
    app = make_client(auth={"api_keys": True}).app

    def client(role: str, namespace: str = "trial") -> TestClient:
        made = TestClient(app, base_url="http://localhost:8000", client=("192.0.2.7", 50000))
        if role:
            key = create_key(Database(settings.database), f"{role} of {namespace}", {namespace: role})
            made.headers["authorization"] = f"Bearer {key}"
        return made

    return client


def line(key: str, **value: Any) -> str:
    return json.dumps({"key": key, "value": value}) + "\n"


def file_line(path: str, content: bytes = b"a\n1\n") -> str:
    return line("file", content=base64.b64encode(content).decode(), path=path, encoding="base64")


def commit(client: TestClient, *lines: str, repository: str = REPOSITORY) -> Any:
    return client.post(f"{repository}/commit/main", content=(line("header", summary="x") + "".join(lines)).encode())


def batch(client: TestClient, content: bytes, namespace: str = "trial", **changes: Any) -> dict[str, Any]:
    described = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), **changes}
    body = {"operation": "upload", "transfers": ["basic", "multipart", "xet"], "objects": [described]}
    answer = client.post(f"{HF}/datasets/{namespace}/people.git/info/lfs/objects/batch", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.git-lfs+json"
    assert answer.json()["transfer"] == "basic"
    return answer.json()["objects"][0]


def put(client: TestClient, content: bytes, offered: dict[str, Any], **changes: Any) -> Any:
    url = urlsplit(offered["actions"]["upload"]["href"])
    return client.put(f"{url.path}?{changes.get('query', url.query)}", content=content)


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "storage" / "objects").rglob("*") if path.is_file()]


def await_stored(tmp_path: Path, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(stored(tmp_path)) != count:
        assert time.monotonic() < deadline, f"{len(stored(tmp_path))} files are stored, not {count}"
        time.sleep(0.02)


def test_a_second_create_says_where_the_repository_is(made: TestClient):
    again = made.post(f"{HF}/api/repos/create", json=NEW)
    assert (again.status_code, again.json()["url"]) == (409, "https://huggingface.co/datasets/trial/people")
    assert again.json()["error"]


def test_an_endpoint_may_end_with_a_slash(made: TestClient):
    assert made.post("/v1/hf//api/repos/create", json=NEW).status_code == 409


@pytest.mark.parametrize("agent", ["unknown/None; hf_hub/0.36.2; python/3.11.7", "hf_hub/0.34.4", "other"])
def test_old_clients_upload_small_files_with_the_commit_and_others_by_themselves(made: TestClient, agent: str):
    files = [{"path": "a.csv", "size": 1 << 20, "sample": ""}, {"path": "b.csv", "size": (1 << 20) + 1, "sample": ""}]
    answer = made.post(f"{REPOSITORY}/preupload/main", json={"files": files}, headers={"user-agent": agent}).json()
    assert answer["files"] == [
        {"path": "a.csv", "uploadMode": "regular", "shouldIgnore": False, "oid": None},
        {"path": "b.csv", "uploadMode": "lfs", "shouldIgnore": False, "oid": None},
    ]


def test_clients_that_know_only_xet_upload_all_with_the_commit(made: TestClient):
    body = {"files": [{"path": "a.csv", "size": 1 << 30}]}
    headers = {"user-agent": "unknown/None; hf_hub/2.4.0; python/3.11.7"}
    assert (
        made.post(f"{REPOSITORY}/preupload/main", json=body, headers=headers).json()["files"][0]["uploadMode"]
        == "regular"
    )
    assert "HF_HUB_DISABLE_XET" in made.get(f"{REPOSITORY}/xet-write-token/main").json()["error"]


def test_nothing_is_said_of_a_file_that_is_there(made: TestClient):
    commit(made, file_line("a.csv"))
    body = {"files": [{"path": "a.csv", "size": 4, "sample": "YQoxCg=="}]}
    assert made.post(f"{REPOSITORY}/preupload/main", json=body).json()["files"][0]["oid"] is None


def test_a_commit_has_an_address_that_clients_can_read(made: TestClient):
    answer = commit(made, file_line("a.csv")).json()
    assert re.fullmatch(r"[0-9a-f]{40}", answer["commitOid"])
    assert answer["commitUrl"] == f"https://huggingface.co/datasets/trial/people/commit/{answer['commitOid']}"
    assert made.get(REPOSITORY).json()["sha"] == answer["commitOid"]


def test_a_commit_makes_all_changes_or_none(made: TestClient):
    commit(made, file_line("a.csv"), file_line("b/c.csv"), file_line("b/d.csv"))
    assert commit(made, file_line("new.csv"), line("deletedFile", path="no.csv")).status_code == 404
    assert commit(made, file_line("new.csv"), line("lfsFile", path="x", oid="0" * 64, size=1)).status_code == 422
    assert commit(made, line("deletedFolder", path="b/"), line("deletedFile", path="a.csv")).status_code == 200
    assert made.get(f"{REPOSITORY}/tree/main?recursive=true").json() == []


def test_a_commit_on_something_older_is_refused(made: TestClient):
    head = commit(made, file_line("a.csv")).json()["commitOid"]
    body = line("header", summary="", parentCommit=head) + file_line("a.csv", b"new")
    assert made.post(f"{REPOSITORY}/commit/main", content=body).status_code == 200
    assert made.post(f"{REPOSITORY}/commit/main", content=body).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("nonsense", 422),
        ('{"key":"file","value":{"content":"no base64!","path":"a"}}', 422),
        ('{"key":"file","value":{"path":"a","content":"no base64!"}}', 422),
        ('{"key":"file","value":{"content":"YQo=","path":"a","encoding":"utf-8"}}', 422),
        ('{"key":"file","value":{"content":"YQo', 422),
        ('{"key":"file","value":{"content":"YQo=","path":"a"', 422),
        ('{"key":"copyFile","value":{"path":"a"}}', 422),
        ('{"key":"lfsFile","value":{"path":"a","oid":"../../etc","size":1}}', 422),
        ('{"key":"header","value":{"x":' + "[" * 100_000 + "}}", 422),
        ('{"key":"header","value":{"x":"' + "x" * 1_100_000 + '"}}', 413),
        ("\n" * 12_000, 200),
        ('{"key":"deletedFile","value":{"path":"a"}}\n' * 10_001, 413),
    ],
    ids=range(12),
)
def test_what_is_no_commit_changes_nothing(made: TestClient, tmp_path: Path, body: str, status: int):
    answer = made.post(f"{REPOSITORY}/commit/main", content=body)
    assert answer.status_code == status, answer.text
    assert made.get(f"{REPOSITORY}/tree/main").json() == []
    assert stored(tmp_path) == []


def test_a_path_is_a_file_or_a_folder(made: TestClient):
    assert commit(made, file_line("a/b"), file_line("a%")).status_code == 200
    assert commit(made, file_line("a")).status_code == 422
    assert commit(made, file_line("a/b/c/d")).status_code == 422
    assert commit(made, line("deletedFolder", path="a"), file_line("a")).status_code == 200
    assert [entry["path"] for entry in made.get(f"{REPOSITORY}/tree/main").json()] == ["a", "a%"]


def test_the_service_describes_itself_without_doubles(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/hf/api/repos/create", "/v1/datasets/upload", "/v1/namespaces"} <= set(paths)


@pytest.mark.parametrize("split", [1, 7, 1000])
def test_a_commit_is_read_wherever_it_is_cut(made: TestClient, split: int):
    body = line("header", summary="x") + file_line("a.csv") + file_line("b.csv", b"") + file_line("c.csv", b"y" * 3000)
    body += '{"value": {"path": "d.csv", "content": "YQ=="}, "key": "file"}'
    pieces = (body[start : start + split].encode() for start in range(0, len(body), split))
    assert made.post(f"{REPOSITORY}/commit/main", content=pieces).status_code == 200
    read = {path: made.get(f"{RESOLVE}/{path}").content for path in ("a.csv", "b.csv", "c.csv", "d.csv")}
    assert read == {"a.csv": b"a\n1\n", "b.csv": b"", "c.csv": b"y" * 3000, "d.csv": b"a"}


@pytest.mark.parametrize(
    "path",
    ["../a", "a/../b", "/etc/passwd", "a//b", "./a", "a/.", "", "a\x00b", "a\nb", "a\x7f", "a\x85b", "é" * 600, "a\\b",
     "\ud800"],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(made: TestClient, tmp_path: Path, path: str):
    assert commit(made, file_line(path)).status_code == 422
    body = json.dumps({"files": [{"path": path, "size": 1}]})
    assert made.post(f"{REPOSITORY}/preupload/main", content=body).status_code == 422
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["", "..", "a/b/c", "-a", "a b", "a" * 97, "a\n", "é", "a\x00"])
def test_a_repository_has_a_name_that_can_be_part_of_a_path(client: TestClient, name: str):
    assert client.post(f"{HF}/api/repos/create", json={**NEW, "name": name}).status_code == 422
    assert client.post(f"{HF}/api/repos/create", json={**NEW, "organization": name or "."}).status_code == 422


def test_only_datasets_are_kept(client: TestClient):
    assert client.post(f"{HF}/api/repos/create", json={"name": "trial/model"}).status_code == 422


def test_content_is_uploaded_once_in_a_namespace(made: TestClient):
    offered = batch(made, CONTENT)
    assert put(made, CONTENT, offered).status_code == 200
    body = {"oid": offered["oid"], "size": len(CONTENT)}
    assert made.post(urlsplit(offered["actions"]["verify"]["href"]).path, json=body).json() == {}
    assert "actions" not in batch(made, CONTENT)
    assert commit(made, line("lfsFile", path="a.csv", algo="sha256", **body)).status_code == 200
    assert made.get(f"{RESOLVE}/a.csv").content == CONTENT
    entry = made.get(f"{REPOSITORY}/tree/main").json()[0]
    assert entry["lfs"] == {"oid": offered["oid"], "size": len(CONTENT), "pointerSize": 134}


def test_content_of_another_namespace_is_not_there(made: TestClient):
    put(made, CONTENT, batch(made, CONTENT))
    made.post(f"{HF}/api/repos/create", json={**NEW, "organization": "other"})
    offered = batch(made, CONTENT, namespace="other")
    assert "upload" in offered["actions"]
    described = {"path": "a.csv", "oid": offered["oid"], "size": len(CONTENT)}
    assert commit(made, line("lfsFile", **described), repository=f"{HF}/api/datasets/other/people").status_code == 422
    verify = urlsplit(offered["actions"]["verify"]["href"]).path
    assert made.post(verify, json={"oid": offered["oid"], "size": len(CONTENT)}).status_code == 404


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT[:-1], CONTENT + b"x", b""])
def test_content_with_another_sha256_is_refused(made: TestClient, tmp_path: Path, content: bytes):
    answer = put(made, content, batch(made, CONTENT))
    assert answer.status_code in (413, 422)
    pieces = (content[start : start + 100_000] for start in range(0, len(content), 100_000))  # says no length
    assert put(made, pieces, batch(made, CONTENT)).status_code in (413, 422)  # type: ignore[arg-type]
    assert "upload" in batch(made, CONTENT)["actions"]
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (r"size=\d+", "size=1"),
        (r"expires=\d+", "expires=99999999999"),
        (r"signature=\w", "signature=x"),
        (r"signature=\w+", "signature="),
        (r"&signature=\w+", ""),
    ],
)
def test_the_address_of_an_upload_cannot_be_changed(made: TestClient, part: str, other: str):
    offered = batch(made, CONTENT)
    query = re.sub(part, other, urlsplit(offered["actions"]["upload"]["href"]).query)
    assert put(made, CONTENT, offered, query=query).status_code in (403, 422)
    href = urlsplit(offered["actions"]["upload"]["href"])
    for place in (href.path.replace("trial", "other"), href.path.replace(offered["oid"], "0" * 64)):
        assert made.put(f"{place}?{href.query}", content=CONTENT).status_code == 403


def test_the_address_of_an_upload_is_valid_for_an_hour(made: TestClient, settings: Settings):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    old = Permit(namespace="trial", sha256=sha256, size=len(CONTENT), expires=int(time.time()) - 1)
    signature = old.signature(Database(settings.database).secret("lfs"))
    query = f"size={old.size}&expires={old.expires}&signature={signature}"
    assert made.put(f"{HF}/lfs/trial/{sha256}?{query}", content=CONTENT).status_code == 403
    assert 3590 < Permit.now("trial", sha256, 1).expires - time.time() <= 3600


def test_what_is_too_large_is_refused_before_it_is_sent(make_client: Callable[..., TestClient]):
    client = make_client(limits={"max_upload_bytes": 1 << 20})
    client.post(f"{HF}/api/repos/create", json=NEW)
    assert batch(client, CONTENT)["error"]["code"] == 413
    body = {"files": [{"path": "a.csv", "size": len(CONTENT)}]}
    assert client.post(f"{REPOSITORY}/preupload/main", json=body).status_code == 413


def test_addresses_of_uploads_begin_as_the_client_or_the_operator_says(make_client: Callable[..., TestClient]):
    for public_url, begin in ((None, "http://localhost:8000/"), ("https://data.example/x/", "https://data.example/x/")):
        client = make_client(public_url=public_url)
        client.post(f"{HF}/api/repos/create", json=NEW)
        client.headers["x-forwarded-proto"] = "https"
        assert batch(client, CONTENT)["actions"]["upload"]["href"].startswith(f"{begin}v1/hf/lfs/trial/")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-3", (206, b"0123", "bytes 0-3/10")),
        ("bytes=7-", (206, b"789", "bytes 7-9/10")),
        ("bytes=-4", (206, b"6789", "bytes 6-9/10")),
        ("bytes=5-500", (206, b"56789", "bytes 5-9/10")),
        ("bytes=-500", (206, b"0123456789", "bytes 0-9/10")),
        ("bytes=10-", (416, None, "bytes */10")),
        ("bytes=-0", (416, None, "bytes */10")),
        ("bytes=3-2", (200, b"0123456789", None)),
        ("bytes=0-1,4-5", (200, b"0123456789", None)),
        ("lines=1-2", (200, b"0123456789", None)),
        ("bytes=" + "9" * 30 + "-", (200, b"0123456789", None)),
    ],
)
def test_a_range_of_a_file_is_read(made: TestClient, header: str, expected: tuple[int, bytes | None, str | None]):
    commit(made, file_line("a.txt", b"0123456789"))
    answer = made.get(f"{RESOLVE}/a.txt", headers={"range": header})
    status, content, said = expected
    assert (answer.status_code, answer.headers.get("content-range")) == (status, said)
    if content is not None:
        assert answer.content == content
        assert answer.headers["content-length"] == str(len(content))


def test_a_range_of_something_that_changed_is_the_whole(made: TestClient):
    commit(made, file_line("a.txt", b"0123456789"))
    etag = made.head(f"{RESOLVE}/a.txt").headers["etag"]
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"range": "bytes=0-3", "if-range": condition}
        assert made.get(f"{RESOLVE}/a.txt", headers=headers).status_code == status


def test_head_says_what_get_gives(made: TestClient):
    head = commit(made, file_line("ä b.csv")).json()["commitOid"]
    answers = [made.request(method, f"{RESOLVE}/ä b.csv") for method in ("HEAD", "GET")]
    names = ("content-length", "etag", "x-repo-commit", "accept-ranges", "content-type", "content-disposition")
    assert {name: answers[0].headers[name] for name in names} == {name: answers[1].headers[name] for name in names}
    assert answers[0].content == b""
    assert answers[0].headers["x-repo-commit"] == head
    assert answers[0].headers["etag"] == f'"{hashlib.sha256(answers[1].content).hexdigest()}"'
    assert answers[0].headers["content-disposition"].startswith("attachment")


def test_the_last_commit_is_a_revision_and_an_older_one_is_none(made: TestClient):
    older, head = (commit(made, file_line("a.csv", content)).json()["commitOid"] for content in (b"1", b"2"))
    resolve = f"{HF}/datasets/trial/people/resolve"
    assert made.get(f"{resolve}/{head}/a.csv").content == b"2"
    answer = made.get(f"{resolve}/{older}/a.csv")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert made.get(f"{REPOSITORY}/revision/{head}?blobs=true").json()["siblings"] == [
        {"rfilename": "a.csv", "size": 1, "blobId": hashlib.sha256(b"2").hexdigest()}
    ]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"{RESOLVE}/no.csv", "EntryNotFound"),
        (f"{HF}/datasets/trial/no/resolve/main/a", "RepoNotFound"),
        (f"{REPOSITORY}/tree/main/no", "EntryNotFound"),
        (f"{HF}/api/datasets/no/people", "RepoNotFound"),
        (f"{REPOSITORY}/revision/v1", "RevisionNotFound"),
    ],
)
def test_what_is_not_there_has_a_code(made: TestClient, address: str, code: str):
    answer = made.get(address)
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, code)
    assert answer.json()["error"] == answer.json()["detail"]


def test_paths_are_looked_up_in_a_form_or_in_json(made: TestClient):
    commit(made, file_line("a.csv"), file_line("b/c.csv"))
    for sent in ({"data": {"paths": ["b", "a.csv"]}}, {"json": {"paths": ["b", "a.csv"]}}):
        answer = made.post(f"{REPOSITORY}/paths-info/main", **sent)  # type: ignore[arg-type]
        assert [(entry["type"], entry["path"]) for entry in answer.json()] == [("file", "a.csv"), ("directory", "b")]
    assert made.post(f"{REPOSITORY}/paths-info/main", json=["a"]).status_code == 400


def test_a_request_that_is_not_as_it_must_be_has_an_error_without_its_values(made: TestClient):
    answer = made.post(f"{REPOSITORY}/preupload/main", json={"files": [{"path": 1, "size": "secret"}]})
    assert answer.status_code == 422
    assert "secret" not in answer.text
    assert "body.files.0.path" in answer.json()["error"]


def test_an_empty_token_is_none(client: TestClient):
    answer = client.post(f"{HF}/api/repos/create", json=NEW, headers={"authorization": "Bearer"})
    assert answer.status_code == 200
    assert client.get(f"{HF}/api/whoami-v2", headers={"authorization": "Bearer "}).json()["name"] == "local"


@pytest.mark.parametrize(
    ("role", "namespace", "statuses"),
    [
        ("", "", [401, 401, 401, 401, 401, 401]),
        ("admin", "other", [404, 404, 404, 404, 404, 404]),
        ("viewer", "trial", [403, 409, 403, 403, 403, 403]),
        ("editor", "trial", [200, 409, 200, 200, 403, 403]),
        ("admin", "trial", [200, 409, 200, 200, 200, 200]),
    ],
)
def test_a_role_opens_what_it_includes(
    keyed: Callable[..., TestClient], role: str, namespace: str, statuses: list[int]
):
    owner, client = keyed("admin"), keyed(role, namespace)
    owner.post(f"{HF}/api/repos/create", json=NEW)
    commit(owner, file_line("a.csv"))
    answers = [
        client.get(f"{RESOLVE}/a.csv"),
        client.post(f"{HF}/api/repos/create", json=NEW),
        client.post(f"{REPOSITORY}/preupload/main", json={"files": []}),
        commit(client, file_line("b.csv")),
        commit(client, line("deletedFile", path="a.csv")),
        client.request("DELETE", f"{HF}/api/repos/delete", json=NEW),
    ]
    assert [answer.status_code for answer in answers] == statuses
    assert {answer.headers["x-error-code"] for answer in answers if answer.status_code == 404} <= {"RepoNotFound"}


def test_an_upload_needs_its_address_and_no_key(keyed: Callable[..., TestClient]):
    owner = keyed("editor")
    owner.post(f"{HF}/api/repos/create", json=NEW)
    offered = batch(owner, CONTENT)
    assert put(keyed(""), CONTENT, offered).status_code == 200
    assert owner.post(urlsplit(offered["actions"]["verify"]["href"]).path, json=offered).status_code == 200


def test_content_goes_with_the_last_file_that_names_it(made: TestClient, tmp_path: Path):
    commit(made, file_line("a.csv"), file_line("b.csv"))
    assert len(stored(tmp_path)) == 1
    commit(made, file_line("a.csv", b"new"))
    assert len(stored(tmp_path)) == 2
    commit(made, line("deletedFile", path="b.csv"))
    assert [path.read_bytes() for path in stored(tmp_path)] == [b"new"]
    made.request("DELETE", f"{HF}/api/repos/delete", json=NEW)
    assert stored(tmp_path) == []


@pytest.mark.parametrize(("status", "kept"), [("pending", 2), ("active", 2), ("completed", 1), ("cancelled", 1)])
def test_content_that_a_job_reads_stays(made: TestClient, settings: Settings, tmp_path: Path, status: str, kept: int):
    commit(made, file_line("a.csv"))
    values: dict[str, Any] = {}
    for column in JOBS.columns:  # whatever a job has
        if not column.nullable and not column.primary_key:
            values[column.name] = {"VARCHAR": "", "JSON": {}}.get(str(column.type), 0)
    values |= {"status": status, "data": str(stored(tmp_path)[0])}
    with Database(settings.database).write() as db:
        db.execute(JOBS.insert().values(values))
    commit(made, file_line("a.csv", b"new"))
    assert len(stored(tmp_path)) == kept


def test_an_upload_that_breaks_off_leaves_nothing(settings: Settings, tmp_path: Path):
    with running(settings) as server, httpx.Client(base_url=server) as api:
        api.post(f"{HF}/api/repos/create", json=NEW)
        described = {"oid": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
        body = {"objects": [described]}
        answer = api.post(f"{HF}/datasets/trial/people.git/info/lfs/objects/batch", json=body).json()
        href = urlsplit(answer["objects"][0]["actions"]["upload"]["href"])
        for target, method in ((f"{href.path}?{href.query}", "PUT"), (f"{REPOSITORY}/commit/main", "POST")):
            with socket.create_connection((href.hostname, href.port)) as connection:
                head = f"{method} {target} HTTP/1.1\r\nHost: {href.netloc}\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
                start = file_line("a.csv", CONTENT).encode() if method == "POST" else CONTENT
                connection.sendall(head.encode() + start[: len(CONTENT) // 2])
                await_stored(tmp_path, 1)  # half of it came
            await_stored(tmp_path, 0)
        assert api.get(f"{REPOSITORY}/tree/main").json() == []


def test_random_content_survives_any_way_of_upload(made: TestClient):
    content = os.urandom(3 << 20)
    put(made, content, batch(made, content))
    large = line("lfsFile", path="lfs.bin", oid=hashlib.sha256(content).hexdigest(), size=len(content))
    commit(made, file_line("regular.bin", content), large)
    assert {made.get(f"{RESOLVE}/{name}.bin").content for name in ("regular", "lfs")} == {content}
