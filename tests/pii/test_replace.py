import datetime as dt
import logging
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.demo import make_patients
from ss_ray.errors import PrivacyError
from ss_ray.pii.columns.classify import classify_table
from ss_ray.pii.entities import BY_NAME
from ss_ray.pii.planning import type_columns
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import ColumnRule, PiiPlan, make_pii_plan, updated_schema
from ss_ray.pii.stand_ins.people import find_person_columns
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from ss_ray.pii.statistics import UNREADABLE, Counts
from ss_ray.pii.text.detect import Detector
from ss_ray.pii.texts import RowContext, TextReplacer
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.cells import type_table, written_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema
from tests.examples import examples

KEY = b"a key of the tests, 32 bytes long"


def plan_of(types: dict[str, str], texts: tuple[str, ...] = ("note",), **options) -> PiiPlan:
    operators = options.get("operators", {})
    rules = tuple(
        ColumnRule(
            name=name,
            entity_type=type_,
            operator=operators.get(type_, BY_NAME[type_].operator),
            confidence=1.0,
            explanation="test",
        )
        for name, type_ in types.items()
    )
    person = find_person_columns(types, options.pop("person_id", None), use_country=True)
    columns = tuple(rule for rule in rules if rule.operator is not Operator.KEEP)
    options.setdefault("ner_model", None)
    return PiiPlan(columns=columns, text_columns=texts, person=person, **options)


def replaced(table: pa.Table, plan: PiiPlan, pseudonyms: Pseudonyms) -> pa.Table:
    return TableReplacer(plan, pseudonyms).replace(table)[0]


def totals(counts: Counts) -> dict[str, int]:
    """Cells and spans replaced, by entity type."""
    found: dict[str, int] = {}
    for (_, entity_type), count in counts.replaced.items():
        found[entity_type] = found.get(entity_type, 0) + count
    return found


def note_of(row: dict, types: dict[str, str], pseudonyms: Pseudonyms, **options) -> tuple[str, dict]:
    """The note of a one-row table after the replacement, and the row."""
    plan = plan_of(types, **options)
    new = replaced(pa.table({k: [v] for k, v in row.items()}), plan, pseudonyms).to_pylist()[0]
    return new["note"], new


def test_note_agrees_with_the_columns_of_its_row(pseudonyms):
    row = {
        "first": "Anna",
        "last": "Li",
        "phone": "(212) 555-0147",
        "email": "anna.li@example.edu",
        "note": "ANNA Li's mother calls 212.555.0147 or anna.li@example.edu. Ask anna, not Joanna.",
    }
    types = {"first": "FIRST_NAME", "last": "LAST_NAME", "phone": "PHONE_NUMBER", "email": "EMAIL_ADDRESS"}
    note, new = note_of(row, types, pseudonyms)
    dotted = ".".join(re.findall(r"\d+", new["phone"]))
    first, last = new["first"], new["last"]
    assert note == f"{first.upper()} {last}'s mother calls {dotted} or {new['email']}. Ask {first.lower()}, not Joanna."


@pytest.mark.parametrize(
    ("entity_type", "value", "note"),
    [
        ("FIRST_NAME", "Jose\u0301", "saw José today"),  # decomposed and composed accent
        ("FIRST_NAME", "李", "saw 李 today"),  # one character: too short, see below
        ("PERSON", "李小龙", "李小龙来了"),  # no spaces between words
        ("PERSON", "Anna Smith", "MS. SMITH REPORTS PAIN"),
        ("PERSON", "Garcia, Maria", "saw maria garcia"),
        ("PERSON", "Ben Carter", "Ben was late"),
        ("FIRST_NAME", "Mary Ann", "told Mary so"),
        ("LAST_NAME", "van der Berg", "Mrs. Berg called"),
        ("LAST_NAME", "Weiß", "WEISS called"),
        ("LAST_NAME", "Fernández", "saw Fernandez"),
        ("LAST_NAME", "Smith-Jones", "saw Smith Jones"),
        ("LAST_NAME", "O'Brien", "saw O’Brien"),
        ("FIRST_NAME", "İpek", "saw ipek"),
        ("LAST_NAME", "O'Neil", "saw O'NEIL's son"),
        ("LAST_NAME", "von Berg", "saw VON  BERG"),
        ("FIRST_NAME", "Anna", "user anna_1984"),
        ("PHONE_NUMBER", "555-0147", "dial 555 0147"),  # no number for the detector
        ("STREET_ADDRESS", "12 Elm Road", "lives at 12 elm road, ground floor"),
        ("NATIONAL_ID", "X-12345", "passport X-12345"),
    ],
)
def test_value_of_the_row_does_not_survive_in_its_note(pseudonyms, entity_type, value, note):
    new_note, _ = note_of({"value": value, "note": note}, {"value": entity_type}, pseudonyms)
    assert (new_note == note) == (len(value) < 2)


def test_parts_of_a_full_name_get_the_parts_of_its_stand_in(pseudonyms):
    row = {"name": "Dr. Will Fernandez", "note": "Will Fernandez (Fernandez, Will) will call; Dr. Fernandez left."}
    note, new = note_of(row, {"name": "PERSON"}, pseudonyms)
    title, given, family = new["name"].split(" ")
    assert title == "Dr."
    assert note == f"{given} {family} ({family}, {given}) will call; Dr. {family} left."


def test_words_of_an_organisation_are_no_names(pseudonyms):
    row = {"provider": "Radiology Center", "note": "Radiology saw a shadow. Radiology Center will call."}
    note, new = note_of(row, {"provider": "PERSON"}, pseudonyms)
    assert note == f"Radiology saw a shadow. {new['provider']} will call."


def test_numbers_keep_their_type_and_agree_with_the_text(pseudonyms):
    table = pa.table(
        {
            "phone": pa.array([2125550147, None], pa.int64()),
            "ssn": pa.array([219099998.0, None], pa.float64()),
            "note": ["call (212) 555-0147, SSN 219-09-9998", None],
        }
    )
    new = replaced(table, plan_of({"phone": "PHONE_NUMBER", "ssn": "US_SSN"}), pseudonyms)
    assert new.schema == table.schema
    phone, ssn, note = (new.column(name)[0].as_py() for name in ("phone", "ssn", "note"))
    assert re.sub(r"\D", "", note) == f"{phone}{int(ssn)}"
    assert new.slice(1).to_pylist() == table.slice(1).to_pylist()


def test_first_names_allowed_are_names_in_texts_too(pseudonyms):
    text = "Maria Garcia moved to Austin last week."
    for allowed, gone, stays in (
        (("FIRST_NAME",), "Maria", "Austin"),
        (("CITY",), "Austin", "Maria"),
        (("LOCATION",), "Austin", "Maria"),
        (("ADDRESS",), "Austin", "Maria"),
    ):
        plan = plan_of({}, entities=allowed, ner_model="builtin")
        new = TextReplacer(plan, pseudonyms).replace(text)
        assert gone not in new
        assert stays in new


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_every_type_move_by_the_days_of_their_person(pseudonyms, unit):
    born = dt.datetime(1980, 3, 4, 5, 6)
    table = pa.table(
        {
            "name": ["Maria Garcia", "Maria Garcia", "GARCIA, MARIA", "Bo Li"],
            "stamp": pa.array([born, dt.datetime(1900, 1, 1), None, born], pa.timestamp(unit)),
            "day": pa.array([born.date()] * 4, pa.date32()),
            "text": ["1980-03-04"] * 4,
        }
    )
    types = {"name": "PERSON", "stamp": "DATE_OF_BIRTH", "day": "DATE_OF_BIRTH", "text": "DATE_OF_BIRTH"}
    new = replaced(table, plan_of(types, ()), pseudonyms)
    assert new.schema == table.schema
    moved = new.to_pydict()
    assert moved["stamp"][1] is None  # a placeholder belongs to nobody, and would tell the days
    assert moved["day"][0] == moved["day"][2] != born.date()
    assert moved["day"][0] != moved["day"][3]
    assert moved["stamp"][0].date() == moved["day"][0] == dt.date.fromisoformat(moved["text"][0])


def test_date_of_a_column_is_found_in_a_text_however_it_is_written(pseudonyms):
    row = {"born": dt.date(1984, 1, 2), "note": "born 01/02/1984, i.e. January 2, 1984 or 1984/01/02"}
    note, _ = note_of(row, {"born": "DATE_OF_BIRTH"}, pseudonyms)
    assert "1984" not in note or "2," not in note
    assert "01/02" not in note


@pytest.mark.parametrize(
    ("type_", "values"),
    [(pa.int64(), list(range(30))), (pa.int32(), [2_147_483_000, 1_999_999_999]), (pa.uint8(), [200, 255, 7])],
)
def test_integer_ids_keep_their_type_and_do_not_meet(pseudonyms, type_, values):
    table = pa.table({"id": pa.array(values, type_)})
    new = replaced(table, plan_of({"id": "UNIQUE_ID"}, ()), pseudonyms)
    assert new.schema == table.schema
    made = new.column("id").to_pylist()
    assert len(set(made)) == len(values)
    assert not [1 for old, fresh in zip(values, made, strict=True) if old == fresh]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_string_type_is_kept(pseudonyms, type_):
    table = pa.table(
        {"first": pa.array(["Anna", None, ""]).cast(type_), "note": pa.array(["Anna", None, ""]).cast(type_)}
    )
    table = pa.concat_tables([table, table])  # two chunks, two dictionaries
    new = replaced(table, plan_of({"first": "FIRST_NAME"}), pseudonyms)
    assert new.schema == table.schema
    name = pseudonyms.stand_in("FIRST_NAME", "Anna")
    assert new.to_pydict() == {"first": [name, None, ""] * 2, "note": [name, None, ""] * 2}


def test_table_without_rows_stays_without_rows(pseudonyms):
    table = pa.table({"first": pa.array([], pa.string()), "note": pa.array([], pa.string())})
    new, counts = TableReplacer(plan_of({"first": "FIRST_NAME"}), pseudonyms).replace(table)
    assert (new, totals(counts)) == (table, {})


def test_column_of_nothing_stays_as_it_is(detector, pseudonyms):
    table = pa.table({"first": pa.nulls(3), "note": pa.array([None] * 3, pa.string())})
    assert classify_table(table, detector) == {}
    new, counts = TableReplacer(plan_of({"first": "FIRST_NAME"}), pseudonyms).replace(table)
    assert (new, totals(counts)) == (table, {})


def test_stand_in_that_does_not_fit_the_type_stops_without_the_value(pseudonyms):
    table = pa.table({"name": pa.array([123456], pa.int64())})
    with pytest.raises(PrivacyError, match="'name'") as error:
        TableReplacer(plan_of({"name": "EMAIL_ADDRESS"}, ()), pseudonyms).replace(table)
    assert "123456" not in str(error.value)
    assert error.value.__context__ is None  # Arrow's message would quote the stand-in


def test_unknown_columns_are_hidden(pseudonyms):
    table = pa.table({"fax": ["yes", None], "mobile": pa.array([1, 2], pa.int64())})
    plan = plan_of({"fax": "UNKNOWN", "mobile": "UNKNOWN"}, ())
    new, counts = TableReplacer(plan, pseudonyms).replace(table)
    assert new.to_pydict() == {"fax": [MASK, None], "mobile": [None, None]}
    assert new.schema == table.schema
    assert totals(counts) == {"UNKNOWN": 3}


class FailsOnQuestions(Detector):
    """A detector that cannot read texts with a question mark."""

    def find_each(self, texts, context=(), usual_language=None):
        found = super().find_each(texts, context, usual_language)
        return {text: None if "?" in text else findings for text, findings in found.items()}


class FailingReplacer(TextReplacer):
    """A replacer that cannot read texts with a question mark."""

    detector = FailsOnQuestions(ner_model=None)


def test_text_that_cannot_be_analysed_is_hidden_and_counted_and_not_logged(pseudonyms, caplog):
    replacer = FailingReplacer(plan_of({}), pseudonyms)
    with caplog.at_level(logging.DEBUG):
        texts = replacer.replace_each([("who is Wanda?", RowContext()), ("fine", RowContext())])
    assert [text.text for text in texts] == [MASK, "fine"]
    assert texts[0].counts == {UNREADABLE: 1}
    assert replacer.replace("who is Wanda?") is None
    assert "Wanda" not in caplog.text


def test_every_occurrence_of_a_repeated_long_text_is_replaced(pseudonyms):
    # The reference leaks the address from the second occurrence on: it shifts cached spans in place.
    text = "The patient was seen again. " * 25 + "Write to anna@example.edu."
    new, counts = TableReplacer(plan_of({}), pseudonyms).replace(pa.table({"note": [text] * 3}))
    assert set(new.column("note").to_pylist()) == {
        text.replace("anna@example.edu", pseudonyms.stand_in("EMAIL_ADDRESS", "anna@example.edu"))
    }
    assert totals(counts) == {"EMAIL_ADDRESS": 3}


def test_findings_of_types_that_are_not_allowed_stay(pseudonyms):
    plan = plan_of({}, entities=("EMAIL_ADDRESS",))
    table = pa.table({"note": ["call 212-555-0147 or anna@example.edu"]})
    note = replaced(table, plan, pseudonyms).column("note")[0].as_py()
    assert note.startswith("call 212-555-0147 or ")
    assert "anna" not in note


PHONES = st.from_regex(r"\([2-9][0-9]{2}\) [2-9][0-9]{2}-[0-9]{4}", fullmatch=True)
EMAILS = st.from_regex(r"[a-z]{3,10}[0-9]{2}@[a-z]{3,10}\.(com|de)", fullmatch=True)
NAMES = st.sampled_from(["Anna", "Zoë", "Quentin", "李明", "Łukasz", "Mary-Jane"])
ROWS = st.lists(
    st.tuples(NAMES, st.none() | PHONES, EMAILS, st.sampled_from(["😀 {} {} {}", "{}{{{}}}ß\n{}", "{2} {1} {0}'s"])),
    min_size=1,
    max_size=8,
)
TYPES = {"first": "FIRST_NAME", "phone": "PHONE_NUMBER"}


def patients(rows: list) -> pa.Table:
    notes = [template.format(first, phone, email) for first, phone, email, template in rows]
    return pa.table(
        {
            "first": [row[0] for row in rows],
            "phone": pa.array([row[1] for row in rows], pa.string()),
            "note": notes,
        }
    )


@pytest.fixture(scope="module")
def workers() -> tuple[TableReplacer, TableReplacer]:
    """Two workers of one run."""
    plan = plan_of(TYPES)
    return TableReplacer(plan, Pseudonyms(KEY)), TableReplacer(plan, Pseudonyms(KEY))


@examples(25)
@given(ROWS, st.randoms())
def test_result_does_not_depend_on_sharding_or_order(workers, rows, random):
    table = patients(rows)
    whole, _ = workers[0].replace(table)
    order = random.sample(range(len(rows)), len(rows))
    shards = [workers[1].replace(table.take([place]))[0] for place in order]
    assert pa.concat_tables(shards) == whole.take(order)


@examples(25)
@given(ROWS)
def test_no_original_survives_in_a_note(workers, rows):
    new, _ = workers[0].replace(patients(rows))
    for (first, phone, email, _), row in zip(rows, new.to_pylist(), strict=True):
        assert email not in row["note"]
        assert phone is None or phone not in row["note"]
        assert first not in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", row["note"])
        assert row["first"] in row["note"]


def schema_of(table: pa.Table) -> TableSchema:
    return TableSchema(
        columns=tuple(
            ColumnSchema(
                name=field.name,
                kind=Kind.TEXT if field.name == "note" else Kind.CATEGORY,
                arrow_type=str(field.type),
                nullable=True,
            )
            for field in table.schema
        )
    )


def test_demo_table_keeps_its_statistics_and_loses_its_people(detector, pseudonyms):
    table = make_patients(400, seed=3)
    schema = schema_of(table)
    plan = make_pii_plan(classify_table(table, detector), schema, PiiParameters())
    assert {rule.name: rule.entity_type for rule in plan.columns} == {
        "first_name": "FIRST_NAME",
        "last_name": "LAST_NAME",
        "email": "EMAIL_ADDRESS",
        "phone": "PHONE_NUMBER",
        "street_address": "STREET_ADDRESS",
        "ssn": "US_SSN",
        "patient_id": "UNIQUE_ID",
        "birth_date": "DATE_OF_BIRTH",
        "city": "CITY",
        "state": "STATE",
    }
    new, counts = TableReplacer(plan, pseudonyms).replace(table)
    updated_schema(schema, plan, table_facts(new)).check(new)
    personal = {rule.name for rule in plan.columns} | {"note"}
    untouched = [name for name in table.column_names if name not in personal]
    assert new.select(untouched) == table.select(untouched)
    assert totals(counts)["US_SSN"] == 400
    for old_row, new_row in zip(table.to_pylist(), new.to_pylist(), strict=True):
        words = set(re.findall(r"[^\W\d_]+", new_row["note"]))
        assert not words & {old_row["first_name"], old_row["last_name"]} - {new_row["first_name"], new_row["last_name"]}
        assert old_row["phone"] not in new_row["note"]
        assert (old_row["phone"] in old_row["note"]) == (new_row["phone"] in new_row["note"])
        assert (old_row["email"] is None) == (new_row["email"] is None)


@pytest.fixture(scope="module")
def text_workers() -> tuple[TextReplacer, TextReplacer]:
    """Two workers of one run."""
    plan = plan_of({})
    return TextReplacer(plan, Pseudonyms(KEY)), TextReplacer(plan, Pseudonyms(KEY))


@examples(25)
@given(st.integers(0, 60), st.booleans(), ROWS)
def test_texts_of_any_length_give_the_same_stand_ins_repeated_or_not(text_workers, padding, is_repeated, rows):
    filler = "nothing of note was said on this day. " * padding
    texts = [filler + template.format("x", phone or "", email) for _, phone, email, template in rows]
    whole = text_workers[0].replace_each([(text, RowContext()) for text in texts * (1 + is_repeated)])
    alone = [text_workers[1].replace_each([(text, RowContext())])[0].text for text in texts]
    assert [text.text for text in whole] == alone * (1 + is_repeated)
    for (_, _, email, _), text in zip(rows, alone, strict=True):
        assert email not in text
        assert text.startswith(filler)


@examples(25)
@given(ROWS)
def test_replacing_twice_keeps_the_format(workers, rows):
    once, _ = workers[0].replace(patients(rows))
    twice, _ = workers[0].replace(once)
    assert twice.schema == once.schema
    for row, again in zip(once.to_pylist(), twice.to_pylist(), strict=True):
        assert (row["phone"] is None) == (again["phone"] is None)
        if row["phone"]:
            assert re.sub(r"\d", "9", again["phone"]) == re.sub(r"\d", "9", row["phone"])
        assert again["first"] != row["first"]


def test_formats_stay_where_a_code_among_numbers_is_personal(pseudonyms):
    cells = [f"{number / 4}" for number in range(40)]
    cells[7] = "anna.quux@hospital.org"
    source = pa.table({"amount": cells})
    schema = infer_schema(table_facts(source), {}, is_text=True)
    typed = type_table(source, schema)
    plan = make_pii_plan(type_columns(typed, schema), schema, PiiParameters(globals={"ner": {"model": None}}))
    new = replaced(typed, plan, pseudonyms)
    written = written_table(new, updated_schema(schema, plan, table_facts(new))).column("amount").to_pylist()
    assert written[:7] + written[8:] == cells[:7] + cells[8:]
    assert written[7] != cells[7]
    assert written[7].partition("@")[2].startswith("example.")
