"""Sizes, rates, origins: what is refused before a route sees it."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from serve.errors import TooManyError
from serve.guard import Rates

NAMESPACES = "/v1/namespaces"


def test_the_rate_of_a_caller_is_limited_and_of_others_is_not():
    time = [0.0]
    rates = Rates(2, clock=lambda: time[0])
    rates.count("one")
    rates.count("one")
    rates.count("two")
    with pytest.raises(TooManyError) as caught:
        rates.count("one")
    assert caught.value.headers == {"retry-after": "60"}
    time[0] = 60.0
    rates.count("one")


def test_a_request_from_another_machine_is_refused_without_authentication(client: TestClient):
    elsewhere = TestClient(client.app, base_url="http://localhost:8000", client=("192.0.2.7", 50000))
    rebound = TestClient(client.app, base_url="http://evil.example:8000", client=("127.0.0.1", 50000))
    assert [c.get(NAMESPACES).status_code for c in (client, elsewhere, rebound)] == [200, 403, 403]


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_a_page_of_another_site_changes_nothing(client: TestClient, headers: dict[str, str]):
    assert client.post(NAMESPACES, json={"id": "a"}, headers=headers).status_code == 403
    assert client.get(f"{NAMESPACES}/a").status_code == 404


def test_a_body_that_is_too_long_is_not_read(make_client: Callable[..., TestClient]):
    client = make_client(limits={"max_body_bytes": 1024})
    assert client.post(NAMESPACES, json={"id": "a", "description": "x" * 2000}).status_code == 413
    chunks = (b"x" * 1000 for _ in range(3))  # says no length
    assert client.post(NAMESPACES, content=chunks, headers={"content-type": "application/json"}).status_code == 413


def test_an_address_with_a_null_character_is_refused(client: TestClient):
    assert client.get(f"{NAMESPACES}/a%00b").status_code == 400
