"""What the model of names reads: prose and fragments, no codes; and what is believed of its findings in fragments."""

import pytest

from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.prose import TextKind, is_word, kind_of_text

CODES = [
    "GCS 15",
    "CCN(CC)C1=CC",
    "[12, 89]",
    "(0, 7]",
    "AB12-9/X",
    "-4.5",
    "12 340",
    "2.75mg",
    "GATTACAGATT",
    "#a0b1c2",
    "978-0-306-40615-7",
    "T2N1M0",
    "HLA-B*57:01",
    "M8x40 DIN 912",
    "Hgb 11.9, Plt 240",
]
PROSE = [
    "Call Rosa Delgado",
    "spoke w/ Rosa Delgado re refund",
    "Rosa",
    "Rosa, Emil, Clara",
    "rosa delgado",
    "Please see the attached note.",
    "14 Elm Street\nApt. 3\nDunwick\n40213",
]
FRAGMENTS = ["Vanc trough 13.9", "Zofran 8 mg IV prn N/V", "if (x == null) { return Total; }", "let Sum = Vec::new();"]
NAMES_IN_FRAGMENTS = [
    ("Maria Lopez 555-1234", "Maria Lopez"),
    ("J. Smith 42M CP x2d", "J. Smith"),
    ('{"name": "Maria Lopez", "age": 42}', "Maria Lopez"),
    ("SELECT * FROM users WHERE name = 'Maria Lopez'", "Maria Lopez"),
    ("spoke w/ Maria Lopez re refund", "Maria Lopez"),
    ("Call Maria Lopez", "Maria Lopez"),
    ("MARIA LOPEZ CALLED", "MARIA LOPEZ"),
]
NAMELESS = [
    *CODES,
    *FRAGMENTS,
    "Na 139 K 4.0 Cl 103 CO2 25",
    "c/o SOB, DOE x3d",
    "PERRLA, EOMI",
    "Pt afeb, VSS",
    "A&O x3, NAD",
    "return Math.max(...Values)",
    "df.groupby('Region')['Sales'].sum()",
    "x = np.linspace(0, 1, 50)",
]


@pytest.mark.parametrize("text", CODES)
def test_a_text_without_a_word_is_codes(text):
    assert kind_of_text(text) is TextKind.CODES


@pytest.mark.parametrize("text", PROSE)
def test_words_names_and_addresses_are_prose(text):
    assert kind_of_text(text) is TextKind.PROSE


@pytest.mark.parametrize("text", FRAGMENTS)
def test_words_between_numbers_and_symbols_are_a_fragment(text):
    assert kind_of_text(text) is TextKind.FRAGMENT


@pytest.mark.parametrize("token", ["Plt", "SM64S2", "camelCase", "ACGTAC", "HTN", "x3d", "K", "BCDFG"])
def test_a_token_without_the_form_of_a_word_is_none(token):
    assert not is_word(token)


@pytest.mark.parametrize("token", ["knee", "O'Brien", "McDonald", "Anne-Marie", "Ngọc", "ROSA", "Μαρία"])
def test_names_and_words_have_the_form_of_a_word(token):
    assert is_word(token)


@pytest.mark.parametrize(("text", "name"), NAMES_IN_FRAGMENTS)
def test_names_in_short_lines_and_fragments_are_found(detector, text, name):
    assert name in {text[f.start : f.end] for f in detector.find(text) if f.entity_type == "PERSON"}


@pytest.mark.parametrize("text", NAMELESS)
def test_no_name_or_place_is_found_in_codes_shorthand_and_programs(detector, text):
    assert {f.entity_type for f in detector.find(text)} <= {"DATE_TIME", "AGE"}


def test_another_model_of_names_reads_prose_of_every_language_and_no_codes():
    detector = Detector(entities=("PERSON",))
    read = []

    class Reader:
        def find_each(self, texts):
            read.extend(texts)
            return [[] for _ in texts]

    object.__setattr__(detector, "_engine", Reader())
    object.__setattr__(detector, "ner_model", "someone's")
    detector.find_each(["Der Aufzug ist seit gestern defekt.", "GCS 15", "The lift is broken."])
    assert read == ["Der Aufzug ist seit gestern defekt.", "The lift is broken."]
