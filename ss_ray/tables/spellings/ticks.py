"""Clock times and durations of typed tables, as the whole ticks that a schema stores."""

from __future__ import annotations

import pyarrow as pa

CLOCK_FORMATS = {"s": "%H:%M:%S", "ms": "%H:%M:%S.%3f", "us": "%H:%M:%S.%f", "ns": "%H:%M:%S.%9f"}
"""Formats of clock times, by the unit of their ticks."""
DAYS = "%d days "


def is_ticks(type_: pa.DataType) -> bool:
    """Whether an Arrow type counts clock times or durations in ticks."""
    return bool(pa.types.is_time(type_) or pa.types.is_duration(type_))


def as_ticks(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """(rows,) whole numbers of ticks.

    Example:
        >>> as_ticks(pa.array([90], pa.duration("s"))).to_pylist()
        [90]
    """
    if pa.types.is_time32(array.type):
        array = array.cast(pa.int32())
    return array.cast(pa.int64())


def format_of_ticks(type_: str) -> str:
    """The format in which a text file spells the values of an Arrow type.

    Example:
        >>> format_of_ticks("time64[us]"), format_of_ticks("duration[s]")
        ('%H:%M:%S.%f', '%d days %H:%M:%S')
    """
    name, _, unit = type_.rstrip("]").partition("[")
    return (DAYS if name == "duration" else "") + CLOCK_FORMATS[unit]
