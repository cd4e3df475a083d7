"""Constraints of new rows from a finished run: those of the run, and those that a request adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.model import Config
from ss_ray.constraints.find import usable_constraints
from ss_ray.errors import ConfigError
from ss_ray.schema import TableSchema

_CONSTRAINTS: TypeAdapter[tuple[ConstraintParameters, ...]] = TypeAdapter(tuple[ConstraintParameters, ...])


def read_found(
    manifest: Mapping[str, Any] | None, schema: TableSchema, num_records: int
) -> tuple[ConstraintParameters, ...]:
    """The constraints that a run found and that its model can satisfy; none where it was not asked to find any.

    Args:
        manifest: Manifest of the run's stage "find"; None where there is none.
        schema: Schema of the run's model.
        num_records: Number of rows to generate.
    """
    if manifest is None:
        return ()
    return usable_constraints(_CONSTRAINTS.validate_python(manifest["result"]), schema, num_records)


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


def keep_constraints(
    config: Config, manifest: Mapping[str, Any] | None, found: Sequence[ConstraintParameters] = ()
) -> KeptConstraints:
    """The constraints of a request for new rows, together with those of the run that trained the model.

    Args:
        config: The request. Constraints that it leaves out are those of the run, constraints that it lists are added
            to them, and an empty list drops them.
        manifest: Manifest of the run's stage "generate"; None where that stage is not finished.
        found: Constraints that the run found in its rows, where it was asked to.

    Raises:
        ConfigError: The stage is not finished, so that the constraints of the run are not known; or constraints are
            to be found, for which there are no rows.
    """
    if config.constraints == "auto":
        raise ConfigError("constraints: auto is for `ss-ray run`; new rows keep the constraints of the run without it")

    drops = "constraints" in config.model_fields_set and not config.listed_constraints
    if manifest is None:
        if drops:
            return KeptConstraints(of_run=(), added=(), dropped=())
        raise ConfigError(
            "the model's run has not generated its rows, so its constraints are not known; finish `ss-ray run` there "
            "first, or give constraints: [] to go without them"
        )

    asked = manifest["asked"]["constraints"]
    of_run = tuple(found) if asked == "auto" else _CONSTRAINTS.validate_python(asked)
    if drops:
        return KeptConstraints(of_run=(), added=(), dropped=of_run)

    added = tuple(constraint for constraint in config.listed_constraints if constraint not in of_run)
    return KeptConstraints(of_run=of_run, added=added, dropped=())
