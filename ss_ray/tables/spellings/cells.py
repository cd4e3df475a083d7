"""Cells of a text file as typed values and back: whatever is expensive is done once for each distinct cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ss_ray.schema import ColumnSchema, Kind, arrow_type, is_dated
from ss_ray.tables.spellings import durations
from ss_ray.tables.spellings.dates import format_dates, parse_dates
from ss_ray.tables.spellings.number_cells import read_numbers
from ss_ray.tables.spellings.number_forms import matches
from ss_ray.tables.spellings.numbers import NumberFormat, number_format, write_numbers

BOOLEANS = {"true/false": ("true", "false"), "True/False": ("True", "False"), "TRUE/FALSE": ("TRUE", "FALSE")}
UNREAD = -1

Formats = npt.NDArray[np.int64]
"""(cells,) place of the format of each cell; UNREAD where none reads it."""


@dataclass(frozen=True)
class Reader:
    """Reads the cells of a column of numbers or times.

    Attributes:
        column: Schema of the column.
        formats: Formats of its cells; the first that reads a cell is taken.
    """

    column: ColumnSchema
    formats: tuple[str, ...]

    def read(self, cells: pa.Array) -> tuple[pa.Array, Formats]:
        """(cells,) values of the column's type, missing where no format reads a cell, and the format of each cell.

        Args:
            cells: (cells,) strings without surrounding space; missing cells stay missing, and UNREAD.
        """
        if is_dated(arrow_type(self.column)):
            return self._read_dates(cells)
        if self.column.kind in (Kind.TIME, Kind.DURATION):
            return self._read_durations(cells)
        return self._read_numbers(cells)

    def _read_numbers(self, cells: pa.Array) -> tuple[pa.Array, Formats]:
        formats = [format_ for text in self.formats if (format_ := number_format(text)) is not None]
        numbers = read_numbers(cells.fill_null(""), mark_of(formats))
        found = np.full(len(cells), UNREAD)
        zero = numbers.values == 0
        for index, form in enumerate(numbers.forms):
            for is_zero in (False, True):
                places = (numbers.form == index) & (zero == is_zero)
                found[places] = next((i for i, f in enumerate(formats) if matches(f, form, is_zero)), UNREAD)

        target = arrow_type(self.column)
        is_unread = found == UNREAD
        if not pa.types.is_integer(target):
            return pa.array(numbers.values, mask=is_unread).cast(target), found

        # Numbers with decimals or an exponent are no values of a column of whole numbers.
        found = np.where(numbers.is_whole, found, UNREAD)
        return pa.array(numbers.whole, mask=found == UNREAD).cast(target), found

    def _read_dates(self, cells: pa.Array) -> tuple[pa.Array, Formats]:
        target = arrow_type(self.column)
        unit = "ns" if getattr(target, "unit", "us") == "ns" else "us"
        values = np.full(len(cells), np.datetime64("NaT"), f"datetime64[{unit}]")
        found = np.full(len(cells), UNREAD)
        for index, format_ in enumerate(self.formats):
            left = np.flatnonzero(found == UNREAD)
            dates = parse_dates(cells.take(pa.array(left)), format_)
            is_read = ~np.isnat(dates)
            values[left[is_read]] = dates[is_read]
            found[left[is_read]] = index

        moments = pa.array(values)
        if pa.types.is_timestamp(target) and target.tz is not None:
            moments = moments.cast(pa.timestamp(unit)).cast(pa.timestamp(unit, "UTC"))
        return moments.cast(target, safe=False), found

    def _read_durations(self, cells: pa.Array) -> tuple[pa.Array, Formats]:
        per_second = resolution(self.formats)
        values = np.zeros(len(cells), np.int64)
        found = np.full(len(cells), UNREAD)
        for index, format_ in enumerate(self.formats):
            left = np.flatnonzero(found == UNREAD)
            ticks, fits = durations.parse_durations(cells.take(pa.array(left)), format_)
            values[left[fits]] = ticks[fits] * (per_second // durations.ticks_per_second(format_))
            found[left[fits]] = index

        return pa.array(values, mask=found == UNREAD).cast(arrow_type(self.column)), found


def mark_of(formats: Sequence[NumberFormat]) -> str:
    """The decimal mark of the formats of a column; a format without decimals and groups tells none."""
    return next((format_.mark for format_ in formats if format_.group or format_.least or format_.most != 0), ".")


def resolution(formats: Sequence[str]) -> int:
    """Ticks of a second in a column of clock times or durations."""
    return max(map(durations.ticks_per_second, formats))


def spell_values(values: pa.Array, column: ColumnSchema, format_: str, formats: Sequence[str]) -> pa.Array:
    """(cells,) strings of values in one format; missing values stay missing.

    Args:
        values: (cells,) of the column's type.
        column: Schema of the column.
        format_: Format to write.
        formats: All formats of the column, which decide the ticks of clock times and durations.
    """
    if is_dated(values.type):
        unit = "ns" if getattr(values.type, "unit", "us") == "ns" else "us"
        moments = values.cast(pa.timestamp(unit, getattr(values.type, "tz", None))).cast(pa.timestamp(unit))
        dates = pd.Series(moments.to_numpy(zero_copy_only=False)).to_numpy().astype(f"datetime64[{unit}]")
        return pa.array(format_dates(dates, format_), pa.string())

    plain = values.to_pylist()
    if column.kind in (Kind.TIME, Kind.DURATION):
        per_tick = resolution(formats) // durations.ticks_per_second(format_)
        texts = durations.format_durations((0 if v is None else v // per_tick for v in plain), format_)
        return pa.array([None if v is None else t for v, t in zip(plain, texts, strict=True)], pa.string())

    number = number_format(format_)
    return pa.array(write_numbers(plain, number) if number else plain, pa.string())
