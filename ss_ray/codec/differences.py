"""A column as its distance from an earlier one: discharge as admission plus a stay.

Two dates of one story are close together, and in order, while each by itself spans years. Modelled as a difference
the order holds in every row by construction, and the model sees the length that other columns depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.columns import BinnedCodec, Bins, Slot, Tokens, fit_binned
from ss_ray.codec.ordinals import Scale, Units, bound_units, even_scale, from_units, to_units
from ss_ray.schema import ColumnSchema, Kind, TableSchema

NARROW = 0.25
"""A difference is worth it where its spread is at most this share of the column's own."""
MIN_ROWS = 20
TAIL = 0.001
"""Share of the differences at either end that count as the last one before them."""


@dataclass(frozen=True, kw_only=True)
class DifferenceCodec:
    """The units of a column less those of its anchor, an earlier column without missing values.

    Attributes:
        column: The column that is encoded.
        anchor: The column that it is measured from.
        scale: Units of both.
        difference: Codec of the difference, a whole number whose sign is the same in all rows.
    """

    type: Literal["difference"] = "difference"
    column: ColumnSchema
    anchor: ColumnSchema
    scale: Scale
    difference: BinnedCodec

    @property
    def first_token(self) -> int:
        """First token id."""
        return self.difference.first_token

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.difference.num_tokens

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """Slots of the difference."""
        return self.difference.slots(first_slot)

    def encode(self, table: pa.Table) -> Tokens:
        """(rows, slots) token ids of the two columns in `table`."""
        return self.difference.encode(compute_differences(table, self.column, self.anchor, self.scale))

    def decode(self, tokens: Tokens, anchor: pa.Array, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, given those of the anchor; inside the column's bounds and on the right side of the anchor."""
        is_later = self.difference.lows[0] >= 0
        return add_differences(self.difference.decode(tokens, rng), anchor, self.column, self.scale, is_later=is_later)


def fit_difference(
    column: ColumnSchema, schema: TableSchema, sample: pa.Table, first_token: int, bins: Bins
) -> DifferenceCodec | None:
    """The codec of a column as a difference from the earlier column that it stays closest to; None where none is near.

    Args:
        column: To be encoded.
        schema: Schema of the table; only columns before `column` can be its anchor.
        sample: Rows in storage types.
        first_token: First free token id.
        bins: Resolution of the difference.
    """
    values = sample.column(column.name)
    scale = even_scale(column, values)
    if scale is None:
        return None

    units = to_units(values.drop_null(), column, scale)
    nearest = None
    spread = NARROW * measure_spread(units)

    for anchor in _list_candidates(column, schema):
        differences = compute_differences(sample, column, anchor, scale).drop_null().to_numpy()
        if _is_ordered(differences, column, anchor, scale) and measure_spread(differences) <= spread:
            nearest = anchor
            spread = measure_spread(differences)

    if nearest is None:
        return None

    array = compute_differences(sample, column, nearest, scale)
    bounds = pc.min_max(array).as_py()
    virtual = describe_differences(column, bounds["min"], bounds["max"])
    difference = fit_binned(array, virtual, first_token, bins)

    return DifferenceCodec(column=column, anchor=nearest, scale=scale, difference=difference)


def add_differences(
    difference: pa.Array, anchor: pa.Array, column: ColumnSchema, scale: Scale, *, is_later: bool
) -> pa.Array:
    """(rows,) values of a column at distances from its anchor, inside the column's bounds.

    Args:
        difference: (rows,) distances in units; missing where the value is.
        anchor: (rows,) values of the anchor, of the column's own type.
        column: Column of the values.
        scale: Units of both.
        is_later: Whether no value lies before its anchor; otherwise none lies behind it.
    """
    origin = to_units(anchor, column, scale)
    distance = pc.fill_null(difference, 0).to_numpy(zero_copy_only=False)
    units = np.clip(origin + distance, *bound_units(column, scale))
    in_order = units >= origin if is_later else units <= origin
    valid = difference.is_valid().to_numpy(zero_copy_only=False)
    # If the anchor lies beyond the column's bounds, no value is both in order and in bounds.
    return from_units(units, valid & in_order if column.nullable else valid, column, scale)


def describe_differences(column: ColumnSchema, lowest: int, highest: int) -> ColumnSchema:
    """The column of the differences of a column, whole numbers between two bounds."""
    return ColumnSchema(
        name=column.name,
        kind=Kind.INTEGER,
        arrow_type="int64",
        nullable=column.nullable,
        minimum=lowest,
        maximum=highest,
    )


def _list_candidates(column: ColumnSchema, schema: TableSchema) -> Sequence[ColumnSchema]:
    earlier = schema.columns[: schema.names.index(column.name)]
    return [anchor for anchor in earlier if can_anchor(anchor, column)]


def can_anchor(anchor: ColumnSchema, column: ColumnSchema) -> bool:
    """Whether a column has no missing values, and the type of another one, which has even units."""
    same = (column.kind, column.arrow_type, column.decimals)
    is_same = (anchor.kind, anchor.arrow_type, anchor.decimals) == same
    return is_same and not anchor.nullable and even_scale(anchor) is not None


def _is_ordered(differences: Units, column: ColumnSchema, anchor: ColumnSchema, scale: Scale) -> bool:
    """Whether all differences have one sign, and every anchor value has a value of the column on that side."""
    if len(differences) < MIN_ROWS:
        return False

    (low, high), (anchor_low, anchor_high) = bound_units(column, scale), bound_units(anchor, scale)
    if differences.min() >= 0:
        return column.nullable or anchor_high <= high

    return bool(differences.max() <= 0) and (column.nullable or low <= anchor_low)


def compute_differences(table: pa.Table, column: ColumnSchema, anchor: ColumnSchema, scale: Scale) -> pa.ChunkedArray:
    """(rows,) units of a column less those of its anchor; missing where the column is."""
    values = table.column(column.name)
    origin = table.column(anchor.name)
    missing = values.is_null().to_numpy()
    distance = to_units(values, column, scale) - to_units(origin, anchor, scale)
    return pa.chunked_array([pa.array(distance, mask=missing)])


def measure_spread(units: Units) -> float:
    """Distance between the 5 % and the 95 % quantile."""
    if len(units):
        return float(np.subtract(*np.quantile(units, [0.95, 0.05])))
    return 0.0


def find_difference_ends(differences: Units) -> tuple[int, int]:
    """The smallest and the largest of some differences, without the tails."""
    low, high = np.quantile(differences, [TAIL, 1 - TAIL], method="nearest")
    return int(low), int(high)
