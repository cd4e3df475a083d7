"""Tables that hold nothing personal come back as they were; what is personal in them is found all the same."""

import random
import uuid

import pyarrow as pa
import pytest

from ss_ray.config.pii import PiiParameters
from ss_ray.location import Location
from ss_ray.pii.planning import column_languages, type_columns
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.report import ReportFindings, make_pii_report, write_pii_report
from ss_ray.pii.rules import PiiPlan, make_pii_plan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.statistics import Counts, add_counts, type_statistics, unread_texts
from ss_ray.pii.survivors import ScanResult
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

ROWS = 120
GERMAN = [
    f"{thing} {state}"
    for thing in ("Die Pumpe", "Der Aufzug", "Das Tor", "Die Lampe im Flur", "Der Drucker")
    for state in ("ist defekt.", "macht laute Geräusche.", "wurde schon repariert.", "geht nicht mehr an")
]


def replaced(columns: dict[str, list[str]]) -> tuple[dict[str, list[str]], Counts, PiiPlan, TableSchema]:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    schema = infer_schema(table_facts(table), {}, is_text=False)
    plan = make_pii_plan(type_columns(table, schema), schema, PiiParameters(), languages=column_languages(table))
    new, counts = TableReplacer(plan, Pseudonyms(b"a key of the tests, 32 bytes long")).replace(table)
    return new.to_pydict(), counts, plan, schema


@pytest.fixture(scope="module")
def codes() -> dict[str, list[str]]:
    draw = random.Random(5)

    def of(alphabet: str, length: int) -> list[str]:
        return ["".join(draw.choice(alphabet) for _ in range(length)) for _ in range(ROWS)]

    return {
        "sequence": of("ACGT", 15),
        "answers": of("ABCD", 10),
        "reference": of("ABCDEFGHJKMNPQRSTUVWXYZ23456789", 6),
        "token": of("abcdefghijklmnopqrstuvwxyz", 7),
        "trace": of("0123456789abcdef", 16),
        "structure": ["".join(draw.choices(["C", "N", "O", "Cl", "c1ccccc1", "(=O)"], k=7)) for _ in range(ROWS)],
        "span": [f"[{draw.randint(1, 400)}, {draw.randint(400, 900)}]" for _ in range(ROWS)],
        "shade": [f"rgb({draw.randint(0, 255)},{draw.randint(0, 255)},{draw.randint(0, 255)})" for _ in range(ROWS)],
        "dose": [f"{draw.randint(1000, 9999) / 1000}mg" for _ in range(ROWS)],
        "gcs": [f"E{draw.randint(1, 4)}V{draw.randint(1, 5)}M{draw.randint(1, 6)}" for _ in range(ROWS)],
        "route": [
            f"{''.join(draw.choices('ABCDEOU', k=3))}-{''.join(draw.choices('FGHIK', k=3))}" for _ in range(ROWS)
        ],
    }


def test_code_columns_are_unchanged_in_every_row(codes):
    new, _, plan, _ = replaced(codes)
    assert {name for name in codes if new[name] != codes[name]} == set()
    assert {column.name for column in plan.code_columns} >= {"sequence", "answers", "reference", "trace", "structure"}


def test_identifiers_are_replaced_in_every_row_and_stay_valid():
    draw = random.Random(6)
    keys = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(ROWS)]
    new = replaced({"uuid": keys})[0]["uuid"]
    assert len({uuid.UUID(key) for key in new}) == ROWS
    assert not set(new) & set(keys)


def test_a_mail_address_and_a_note_in_a_column_of_codes_are_still_replaced(codes):
    values = [*codes["reference"], "K7 anna.smith@clinic.org", "ask Maria Lopez about the refund"]
    new = replaced({"reference": values})[0]["reference"]
    assert new[:ROWS] == values[:ROWS]
    assert "clinic.org" not in new[ROWS]
    assert new[ROWS].startswith("K7 ")
    assert "Lopez" not in new[ROWS + 1]


def test_sentences_of_another_language_are_unchanged_and_counted(tmp_path):
    texts = [*GERMAN, "Passt perfekt!", "Herr Müller ruft wieder an, wenn er Zeit hat."]
    new, counts, plan, schema = replaced({"note": texts})
    assert new["note"][:-1] == texts[:-1]
    assert "Müller" not in new["note"][-1]
    unread = unread_texts(add_counts([counts, Counts()]))
    assert [(row.column, row.language, row.texts) for row in unread] == [("note", "de", len(texts))]

    report = make_pii_report(
        plan, ReportFindings(statistics=type_statistics(counts, plan), scan=ScanResult(), unread=unread), schema, 22, 0
    )
    write_pii_report(report, Location.parse(tmp_path), "notes.csv", "today")
    assert "names are not looked for in (de: 22)" in (tmp_path / "pii_report.html").read_text()


def test_english_notes_beside_them_lose_their_names():
    texts = ["Call Maria Lopez", "spoke w/ Maria Lopez re refund", "The pump is broken, says Maria Lopez."]
    new = replaced({"note": [*texts, *GERMAN[:2]]})[0]["note"]
    assert not any("Lopez" in text for text in new)
    assert new[3:] == GERMAN[:2]


def test_the_report_names_the_columns_of_codes_and_the_reason(codes):
    _, counts, plan, schema = replaced({"answers": codes["answers"]})
    report = make_pii_report(
        plan, ReportFindings(statistics=type_statistics(counts, plan), scan=ScanResult()), schema, ROWS, 0
    )
    assert [(column.name, column.reason) for column in report.code_columns] == [
        ("answers", "the values are capitals and digits in one piece, and no names")
    ]
    assert report.searches[0].search.startswith("every cell is searched by patterns only")
