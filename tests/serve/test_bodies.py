"""JSON that other parsers and databases do not take is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from serve.bodies import MAX_DEPTH, Body, Name


class Example(Body):
    name: Name = "a"
    free: dict[str, Any] = {}  # noqa: RUF012


@pytest.mark.parametrize(
    "text", ['{"free":{"a":NaN}}', '{"free":{"a":[1,-Infinity]}}', '{"ignored":1e999}', '{"free":{"\\ud800":1}}',
             '{"free":{"a":"x\\u0000y"}}', '{"ignored":{"a":["\\udfff"]}}',
             '{"free":{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}}"],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(text: str):
    with pytest.raises(ValidationError):
        Example.model_validate(json.loads(text))


def test_what_can_be_stored_is_taken_and_unknown_keys_are_ignored():
    body = Example.model_validate({"free": {"a": [1, 0.5, None, True, "x😀"]}, "unknown": 1})
    assert body.model_dump() == {"name": "a", "free": {"a": [1, 0.5, None, True, "x😀"]}}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a\n", "é", "a" * 97, "a b"])
def test_what_is_no_name_is_refused(name: str):
    with pytest.raises(ValidationError):
        Example(name=name)
