"""Whatever is passed for a table, a path or a configuration: no error shows what it holds."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from ss_ray.config.files import load_config, parse_config
from ss_ray.config.model import Config, DataParameters
from ss_ray.errors import ConfigError, SsRayError
from ss_ray.location import Location
from ss_ray.pipelines.evaluate import evaluate_files
from ss_ray.pipelines.generate import generate_from
from ss_ray.pipelines.replace_pii import replace_table
from ss_ray.pipelines.run import run
from ss_ray.pipelines.stages import Stages
from ss_ray.runs.run_dir import RunDir
from ss_ray.tables.files import find_source
from tests.cli.test_main import outcome

SECRET = "Zyzzogeton"
ROWS = {"name": [SECRET, "Bo"], "age": [1, 2]}
TABLES: list[Any] = [
    pd.DataFrame(ROWS),
    pa.table(ROWS),
    ROWS,
    [ROWS],
    f"name,age\n{SECRET},1\n",
    f"name,age\n{SECRET},1\n".encode(),
    SECRET * 1000,
]
CALLS: list[Callable[[Any, Path], object]] = [
    lambda value, out: run(Config(audit_log=None), value, out),
    lambda value, out: run(value, "table.csv", out),
    lambda value, out: replace_table(Config(audit_log=None), value, out),
    lambda value, out: replace_table(value, "table.csv", out),
    lambda value, out: generate_from(value, "run", out),
    lambda value, out: evaluate_files(value, "real.csv", "synthetic.csv", out),
    lambda value, out: parse_config(value),
    lambda value, out: parse_config({"data": value}),
    lambda value, out: parse_config({"data": {"holdout": value}}),
    lambda value, out: load_config(value, ["a"]),
    lambda value, out: Location.parse(value),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
@pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__name__)
def test_no_error_shows_a_table_that_was_passed(number: int, table: Any, tmp_path: Path):
    with pytest.raises(SsRayError) as caught:
        CALLS[number](table, tmp_path / "run")
    assert SECRET not in "".join(traceback.format_exception(caught.value, chain=True))


def test_a_section_that_is_made_directly_shows_no_input():
    with pytest.raises(ValidationError) as caught:
        DataParameters(holdout=SECRET)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("override", [SECRET, f"data.holdout=[{SECRET}", f"data.holdout={SECRET}"])
def test_an_override_is_not_repeated(override: str, capsys: pytest.CaptureFixture[str]):
    code, _, err = outcome(["run", "--data", "x", "--out", "y", "--set", override], capsys)
    assert code == ConfigError.exit_code
    assert SECRET not in err


def test_a_config_file_that_is_no_yaml_is_told_by_its_line(tmp_path: Path):
    (tmp_path / "c.yaml").write_text(f"data:\n  columns: [{SECRET}\n")
    with pytest.raises(ConfigError, match="not valid YAML: line 3") as caught:
        load_config(tmp_path / "c.yaml")
    assert SECRET not in str(caught.value)


def test_unknown_keys_are_named_only_if_they_may_be_parameters():
    with pytest.raises(ConfigError, match="holdoutt: unknown parameter; did you mean 'holdout'"):
        parse_config({"data": {"holdoutt": 1}})
    with pytest.raises(ConfigError, match="a key: unknown parameter") as caught:
        parse_config({f"{SECRET} Lee": 5})
    assert SECRET not in str(caught.value)


def split_nothing() -> int:
    return 1


def test_a_damaged_manifest_shows_nothing_of_its_values(tmp_path: Path):
    run_dir = RunDir.at(tmp_path)
    stages = Stages(run_dir, Config(), redo=False)
    stages.check({})
    run_dir.write_manifest("split", {"result": {"seed": SECRET}, "seconds": 1, "key": stages.key("split")})
    with pytest.raises(ConfigError, match=r"split\.json is damaged") as caught:
        stages.run(split_nothing)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", [f"{SECRET},{SECRET}\n1,2\n", f"a,ann.{SECRET}@x.org,b\n1,2,3\n"])
def test_a_first_line_that_is_data_is_not_quoted(text: str, tmp_path: Path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SsRayError) as caught:
        find_source(tmp_path / "t.csv")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("record", [{f"{SECRET}@x.org": 1}, {"a": {SECRET: 1}}, {"a": [SECRET]}])
def test_a_json_key_is_not_quoted(record: dict[str, Any], tmp_path: Path):
    from tests.tables.rows import read_all

    (tmp_path / "t.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(SsRayError) as caught:
        read_all(tmp_path / "t.jsonl")
    assert SECRET not in str(caught.value)
