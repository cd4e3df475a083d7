"""Arrays as .npy files, in local folders or at URIs: tokens, sizes and unit ids on their way to the workers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from ss_ray.location import Location


def save_array(array: npt.NDArray[Any], file: Location) -> None:
    """Write an array as .npy."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    with file.filesystem.open_output_stream(file.path) as stream:
        stream.write(buffer.getbuffer())


def load_arrays(folder: Location, prefix: str = "") -> npt.NDArray[Any]:
    """The arrays of all parts in order as one: (rows, slots) tokens, (rows,) unit ids, (sequences,) sizes."""
    matrices = []
    for part in (file for file in folder.files(".npy") if file.name.startswith(prefix)):
        with part.filesystem.open_input_stream(part.path) as stream:
            matrices.append(np.load(io.BytesIO(stream.read()), allow_pickle=False))
    return np.concatenate(matrices)
