"""The Helm chart, without Helm: its values, their schema, and what the templates make of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from serve.app import check_reachable
from serve.settings import ROOT, parse_settings
from ss_ray import __version__
from tests.serve.test_manifests import SERVICE

CHART = ROOT / "serve/deploy/helm"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = {file.name: file.read_text() for file in sorted((CHART / "templates").iterdir())}
OWN_SETTINGS = {"host": "0.0.0.0", "port": 8000, "database": "${SS_RAY_DATABASE}"}


def list_paths(values: dict[str, Any], before: str = "") -> Iterator[str]:
    """Dotted names of all values and sections."""
    for name, value in values.items():
        yield before + name
        if isinstance(value, dict):
            yield from list_paths(value, f"{before}{name}.")


def changed(path: str, value: Any) -> dict[str, Any]:
    """The values with another one at a dotted name."""
    values = copy.deepcopy(VALUES)
    *sections, name = path.split(".")
    section = values
    for part in sections:
        section = section[part]
    section[name] = value
    return values


def test_the_values_are_as_their_schema_asks():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    assert set(SCHEMA["properties"]) == set(VALUES) | {"global"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.repositry", "x"),
        ("replicas", 0),
        ("settings.auth", {}),
        ("settings.database", "postgresql://a:b@c/d"),
        ("settings.ray", {}),
        ("workers.tpu", {}),
        ("workers.cpu.maxReplicas", "8"),
        ("existingSecret", ""),
        ("ingress.enabled", "yes"),
    ],
)
def test_wrong_values_are_refused(path: str, value: Any):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(path, value), SCHEMA)


def test_every_value_is_used_and_every_used_value_is_there():
    text = "\n".join(TEMPLATES.values())
    used = set(re.findall(r"\.Values\.([\w.]+)", text))
    assert used <= set(list_paths(VALUES))
    for name in VALUES:
        assert any(path == name or path.startswith(f"{name}.") for path in used), name


def test_every_value_is_described():
    lines = (CHART / "values.yaml").read_text().splitlines()
    for name in VALUES:
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert any(line.lstrip().startswith("#") for line in lines[place - 1 : place + 3]), name


def test_the_settings_are_those_of_a_service_that_asks_for_keys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SS_RAY_DATABASE", "postgresql://a:b@c/d")
    settings = parse_settings(VALUES["settings"] | OWN_SETTINGS)
    check_reachable(settings)
    assert settings.auth.api_keys
    assert settings.audit_log is None


def test_the_chart_is_of_this_version_and_of_the_manifest_without_helm():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == VALUES["image"]["tag"] == __version__
    cluster = SERVICE["spec"]["rayClusterConfig"]
    assert f"rayVersion: {cluster['rayVersion']}" in TEMPLATES["rayservice.yaml"]
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert VALUES["head"]["resources"] == head["resources"]
    for group in cluster["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        assert VALUES["workers"][group["groupName"]]["resources"] == container["resources"]


def test_every_template_closes_its_blocks_and_includes_what_is_defined():
    text = "\n".join(TEMPLATES.values())
    for name, template in TEMPLATES.items():
        actions = re.findall(r"\{\{-?\s*(\w+)", template)
        opened = sum(actions.count(word) for word in ("if", "with", "range", "define"))
        assert opened == actions.count("end"), name
    assert set(re.findall(r'include "([^"]+)"', text)) == set(re.findall(r'define "([^"]+)"', text))
