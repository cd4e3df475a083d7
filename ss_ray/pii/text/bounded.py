"""Regular expressions whose searches end in time, whatever the text."""

from __future__ import annotations

from typing import Any

REGEX_SECONDS = 2.0
"""One pattern's time on one text. Beyond it the analysis fails, and the caller hides the text."""


class SearchTimeoutError(RuntimeError):
    """A pattern took longer than REGEX_SECONDS. Not a TimeoutError: Presidio would catch that and go on."""


class BoundedRegex:
    """A compiled pattern of the module `regex`, whose searches end in time.

    Presidio swallows a TimeoutError; the error of these searches it lets through.
    """

    def __init__(self, pattern: str, flags: int = 0):
        import regex

        self._compiled = regex.compile(pattern, flags=flags)

    def finditer(self, text: str, timeout: float | None = None) -> list[Any]:
        """All matches in a text.

        Raises:
            SearchTimeoutError: The search took longer than REGEX_SECONDS.
        """
        try:
            return list(self._compiled.finditer(text, timeout=REGEX_SECONDS))
        except TimeoutError:
            raise SearchTimeoutError(f"a pattern took over {REGEX_SECONDS} seconds") from None
