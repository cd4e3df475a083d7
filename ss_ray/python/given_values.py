"""Given values in Python's and NumPy's types, as the configuration takes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from ss_ray.python.frame_form import FrameForm


def plain_values(given: Mapping[str, Any], form: FrameForm) -> dict[str, Any]:
    """Values by column, or shares of values by column, as numbers, truth values and texts.

    Args:
        given: Values by column, or shares by value by column.
        form: Form of the table that the columns are of.
    """
    return {name: _plain_entry(value, _type_of(name, form)) for name, value in given.items()}


def _plain_entry(value: Any, type_: pa.DataType | None) -> Any:
    if isinstance(value, Mapping):
        return {_plain_cell(key, type_): share for key, share in value.items()}
    return _plain_cell(value, type_)


def _plain_cell(value: Any, type_: pa.DataType | None) -> Any:
    if isinstance(value, np.timedelta64 | np.datetime64):
        value = value.astype("datetime64[us]" if isinstance(value, np.datetime64) else "timedelta64[us]").item()
    if isinstance(value, np.generic):
        value = value.item()
    # The model knows them as whole numbers of ticks.
    if isinstance(value, dt.timedelta | dt.time) and type_ is not None:
        ticks = pa.scalar(value, type_)
        return ticks.cast(pa.int32()).as_py() if pa.types.is_time32(type_) else ticks.cast(pa.int64()).as_py()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return float(value) if isinstance(value, Decimal) else value


def _type_of(name: str, form: FrameForm) -> pa.DataType | None:
    if form.schema is None or name not in form.names:
        return None
    return form.plain_schema.field(name).type
