"""Ray Train's trainer, without what a Ray on one machine would wait for."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback


class GroupTrainer(TorchTrainer):  # type: ignore[misc]
    """Without the actor that removes placement groups of a controller that was killed.

    At its end it waits ten seconds for the answer of a dashboard, which a Ray on one machine does not have. Ray itself
    removes the placement groups when the job ends, and a job ends with its controller.
    """

    def _create_default_callbacks(self) -> list[Any]:
        callbacks = super()._create_default_callbacks()
        return [callback for callback in callbacks if not isinstance(callback, PlacementGroupCleanerCallback)]
