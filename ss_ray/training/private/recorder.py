"""What the steps of a private training released, kept for an audit.

The noisy sums of all steps are what DP-SGD's guarantee is about, so to keep them costs nothing of it; they stay in the
run's internal folder all the same. Nothing is kept unless the folder is there before the training begins, and only
`ss_ray.pipelines.audit` makes it, for a table that it made itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ss_ray.location import Location
from ss_ray.training.arrays import load_arrays, save_array

TOKENS = "tokens"
WEIGHTS = "weights-"
RELEASED = "released-"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StepRecorder:
    """Writes tokens, weights and released gradients of one training.

    Attributes:
        model: The model while it is trained.
        folder: Folder of the files; None keeps nothing.
    """

    model: Any
    folder: Location | None

    def begin(self, tokens: torch.Tensor) -> None:
        """Keep what is trained on, and the first weights."""
        if self.folder is not None:
            save_array(tokens.cpu().numpy(), self.folder / f"{TOKENS}.npy")
            save_array(
                _flatten_tensors(parameter.detach() for parameter in self._trained_parameters()),
                self._step_file(WEIGHTS, 0),
            )

    def record(self, step: int) -> None:
        """Keep the noisy mean gradient of a step, and the weights after it."""
        if self.folder is not None:
            save_array(
                _flatten_tensors(parameter.grad for parameter in self._trained_parameters()),
                self._step_file(RELEASED, step),
            )
            save_array(
                _flatten_tensors(parameter.detach() for parameter in self._trained_parameters()),
                self._step_file(WEIGHTS, step),
            )

    def _trained_parameters(self) -> list[Any]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def _step_file(self, kind: str, step: int) -> Location:
        assert self.folder is not None
        return self.folder / f"{kind}{step:05d}.npy"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a `StepRecorder` kept.

    Attributes:
        tokens: (rows, slots) int, in the order of the table, or one row for each unit.
        weights: (steps + 1, parameters) before the first step, and after each.
        released: (steps, parameters) noisy mean gradients.
    """

    tokens: npt.NDArray[np.int64]
    weights: Floats
    released: Floats


def read_recording(folder: Location) -> Recording:
    """All that was kept in a folder."""
    return Recording(
        tokens=load_arrays(folder, TOKENS).astype(np.int64),
        weights=load_arrays(folder, WEIGHTS).astype(np.float64),
        released=load_arrays(folder, RELEASED).astype(np.float64),
    )


def _flatten_tensors(tensors: Any) -> npt.NDArray[np.float32]:
    """(1, parameters) float32."""
    joined = torch.cat([tensor.flatten().float() for tensor in tensors])
    return joined.cpu().numpy()[None]
