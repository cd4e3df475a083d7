"""Suites of Great Expectations, where they say ranges, sets, uniqueness, formats and missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ss_ray.config.foreign.declared import DeclaredTable, plain_values


def read_expectations(suite: Mapping[str, Any]) -> DeclaredTable:
    """The declarations of an expectation suite."""
    declared = DeclaredTable()
    for expectation in suite["expectations"]:
        kind = str(expectation.get("type") or expectation.get("expectation_type"))
        kwargs = expectation.get("kwargs") or {}
        column = str(kwargs.get("column") or ", ".join(kwargs.get("column_list") or ()) or "the table")
        if kwargs.get("mostly", 1) != 1:
            declared.skip(column, f"{kind} for most rows only has no counterpart")
        elif kwargs.get("row_condition"):
            declared.skip(column, f"{kind} for some rows only is not read")
        elif not _read_expectation(kind, column, kwargs, declared):
            declared.skip(column, f"{kind} has no counterpart")

    return declared


def _read_expectation(kind: str, column: str, kwargs: Mapping[str, Any], declared: DeclaredTable) -> bool:
    """Whether an expectation has a counterpart, which is added then."""
    if kind == "expect_column_values_to_be_between":
        declared.bound(column, "minimum", kwargs.get("min_value"), is_strict=bool(kwargs.get("strict_min")))
        declared.bound(column, "maximum", kwargs.get("max_value"), is_strict=bool(kwargs.get("strict_max")))
    elif kind == "expect_column_values_to_be_in_set":
        declared.declare(column, values=plain_values(kwargs.get("value_set")))
    elif kind == "expect_column_values_to_not_be_null":
        declared.declare(column, nullable=False)
    elif kind == "expect_column_values_to_be_unique":
        declared.constrain("unique", columns=[column])
    elif kind == "expect_compound_columns_to_be_unique":
        declared.constrain("unique", columns=list(kwargs["column_list"]))
    elif kind == "expect_column_pair_values_a_to_be_greater_than_b":
        strict = not kwargs.get("or_equal")
        declared.constrain("order", low=kwargs["column_B"], high=kwargs["column_A"], strict=strict)
    elif kind == "expect_column_values_to_match_regex":
        # The pattern may stand anywhere in a text.
        declared.constrain("format", column=column, pattern=_whole_pattern(str(kwargs["regex"])))
    else:
        return kind in ("expect_column_to_exist", "expect_table_columns_to_match_set")
    return True


def _whole_pattern(pattern: str) -> str:
    before = "" if pattern.startswith("^") else ".*"
    after = "" if pattern.endswith("$") else ".*"
    return f"{before}{pattern.removeprefix('^').removesuffix('$')}{after}"
