"""Small tables of text, for a terminal and for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence


def align_cells(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines whose columns stand below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of HTML, the first row and the first column as headings."""
    head, *body = rows
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = [
        f"<tr><th>{html.escape(title)}</th>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for title, *cells in body
    ]
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
