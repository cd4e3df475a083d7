"""Tokens of one column: a value, a bin and the place in it, a spelled text, or nothing at all.

Each codec owns one contiguous range of token ids per slot, so that the ids alone say what is valid: any token of a
slot's range decodes to a value that the schema allows. A slot may depend on an earlier one (`Slot.after`): the
digits of a number that is missing, or the rest of a text that has ended, are filled with PAD. So is a value that a
privately measured schema does not know: the model may look at it, and never learns to write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.codec.decimals import nearest_decimal
from ss_ray.codec.grids import Grid, apply_grids, find_grids, grids_of, places_on
from ss_ray.codec.ordinals import Scale, Units, bound_units, fit_scale, from_units, to_units
from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind, arrow_type, is_dated
from ss_ray.tables.spellings.cells import resolution
from ss_ray.tables.spellings.dates import TICKS_PER_SECOND, period_of

# (rows, slots)
Tokens = npt.NDArray[np.int32]
FREE = -1
"""In tokens that are given: to be drawn."""
PAD = 0
BOS = 1
FIRST_TOKEN = 2
DIGIT_BASE = 16
# Digits -> places in a bin.
PLACES = {0: 1, 1: DIGIT_BASE, 2: DIGIT_BASE**2}
TAIL_QUANTILES = (0.001, 0.003, 0.007, 0.993, 0.997, 0.999)
ATOM_SHARE = 0.005
MAX_ATOMS = 64
ROWS_PER_PLACE = 5
"""Rows of the sample that a bin, and a place inside of it, holds on average at least."""
REDRAWS = 8
"""Times that a value is drawn again which lies on a grid before its own; in a bin without any other it stays."""
MAX_GRID_UNITS = 2**60
"""Units up to which a grid is looked for: neither a place nor a unit beside it leaves 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One position of the token sequence of a row.

    Attributes:
        column: Column it belongs to.
        start: First token id allowed.
        stop: One past the last token id allowed.
        after: Index of the slot in the same column that decides whether this one is used; None: always used.
        opens: Token range [low, high) of slot `after` that puts this slot in use; PAD otherwise.
    """

    column: str
    start: int
    stop: int
    after: int | None = None
    opens: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Resolution of numbers.

    Attributes:
        most: Most quantile bins of a column.
        rows_per_place: Rows of the sample that a bin, and a place inside of it, holds on average at least; 0 for no
            limit. A place that holds one row would let the model remember its value.
    """

    most: int
    rows_per_place: int = ROWS_PER_PLACE


@dataclass(frozen=True, kw_only=True)
class ValueCodec:
    """One token for each distinct value; the first token means missing if the column is nullable."""

    type: Literal["value"] = "value"
    column: ColumnSchema
    first_token: int

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return len(self.column.values or ()) + self.column.nullable

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """One slot, or none if there is no choice."""
        if self.num_tokens <= 1:
            return ()
        return (Slot(column=self.column.name, start=self.first_token, stop=self.first_token + self.num_tokens),)

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, 1) token ids, or (rows, 0)."""
        if self.num_tokens <= 1:
            return np.empty((len(array), 0), np.int32)

        array = _make_comparable(array)
        index = pc.index_in(array, value_set=_make_comparable(value_array(self.column)))
        unknown = index.null_count - (array.null_count if self.column.nullable else 0)
        # A privately measured schema may lack values of the table; an inferred one has all of them.
        if unknown and self.column.source == "inferred":
            raise DataError(f"column {self.column.name!r} has {unknown} values that its schema does not list")

        position = index.fill_null(-1).to_numpy(zero_copy_only=False) + self.column.nullable
        tokens = (self.first_token + position).astype(np.int32)
        if unknown:
            is_missing = array.is_null().to_numpy(zero_copy_only=False) & self.column.nullable
            tokens[index.is_null().to_numpy(zero_copy_only=False) & ~is_missing] = PAD

        return tokens[:, None]

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values of the storage type."""
        values = value_array(self.column)
        if not self.num_tokens or not len(values):
            return pa.nulls(len(tokens), arrow_type(self.column))

        if tokens.shape[1]:
            position = tokens[:, 0] - self.first_token - self.column.nullable
        else:
            position = np.zeros(len(tokens), tokens.dtype)

        indices = pa.array(position.astype(np.int32), mask=position < 0)
        return values.take(indices).cast(arrow_type(self.column))


@dataclass(frozen=True, kw_only=True)
class BinnedCodec:
    """A token for the quantile bin (or a frequent value), one for the grid, and base-16 digits of the place in the bin.

    A column without grids has no token for them. On a grid, places are those of the grid alone.

    Bin i covers the units lows[i]..highs[i], both included, so whatever the digits say the value is inside its
    bin, and inside the column's bounds. Bins no wider than the number of places are exact.
    """

    type: Literal["binned"] = "binned"
    column: ColumnSchema
    first_token: int
    scale: Scale
    atoms: tuple[int, ...]
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    digits: int
    grids: tuple[Grid, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self._first_bin + len(self.lows) + len(self.grids) + self.digits * DIGIT_BASE

    @property
    def _first_grid(self) -> int:
        return self.first_token + self._first_bin + len(self.lows)

    @property
    def _first_digit(self) -> int:
        return self._first_grid + len(self.grids)

    @property
    def _first_bin(self) -> int:
        return self.column.nullable + len(self.atoms)

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """The leading slot, one for the grid if there are several, and one for each digit."""
        start = self.first_token
        bins = self.first_token + self._first_bin
        name = self.column.name
        stop = bins + len(self.lows)
        lead = Slot(column=name, start=start, stop=stop)
        ranges = [(self._first_grid, self._first_digit)] if self.grids else []
        places = [self._first_digit + digit * DIGIT_BASE for digit in range(self.digits)]
        ranges += [(place, place + DIGIT_BASE) for place in places]

        return lead, *(
            Slot(column=name, start=low, stop=high, after=first_slot, opens=(bins, stop)) for low, high in ranges
        )

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, slots) token ids."""
        missing = array.is_null().to_numpy(zero_copy_only=False)
        # Values outside the measured bounds go to the nearest end.
        units = np.clip(to_units(array, self.column, self.scale), self.lows[0], self.highs[-1])
        bins = np.searchsorted(np.array(self.lows), units, side="right") - 1
        skip = 1 + bool(self.grids)
        out = np.full((len(units), skip + self.digits), PAD, np.int32)
        out[:, 0] = self.first_token + self._first_bin + bins
        lows, highs = np.array(self.lows)[bins], np.array(self.highs)[bins]
        if self.grids:
            which = grids_of(self.grids, units)
            out[:, 1] = self._first_grid + which
            lows, highs = places_on(self.grids, which, lows, highs)
            placed = np.clip(apply_grids(self.grids, which, units, to_units=False), lows, np.maximum(lows, highs))
            place = _place_units(placed, lows, np.maximum(lows, highs), PLACES[self.digits])
        else:
            place = _place_units(units, lows, highs, PLACES[self.digits])

        for digit in range(self.digits):
            value = (place >> (4 * (self.digits - 1 - digit))) % DIGIT_BASE
            out[:, skip + digit] = self._first_digit + digit * DIGIT_BASE + value

        atom = np.searchsorted(np.array(self.atoms, np.int64), units)
        is_atom = np.isin(units, np.array(self.atoms, np.int64))
        out[is_atom, 0] = self.first_token + self.column.nullable + atom[is_atom]
        if self.column.nullable:
            out[missing, 0] = self.first_token
        else:
            out[missing, 0] = PAD

        # A frequent value and a missing one have no place inside a bin.
        out[is_atom | missing, 1:] = PAD
        return out

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values of the storage type, drawn evenly inside the place that the digits name."""
        lead = tokens[:, 0] - self.first_token
        # Rows of missing or frequent values have no bin; any valid number will do, and is replaced below.
        bins = np.clip(lead - self._first_bin, 0, None)
        skip = 1 + bool(self.grids)
        place = np.zeros(len(tokens), np.int64)
        for digit in range(self.digits):
            start = self._first_digit + digit * DIGIT_BASE
            place = place * DIGIT_BASE + np.clip(tokens[:, skip + digit] - start, 0, None)

        lows, highs = np.array(self.lows)[bins], np.array(self.highs)[bins]
        if self.grids:
            which = np.clip(tokens[:, 1] - self._first_grid, 0, None).astype(np.int64)
            units = self._pick_on_grids(place, which, lows, highs, rng)
            for _ in range(REDRAWS):
                # A value that is not round must not be round by chance, or the round ones would gain.
                again = np.flatnonzero(grids_of(self.grids, units) < which)
                if not len(again):
                    break
                units[again] = self._pick_on_grids(place[again], which[again], lows[again], highs[again], rng)
        else:
            units = _pick_units(place, lows, highs, PLACES[self.digits], rng)

        is_atom = (lead >= self.column.nullable) & (lead < self._first_bin)
        units[is_atom] = np.array(self.atoms, np.int64)[lead[is_atom] - self.column.nullable]
        valid = lead >= self.column.nullable

        return from_units(units, valid, self.column, self.scale)

    def _pick_on_grids(
        self, place: Units, which: npt.NDArray[np.int64], lows: Units, highs: Units, rng: np.random.Generator
    ) -> Units:
        """A unit of each place on its row's grid; in a bin without any, the nearest one inside the column's bounds."""
        first, last = places_on(self.grids, which, lows, highs)
        index = _pick_units(place, first, np.maximum(first, last), PLACES[self.digits], rng)
        ends = np.full(len(which), self.lows[0]), np.full(len(which), self.highs[-1])
        least, most = places_on(self.grids, which, *ends)
        units = apply_grids(self.grids, which, np.clip(index, least, np.maximum(least, most)), to_units=True)
        # A grid without any place between the bounds of the column.
        return np.clip(units, self.lows[0], self.highs[-1])


@dataclass(frozen=True, kw_only=True)
class AbsentCodec:
    """An identifier: at most a token for missing or not. Its values are generated, never learned."""

    type: Literal["absent"] = "absent"
    column: ColumnSchema
    first_token: int

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes: missing and present."""
        if self.column.nullable:
            return 2
        return 0

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """One slot if values may be missing."""
        if not self.column.nullable:
            return ()
        return (Slot(column=self.column.name, start=self.first_token, stop=self.first_token + 2),)

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, 1) or (rows, 0) token ids."""
        present = array.is_valid().to_numpy(zero_copy_only=False)
        return (self.first_token + present.astype(np.int32))[:, None][:, : len(self.slots(0))]

    def present(self, tokens: Tokens) -> npt.NDArray[np.bool_]:
        """(rows,) whether the value is there."""
        if tokens.shape[1]:
            return tokens[:, 0] > self.first_token
        return np.ones(len(tokens), bool)


def fit_binned(
    sample: pa.ChunkedArray,
    column: ColumnSchema,
    first_token: int,
    bins: Bins,
) -> BinnedCodec:
    """A codec whose bins hold about equal shares of `sample`, finer in both tails, ending at the schema's bounds.

    Args:
        sample: Values of the column.
        column: Schema of the column.
        first_token: First token id that is free.
        bins: Number of bins, and of rows in each.
    """
    rows_per_place = bins.rows_per_place
    scale = fit_scale(sample, column)
    low, high = bound_units(column, scale)
    units = np.clip(to_units(sample.drop_null(), column, scale), low, high)
    # Frequent values get tokens of their own: spread over a bin, they would lose their weight.
    atoms = _find_frequent(units, max(2, rows_per_place))
    rest = units[~np.isin(units, atoms)]
    num_bins = bins.most
    if rows_per_place:
        num_bins = max(1, min(num_bins, len(rest) // rows_per_place))
    # Tails are resolved finer than their share of rows asks for, because outliers stretch a bin most.
    tails = [share for share in TAIL_QUANTILES if min(share, 1 - share) * len(rest) >= rows_per_place]
    quantiles = np.unique(np.r_[np.linspace(0, 1, num_bins + 1)[1:-1], tails])
    if len(rest):
        inner = np.sort(rest)[np.round(quantiles * (len(rest) - 1)).astype(np.int64)]
    else:
        inner = rest

    lows = np.unique(np.r_[np.int64(low), inner[inner > low]])
    highs = np.r_[lows[1:] - 1, np.int64(high)]
    grids: tuple[Grid, ...] = ()
    if scale.decimals is not None and max(abs(low), abs(high)) < MAX_GRID_UNITS:
        grids = find_grids(rest, is_days=_counts_days(column, scale), ticks_per_minute=_minute_of(column, scale))

    # Python integers: the width may pass 64 bits. The finest grid needs most places.
    width = max(int(h) - int(lo) + 1 for lo, h in zip(lows, highs, strict=True))
    step = min((grid.step for grid in grids), default=1)
    if step > 1:
        width = width // step + 1

    return BinnedCodec(
        column=column,
        first_token=first_token,
        scale=scale,
        atoms=tuple(atoms.tolist()),
        lows=tuple(lows.tolist()),
        highs=tuple(highs.tolist()),
        digits=_choose_digits(width, len(rest) // num_bins, rows_per_place, is_dense=high - low < len(rest)),
        grids=grids,
    )


def _choose_digits(width: int, rows_per_bin: int, rows_per_place: int, *, is_dense: bool) -> int:
    """Digits that tell the units of a bin apart, and no more than the rows of a bin can teach.

    Args:
        width: Units of the widest bin.
        rows_per_bin: Rows of the sample in a bin.
        rows_per_place: Rows that a place holds on average at least.
        is_dense: Whether the sample has a row for each unit between the bounds, on average: such units are shared.
    """
    enough = next((digits for digits, places in PLACES.items() if width <= places), 2)
    if is_dense:
        return enough
    taught = max(digits for digits, places in PLACES.items() if places == 1 or places * rows_per_place <= rows_per_bin)
    return min(enough, taught)


def _counts_days(column: ColumnSchema, scale: Scale) -> bool:
    is_dated = column.kind is Kind.DATE and period_of(column.format) == "day"
    return is_dated and scale.step == 1


def _minute_of(column: ColumnSchema, scale: Scale) -> int | None:
    """Units of a minute in a column of times of day, durations or points in time; None for other columns."""
    if column.kind not in (Kind.TIME, Kind.DURATION, Kind.DATETIME) or scale.offset:
        return None
    if column.kind is Kind.DATETIME:
        ticks = 60 * TICKS_PER_SECOND[arrow_type(column).unit]
    else:
        ticks = 60 * resolution((column.format or "",))
    return ticks // scale.step if ticks % scale.step == 0 else None


def _find_frequent(units: Units, min_rows: int) -> Units:
    """Units that hold at least ATOM_SHARE and `min_rows` of the sample each, in ascending order, MAX_ATOMS at most."""
    values, counts = np.unique(units, return_counts=True)
    # A stable order makes the choice among equal counts reproducible.
    keep = np.argsort(-counts, kind="stable")[:MAX_ATOMS]
    return np.sort(values[keep[counts[keep] >= max(min_rows, ATOM_SHARE * len(units))]])


def _place_units(units: Units, lows: Units, highs: Units, places: int) -> Units:
    """Place 0..places-1 of each unit in its bin; exact where the bin is no wider than `places`."""
    offset, width, _ = _narrow_bins(units, lows, highs)
    return -(-(offset * places) // width) * (width <= places) + (offset * places // width) * (width > places)


def _pick_units(place: Units, lows: Units, highs: Units, places: int, rng: np.random.Generator) -> Units:
    """A unit of each place, drawn evenly among those that `_place_units` sends there."""
    _, width, shift = _narrow_bins(lows, lows, highs)
    first = np.where(width <= places, place * width // places, -(-(place * width) // places))
    after = np.maximum(-(-((place + 1) * width) // places), first + 1)
    offset = np.where(width <= places, first, rng.integers(first, after))
    # Bits that were shifted out are drawn at random.
    fine = rng.integers(0, np.int64(1) << shift) if shift.any() else 0
    span = highs.view(np.uint64) - lows.view(np.uint64)
    offset = np.minimum(((offset << shift) + fine).view(np.uint64), span)

    return (lows.view(np.uint64) + offset).view(np.int64)


def _narrow_bins(units: Units, lows: Units, highs: Units) -> tuple[Units, Units, Units]:
    """Offset in the bin and width of the bin, both shifted right until places * width fits in 64 bits."""
    # Width - 1; the difference may pass 2**63.
    span = highs.view(np.uint64) - lows.view(np.uint64)
    # 48 bits of width leave 16 for the place.
    shift = np.maximum(np.ceil(np.log2(span.astype(np.float64) + 1)).astype(np.int64) - 48, 0)
    offset = (units.view(np.uint64) - lows.view(np.uint64)) >> shift.astype(np.uint64)
    return offset.astype(np.int64), (span >> shift.astype(np.uint64)).astype(np.int64) + 1, shift


def _make_comparable(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Values in a form with one spelling per value: decimals as the floats of the schema, -0.0 as 0.0."""
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    if pa.types.is_floating(array.type):
        return pc.add(array, pa.scalar(0, array.type))
    return array


def value_array(column: ColumnSchema) -> pa.Array:
    """The column's distinct values in its storage type (the value type of a dictionary)."""
    target = arrow_type(column)
    if pa.types.is_dictionary(target):
        target = target.value_type

    values = list(column.values or ())
    if is_dated(target):
        return pa.array(values, pa.string()).cast(target)
    if pa.types.is_decimal(target):
        return pa.array([nearest_decimal(float(v), target, (float(v), float(v))) for v in values], target)

    return pa.array(values, target)
