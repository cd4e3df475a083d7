import numpy as np

from ss_ray.evaluation.words import MAX_WORDS, occurring, read_words


def test_spans_stay_within_a_text():
    words = read_words(["a b c", "", "B c"])
    assert words.texts == 3
    assert len(words.spans(2)) == 3
    assert words.spans(2)[1] == words.spans(2)[2]
    assert len(words.spans(4)) == 0


def test_values_are_found_by_their_words_whatever_the_case():
    texts = read_words(["Write to Ann.Lee@x.org, please", "Bob went home"])
    found = occurring(["ann.lee@x.org", "ann lee", "lee ann", "bob went home", "please Bob", "!"], texts)
    assert found.tolist() == [True, True, False, True, False, False]


def test_only_the_first_words_of_a_text_are_read():
    assert len(read_words(["w " * (MAX_WORDS + 9)]).hashes) == MAX_WORDS


def test_no_text_has_no_words():
    assert len(read_words([]).spans(1)) == 0
    assert not np.any(occurring(["a"], read_words([])))
