"""`ss-ray init` and `run --dry-run`: what they find, what they write, and that they load neither Ray nor torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from pyarrow import csv

from ss_ray.config.files import load_config, parse_config
from ss_ray.config.model import Config
from ss_ray.demo import make_patients
from ss_ray.pipelines.survey import SAMPLE_ROWS, survey_source
from tests.cli.test_main import outcome


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "visits.csv"
    csv.write_csv(make_patients(600, 2), file)
    return file


@pytest.fixture(scope="module")
def written(visits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ss_ray.cli.survey import survey_yaml

    file = tmp_path_factory.mktemp("out") / "ss-ray.yaml"
    file.write_text(survey_yaml(survey_source(Config(), str(visits)), str(file)))
    return file


def test_the_file_is_valid_as_it_is_and_sets_the_defaults(written: Path) -> None:
    assert load_config(written) == Config()
    assert load_config(written).generation.num_records == 1000


def test_every_finding_is_valid_where_its_comment_is_taken_away(written: Path) -> None:
    lines = written.read_text().splitlines()
    start = lines.index("# data:")
    config = parse_config(yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines[start:])))
    assert config.data.group_training_examples_by == "patient_id"
    assert config.data.order_training_examples_by == "admitted"
    assert config.data.columns["birth_date"].entity == "date_of_birth"
    assert {"order(admitted <= discharged)", "determines(city -> state)"} <= {c.name for c in config.listed_constraints}


def test_a_dry_run_shows_types_group_and_time_and_writes_nothing(
    visits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = outcome(["run", "--data", str(visits), "--dry-run", "-n", "50", "--target", "sex"], capsys)
    assert code == 0
    assert re.search(r"^  ssn +\w+ +0% +pseudonym US_SSN ", out, re.MULTILINE)
    assert "suggested is group 'patient_id' and order 'admitted'" in out
    assert re.search(r"^Marks +pseudonym: .*; -: nothing is done$", out, re.MULTILINE)
    assert re.search(r"^Estimate +About \d+ seconds on two cores, and 1\.0 GB", out, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []
    assert outcome(["run", "--data", str(visits)], capsys)[0] == 2
    assert outcome(["preview", str(visits), "-n", "50", "--target", "sex"], capsys)[:2] == (0, out)


def test_it_looks_at_no_value_of_a_person(visits: Path, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = written.read_text() + outcome(["run", "--data", str(visits), "--dry-run"], capsys)[1]
    table = csv.read_csv(visits)
    for name in ("first_name", "last_name", "email", "phone", "ssn", "street_address"):
        words = {str(value) for value in table.column(name).to_pylist() if value is not None and len(str(value)) > 4}
        assert not [word for word in words if re.search(rf"\b{re.escape(word)}\b", shown)]


def test_an_init_does_not_replace_a_file(
    visits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ss-ray.yaml").write_text("mine")
    code, _, err = outcome(["init", str(visits)], capsys)
    assert (code, "is there already; give --force" in err) == (2, True)
    assert Path("ss-ray.yaml").read_text() == "mine"
    assert outcome(["init", str(visits), "--force"], capsys)[0] == 0
    assert load_config("ss-ray.yaml") == Config()


def test_rows_are_counted_in_parquet_and_estimated_in_text(tmp_path: Path) -> None:
    table = make_patients(3 * SAMPLE_ROWS, 2).select(["patient_id", "sex", "cost", "admitted"])
    csv.write_csv(table, tmp_path / "t.csv")
    pq.write_table(table, tmp_path / "t.parquet")
    exact = survey_source(Config(replace_pii=None), str(tmp_path / "t.parquet"))
    assert (exact.rows, exact.is_exact) == (len(table), True)
    estimated = survey_source(Config(replace_pii=None), str(tmp_path / "t.csv"))
    assert not estimated.is_exact
    assert abs(estimated.rows / len(table) - 1) < 0.1


def test_strange_headers_end_no_comment(tmp_path: Path) -> None:
    from ss_ray.cli.survey import survey_yaml

    (tmp_path / "t.csv").write_text('"a: #b","yes","line\nbreak"\n' + "1,2,3\n" * 300)
    text = survey_yaml(survey_source(Config(), str(tmp_path / "t.csv")), "x")
    assert parse_config(yaml.safe_load(text)) == Config()
    lines = text.splitlines()
    data = "\n".join(line.removeprefix("# ") for line in lines[lines.index("# data:") :])
    assert list(yaml.safe_load(data)["data"]["columns"]) == ["a: #b", "yes", "line\nbreak"]


def test_a_dry_run_loads_neither_ray_nor_torch(visits: Path) -> None:
    code = (
        "import sys; from ss_ray.cli.main import main\n"
        f"main(['run', '--data', {str(visits)!r}, '--dry-run'])\n"
        "print({'ray', 'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.endswith("set()\n")
