"""The stage that finds the constraints of `constraints: auto` in the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.model import Config
from ss_ray.constraints.find import find_relations, usable_constraints
from ss_ray.location import Location
from ss_ray.pipelines.families import choose_family
from ss_ray.plans.make import make_plan
from ss_ray.plans.plan import RunPlan
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part, sample_rows

SEARCHED_ROWS = 100_000
"""Training rows in which relations are searched; those that are found are checked on all."""


def find_constraints(folder: Location, schema: TableSchema) -> tuple[ConstraintParameters, ...]:
    """Relations between columns that hold in all training rows and are far from chance.

    Args:
        folder: Folder of the training rows.
        schema: Schema of the training rows.
    """
    parts = folder.files(".parquet")

    def read_columns(names: Sequence[str]) -> pa.Table:
        return pa.concat_tables([block for part in parts for block in read_part(part, list(dict.fromkeys(names)))])

    return find_relations(schema, sample_rows(parts, SEARCHED_ROWS), read_columns)


def plan_with(
    config: Config, constraints: tuple[ConstraintParameters, ...], plan: RunPlan, *, num_rows: int
) -> RunPlan:
    """The plan of a run with constraints that were found.

    Args:
        config: The whole request.
        constraints: Constraints that were found.
        plan: Plan without them.
        num_rows: Number of rows of the whole table.
    """
    listed = config.model_copy(update={"constraints": constraints})
    return make_plan(listed, choose_family(config), num_rows=num_rows, seed=plan.seed, split_seed=plan.split_seed)


def plan_without_faults(plan: RunPlan, schema: TableSchema) -> RunPlan:
    """The plan without those found constraints that the schema of the model cannot satisfy.

    Args:
        plan: Plan with the constraints that were found.
        schema: Schema without the values that are held back.
    """
    usable = usable_constraints(plan.generation.constraints, schema, plan.generation.num_records)
    return replace(plan, generation=replace(plan.generation, constraints=usable))
