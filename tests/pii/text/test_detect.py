import itertools
import logging
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import ConfigError
from ss_ray.pii.entities import ENTITY_TYPES, CustomEntity
from ss_ray.pii.text import bounded
from ss_ray.pii.text.detect import PATTERN_TYPES, TEXT_TYPES, Detector, Finding, without_overlaps
from ss_ray.pii.text.windows import windows
from tests.examples import examples


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


QUICK = examples(50)
MATCHES = [  # text, entity type, what is found
    ("write to anna.li@mail.example.com, please", "EMAIL_ADDRESS", "anna.li@mail.example.com"),
    ("(o'neil+x@example.co.uk)", "EMAIL_ADDRESS", "o'neil+x@example.co.uk"),
    ("call (212) 555-0147 now", "PHONE_NUMBER", "(212) 555-0147"),
    ("call 212.555.0147 x12", "PHONE_NUMBER", "212.555.0147 x12"),
    ("tel 1-212-555-0147", "PHONE_NUMBER", "1-212-555-0147"),
    ("tel +44 20 7946 0958", "PHONE_NUMBER", "+44 20 7946 0958"),
    ("tel 2125550147", "PHONE_NUMBER", "2125550147"),
    ("not issued, still a shape: (111) 222-3333", "PHONE_NUMBER", "(111) 222-3333"),
    ("SSN 219-09-9998.", "US_SSN", "219-09-9998"),
    ("219 09 9998", "US_SSN", "219 09 9998"),
    ("her social security number is 219099998", "US_SSN", "219099998"),
    ("card 4111 1111 1111 1111!", "CREDIT_CARD", "4111 1111 1111 1111"),
    ("378282246310005", "CREDIT_CARD", "378282246310005"),
    ("2223003122003222", "CREDIT_CARD", "2223003122003222"),  # Mastercard series 2, which Presidio lacks
    ("pay DE89 3704 0044 0532 0130 00 today", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
    ("iban de89370400440532013000", "IBAN_CODE", "de89370400440532013000"),
    ("from 8.8.4.4 and on", "IP_ADDRESS", "8.8.4.4"),
    ("from 2001:db8::1 and on", "IP_ADDRESS", "2001:db8::1"),
]
LABELLED = [  # text, entity type, what is found
    ("MRN: 12345678", "MEDICAL_RECORD", "12345678"),
    ("NHS number 943 476 5919", "MEDICAL_RECORD", "943 476 5919"),
    ("passport no. C01X00T47", "PASSPORT", "C01X00T47"),
    ("passport number 340020013", "PASSPORT", "340020013"),
    ("driver's license number is D123-4567-8901", "LICENSE", "D123-4567-8901"),
    ("ITIN 912-70-1234", "TAX_ID", "912-70-1234"),
    ("DNI 12345678Z", "NATIONAL_ID", "12345678Z"),
    ("PESEL 44051401359", "NATIONAL_ID", "44051401359"),
    ("aadhaar 2345 6789 0124", "NATIONAL_ID", "2345 6789 0124"),
    ("account number 0012345678", "ACCOUNT_NUMBER", "0012345678"),
    ("send BTC to wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "ACCOUNT_NUMBER", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("SWIFT: DEUTDEFF500", "SWIFT_BIC", "DEUTDEFF500"),
    ("routing number 021000021", "ROUTING_NUMBER", "021000021"),
    ("AKIAIOSFODNN7EXAMPLE", "API_KEY", "AKIAIOSFODNN7EXAMPLE"),
    ("token=ghp_" + "a1B2" * 9, "API_KEY", "ghp_" + "a1B2" * 9),
    ("password: hunter2!x", "PASSWORD", "hunter2!x"),
    ("pin code 4711", "PIN", "4711"),
    ("CVV: 123", "CVV", "123"),
    ("VIN 1HGCM82633A004352", "VEHICLE_ID", "1HGCM82633A004352"),
    ("mac 00:1B:44:11:3A:B7", "MAC_ADDRESS", "00:1B:44:11:3A:B7"),
    ("id 123e4567-e89b-12d3-a456-426614174000", "UNIQUE_ID", "123e4567-e89b-12d3-a456-426614174000"),
    ("DOB: 03/04/1980", "DATE_OF_BIRTH", "03/04/1980"),
    ("a 74 year old", "AGE", "74"),
    ("31 y/o", "AGE", "31"),
    ("aged 52", "AGE", "52"),
    ("zip code: 90210", "POSTCODE", "90210"),
    ("SW1A 1AA", "POSTCODE", "SW1A 1AA"),
    ("at 52.520008, 13.404954", "COORDINATE", "52.520008, 13.404954"),
    ("see https://www.example.com/a?b=1 now", "URL", "https://www.example.com/a?b=1"),
    ("on 31.12.2023", "DATE_TIME", "31.12.2023"),
    ("fax: 0221 9988776", "PHONE_NUMBER", "0221 9988776"),
]
NO_MATCHES = [
    "nothing here",
    "",
    "000-12-3456, 666-12-3456, 219-00-9998, 219-09-0000",  # never issued
    "order 219099998",  # nine bare digits
    "4111 1111 1111 1112",  # Luhn digit
    "DE88 3704 0044 0532 0130 00",  # check digits
    "std::vector<int> v1.2.3",
    "batch 44051401359",  # a PESEL by its check digit alone
    "anna@localhost",
    "300.1.1.1",
]


@pytest.mark.parametrize(("text", "entity_type", "part"), MATCHES)
def test_personal_data_is_found_where_it_stands(detector, text, entity_type, part):
    assert [(text[f.start : f.end], f.entity_type) for f in detector.find(text)] == [(part, entity_type)]


@pytest.mark.parametrize("text", NO_MATCHES)
def test_text_without_personal_data_has_no_findings(patterns, text):
    assert patterns.find(text) == ()


@pytest.mark.parametrize(("text", "entity_type", "part"), LABELLED)
def test_patterns_find_the_value_and_not_its_label(patterns, text, entity_type, part):
    found = [(text[f.start : f.end], f.entity_type) for f in patterns.find(text)]
    assert found == ([(part, entity_type)] if part else [])


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.05, {"US_SSN", "PHONE_NUMBER", "EMAIL_ADDRESS"}),
        (0.3, {"PHONE_NUMBER", "EMAIL_ADDRESS"}),
        (1.0, {"EMAIL_ADDRESS"}),
    ],
)
def test_threshold_separates_weak_medium_and_certain_findings(threshold, expected):
    text = "219099998, (212) 555-0147, anna@example.com"
    assert {f.entity_type for f in Detector(threshold=threshold, ner_model=None).find(text)} == expected


def test_a_type_can_have_a_threshold_of_its_own():
    text = "(212) 555-0147, anna@example.com"
    strict = Detector(thresholds={"PHONE_NUMBER": 0.9}, ner_model=None)
    assert {f.entity_type for f in strict.find(text)} == {"EMAIL_ADDRESS"}


def test_words_beside_a_text_count_as_context(patterns):
    assert patterns.find("219099998") == ()
    assert [f.entity_type for f in patterns.find("943 476 5919", context=("NHS number",))] == ["MEDICAL_RECORD"]
    assert patterns.find_each(["219099998"], context=("ssn",))["219099998"][0].entity_type == "US_SSN"


def test_every_type_that_is_found_is_in_the_table():
    assert PATTERN_TYPES < TEXT_TYPES <= ENTITY_TYPES


def test_only_the_chosen_entities_are_found():
    text = "(212) 555-0147, anna@example.com"
    assert [f.entity_type for f in Detector(entities=("EMAIL_ADDRESS", "FIRST_NAME")).find(text)] == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        Detector(threshold=threshold)
    with pytest.raises(ConfigError, match="threshold"):
        Detector(thresholds={"PERSON": threshold})


@QUICK
@given(st.text(alphabet="aäß漢😀é\u0301 \n.", max_size=30), st.text(alphabet="😀 漢\n", max_size=10))
def test_offsets_are_right_in_any_script(detector, before, after):
    text = f"{before} anna@example.com {after}"
    assert "anna@example.com" in [text[f.start : f.end] for f in detector.find(text)]


@QUICK
@given(st.text())
def test_any_text_can_be_analysed(detector, text):
    assert detector.find_each([text])[text] == detector.find(text)


SPANS = st.builds(
    lambda start, length, score: Finding(start, start + length, f"T{length}", score),
    st.integers(0, 40),
    st.integers(1, 15),
    st.sampled_from([0.4, 0.5, 1.0]),
)


@QUICK
@given(st.lists(SPANS, max_size=12))
def test_merged_findings_cover_the_same_characters_once(findings):
    merged = without_overlaps(findings)
    assert all(a.end <= b.start for a, b in itertools.pairwise(merged))
    covered = [place for f in merged for place in range(f.start, f.end)]
    assert set(covered) == {place for f in findings for place in range(f.start, f.end)}


def test_of_overlapping_findings_the_longest_gives_the_type_and_then_the_most_certain():
    assert without_overlaps([Finding(0, 9, "A", 0.4), Finding(2, 5, "B", 1.0)]) == (Finding(0, 9, "A", 0.4),)
    assert without_overlaps([Finding(0, 9, "A", 0.4), Finding(0, 9, "B", 1.0)]) == (Finding(0, 9, "B", 1.0),)
    assert without_overlaps([Finding(0, 4, "A", 1.0), Finding(3, 9, "B", 0.4)]) == (Finding(0, 9, "B", 0.4),)


def test_a_detector_survives_pickling():
    detector = Detector(entities=("EMAIL_ADDRESS",), threshold=0.5, thresholds={"EMAIL_ADDRESS": 0.6}, custom=(TICKET,))
    copy = pickle.loads(pickle.dumps(detector))
    assert copy == detector
    assert copy.find("anna@example.com") == detector.find("anna@example.com")


REDOS = CustomEntity(name="SLOW", regexes=(r"(a|aa)+$",))


def test_a_search_that_takes_too_long_fails_for_that_text_alone(monkeypatch, caplog):
    monkeypatch.setattr(bounded, "REGEX_SECONDS", 0.1)
    slow = "a" * 80 + "! anna"
    detector = Detector(custom=(REDOS,), entities=("EMAIL_ADDRESS",), ner_model=None)
    with caplog.at_level(logging.DEBUG):
        found = detector.find_each(["anna@example.com", slow, "bob@example.com"])
    assert found[slow] is None
    assert [found[f"{name}@example.com"][0].entity_type for name in ("anna", "bob")] == ["EMAIL_ADDRESS"] * 2
    assert "anna" not in caplog.text


TICKET = CustomEntity(name="TICKET", regexes=(r"TK-\d{4}",), score=0.2, context=("ticket",))
CUSTOM = [  # entity, text, what is found
    (TICKET, "the ticket TK-1234", ["TK-1234"]),
    (TICKET, "model TK-1234", []),
    (CustomEntity(name="X", deny_list=("Blue Fox", "a+b")), "BLUE FOX, blue foxes and a+b", ["BLUE FOX", "a+b"]),
    (CustomEntity(name="X", regexes=(r"\b\d{10}\b",), validator="luhn"), "1234567897 1234567890", ["1234567897"]),
    (CustomEntity(name="X", regexes=(r"\b[A-Z]{2}[\dA-Z]{20}\b",), validator="iban"), "DE89370400440532013000", None),
    (CustomEntity(name="X", regexes=(r"\b\d{4}\b",), validator="mod97"), "1068 1069", ["1068"]),
]


@pytest.mark.parametrize(("entity", "text", "parts"), CUSTOM)
def test_custom_entities_are_found(entity, text, parts):
    found = Detector(entities=(), custom=(entity,), ner_model=None).find(text)
    assert [text[f.start : f.end] for f in found if f.entity_type == entity.name] == (
        [text] if parts is None else parts
    )


@pytest.mark.parametrize(
    "entity",
    [
        CustomEntity(name="BROKEN", regexes=("(",)),
        CustomEntity(name="BROKEN"),
        CustomEntity(name="BROKEN", deny_list=(" ",)),
        CustomEntity(name="BROKEN", regexes=("a",), validator="crc"),
        CustomEntity(name="BROKEN", regexes=("a",), score=0),
    ],
)
def test_a_custom_entity_that_is_wrong_is_refused_by_its_name(entity):
    with pytest.raises(ConfigError, match="BROKEN"):
        Detector(custom=(entity,), ner_model=None)


PADDING = st.sampled_from(["", "and so on ", "x" * 7, "\n", "we went there again and "])


@examples(15)
@given(PADDING, st.integers(0, 1200), PADDING, st.integers(0, 300))
def test_a_long_text_has_the_findings_of_its_parts(patterns, before, times, after, more):
    text = before * times + " anna@example.com " + after * more
    found = patterns.find(text)
    assert [text[f.start : f.end] for f in found] == ["anna@example.com"]


@pytest.mark.parametrize("text", ["", "a b " * 3000, "x" * 12_345, "\n" * 9000])
def test_windows_answer_for_every_character_once(text):
    parts = list(windows(text))
    assert [part.core[0] for part in parts] == [0, *(part.core[1] for part in parts[:-1])]
    assert parts[-1].core[1] == len(text)
    assert all(part.start <= part.core[0] <= part.core[1] <= part.end <= part.start + 4000 for part in parts)


def test_a_finding_longer_than_the_overlap_is_found_to_its_end(patterns):
    key = "eyJ" + "a" * 600 + ".eyJ" + "b" * 600 + "." + "c" * 600
    for shift in range(2500, 4200, 300):
        text = "w " * (shift // 2) + key
        assert patterns.find(text)[-1].end == len(text)


@pytest.mark.slow
def test_building_a_detector_needs_no_network_and_no_torch():
    code = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = socket.create_connection = refuse
import ss_ray.pii.text.detect
assert "presidio_analyzer" not in sys.modules
assert ss_ray.pii.text.detect.Detector().find("anna@example.com")
assert "torch" not in sys.modules
assert "transformers" not in sys.modules
import importlib.util
assert importlib.util.find_spec("torch")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see example.org/a for more", True),
        ("at http://shop.example.it today", True),
        ("www.example.at", True),
        ("write to shop.co.uk", True),
        ("a perfect size.they fit", False),
        ("before winter.the end", False),
        ("size.print is nice", False),
        ("I love this.it fits", False),
    ],
)
def test_words_with_a_full_stop_between_are_no_address_of_a_page(text, found):
    types = {f.entity_type for f in Detector(entities=("URL",), ner_model=None).find(text)}
    assert types == ({"URL"} if found else set())
