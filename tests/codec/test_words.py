"""Only known words are written, and every text of known words can be."""

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders

from ss_ray.codec.texts import train_tokenizer
from ss_ray.codec.words import MIN_TEXTS, START, WordGuide, find_words
from ss_ray.demo import make_patients

NOTES = make_patients(300, seed=2)["note"].to_pylist()
TEXTS = [
    "The dress is lovely, I can't wait! [[person.first_name]]'s size is 12.",
    "Größe 42 passt nicht; très joli (presque parfait).",
    "Two lines:\nthe second  has two spaces.",
]


def guide_of(texts: list[str]) -> tuple[WordGuide, Tokenizer]:
    """The guide of texts, and their tokenizer."""
    tokenizer = train_tokenizer(texts, 500)
    return WordGuide(tokenizer, find_words(tokenizer, {"note": texts})["note"]), Tokenizer.from_str(tokenizer)


@pytest.mark.parametrize("text", [*TEXTS, *NOTES[:20]])
def test_a_text_of_known_words_may_be_written(text: str) -> None:
    guide, tokenizer = guide_of([other for other in (*TEXTS, *NOTES[:20]) for _ in range(MIN_TEXTS)])
    state = np.array([START])
    for piece in tokenizer.encode(text).ids:
        assert guide.allowed(state)[0, 1 + piece]
        state = guide.advance(state, np.array([piece]))
    assert guide.allowed(state)[0, 0]


def test_whatever_is_drawn_is_made_of_known_words() -> None:
    guide, tokenizer = guide_of(NOTES)
    known = set(guide.words)
    rng = np.random.default_rng(5)
    states = np.full(64, START)
    drawn: list[list[int]] = [[] for _ in states]
    for _ in range(40):
        allowed = guide.allowed(states)
        pieces = np.array([rng.choice(np.flatnonzero(row[1:])) for row in allowed])
        states = guide.advance(states, pieces)
        for row, piece in zip(drawn, pieces.tolist(), strict=True):
            row.append(piece)

    assert tokenizer.pre_tokenizer is not None
    for row in drawn:
        text = decoders.ByteLevel().decode([tokenizer.id_to_token(piece) for piece in row])
        parts = [part for part, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        # The last word may be cut where the text ends.
        assert set(parts[:-1]) <= known


def test_a_word_of_fewer_texts_is_not_known() -> None:
    texts = ["all of them say so"] * 40 + ["one says Rumpelstiltskin"] * (MIN_TEXTS - 1)
    words = find_words(train_tokenizer(texts, 300), {"note": texts})["note"]
    assert "Ġthem" in words
    assert not any("umpel" in word for word in words)


def test_texts_of_many_rare_words_are_written_freely() -> None:
    texts = [f"code {number * 7919:x} of {number * 104729:x}" for number in range(200)]
    assert find_words(train_tokenizer(texts, 300), {"note": texts})["note"] == ()


def test_a_text_may_end_at_a_word_and_not_inside_of_one() -> None:
    letters = train_tokenizer((), 256)
    guide = WordGuide(letters, ("abcd", "Ġabcd"))
    first = Tokenizer.from_str(letters).encode("a").ids[0]
    state = guide.advance(np.array([START]), np.array([first]))
    assert not guide.allowed(state)[0, 0]
    assert guide.allowed(np.array([START]))[0, 0]


def test_a_column_has_its_own_words_and_one_of_rare_words_those_of_all():
    reasons, details = ["fever and cough"] * 10, ['{"level": 1}'] * 10
    columns = {"reason": reasons, "details": details, "rare": ["zyzzy"]}
    tokenizer = train_tokenizer([*reasons, *details], 300)
    words = find_words(tokenizer, columns)
    assert not any(mark in part for part in words["reason"] for mark in '{":')
    assert any('{"' in part for part in words["details"])
    # It takes five texts of any column to know a part.
    assert set(words["rare"]) == {*words["reason"], *words["details"]}
