"""How many examples a property is tried on: a fifth in the quick tests, all of them in `make test-all`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

IS_THOROUGH = "SS_RAY_ALL_EXAMPLES" in os.environ
QUICK_SHARE = 5
FEWEST = 5


def examples(count: int, **options: Any) -> settings:
    """Settings of a property.

    Args:
        count: Number of examples in `make test-all`.
        options: Further settings of Hypothesis.
    """
    if not IS_THOROUGH:
        count = max(min(count, FEWEST), count // QUICK_SHARE)
    return settings(max_examples=count, deadline=None, **options)
