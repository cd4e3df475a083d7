"""A point in time as its day and its time of day, where the rows have habits: weekdays, office hours, quarter hours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from ss_ray.codec.columns import PAD, BinnedCodec, Bins, Slot, Tokens, fit_binned
from ss_ray.codec.grids import DAYS_OF_WEEK, MIN_ROWS, is_uneven
from ss_ray.codec.ordinals import Scale, Units, bound_units, from_units, to_units
from ss_ray.schema import ColumnSchema, Kind, arrow_type
from ss_ray.tables.spellings.dates import SECONDS_PER_DAY, TICKS_PER_SECOND
from ss_ray.tables.spellings.ticks import CLOCK_FORMATS

MIN_DAYS = 14
"""Days that a column must span for its weekdays to tell anything."""
HOURS = 24


@dataclass(frozen=True, kw_only=True)
class MomentCodec:
    """Slots of the day, then slots of the time of day; both are inside the bounds of the column.

    Attributes:
        column: Schema of the column.
        day: Codec of the days.
        clock: Codec of the times of day, ticks of the storage type since midnight.
    """

    type: Literal["moment"] = "moment"
    column: ColumnSchema
    day: BinnedCodec
    clock: BinnedCodec

    @property
    def first_token(self) -> int:
        """First token id."""
        return self.day.first_token

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.day.num_tokens + self.clock.num_tokens

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """The slots of the day, and those of the time of day, in use where there is a day."""
        days = self.day.slots(first_slot)
        lead, *rest = self.clock.slots(first_slot + len(days))
        opens = (days[0].start + self.column.nullable, days[0].stop)
        return (*days, replace(lead, after=first_slot, opens=opens), *rest)

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, slots) token ids."""
        missing = array.is_null().to_numpy(zero_copy_only=False)
        days, clock = np.divmod(to_units(array, self.column, Scale()), _ticks_per_day(self.column))
        masked = pa.array(days.astype(np.int32), mask=missing).cast(pa.date32())
        day_tokens = self.day.encode(pa.chunked_array([masked]))
        clock_tokens = self.clock.encode(pa.chunked_array([pa.array(clock)]))
        clock_tokens[missing] = PAD
        return np.concatenate([day_tokens, clock_tokens], axis=1)

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values of the storage type."""
        width = len(self.day.slots(0))
        day = self.day.decode(tokens[:, :width], rng)
        valid = day.is_valid().to_numpy(zero_copy_only=False)
        clock = self.clock.decode(tokens[:, width:], rng).to_numpy(zero_copy_only=False)
        days = day.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        ticks = days * _ticks_per_day(self.column) + clock
        return from_units(np.clip(ticks, *bound_units(self.column, Scale())), valid, self.column, Scale())


def fit_moment(sample: pa.ChunkedArray, column: ColumnSchema, first_token: int, bins: Bins) -> MomentCodec | None:
    """The codec of a column of times with habits; None where days and hours are as by chance."""
    present = sample.drop_null()
    if column.kind is not Kind.DATETIME or len(present) < MIN_ROWS:
        return None

    per_day = _ticks_per_day(column)
    ticks = to_units(present, column, Scale())
    days, rest = np.divmod(ticks, per_day)
    if days.max() - days.min() < MIN_DAYS or not _has_habits(days, rest * HOURS // per_day):
        return None

    day_column = replace(
        column,
        kind=Kind.DATE,
        arrow_type="date32[day]",
        format=None,
        minimum=str(column.minimum)[:10],
        maximum=str(column.maximum)[:10],
    )
    day_array = pa.chunked_array([pa.array(days.astype(np.int32)).cast(pa.date32())])
    day = fit_binned(day_array, day_column, first_token, bins)
    clock_column = ColumnSchema(
        name=column.name,
        kind=Kind.TIME,
        arrow_type="int64",
        format=CLOCK_FORMATS[_unit_of(column)],
        minimum=int(rest.min()),
        maximum=int(rest.max()),
    )
    clock = fit_binned(pa.chunked_array([pa.array(rest)]), clock_column, first_token + day.num_tokens, bins)
    return MomentCodec(column=column, day=day, clock=clock)


def _has_habits(days: Units, hours: Units) -> bool:
    """Whether weekdays or hours are far from equally frequent."""
    weekdays = np.bincount(days % DAYS_OF_WEEK, minlength=DAYS_OF_WEEK)
    by_hour = np.bincount(hours, minlength=HOURS)
    return is_uneven(weekdays) or is_uneven(by_hour)


def _ticks_per_day(column: ColumnSchema) -> int:
    return SECONDS_PER_DAY * TICKS_PER_SECOND[_unit_of(column)]


def _unit_of(column: ColumnSchema) -> str:
    return str(arrow_type(column).unit)
