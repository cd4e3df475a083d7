"""The form for a new job as a configuration, and a configuration as the fields of the form.

A field that keeps what was found in the table adds nothing to the configuration: the run finds it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from serve.api.jobs import JobCreate
from serve.bodies import MAX_DEPTH
from serve.errors import UnusableError
from ss_ray.config.files import parse_config
from ss_ray.config.shortcuts import without_short_names
from ss_ray.errors import ConfigError, SsRayError

SECTIONS = ("data", "training", "generation", "evaluation", "privacy")
MAX_CONSTRAINTS = 200
NEVER_CHANGED = "keep"
"""Value of a column's field "personal data" that locks the column."""
LEVELS = {"balanced": 8.0, "strict": 1.0}
"""Worded levels of privacy, and their epsilon."""
TEXT_FIELDS = {
    "rows": "generation.num_records",
    "effort": "training.effort",
    "group": "data.group_training_examples_by",
    "order": "data.order_training_examples_by",
    "target": "evaluation.target",
}
LABELS = {
    "generation.num_records": "Synthetic rows",
    "training.effort": "Effort",
    "data.group_training_examples_by": "Rows of one person or series share the column",
    "data.order_training_examples_by": "Rows ascend by",
    "evaluation.target": "Column to predict",
    "privacy.epsilon": "Epsilon",
    "data_source": "Table",
    "name": "Name",
    "constraints": "Rules",
    "enable_synthesis": "'Make synthetic rows'",
    "enable_replace_pii": "'Replace personal data'",
}
"""Parameters that the form has fields for, and the labels of these."""
COLUMN_PLACE = re.compile(r"data\.columns\.(.+?)\.(kind|entity)\b")
NAME_RULE = "Name: up to 200 characters, without / \\ # ? and %"


@dataclass(frozen=True, kw_only=True)
class FormColumn:
    """A column as the look at the table found it.

    Attributes:
        name: Name of the column.
        kind: Kind of the column.
        entity: PII type; "" where there is none.
    """

    name: str
    kind: str
    entity: str


def read_form(fields: Mapping[str, str], source: str) -> JobCreate:
    """The job that a form asks for.

    Raises:
        ConfigError: Its YAML cannot be read, or a field holds a wrong value.
        UnusableError: There is no source.
    """
    if not source:
        raise UnusableError("choose a file, or a data set that is there already")

    config = parse_yaml(fields.get("yaml", ""))
    for path, value in form_parameters(fields).items():
        section, _, name = path.partition(".")
        if name:
            config.setdefault(section, {}).setdefault(name, value)
        else:
            config.setdefault(section, value)

    _add_columns(config, fields)
    return JobCreate.model_validate(
        {"spec": {"data_source": source, "config": config}, "name": fields.get("name", "").strip() or None}
    )


def form_parameters(fields: Mapping[str, str]) -> dict[str, Any]:
    """Parameters from the form's own fields, by dotted name."""
    given: dict[str, Any] = {
        "enable_synthesis": "synthesis" in fields,
        "enable_replace_pii": "replace_pii" in fields,
    }
    given |= {path: fields[name].strip() for name, path in TEXT_FIELDS.items() if fields.get(name, "").strip()}
    level = fields.get("privacy", "off")
    if level != "off":
        given["privacy.dp_enabled"] = True
        epsilon = LEVELS.get(level, fields.get("epsilon", "").strip())
        given |= {"privacy.epsilon": epsilon} if epsilon != "" else {}

    constraints = [_read_json(fields[name]) for name in list_numbered(fields, "constraint")]
    return given | ({"constraints": constraints} if constraints else {})


def list_numbered(fields: Mapping[str, str], prefix: str) -> list[str]:
    """Names of the fields "prefix-0", "prefix-1", ... that a form has, in order."""
    names = [f"{prefix}-{number}" for number in range(MAX_CONSTRAINTS)]
    return [name for name in names if name in fields]


def form_columns(fields: Mapping[str, str]) -> list[FormColumn]:
    """Columns as the look that the form was made of found them.

    Raises:
        ConfigError: The field is not what the page made.
    """
    values = _read_json(fields.get("columns") or "[]")
    if not isinstance(values, list):
        raise ConfigError("the form is not complete; look at the table again")

    columns = []
    for value in values:
        if not (isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value)):
            raise ConfigError("the form is not complete; look at the table again")
        columns.append(FormColumn(name=value[0], kind=value[1], entity=value[2]))

    return columns


def _add_columns(config: dict[str, Any], fields: Mapping[str, str]) -> None:
    """Declare the columns whose kind or PII type was changed, and lock those that are never to be changed."""
    locked = []
    for number, column in enumerate(form_columns(fields)):
        kind = fields.get(f"kind-{number}", column.kind)
        entity = fields.get(f"entity-{number}", column.entity)
        declared = {"kind": kind} if kind != column.kind else {}
        if entity == NEVER_CHANGED or (not entity and column.entity):
            locked.append(column.name)
        elif entity != column.entity:
            declared["entity"] = entity

        if declared:
            columns = config.setdefault("data", {}).setdefault("columns", {})
            columns[column.name] = declared | columns.get(column.name, {})

    if locked and "replace_pii" in fields:
        settings = config.setdefault("replace_pii", {}).setdefault("globals", {})
        settings["lock_columns"] = list(dict.fromkeys([*settings.get("lock_columns", []), *locked]))


def users_own(config: Mapping[str, Any]) -> dict[str, Any]:
    """A job's configuration without the operator's settings (places and addresses), which users need not know."""
    shown = {name: value for name, value in config.items() if name not in ("audit_log", "resources", "notes")}
    if isinstance(shown.get("privacy"), dict):
        shown["privacy"] = {name: value for name, value in shown["privacy"].items() if name != "ledger"}
    return shown


def fields_of(config: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The fields that ask for a configuration again; what the form has no field for is YAML.

    Args:
        config: Configuration of a job, as its user chose it.
        kind: Kind of the job: "run" or "replace_pii".
    """
    rest = json.loads(json.dumps(users_own(config)))
    fields = {"synthesis": "on"} if kind == "run" else {}
    if rest.get("replace_pii", {}) is not None:
        fields["replace_pii"] = "on"
    if not rest.get("replace_pii"):
        rest.pop("replace_pii", None)

    for name, path in TEXT_FIELDS.items():
        section, _, parameter = path.partition(".")
        value = rest.get(section, {}).pop(parameter, None)
        fields[name] = "" if value is None else str(value)

    privacy = rest.get("privacy") or {}
    for operators_own in ("ledger", "dataset"):
        privacy.pop(operators_own, None)
    is_private = privacy.pop("dp_enabled", False)
    epsilon = privacy.pop("epsilon", 8.0)
    fields["privacy"] = "off"
    if is_private:
        level = next((name for name, value in LEVELS.items() if value == epsilon), "own")
        fields |= {"privacy": level, "epsilon": f"{epsilon:g}"}

    if isinstance(rest.get("constraints"), list):
        fields["asked_constraints"] = json.dumps(rest.pop("constraints"))

    fields["asked_columns"] = json.dumps(_take_columns(rest))
    rest.get("training", {}).pop("pretrained_model", None)
    rest.get("data", {}).pop("max_bytes", None)
    rest = {name: value for name, value in rest.items() if value not in ({}, None, []) and name != "unknown_fields"}
    fields["yaml"] = yaml.safe_dump(rest, sort_keys=False, allow_unicode=True) if rest else ""
    return fields


def _take_columns(config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Take the columns out of a configuration that the form has fields for: name -> "kind" and "entity"."""
    declared = config.get("data", {}).get("columns", {})
    taken = {name: declared.pop(name) for name in list(declared) if set(declared[name]) <= {"kind", "entity"}}
    if not declared:
        config.get("data", {}).pop("columns", None)

    settings = (config.get("replace_pii") or {}).get("globals", {})
    for name in settings.pop("lock_columns", None) or ():
        taken.setdefault(name, {})["entity"] = NEVER_CHANGED

    if "replace_pii" in config and not any(config["replace_pii"].values()):
        del config["replace_pii"]
    return taken


def parse_yaml(text: str) -> dict[str, Any]:
    """The form's YAML, with nothing in it that a request in JSON could not hold.

    Raises:
        ConfigError: It is none, or names what there is not.
    """
    try:
        _check_events(text)
        config = json.loads(json.dumps(yaml.safe_load(text))) or {}
    except TypeError:
        raise ConfigError("the advanced settings hold texts, numbers, lists, mappings; put dates in quotes") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"the advanced settings are not valid YAML{_error_line(error)}") from None
    except ValueError as error:
        raise (
            error if isinstance(error, SsRayError) else ConfigError("the advanced settings hold a wrong value")
        ) from None

    if not isinstance(config, dict) or not all(isinstance(v, dict) for k, v in config.items() if k in SECTIONS):
        raise ConfigError("the advanced settings must be a mapping of sections, e.g. 'training:'")

    # Who writes by hand is told of names that are none.
    parse_config(config)
    return config


def explain_error(error: SsRayError | ValidationError, fields: Mapping[str, str]) -> str:
    """An error in the words of the form: labels stand in place of the parameters that its own fields set.

    Args:
        error: Error of the job that the form asked for.
        fields: Fields of the form; what its YAML names is told by the names of the YAML.
    """
    if isinstance(error, SsRayError):
        text = str(error)
    else:
        found = {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
        text = "; ".join(NAME_RULE if place == "name" else f"{place}: {why}" for place, why in found.items())

    # The form has neither options of commands nor parameters of Python.
    text = without_short_names(text)
    written = fields.get("yaml", "")
    for path, label in LABELS.items():
        section, _, name = path.rpartition(".")
        if name in written:
            continue

        text = re.sub(rf"(?<![\w.]){re.escape(path)}(?![\w.]*\w)", label, text)
        # Checks of a whole section name its parameters alone, which may be ordinary words.
        if "_" in name:
            text = re.sub(rf"({section}: )?\b{name}\b", f"'{label}'", text)

    words = {"kind": "Kind", "entity": "Personal data"}
    return COLUMN_PLACE.sub(lambda match: f"{words[match[2]]} of the column '{match[1]}'", text)


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigError("the form is not complete; look at the table again") from None


def _check_events(text: str) -> None:
    """Refuse YAML whose reading takes more than its length.

    Raises:
        ConfigError: Parts of it stand for others, which can fill the memory, or lie deep in each other.
        YAMLError: It is none.
    """
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            raise ConfigError("the advanced settings may not use anchors (&, *), nor be nested deeply")


def _error_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f", line {mark.line + 1}"
    return ""
