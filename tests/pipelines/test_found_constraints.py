"""The search of `constraints: auto` in folders of training rows, and the plan that follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.constraints.check import violations
from ss_ray.location import Location
from ss_ray.pipelines.families import choose_family
from ss_ray.pipelines.found_constraints import find_constraints, plan_with, plan_without_faults
from ss_ray.pipelines.notices import find_notices
from ss_ray.plans.make import make_plan
from ss_ray.plans.plan import RunPlan
from ss_ray.schema import TableSchema
from ss_ray.tables.dialect import Dialect
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from ss_ray.tables.splits import NO_UNITS
from ss_ray.tables.stage import TableRef

ROWS = 600
CONFIG = parse_config({"constraints": "auto", "generation": {"num_records": 100}})


def orders() -> pa.Table:
    rng = np.random.default_rng(2)
    city = rng.integers(0, 9, ROWS)
    return pa.table(
        {
            "store": np.arange(ROWS) // 20,
            "line": np.arange(ROWS) % 20,
            "city": [f"city {i}" for i in city],
            "state": [f"state {i % 3}" for i in city],
            "free": rng.integers(0, 50, ROWS),
        }
    )


def schema_of(table: pa.Table) -> TableSchema:
    return infer_schema(table_facts(table), {}, is_text=False)


def plan_of(config: Config) -> RunPlan:
    return make_plan(config, choose_family(config), num_rows=ROWS, seed=1, split_seed=2)


def test_relations_are_searched_in_all_parts_and_enter_the_plan(tmp_path: Path) -> None:
    table = orders()
    for number, start in enumerate(range(0, ROWS, 200)):
        pq.write_table(table.slice(start, 200), tmp_path / f"part-{number}.parquet")

    found = find_constraints(Location.parse(tmp_path), schema_of(table))
    names = {constraint.name for constraint in found}
    assert {"determines(city -> state)", "unique(store, line)"} <= names
    assert not any(violations(constraint, table).any() for constraint in found)

    plan = plan_with(CONFIG, found, plan_of(CONFIG), num_rows=ROWS)
    assert plan.generation.constraints == found
    assert plan.hold_back.together == (("city", "state"),)
    assert (plan.seed, plan.split_seed) == (1, 2)
    assert plan_without_faults(plan, schema_of(table)) == plan

    source = TableRef(
        name="orders",
        format="csv",
        dialect=Dialect(),
        digests=(),
        num_rows=ROWS,
        part_rows=(ROWS,),
        schema=schema_of(table),
        holdout=NO_UNITS,
    )
    assert "determines(city -> state)" in find_notices(source, plan, finds=True)[0]
    assert find_notices(source, plan, finds=False) == ()


def test_found_constraints_that_the_models_schema_cannot_keep_leave_the_plan(tmp_path: Path) -> None:
    table = orders()
    pq.write_table(table, tmp_path / "part.parquet")
    found = find_constraints(Location.parse(tmp_path), schema_of(table))
    many = parse_config({"constraints": "auto", "generation": {"num_records": 100_000}})
    plan = plan_without_faults(plan_with(many, found, plan_of(many), num_rows=ROWS), schema_of(table))
    assert "unique(store, line)" not in {constraint.name for constraint in plan.generation.constraints}
    assert "determines(city -> state)" in {constraint.name for constraint in plan.generation.constraints}
