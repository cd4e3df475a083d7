"""Constraints of new rows from a finished run: those of the run, and those that a request adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError

_CONSTRAINTS: TypeAdapter[tuple[ConstraintParameters, ...]] = TypeAdapter(tuple[ConstraintParameters, ...])


@dataclass(frozen=True, kw_only=True)
class KeptConstraints:
    """Constraints that hold in new rows of a finished run, and those of the run that do not.

    Attributes:
        of_run: Constraints of the run that hold in the new rows.
        added: Constraints that the request adds.
        dropped: Constraints of the run that the request drops with `constraints: []`.
    """

    of_run: tuple[ConstraintParameters, ...]
    added: tuple[ConstraintParameters, ...]
    dropped: tuple[ConstraintParameters, ...]

    @property
    def all(self) -> tuple[ConstraintParameters, ...]:
        """Every constraint that holds in the new rows."""
        return (*self.of_run, *self.added)


def keep_constraints(config: Config, manifest: Mapping[str, Any] | None) -> KeptConstraints:
    """The constraints of a request for new rows, together with those of the run that trained the model.

    Args:
        config: The request. Constraints that it leaves out are those of the run, constraints that it lists are added
            to them, and an empty list drops them.
        manifest: Manifest of the run's stage "generate"; None where that stage is not finished.

    Raises:
        ConfigError: The stage is not finished, so that the constraints of the run are not known.
    """
    drops = "constraints" in config.model_fields_set and not config.constraints
    if manifest is None:
        if drops:
            return KeptConstraints(of_run=(), added=(), dropped=())
        raise ConfigError(
            "the model's run has not generated its rows, so its constraints are not known; finish `ss-ray run` there "
            "first, or give constraints: [] to go without them"
        )

    of_run = _CONSTRAINTS.validate_python(manifest["asked"]["constraints"])
    if drops:
        return KeptConstraints(of_run=(), added=(), dropped=of_run)

    added = tuple(constraint for constraint in config.constraints if constraint not in of_run)
    return KeptConstraints(of_run=of_run, added=added, dropped=())
