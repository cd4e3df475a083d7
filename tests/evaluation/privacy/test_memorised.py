import time

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.privacy.memorised import MAX_SPAN, longest_spans, memorised_texts


def texts(rows, seed, words=20):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in rng.integers(0, 300, words)) for _ in range(rows)]


def slow_longest(text, known):
    """Every run of words of the text, looked for in every known text."""
    words = text.split()
    runs = {(i, j) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    padded = [f" {k} " for k in known]
    return max((j - i for i, j in runs if any(f" {' '.join(words[i:j])} " in k for k in padded)), default=0)


def test_spans_are_those_of_a_full_search():
    known, queries = texts(30, 1, words=40), texts(30, 2, words=40)
    queries[0] = "new " + " ".join(known[3].split()[5:17]) + " end"
    queries[1], queries[2] = known[4], "nothing shared"
    assert longest_spans(queries, known).tolist() == [slow_longest(q, known) for q in queries]


def test_spans_do_not_cross_texts_and_are_cut():
    assert longest_spans(["a b c d"], ["a b", "c d"]).tolist() == [2]
    long = " ".join(f"w{i}" for i in range(MAX_SPAN + 20))
    assert longest_spans([long, ""], [long]).tolist() == [MAX_SPAN, 0]


def test_replayed_texts_are_memorised():
    train, holdout, made = (pd.Series(texts(300, s)) for s in (1, 2, 3))
    honest = memorised_texts("note", train, holdout, made, seed=0)
    assert honest.synthetic.value == honest.holdout.value == 0.0
    assert honest.bar.value == 7
    assert honest.p_value.value == 1.0
    made[:30] = train[:30]
    leaking = memorised_texts("note", train, holdout, made, seed=0)
    assert leaking.synthetic.value == pytest.approx(0.1)
    assert leaking.p_value.value < 1e-3
    assert leaking.spans.largest.value == 20


def test_phrases_that_all_texts_share_are_not_memorised():
    phrase = "this is the standard clause that every letter of the company ends with "
    train, holdout, made = (pd.Series([phrase + t for t in texts(300, s)]) for s in (1, 2, 3))
    found = memorised_texts("note", train, holdout, made, seed=0)
    assert found.spans.median.value >= 13
    assert found.bar.value > 12
    assert found.p_value.value > 0.05


def test_every_gap_has_a_reason():
    some, none = pd.Series(["one text"]), pd.Series([None, None], dtype=object)
    assert "no texts" in memorised_texts("t", some, some, none, seed=0).synthetic.reason
    assert "no texts" in memorised_texts("t", none, some, some, seed=0).synthetic.reason
    assert "no holdout" in memorised_texts("t", some, None, some, seed=0).p_value.reason
    assert "holdout has no texts" in memorised_texts("t", some, none, some, seed=0).p_value.reason
    assert memorised_texts("t", some, some, some, seed=0).p_value.value == 1.0


def test_two_thousand_texts_take_less_than_a_second():
    train, holdout, made = (pd.Series(texts(2000, s)) for s in (1, 2, 3))
    start = time.process_time()
    memorised_texts("note", train, holdout, made, seed=0)
    assert time.process_time() - start < 2.0
