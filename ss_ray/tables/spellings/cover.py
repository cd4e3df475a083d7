"""The fewest formats that read all cells of a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
