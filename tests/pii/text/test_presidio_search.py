"""Searches without explanations find what Presidio's recognizers find."""

import pytest
from presidio_analyzer import predefined_recognizers as presidio

from ss_ray.pii.text.presidio_search import lean_search

TEXTS = [
    "Card 4539 5787 6362 1486 and 4539 5787 6362 1487, SSN 219-09-9998, 000-12-3456, 219099998.",
    "Call (212) 555-0187 or +44 20 7946 0958; ext. 12, room 2125550187.",
    "Ping fe80::1 and 10.0.0.256 from 192.168.10.4, see AA:BB:CC:DD:EE:FF.",
    "On 2024-02-29, 31/02/2023 and 3 May; write to ann@example.com or a@b.",
    "Nothing is here.",
]
KINDS = [
    presidio.CreditCardRecognizer,
    presidio.UsSsnRecognizer,
    presidio.IpRecognizer,
    presidio.MacAddressRecognizer,
    presidio.DateRecognizer,
    presidio.EmailRecognizer,
]


def _best_spans(found):
    """Score of each span, without spans inside of others that are as certain."""
    spans = {(f.start, f.end): f.score for f in sorted(found, key=lambda f: f.score)}
    return {
        (start, end): score
        for (start, end), score in spans.items()
        if not any(s <= start and end <= e and (s, e) != (start, end) and spans[s, e] >= score for s, e in spans)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_and_validators_give_the_same_spans_and_scores(kind):
    recognizer = kind()
    search = lean_search(recognizer)
    assert search is not recognizer
    for text in TEXTS:
        expected = _best_spans(recognizer.analyze(text, recognizer.supported_entities))
        assert _best_spans(search.analyze(text, search.supported_entities)) == expected


def test_phone_numbers_of_all_regions_are_the_same():
    recognizer = presidio.PhoneRecognizer(supported_regions=("US", "GB"))
    found = [recognizer.analyze(text, ["PHONE_NUMBER"]) for text in TEXTS]
    assert any(found)
    search = lean_search(recognizer)
    assert [_best_spans(search.analyze(text, ())) for text in TEXTS] == [_best_spans(spans) for spans in found]


def test_a_recognizer_with_a_search_of_its_own_stays():
    recognizer = presidio.IbanRecognizer()
    assert lean_search(recognizer) is recognizer
