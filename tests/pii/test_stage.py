"""Typing of columns before replacement: a sample for all, every value for categories."""

import datetime as dt
import inspect
import pickle
from pathlib import Path

import pyarrow as pa

from ss_ray.config.pii import PiiParameters
from ss_ray.location import Location
from ss_ray.pii.entities import FREE_TEXT
from ss_ray.pii.key_file import shared_key
from ss_ray.pii.planning import type_columns
from ss_ray.pii.rules import make_pii_plan, updated_schema
from ss_ray.pii.stage import _Item, _replace_worker
from ss_ray.pii.stand_ins.ages import AgeColumn
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from ss_ray.tables.parts import PartWriter, part_slices


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


def test_the_stand_in_key_travels_as_the_name_of_a_file_that_ends_with_the_stage(tmp_path: Path):
    key = bytes(range(32))
    internal = Location.parse(tmp_path)
    with shared_key(key, internal) as shared:
        for form in (pickle.dumps(shared), repr(shared).encode()):
            assert key not in form
            assert key.hex().encode() not in form
        assert pickle.loads(pickle.dumps(shared)).read() == key
    assert list(tmp_path.iterdir()) == []


def test_no_stage_gives_the_key_itself_to_its_actors():
    """What `map_items` sends is read in Ray's state API and object store."""
    names = {name: parameter.annotation for name, parameter in inspect.signature(_replace_worker).parameters.items()}
    assert names["shared"] == "KeyFile"
    assert not any("bytes" in str(annotation) for annotation in names.values())


def test_an_actor_replaces_a_table_of_whole_ages_beside_dates_of_birth(tmp_path: Path):
    """Ages are numbers to be searched and follow the dates of birth: they are described once."""
    births = [dt.date(1950 + n, 1 + n % 12, 1 + n % 28) for n in range(40)]
    ages = [2024 - birth.year for birth in births]
    table = pa.table({"born": births, "age": ages, "company": [f"Firm {n % 3}" for n in range(40)]})
    schema = infer_schema(table_facts(table), {}, is_text=False)
    declared = {"born": "DATE_OF_BIRTH", "age": "AGE", "company": "ORGANIZATION"}
    plan = make_pii_plan({}, schema, PiiParameters(), declared=declared)
    source = Location.parse(tmp_path / "source").make_folder()
    with PartWriter(source, "part-00000", schema.to_arrow()) as writer:
        writer.write(table)

    with shared_key(bytes(range(32)), Location.parse(tmp_path)) as shared:
        age = AgeColumn(name="age", birth="born", day=dt.date(2024, 12, 31))
        work = _replace_worker(plan, schema, (age,), None, shared, lambda rows: None)
        rows = part_slices(source.files(".parquet"), 100)[0]
        done = work(_Item(0, rows, 0, Location.parse(tmp_path / "target")))

    assert done.facts.keys() == {"born", "age", "company"}
    assert len(done.kept_hashes) == 40
