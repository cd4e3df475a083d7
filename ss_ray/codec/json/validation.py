"""Treatment of records that are not as they should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Treatment of invalid records; the names are those of NeMo's `generation.validation`.

    Attributes:
        ignore_invalid_records: Keep the valid rows of a partly bad group; otherwise one bad row refuses the group.
        fix_unordered_records: Sort the rows of a group that are out of order; otherwise refuse the group.
        enforce_numeric_range: Refuse numbers and dates beyond the bounds; otherwise they are moved to the bound.
    """

    ignore_invalid_records: bool = False
    fix_unordered_records: bool = False
    enforce_numeric_range: bool = True
