"""Regular expressions whose searches end in time, whatever the text."""

from __future__ import annotations

from functools import cached_property
from typing import Any

REGEX_SECONDS = 2.0
"""One pattern's time on one text. Beyond it the analysis fails, and the caller hides the text."""


class SearchTimeoutError(RuntimeError):
    """A pattern took longer than REGEX_SECONDS. Not a TimeoutError: Presidio would catch that and go on."""


class BoundedRegex:
    """A pattern of the module `regex`, compiled by its first search, whose searches end in time.

    Presidio swallows a TimeoutError; the error of these searches it lets through.
    """

    def __init__(self, pattern: str, flags: int = 0):
        self._pattern, self._flags = pattern, flags

    @cached_property
    def _compiled_pattern(self) -> Any:
        """The compiled pattern. All patterns together take a second, and most tables need few of them."""
        import regex

        return regex.compile(self._pattern, flags=self._flags)

    def finditer(self, text: str, timeout: float | None = None) -> list[Any]:
        """All matches in a text.

        Raises:
            SearchTimeoutError: The search took longer than REGEX_SECONDS.
        """
        try:
            return list(self._compiled_pattern.finditer(text, timeout=REGEX_SECONDS))
        except TimeoutError:
            raise SearchTimeoutError(f"a pattern took over {REGEX_SECONDS} seconds") from None
