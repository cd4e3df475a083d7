"""Columns that make a sequence of rows: its grouping, its order, and its constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Columns that make rows one example.

    Attributes:
        group: Column whose value the rows of a group share; None: every example is one sequence of its own.
        order: Column that the rows of a group are sorted by, missing values last.
        constants: Other columns with one value per group, in table order; not `group`.
        max_rows: Rows of the largest group.
    """

    group: str | None
    order: str | None
    constants: tuple[str, ...]
    max_rows: int


def order_ranks(array: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """(rows,) rank of each value, the same for equal values, with missing values last."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()

    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)

    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.int64)

    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())

    ranks: npt.NDArray[np.int64] = pc.rank(array, tiebreaker="dense").to_numpy().astype(np.int64)
    return ranks
