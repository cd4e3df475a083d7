"""A text with labelled spans."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A text and its spans.

    Attributes:
        text: One or a few sentences.
        spans: (start, end, label), ascending, without overlaps.
        is_partial: Whether only persons, places and organisations are labelled.
    """

    text: str
    spans: tuple[tuple[int, int, str], ...]
    is_partial: bool = False
