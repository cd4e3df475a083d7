"""The lists know words that people write in small letters, and names."""

import pytest

from ss_ray.pii.text.word_lists import describe_word, english_band

WORDS = "water kitchen invoice mark will rose colour pizza gonna".split()
NAMES = "john helen mary london dhoni xqwzt".split()


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_people_write_in_small_letters_is_english_in_any_case(word):
    assert english_band(word) == english_band(word.capitalize()) == english_band(word.upper()) > 0


@pytest.mark.parametrize("word", NAMES)
def test_a_name_or_no_word_is_no_english_word(word):
    assert english_band(word) == 0


def test_a_description_names_the_lists_and_the_band():
    assert describe_word("Mary") == 1 + 2 + 4
    assert describe_word("invoice") & 7 == 0
    assert describe_word("water") >> 3 == english_band("water") == 1
    assert describe_word("xqwzt") == 0
