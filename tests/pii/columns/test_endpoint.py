"""A real HTTP server on a local socket stands for the endpoint: it answers what a test says and keeps what it got."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pytest

from ss_ray.config.pii import EndpointParameters
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.columns.endpoint import ask_endpoint

COLUMNS = pa.table({"k1": ["Zorbina", "Quentix"], "k2": ["blue", None], "mail": ["z.q@example.com", ""]})
MAIL = ColumnTyping(entity_type="EMAIL_ADDRESS", suspected="EMAIL_ADDRESS", confidence=1.0, explanation="form")


@dataclass
class Server:
    url: str = ""
    status: int = 200
    content: str = "{}"
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def answer(self, **types: str | None) -> None:
        self.content = json.dumps({"choices": [{"message": {"content": json.dumps(types)}}]})


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.requests.append((dict(self.headers), body))
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(state.content.encode())

        def log_message(self, *args: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def endpoint(server: Server, **more: object) -> EndpointParameters:
    return EndpointParameters.model_validate({"url": server.url, "model": "m", **more})


def test_answer_adds_types_and_changes_none(server):
    server.answer(k1="FIRST_NAME", k2=None, mail=None)
    typings = ask_endpoint(endpoint(server), COLUMNS, {"mail": MAIL})
    assert {name: typing.entity_type for name, typing in typings.items()} == {
        "mail": "EMAIL_ADDRESS",
        "k1": "FIRST_NAME",
    }
    assert typings["mail"] is MAIL


def test_shapes_are_sent_and_no_value(server):
    server.answer(k1=None, k2=None, mail=None)
    ask_endpoint(endpoint(server), COLUMNS, {})
    ((_, body),) = server.requests
    assert "a.a@a.a" in body
    assert not any(value in body for value in ("Zorbina", "Quentix", "blue", "z.q", "example.com"))


def test_values_are_sent_where_a_person_says_so(server):
    server.answer(k1=None, k2=None, mail=None)
    ask_endpoint(endpoint(server, send_values=True), COLUMNS, {})
    assert "Zorbina" in server.requests[0][1]


def test_key_comes_from_the_named_variable(server, monkeypatch):
    server.answer(k1=None, k2=None, mail=None)
    monkeypatch.setenv("TYPING_KEY", "secret-key")
    ask_endpoint(endpoint(server, key_env="TYPING_KEY"), COLUMNS, {})
    assert server.requests[0][0]["Authorization"] == "Bearer secret-key"
    monkeypatch.delenv("TYPING_KEY")
    with pytest.raises(ConfigError, match="TYPING_KEY"):
        ask_endpoint(endpoint(server, key_env="TYPING_KEY"), COLUMNS, {})


def test_type_that_the_values_do_not_look_like_is_hidden(server):
    server.answer(k1="US_SSN", k2=None, mail=None)
    typing = ask_endpoint(endpoint(server), COLUMNS, {})["k1"]
    assert (typing.entity_type, typing.suspected) == ("UNKNOWN", "US_SSN")
    assert "Zorbina" not in typing.explanation


def test_nothing_is_asked_where_all_is_typed(server):
    assert ask_endpoint(endpoint(server), COLUMNS.select(["mail"]), {"mail": MAIL}) == {"mail": MAIL}
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, "{}"),
        (401, "{}"),
        (200, "no json"),
        (200, "{}"),
        (200, json.dumps({"choices": [{"message": {"content": "not json"}}]})),
        (200, json.dumps({"choices": [{"message": {"content": json.dumps({"k1": None})}}]})),
        (
            200,
            json.dumps({"choices": [{"message": {"content": json.dumps({"k1": "HAIR", "k2": None, "mail": None})}}]}),
        ),
    ],
)
def test_failure_stops_and_quotes_nothing(server, status, content):
    server.status, server.content = status, content
    with pytest.raises(ResourceError) as error:
        ask_endpoint(endpoint(server, send_values=True), COLUMNS, {})
    assert "Zorbina" not in str(error.value)
    assert error.value.__context__ is None


def test_server_that_is_not_there_stops():
    with pytest.raises(ResourceError):
        ask_endpoint(EndpointParameters(url="http://127.0.0.1:9", model="m"), COLUMNS, {})
