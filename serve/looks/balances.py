"""The privacy budget that is left of a table's data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ss_ray.errors import PrivacyError
from ss_ray.location import real_place
from ss_ray.privacy.ledger.database import DEFAULT_URL, ledger_file, ledger_url
from ss_ray.privacy.ledger.datasets import DataIdentity


def list_remaining(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Balances of the data set that a table belongs to, as JSON; empty where nothing was ever recorded of it.

    Args:
        request: "ledger" (URL, or None for the default), "dataset" (declared name or None), "data" and "digests".
    """
    url = request["ledger"] or DEFAULT_URL
    file = ledger_file(ledger_url(url))
    if file is not None and not file.exists():
        return []

    # Imports dp-accounting: seconds.
    from ss_ray.privacy.ledger.ledger import Ledger

    identity = DataIdentity(
        name=request["dataset"], place=real_place(request["data"]), digests=tuple(request["digests"])
    )
    try:
        balances = Ledger(url).balances_of(identity)
    except PrivacyError:
        # The job's own refusal explains which data sets contradict each other.
        return []

    return [
        {
            "dataset": balance.dataset,
            "privacy_unit": balance.privacy_unit,
            "epsilon": balance.epsilon,
            "delta": balance.delta,
            "committed": balance.epsilon_reserved if math.isfinite(balance.epsilon_reserved) else None,
        }
        for balance in balances
    ]
