"""Requests that no client sends: what the service's own OpenAPI allows, and a table of what nothing allows."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from serve.store.database import JOB_LOGS, LEASES, METADATA
from tests.serve.api.test_jobs import JOBS, create

pytestmark = pytest.mark.slow

HUB = "/v1/hf/api/datasets/default/kept"
FILESET = "/apis/files/v2/workspaces/default/filesets/kept/-"
BATCH = "/v1/hf/datasets/default/kept.git/info/lfs/objects/batch"
PLATFORM = "/apis/safe-synthesizer/v2/workspaces/default/jobs"
JSON = {"content-type": "application/json"}
OID = "0" * 64


@pytest.fixture
def open_client(make_client: Callable[..., TestClient]) -> TestClient:
    """A client that may ask as often as it likes, and sees what escapes."""
    return make_client(limits={"requests_per_minute": 10**6, "max_waiting_jobs": 10**6, "max_body_bytes": 100_000})


def operations(client: TestClient) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(client.app.openapi())
    for found in schema.get_all_operations():
        yield found.ok()


def check_operations(client: TestClient, examples: int) -> None:
    """Send each operation what its description allows, and what it does not."""
    for operation, mode in product(operations(client), GenerationMode):
        if mode.is_negative and not operation.body:  # every text may stand in an address: nothing of it is wrong
            continue

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            case.headers.pop("x-stainless-retry-count", None)
            sent = case.as_transport_kwargs(base_url="http://localhost:8000")
            sent = {name: value for name, value in sent.items() if name not in ("cookies", "auth")}
            if isinstance(sent.get("data"), bytes | str):
                sent["content"] = sent.pop("data")
            answer = client.request(**sent)
            assert answer.status_code < 500, (sent, answer.text)

        check()


def test_nothing_that_the_description_allows_fails(open_client: TestClient):
    check_operations(open_client, 2)


@pytest.mark.slow
def test_nothing_that_the_description_allows_fails_however_often_it_is_tried(open_client: TestClient):
    check_operations(open_client, 20)


def test_operations_say_what_they_do_and_the_create_has_an_example(client: TestClient):
    paths = client.app.openapi()["paths"]
    found = [operation for methods in paths.values() for operation in methods.values()]
    assert all(operation["summary"] and operation["description"] for operation in found)
    assert len({operation["operationId"] for operation in found}) == len(found)
    (example,) = paths[JOBS]["post"]["requestBody"]["content"]["application/json"]["examples"].values()
    assert example["value"]["spec"]["data_source"].startswith("hf://datasets/")


BAD_JSON = [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b"\x00", b"{'a': 1}", b'{"name": "x"} x', b"\xef\xbb\xbf{",
    '{"name": "é"}'.encode("latin-1"), b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 90_000,
    b'{"custom_fields": {"a": NaN}}', b'{"custom_fields": {"a": 1e999}}', b'{"description": "\\ud800"}',
    b'{"description": "a\\u0000"}', b'{"description": {"a": 1}}', b'{"project": 7}', b'{"ownership": []}',
    b'{"custom_fields": ' + b'{"a":' * 80 + b"1" + b"}" * 81, b'{"custom_fields": {"a": ' + b"9" * 5000 + b"}}",
    b'{"description": "' + b"x" * 100_001 + b'"}',
]  # fmt: skip
TAKE_JSON = [JOBS, PLATFORM, "/v1/namespaces", "/v1/projects", "/v1/datasets"]
BAD_JOBS: list[Any] = [
    {}, {"spec": None}, {"spec": []}, {"spec": {}}, {"spec": {"data_source": None}}, {"spec": {"data_source": ""}},
    {"spec": {"data_source": "x" * 5000}}, {"spec": {"data_source": "hf://"}},
    {"spec": {"data_source": "hf://datasets/default/kept/../../x"}}, {"spec": {"data_source": "default/kept#../x"}},
    {"spec": {"data_source": "default/kept#a.csv", "config": 5}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"training": None}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"enable_synthesis": "yes"}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"replace_pii": 5}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"replace_pii": {"globals": []}}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"replace_pii": {"steps": {"a": 1}}}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"training": {"pretrained_model": []}}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"training": {"pretrained_model": {"a": []}}}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"generation": {"num_records": 10**400}}}},
    {"spec": {"data_source": "default/kept#a.csv", "config": {"privacy": []}}},
    {"spec": {"data_source": "default/kept#a.csv"}, "name": ".." * 200},
    {"spec": {"data_source": "default/kept#a.csv"}, "name": "a\nb"},
    {"spec": {"data_source": "default/kept#a.csv"}, "name": ""},
]  # fmt: skip
HEADER = b'{"key": "header", "value": {"summary": "x"}}\n'


def file_line(path: str, content: str = "YQ==", **more: Any) -> bytes:
    return json.dumps(
        {"key": "file", "value": {"content": content, "path": path, "encoding": "base64", **more}}
    ).encode()


BAD_PATHS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "..",
    "../x",
    "a/../../x",
    "./a",
    "a\\b",
    "a\nb",
    "a\x7f",
    "x" * 1025,
    "a.csv/b",
]
BAD_COMMITS = [
    *(HEADER + file_line(path) for path in BAD_PATHS),
    HEADER + b"{", HEADER + b"[]", HEADER + b"5", HEADER + b"\xff\xfe", HEADER + b'{"key": "other", "value": {}}',
    HEADER + b'{"key": "file", "value": {"content": "YQ=', HEADER + b'{"key": "file", "value": {"content": "YQ"',
    HEADER + file_line("b.csv", "!!!"), HEADER + file_line("b.csv", "YQ=YQ="), HEADER + file_line("b.csv", "é"),
    HEADER + file_line("b.csv", encoding="utf-8"), HEADER + file_line("b.csv") + b"\n{",
    HEADER + b'{"key":"file","value":{"content":"YQ==","path":"\\ud800"}}',
    HEADER + b'{"key":"file","value":{"content":"YQ=="}',
    HEADER + b'{"key":"file","value":{"content":"YQ==","path":"b.csv","size":1e999}}',
    HEADER + json.dumps({"key": "lfsFile", "value": {"path": "b", "oid": OID, "size": 1}}).encode(),
    HEADER + json.dumps({"key": "lfsFile", "value": {"path": "b", "oid": "x", "size": 1}}).encode(),
    HEADER + json.dumps({"key": "lfsFile", "value": {"path": "b", "oid": OID, "size": -1}}).encode(),
    HEADER + json.dumps({"key": "deletedFile", "value": {"path": "none"}}).encode(),
    HEADER + json.dumps({"key": "deletedFolder", "value": {"path": ".."}}).encode(),
    HEADER + file_line("b.csv") + b"\n" + json.dumps({"key": "deletedFile", "value": {"path": "none"}}).encode(),
    b'{"key": "header", "value": {"parentCommit": "' + b"0" * 40 + b'"}}\n' + file_line("b.csv"),
    HEADER + b'{"key": "x", "value": "' + b"x" * 2_000_000,
]  # fmt: skip
BAD_BATCHES: list[Any] = [
    {}, [], {"objects": None}, {"objects": {}}, {"objects": [{}]}, {"objects": [{"oid": "x", "size": 1}]},
    {"objects": [{"oid": OID, "size": -1}]}, {"objects": [{"oid": OID, "size": 1.5}]},
    {"objects": [{"oid": OID.replace("0", "G"), "size": 1}]}, {"objects": [{"oid": OID + "\n", "size": 1}]},
    {"objects": [{"oid": OID, "size": 1}] * 1001}, {"operation": "download", "objects": []},
    {"operation": 5, "objects": []},
]  # fmt: skip
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\na\n1\n\r\n'
BAD_FORMS = [
    b"", b"--", b"--x", b"--x\r\n", b"--x--\r\n", PART % b"b.csv", PART % b"b.csv" + b"--x", PART % b"" + b"--x--\r\n",
    PART % b"a.csv" + PART % b"b.csv" + b"--x--\r\n", PART % b"\xff" + b"--x--\r\n", PART % b".." + b"--x--\r\n",
    PART % b"a\x00b" + b"--x--\r\n", b"\x00" * 1000, b"--y\r\n\r\n\r\n--y--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="namespace"\r\n\r\n../x\r\n' + PART % b"b.csv" + b"--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="' + b"n" * 100_000 + b'"\r\n\r\nx\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 100_000 + b"\r\n--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 200 + b"--x--\r\n",
    b"--x\r\n" + b"a: b\r\n" * 10_000 + b"\r\n\r\n--x--\r\n",
]  # fmt: skip
BAD_QUERIES = [
    "page=0", "page=-1", "page=x", "page=1e3", "page=99999999999999999999", "page=%D9%A1", "page_size=0",
    "page_size=100000", "page_size=1.5", "sort=zzz", "sort=--created_at", "sort=id;drop", "filter[nothing]=1",
    "filter[created_at][gte]=x", "filter[created_at][gte]=9999-99-99", "filter[created_at][lte]=0001-01-01T00:00%2B14",
    "search[nothing]=1", "filter[name]=%00", "search[name]=" + "a," * 101,
]  # fmt: skip
BAD_CURSORS = ["x", "=", "%FF", "LTE=", "MTAwMDAwMDAwMDAw", "4pWh", base64.b64encode(b"1.5").decode(), "MSA="]
BAD_HEADERS: list[dict[str, Any]] = [
    {"host": "evil.example"}, {"host": "localhost.evil.example"}, {"host": "169.254.169.254"}, {"host": ""},
    {"content-length": "-1"}, {"content-length": "x"}, {"content-length": "9" * 30}, {"content-length": "9" * 5000},
    {"content-length": b"\xb2"}, {"content-length": "100001"}, {"origin": "https://evil.example"}, {"origin": "null"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"}, {"content-type": b"\xff"},
    {"content-type": "multipart/form-data"},
]  # fmt: skip
TRAVERSALS = [
    "..%2f..%2fetc%2fpasswd", "%2e%2e%5c", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "x" * 5000, "%0d%0aset-cookie:a",
    "a%3fb%23c", "%e2%80%ae",
]  # fmt: skip
LISTS = ("{workspace}/jobs", "{workspace}/filesets")  # of a workspace that nobody has used: empty


Request = tuple[str, str, dict[str, Any], bytes]


def sent_json(method: str, path: str, value: Any) -> Request:
    return method, path, JSON, value if isinstance(value, bytes) else json.dumps(value).encode()


def malformed() -> Iterator[Request]:
    """Method, path, headers and body of requests that cannot be answered."""
    yield from (sent_json("POST", path, content) for path, content in product(TAKE_JSON, BAD_JSON))
    yield from (sent_json("POST", path, value) for path, value in product((JOBS, PLATFORM), BAD_JOBS))
    yield from (("POST", f"{HUB}/commit/main", {"content-type": "application/x-ndjson"}, body) for body in BAD_COMMITS)
    yield from (sent_json("POST", BATCH, value) for value in BAD_BATCHES)
    form = {"content-type": "multipart/form-data; boundary=x"}
    yield from (("POST", "/v1/datasets/upload", form, body) for body in BAD_FORMS)
    yield from (("POST", f"/v1/datasets/upload?filename={n}&name=kept", {}, b"a") for n in ("", "..", "a%2fb", "%0a"))
    lists = (JOBS, PLATFORM, "/v1/namespaces", "/v1/datasets")
    yield from (("GET", f"{path}?{query}", {}, b"") for path, query in product(lists, BAD_QUERIES))
    yield from (("GET", f"{JOBS}/JOB/logs?page_cursor={cursor}", {}, b"") for cursor in BAD_CURSORS)
    yield from (("GET", f"{JOBS}/JOB/logs?limit={limit}", {}, b"") for limit in ("0", "-1", "x", "1" * 30, "1" * 5000))
    yield from (
        ("POST", JOBS, JSON | headers, b'{"spec": {"data_source": "default/kept#a.csv"}}') for headers in BAD_HEADERS
    )
    ranges = ("bytes=9-", "bytes=99999999999999999-", "bytes=-0")
    yield from (("GET", f"{FILESET}/a.csv", {"range": value}, b"") for value in ranges)
    yield from (("PUT", f"{FILESET}/{path}", {}, b"x") for path in ("..%2fx", "a%0ab", "a.csv/b", "%5c", "x" * 1025))
    yield from (
        sent_json("POST", f"{HUB}/paths-info/main", value) for value in (b"{", {}, {"paths": 5}, {"paths": [5]})
    )
    wrong_names = ({"name": "x"}, {"name": "../x", "type": "dataset"})
    yield from (sent_json("POST", "/v1/hf/api/repos/create", value) for value in wrong_names)
    lfs = f"/v1/hf/lfs/default/{OID}"
    queries = ("", "?size=1&expires=9999999999&signature=x", f"?size={'9' * 400}&expires=1&signature=x", "?size=-1")
    yield from (("PUT", lfs + query, {}, b"a") for query in queries)
    yield from ((method, JOBS, {}, b"") for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW", "OPTIONS"))


def traversals(client: TestClient) -> Iterator[Request]:
    """Each operation that has something in its path, with what leads elsewhere in its place."""
    for path, methods in client.app.openapi()["paths"].items():
        names = [part.partition("}")[0] for part in path.split("{")[1:]]
        for method, name, value in product(methods, names, TRAVERSALS):
            filled = path.replace(f"{{{name}}}", value)
            for other in names:
                filled = filled.replace(f"{{{other}}}", "default" if other in ("workspace", "namespace") else "main")
            if not (method == "get" and path.endswith(LISTS)):
                yield method.upper(), filled, {}, b""


@pytest.fixture
def kept(open_client: TestClient, table: str) -> TestClient:
    """A client of a service that holds a job, a dataset with a file, and a project."""
    create(open_client, table, name="kept")
    open_client.post("/v1/datasets/upload?filename=a.csv&name=kept", content=b"a\n1\n").raise_for_status()
    open_client.post("/v1/projects", json={"name": "kept"}).raise_for_status()
    open_client.app.state.service.database.secret("lfs")
    return open_client


def state_of(client: TestClient) -> Any:
    """All rows of all tables, and all files of the storage."""
    service = client.app.state.service
    with service.database.read() as db:
        tables = [table for table in METADATA.sorted_tables if table not in (LEASES, JOB_LOGS)]
        rows = {table.name: sorted(map(repr, db.execute(table.select()))) for table in tables}
    storage = Path(service.settings.storage)
    return rows, {path: path.read_bytes() for path in storage.rglob("*") if path.is_file()}


def check_refused(client: TestClient, requests: list[Request]) -> None:
    """Each is answered with a 4xx that says why, and nothing is written."""
    before = state_of(client)
    job = client.get(JOBS).json()["data"][0]["id"]
    wrong = []
    for method, path, headers, content in requests:
        answer = client.request(method, path.replace("JOB", job), headers=headers, content=content)
        detail = answer.headers.get("content-type") == "application/json" and answer.json().get("detail")
        if not (400 <= answer.status_code < 500 and detail):
            wrong.append((method, path[:120], headers, content[:80], answer.status_code, answer.text[:100]))
    assert wrong == []
    assert state_of(client) == before


def test_what_is_malformed_is_refused_with_a_reason_and_leaves_no_trace(kept: TestClient):
    requests = list(malformed())
    assert len(requests) >= 300
    check_refused(kept, requests)


def test_no_part_of_an_address_leads_elsewhere(kept: TestClient):
    check_refused(kept, list(traversals(kept)))
