"""Rows and values that are withheld from the models: the holdout, and rare values."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.config.model import DataParameters
from ss_ray.errors import DataError

MIN_SPLIT_ROWS = 20
"""Tables with fewer rows are too small to keep a holdout from."""


@dataclass(frozen=True, kw_only=True)
class HoldBackPlan:
    """Columns and values that are held back.

    Attributes:
        min_units: Privacy units that must share a value before it is released; 1 releases every training value.
        unit_column: Column whose values are the units; None where each row is one.
        exempt: Columns that group and order the rows, and columns whose values are public.
        together: Columns that are replaced together, because a rule relates them.
        seed: Seed of the hashes that choose donors.
    """

    min_units: int
    unit_column: str | None
    exempt: tuple[str, ...]
    together: tuple[tuple[str, ...], ...]
    seed: int


def holdout_rows_wanted(num_rows: int, data: DataParameters) -> int:
    """Rows the holdout should have: NeMo's `holdout` share or count, at most `max_holdout`, none of a tiny table.

    Raises:
        DataError: A count that leaves nothing to train on.

    Example:
        >>> data = DataParameters(holdout=0.05)
        >>> holdout_rows_wanted(1000, data), holdout_rows_wanted(10, data)
        (50, 0)
    """
    if num_rows < MIN_SPLIT_ROWS:
        return 0

    if data.holdout < 1:
        wanted = data.holdout * num_rows
    else:
        wanted = data.holdout

    # 0.29 * 100 is 28.999...
    wanted = min(int(wanted + 1e-6), data.max_holdout)
    if wanted > num_rows / 2:
        raise DataError(f"a holdout of {wanted} rows would be more than half of the {num_rows} rows; ask for fewer")

    return wanted
