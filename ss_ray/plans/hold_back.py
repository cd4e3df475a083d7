"""Which rare values are held back from the models."""

from __future__ import annotations

from dataclasses import dataclass


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
