"""The process that looks at tables, and the service's side of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serve.errors import TooManyError, UnusableError
from serve.looks.looker import MOST_WAITING, Looker
from ss_ray.errors import ResourceError
from ss_ray.privacy.ledger.ledger import Ledger

SECRET = "Zaphod Beeblebrox"


def write_visits(folder: Path) -> Path:
    file = folder / "visits.csv"
    rows = [f"P-{n // 3:05},{SECRET},2024-01-{1 + n % 28:02},2024-02-{1 + n % 28:02},{n}" for n in range(120)]
    file.write_text("patient_id,name,admitted,discharged,cost\n" + "\n".join(rows))
    return file


def question(file: Path, ask: str = "survey", **changes: Any) -> dict[str, Any]:
    place = {"data": str(file), "content": None, "ledger": None, "dataset": None, "digests": []}
    return {"ask": ask, "config": {}, **place, **changes}


def test_a_survey_tells_rows_columns_group_rules_and_time(looker: Looker, tmp_path: Path):
    answer = looker.ask(question(write_visits(tmp_path), ledger=f"sqlite:///{tmp_path}/none.sqlite"))
    survey = answer["survey"]
    assert answer["columns"] == ["patient_id", "name", "admitted", "discharged", "cost"]
    assert len(answer["rows"]) == 20
    assert answer["rows"][0] == ["P-00000", SECRET, "2024-01-01", "2024-02-01", "0"]
    assert {column["name"]: column["kind"] for column in survey["columns"]}["admitted"] == "date"
    assert survey["columns"][0]["entity_type"] == "UNIQUE_ID"
    assert 0 < survey["columns"][0]["confidence"] <= 1
    assert (survey["repeated"]["column"], survey["order"]) == ("patient_id", "admitted")
    assert survey["seconds"] > 0
    assert answer["balances"] == []
    assert not (tmp_path / "none.sqlite").exists()


def test_a_preview_follows_the_configuration_and_masks_originals(looker: Looker, tmp_path: Path):
    file = write_visits(tmp_path)
    config = {"data": {"columns": {"name": {"entity": "PERSON"}}}}
    preview = looker.ask(question(file, "preview", config=config))["preview"]
    (name,) = [column for column in preview["columns"] if column["name"] == "name"]
    assert (name["entity_type"], name["samples"][0]["before"]) == ("PERSON", "Z... (long)")
    assert SECRET not in str(preview)
    assert [found.name for found in tmp_path.iterdir()] == ["visits.csv"]


def test_an_estimate_grows_with_the_rows_that_are_asked_for(looker: Looker, tmp_path: Path):
    file = write_visits(tmp_path)
    few, many = (
        looker.ask(question(file, "estimate", config={"generation": {"num_records": rows}}))["seconds"]
        for rows in (100, 1_000_000)
    )
    assert few < many


def test_the_budget_of_a_data_set_is_found_by_its_name(looker: Looker, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    Ledger(url).set_budget("clinic", "row", epsilon=4.0, delta=1e-6)
    (balance,) = looker.ask(question(write_visits(tmp_path), ledger=url, dataset="clinic"))["balances"]
    assert balance == {"dataset": "clinic", "privacy_unit": "row", "epsilon": 4.0, "delta": 1e-6, "committed": 0.0}


def test_a_table_that_cannot_be_read_is_refused_without_its_cells(looker: Looker, tmp_path: Path):
    file = tmp_path / "broken.parquet"
    file.write_text(SECRET)
    with pytest.raises(UnusableError) as refusal:
        looker.ask(question(file))
    assert SECRET not in str(refusal.value)


def test_a_file_that_was_changed_is_read_again(looker: Looker, tmp_path: Path):
    asked = question(write_visits(tmp_path), ledger=f"sqlite:///{tmp_path}/none.sqlite")
    assert len(looker.ask(asked)["columns"]) == 5
    (tmp_path / "visits.csv").write_text("a,b\n1,2\n")
    assert looker.ask(asked)["columns"] == ["a", "b"]


def test_one_question_too_many_is_refused(tmp_path: Path):
    crowded = Looker()
    for _ in range(MOST_WAITING):
        crowded._places.acquire()
    with pytest.raises(TooManyError, match="try again"):
        crowded.ask(question(tmp_path))


def test_a_look_that_takes_too_long_is_ended_and_the_next_one_works(tmp_path: Path):
    file = write_visits(tmp_path)
    hurried = Looker(seconds=0.01)
    with pytest.raises(ResourceError, match="could not be looked at"):
        hurried.ask(question(file, "estimate"))
    hurried.seconds = 60.0
    assert "survey" in hurried.ask(question(file, ledger=f"sqlite:///{tmp_path}/none.sqlite"))
    hurried.stop()
