"""Arrow decimals out of integers and floats, always inside their precision.

Schemas hold the bounds of decimals as the floats that Arrow casts them to. That cast is monotone but not correctly
rounded, so "inside the bounds" is always decided by the cast itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import DataError

# Digits of any float64, so that nothing is rounded before the scale says so.
_CONTEXT = Context(prec=400)
_MAX_STEPS = 16
"""Steps of half a spacing; the cast is wrong by a few of them at most."""


def decimals_of_units(
    units: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], type_: pa.DataType
) -> pa.Decimal128Array:
    """(rows,) decimals `units` * 10**-scale, cut to the precision, missing where `valid` is False."""
    largest = min(10**type_.precision - 1, np.iinfo(np.int64).max)
    units = np.clip(units, -largest, largest)
    # Low and high half, two's complement.
    words = np.stack([units, units >> 63], axis=1)
    array = pa.Array.from_buffers(pa.decimal128(38, type_.scale), len(units), [None, pa.py_buffer(words)])
    return pc.if_else(pa.array(valid), array, None).cast(type_)


def nearest_decimals(
    values: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_], type_: pa.DataType, bounds: tuple[float, float]
) -> pa.Array:
    """(rows,) the decimals nearest to floats inside `bounds`; as floats again they are inside, too."""
    found = [nearest_decimal(v, type_, bounds) if ok else None for v, ok in zip(values.tolist(), valid, strict=True)]
    return pa.array(found, type_)


def nearest_decimal(value: float, type_: pa.DataType, bounds: tuple[float, float]) -> Decimal:
    """The decimal of the type nearest to a float among those that Arrow casts to a float inside `bounds`.

    Raises:
        DataError: There is none.
    """
    for candidate in _list_neighbours(Decimal(repr(value)), Decimal(float(np.spacing(abs(value)))), type_):
        if bounds[0] <= _as_float(candidate, type_) <= bounds[1]:
            return candidate
    raise DataError(f"a decimal of type {type_} is outside its bounds, whatever its last digits")


def _list_neighbours(value: Decimal, spacing: Decimal, type_: pa.DataType) -> Iterator[Decimal]:
    """Decimals of the type at growing distance from a value, in steps of half a float's spacing, a digit at least."""
    digit = Decimal(1).scaleb(-type_.scale, _CONTEXT)
    largest = _CONTEXT.multiply(digit, Decimal(10**type_.precision - 1))
    start = value.quantize(digit, context=_CONTEXT)
    step = max(digit, _CONTEXT.divide(spacing, Decimal(2)))

    for distance in range(_MAX_STEPS):
        for move in (_CONTEXT.multiply(step, Decimal(distance)), _CONTEXT.multiply(step, Decimal(-distance))):
            moved = _CONTEXT.add(start, move).quantize(digit, context=_CONTEXT)
            yield min(max(moved, largest.copy_negate()), largest)


def _as_float(value: Decimal, type_: pa.DataType) -> float:
    return float(pa.scalar(value, type_).cast(pa.float64()).as_py())
