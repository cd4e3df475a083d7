import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.privacy.copies import count_copies, row_keys, text_copies
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def keys(*values):
    return np.array(values, dtype=np.uint64)


def test_rows_are_equal_up_to_the_sixth_digit_of_floats():
    frame = pd.DataFrame({"x": [1.0, 1.0000001, 1.001, -0.0, 0.0, np.nan, np.nan], "i": [7.0] * 7})
    columns = scored_columns(frame, make_schema(x=Kind.FLOAT, i=Kind.INTEGER), max_columns=9, seed=0)
    found = row_keys(prepare(frame, columns))
    assert found[0] == found[1] != found[2]
    assert found[3] == found[4]
    assert found[5] == found[6] != found[4]


def test_integers_are_compared_exactly():
    frame = pd.DataFrame({"i": [12345678.0, 12345679.0, 1.0]})
    columns = scored_columns(frame, make_schema(i=Kind.INTEGER), max_columns=9, seed=0)
    assert len(set(row_keys(prepare(frame, columns)))) == 3


def test_copies_beyond_chance_have_a_small_p_value():
    result = count_copies(None, keys(1, 2), keys(*range(100, 200)), keys(*[1] * 20, *range(300, 380)))
    assert result.synthetic.value == pytest.approx(0.2)
    assert result.holdout.value == 0.0
    assert result.p_value.value == pytest.approx(0.5**20)  # by hand: all 20 copies fall on one of two equal sides


def test_copies_that_chance_explains_have_a_large_one():
    result = count_copies(None, keys(1), keys(*[1, 5] * 50), keys(*[1, 6] * 50))
    assert result.p_value.value > 0.3


def test_without_holdout_training_rows_tell_what_chance_gives():
    result = count_copies(None, keys(1), None, keys(1, 2))
    assert result.synthetic.value == 0.5
    assert "no holdout" in result.holdout.reason
    common, rare = keys(*[1] * 500), keys(*range(500))
    assert count_copies(None, common, None, common).p_value.value > 0.4
    assert count_copies(None, rare, None, rare).p_value.value < 1e-12


def test_missing_texts_are_no_copies():
    texts = pd.Series(["a long remark", None, None])
    result = text_copies("remark", texts, pd.Series([None, "b"]), texts)
    assert result.synthetic.value == 1.0
    assert result.synthetic.sample_size == 1
    assert "no values" in text_copies("remark", texts, texts, pd.Series([None])).p_value.reason
