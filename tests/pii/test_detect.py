import itertools
import logging
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ss_ray.errors import ConfigError
from ss_ray.pii.detect import Detector, Finding, without_overlaps

QUICK = settings(max_examples=50, deadline=None)
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
    ("from 8.8.4.4 and on", "IP_ADDRESS", "8.8.4.4"),
    ("from 2001:db8::1 and on", "IP_ADDRESS", "2001:db8::1"),
]
NO_MATCHES = [
    "nothing here",
    "",
    "SSN 000-12-3456, 666-12-3456, 219-00-9998, 219-09-0000",  # never issued
    "order 219099998",  # nine bare digits
    "card 4111 1111 1111 1112",  # Luhn digit
    "DE88 3704 0044 0532 0130 00",  # check digits
    "at 10:30:15 on 2024-01-31, std::vector<int> v1.2.3",
    "anna@localhost",
    "300.1.1.1",
]


@pytest.mark.parametrize(("text", "entity_type", "part"), MATCHES)
def test_personal_data_is_found_where_it_stands(detector, text, entity_type, part):
    assert [(text[f.start : f.end], f.entity_type) for f in detector.find(text)] == [(part, entity_type)]


@pytest.mark.parametrize("text", NO_MATCHES)
def test_text_without_personal_data_has_no_findings(detector, text):
    assert detector.find(text) == ()


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
    assert {f.entity_type for f in Detector(threshold=threshold).find(text)} == expected


def test_only_the_chosen_entities_are_found():
    text = "(212) 555-0147, anna@example.com"
    assert [f.entity_type for f in Detector(entities=("EMAIL_ADDRESS", "FIRST_NAME")).find(text)] == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        Detector(threshold=threshold)


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
    detector = Detector(entities=("EMAIL_ADDRESS",), threshold=0.5)
    copy = pickle.loads(pickle.dumps(detector))
    assert copy == detector
    assert copy.find("anna@example.com") == detector.find("anna@example.com")


def test_a_failed_analysis_gives_none_and_logs_nothing(caplog):
    class Failing(Detector):
        def find(self, text):
            raise RuntimeError(f"cannot read {text}")

    with caplog.at_level(logging.DEBUG):
        assert Failing().find_each(["anna@example.com"]) == {"anna@example.com": None}
    assert "anna" not in caplog.text


def test_a_search_that_presidio_cut_short_fails_instead_of_passing(detector):
    from dataclasses import replace

    hurried = replace(detector._recognizers[0], timeout_seconds=0.0)
    with pytest.raises(TimeoutError):
        hurried.find("4111 1111 1111 1111")


def test_building_a_detector_needs_no_network_and_no_torch():
    code = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError("network")
socket.socket.connect = socket.create_connection = refuse
import ss_ray.pii.detect
assert "presidio_analyzer" not in sys.modules
assert ss_ray.pii.detect.Detector().find("anna@example.com")
assert "torch" not in sys.modules
assert "transformers" not in sys.modules
import importlib.util
assert importlib.util.find_spec("torch")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
