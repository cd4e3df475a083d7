"""Schemas of other tools: what they declare is read, what has no counterpart is said, and a run's schema goes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ss_ray.config.files import parse_config
from ss_ray.config.foreign.exchange import read_schema_file, write_schema
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, TableSchema

# As pandera 0.35 writes it.
PANDERA = """
schema_type: dataframe
api: pandas
columns:
  id: {dtype: int64, unique: true, greater_than: 0}
  price:
    dtype: float64
    nullable: true
    in_range: {min_value: 0, max_value: 100, include_min: true, include_max: true}
  city:
    dtype: string[python]
    isin: [Bern, Chur]
  code: {dtype: 'string[python]', str_matches: '^[A-Z]{2}\\d{3}$'}
  at: {dtype: 'datetime64[ns]', greater_than_or_equal_to: '2024-01-01 00:00:00'}
  name: {dtype: 'string[python]', str_length: {min_value: 1, max_value: 9, exact_value: null}}
  ^x_.*: {dtype: float64, regex: true}
unique: [city, code]
"""


def read(tmp_path: Path, content: Any) -> tuple[dict[str, Any], list[str]]:
    """The sections of a schema, as YAML gives them, and its unread rules."""
    file = tmp_path / "schema.yaml"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    declared = read_schema_file(str(file))
    sections = yaml.safe_load(declared.to_yaml()) or {}
    parse_config(sections)
    return sections, declared.unread


def test_a_schema_of_pandera_becomes_columns_and_constraints(tmp_path: Path):
    sections, unread = read(tmp_path, PANDERA)
    assert sections["data"]["columns"] == {
        "id": {"kind": "integer", "nullable": False, "minimum": 1},
        "price": {"kind": "float", "nullable": True, "minimum": 0, "maximum": 100},
        "city": {"nullable": False, "values": ["Bern", "Chur"]},
        "code": {"nullable": False},
        "at": {"kind": "datetime", "nullable": False, "minimum": "2024-01-01 00:00:00"},
        "name": {"nullable": False},
    }
    assert sections["constraints"] == [
        {"type": "unique", "columns": ["id"]},
        {"type": "format", "column": "code", "pattern": r"[A-Z]{2}\d{3}"},
        {"type": "unique", "columns": ["city", "code"]},
    ]
    assert [sentence.partition(":")[0] for sentence in unread] == ["name", "^x_.*"]


def test_older_schemas_of_pandera_keep_their_checks_in_a_section(tmp_path: Path):
    checks = {"greater_than_or_equal_to": {"value": 3, "options": {"raise_warning": False}}, "isin": {"value": [3, 4]}}
    sections, _ = read(tmp_path, {"columns": {"n": {"dtype": "int64", "nullable": False, "checks": checks}}})
    assert sections["data"]["columns"]["n"] == {"kind": "integer", "nullable": False, "minimum": 3, "values": [3, 4]}


def test_a_table_schema_becomes_columns_and_constraints(tmp_path: Path):
    fields = [
        {"name": "id", "type": "integer", "constraints": {"required": True, "unique": True, "exclusiveMinimum": 0}},
        {"name": "price", "type": "number", "constraints": {"minimum": 0.5, "exclusiveMaximum": 10}},
        {"name": "day", "type": "date", "constraints": {"minimum": "2024-01-01"}},
        {"name": "size", "type": "string", "constraints": {"enum": ["S", "M"], "minLength": 1}},
        {"name": "code", "constraints": {"pattern": "[A-Z]{3}"}},
        {"name": "place", "type": "geopoint"},
    ]
    keys = [{"fields": "place", "reference": {"resource": "places", "fields": "id"}}]
    schema = {"fields": fields, "primaryKey": ["id", "day"], "foreignKeys": keys}
    sections, unread = read(tmp_path, {"resources": [{"name": "orders", "schema": schema}]})
    assert sections["data"]["columns"] == {
        "id": {"kind": "integer", "nullable": False, "minimum": 1},
        "price": {"kind": "float", "minimum": 0.5, "maximum": 10},
        "day": {"kind": "date", "minimum": "2024-01-01", "nullable": False},
        "size": {"values": ["S", "M"]},
    }
    assert {"type": "unique", "columns": ["id", "day"]} in sections["constraints"]
    assert {"type": "format", "column": "code", "pattern": "[A-Z]{3}"} in sections["constraints"]
    assert unread == [
        "price: the maximum itself is not allowed; here it is",
        "size: minLength has no counterpart",
        "place: keys of other tables are not read",
    ]


@pytest.mark.parametrize("key", ["type", "expectation_type"])
def test_a_suite_of_great_expectations_becomes_columns_and_constraints(tmp_path: Path, key: str):
    expectations = [
        ("expect_column_to_exist", {"column": "age"}),
        ("expect_column_values_to_be_between", {"column": "age", "min_value": 0, "max_value": 120}),
        ("expect_column_values_to_be_in_set", {"column": "sex", "value_set": ["f", "m", None]}),
        ("expect_column_values_to_not_be_null", {"column": "sex"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["age", "sex"]}),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "end", "column_B": "start", "or_equal": True},
        ),
        ("expect_column_values_to_match_regex", {"column": "code", "regex": "^AB"}),
        ("expect_column_values_to_be_unique", {"column": "code", "mostly": 0.9}),
        ("expect_column_mean_to_be_between", {"column": "age", "min_value": 30}),
    ]
    sections, unread = read(
        tmp_path, {"expectations": [{key: kind, "kwargs": kwargs} for kind, kwargs in expectations]}
    )
    assert sections["data"]["columns"] == {
        "age": {"minimum": 0, "maximum": 120},
        "sex": {"values": ["f", "m"], "nullable": False},
    }
    assert sections["constraints"] == [
        {"type": "unique", "columns": ["age", "sex"]},
        {"type": "order", "low": "start", "high": "end", "strict": False},
        {"type": "format", "column": "code", "pattern": "AB.*"},
    ]
    assert [sentence.partition(":")[0] for sentence in unread] == ["code", "age"]


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "{}", '{"fields": [1]}', '{"columns": [1]}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str):
    with pytest.raises(ConfigError, match=r"schema\.yaml"):
        read(tmp_path, content)


@pytest.mark.parametrize("form", ["frictionless", "pandera"])
def test_what_goes_out_comes_back(tmp_path: Path, form: Any):
    schema = TableSchema(
        columns=(
            ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=120),
            ColumnSchema(name="score", kind=Kind.FLOAT, arrow_type="double", minimum=0.5, maximum=2.5, nullable=True),
            ColumnSchema(name="size", kind=Kind.CATEGORY, arrow_type="string", values=("M", "S")),
        )
    )
    sections, unread = read(tmp_path, write_schema(schema, form))
    columns = sections["data"]["columns"]
    assert unread == []
    assert (columns["age"]["minimum"], columns["age"]["maximum"], columns["age"]["nullable"]) == (0, 120, False)
    assert (columns["score"]["minimum"], columns["score"]["maximum"]) == (0.5, 2.5)
    assert columns["size"]["values"] == ["M", "S"]
