"""Order columns from starts and distances: rows ascend by construction, for any model of the distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ss_ray.codec.order_axis import OrderAxis
from ss_ray.errors import DataError
from ss_ray.schema import Scalar

Ints = npt.NDArray[np.int64]
_FAR = 2**62
"""Sum of the distances of a sequence up to which nothing leaves 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Places on the order axis where every sequence starts, and that none passes; None: learned."""

    start: int | None = None
    stop: int | None = None


LEARNED = Ends()


def find_ends(axis: OrderAxis | None, start: Scalar | None, stop: Scalar | None) -> Ends:
    """Places of the first and the last value that sequences may have.

    Raises:
        DataError: There is no order column to start and stop in, or its type does not hold them.
    """
    if start is None and stop is None:
        return LEARNED
    if axis is None or axis.column.values is not None:
        raise DataError("start and stop need an order column of numbers or dates at even distances")

    places = [None if value is None else axis.place(value) for value in (start, stop)]
    if None not in places and places[0] > places[1]:  # type: ignore[operator]
        raise DataError("the start lies after the stop", column=axis.column.name)

    return Ends(start=places[0], stop=places[1])


def rows_between(ends: Ends, interval: int | None) -> int | None:
    """Number of rows of a sequence between fixed ends; None if the distance of rows is not fixed."""
    if ends.start is None or ends.stop is None or interval is None:
        return None
    return (ends.stop - ends.start) // interval + 1


def ascending(
    axis: OrderAxis, first: pa.ChunkedArray | pa.Array, distances: Ints, starts: Ints, *, interval: bool, ends: Ends
) -> pa.Array:
    """The order column: each sequence's start and the distances from there.

    A sequence that would go on beyond the last place starts earlier instead; where it cannot, its distances shrink,
    unless they are an interval, which stays as it is.

    Args:
        axis: Axis of the order column.
        first: (sequences,) value that each starts with.
        distances: (rows,) from the row before; those of first rows count for nothing.
        starts: (sequences + 1,) first row of each sequence, which has one at least, and the number of rows.
        interval: Whether all distances are one.
        ends: Fixed start and last place of the sequences on the axis.

    Raises:
        DataError: The column's type cannot hold what comes after the last place.
    """
    sizes = np.diff(starts)
    total = add_up(distances, starts)
    span = total[starts[1:] - 1]
    low, high = axis.bounds
    high = high if ends.stop is None else ends.stop
    place = np.minimum(axis.places(first), high)
    if ends.stop is None:
        # A sequence that would pass the last place starts earlier instead, but not before the first one.
        place = np.minimum(place, np.maximum(low, high - span))
    else:
        place = np.minimum(place, high - span)

    if ends.start is not None:
        place = np.full(len(sizes), ends.start)

    # A fixed distance must not shrink, even if the sequence ends beyond the bounds.
    if interval:
        return axis.values(np.repeat(place, sizes) + total, clip=False)

    # Where an earlier start is not possible, the distances shrink.
    share = np.minimum(1.0, np.maximum(high - place, 0) / np.maximum(span, 1))
    shrunk = np.where(np.repeat(share < 1, sizes), np.floor(total * np.repeat(share, sizes)), total)
    return axis.values(np.repeat(place, sizes) + shrunk.astype(np.int64), clip=ends == LEARNED)


def add_up(distances: Ints, starts: Ints) -> Ints:
    """(rows,) sum of the distances from the first row of each sequence on, whose own counts for nothing."""
    sizes = np.diff(starts)
    furthest = np.repeat(_FAR // np.maximum(sizes, 1), sizes)
    # Bounds the sum of a sequence, so that it cannot overflow 64 bits.
    distances = np.clip(distances, -furthest, furthest)
    distances[starts[:-1]] = 0
    # Over sequences it may wrap around, and wraps back below.
    total = np.cumsum(distances)
    return total - np.repeat(total[starts[:-1]], sizes)


def gaps_of(places: Ints, starts: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """(rows,) distance of each row from the row before, and whether it is the first of its sequence."""
    is_first = np.zeros(len(places), bool)
    is_first[starts[:-1]] = True
    return np.diff(places, prepend=places[:1]) * ~is_first, is_first
