"""Table Schema of Frictionless Data: fields with constraints, keys, missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ss_ray.config.foreign.declared import DeclaredTable, plain_values

KINDS = {
    "integer": "integer",
    "year": "integer",
    "number": "float",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
}
READ = frozenset(
    {"required", "unique", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern"}
)


def read_frictionless(schema: Mapping[str, Any]) -> DeclaredTable:
    """The declarations of a Table Schema."""
    declared = DeclaredTable()
    for field in schema["fields"]:
        _read_field(str(field["name"]), field, declared)

    keys = schema.get("primaryKey") or ()
    for key in [keys] if isinstance(keys, str) else list(keys):
        declared.declare(key, nullable=False)
    if keys:
        declared.constrain("unique", columns=[keys] if isinstance(keys, str) else list(keys))

    for key in schema.get("foreignKeys") or ():
        fields = key.get("fields")
        declared.skip(fields if isinstance(fields, str) else ", ".join(fields), "keys of other tables are not read")

    return declared


def _read_field(name: str, field: Mapping[str, Any], declared: DeclaredTable) -> None:
    rules = field.get("constraints") or {}
    declared.declare(
        name,
        kind=KINDS.get(str(field.get("type"))),
        nullable=False if rules.get("required") else None,
        values=plain_values(rules.get("enum")),
    )
    for rule, bound in (("minimum", "minimum"), ("maximum", "maximum")):
        declared.bound(name, bound, rules.get(rule))
        declared.bound(name, bound, rules.get("exclusive" + rule.capitalize()), is_strict=True)

    if rules.get("unique"):
        declared.constrain("unique", columns=[name])
    if rules.get("pattern"):
        declared.constrain("format", column=name, pattern=str(rules["pattern"]))
    for rule in rules.keys() - READ:
        declared.skip(name, f"{rule} has no counterpart")
