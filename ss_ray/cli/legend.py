"""The marks that a preview puts on columns, in words."""

from __future__ import annotations

from collections.abc import Iterable

MARKS = {
    "pseudonym": "each value is replaced by a made-up one of the same form",
    "redact": "each value is replaced by one fixed word",
    "label": "each value is replaced by the name of its type",
    "hash": "each value is replaced by a keyed hash",
    "mask": "letters and digits are replaced by stars",
    "date_shift": "dates are moved, and intervals stay",
    "generalise": "values are made coarser",
    "keep": "personal, and left as it is",
    "follows": "ages that change with the moved dates of birth",
    "drop_row": "rows with such a value are left out",
    "drop_column": "the column is left out",
    "policy": "the steps of the policy decide",
    "search": "each cell is searched for personal data, which is replaced",
    "none": "nothing is done",
    "-": "nothing is done",
}
"""Mark -> meaning."""


def legend_line(marks: Iterable[str]) -> str:
    """A line that explains the marks that occur, in the order of `MARKS`."""
    found = set(marks)
    return "Marks            " + "; ".join(f"{mark}: {meaning}" for mark, meaning in MARKS.items() if mark in found)
