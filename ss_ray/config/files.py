"""From YAML, mappings and `section.key=value` overrides to a `Config`, with errors that name the place."""

from __future__ import annotations

import copy
import logging
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ss_ray.config.model import ColumnParameters, Config
from ss_ray.config.shortcuts import setting_label
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.meant_names import closest_name, did_you_mean

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One leaf of the configuration tree, for help texts.

    Attributes:
        path: Dotted name, such as training.batch_size.
        default: Default value, as YAML.
        type: Allowed type and range.
        description: Effect of the parameter, with unit and range.
        applies_to: Models on which the parameter has an effect; empty: all.
    """

    path: str
    default: str
    type: str
    description: str
    applies_to: str


def load_config(file: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a YAML file (defaults where there is none), changed by `section.key=value` overrides.

    Example:
        >>> config = load_config(None, ["generation.num_records=500", "replace_pii=null"])
        >>> config.generation.num_records, config.replace_pii
        (500, None)
    """
    if file is not None:
        values = _read_yaml(Location.parse(file))
    else:
        values = {}

    for override in overrides:
        _set_override(values, override)

    return parse_config(values)


def merge_config(values: Config | Mapping[str, Any] | None, overrides: Sequence[str] = ()) -> Config:
    """A configuration in Python's terms, changed by `section.key=value` overrides.

    Args:
        values: Configuration, or mapping of sections whose keys may be dotted names; None for the defaults.
        overrides: Changes as the option --set takes them.

    Raises:
        ConfigError: Something is no configuration; the message never shows it.

    Example:
        >>> config = merge_config({"training.effort": "fast", "generation": {"num_records": 5}}, ["data.holdout=0"])
        >>> config.training.effort, config.generation.num_records, config.data.holdout
        ('fast', 5, 0.0)
    """
    if values is None:
        given: Any = {}
    elif isinstance(values, Config):
        given = values.model_dump(exclude_unset=True)
    else:
        given = values

    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ConfigError(f"a configuration is a mapping of sections, not an object of type {type(values).__name__}")

    merged: dict[str, Any] = {}
    # Whole sections first: a dotted name changes a part of one.
    for path in sorted(given, key=lambda path: path.count(".")):
        _set_path(merged, path, copy.deepcopy(given[path]))

    for override in overrides:
        _set_override(merged, override)

    return parse_config(merged)


def parse_config(values: Mapping[str, Any]) -> Config:
    """Validate a nested mapping.

    Raises:
        ConfigError: Every wrong place with what is wrong and, for an unknown key, the nearest known one.

    Example:
        >>> parse_config({"generation": {"num_records": 500}}).generation.num_records
        500
        >>> parse_config({"generation": {"num_record": 500}})
        Traceback (most recent call last):
            ...
        ss_ray.errors.ConfigError: generation.num_record: unknown parameter; did you mean 'num_records'?
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"a configuration is a mapping of sections, not an object of type {type(values).__name__}")

    try:
        return Config.model_validate(values)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        if values.get("unknown_fields") != "ignore" or not unknown:
            raise ConfigError("; ".join(_explain_errors(error.errors()))) from None

    logger.warning("unknown parameters are ignored: %s", ", ".join(_dotted_name(location) for location in unknown))
    return parse_config(reduce(_without_key, unknown, values))


def unknown_parameters(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters of a nested mapping that this version does not know, each with the one that may be meant.

    Example:
        >>> unknown_parameters({"generation": {"num_record": 500}})
        ("generation.num_record; did you mean 'num_records'?",)
    """
    try:
        Config.model_validate(values)
    except ValidationError as error:
        unknown = [one for one in error.errors() if one["type"] == "extra_forbidden"]
        return tuple(f"{_dotted_name(one['loc'])}{_suggest_name(one)}" for one in unknown)
    return ()


def require_config(config: object) -> None:
    """Refuse what is no configuration, without showing it: it may be a table.

    Raises:
        ConfigError: It is an object of another type.
    """
    if not isinstance(config, Config):
        raise ConfigError(
            f"the first argument is a Config, not an object of type {type(config).__name__}; make one with "
            "ss_ray.config.files.parse_config({...}) or load_config(file)"
        )


def parameters(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[Parameter]:
    """Every leaf parameter of the tree in order."""
    properties = section.model_json_schema()["properties"]
    for name, field in section.model_fields.items():
        nested = _section_of(field)
        if nested is not None:
            yield from parameters(nested, f"{prefix}{name}.")
            continue

        if isinstance(field.json_schema_extra, dict):
            extra = field.json_schema_extra
        else:
            extra = {}

        yield Parameter(
            path=prefix + name,
            default="required" if field.is_required() else _yaml_value(field.get_default(call_default_factory=True)),
            type=_type_text(properties[name]),
            description=field.description or "",
            applies_to=str(extra.get("applies_to", "")),
        )


def parameters_of(section: str) -> list[Parameter]:
    """The leaf parameters of a section, or the one parameter of that dotted name.

    Raises:
        ConfigError: There is no such section.

    Example:
        >>> [parameter.path for parameter in parameters_of("preflight")]
        ['preflight.disabled_checks']
    """
    found = [p for p in parameters() if p.path == section or p.path.startswith(f"{section}.")]
    if not found:
        *above, name = section.split(".")
        meant = _find_meant(name, tuple(above))
        raise ConfigError(f"there is no section {section!r}{did_you_mean(meant)}")
    return found


def explicit_paths(config: BaseModel, prefix: str = "") -> Iterator[str]:
    """Dotted names of the leaves that were given, not defaulted.

    Example:
        >>> list(explicit_paths(parse_config({"generation": {"num_records": 500}})))
        ['generation.num_records']
    """
    for name in sorted(config.model_fields_set):
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from explicit_paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _read_yaml(file: Location) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text())
    except OSError as error:
        if error.errno:
            reason = os.strerror(error.errno)
        else:
            reason = type(error).__name__
        raise ConfigError(f"cannot read the config file {str(file)!r}: {reason}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the config file {str(file)!r} is not valid YAML{_find_line(error)}") from None

    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"the config file {str(file)!r} must hold a mapping of sections, e.g. 'training:'")

    return values or {}


def _find_line(error: Exception) -> str:
    """Where a YAML error is; what stands there may be a secret."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f": line {mark.line + 1}, column {mark.column + 1}"
    return ""


def _set_override(values: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise ConfigError("--set: expected section.key=value")

    _set_path(values, path.strip(), _parse_scalar(text, path.strip()))


def _set_path(values: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted name; sections that are not there are made."""
    *sections, leaf = path.split(".")
    for section in sections:
        if not isinstance(values.get(section), dict):
            values[section] = {}
        values = values[section]

    values[leaf] = value


def _parse_scalar(text: str, path: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {path}: its value is not valid YAML{_find_line(error)}") from None

    # YAML 1.1 reads 1e-3 as a string.
    if isinstance(value, str) and _EXPONENT.match(value):
        return float(value)

    return value


def _explain_errors(errors: Sequence[Any]) -> Iterator[str]:
    """One message for each wrong place; the options of a union ("a number, or 'auto'") become one sentence."""
    messages: dict[str, list[str]] = {}
    for error in errors:
        place = _dotted_name(error["loc"])
        messages.setdefault(place, []).append(_make_message(error))

    for place, found in messages.items():
        text = ", or ".join([found[0], *(m.removeprefix("Input should be ") for m in found[1:])])
        yield f"{setting_label(place)}: {text}" if place else text


def _make_message(error: Any) -> str:
    if error["type"] == "model_type":
        return "expected a mapping of parameters"
    if error["type"] != "extra_forbidden":
        return str(error["msg"]).removeprefix("Value error, ")

    return "unknown parameter" + _suggest_name(error)


def _suggest_name(error: Any) -> str:
    """The end of a message about an unknown parameter, with the one that may be meant."""
    *above, name = (str(part) for part in error["loc"])
    return did_you_mean(_find_meant(name, tuple(above)))


def _find_meant(name: str, above: tuple[str, ...]) -> str | None:
    """The parameter that a wrong name may mean: by its own name within its section, by its dotted name elsewhere.

    Args:
        name: Name that is no parameter.
        above: Names of the sections that it was given in.
    """
    paths: list[tuple[str, ...]] = [tuple(parameter.path.split(".")) for parameter in parameters()]
    paths += [path[:depth] for path in paths for depth in range(1, len(path))]
    within = {path[len(above)] for path in paths if len(path) > len(above) and path[: len(above)] == above}
    if above[:2] == ("data", "columns"):
        within |= ColumnParameters.model_fields.keys()

    # A name that is right in another section is no slip of the pen in this one.
    exact = [path for path in paths if path[-1] == name]
    if not exact and (close := closest_name(name, sorted(within))) is not None:
        return close

    elsewhere = closest_name(name, sorted({path[-1] for path in paths}))
    found = exact or [path for path in paths if path[-1] == elsewhere]
    if not found:
        return None

    shortest = min(found, key=len)
    return ".".join(shortest)


def _dotted_name(location: Sequence[Any], section: type[BaseModel] = Config) -> str:
    """Dotted name of a parameter, without the options of a union that pydantic adds to it."""
    if not location:
        return ""

    name, *rest = location
    if name not in section.model_fields and not KEY.fullmatch(str(name)):
        # Of what is no configuration; it may be a value of a table.
        return "a key"

    field = section.model_fields.get(str(name))
    if field is not None:
        entry = _entry_section(field)
    else:
        entry = None

    if rest and (entry is not None or _is_cell_mapping(field)):
        name = f"{name}.{rest[0]}"
        rest = rest[1:]

    inner = entry or (_section_of(field) if field is not None else None)
    below = _dotted_name(rest, inner) if inner is not None else ""
    if below:
        return f"{name}.{below}"

    return str(name)


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section class of a field, also where the field may be null; None for a leaf."""
    if _is_union(field.annotation):
        options = typing.get_args(field.annotation)
    else:
        options = (field.annotation,)
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _is_cell_mapping(field: FieldInfo | None) -> bool:
    """Whether a field maps names of columns to plain values, as generation.given does."""
    return field is not None and typing.get_origin(field.annotation) is dict


def _entry_section(field: FieldInfo) -> type[BaseModel] | None:
    """The section class of the entries of a mapping such as data.columns; None for any other field."""
    if typing.get_origin(field.annotation) is not dict:
        return None

    entry = typing.get_args(field.annotation)[1]
    if isinstance(entry, type) and issubclass(entry, BaseModel):
        return entry

    return None


def _is_union(annotation: Any) -> bool:
    return isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union


def _without_key(values: Any, location: tuple[int | str, ...]) -> Any:
    """Nested values without the key at the end of the location."""
    name, *rest = location
    if not rest:
        return {key: value for key, value in values.items() if key != name}
    if isinstance(values, (list, tuple)):
        return [_without_key(inner, tuple(rest)) if place == name else inner for place, inner in enumerate(values)]
    return {**values, str(name): _without_key(values[str(name)], tuple(rest))}


def _yaml_value(value: Any) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


def _type_text(schema: Mapping[str, Any]) -> str:
    """A field's type and range in a few words, read off its JSON schema."""
    return " or ".join(_one_type(option) for option in schema.get("anyOf", [schema]))


def _one_type(option: Mapping[str, Any]) -> str:
    if "enum" in option or "const" in option:
        return " | ".join(str(v) for v in option.get("enum", [option.get("const")]))
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {option[key]}" for key, sign in signs.items() if key in option]
    return " ".join([str(option.get("type", "object")), *bounds])
