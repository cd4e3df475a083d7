"""Given values in Python's and NumPy's types, as the configuration takes them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ss_ray.errors import ConfigError
from ss_ray.python.frame_form import FrameForm


def plain_values(argument: str, given: Any, form: FrameForm) -> dict[str, Any]:
    """Values by column, or shares of values by column, as numbers, truth values and texts.

    Args:
        argument: Name of the argument, which errors mention.
        given: Values by column, or shares by value by column.
        form: Form of the table that the columns are of.

    Raises:
        ConfigError: It is no mapping of names, or a value is missing or no single value.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{argument}: expected a mapping of names of columns, not an object of type {_name_kind(given)}"
        )
    if not all(isinstance(name, str) for name in given):
        raise ConfigError(f"{argument}: expected names of columns, which are texts, as keys")

    values = {name: _plain_entry(value, _type_of(name, form)) for name, value in given.items()}
    for name, value in values.items():
        cells = list(value) if isinstance(value, Mapping) else [value]
        wrong = [_name_kind(cell) for cell in cells if not _is_plain(cell)]
        if wrong:
            raise ConfigError(
                f"{argument}: column {name!r} needs a number, a text, a truth value, a date or a time, not {wrong[0]}; "
                "a column that is left out is drawn"
            )

    return values


def _is_plain(value: Any) -> bool:
    """Whether a value is one that a configuration can hold, and not missing."""
    return isinstance(value, bool | int | float | str) and not (isinstance(value, float) and math.isnan(value))


def _name_kind(value: Any) -> str:
    """The type of a value in words, without the value."""
    if value is None or isinstance(value, float):
        return "a missing value"
    return type(value).__name__


def _plain_entry(value: Any, type_: pa.DataType | None) -> Any:
    if isinstance(value, Mapping):
        return {_plain_cell(key, type_): share for key, share in value.items()}
    return _plain_cell(value, type_)


def _plain_cell(value: Any, type_: pa.DataType | None) -> Any:
    if isinstance(value, np.timedelta64 | np.datetime64):
        value = value.astype("datetime64[us]" if isinstance(value, np.datetime64) else "timedelta64[us]").item()
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NaT:
        return None
    # The model knows them as whole numbers of ticks.
    if isinstance(value, dt.timedelta | dt.time) and type_ is not None:
        ticks = pa.scalar(value, type_)
        return ticks.cast(pa.int32()).as_py() if pa.types.is_time32(type_) else ticks.cast(pa.int64()).as_py()
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _type_of(name: str, form: FrameForm) -> pa.DataType | None:
    if form.schema is None or name not in form.names:
        return None
    return form.plain_schema.field(name).type
