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

_CONTEXT = Context(prec=400)  # digits of any float64, so that nothing is rounded before the scale says so
_MAX_STEPS = 4


def decimals_of_units(
    units: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], type_: pa.DataType
) -> pa.Decimal128Array:
    """(rows,) decimals `units` * 10**-scale, cut to the precision, missing where `valid` is False."""
    largest = min(10**type_.precision - 1, np.iinfo(np.int64).max)
    units = np.clip(units, -largest, largest)
    words = np.stack([units, units >> 63], axis=1)  # low and high half, two's complement
    array = pa.Array.from_buffers(pa.decimal128(38, type_.scale), len(units), [None, pa.py_buffer(words)])
    return pc.if_else(pa.array(valid), array, None).cast(type_)


def nearest_decimals(
    values: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_], type_: pa.DataType, bounds: tuple[float, float]
) -> pa.Array:
    """(rows,) the decimals nearest to floats inside `bounds`; as floats again they are inside, too."""
    found = [nearest_decimal(v, type_, bounds) if ok else None for v, ok in zip(values.tolist(), valid, strict=True)]
    return pa.array(found, type_)


def nearest_decimal(value: float, type_: pa.DataType, bounds: tuple[float, float]) -> Decimal:
    """The decimal of the type nearest to a float among those that Arrow casts to a float inside `bounds`."""
    nearest = _rounded(value, type_)
    candidates = (nearest, *(_rounded(near, type_) for near in _neighbours(value)))
    return next((c for c in candidates if bounds[0] <= _as_float(c, type_) <= bounds[1]), nearest)


def _rounded(value: float, type_: pa.DataType) -> Decimal:
    """The shortest spelling of a float, rounded to the scale and cut to the precision."""
    unit = Decimal(1).scaleb(-type_.scale, _CONTEXT)
    largest = Decimal(10**type_.precision - 1).scaleb(-type_.scale, _CONTEXT)
    return min(max(Decimal(repr(value)).quantize(unit, context=_CONTEXT), -largest), largest)


def _neighbours(value: float) -> Iterator[float]:
    """Floats above and below, the closest first."""
    above = below = value
    for _ in range(_MAX_STEPS):
        above, below = float(np.nextafter(above, np.inf)), float(np.nextafter(below, -np.inf))
        yield from (above, below)


def _as_float(value: Decimal, type_: pa.DataType) -> float:
    return float(pa.scalar(value, type_).cast(pa.float64()).as_py())
