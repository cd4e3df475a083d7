"""Statistics that add up, the checklist, and a page that shows no original and no markup of a cell."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.location import Location
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.report import ReportFindings, make_pii_report, write_pii_report
from ss_ray.pii.rules import make_pii_plan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.statistics import Counts, add_counts, few, safe_harbor, type_statistics
from ss_ray.pii.survivors import ScanResult
from ss_ray.pii.uniqueness import count_together, hash_kept
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

KEY = b"a key of the tests, 32 bytes long"
TABLE = pa.table(
    {
        "name <b>": ["Anna Quux", "Bo Zyzzy", None],
        "age": pa.array([41, 17, 41], pa.int64()),
        "note": ["call Anna Quux at 212-555-0147", "fine", None],
        "fee": [1.5, 2.25, 3.5],
    }
)
TYPES = {"name <b>": "PERSON", "age": "AGE", "note": "FREE_TEXT"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    typings = {
        name: ColumnTyping(entity_type=type_, suspected=type_, confidence=0.9, explanation=f"looks like {type_}")
        for name, type_ in TYPES.items()
    }
    schema = infer_schema(table_facts(TABLE), {}, is_text=False)
    plan = make_pii_plan(typings, schema, PiiParameters(globals={"ner": {"model": None}}))
    replacer = TableReplacer(plan, Pseudonyms(KEY))
    parts = [replacer.replace(TABLE.slice(place, 1)) for place in range(3)]
    whole = replacer.replace(TABLE)[1]
    counts = add_counts(found for _, found in parts)
    assert counts == add_counts([whole, Counts()])
    folder = tmp_path_factory.mktemp("report")
    findings = ReportFindings(
        statistics=type_statistics(counts, plan),
        scan=ScanResult(),
        kept_together=count_together([hash_kept(TABLE, ["age"])], plan),
    )
    report = make_pii_report(plan, findings, schema, counts.rows, counts.dropped_rows)
    write_pii_report(report, Location.parse(folder), "people.csv", "today")
    return folder


def test_report_counts_by_column_and_type(folder: Path):
    report = json.loads((folder / "pii_report.json").read_text())
    rows = {(row["column"], row["entity_type"]): row for row in report["statistics"]}
    assert set(rows) == {("name <b>", "PERSON"), ("note", "PERSON"), ("note", "PHONE_NUMBER")}
    assert rows["name <b>", "PERSON"]["replaced"] == 2
    assert rows["note", "PHONE_NUMBER"] | {"examples": None} == {
        "column": "note",
        "entity_type": "PHONE_NUMBER",
        "operator": "pseudonym",
        "found_by": "found in text",
        "confidence": None,
        "cells": 2,
        "touched": 1,
        "replaced": 1,
        "examples": None,
    }
    searches = {row["column"]: row["search"] for row in report["searches"]}
    assert searches["name <b>"] == "every cell is treated as PERSON (pseudonym)"
    assert searches["fee"].startswith("no text to search")
    assert [rule["name"] for rule in report["kept"]] == ["age"]
    together = report["kept_together"]
    assert (together["columns"], together["rows"], together["unique_rows"]) == (["age"], 3, 1)
    assert "1 of 3 rows (33.3%)" in (folder / "pii_report.html").read_text()


def test_report_shows_stand_ins_and_no_original(folder: Path):
    text = (folder / "pii_report.json").read_text() + (folder / "pii_report.html").read_text()
    for original in ("Quux", "Zyzzy", "Anna", "555-0147"):
        assert original not in text
    assert Pseudonyms(KEY).stand_in("PERSON", "Anna Quux") in text
    assert "<b>" not in (folder / "pii_report.html").read_text()
    assert "http" not in (folder / "pii_report.html").read_text().replace("http-equiv", "")


def test_checklist_names_what_was_replaced_kept_and_not_found(folder: Path):
    items = {item["letter"]: item for item in json.loads((folder / "pii_report.json").read_text())["safe_harbor"]}
    assert len(items) == 18
    assert items["A"]["treatment"] == "replaced"
    assert items["A"]["where"] == ["name <b>: PERSON, pseudonym", "note: PERSON, pseudonym"]
    assert items["C"]["treatment"] == "kept: look at it"
    assert items["F"]["treatment"] == "not found"
    assert items["Q"]["treatment"].startswith("not applicable")


def test_one_kept_column_of_an_identifier_is_enough_to_say_so():
    treated = [
        ("a", "EMAIL_ADDRESS", Operator.PSEUDONYM),
        ("b", "EMAIL_ADDRESS", Operator.KEEP),
        ("t", "TICKET", "mask"),
    ]
    items = {item.letter: item for item in safe_harbor(treated)}
    assert items["F"].treatment == "kept: look at it"
    assert items["R"].where == ("t: TICKET, mask",)


def test_examples_are_few_short_and_the_same_however_the_table_is_cut():
    assert few(["b", "a", "c", "d", "x" * 61]) == frozenset({"a", "b", "c"})
    one = Counts(examples={("c", "T"): frozenset("ab")}, replaced=Counter({("c", "T"): 1}))
    other = Counts(examples={("c", "T"): frozenset("cd")}, replaced=Counter({("c", "T"): 2}))
    assert add_counts([one, other]) == add_counts([other, one])
    assert add_counts([one, other]).examples["c", "T"] == frozenset("abc")


CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")
def test_page_is_drawn_by_a_browser(folder: Path, tmp_path: Path):
    picture = tmp_path / "page.png"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,1800")
    command = [CHROMIUM, *options, f"--screenshot={picture}", (folder / "pii_report.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 10_000
