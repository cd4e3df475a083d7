"""What generation is asked for beside its plan, and what it made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ss_ray.config.constraints import UniqueConstraint
from ss_ray.config.generation import GenerationParameters
from ss_ray.config.model import ResourceParameters
from ss_ray.location import Location
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.plans.plan import GenerationPlan
from ss_ray.schema import TableSchema
from ss_ray.tables.files import find_source


@dataclass(frozen=True, kw_only=True)
class SyntheticTable:
    """The synthetic table in release/synthetic.

    Attributes:
        num_rows: Exactly as many as asked for; where groups are, as many as they have.
        num_files: Number of Parquet files.
        rejected: Rows that broke a constraint and were made again, by constraint.
        repaired: Cells that were changed to keep one, by constraint.
        incomplete: Why rows or groups are missing; empty where none is.
    """

    num_rows: int
    num_files: int
    rejected: dict[str, int]
    repaired: dict[str, int]
    incomplete: str


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What generation is asked for beside its plan.

    Attributes:
        generation: Section `generation` of the request, with the given values.
        encoding: Character encoding of a seed table that is text.
        real_rows: Folder of the rows that were learned, of which `determines` constraints look up what decides what;
            None where nothing may be learned from them again.
    """

    generation: GenerationParameters
    encoding: str
    real_rows: Location | None

    @property
    def given_names(self) -> frozenset[str]:
        """Columns with given cells."""
        seeds = self.generation.seed_table
        named = find_source(seeds).names if seeds is not None else ()
        return frozenset((*self.generation.given, *self.generation.shares, *named))


@dataclass(frozen=True, kw_only=True)
class GenerationJob:
    """Rows to be made by a trained model, and their place.

    Attributes:
        model: Folder of the trained model.
        plan: Rows or groups to make.
        request: Values that are given, and rows that may be looked at.
        resources: Workers and threads.
        work: Folder for the shards made so far; belongs to this very plan and model.
        target: Folder that appears complete.
        identities: Columns and texts that get an invented person; None where there are none.
    """

    model: Location
    plan: GenerationPlan
    request: GenerationRequest
    resources: ResourceParameters
    work: Location
    target: Location
    identities: IdentityPlan | None = None

    @property
    def named_columns(self) -> frozenset[str]:
        """Columns with given cells, and those that constraints name."""
        ruled = (name for constraint in self.plan.constraints for name in constraint.read_columns)
        return frozenset((*self.request.given_names, *ruled))

    def filled(self, schema: TableSchema) -> IdentityPlan | None:
        """What is filled in rows of a schema: not what is given, nor what a constraint other than `unique` names."""
        if self.identities is None:
            return None

        ruled = [c for c in self.plan.constraints if not isinstance(c, UniqueConstraint)]
        unique = [c for c in self.plan.constraints if isinstance(c, UniqueConstraint)]
        names = {*self.request.given_names, *(name for constraint in ruled for name in constraint.read_columns)}
        plan = self.identities.for_schema(schema).without(frozenset(names))
        columns = {name for constraint in unique for name in constraint.read_columns}
        return replace(plan, has_unique_handles=any(column.name in columns for column in plan.columns))


def most_frequent(rejected: Counter[str]) -> str:
    """What rejected most."""
    found = [f"{name} rejected {count:,} rows" for name, count in rejected.most_common(3) if count]
    return "; ".join(found) or "no rows were made"
