"""Cells by the formats that they fit, and the fewest formats that read all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Form = TypeVar("Form")
Facts = TypeVar("Facts")
Key = tuple[str, ...]
"""The formats that a cell fits."""


def cover(cells: Mapping[Key, int], rank: Callable[[str], int]) -> list[tuple[str, list[Key]]]:
    """Formats that together fit all cells, each with the keys of its cells: the one that fits most cells comes first.

    Args:
        cells: Number of cells by the formats that they fit.
        rank: Place of a format among the known ones; the first of equals is taken.

    Example:
        >>> cover({("a", "b"): 9, ("b",): 1}, "ab".index)
        [('b', [('a', 'b'), ('b',)])]
    """
    left = dict(cells)
    found = []
    while left:
        totals: dict[str, int] = {}
        for key, count in left.items():
            for format_ in key:
                totals[format_] = totals.get(format_, 0) + count

        best = max(totals, key=lambda format_: (totals[format_], -rank(format_)))
        own = [key for key in left if best in key]
        found.append((best, own))
        left = {key: count for key, count in left.items() if key not in own}

    return found


def group_cells(formats: Sequence[str], fits: npt.NDArray[np.bool_]) -> Iterator[tuple[Key, npt.NDArray[np.int64]]]:
    """The keys of cells, each with the places of its cells; cells that fit no format have none.

    Args:
        formats: Formats that were tried.
        fits: (cells, formats) whether a cell fits a format.
    """
    if not formats:
        return
    for pattern in np.unique(fits, axis=0):
        if pattern.any():
            key = tuple(format_ for format_, is_fit in zip(formats, pattern, strict=True) if is_fit)
            yield key, np.flatnonzero((fits == pattern).all(axis=1))


def merge_forms(
    a: Mapping[Form, Facts], b: Mapping[Form, Facts], add: Callable[[Facts, Facts], Facts]
) -> dict[Form, Facts]:
    """Facts by form of the cells of two blocks together."""
    return {**a, **{form: add(a[form], facts) if form in a else facts for form, facts in b.items()}}
