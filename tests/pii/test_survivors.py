"""The second scanner: what it reads, what it finds again, and what it lets pass."""

import ast
from pathlib import Path

import pyarrow as pa
import pytest

from ss_ray.errors import PrivacyError
from ss_ray.pii import identifiers as identifiers_module
from ss_ray.pii import survivors
from ss_ray.pii.identifiers import CARD, EMAIL, IBAN, IP, KINDS, PHONE, SECRET_URL, SSN, identifiers
from ss_ray.pii.survivors import (
    add_scans,
    merge_originals,
    read_originals,
    require_none_survived,
    scan_rows,
    scan_table,
    without_chance,
)

READ = [  # text, kind, key
    ("write to Anna.Li@mail.corp, please", EMAIL, "anna.li@mail.corp"),
    ("联系anna@firma.de谢谢", EMAIL, "anna@firma.de"),
    ("mail_anna@firma.de_", EMAIL, "anna@firma.de"),
    ("an\u200bna@firma.de", EMAIL, "anna@firma.de"),
    ("call (415) 229-1234", PHONE, "4152291234"),
    ("tel４１５-２２９-１２３４", PHONE, "4152291234"),
    ("+49 (0)89 1234567", PHONE, "490891234567"),
    ("45 415-229-1234", PHONE, "4152291234"),
    ("ssn_219-09-9998_", SSN, "219099998"),
    ("SSNx219/09/9998", SSN, "219099998"),
    ("卡号4111111111111111请", CARD, "4111111111111111"),
    ("card 4111-1111-1111-1111", CARD, "4111111111111111"),
    ("Amex 3782 822463 10005", CARD, "378282246310005"),
    ("DE89 3704 0044 0532 0130 00 by noon", IBAN, "de89370400440532013000"),
    ("from 8.8.4.4 on", IP, "8.8.4.4"),
    ("from 2001:470:1f:9::1 on", IP, "2001:470:1f:9::1"),
    ("postgres://user:pw@db.firma.de:5432/x", SECRET_URL, "user:pw@db.firma.de"),
]
NOTHING = [
    "order 123-45-6789012",
    "000-12-3456 and 666-12-3456",
    "4111111111111112",
    "DE88 3704 0044 0532 0130 00",
    "version v1.2.3.4 of 300.1.1.1",
    "at 12:30:45, 00:1B:44:11:3A:B7",
    "123e4567-e89b-12d3-a456-426614174000",
    "@anna, a@b, anna@",
    "https://example.com/a:b@c",
    "2024-05-03 12:00",
]


@pytest.mark.parametrize(("text", "kind", "key"), READ)
def test_identifiers_are_read_in_any_spelling(text, kind, key):
    assert (kind, key) in {(found.kind, found.key) for found in identifiers(text)}


@pytest.mark.parametrize("text", NOTHING)
def test_other_numbers_and_words_are_no_identifiers(text):
    assert identifiers(text) == frozenset()


def table(**columns):
    return pa.table({name: pa.array(values) for name, values in columns.items()})


BEFORE = table(note=["mail anna@firma.de", "ssn 219-09-9998", "nothing"], plan=["a", "b", "c"])


@pytest.mark.parametrize(
    ("plan", "survived"),
    [
        (["ANNA@firma.de", "b", "c"], {("plan", EMAIL): 1}),
        (["a", "219 09 9998", "c"], {("plan", SSN): 1}),
        (["a", "x219099998x", "c"], {("plan", SSN): 1}),
        (["a", "anna@firma.de", "c"], {}),  # another row's
        (["a", "b", "c"], {}),
    ],
)
def test_a_value_of_the_row_is_found_in_any_column_and_spelling(plan, survived):
    after = table(note=["mail bo@example.org", "ssn 900-00-0001", "nothing"], plan=plan)
    scan = scan_rows(BEFORE, after)
    assert dict(scan.survived) == survived
    assert dict(scan.found) == {("note", EMAIL): 1, ("note", SSN): 1}
    assert dict(scan.searched) == {"note": 3, "plan": 3}


def test_columns_and_kinds_that_may_stay_are_left_out():
    assert scan_rows(BEFORE, BEFORE, skip=("note",)).survived == {}
    assert set(scan_rows(BEFORE, BEFORE, kinds=(SSN,)).survived) == {("note", SSN)}


def test_numbers_of_an_integer_column_are_looked_for_in_strings():
    before = table(card=[4111111111111111, 12], note=["", ""])
    assert dict(scan_rows(before, table(card=[1, 2], note=["4111 1111 1111 1111", ""])).survived) == {("note", CARD): 1}


def test_where_rows_were_dropped_all_rows_are_looked_for():
    after = table(note=["ssn 219-09-9998", "nothing"], plan=["anna@firma.de", "c"])
    assert dict(scan_rows(BEFORE, after).survived) == {("note", SSN): 1, ("plan", EMAIL): 1}


def test_a_survivor_stops_the_job_by_column_and_count_and_never_by_value():
    scans = [scan_rows(BEFORE, BEFORE), scan_rows(BEFORE, BEFORE)]
    with pytest.raises(PrivacyError, match="'note': 2 x e-mail address; 'note': 2 x social security") as error:
        require_none_survived(add_scans(scans), "the replaced table")
    assert error.value.column == "note"
    assert "anna" not in str(error.value)
    assert "219" not in str(error.value)


def test_the_values_of_all_rows_are_looked_for_in_a_synthetic_table():
    originals = merge_originals([read_originals(BEFORE), read_originals(BEFORE)])
    made = table(note=["hello", None, "219 09 9998, jo@firma.de"])
    scan = scan_table(made, originals)
    assert dict(scan.survived) == {("note", SSN): 1}
    assert dict(scan.found) == {("note", SSN): 1, ("note", EMAIL): 1}
    assert dict(without_chance(scan, originals).survived) == {("note", SSN): 1}


def test_stand_ins_of_ranges_that_nobody_has_are_no_originals():
    before = table(note=["(212) 555-0147", "bo@example.org", "900-12-3456", "192.0.2.7"])
    assert len(read_originals(before).hashes) == 0
    assert len(scan_rows(before, before).survived) == 3  # of their own row they are; 900 is no SSN


def test_chance_explains_few_matches_among_many_numbers_and_none_among_few():
    def scanned(people: int, hits: int):
        numbers = [f"+1{2_000_000_000 + i}" for i in range(hits)]
        originals = read_originals(table(note=numbers))
        originals.counts[PHONE] = people
        scan = scan_table(table(note=numbers), originals)
        scan.found["note", PHONE] = people
        return without_chance(scan, originals).survived

    assert scanned(3_000, 1) != {}
    assert scanned(100_000, 10) == {}  # 10 are expected
    assert scanned(100_000, 25) != {}


def test_the_scanner_shares_no_pattern_with_the_detector():
    """A fault of a pattern must not be a fault of its check."""
    sources = [Path(module.__file__).read_text() for module in (survivors, identifiers_module)]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    used = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {module for module in used if module.startswith("ss_ray.pii")} <= {
        "ss_ray.pii",  # names of entity types
        "ss_ray.pii.cells",
        "ss_ray.pii.identifiers",
        "ss_ray.pii.rules",
    }
    assert "presidio_analyzer" not in used
    assert len(KINDS) == 7
