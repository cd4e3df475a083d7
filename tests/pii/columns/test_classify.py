"""Typing of columns by small samples of values and headers; none of them is from a benchmark's table."""

import json
from dataclasses import asdict
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.config.pii import Operator
from ss_ray.pii.columns.classify import classify_column, classify_table, header_type
from ss_ray.pii.columns.column_model import WEIGHTS, load_column_model
from ss_ray.pii.entities import BY_NAME, ENTITY_TYPES, FREE_TEXT
from ss_ray.pii.text.detect import PATTERN_TYPES, Detector
from tests.examples import examples

PHONES = [f"(212) 555-{number:04}" for number in range(40)]
EMAILS = [f"person{number}@example.com" for number in range(40)]
NAMES = ["Anna", "Bo", "Mary-Jane", "O'Neil", "José", "李"]
GIVEN = (
    "Olivia Liam Emma Noah Amelia Lucas Sofia Mateo Hannah Felix Chloé Hugo Giulia Lorenzo Ingrid Lars Katarzyna Piotr"
).split()
FAMILY = (
    "Johnson Williams Müller Schneider Lefèvre Dubois García Fernández Rossi Bianchi Jansen Visser Nowak Svensson"
).split()
PEOPLE = [f"{first} {last}" for first, last in zip(GIVEN, FAMILY, strict=False)]
STREETS = [
    "12 Oak Street",
    "Hauptstraße 5",
    "8 rue de la Paix",
    "Calle Mayor 14",
    "Via Roma 21",
    "77 Elm Avenue",
    "Lindenweg 9",
    "3 High Street",
    "45 Maple Drive",
    "Bahnhofstraße 110",
    "16 avenue Foch",
    "Kerkstraat 30",
]
CITIES = (
    "Berlin Paris Madrid Hamburg Chicago Toronto Lyon Sevilla Torino Utrecht Leeds Houston Köln Dallas Bristol Porto"
).split()
CARDS = [
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4012888888881881",
    "5105105105105100",
    "4222222222222220",
    "371449635398431",
]
IBANS = ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "FR1420041010050500013M02606"]
UUIDS = [f"{number:08x}-1b2c-4d3e-8f4a-0123456789ab" for number in range(30)]
CODES = [f"{number * 7919 % 9000 + 1000}-QX{number}" for number in range(30)]

CASES = [  # header, values, entity type
    ("contact", EMAILS, "EMAIL_ADDRESS"),
    ("x", PHONES, "PHONE_NUMBER"),
    ("x", [*EMAILS[:37], "none", "n/a", "-"], "EMAIL_ADDRESS"),  # 92 %
    ("x", EMAILS[:30] + [f"none {n}" for n in range(10)], "FREE_TEXT"),  # 75 %
    ("x", EMAILS[:20] + PHONES[:20], "FREE_TEXT"),
    ("kind", [*(f"kind {n}" for n in range(99)), "a.b@example.com"], "FREE_TEXT"),  # one of a hundred
    ("phone", EMAILS, "EMAIL_ADDRESS"),  # values before the header
    ("remarks", ["call (212) 555-0147", "fine"], "FREE_TEXT"),
    ("remarks", ["fine", "well", ""], None),
    ("remarks", [f"The parcel number {n} came two days later than it was said." for n in range(20)], "FREE_TEXT"),
    ("x", CARDS, "CREDIT_CARD"),
    ("x", IBANS, "IBAN_CODE"),
    ("x", [f"{n}.{n}.1.7" for n in range(1, 20)], "IP_ADDRESS"),
    ("x", [f"00:1b:44:11:3a:{n:02x}" for n in range(20)], "MAC_ADDRESS"),
    ("x", [f"https://example.com/{n}" for n in range(20)], "URL"),
    ("x", [f"2{n:02}-41-77{n:02}" for n in range(10, 40)], "US_SSN"),
    ("x", UUIDS, "UNIQUE_ID"),
    ("first_name", NAMES, "FIRST_NAME"),
    ("Patient Name", ["Anna Li", "Dr. Bo O'Neil", "Fernandez, Rosa"], "PERSON"),
    ("first_name", [], "FIRST_NAME"),
    ("Home Address", ["1 Main St", "PO Box 7"], "ADDRESS"),
    ("ssn", ["219-09-9998", "123456789"], "US_SSN"),
    ("ssn", ["219099998", "12345678"], "US_SSN"),  # integers
    ("itin", ["900-70-1000", "912-88-4321"], "TAX_ID"),  # the form of an SSN
    ("phone", ["5550147", "030 901820", "+41 44 668 18 00"], "PHONE_NUMBER"),
    ("fax_number", PHONES, "FAX_NUMBER"),
    ("tax_id", ["12-3456789"], "TAX_ID"),
    ("ip", ["8.8.8.8", "8.8.4.4"], "IP_ADDRESS"),
    ("CCNumber", ["4929490000000000", "5399020000000000"], "CREDIT_CARD"),  # rounded by a spreadsheet
    ("CCNumber", ["4.92949E+15", "5.39902E15", "7.06935O+41"], "CREDIT_CARD"),
    ("x", [f"{int(card):.15e}" for card in CARDS], "CREDIT_CARD"),
    ("x", [f"{int(card):.15e}".replace("e", "O") for card in CARDS], "CREDIT_CARD"),
    ("zip", ["01234", "501", "90210"], "POSTCODE"),
    ("customer_id", ["17", "18", "19"], "UNIQUE_ID"),
    ("client", CODES, "UNKNOWN"),  # codes under the name of a role
    # Other languages.
    ("Nachname", FAMILY, "LAST_NAME"),
    ("prenom", GIVEN, "FIRST_NAME"),
    ("telefono", ["912 345 678", "934 567 890"], "PHONE_NUMBER"),
    ("Geburtsdatum", ["01.02.1980", "24.12.1955"], "DATE_OF_BIRTH"),
    ("code_postal", ["75011", "69003"], "POSTCODE"),
    ("cognome", FAMILY, "LAST_NAME"),
    ("data_nascimento", ["02/03/1990", "15/11/1962"], "DATE_OF_BIRTH"),
    ("geslacht", ["man", "vrouw"], "GENDER"),
    ("cidade", CITIES, "CITY"),
    # No header to go by.
    ("col_7", GIVEN, "FIRST_NAME"),
    ("x", PEOPLE, "PERSON"),
    ("", STREETS, "STREET_ADDRESS"),
    ("field", ["Male", "Female"], "GENDER"),
    ("c4", [f"{year}-0{month}-17" for year in range(2018, 2024) for month in range(1, 9)], "DATE_TIME"),
    # Headers that lie, or mean something else.
    ("email", ["yes", "no"], "UNKNOWN"),
    ("ssn", ["A", "B", "C"], "UNKNOWN"),
    ("customer_name", ["A1", "B2", "C3"], "UNKNOWN"),
    ("gender", EMAILS, "EMAIL_ADDRESS"),
    ("ssn", STREETS, "STREET_ADDRESS"),
    ("phone_service", ["yes", "no"], None),
    ("state", ["open", "closed", "pending", "in progress"], None),
    ("name", ["Cotton shirt 40 cm", "Steel bottle 500 ml", "Desk lamp 20W", "USB cable 2 m", "Oak shelf 80 cm"], None),
    ("title", ["The Long Road", "Night Train to Nowhere", "Return of the Comet", "A Winter of Glass"], None),
    ("count", ["1", "2", "219099998"], None),
    ("address", ["0x1f", "0x2a"], None),
    # A grid cell is no person's place.
    ("latitude", ["48.1371", "52.5200", "50.9375"], "LATITUDE"),
    ("latitude", ["48.1", "52.52", "50.94"], None),
]  # fmt: skip


@cache
def quick_detector() -> Detector:
    return Detector(entities=("EMAIL_ADDRESS",), ner_model=None)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(entities=tuple(sorted(PATTERN_TYPES)), ner_model=None)


@pytest.mark.parametrize(("header", "values", "expected"), CASES)
def test_column_is_typed(detector, header, values, expected):
    typing = classify_column(header, values, detector)
    assert (typing.entity_type if typing else None) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("first_name", "FIRST_NAME"),
        ("GivenName", "FIRST_NAME"),
        ("LAST NAME", "LAST_NAME"),
        ("patient_first_name", "FIRST_NAME"),
        ("E-Mail", "EMAIL_ADDRESS"),
        ("phone 2", "PHONE_NUMBER"),
        ("customer_e-mail", "EMAIL_ADDRESS"),
        ("customeremail", "EMAIL_ADDRESS"),
        ("emergency_contact_phone", "PHONE_NUMBER"),
        ("billingZip", "POSTCODE"),
        ("provider_name", "PERSON"),
        ("name", "PERSON"),
        ("username", "USERNAME"),
        ("Prénom", "FIRST_NAME"),
        ("Straße", "STREET_ADDRESS"),
        ("FECHA_NACIMIENTO", "DATE_OF_BIRTH"),
        ("patient_id", "UNIQUE_ID"),
        ("event_name", None),
        ("class_name", None),
        ("event_id", None),
        ("email_opt_in", None),
        ("phone_service", None),
        ("", None),
        ("7", None),
    ],
)
def test_header_must_be_plain(header, expected):
    assert header_type(header) == expected


# Made up in the manner of ordinary tables: no type that would be replaced.
PLAIN_COLUMNS = {
    "score": ["39", "50", "71"],
    "weighting": [str(77516 + 1931 * n) for n in range(50)],
    "turnover": [f"{1889.5 + 17.25 * n:.2f}" for n in range(50)],
    "sector": ["Retail", "Banking", "Public administration", "Mining"],
    "garment": ["Jumpers", "Socks", "Trousers", "Hats", "Coats", "Gloves", "Scarves", "Boots", "Belts"],
    "finding": [
        "Acute bronchitis",
        "Left knee pain",
        "Suspected fracture",
        "Mild anemia",
        "Renal mass",
        "Chronic cough",
    ],
    "sku": [f"AB-{n * 37 % 900 + 100}" for n in range(50)],
    "version": ["1.2.3", "1.2.4", "2.0.0"],
    "measure_a": [f"{0.25 * n - 3:.4f}" for n in range(60)],
    "delivery": ["2021-03-01", "2021-04-17", "2022-01-09"],
    "colour": ["red", "green", "navy blue", "off-white"],
    "payload": ['{"level": 1, "unit": "mg"}', '{"level": 2, "unit": null}'],
    "flag": ["Y", "N"],
    "column_9": [str(4000 + n) for n in range(100)],
    "digest": [f"{n * 2654435761 % 2**64:016x}" for n in range(50)],
    "item_id": [str(n) for n in range(50)],
}


@pytest.mark.parametrize(("header", "values"), PLAIN_COLUMNS.items())
def test_plain_columns_raise_no_alarm(detector, header, values):
    typing = classify_column(header, values, detector)
    assert typing is None or BY_NAME[typing.entity_type].operator is Operator.KEEP


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("street", ["paved", "gravel"]),
        ("phone", ["yes", "no"]),
        ("account_number", ["checking", "savings"]),
        ("email", ["opted in", "opted out", "never asked"]),
        ("passport", ["valid", "expired", "none"]),
    ],
)
def test_a_few_repeated_words_outweigh_a_header_of_digits_or_addresses(detector, header, values):
    assert classify_column(header, values, detector, num_values=200) is None
    assert classify_column(header, values, detector, num_values=len(values)) is not None


@pytest.mark.parametrize(
    ("header", "values", "expected"),
    [
        ("street", ["Hauptstraße", "Bahnhofstraße", "Lindenweg"], "STREET_ADDRESS"),
        ("street", ["Oak Street", "Elm Avenue"], "STREET_ADDRESS"),
        ("surname", ["Miller", "Baker"], "LAST_NAME"),
        ("city", ["Berlin", "Lyon"], "CITY"),
        ("phone", ["yes", "no", "(212) 555-0147"], "UNKNOWN"),
        ("phone", ["Giulia Rossi", "Lars Jansen"], "UNKNOWN"),
    ],
)
def test_repeated_names_stay_personal(detector, header, values, expected):
    assert classify_column(header, values, detector, num_values=500).entity_type == expected


def test_columns_of_any_type_are_typed_like_the_text_a_person_would_write(detector):
    phones = [2125550100 + number for number in range(20)]
    table = pa.table(
        {
            "a": phones,
            "b": pa.array([float(p) for p in phones[:-1]] + [None]),
            "ssn": [219099998, 1020304] * 10,  # the second has lost two zeros
            "card_number": [5545630000000000.0, 4929490000000000.0] * 10,
            "dob": pa.array([4000, 9000] * 10, pa.date32()),
            "seen_at": pa.array([1_600_000_000, 1_650_000_000] * 10, pa.timestamp("s")),
            "first_name": pa.array(["Anna", None] * 10).dictionary_encode(),
        }
    )
    assert {name: typing.entity_type for name, typing in classify_table(table, detector).items()} == {
        "a": "PHONE_NUMBER",
        "b": "PHONE_NUMBER",
        "ssn": "US_SSN",
        "card_number": "CREDIT_CARD",
        "dob": "DATE_OF_BIRTH",
        "seen_at": "DATE_TIME",
        "first_name": "FIRST_NAME",
    }


def test_table_without_headers_is_typed_by_its_values(detector):
    columns = [EMAILS[:12], PHONES[:12], STREETS, GIVEN[:12], [str(n) for n in range(12)]]
    table = pa.table(columns, names=["c1", "c2", "c3", "c4", "c5"])
    assert {name: typing.entity_type for name, typing in classify_table(table, detector).items()} == {
        "c1": "EMAIL_ADDRESS",
        "c2": "PHONE_NUMBER",
        "c3": "STREET_ADDRESS",
        "c4": "FIRST_NAME",
    }


def test_empty_columns_have_no_type_but_what_a_plain_header_says(detector):
    table = pa.table(
        {"x": pa.nulls(3), "name": pa.array([None] * 3, pa.string()), "surname": pa.array(["", " ", None])}
    )
    assert {name: t.entity_type for name, t in classify_table(table, detector).items()} == {"surname": "LAST_NAME"}


def test_one_value_under_a_meaningless_header_is_no_evidence(detector):
    assert classify_column("x", ["Paris"], detector) is None


def test_keys_of_records_hardly_repeat(detector):
    keys = [f"K{number:05}" for number in range(40)]
    assert classify_column("order_id", keys, detector, num_values=40).entity_type == "UNIQUE_ID"
    assert classify_column("order_id", keys, detector, num_values=4000) is None


def test_sample_covers_the_whole_column(detector):
    values = [f"part {number}" for number in range(600)] + EMAILS
    assert classify_column("x", values, detector).entity_type == "FREE_TEXT"


def test_numbers_that_resemble_a_card_are_not_searched_as_text(detector):
    table = pa.table({"ratio": [104.981119112664, 0.4111111111111111, 4111111111111111.5], "code": [1, 2, 3]})
    assert classify_table(table, detector) == {}


@examples(60)
@given(
    header=st.sampled_from(["", "x", "email", "first_name", "ssn", "client", "city", "id", "latitude", "name", "dob"]),
    values=st.lists(
        st.one_of(st.text(min_size=6, max_size=30), st.sampled_from([*EMAILS, *STREETS, *CODES])), max_size=30
    ),
)
def test_typing_is_sound_and_names_no_value(header, values):
    typing = classify_column(header, values, quick_detector())
    assert typing == classify_column(header, values, quick_detector())  # the same each time
    if typing is not None:
        assert typing.entity_type in ENTITY_TYPES | {FREE_TEXT}
        assert 0 <= typing.confidence <= 1
        told = f"the header names resemble values like {header}"  # words of ours that a value may happen to be
        assert not any(v.strip() in typing.explanation and v.strip() not in told for v in values if len(v.strip()) >= 6)


def test_unknown_says_what_was_suspected(detector):
    typing = classify_column("email", ["secret one", "secret two"], detector)
    assert (typing.entity_type, typing.suspected) == ("UNKNOWN", "EMAIL_ADDRESS")
    assert "secret" not in typing.explanation


def test_typing_is_publishable_as_json(detector):
    assert json.loads(json.dumps(asdict(classify_column("x", EMAILS, detector))))["entity_type"] == "EMAIL_ADDRESS"


def test_model_is_small_and_knows_every_type():
    assert WEIGHTS.stat().st_size <= 2 * 1024**2
    assert set(load_column_model().classes) == ENTITY_TYPES - {"UNKNOWN"} | {"NONE"}


def test_probabilities_add_up_whatever_the_values_are():
    model = load_column_model()
    for values in (["a"], ["\x00"], ["🙂" * 300], ["1e999", "-5"], ["٣٤٥"], ["²"]):
        assert sum(model.probabilities(model.read(values), "h").values()) == pytest.approx(1, abs=1e-5)
