"""Replacement of personal data as a job of its own, on a local Ray of two CPUs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

from ss_ray.cli.summaries import replacement_summary
from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.demo import make_patients
from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pipelines.replace_pii import ReplacementReport, replace_table

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

PERSONAL = ("first_name", "last_name", "email", "phone", "ssn", "street_address")


def asked(resources: dict[str, Any] | None = None, **replace_pii: Any) -> Config:
    return parse_config({"replace_pii": replace_pii, "resources": resources or {}})


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "patients.csv"
    csv.write_csv(make_patients(6_000, 1), file)
    return file


@pytest.fixture(scope="module")
def finished(patients: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReplacementReport, Path]:
    out = tmp_path_factory.mktemp("runs") / "clean"
    os.environ["SS_RAY_TEST_KEY"] = "a key of the tests, 32 bytes long"
    config = asked({"num_pii_workers": 2}, key_env="SS_RAY_TEST_KEY")
    return replace_table(config, patients, out, csv=True), out


def test_table_csv_and_report_are_written_and_nothing_personal_is_left(
    finished: tuple[ReplacementReport, Path], patients: Path
) -> None:
    report, out = finished
    before, after = pd.read_csv(patients, dtype=str), pd.read_csv(out / "release/table.csv", dtype=str)
    assert report.num_rows == len(before) == len(after)
    assert list(after.columns) == list(before.columns)
    assert before["department"].equals(after["department"])
    assert sorted(p.name for p in (out / "release").iterdir()) == [
        "pii_report.html", "pii_report.json", "table", "table.csv",
    ]  # fmt: skip
    released = "".join(p.read_text() for p in (out / "release").iterdir() if p.suffix in (".html", ".json", ".csv"))
    for name in PERSONAL:
        assert not (before[name] == after[name]).any()
    assert not [1 for value in set(before["email"].dropna()) if value in released]
    manifests = "".join(p.read_text() for p in (out / "manifest").iterdir())
    replaced_stage = json.loads((out / "manifest/replace_pii.json").read_text())
    assert not [1 for value in set(before["ssn"]) if value in json.dumps(replaced_stage)]
    assert "a key of the tests" not in manifests + released


def test_notes_agree_with_their_rows_and_people_with_themselves(
    finished: tuple[ReplacementReport, Path], patients: Path
) -> None:
    _, out = finished
    before, after = pd.read_csv(patients, dtype=str), pd.read_csv(out / "release/table.csv", dtype=str)
    for name in PERSONAL:  # one value, one stand-in, over all slices and workers; names of both sexes follow the row
        pairs = pd.DataFrame({"before": before[name], "sex": before["sex"], "after": after[name]}).dropna()
        assert (pairs.groupby(["before", "sex"])["after"].nunique() == 1).all()
    two_names = before["last_name"] != before["first_name"]  # of Thomas Thomas nobody knows which one is meant
    before, after = before[two_names], after[two_names]
    mentioned = [last in note for last, note in zip(before["last_name"], before["note"], strict=True)]
    agrees = [last in note for last, note in zip(after["last_name"], after["note"], strict=True)]
    assert sum(mentioned) > 1000
    assert all(new for old, new in zip(mentioned, agrees, strict=True) if old)


def test_same_command_again_does_nothing_and_a_changed_one_asks(
    finished: tuple[ReplacementReport, Path], patients: Path
) -> None:
    report, out = finished
    written = {path: path.stat().st_mtime_ns for path in (out / "release/table").iterdir()}
    again = replace_table(asked(key_env="SS_RAY_TEST_KEY"), patients, out)
    assert again.result == report.result
    assert {path: path.stat().st_mtime_ns for path in (out / "release/table").iterdir()} == written
    with pytest.raises(ConfigError, match="--redo"):
        replace_table(asked(key_env="SS_RAY_TEST_KEY", operators={"PERSON": "label"}), patients, out)


def test_one_key_joins_tables_and_one_row_is_a_table(
    finished: tuple[ReplacementReport, Path], patients: Path, tmp_path: Path
) -> None:
    _, out = finished
    one = tmp_path / "one.parquet"
    pa.parquet.write_table(csv.read_csv(patients).select(["patient_id", "email", "first_name"]).slice(0, 1), one)
    report = replace_table(asked(key_env="SS_RAY_TEST_KEY"), one, tmp_path / "out", csv=True)
    after = pd.read_csv(out / "release/table.csv", dtype=str)
    assert report.num_rows == 1
    alone = pd.read_csv(tmp_path / "out/release/table.csv", dtype=str)
    assert alone["first_name"].tolist() == after["first_name"].tolist()[:1]
    assert alone["email"].tolist() == after["email"].tolist()[:1]


def test_the_summary_names_ages_that_follow_and_unchanged_columns_that_tell_rows_apart(tmp_path: Path) -> None:
    rows = 60
    born = pd.date_range("1950-01-01", periods=rows, freq="311D")
    people = pd.DataFrame(
        {
            "name": [f"{first} Miller" for first in ("Anna", "Bo", "Carl")] * (rows // 3),
            "born": born.strftime("%Y-%m-%d"),
            "age": [(pd.Timestamp("2024-06-01") - day).days * 10_000 // 3_652_425 for day in born],
            "order_code": [f"ORD-{number * 7919 % 90_000 + 10_000}" for number in range(rows)],
            "ward": ["north", "south"] * (rows // 2),
        }
    )
    people.to_csv(tmp_path / "people.csv", index=False)
    report = replace_table(asked(), tmp_path / "people.csv", tmp_path / "out")
    assert report.unchanged == ("order_code",)
    lines = replacement_summary(report, 1.0).splitlines()
    assert "follows          age: AGE, changed with the dates of born" in lines
    assert "Unchanged        order_code: nearly every row has its own value, which links it to the source" in lines
    assert "follows born" in (tmp_path / "out/release/pii_report.html").read_text()


def test_a_policy_changes_rows_and_columns(patients: Path, tmp_path: Path) -> None:
    steps = [
        {
            "columns": {"drop": [{"entity": "ssn"}], "add": [{"name": "source", "value": "'clinic'"}]},
            "rows": {
                "drop": [{"name": "department", "condition": "this == 'Cardiology'"}],
                "update": [
                    {"entity": ["first_name", "last_name", "email"], "value": "column.entity | fake"},
                    {"type": "text", "value": "this | fake_entities"},
                ],
            },
        }
    ]
    report = replace_table(asked(steps=steps), patients, tmp_path / "out", csv=True)
    before, after = pd.read_csv(patients, dtype=str), pd.read_csv(tmp_path / "out/release/table.csv", dtype=str)
    assert "ssn" not in after.columns
    assert set(after["source"]) == {"clinic"}
    assert "Cardiology" not in set(after["department"])
    assert report.num_rows == len(after) == (before["department"] != "Cardiology").sum()
    assert set(before["email"].dropna()).isdisjoint(after["email"].dropna())


def test_what_cannot_be_done_is_refused_and_leaves_nothing(patients: Path, tmp_path: Path) -> None:
    for config, error, message in (
        (asked(key_env="SS_RAY_NO_SUCH_KEY"), ConfigError, "SS_RAY_NO_SUCH_KEY"),
        (asked(globals={"lock_columns": ["shoe"]}), ConfigError, "'shoe'"),
        (asked(operators={"email": "drop_row"}, person_id="shoe"), ConfigError, "'shoe'"),
        (parse_config({"replace_pii": None}), ConfigError, "null"),
    ):
        with pytest.raises(error, match=message):
            replace_table(config, patients, tmp_path / "refused")
    assert not (tmp_path / "refused/release/table").exists()


def test_unknown_columns_stop_the_job_when_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("ssn,fee\n" + "\n".join(f"see file {i} of the archive,{i}" for i in range(30)))
    with pytest.raises(PrivacyError, match="'ssn'"):
        replace_table(asked(on_undetected="stop"), file, tmp_path / "stopped")
    report = replace_table(asked(), file, tmp_path / "masked", csv=True)
    assert set(pd.read_csv(report.csv)["ssn"]) == {"[REDACTED]"}


def test_the_dialect_of_a_table_is_told_and_recorded(tmp_path: Path) -> None:
    rows = "".join(f"{n};Zoé;{n},50\r\n" for n in range(30))
    (tmp_path / "paid.csv").write_bytes(f";name;paid\r\n{rows}".encode("cp1252"))
    report = replace_table(asked(), tmp_path / "paid.csv", tmp_path / "out", csv=True)
    assert report.reading == (
        'paid.csv: CSV, separator ";", decimal comma, cp1252; dropped the index column without a name (column 1)'
    )
    recorded = json.loads((tmp_path / "out/manifest/read.json").read_text())["result"]["dialect"]
    assert (recorded["separator"], recorded["decimal"], recorded["encoding"]) == (";", ",", "cp1252")
    assert (tmp_path / "out/release/table.csv").read_text(encoding="utf8").startswith("name,paid\n")
