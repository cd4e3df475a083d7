"""Texts as models read them: with a placeholder for each name and number."""

import re

import pyarrow as pa
import pytest

from ss_ray.codec.texts import train_tokenizer
from ss_ray.config.pii import PiiParameters
from ss_ray.demo import make_patients
from ss_ray.pii.identities.columns import find_identities
from ss_ray.pii.identities.placeholders import PLACEHOLDER, shape_of, spell_in_shape
from ss_ray.pii.identities.templates import TemplateWriter, write_name
from ss_ray.pii.replace import ReplacedTable, TableReplacer
from ss_ray.pii.rules import make_pii_plan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

TYPES = {
    "first_name": "FIRST_NAME",
    "last_name": "LAST_NAME",
    "phone": "PHONE_NUMBER",
    "birth_date": "DATE_OF_BIRTH",
    "provider": "PERSON",
}


def replaced(table: pa.Table) -> ReplacedTable:
    """The table after the replacement, with its templates."""
    schema = infer_schema(table_facts(table), {}, is_text=False)
    declared = {name: type_ for name, type_ in TYPES.items() if name in table.column_names}
    plan = make_pii_plan({}, schema, PiiParameters(), declared=declared)
    identities = find_identities(plan, table)
    assert identities is not None
    replacer = TableReplacer(plan, Pseudonyms(bytes(range(32))), identities=identities.by_name)
    return replacer.replace_with_templates(table)


def template_of(note: str, **row: str) -> str:
    """The template of a note beside the cells of its row."""
    cells = {"first_name": "Maria", "last_name": "Keller", "phone": "301-846-0147", **row}
    table = pa.table({name: [text] * 3 for name, text in cells.items()} | {"note": [note, f"{note} ", f" {note}"]})
    return replaced(table).templates["note"].to_pylist()[0]


@pytest.mark.parametrize(
    ("note", "template"),
    [
        ("Maria Keller rested.", "[[person.first_name]] [[person.last_name]] rested."),
        ("KELLER, MARIA: rested.", "[[person.last_name|upper]], [[person.first_name|upper]]: rested."),
        ("Maria's pulse is fine.", "[[person.first_name]]'s pulse is fine."),
        ("Call (301) 846-0147 today.", "Call [[person.phone_number|(999) 999-9999]] today."),
        ("Reached by phone (301-846-0147).", "Reached by phone ([[person.phone_number|999-999-9999]])."),
        (
            "Mr. Otto Brandt called for Maria.",
            "Mr. [[other1.first_name]] [[other1.last_name]] called for [[person.first_name]].",
        ),
        (
            "Mrs. Anna Brandt and Mr. Otto Weiss came; Brandt left.",
            "Mrs. [[other1.first_name]] [[other1.last_name]] and Mr. [[other2.first_name]] [[other2.last_name]] came; "
            "[[other1.last_name]] left.",
        ),
        ("Write to otto.brandt@mail.com about it.", "Write to [[person.email_address]] about it."),
        ("No name in this note, nor a number.", "No name in this note, nor a number."),
    ],
)
def test_each_name_and_number_becomes_a_placeholder_of_its_owner(note: str, template: str):
    assert template_of(note) == template


def test_a_date_of_birth_keeps_its_spelling_and_a_provider_is_another_person():
    note = "Born 12 Mar 1985, seen by Dr. Rosa Fernandez."
    template = template_of(note, birth_date="1985-03-12", provider="Dr. Rosa Fernandez")
    assert template == (
        "Born [[person.date_of_birth|23 Feb 2001]], seen by Dr. [[provider.first_name]] [[provider.last_name]]."
    )


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("Maria Keller", "[[p.first_name]] [[p.last_name]]"),
        ("Keller, Maria", "[[p.last_name]], [[p.first_name]]"),
        ("Dr. M. Keller", "Dr. [[p.first_initial]]. [[p.last_name]]"),
        ("Maria K.", "[[p.first_name]] [[p.last_initial]]."),
        ("Maria Anna Keller", "[[p.first_name]] [[p.middle_name]] [[p.last_name]]"),
        ("maria keller", "[[p.first_name|lower]] [[p.last_name|lower]]"),
        ("Jan van der Berg", "[[p.first_name]] [[p.last_name]]"),
        ("山田太郎", "[[p.last_name]][[p.first_name]]"),
    ],
)
def test_a_name_keeps_its_form(name: str, template: str):
    assert write_name(name, "p") == template


def test_nothing_of_a_name_or_a_phone_is_in_what_a_model_reads():
    table = make_patients(400, seed=3).select(["first_name", "last_name", "phone", "birth_date", "note"])
    done = replaced(table)
    templates = done.templates["note"].to_pylist()
    # Stand-ins are no more in it than originals.
    for rows in (table, done.table):
        for cells, template in zip(rows.to_pylist(), templates, strict=True):
            text = PLACEHOLDER.sub("", template)
            assert not {cells["first_name"].lower(), cells["last_name"].lower()} & set(re.findall(r"\w+", text.lower()))
            assert "".join(filter(str.isdecimal, cells["phone"]))[-4:] not in text

    tokens = train_tokenizer(templates, 1024).lower()
    names = {name.lower() for rows in (table, done.table) for name in rows["last_name"].to_pylist()}
    assert not [name for name in names if len(name) > 4 and f'{name}"' in tokens]


def test_the_replaced_table_is_the_same_with_and_without_templates():
    table = make_patients(50, seed=3).select(["first_name", "last_name", "phone", "note"])
    done = replaced(table)
    assert not any("[[" in text for text in done.table["note"].to_pylist())
    assert done.templates.drop_columns(["note"]) == done.table.drop_columns(["note"])


def test_a_type_that_is_kept_or_labelled_has_no_placeholder():
    assert TemplateWriter({}).write("AGE", "47", "", "") is None
    assert TemplateWriter({}).write("TICKET_ID", "T-17", "", "") is None


def test_shapes_hold_no_digit_but_9():
    assert shape_of("4000 1234 5678 9010") == "9999 9999 9999 9999"
    assert shape_of("x" * 20 + "12345") == ""
    assert spell_in_shape("3018460147", "999.999.9999") == "301.846.0147"
