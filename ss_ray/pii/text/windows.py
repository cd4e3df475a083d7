"""Division of long texts into overlapping windows, and the choice of the window that reports a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# In characters.
WINDOW = 4_000
OVERLAP = 400
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text.

    Attributes:
        start: First character, an index into the text.
        end: One past the last.
        core: The part whose findings this window answers for; the cores of a text's windows cover it once. A finding
            that reaches into the core counts whole, so one that is longer than half the overlap is never cut short.
    """

    start: int
    end: int
    core: tuple[int, int]

    def of(self, text: str) -> str:
        """Characters of the window; each lone surrogate is replaced, because no encoder takes it."""
        part = text[self.start : self.end]
        if part.isascii():
            return part
        return _SURROGATE.sub("\ufffd", part)

    def counts(self, start: int, end: int) -> bool:
        """Whether a finding, in the text's indices, is this window's to report."""
        return start < self.core[1] and end > self.core[0]


def windows(text: str, size: int = WINDOW, overlap: int = OVERLAP) -> Iterator[Window]:
    """Windows of a text, cut at white space if the overlap has any; a short text is one window."""
    start = 0
    core_start = 0
    while start + size < len(text):
        end = _find_cut(text, start + size - overlap // 4, start + size)
        following = _find_cut(text, end - overlap, end - overlap * 3 // 4)
        core_end = (following + end) // 2
        yield Window(start, end, (core_start, core_end))
        start = following
        core_start = core_end

    yield Window(start, len(text), (core_start, len(text)))


def _find_cut(text: str, low: int, high: int) -> int:
    """The place after the last white space in [low, high), or else high."""
    for at in range(high - 1, low - 1, -1):
        if text[at].isspace():
            return at + 1
    return high
