"""The form for a job: its fields as a configuration, and a configuration as its fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serve.errors import UnusableError
from serve.pages.job_form import explain_error, fields_of, form_parameters, read_form, users_own
from serve.sdk_config import job_config
from serve.settings import Settings
from ss_ray.errors import ConfigError

COLUMNS = json.dumps([["id", "integer", "UNIQUE_ID"], ["name", "category", ""], ["day", "date", "DATE_TIME"]])
FOUND = {"kind-0": "integer", "entity-0": "UNIQUE_ID", "kind-1": "category", "entity-1": "", "kind-2": "date"}
ORDER = {"type": "order", "low": "admitted", "high": "discharged", "strict": False}
BASE = {"synthesis": "on", "replace_pii": "on", "columns": COLUMNS, **FOUND}


def asked(**fields: str) -> dict[str, Any]:
    return read_form(BASE | {name.replace("_", "-"): value for name, value in fields.items()}, "x.csv").spec.config


def test_what_was_found_and_not_changed_is_not_declared():
    assert asked() == {"enable_synthesis": True, "enable_replace_pii": True}


def test_a_changed_kind_or_type_is_declared_and_a_kept_column_is_locked():
    config = asked(entity_0="keep", kind_1="text", entity_1="PERSON", entity_2="DATE_OF_BIRTH")
    assert config["data"]["columns"] == {
        "name": {"kind": "text", "entity": "PERSON"},
        "day": {"entity": "DATE_OF_BIRTH"},
    }
    assert config["replace_pii"]["globals"]["lock_columns"] == ["id"]


def test_what_yaml_says_of_a_column_goes_before_the_field():
    config = asked(yaml="data: {columns: {name: {kind: identifier, nullable: false}}}", kind_1="text")
    assert config["data"]["columns"]["name"] == {"kind": "identifier", "nullable": False}


@pytest.mark.parametrize(
    ("fields", "epsilon"),
    [
        ({"privacy": "off", "epsilon": "3"}, None),
        ({"privacy": "balanced", "epsilon": "3"}, 8.0),
        ({"privacy": "strict"}, 1.0),
        ({"privacy": "own", "epsilon": "3"}, "3"),
    ],
)
def test_levels_of_privacy_are_words_for_epsilon(fields: dict[str, str], epsilon: object):
    given = form_parameters(fields)
    assert given.get("privacy.dp_enabled", False) == (epsilon is not None)
    assert given.get("privacy.epsilon") == epsilon


def test_ticked_rules_become_constraints():
    assert asked(constraint_1=json.dumps(ORDER))["constraints"] == [ORDER]


@pytest.mark.parametrize("columns", ["{", "7", '[["a", "b"]]', '[["a", "b", 3]]', "[7]"])
def test_a_form_that_no_page_made_is_refused(columns: str):
    with pytest.raises(ConfigError, match="look at the table again"):
        asked(columns=columns)


def test_a_job_that_is_asked_for_again_gets_the_same_configuration(settings: Settings):
    fields = {
        "rows": "77",
        "effort": "fast",
        "group": "id",
        "order": "day",
        "target": "name",
        "privacy": "own",
        "epsilon": "3",
        "yaml": "training: {num_input_records_to_sample: 9}\ndata: {columns: {day: {minimum: '2020-01-01'}}}",
        "constraint-0": json.dumps(ORDER),
        "kind-1": "text",
        "entity-0": "keep",
    }
    first = job_config(read_form(BASE | fields, "x").spec.config, settings).config

    again = fields_of(first, "run")
    columns = json.loads(again.pop("asked_columns"))
    assert columns == {"name": {"kind": "text"}, "id": {"entity": "keep"}}
    again |= {"columns": COLUMNS, "kind-1": "text", "entity-0": "keep"}
    (rule,) = json.loads(again.pop("asked_constraints"))
    again["constraint-0"] = json.dumps(rule)
    second = job_config(read_form(again, "x").spec.config, settings).config
    assert second == first


def test_places_of_the_operator_are_not_shown():
    config = {"audit_log": "a", "resources": {}, "notes": [], "privacy": {"ledger": "l", "epsilon": 3}, "data": {}}
    assert users_own(config) == {"privacy": {"epsilon": 3}, "data": {}}


def test_parameters_of_the_yaml_keep_their_names_in_errors():
    error = ConfigError("generation.num_records: wrong; privacy.epsilon: wrong; generation.num_records_per_step: wrong")
    written = {"yaml": "generation: {num_records: x}"}
    assert explain_error(error, {}).startswith(
        "Synthetic rows: wrong; Epsilon: wrong; generation.num_records_per_step:"
    )
    assert explain_error(error, written).startswith("generation.num_records: wrong; Epsilon: wrong")


def test_a_form_without_a_table_is_refused():
    with pytest.raises(UnusableError, match="choose a file"):
        read_form(BASE, "")
