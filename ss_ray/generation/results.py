"""What generation is asked for beside its plan, and what it made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ss_ray.config.generation import GenerationParameters
from ss_ray.config.model import ResourceParameters
from ss_ray.location import Location
from ss_ray.plans.plan import GenerationPlan


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
    """

    model: Location
    plan: GenerationPlan
    request: GenerationRequest
    resources: ResourceParameters
    work: Location
    target: Location


def most_frequent(rejected: Counter[str]) -> str:
    """What rejected most."""
    found = [f"{name} rejected {count:,} rows" for name, count in rejected.most_common(3) if count]
    return "; ".join(found) or "no rows were made"
