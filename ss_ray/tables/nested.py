"""Columns of text tables whose cells are JSON objects or lists: several values in one cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

FEWEST_CELLS = 2
LONGEST_CELL = 1 << 16
"""Characters of a cell that is looked at; longer ones count as text."""


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


def _is_pair(value: list[Any]) -> bool:
    return len(value) == 2 and all(isinstance(element, int | float) for element in value)
