import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.texts import TextCodec, train_tokenizer
from ss_ray.schema import Kind
from tests.codec import tables as t
from tests.examples import examples

REVIEWS = pa.array(["the dress is lovely", "the dress is too small", None, ""] * 12)
CODEC = t.fit_one(Kind.TEXT, REVIEWS, max_text_tokens=64)


@examples(100)
@given(st.lists(st.one_of(st.none(), st.text(max_size=16)), min_size=1, max_size=8))
def test_any_unicode_text_that_fits_comes_back(texts: list[str | None]) -> None:
    wide = t.fit_one(Kind.TEXT, pa.array(["".join(map(chr, range(33, 98))), None]), max_text_tokens=64)  # of bytes
    assert t.there_and_back(wide, pa.array(texts, pa.string())) == texts


@examples(25)
@given(st.integers(0, 2**32))
def test_random_pieces_give_valid_strings(seed: int) -> None:
    decoded = t.decode(CODEC, t.random_tokens(CODEC.slots, 50, np.random.default_rng(seed)))
    decoded.validate(full=True)
    CODEC.schema.check(decoded)


def test_a_character_that_marks_broken_text_elsewhere_is_kept() -> None:
    assert t.there_and_back(CODEC, pa.array(["a\ufffdb"])) == ["a\ufffdb"]


def test_a_text_too_long_is_cut_and_half_a_character_is_left_out() -> None:
    codec = t.fit_one(Kind.TEXT, pa.array(["abcd"] * 3), max_text_tokens=3)
    assert t.there_and_back(codec, pa.array(["abcdef", "abä"])) == ["abc", "ab"]


def test_frequent_pieces_become_tokens_of_their_own() -> None:
    text = CODEC.columns[0]
    assert isinstance(text, TextCodec)
    assert text.num_pieces > 256
    assert text.max_tokens < len("the dress is too small")


def test_a_text_of_full_length_needs_no_end() -> None:
    codec = t.fit_one(Kind.TEXT, pa.array(["ab"] * 3), max_text_tokens=2)
    assert len(codec.slots) == 2
    assert t.there_and_back(codec, pa.array(["ab", "a", ""])) == ["ab", "a", ""]


@pytest.mark.parametrize("array", [pa.array(["", ""]), pa.array(["", None]), pa.nulls(2, pa.string())])
def test_columns_without_any_text_work(array: pa.Array) -> None:
    codec = t.fit_one(Kind.TEXT, array)
    assert len(codec.slots) == 1
    assert t.there_and_back(codec, array) == array.to_pylist()


def test_text_columns_share_one_range_but_only_nullable_ones_may_say_missing() -> None:
    a, b = pa.array(["x", "y"]), pa.array(["z", None])
    codec = t.fit(*t.table_of([(t.column_of("a", Kind.TEXT, a), a), (t.column_of("b", Kind.TEXT, b), b)]))
    first = {slot.column: slot for slot in codec.slots if slot.after is None}
    assert (first["a"].start, first["a"].stop) == (first["b"].start + 1, first["b"].stop)
    assert codec.vocabulary_size == first["a"].stop


def test_the_tokenizer_is_a_function_of_its_texts() -> None:
    texts = [text for text in REVIEWS.to_pylist() if text]
    assert train_tokenizer(texts, 300) == train_tokenizer(texts, 300)


def test_a_dictionary_with_unused_and_missing_entries_is_read_by_its_values() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([1, 2, None, 1], pa.int32()), pa.array(["unused", "a", None]))
    codec = t.fit_one(Kind.TEXT, array, nullable=True)
    assert t.there_and_back(codec, array) == ["a", None, None, "a"]


def test_a_word_that_one_text_repeats_is_no_piece() -> None:
    """A name that one row holds twenty times is not in the vocabulary, one that twenty rows hold is."""
    alone = train_tokenizer(["Oluwaseun " * 20, *["all is well here"] * 20], 512)
    shared = train_tokenizer([*["Oluwaseun is well"] * 20], 512)
    assert not any("Oluwa" in piece for piece in json.loads(alone)["model"]["vocab"])
    assert any("Oluwaseun" in piece for piece in json.loads(shared)["model"]["vocab"])


def test_a_text_that_the_column_cuts_off_is_learned_without_an_end_and_written_up_to_its_length() -> None:
    words = ["seen", "again", "today", "at", "home", "with", "her", "son"]
    drawn = np.random.default_rng(0)
    texts = [" ".join(drawn.choice(words, 20))[:60] if i % 4 else f"seen at home {i}" for i in range(200)]
    codec = t.fit_one(Kind.TEXT, pa.array(texts), max_text_tokens=64)
    column = codec.columns[0]
    assert isinstance(column, TextCodec)
    assert column.cut == 60

    tokens = codec.encode(pa.table({"x": pa.array(texts)}))
    end = column.first_token + 1
    assert [(row == end).any() for row in tokens] == [len(text) < 60 for text in texts]
    # The last word may be broken, so it is not learned.
    assert t.decode(codec, tokens).column("x").to_pylist() == [
        text if len(text) < 60 else text.rpartition(" ")[0] for text in texts
    ]
    # What is written beyond that length falls off.
    endless = replace(codec, columns=(replace(column, cut=0),))
    long = pa.array([" ".join(words * 2)])
    written = t.decode(codec, endless.encode(pa.table({"x": long}))).column("x").to_pylist()
    assert written == [t.there_and_back(endless, long)[0][:60]]
