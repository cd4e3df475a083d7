"""Counts of pairs of columns, from which the page draws any two columns on demand, real beside synthetic.

The page gets counts of cells of a grid, never rows. Both tables share the grid, so that the drawings can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.evaluation.report.figures import escape_label
from ss_ray.evaluation.report.tables import spell_value
from ss_ray.schema import ORDERED_KINDS

MAX_COLUMNS = 16
"""Columns that can be chosen, the first ones of the table."""
MAX_LABELS = 10
"""Values or ranges of a column; others share one label."""
MISSING = "missing"

Codes = NDArray[np.int64]


def count_pairs(tables: Mapping[str, Table], columns: Sequence[ScoredColumn]) -> dict[str, Any]:
    """Labels of each column, and the counts of every pair.

    Args:
        tables: "real" or "synthetic" -> rows of that table.
        columns: Columns of the tables; the first MAX_COLUMNS are counted.

    Returns:
        `columns`: name of each column, its labels, and their short forms for an axis; `rows`: table -> number of rows;
        `counts`: table -> "i,j" (i < j) -> counts of the grid, flat, the labels of j running fastest.
    """
    shown = [_code_column(tables, column) for column in columns[:MAX_COLUMNS]]
    return {
        "columns": [
            {"name": c.name, "label": escape_label(c.name), "labels": c.labels, "ticks": c.ticks} for c in shown
        ],
        "rows": {role: table.rows for role, table in tables.items()},
        "counts": {
            role: {f"{i},{j}": _count_grid(shown[i], shown[j], role) for i, j in combinations(range(len(shown)), 2)}
            for role in tables
        },
    }


@dataclass(frozen=True, kw_only=True)
class _CodedColumn:
    """A column as places in a list of labels.

    Attributes:
        name: Name of the column.
        labels: Values or ranges, with a place for missing values where there are any.
        ticks: Short forms of the labels.
        codes: Table -> place of each row's label, (rows,).
    """

    name: str
    labels: list[str]
    ticks: list[str]
    codes: dict[str, Codes]


def _code_column(tables: Mapping[str, Table], column: ScoredColumn) -> _CodedColumn:
    values = {role: table.values[column.name] for role, table in tables.items()}
    if _is_measured(column, values):
        labels, ticks, codes = _code_ordered(values, column)
    else:
        labels, codes = _code_nominal(values)
        ticks = labels

    # A label that no row has would be an empty line of every drawing.
    used = np.unique(np.concatenate(list(codes.values())))
    return _CodedColumn(
        name=column.name,
        labels=[labels[place] for place in used],
        ticks=[ticks[place] for place in used],
        codes={role: np.searchsorted(used, part) for role, part in codes.items()},
    )


def _count_grid(first: _CodedColumn, second: _CodedColumn, role: str) -> list[int]:
    height = len(first.labels)
    width = len(second.labels)
    return np.bincount(first.codes[role] * width + second.codes[role], minlength=height * width).tolist()


def _is_measured(column: ScoredColumn, values: Mapping[str, Values]) -> bool:
    """Whether a column has more values than labels, in an order."""
    if column.nominal or column.kind not in ORDERED_KINDS:
        return False

    pooled = np.concatenate([part[~missing(part)].astype(float) for part in values.values()])
    return len(np.unique(pooled)) > MAX_LABELS


def _code_ordered(values: Mapping[str, Values], column: ScoredColumn) -> tuple[list[str], list[str], dict[str, Codes]]:
    """Tenths of both tables together, and where each begins; missing values have the last label."""
    pooled = np.concatenate([part[~missing(part)].astype(float) for part in values.values()])
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, MAX_LABELS + 1)))
    spelled = [spell_value(float(edge), column.kind) for edge in edges]
    names = [f"{low} to {high}" for low, high in pairwise(spelled)] + [MISSING]
    last = len(names) - 1
    coded = {}

    for role, part in values.items():
        floats = part.astype(float)
        places = np.clip(np.searchsorted(edges, floats, side="right") - 1, 0, last - 1)
        coded[role] = np.where(missing(part), last, places).astype(np.int64)

    return names, [*spelled[:-1], MISSING], coded


def _code_nominal(values: Mapping[str, Values]) -> tuple[list[str], dict[str, Codes]]:
    """The most frequent values of both tables together; the others, and missing values, have a label each."""
    series = {role: pd.Series([_name_value(value) for value in part]) for role, part in values.items()}
    counts = pd.concat(list(series.values())).value_counts()
    top = [str(name) for name in counts.index[:MAX_LABELS]]
    places = {name: place for place, name in enumerate(top)}
    names = [*map(escape_label, top), "others", MISSING]
    coded = {}

    for role, part in series.items():
        known = part.map(places).fillna(len(top))
        coded[role] = np.where(part.isna(), len(top) + 1, known).astype(np.int64)

    return names, coded


def _name_value(value: Any) -> str | None:
    """The label of a value; a whole number has no decimals."""
    if pd.isna(value):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)
