"""The dtypes of pandas: columns of Arrow in a given dtype, and dtypes as JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

DtypeText = dict[str, Any]
"""A dtype as JSON: its name, and what the name does not say."""


def series_of(array: pa.ChunkedArray, dtype: Any, known: Collection[Any]) -> pd.Series[Any]:
    """A column in a dtype; in the dtype of its cells where a cell, such as a stand-in, does not fit.

    Args:
        array: Cells of the column.
        dtype: A dtype of pandas or NumPy.
        known: Values that a list of categories may keep.
    """
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical_series(array, dtype, known)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)

    try:
        if isinstance(dtype, ExtensionDtype) and hasattr(dtype, "__from_arrow__"):
            return pd.Series(dtype.__from_arrow__(array), dtype=dtype)
        # Objects of Python are what such a column held.
        if pd.api.types.is_object_dtype(dtype):
            return pd.Series(np.array([*array.to_pylist(), None], dtype=object)[:-1], dtype=object)
        return array.to_pandas().astype(dtype)
    except (pa.ArrowException, TypeError, ValueError):
        return array.to_pandas()


def _categorical_series(array: pa.ChunkedArray, dtype: pd.CategoricalDtype, known: Collection[Any]) -> pd.Series[Any]:
    """Categories in the given order, without those that the model does not know, and with those that it made up."""
    plain = array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array
    given = dtype.categories
    cells = plain.to_pandas()
    if given is not None and cells.dtype != given.dtype:
        cells = cells.astype(given.dtype, errors="ignore")

    kept = [] if given is None else [value for value in given if _as_python(value) in known]
    new = [value for value in cells.dropna().unique().tolist() if value not in kept]
    categories = pd.Index([*kept, *new], dtype=given.dtype if given is not None and not new else None)
    return pd.Series(pd.Categorical(cells, categories=categories, ordered=dtype.ordered))


def _as_python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def describe_dtype(dtype: Any) -> DtypeText:
    """A dtype as JSON."""
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        inner = None if categories is None else describe_dtype(categories.dtype)
        listed = [] if categories is None else pa.array(categories, from_pandas=True).cast(pa.string()).to_pylist()
        return {"name": "category", "ordered": bool(dtype.ordered), "categories": listed, "of": inner}
    if isinstance(dtype, pd.StringDtype):
        return {"name": "string", "storage": dtype.storage, "nan": dtype.na_value is not pd.NA}
    if isinstance(dtype, pd.ArrowDtype):
        return {"name": "arrow"}
    return {"name": str(dtype)}


def parse_dtype(text: DtypeText, type_: pa.DataType) -> Any:
    """Inverse of `describe_dtype`.

    Args:
        text: A dtype as JSON.
        type_: Arrow type of the column.
    """
    name = text["name"]
    if name == "category":
        inner = type_.value_type if pa.types.is_dictionary(type_) else type_
        dtype = parse_dtype(text["of"], inner) if text["of"] is not None else None
        categories = series_of(pa.chunked_array([pa.array(text["categories"], pa.string()).cast(inner)]), dtype, ())
        return pd.CategoricalDtype(pd.Index(categories), ordered=text["ordered"])
    if name == "string":
        return pd.StringDtype(text["storage"], na_value=np.nan if text["nan"] else pd.NA)
    if name == "arrow":
        return pd.ArrowDtype(type_)
    return pd.api.types.pandas_dtype(name)
