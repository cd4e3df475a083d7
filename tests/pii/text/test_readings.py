"""Numbers and addresses are found whatever stands beside them, and however they are encoded."""

import pytest

from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.readings import other_readings


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


FOUND = [  # text, what is found, its type
    ("联系anna.li@firma.de谢谢", "anna.li@firma.de", "EMAIL_ADDRESS"),
    ("卡号4111111111111111请", "4111111111111111", "CREDIT_CARD"),
    ("mail_anna.li@firma.de_", "mail_anna.li@firma.de", "EMAIL_ADDRESS"),
    ("ssn_219-09-9998_", "219-09-9998", "US_SSN"),
    ("SSNx219-09-9998", "219-09-9998", "US_SSN"),
    ("SSN219099998", "219099998", "US_SSN"),
    ("219/09/9998", "219/09/9998", "US_SSN"),
    ("219  09  9998", "219  09  9998", "US_SSN"),
    ("tel４１５-５５５-２６７１", "４１５-５５５-２６７１", "PHONE_NUMBER"),
    ("联系219\u00ad-09-9998谢谢", "219\u00ad-09-9998", "US_SSN"),
    ("4\ufe0f111111111111111", "4\ufe0f111111111111111", "CREDIT_CARD"),
    ("a\u200bnna@fir\u200bma.de", "a\u200bnna@fir\u200bma.de", "EMAIL_ADDRESS"),
    ("anna.li%40firma.de", "anna.li%40firma.de", "EMAIL_ADDRESS"),
    ("anna.li&#64;firma.de", "anna.li&#64;firma.de", "EMAIL_ADDRESS"),
    ('{"e":"anna.li\\u0040firma.de"}', "anna.li\\u0040firma.de", "EMAIL_ADDRESS"),
    ("anna.li@firma.de.2024", "anna.li@firma.de", "EMAIL_ADDRESS"),
    ("anna@mail.corp", "anna@mail.corp", "EMAIL_ADDRESS"),
    ("4539/5787/6362/1486", "4539/5787/6362/1486", "CREDIT_CARD"),
    ("xDE89370400440532013000BIC", "DE89370400440532013000", "IBAN_CODE"),
    ("/home/anna.smith/data", "anna.smith", "USERNAME"),
    ("C:\\Users\\anna.smith\\data", "anna.smith", "USERNAME"),
    ("/srv/jane.doe/x", "jane.doe", "USERNAME"),
    ("see @anna_smith for it", "@anna_smith", "USERNAME"),
    ("postgres://clerk:pw@db.firma.de/x", "postgres://clerk:pw@db.firma.de/x", "URL"),
    ('{"mrn":"MR4471823"}', "MR4471823", "MEDICAL_RECORD"),
    ('{"patient_id": "MR4471823"}', "MR4471823", "MEDICAL_RECORD"),
    ('{"password":"hunter2!secret"}', "hunter2!secret", "PASSWORD"),
    ("sk_live_51H8abcdefghijklmnopq", "sk_live_51H8abcdefghijklmnopq", "API_KEY"),
]
NOT_FOUND = [
    "@property",
    "use @types/node",
    "version v1.2.3.4",
    "a4157362291b",
    "4539 5787 6362 1487",
    "a@b",
    "code 02.16.00.00",
]


@pytest.mark.parametrize(("text", "part", "entity_type"), FOUND)
def test_what_a_person_sees_is_found_to_its_edges(patterns, text, part, entity_type):
    assert (part, entity_type) in [(text[f.start : f.end], f.entity_type) for f in patterns.find(text)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_resembles_it_is_not_found(patterns, text):
    assert patterns.find(text) == ()


def test_an_ordinary_text_is_read_once():
    assert list(other_readings("The patient slept well, 7 hours.")) == []


ACCENTS = ["José rang Zoë über das Café an.", "Kateřina, James and Émile won: 3 points."]


@pytest.mark.parametrize("text", ACCENTS)
def test_an_accent_in_a_name_hides_no_number(text):
    assert list(other_readings(text)) == []


EDGES = [
    "联系219-09-9998谢谢",
    "nr\u00a0219-09-9998",
    "219-09-9998… call",
    "ａｎｎａ＠firma.de",
    "见www.firma.de吧",
    "über/home/anna",
]


@pytest.mark.parametrize("text", EDGES)
def test_a_sign_at_a_number_or_an_address_is_read_as_an_edge(text):
    assert [reading.text for reading in other_readings(text)]
