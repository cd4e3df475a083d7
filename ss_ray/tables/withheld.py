"""Rows and values that are withheld from the models: the holdout, and rare values."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.config.model import DataParameters
from ss_ray.errors import DataError

MIN_SPLIT_ROWS = 20
"""Tables with fewer rows are too small to keep a holdout from."""
HOLDOUT_SHARE = 0.05
"""Share of the rows that is held out where none is declared. Source: NeMo Safe Synthesizer."""
SMALL_TABLE_ROWS = 50
"""Rows that the holdout has at least where none is declared, unless they are more than SMALL_TABLE_SHARE."""
SMALL_TABLE_SHARE = 0.2
SPARE_UNITS = 64
"""Units that are counted beyond those of the holdout."""


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


@dataclass(frozen=True, kw_only=True)
class HoldoutSize:
    """Numbers of rows that the holdout should have.

    Attributes:
        wanted: Most rows, as many as whole units allow.
        least: Rows below which one more unit is held out, although the holdout then exceeds `wanted`; 0 for none.
    """

    wanted: int
    least: int


def holdout_rows_wanted(num_rows: int, data: DataParameters) -> int:
    """Rows the holdout should have, see `holdout_size`.

    Raises:
        DataError: A count that leaves nothing to train on.

    Example:
        >>> holdout_rows_wanted(2000, DataParameters()), holdout_rows_wanted(10, DataParameters())
        (100, 0)
    """
    return holdout_size(num_rows, data).wanted


def holdout_size(num_rows: int, data: DataParameters) -> HoldoutSize:
    """Size of the holdout: `data.holdout`, at most `data.max_holdout` rows, and none of a tiny table.

    Without a declared size, the holdout of a small table has 50 rows or a fifth of them, whichever is fewer: below
    20 rows no figure about unseen rows can be computed.

    Raises:
        DataError: A count that leaves nothing to train on.

    Example:
        >>> holdout_size(500, DataParameters())
        HoldoutSize(wanted=50, least=50)
        >>> holdout_size(500, DataParameters(holdout=0.05))
        HoldoutSize(wanted=25, least=0)
    """
    if num_rows < MIN_SPLIT_ROWS:
        return HoldoutSize(wanted=0, least=0)

    least = 0.0
    if data.holdout == "auto":
        least = min(SMALL_TABLE_SHARE * num_rows, SMALL_TABLE_ROWS)
        wanted = max(HOLDOUT_SHARE * num_rows, least)
    elif data.holdout < 1:
        wanted = data.holdout * num_rows
    else:
        wanted = data.holdout

    # 0.29 * 100 is 28.999...
    rows = min(int(wanted + 1e-6), data.max_holdout)
    if rows > num_rows / 2:
        raise DataError(f"a holdout of {rows} rows would be more than half of the {num_rows} rows; ask for fewer")

    return HoldoutSize(wanted=rows, least=min(int(least + 1e-6), rows))


def private_holdout_share(data: DataParameters) -> float:
    """Probability with which each unit is held out under differential privacy.

    It does not depend on the number of rows, which is secret: one more row would move other units to another side.
    """
    if data.holdout == "auto":
        return HOLDOUT_SHARE
    return data.holdout


def counted_units(data: DataParameters) -> int:
    """Number of units with the smallest hashes that the first pass counts, to choose the holdout among them."""
    if data.holdout == "auto" or data.holdout < 1:
        most = data.max_holdout
    else:
        most = min(data.max_holdout, int(data.holdout))

    # Units that are too large for the holdout stay in training, and others take their places.
    return most + SPARE_UNITS if most else 0
