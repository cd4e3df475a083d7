"""Privacy units of the rows, and the one row of each unit that is counted."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.privacy.noise import secret_generator
from ss_ray.tables.parts import count_rows, read_part
from ss_ray.tables.splits import unit_hashes

Rows = npt.NDArray[np.int64]


def unit_ids(parts: Sequence[Location], group: str) -> npt.NDArray[np.uint64]:
    """(rows,) 64-bit hash of each row's unit, of all parts in order, under a new secret key at each call.

    Args:
        parts: Rows as they were before PII was replaced: two people may get the same stand-in, and would then be
            taken for one, with twice the influence.
        group: Column whose values are the units.
    """
    # Nobody can make two people collide.
    key = secrets.randbelow(10**16)
    ids = [unit_hashes(block, group, 0, 0, key) for part in parts for block in read_part(part, [group])]
    if ids:
        return np.concatenate(ids)
    return np.empty(0, np.uint64)


def one_row_per_unit(units: Sequence[Location], group: str | None, parts: Sequence[Location]) -> list[Rows | None]:
    """Numbers of the counted rows of each part, one random row per unit; None for all rows.

    Args:
        units: Parts of the rows before PII was replaced.
        group: Column whose values are the units; None: each row is one.
        parts: Parts of the same rows in the same order after processing, divided independently of `units`.

    Raises:
        PrivacyError: Rows are missing, so nobody knows which row is of which unit.
    """
    if group is None:
        return [None] * len(parts)

    check_same_rows(units, parts)
    ids = unit_ids(units, group)
    order = secret_generator().permutation(len(ids))
    _, first = np.unique(ids[order], return_index=True)
    chosen = np.sort(order[first])
    sizes = np.array(count_rows(parts), np.int64)
    ends = np.cumsum(sizes)
    own = np.split(chosen, np.searchsorted(chosen, ends[:-1]))

    return [rows - start for rows, start in zip(own, ends - sizes, strict=True)]


def count_units(parts: Sequence[Location], group: str | None) -> int:
    """Number of privacy units.

    Args:
        parts: Parts of the rows before PII was replaced.
        group: Column whose values are the units; None where each row is one.
    """
    if group is None:
        return sum(count_rows(parts))
    return len(np.unique(unit_ids(parts, group)))


def check_same_rows(units: Sequence[Location], parts: Sequence[Location]) -> None:
    """Refuse rows of which some were dropped: their numbers no longer identify their units.

    Raises:
        PrivacyError: The two tables have different numbers of rows.
    """
    if sum(count_rows(units)) != sum(count_rows(parts)):
        raise PrivacyError(
            "rows were dropped when personal data was replaced, so nobody knows which of the others belong together; "
            "with differential privacy and groups, use an operator or a policy that drops no rows"
        )
