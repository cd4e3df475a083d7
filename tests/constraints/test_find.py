"""Constraints that a run finds by itself: relations that hold in all rows, in columns that are learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ss_ray.constraints.find import find_relations, usable_constraints
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

RNG = np.random.default_rng(5)
ROWS = 400
NET = RNG.integers(100, 9000, ROWS) / 100
CITY = RNG.integers(0, 12, ROWS)
TABLE = {
    "net": NET,
    "tax": np.round(NET * RNG.choice([0.07, 0.19], ROWS), 2),
    "city": [f"city {i}" for i in CITY],
    "state": [f"state {i % 4}" for i in CITY],
    "store": np.arange(ROWS) // 10,
    "line": np.arange(ROWS) % 10,
    "code": [f"A-{i % 200:04d}" for i in range(ROWS)],
}
TABLE["gross"] = np.round(TABLE["net"] + TABLE["tax"], 2)


def schema_and_table(columns: dict[str, Any]) -> tuple[TableSchema, pa.Table]:
    table = pa.table(columns)
    return infer_schema(table_facts(table), {}, is_text=False), table


def names_of(schema: TableSchema, rows: pa.Table, every: pa.Table) -> list[str]:
    def read_columns(names: Sequence[str]) -> pa.Table:
        return every.select(list(names))

    return [constraint.name for constraint in find_relations(schema, rows, read_columns)]


def test_relations_are_found_and_formats_of_single_columns_are_left_to_the_schema() -> None:
    schema, table = schema_and_table(TABLE)
    found = names_of(schema, table, table)
    assert {"sum(net + tax = gross)", "determines(city -> state)", "unique(store, line)"} <= set(found)
    assert not [name for name in found if name.startswith(("format", "range", "values"))]


def test_a_relation_that_one_row_outside_of_the_searched_ones_breaks_is_dropped() -> None:
    schema, table = schema_and_table(TABLE)
    state = pa.array([*TABLE["state"][:-1], "state 0" if TABLE["state"][-1] != "state 0" else "state 1"])
    every = table.set_column(table.column_names.index("state"), "state", state)
    assert "determines(city -> state)" in names_of(schema, table, table)
    assert "determines(city -> state)" not in names_of(schema, table, every)


def test_personal_columns_are_made_anew_and_related_to_nothing() -> None:
    schema, table = schema_and_table(TABLE)
    personal = TableSchema(
        columns=tuple(replace(c, entity_type="CITY") if c.name == "city" else c for c in schema.columns)
    )
    assert not [name for name in names_of(personal, table, table) if "city" in name]


def test_a_key_without_room_for_the_rows_is_no_constraint_on_them() -> None:
    schema, table = schema_and_table(TABLE)
    found = find_relations(schema, table, lambda names: table.select(list(names)))
    assert "unique(store, line)" in {constraint.name for constraint in usable_constraints(found, schema, 150)}
    assert "unique(store, line)" not in {constraint.name for constraint in usable_constraints(found, schema, 1000)}
