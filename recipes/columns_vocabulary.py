"""English words that are no names, of Python's own documentation."""

from __future__ import annotations

import re
from functools import cache
from pydoc_data import topics


@cache
def vocabulary() -> list[str]:
    """Words in small letters, 3 to 12 of them."""
    words = re.findall(r"(?<![\w.`'\"*])[a-z]{3,12}(?![\w('`\"*.])", " ".join(topics.topics.values()))
    return sorted(set(words))
