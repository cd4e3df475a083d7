"""A request that names a column which the source lacks is refused by its header alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ss_ray.config.files import parse_config
from ss_ray.errors import DataError
from ss_ray.pipelines.names import check_names


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "visits.csv"
    file.write_text("patient,when,cost\n" + "".join(f"p{row % 9},2024-01-{row + 1:02d},{row}\n" for row in range(28)))
    return file


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"evaluation": {"target": "costs"}},
            r"evaluation.target \(target\): there is no column 'costs'; did you mean 'cost'\?",
        ),
        (
            {"evaluation": {"target": "x"}},
            r"evaluation.target \(target\): there is no column 'x' \(the table has 'patient', 'when', 'cost'\)$",
        ),
        ({"data": {"columns": {"Cost": {"kind": "integer"}}}}, "data.columns: .*'Cost'; did you mean 'cost'"),
        (
            {"data": {"group_training_examples_by": "patients"}},
            r"data.group_training_examples_by \(group\): .*'patients'",
        ),
        ({"constraints": [{"type": "unique", "columns": ["patient", "wen"]}]}, r"constraints\[0\]: .*'wen'"),
        ({"replace_pii": {"globals": {"lock_columns": ["kost"]}}}, "lock_columns: .*'kost'"),
    ],
)
def test_a_missing_column_is_named_with_the_setting_and_a_similar_one(
    visits: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_names(parse_config(values), visits)


def test_columns_that_are_there_pass(visits: Path) -> None:
    check_names(parse_config({"evaluation": {"target": "cost"}}), visits)


def test_a_refused_command_leaves_no_directory_and_loads_no_model(visits: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from ss_ray.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(sorted({'ray', 'torch'} & set(sys.modules)))"
    )
    command = ["run", "--data", str(visits), "--out", str(tmp_path / "out"), "--set", "evaluation.target=costs"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "[]\n")
    assert "did you mean 'cost'" in done.stderr
    assert not (tmp_path / "out").exists()
