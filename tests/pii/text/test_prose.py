"""What the model of names reads: prose and fragments, no codes; and what is believed of its findings in fragments."""

import pytest

from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.prose import TextKind, is_believed, is_word, kind_of_text

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


NAMES_IN_PROSE = [  # text, the part that the model took for one, entity type, score, whether it is believed
    ("we bought a gerbil today", "gerbil", "PERSON", 0.6, False),
    ("i met a nice quokkla there", "quokkla", "PERSON", 0.75, True),
    ("then margaret came in", "margaret", "PERSON", 0.4, True),
    ("The Plonkit was empty", "Plonkit", "PERSON", 0.5, False),
    ("We spoke with Quokkla today", "Quokkla", "PERSON", 0.5, True),
    ("the ZORBIT was done", "ZORBIT", "PERSON", 0.7, False),
    ("THE ZORBIT WAS DONE", "ZORBIT", "PERSON", 0.7, True),
    ("they have thick liens there", "liens", "LOCATION", 0.6, False),
    ("we flew to toronto then", "toronto", "LOCATION", 0.4, True),
    ("there are like 785 of them", "785", "STREET_ADDRESS", 0.6, False),
    ("about 250, 000 of them", "250, 000", "STREET_ADDRESS", 0.7, False),
    ("he takes Quokklal daily", "Quokklal", "STREET_ADDRESS", 0.6, False),
    ("she lives in Quokkla Road now", "Quokkla Road", "STREET_ADDRESS", 0.5, True),
    ("it is near 12 Quokkla today", "12 Quokkla", "STREET_ADDRESS", 0.5, True),
    ("they moved to Salem, OR with the dog", "OR", "LOCATION", 0.4, True),
    ("the bus stops at 106 rúa olmos 44 now", "106 rúa olmos 44", "STREET_ADDRESS", 0.7, True),
    ("he was on the 3 rd room today", "the 3 rd room", "STREET_ADDRESS", 0.8, False),
    ("the verses of Faina D. Zorbitova", "Zorbitova", "PERSON", 0.45, True),
    ("see Schedule 1 for the rest", "Schedule 1", "STREET_ADDRESS", 0.7, False),
    ("measured at 151/60 mmHg today", "151/60 mmHg", "STREET_ADDRESS", 0.8, False),
    # A word that people write in small letters needs more than one that they do not.
    ("then the Primer was dry", "Primer", "PERSON", 0.65, False),
    ("then the Primar was dry", "Primar", "PERSON", 0.65, True),
    ("no meat on the Burger there", "Burger", "ORGANIZATION", 0.55, False),
    ("we asked the Quokklo there", "Quokklo", "ORGANIZATION", 0.55, True),
    # The capital of a sentence is no evidence.
    ("Zorbit that was it", "Zorbit", "PERSON", 0.58, False),
    ("so Zorbit was it", "Zorbit", "PERSON", 0.58, True),
    ("Toronto was cold", "Toronto", "LOCATION", 0.5, False),
    ("then Toronto was cold", "Toronto", "LOCATION", 0.5, True),
    ("then the BCVA was low", "BCVA", "LOCATION", 0.5, False),
    ("I took my Zorbit here", "Zorbit", "LOCATION", 0.6, False),
]


@pytest.mark.parametrize(("text", "part", "entity_type", "score", "expected"), NAMES_IN_PROSE)
def test_name_that_no_list_holds_needs_a_higher_score(text, part, entity_type, score, expected):
    start = text.index(part)
    assert is_believed(text, start, start + len(part), entity_type, score) is expected
