"""The task of a Ray Train worker that trains the compact model with differential privacy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.location import Location
from ss_ray.plans.plan import PrivateCompactPlan
from ss_ray.training.unit_files import UnitFiles


@dataclass(frozen=True, kw_only=True)
class PrivateTask:
    """Small values that can be pickled; the rows are in files.

    Attributes:
        tokens: Folder of token matrices.
        units: Privacy units of the rows.
        codec: Codec of the tokens.
        prior: (vocabulary,) bias of the head.
        plan: Size of the model, and the budgeted training loop.
        record: Folder for the sums that the steps release, for an auditor; None keeps nothing.
    """

    tokens: Location
    units: UnitFiles
    codec: SlotCodec | SequenceCodec
    prior: npt.NDArray[np.float32]
    plan: PrivateCompactPlan
    record: Location | None
