"""Arrays as .npy and .npz files, in local folders or at URIs: tokens on their way to the workers, small models."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
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


def save_named_arrays(facts: object, arrays: Mapping[str, npt.NDArray[Any]], file: Location) -> None:
    """Write arrays, and facts that JSON can hold, into one .npz file."""
    buffer = io.BytesIO()
    described = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez_compressed(buffer, allow_pickle=False, described=described, **arrays)
    with file.filesystem.open_output_stream(file.path) as stream:
        stream.write(buffer.getbuffer())


def load_named_arrays(file: Location) -> tuple[Any, Mapping[str, npt.NDArray[Any]]]:
    """The facts and the arrays that `save_named_arrays` wrote."""
    with file.filesystem.open_input_stream(file.path) as stream:
        arrays = np.load(io.BytesIO(stream.read()), allow_pickle=False)
    return json.loads(arrays["described"].tobytes()), arrays
