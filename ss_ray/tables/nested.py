"""Columns of text tables whose cells are JSON objects or lists: several values in one cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

FEWEST_CELLS = 2
LONGEST_CELL = 1 << 16
"""Characters of a cell that is looked at; longer ones count as text."""
_BRACKETS = r"(?s)^(\{.*\}|\[.*\])$"


def find_json_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Columns of which every cell with a value is a JSON object, or every one is a JSON list.

    Lists of two numbers are left out, because intervals and points are written so.

    Args:
        names: Names of the columns.
        rows: Cells of the first rows, in the order of the names.

    Example:
        >>> find_json_columns(["n", "more"], [["1", '{"a": 1}'], ["2", '{"a": 2, "b": 3}']])
        ('more',)
    """
    columns = zip(*(row for row in rows if len(row) == len(names)), strict=True)
    return tuple(name for name, cells in zip(names, columns, strict=False) if _are_nested(cells))


def are_nested(values: pa.Array) -> bool:
    """Whether every string that is not empty is a JSON object, or every one is a JSON list of more than numbers.

    Example:
        >>> are_nested(pa.array(['{"a": 1}', ""])), are_nested(pa.array(["[1, 2, 3]"]))
        (True, False)
    """
    filled = pc.utf8_trim_whitespace(values)
    filled = filled.filter(pc.not_equal(filled, ""))
    # Most columns fall on the first pattern; parsing every cell is the costly check.
    if not len(filled) or not pc.all(pc.match_substring_regex(filled, _BRACKETS)).as_py():
        return False

    found = [_parse_json(cell) for cell in filled.to_pylist()]
    if all(isinstance(value, dict) for value in found):
        return True
    return all(isinstance(value, list) for value in found) and not all(_are_numbers(value) for value in found)


def _are_nested(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) < FEWEST_CELLS or not all(_looks_nested(cell) for cell in filled):
        return False

    values = [_parse_json(cell) for cell in filled]
    if all(isinstance(value, dict) for value in values):
        return True
    return all(isinstance(value, list) for value in values) and not all(map(_is_pair, values))


def _looks_nested(cell: str) -> bool:
    text = cell.strip()
    return len(text) <= LONGEST_CELL and text[0] + text[-1] in ("{}", "[]")


def _parse_json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _are_numbers(value: list[Any]) -> bool:
    return all(isinstance(element, int | float) for element in value)


def _is_pair(value: list[Any]) -> bool:
    return len(value) == 2 and _are_numbers(value)
