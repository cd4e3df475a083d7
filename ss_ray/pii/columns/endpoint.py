"""A second opinion on columns, by an OpenAI-compatible chat endpoint that a person chose.

What is sent: the headers and the *shapes* of values ("Aa.a@a.a", "999-99-9999"), of which letters and digits are
gone; values themselves only with `send_values`. An answer adds suspicion and never takes any away: it types columns
that the local model left untyped. An endpoint that fails or answers with something else stops the run, because a table
that was to be looked at twice was not.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ss_ray.config.pii import EndpointParameters, Operator
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pii.cells import distinct_texts
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.columns.features import shape
from ss_ray.pii.columns.looks import LOOKS
from ss_ray.pii.entities import BY_NAME, ENTITY_TYPES, UNKNOWN

# Shapes or values of a column.
NUM_EXAMPLES = 12
TIMEOUT_SECONDS = 60.0
_MIN_SHARE = 0.9
_PROMPT = (
    "You classify the columns of a table by the personal data in them. For each column you get its header and examples"
    " of {what}. Answer with one JSON object: header -> one of {types}, or null for a column without personal data."
)


def ask_endpoint(
    endpoint: EndpointParameters, sample: pa.Table, typings: Mapping[str, ColumnTyping]
) -> dict[str, ColumnTyping]:
    """Typings with those that the endpoint adds; no typing that is there is changed.

    A type whose look the values do not have becomes UNKNOWN if it would be replaced, as under a header that names it.

    Args:
        endpoint: Whom to ask.
        sample: Rows of the table.
        typings: From `classify_table`; their columns are not asked about.

    Raises:
        ResourceError: No answer, or none that can be read.
        ConfigError: The environment variable of the key is not set.
    """
    texts = {name: distinct_texts(sample.column(name)) for name in sample.column_names if name not in typings}
    asked = {name: found for name, values in texts.items() if (found := [value for value in values if value.strip()])}
    if not asked:
        return dict(typings)

    answer = _request_answer(endpoint, asked)
    added = {name: _make_typing(type_, asked[name]) for name, type_ in answer.items() if type_ is not None}
    return {**typings, **added}


def _request_answer(endpoint: EndpointParameters, columns: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    request = _build_request(endpoint, columns)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            content = json.load(response)["choices"][0]["message"]["content"]

        return _parse_answer(content, columns)
    # The cause is dropped: it may quote the request or the answer.
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        if isinstance(error, urllib.error.HTTPError):
            reason = f"HTTP status {error.code}"
        else:
            reason = type(error).__name__

    raise ResourceError(
        f"the endpoint for column typing gave no usable answer ({reason}); try again, or leave the endpoint out"
    )


def _build_request(endpoint: EndpointParameters, columns: Mapping[str, Sequence[str]]) -> urllib.request.Request:
    examples = {name: _choose_examples(values, endpoint.send_values) for name, values in columns.items()}
    if endpoint.send_values:
        what = "its values"
    else:
        what = "the shapes of its values (9 is a digit, A and a are letters)"

    prompt = _PROMPT.format(what=what, types=", ".join(sorted(ENTITY_TYPES - {UNKNOWN})))
    body = {
        "model": endpoint.model,
        "temperature": 0,
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": prompt},
            {"role": "user", "content": json.dumps(examples, ensure_ascii=False)},
        ],
    }
    request = urllib.request.Request(
        endpoint.url.rstrip("/") + "/chat/completions", json.dumps(body).encode(), method="POST"
    )
    request.add_header("Content-Type", "application/json")
    if endpoint.key_env is not None:
        request.add_header("Authorization", f"Bearer {_read_key(endpoint.key_env)}")

    return request


def _read_key(variable: str) -> str:
    key = os.environ.get(variable)
    if not key:
        raise ConfigError(
            f"the environment variable {variable} shall hold the key of the typing endpoint, and is not set"
        )
    return key


def _choose_examples(values: Sequence[str], send_values: bool) -> list[str]:
    if send_values:
        return list(values[:NUM_EXAMPLES])
    return list(dict.fromkeys(shape(value)[:60] for value in values))[:NUM_EXAMPLES]


def _parse_answer(content: Any, columns: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Types in an answer; ValueError if it leaves a column out or names an unknown type."""
    answer = json.loads(content)
    types = {name: answer[name] for name in columns}
    if any(type_ is not None and type_ not in ENTITY_TYPES for type_ in types.values()):
        raise ValueError("no entity type")
    return types


def _make_typing(entity_type: str, values: Sequence[str]) -> ColumnTyping:
    looks = LOOKS.get(entity_type)
    if looks:
        share = sum(map(looks, values)) / len(values)
    else:
        share = 0.0

    reason = f"the endpoint says {entity_type}, and {share:.0%} of {len(values)} distinct values look like it"
    fits = share >= _MIN_SHARE or BY_NAME[entity_type].operator is Operator.KEEP

    return ColumnTyping(
        entity_type=entity_type if fits else UNKNOWN,
        suspected=entity_type,
        confidence=0.7 if fits else 0.5,
        explanation=reason,
    )
