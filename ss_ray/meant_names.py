"""The name that a wrong one may mean, in one sentence for settings, sections and columns alike."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like a wrong one; None where none does."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)


def did_you_mean(meant: str | None) -> str:
    """The end of an error about a name, with the name that may be meant; empty for None.

    Example:
        >>> "unknown parameter" + did_you_mean(closest_name("holdoutt", ["holdout", "encoding"]))
        "unknown parameter; did you mean 'holdout'?"
    """
    if meant is None:
        return ""
    return f"; did you mean {meant!r}?"
