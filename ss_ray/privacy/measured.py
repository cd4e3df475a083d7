"""A schema measured under differential privacy, as a value; `private_schema` measures it."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.codec.ordinals import Scale
from ss_ray.privacy.charges import Charge
from ss_ray.schema import ColumnSchema, TableSchema


@dataclass(frozen=True, kw_only=True)
class MeasuredColumn:
    """Measured facts of one column.

    Attributes:
        column: Its schema, with the source "private" or "declared".
        scale: Scale of the units; for ordered columns without declared values.
        lows: First unit of each bin, ascending.
        highs: Last unit of each bin; the next bin starts right after it.
        shares: Estimated probabilities, adding up to 1: of missing where nullable, then of each of the values, of the
            bins, or of presence.
    """

    column: ColumnSchema
    scale: Scale | None = None
    lows: tuple[int, ...] = ()
    highs: tuple[int, ...] = ()
    shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class MeasuredSchema:
    """A schema under differential privacy; all of it may be published.

    Attributes:
        columns: In table order.
        num_units: Estimated number of privacy units, at least 1.
        charges: Charges that the measurement spent.
    """

    columns: tuple[MeasuredColumn, ...]
    num_units: int
    charges: tuple[Charge, ...]

    @property
    def schema(self) -> TableSchema:
        """The columns alone."""
        return TableSchema(columns=tuple(measured.column for measured in self.columns))
