"""Schema files of other tools in, and a run's schema out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import yaml

from ss_ray.config.foreign.declared import DeclaredTable
from ss_ray.config.foreign.expectations import read_expectations
from ss_ray.config.foreign.frictionless import read_frictionless
from ss_ray.config.foreign.pandera_schema import read_pandera
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.schema import ColumnSchema, Kind, TableSchema

Form = Literal["frictionless", "pandera"]
FRICTIONLESS_TYPES = {
    Kind.INTEGER: "integer",
    Kind.FLOAT: "number",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.DATETIME: "datetime",
    Kind.TIME: "time",
}
PANDERA_TYPES = {Kind.INTEGER: "int64", Kind.FLOAT: "float64", Kind.BOOLEAN: "bool"}
NUMBERS = (Kind.INTEGER, Kind.FLOAT)


def read_schema_file(file: str) -> DeclaredTable:
    """The declarations of a schema file of Frictionless Data, pandera or Great Expectations, in JSON or YAML.

    Args:
        file: Path or URI of the file.

    Raises:
        ConfigError: The file is missing, or of none of these tools.
    """
    location = Location.parse(file)
    if not location.exists():
        raise ConfigError(f"there is no file {location}")

    try:
        schema = yaml.safe_load(location.read_text())
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{location} is neither JSON nor YAML") from None

    if not isinstance(schema, Mapping):
        raise ConfigError(f"{location} holds no schema")

    if len(schema.get("resources") or ()) == 1:
        # A data package of one table.
        schema = schema["resources"][0].get("schema") or {}
    try:
        if "fields" in schema:
            return read_frictionless(schema)
        if "expectations" in schema:
            return read_expectations(schema)
        if "columns" in schema:
            return read_pandera(schema)
    except (KeyError, TypeError, AttributeError):
        raise ConfigError(f"{location} does not have the form of its tool's schemas") from None

    raise ConfigError(f"{location} is no schema of Frictionless Data, pandera or Great Expectations")


def write_schema(schema: TableSchema, form: Form) -> str:
    """A table's schema as the file of another tool: JSON of Frictionless Data is YAML, too.

    Args:
        schema: Schema of the table.
        form: Tool that reads the file.
    """
    columns = [schema[name] for name in schema.source_names]
    if form == "frictionless":
        content: dict[str, Any] = {"fields": [_frictionless_field(column) for column in columns]}
    else:
        shown = {column.name: _pandera_column(column) for column in columns}
        content = {"schema_type": "dataframe", "api": "pandas", "columns": shown, "strict": True}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10**6)


def _frictionless_field(column: ColumnSchema) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if not column.nullable:
        rules["required"] = True
    if column.values is not None and column.kind is Kind.CATEGORY:
        rules["enum"] = list(column.values)
    elif column.kind in NUMBERS:
        rules |= {name: value for name in ("minimum", "maximum") if (value := getattr(column, name)) is not None}

    type_ = FRICTIONLESS_TYPES.get(column.kind, "string")
    return {"name": column.name, "type": type_, **({"constraints": rules} if rules else {})}


def _pandera_column(column: ColumnSchema) -> dict[str, Any]:
    shown: dict[str, Any] = {"nullable": column.nullable}
    # A whole number with missing values is no int64 of pandas.
    if column.kind in PANDERA_TYPES and not column.nullable:
        shown["dtype"] = PANDERA_TYPES[column.kind]
    if column.values is not None and column.kind is Kind.CATEGORY:
        shown["isin"] = list(column.values)
    elif column.kind in NUMBERS:
        checks = {"greater_than_or_equal_to": column.minimum, "less_than_or_equal_to": column.maximum}
        shown |= {check: value for check, value in checks.items() if value is not None}
    return shown
