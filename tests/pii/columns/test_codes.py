"""Columns of codes: what they are, and when they are replaced as a whole."""

import random
import string

import pytest

from ss_ray.pii.columns.codes import holds_words, is_certain, judge_codes
from ss_ray.pii.text.detect import Detector


def of(alphabet: str, length: int, count: int = 100) -> list[str]:
    draw = random.Random(length)
    return ["".join(draw.choice(alphabet) for _ in range(length)) for _ in range(count)]


CODES = {
    "sequences": of("ACGT", 14),
    "answers": of("ABCD", 9),
    "tickers": of(string.ascii_uppercase, 4),
    "random words": of(string.ascii_lowercase, 8),
    "bookings": of(string.ascii_uppercase + string.digits, 6),
    "intervals": [f"[{low}, {low + 17}]" for low in range(100)],
    "doses": [f"{low}.5mg" for low in range(100)],
}
OTHERS = {
    "surnames in capitals": "LOPEZ SMITH WEBER GARCIA MILLER JONES BROWN PATEL NGUYEN SCHMIDT".split(),
    "words": [f"{word} {place}" for word in ("knee", "elbow") for place in ("left", "right", "both", "upper", "lower")],
    "first names": "Maria Anna Emil Clara Jonas Felix Laura David Peter Simon".split() * 3,
    "few": ["A1", "B2"],
    "mails": [f"{name}{i}@example.org" for i, name in enumerate("abcdefghij")],
}


@pytest.fixture(scope="module")
def judged():
    patterns = Detector(ner_model=None)

    def judge(values):
        typing = judge_codes(values, patterns.find_each(values))
        return typing and typing.entity_type

    return judge


@pytest.mark.parametrize("name", CODES)
def test_codes_of_any_kind_are_known(judged, name):
    assert judged(CODES[name]) == "CODES"


@pytest.mark.parametrize("name", OTHERS)
def test_names_words_and_columns_of_findings_are_no_codes(judged, name):
    assert judged(OTHERS[name]) is None


def test_numbers_of_which_some_pass_for_cards_are_replaced_as_a_whole(judged):
    draw = random.Random(3)
    numbers = [f"4{draw.randrange(10**15):015d}" for _ in range(200)]
    assert judged(numbers) == "UNIQUE_ID"


def test_a_form_that_nothing_has_by_chance_is_certain():
    detector = Detector(ner_model=None)
    for text, certain in {"X9 anna@example.org": True, "4111 1111 1111 1111": True, "2125550147": False}.items():
        assert {is_certain(finding, text) for finding in detector.find(text)} == {certain}


def test_a_note_in_a_column_of_codes_holds_words():
    assert holds_words("see Maria Lopez")
    assert not holds_words("CADBDA")
    assert not holds_words("GATTACA TACAGATTA")
