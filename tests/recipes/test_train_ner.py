"""Texts in which only some labels are known teach nothing about the others."""

import random
from itertools import islice

import numpy as np
import pytest

from recipes.documents import Document

EXTRA = "needs the extra `recipes`"
train_ner = pytest.importorskip("recipes.train_ner", reason=EXTRA)
sentences_real = pytest.importorskip("recipes.sentences_real", reason=EXTRA)
sentences_slots = pytest.importorskip("recipes.sentences_slots", reason=EXTRA)
LABELS, OPEN, UNKNOWN = train_ner.LABELS, train_ner.OPEN, train_ner.UNKNOWN

PARTIAL = Document("I met Ann Lee @foo in Rome, see #x", ((6, 13, "PERSON"), (22, 26, "LOCATION")), is_partial=True)
PERSON, LOCATION = (2 * LABELS.index(label) + 1 for label in ("PERSON", "LOCATION"))


def test_a_word_without_label_is_open_in_a_partial_text_and_unknown_in_an_account():
    _, tags = train_ner.tagged(PARTIAL)
    assert tags.tolist()[:8] == [OPEN, OPEN, PERSON, PERSON + 1, UNKNOWN, UNKNOWN, OPEN, LOCATION]
    assert tags.tolist()[8:] == [OPEN, OPEN, UNKNOWN, UNKNOWN]
    _, tags = train_ner.tagged(Document(PARTIAL.text, PARTIAL.spans))
    assert set(tags.tolist()) == {0, PERSON, PERSON + 1, LOCATION}


def test_a_span_that_may_be_a_name_is_unknown():
    document = Document("ask hazel or Ann", ((4, 9, "UNSURE"), (13, 16, "PERSON")), is_partial=True)
    _, tags = train_ner.tagged(document)
    assert tags.tolist() == [OPEN, UNKNOWN, OPEN, PERSON]


def test_forgotten_lists_leave_the_other_inputs():
    words, _ = train_ner.tagged(Document("water " * 400, ()))
    forgotten = train_ner.forget_lists(words.copy(), random.Random(1))
    assert (forgotten[:, :5] == words[:, :5]).all()
    assert 10 < (forgotten[:, 5] == 0).sum() < 100


def test_training_starts_from_the_weights_of_a_trained_pipeline():
    trained, fresh = (train_ner.blank_pipeline(8, 2) for _ in range(2))
    weights = train_ner._tagger(trained).model.layers[-1].layers[0]
    weights.set_param("b", np.arange(23, dtype=np.float32))
    texts = ["Ann met Bo.", "see the kitchen"]
    before = list(train_ner.read(fresh, texts, 2))
    train_ner.start_from(fresh, trained)
    assert list(train_ner.read(fresh, texts, 2)) == list(train_ner.read(trained, texts, 2)) != before


def test_the_gradient_is_that_of_the_loss():
    scores = np.random.default_rng(0).normal(size=(4, 1 + 2 * len(LABELS)))
    tags = np.array([OPEN, UNKNOWN, 0, PERSON])
    _, gradient = train_ner._gradient(scores.astype(np.float32), tags)
    step = 1e-4
    for row in range(len(tags)):
        for tag in (0, PERSON, 2 * len(LABELS)):
            moved = [scores.copy(), scores.copy()]
            moved[0][row, tag] += step
            moved[1][row, tag] -= step
            slope = (train_ner._gradient(moved[0], tags)[0] - train_ner._gradient(moved[1], tags)[0]) / (2 * step)
            assert gradient[row, tag] == pytest.approx(slope, abs=1e-3)
    assert np.abs(gradient[1]).max() < 1e-6


def test_an_open_word_may_have_any_label_that_nobody_looked_for():
    likely = np.full((2, 1 + 2 * len(LABELS)), -9.0, dtype=np.float32)
    likely[0, 2 * LABELS.index("AGE") + 1] = 9
    likely[1, PERSON] = 9
    tags = np.array([OPEN, OPEN])
    assert train_ner._gradient(likely[:1], tags[:1])[0] == pytest.approx(0, abs=1e-3)
    assert train_ner._gradient(likely[1:], tags[1:])[0] > 5


def test_masks_become_names_in_the_case_of_their_text():
    stock = sentences_slots.make_stock(1)
    source = [Document("i think [NAME] is right", ((8, 14, "PERSON"),))]
    made = list(islice(sentences_real.real_documents([source], stock, random.Random(1)), 60))
    names = [document.text[start:end] for document in made for start, end, _ in document.spans[:1]]
    assert "[NAME]" not in names
    assert len(set(names)) > 20
    assert sum(name.islower() for name in names) > 20


def test_names_are_changed_and_spans_move_with_them():
    stock = sentences_slots.make_stock(1)
    source = [
        Document("Ann Lee of Acme lives in Rome.", ((0, 7, "PERSON"), (11, 15, "ORGANIZATION"), (25, 29, "LOCATION")))
    ]
    made = list(islice(sentences_real.real_documents([source], stock, random.Random(1)), 60))
    names = {document.text[start:end].lower() for document in made for start, end, _ in document.spans[:1]}
    assert len(names) > 20
    assert "ann lee" in names
    for document in made:
        assert document.is_partial
        assert [label for *_, label in document.spans[:3]] == ["PERSON", "ORGANIZATION", "LOCATION"]
        start, end, _ = document.spans[0]
        assert document.text[end:].lower().startswith(" of ")
        assert document.text[:start] == ""
