"""Typing of columns before replacement: a sample for all, every value for categories."""

import pyarrow as pa

from ss_ray.config_pii import PiiParameters
from ss_ray.pii.entities import FREE_TEXT
from ss_ray.pii.rules import make_pii_plan, updated_schema
from ss_ray.pii.stage import type_columns
from ss_ray.schema import ColumnSchema, Kind, TableSchema


def test_a_category_is_searched_although_its_pii_is_too_rare_for_the_sample():
    values = ("call Anna +1 212 555 0147", "phone", "shop", "web")
    schema = TableSchema(
        columns=(ColumnSchema(name="channel", kind=Kind.CATEGORY, arrow_type="string", values=values),)
    )
    sample = pa.table({"channel": ["web", "shop", "phone"] * 50})
    typings = type_columns(sample, schema)
    assert typings["channel"].entity_type == FREE_TEXT
    plan = make_pii_plan(typings, schema, PiiParameters())
    assert plan.text_columns == ("channel",)
    assert updated_schema(schema, plan)["channel"].values is None  # the real values are no tokens any more
