"""Schemas of pandera, as `schema.to_yaml()` and `to_json()` write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ss_ray.config.foreign.declared import DeclaredTable, plain_values

KINDS = (("int", "integer"), ("uint", "integer"), ("float", "float"), ("bool", "boolean"), ("datetime", "datetime"))
OF_COLUMN = frozenset(
    "dtype title description nullable unique coerce required regex checks metadata default report_duplicates "
    "drop_invalid_rows parsers".split()
)
"""Keys of a column that are no checks."""
BOUNDS = {
    "greater_than_or_equal_to": ("minimum", False),
    "less_than_or_equal_to": ("maximum", False),
    "greater_than": ("minimum", True),
    "less_than": ("maximum", True),
}


def read_pandera(schema: Mapping[str, Any]) -> DeclaredTable:
    """The declarations of a DataFrameSchema."""
    declared = DeclaredTable()
    for name, column in schema["columns"].items():
        if column.get("regex"):
            declared.skip(str(name), "columns by a regular expression are not read")
        else:
            _read_column(str(name), column, declared)

    for columns in _key_lists(schema.get("unique")):
        declared.constrain("unique", columns=columns)
    if schema.get("checks"):
        declared.skip("the table", "checks over several columns are not read")

    return declared


def _read_column(name: str, column: Mapping[str, Any], declared: DeclaredTable) -> None:
    dtype = str(column.get("dtype") or "").lower()
    kind = next((kind for beginning, kind in KINDS if dtype.startswith(beginning)), None)
    # pandera allows missing values only where it is told to.
    declared.declare(name, kind=kind, nullable=bool(column.get("nullable", False)))
    if column.get("unique"):
        declared.constrain("unique", columns=[name])

    checks = {key: value for key, value in column.items() if key not in OF_COLUMN}
    older = column.get("checks") or {}
    for check, value in {**(older if isinstance(older, Mapping) else {}), **checks}.items():
        _read_check(name, str(check), _read_statistic(value), declared)


def _read_statistic(value: Any) -> Any:
    """What a check compares with; beside it stand options."""
    if isinstance(value, Mapping) and "value" in value:
        return value["value"]
    return value


def _read_check(name: str, check: str, value: Any, declared: DeclaredTable) -> None:
    if check in BOUNDS:
        bound, is_strict = BOUNDS[check]
        declared.bound(name, bound, value, is_strict=is_strict)
    elif check == "in_range":
        declared.bound(name, "minimum", value["min_value"], is_strict=not value.get("include_min", True))
        declared.bound(name, "maximum", value["max_value"], is_strict=not value.get("include_max", True))
    elif check in ("isin", "equal_to"):
        allowed = value.get("allowed_values") if isinstance(value, Mapping) else value
        declared.declare(name, values=plain_values(allowed if isinstance(allowed, list) else [allowed]))
    elif check == "str_matches":
        pattern = value["pattern"] if isinstance(value, Mapping) else value
        # It has to match at the beginning only.
        declared.constrain("format", column=name, pattern=str(pattern).removeprefix("^").removesuffix("$"))
        if not str(pattern).endswith("$"):
            declared.constraints[-1]["pattern"] += ".*"
    else:
        declared.skip(name, f"the check {check} has no counterpart")


def _key_lists(unique: Any) -> list[list[str]]:
    """The keys of a table: one list of columns, or several."""
    if not unique:
        return []
    if isinstance(unique, str):
        return [[unique]]
    if isinstance(unique[0], str):
        return [list(unique)]
    return [list(columns) for columns in unique]
