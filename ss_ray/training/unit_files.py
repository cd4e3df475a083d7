"""The privacy units of the training rows: written by the driver, and owned by the workers, each unit by one of them.

    files = save_units(rows, originals, "person", per_example=False, folder=folder)   # in the driver
    units = own_row_units(tokens, groups, files, max_rows=4, worker=worker)           # in each worker
    check_owned(units, worker, device)                                                # at the start of the training

The driver counts the units by the original rows and the declared grouping column, whatever the files say. The workers
compare: a worker that takes each row of a person for a person of its own owns more units than were counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ss_ray.location import Location
from ss_ray.privacy.units import check_same_rows, count_units, unit_ids
from ss_ray.training.arrays import load_arrays, save_array


@dataclass(frozen=True, kw_only=True)
class UnitFiles:
    """The privacy units of the training rows, for the workers alone: the exact number is sensitive.

    Attributes:
        folder: Folder of units.npy, the unit of each row; empty where each example is one unit.
        count: Number of privacy units, counted by the original rows.
    """

    folder: Location
    count: int


def save_units(
    rows: Location, originals: Location, group: str | None, *, per_example: bool, folder: Location
) -> UnitFiles:
    """Write the unit of each row, and count the units.

    Args:
        rows: Folder of the training rows after PII was replaced.
        originals: Folder of the training rows before that, whose grouping column tells the units.
        group: Column whose values are the units; None where each row is one.
        per_example: True if an example holds all rows of a unit, so that nothing is written.
        folder: Folder for units.npy, emptied first.

    Raises:
        PrivacyError: Rows were dropped, so nobody knows which of the others belong together.
    """
    folder.remove()
    parts = originals.files(".parquet")
    if group is not None and not per_example:
        check_same_rows(parts, rows.files(".parquet"))
        save_array(unit_ids(parts, group), folder.make_folder() / "units.npy")

    return UnitFiles(folder=folder, count=count_units(parts, group))


def load_units(units: UnitFiles) -> npt.NDArray[Any] | None:
    """(rows,) which unit each row belongs to; None where each example is one unit."""
    if units.folder.files(".npy"):
        return load_arrays(units.folder)
    return None
